//! What the tests share: the samples, small campaigns, and a message diary to compare.

pub mod fixtures;

pub use fixtures::MONDAY;

use dripline::domain::base::primitives::{Millis, Span};
use dripline::domain::campaign::Compiled;
use dripline::domain::campaign_file;
use dripline::domain::contact::message::CapturedMessage;
use dripline::domain::engine::Submitted;
use dripline::domain::inbound::custom_event::CustomEvent;
use dripline::domain::publication::validate::references;
use dripline::domain::template::TemplateSource;
use dripline::flows::ingest::form::{self, Checked};
use dripline::flows::ports::Database;
use dripline::flows::tasks::Intake;
use dripline::native::project;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::{World, block_on};
use dripline::store::statement::Statement;
use fixtures::CAMPAIGN;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

/// The sample campaigns, compiled once for all tests.
pub fn samples() -> Vec<Compiled> {
    static SAMPLES: OnceLock<Vec<Compiled>> = OnceLock::new();
    let load = || project::load(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    SAMPLES.get_or_init(load).clone()
}

/// A world on that Monday with one of the sample campaigns live.
pub fn sample_world(id: &str) -> World {
    let all = samples().into_iter();
    World::new(MONDAY, 1, all.filter(|sample| sample.campaign.id.0 == id).collect()).unwrap()
}

/// A world on that Monday with one small campaign live.
pub fn world(parts: &str) -> World {
    World::new(MONDAY, 1, vec![campaign(parts)]).unwrap()
}

/// A campaign `c` with these parts of a file; every template that it names is a plain one.
pub fn campaign(parts: &str) -> Compiled {
    let text = format!("{CAMPAIGN}\n{parts}");
    let campaign = campaign_file::read("c.toml", &text)
        .unwrap_or_else(|problems| panic!("{}", diagnosis(&problems)));
    let names = references(&campaign).into_iter().map(|(_, name)| name);
    let templates: BTreeMap<_, _> = names.map(|name| (name.clone(), plain(&name))).collect();
    Compiled { campaign, templates }
}

fn diagnosis(problems: &[campaign_file::Diagnostic]) -> String {
    problems.iter().map(|problem| format!("{problem:?}\n")).collect()
}

fn plain(name: &str) -> TemplateSource {
    let html = "<html><body><p>{{first_name}}</p><a href=\"{{base_url}}/more\">More</a>\
                <a href=\"{{unsubscribe_url}}\">Stop</a></body></html>";
    match name.split_once('/') {
        Some(("emails", _)) => TemplateSource::Email {
            subject: name.to_owned(),
            preheader: String::new(),
            html: html.to_owned(),
            text: "Stop: {{unsubscribe_url}}".to_owned(),
        },
        Some(("sms", _)) => TemplateSource::Sms(name.to_owned()),
        _ => TemplateSource::Page("<html lang=\"en\"><body>{{{form}}}</body></html>".to_owned()),
    }
}

/// A page `/p` with a form `f` that asks for an address and for consent.
pub const FORM: &str = r#"
    [page.p]
    path = "/p"
    template = "pages/p"
    title = "P"
    form = "f"
    [form.f]
    fields = [{ name = "email", type = "email" }, { name = "phone", type = "tel", region = "GB" },
              { name = "first_name", type = "text" }]
    consent = { purpose = "news", channels = ["email", "sms"], text = "Write to me." }
"#;

/// The address of the contact that most tests are about.
pub const ANN: &str = "ann@example.com";

/// A journey `j` that a submission of `FORM` enters, with one message.
pub const WELCOME: &str = r#"
    [journey.j]
    enter = { form = "f" }
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
"#;

/// The parts of a campaign file in which a step is one line: `id: key = value; key = value`, below
/// the `[journey.name]` that it belongs to. All other lines stay as they are.
pub fn with_steps(parts: &str) -> String {
    let mut text = String::new();
    let mut journey = "";
    for line in parts.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("[journey.") {
            journey = rest.trim_end_matches(']');
        }
        match line.split_once(": ") {
            Some((id, keys)) if !line.starts_with('[') && !id.contains(' ') => {
                text.push_str(&format!("[[journey.{journey}.step]]\nid = \"{id}\"\n"));
                text.push_str(&keys.replace("; ", "\n"));
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The fields of `FORM` of a visitor who consents.
pub const fn agrees(email: &str) -> [(&str, &str); 2] {
    [("email", email), ("consent", "on")]
}

/// Submits `FORM` for a visitor who consents.
pub fn join(world: &mut World, email: &str) {
    world.submit("/p", &agrees(email)).unwrap();
}

/// The subjects of the messages to an address, in order.
pub fn subjects(world: &World, email: &str) -> Vec<String> {
    world.inbox(email).into_iter().map(|message| message.subject).collect()
}

/// One line per message: time, channel, address, content.
pub fn diary(mails: &[CapturedMessage]) -> String {
    let line = |mail: &CapturedMessage| {
        let what = if mail.subject.is_empty() { &mail.text } else { &mail.subject };
        format!("{} {} {} | {what}", mail.at.rfc3339(), mail.channel, mail.address)
    };
    mails.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The rows that a query returns.
pub fn rows(db: &Sqlite, sql: &str) -> Vec<Value> {
    rows_of(db, Statement { sql: sql.to_owned().into(), params: Vec::new() })
}

/// The rows that a statement returns.
pub fn rows_of(db: &Sqlite, statement: Statement) -> Vec<Value> {
    let rows = block_on(db.batch(vec![statement])).unwrap();
    rows[0].all().unwrap_or_default()
}

/// The single number that a query returns.
pub fn number(db: &Sqlite, sql: &str) -> i64 {
    let rows = rows(db, sql);
    let row = rows[0].as_object().unwrap();
    row.values().next().unwrap().as_i64().unwrap_or(0)
}

/// The names of a contact's events in order, found by e-mail address.
pub fn history(db: &Sqlite, email: &str) -> Vec<String> {
    let sql = format!(
        "SELECT e.name FROM events e JOIN contacts c ON c.id = e.contact_id
          WHERE c.email = '{email}' ORDER BY e.seq"
    );
    rows(db, &sql).iter().map(|row| row["name"].as_str().unwrap_or("").to_owned()).collect()
}

/// An order that the customer's own system reports now.
pub fn order(world: &World, email: &str, minor: i64, currency: &str, key: &str) -> Intake {
    let properties = json!({ "value_minor": minor, "currency": currency });
    report(world.now(), email, "order.completed", properties, key)
}

/// An event that the customer's own system reports.
pub fn report(at: Millis, email: &str, name: &str, properties: Value, key: &str) -> Intake {
    Intake::CustomEventV1 {
        email: Some(email.to_owned()),
        phone: None,
        external_id: None,
        contact_id: None,
        event: CustomEvent {
            name: name.to_owned(),
            at,
            properties: properties.as_object().cloned().unwrap_or_default(),
            key: key.to_owned(),
            content: None,
        },
    }
}

/// The form of the page `/p`, shown, filled in and accepted.
pub fn submission(world: &mut World, fields: &[(&str, &str)]) -> Submitted {
    submission_at(world, "/p", fields)
}

/// The form of a page, shown, filled in and accepted.
pub fn submission_at(world: &mut World, path: &str, fields: &[(&str, &str)]) -> Submitted {
    let (form_id, answer) = world.fill_in(path, "", fields).unwrap();
    let (version, form) = world.catalog.form(&form_id).unwrap();
    let now = world.now().plus(Span::seconds(10));
    match form::check(version, &form_id, form, &answer, "o", &world.settings, now) {
        Checked::Good(submitted) => *submitted,
        other => panic!("{other:?}"),
    }
}
