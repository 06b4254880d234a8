//! Measures the speed of rendering mails: subject, HTML and text of 10,000 contacts, with signed
//! links and the pixel, as in a delivery; and of compiling MJML to HTML. The last line is the
//! report. `templates.json` in the folder `build` is the input for the peers in Node.
//!
//! Run it with `make bench-templates`; `MAILS=1000 ROUNDS=3 make bench-templates` is short.

#[path = "../tests/native/support/fixtures.rs"]
#[allow(dead_code, reason = "shared with the tests and the other benchmarks")]
mod fixtures;

use dripline::domain::base::primitives::{EnrollmentId, Ids, MessageId, RecordId};
use dripline::domain::contact::Contact;
use dripline::domain::contact::message::Message;
use dripline::domain::contact::message_source::{MessageSource, StepContent, StepSource};
use dripline::domain::publication::catalog::PublishedVersion;
use dripline::domain::template::{TemplateSource, compile_mjml, expand};
use dripline::flows::send::render::compose;
use dripline::flows::settings::Settings;
use dripline::native::clock::Stopwatch;
use dripline::native::project::{self, Folder};
use dripline::providers::Content;
use fixtures::MONDAY;
use serde_json::{Value, json};
use std::error::Error;
use std::fs;
use std::path::Path;

const CAMPAIGN: &str = "spring-webinar";
const MAIL: &str = "emails/webinar-welcome";
/// The number of mails that are compared byte by byte: each name with and without a question.
const MAILS_COMPARED: usize = 24;
const NAMES: [&str; 8] = ["Ada", "Grace", "Linus", "晓雯", "Zoë", "Olu", "Søren", ""];

fn main() -> Result<(), Box<dyn Error>> {
    let number = |name: &str, default: usize| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (mails, rounds) = (number("MAILS", 10_000), number("ROUNDS", 7));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join(format!("campaigns/{CAMPAIGN}.toml"));
    let compiled = project::load_campaign(&file).map_err(|found| format!("{found:?}"))?;
    let mjml = bodies(root)?;
    let version = PublishedVersion::new(1, MONDAY, compiled);
    let settings = settings()?;
    let people = people(mails);

    let mut bytes = 0;
    let render = median(rounds, || {
        bytes = people.iter().map(|person| rendered(&version, person, &settings)).sum::<usize>();
    });
    let mut html = 0;
    let compile = median(rounds, || {
        let one = |source: &String| compile_mjml(source).map_or(0, |html| html.len());
        html = (0..20).map(|_| mjml.iter().map(one).sum::<usize>()).sum::<usize>();
    });
    write_material(root, &version, &people, &settings, &mjml)?;
    let bodies = mjml.len() * 20;
    let report = json!({
        "mails": mails, "rounds": rounds, "bytes": bytes,
        "mails_per_second": (mails as f64 / render).round(),
        "mjml_bodies_per_second": (bodies as f64 / compile).round(), "mjml_html_bytes": html / 20,
    });
    println!("{report}");
    Ok(())
}

/// Returns the bodies of the samples' e-mails, with their layouts.
fn bodies(root: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let folder = Folder::open(root.join("templates"));
    let (_, pieces) = folder.shared();
    let mut bodies = Vec::new();
    for campaign in ["spring-webinar", "white-paper"] {
        let file = root.join(format!("campaigns/{campaign}.toml"));
        let compiled = project::load_campaign(&file).map_err(|found| format!("{found:?}"))?;
        for name in compiled.templates.keys().filter(|name| name.starts_with("emails/")) {
            let body = fs::read_to_string(folder.file_of(name, "html"))?;
            bodies.push(expand(name, &body, &pieces)?.text);
        }
    }
    Ok(bodies)
}

struct Person {
    contact: Contact,
    message: Message,
}

fn people(count: usize) -> Vec<Person> {
    let mut ids = Ids::new(MONDAY, 1);
    let person = |at: usize| {
        let id = RecordId(ids.uuid());
        let mut contact = Contact::unknown(id.clone(), MONDAY);
        contact.email = Some(format!("person{at}@example.com"));
        contact.locale = Some("en".to_owned());
        let name = NAMES[at % NAMES.len()];
        if !name.is_empty() {
            contact.set_attribute("first_name", name.into());
        }
        if at.is_multiple_of(3) {
            contact.set_attribute("question", "What about joins?".into());
        }
        for (name, value) in [("role", "architect"), ("country", "GB"), ("stage", "new")] {
            contact.set_attribute(name, value.into());
        }
        let source = MessageSource::Step(StepSource {
            enrollment: EnrollmentId(ids.uuid()),
            journey: String::new(),
            step: String::new(),
            purpose: String::new(),
            content: StepContent::Template(MAIL.to_owned()),
        });
        let message = Message::queue(MessageId(ids.uuid()), id, CAMPAIGN.into(), 1, source, MONDAY);
        Person { contact, message }
    };
    (0..count).map(person).collect()
}

fn settings() -> Result<Settings, String> {
    Settings::read(|name| match name {
        "BASE_URL" => Some("https://go.example.com".to_owned()),
        "SIGNING_SECRET" => Some("a secret of the benchmark, long enough".to_owned()),
        "MAIL_FROM" => Some("Mara <mara@example.com>".to_owned()),
        _ => None,
    })
}

/// Composes one mail: its subject, HTML and text.
fn mail(version: &PublishedVersion, person: &Person, settings: &Settings) -> [String; 3] {
    let to = person.contact.email.clone().unwrap_or_default();
    let composed = compose(version, &person.contact, &person.message, to, settings);
    match composed.map(|composed| composed.outgoing.content) {
        Ok(Content::Email { subject, html, text, .. }) => [subject, html, text],
        _ => Default::default(),
    }
}

/// Composes one mail and returns its length.
fn rendered(version: &PublishedVersion, person: &Person, settings: &Settings) -> usize {
    mail(version, person, settings).iter().map(String::len).sum()
}

/// Returns the median duration of several rounds, after one warm-up round, in seconds.
fn median(rounds: usize, mut work: impl FnMut()) -> f64 {
    work();
    let mut seconds: Vec<f64> = (0..rounds)
        .map(|_| {
            let watch = Stopwatch::start();
            work();
            watch.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Writes the input for the peers: the same templates, contacts and MJML, and the expected first
/// mails.
fn write_material(
    root: &Path,
    version: &PublishedVersion,
    people: &[Person],
    settings: &Settings,
    mjml: &[String],
) -> Result<(), Box<dyn Error>> {
    let Some(TemplateSource::Email { subject, html, text, .. }) =
        version.compiled.templates.get(MAIL)
    else {
        return Err("the sample has no such mail".into());
    };
    let contact = |person: &Person| -> Value {
        let Person { contact, message } = person;
        json!({ "id": contact.id, "message": message.id, "email": contact.email,
                "attributes": contact.attributes })
    };
    let composed = |person: &Person| -> Value {
        let [subject, html, text] = mail(version, person, settings);
        json!({ "subject": subject, "html": html, "text": text })
    };
    let campaign = &version.compiled.campaign;
    let material = json!({
        "subject": subject, "html": html, "text": text, "mjml": mjml,
        "people": people.iter().map(contact).collect::<Vec<_>>(),
        "rendered": people.iter().take(MAILS_COMPARED).map(composed).collect::<Vec<_>>(),
        "campaign": { "id": campaign.id, "name": campaign.name,
                      "postal_address": campaign.postal_address },
        "base_url": "https://go.example.com",
    });
    let folder = root.join("bench/build");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("templates.json"), material.to_string())?;
    Ok(())
}
