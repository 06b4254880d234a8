//! A preview of a whole message, which `dripline render` writes into a folder: as it appears on a
//! desktop and a phone, as plain text, or as an SMS.

use super::server::Server;
use super::{Exit, Terminal, counted};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Millis, RecordId};
use crate::domain::campaign::Compiled;
use crate::domain::contact::Contact;
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::sms::settings::SmsPreview;
use crate::flows::send::preview::MessageRequest;
use crate::flows::send::render::{Shown, leaving, show};
use crate::flows::settings::Settings;
use crate::native::project::{campaign_files, load_campaign};
use crate::views::preview::{Sheet, preview_file};
use serde_json::{Map, Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The options of a preview.
pub(super) struct Wanted<'w> {
    /// The message's folder or file, under `templates/`.
    pub path: &'w Path,
    /// The contact's data, if they come from a file.
    pub data: Value,
    /// The language, if not the contact's.
    pub locale: Option<&'w str>,
    /// For a preview from a server: the server, the campaign and the contact.
    pub remote: Option<(&'w Server, &'w str, Option<&'w str>)>,
    /// The output folder.
    pub folder: &'w Path,
    pub json: bool,
}

/// Renders the message, writes the files, and prints their paths.
pub(super) fn run(wanted: &Wanted, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Some(name) = name_of(wanted.path) else {
        let path = wanted.path.display();
        return terminal
            .usage(format!("{path}: a message is in templates/emails or templates/sms"));
    };
    let shown = match wanted.remote {
        Some((server, campaign, contact)) => {
            remote(server, campaign, &name, contact, wanted.locale)
        }
        None => local(wanted, &name),
    };
    let shown = match shown {
        Ok(shown) => shown,
        Err(problem) if wanted.json => {
            writeln!(terminal.out, "{}", json!({ "ok": false, "problem": problem }))?;
            return Ok(Exit::Wrong);
        }
        Err(problem) => {
            writeln!(terminal.err, "{problem}")?;
            return Ok(Exit::Wrong);
        }
    };
    let files = match write(wanted.folder, &shown) {
        Ok(files) => files,
        Err(error) => {
            return terminal.usage(format!("{}: {error}", wanted.folder.display()));
        }
    };
    let paths = files.iter().map(|file| file.display().to_string());
    match wanted.json {
        true => {
            let files: Vec<String> = paths.collect();
            let Shown { template, subject, preheader, sms, .. } = &shown;
            let mut answer = json!({ "ok": true, "files": files, "template": template,
                                     "subject": subject, "preheader": preheader });
            if let Some(sms) = sms {
                answer["sms"] = json!(sms);
            }
            writeln!(terminal.out, "{answer}")?;
        }
        false => {
            paths.into_iter().try_for_each(|path| writeln!(terminal.out, "{path}"))?;
            if let Some(sms) = &shown.sms {
                print_sms(sms, terminal)?;
            }
        }
    }
    Ok(Exit::Ok)
}

/// Prints an SMS's size and cost to stderr, beside the output proper.
pub(super) fn print_sms(sms: &SmsPreview, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let SmsPreview { to, encoding, units, segments, free, links, .. } = sms;
    let cost = sms.cost().unwrap_or_else(|| "no price is set".to_owned());
    let segments = counted(*segments, "segment");
    writeln!(terminal.err, "to {to}: {encoding}, {units} units, {segments}, {free} free; {cost}")?;
    if sms.is_too_long {
        writeln!(terminal.err, "It has more segments than allowed, and would not be sent.")?;
    }
    for (code, target) in links {
        writeln!(terminal.err, "{code}: {target}")?;
    }
    Ok(())
}

/// Renders an SMS of the project on disk as it would be sent; `None` if no campaign sends it.
pub(super) fn leaving_of(path: &Path, data: &Value) -> Option<SmsPreview> {
    let name = name_of(path).filter(|name| name.starts_with("sms/"))?;
    let published = PublishedVersion::new(0, Millis(0), campaign_of(path, &name).ok()?);
    let contact = data.as_object().map(contact);
    leaving(&published, contact.as_ref(), &name, &name, data, &settings().ok()?).ok()
}

/// Returns `emails/welcome` for `…/templates/emails/welcome`, or for one of its files.
pub(super) fn name_of(path: &Path) -> Option<String> {
    let text = path.to_string_lossy().replace('\\', "/");
    let at = text.rfind("templates/").map_or(0, |at| at + "templates/".len());
    let name = text[at..].trim_end_matches('/');
    let name = match name.strip_prefix("emails/") {
        Some(_) if name.ends_with(".hbs") => name.rsplit_once('/').map_or(name, |(name, _)| name),
        Some(_) => name,
        None => name.strip_suffix(".hbs")?,
    };
    let is_message = name.starts_with("emails/") || name.starts_with("sms/");
    is_message.then(|| name.to_owned())
}

fn remote(
    server: &Server,
    campaign: &str,
    name: &str,
    contact: Option<&str>,
    locale: Option<&str>,
) -> Result<Shown, String> {
    let asked = MessageRequest {
        template: name.to_owned(),
        contact: contact.map(str::to_owned),
        locale: locale.map(str::to_owned),
        to: None,
    };
    let answer = server.post(&format!("/api/v1/campaigns/{campaign}/preview"), &asked);
    answer.map(|answer| answer.value).map_err(|failure| {
        let problems = failure.problems.iter().map(|problem| format!("\n  {problem}"));
        format!("{}{}", failure.message, problems.collect::<String>())
    })
}

/// Renders the message of the project on disk, from the first campaign that sends it.
fn local(wanted: &Wanted, name: &str) -> Result<Shown, String> {
    let published = PublishedVersion::new(0, Millis(0), campaign_of(wanted.path, name)?);
    let settings = settings()?;
    let contact = match &wanted.data {
        Value::Null => None,
        Value::Object(data) => Some(contact(data)),
        _ => return Err("the data is no JSON object".to_owned()),
    };
    show(&published, contact.as_ref(), name, wanted.locale, &settings)
        .map_err(|error| error.to_string())
}

/// The settings of a fictitious server: a preview signs nothing and sends nothing.
fn settings() -> Result<Settings, String> {
    Settings::read(|name| match name {
        "BASE_URL" => Some("https://go.example.com".to_owned()),
        "SIGNING_SECRET" => Some("a preview signs nothing, and has to have one".to_owned()),
        "MAIL_FROM" => Some("preview@example.com".to_owned()),
        _ => None,
    })
}

fn campaign_of(path: &Path, name: &str) -> Result<Compiled, String> {
    let templates = path.ancestors().find(|folder| folder.ends_with("templates"));
    let root = templates.and_then(Path::parent).unwrap_or(Path::new(""));
    let files = campaign_files(&root.join("campaigns"))?;
    let mut first = None;
    for file in files {
        match load_campaign(&file) {
            Ok(compiled) if compiled.templates.contains_key(name) => return Ok(compiled),
            Ok(_) => {}
            Err(found) => {
                first = first.or(found.into_iter().next());
            }
        }
    }
    Err(match first {
        Some(problem) => format!("{}:{}: {}", problem.file, problem.line, problem.message),
        None => format!("no campaign sends `{name}`"),
    })
}

/// Makes a contact from a file's data.
fn contact(data: &Map<String, Value>) -> Contact {
    let mut contact = Contact::unknown(RecordId::from("preview"), Millis(0));
    let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
    (contact.email, contact.phone) = (text("email"), text("phone"));
    contact.external_id = text("external_id");
    contact.score = data.get("score").and_then(Value::as_i64).unwrap_or_default();
    for (name, value) in data {
        contact.set_attribute(name, value.clone());
    }
    contact
}

fn write(folder: &Path, shown: &Shown) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let Shown { template, subject, preheader, html, text, sms, .. } = shown;
    let leaf = template.split_once('/').map_or(template.as_str(), |(_, leaf)| leaf);
    let leaf = leaf.replace('/', ".");
    let sheet = Sheet { template, subject, preheader, html, text, sms: sms.as_ref() };
    let mut files = vec![
        (folder.join(format!("{leaf}.preview.html")), preview_file(sheet, Language::English)),
        (folder.join(format!("{leaf}.txt")), text.clone()),
    ];
    if !html.is_empty() {
        files.push((folder.join(format!("{leaf}.html")), html.clone()));
    }
    for (path, text) in &files {
        fs::write(path, text)?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}
