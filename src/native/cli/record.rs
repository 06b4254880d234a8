//! `dripline record`: lists, shows, explains, makes, edits and erases records of any kind.
//! Companies and merging are in `companies`.

use super::explain;
use super::server::{Answer, Server};
use super::table::Table;
use super::{Exit, Terminal, companies};
use serde_json::{Map, Value, json};
use std::io;

/// List, show, explain, make, edit, merge or erase records: contacts, companies, your own kinds
///
/// A filter is a rule as in a campaign file, as JSON.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline record ls company --filter '{\"attribute\": \"industry\", \"is\": \"optics\"}'
  dripline record show company 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d
  dripline record explain company 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d
  dripline record add company --set name=Larkspan --set domain=larkspan.example
  dripline record edit company 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d --set industry=optics
  dripline record erase company 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d
  dripline record people 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d
  dripline record join 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d ann@larkspan.example --role buyer
  dripline record merge company 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d \\
    019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3e

Exit status: 0 shown or done, 1 the server refused or it was not confirmed, 2 usage.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What can be done with records.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// List records, newest first
    Ls(Listing),
    /// Show a record with its log
    Show(One),
    /// Explain why a record that is no contact is where it is
    Explain(One),
    /// Make a record
    Add(Adding),
    /// Set fields of a record
    Edit(Editing),
    /// Erase a record that is no contact, for good
    Erase(Erasing),
    #[command(flatten)]
    Company(companies::Verb),
}

/// The server, and how its answer is printed.
#[derive(clap::Args, Debug)]
pub struct Asking {
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args, Debug)]
pub struct Listing {
    /// The kind, such as company
    #[arg(value_name = "KIND", value_parser = word)]
    pub kind: String,
    /// Only those for which this rule holds
    #[arg(long, value_name = "RULE", value_parser = rule)]
    pub filter: Option<Value>,
    /// At most this many
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 50,
        value_parser = clap::value_parser!(u16).range(1..=200)
    )]
    pub limit: u16,
    /// Begin after this record
    #[arg(long, value_name = "ID", value_parser = word)]
    pub after: Option<String>,
    #[command(flatten)]
    pub asking: Asking,
}

#[derive(clap::Args, Debug)]
pub struct One {
    /// The kind, such as company
    #[arg(value_name = "KIND", value_parser = word)]
    pub kind: String,
    /// The record's id
    #[arg(value_name = "ID", value_parser = word)]
    pub id: String,
    #[command(flatten)]
    pub asking: Asking,
}

#[derive(clap::Args, Debug)]
pub struct Adding {
    /// The kind, such as company
    #[arg(value_name = "KIND", value_parser = word)]
    pub kind: String,
    /// A field and its value; a value that is JSON, such as [\"a\"], is read as such
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment)]
    pub set: Vec<(String, Value)>,
    /// An idempotency key: the same key a second time makes nothing
    #[arg(long, value_name = "TEXT")]
    pub key: Option<String>,
    #[command(flatten)]
    pub asking: Asking,
}

#[derive(clap::Args, Debug)]
pub struct Editing {
    /// The kind, such as company
    #[arg(value_name = "KIND", value_parser = word)]
    pub kind: String,
    /// The record's id
    #[arg(value_name = "ID", value_parser = word)]
    pub id: String,
    /// A field and its new value; FIELD= clears it
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment, required = true)]
    pub set: Vec<(String, Value)>,
    #[command(flatten)]
    pub asking: Asking,
}

#[derive(clap::Args, Debug)]
pub struct Erasing {
    /// The kind, such as company
    #[arg(value_name = "KIND", value_parser = word)]
    pub kind: String,
    /// The record's id
    #[arg(value_name = "ID", value_parser = word)]
    pub id: String,
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub asking: Asking,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match &args.verb {
        Verb::Company(verb) => companies::run(verb, terminal),
        Verb::Ls(listing) => list(listing, terminal),
        Verb::Show(One { kind, id, asking }) => {
            let answer = asking.server.get(&format!("/api/v1/records/{kind}/{id}"));
            Answer::end(answer, asking.json, terminal, |found: &Value, out| {
                write!(out, "{}", described(found))
            })
        }
        Verb::Explain(One { kind, id, asking }) => {
            let path = format!("/api/v1/records/{kind}/{id}/explain?lang=en");
            Answer::end(asking.server.get(&path), asking.json, terminal, |found, out| {
                writeln!(out, "{kind} {id}")?;
                explain::print_reasons(found, out)
            })
        }
        Verb::Add(Adding { kind, set, key, asking }) => {
            let body = json!({ "fields": fields(set), "key": key });
            let answer = asking.server.post(&format!("/api/v1/records/{kind}"), &body);
            Answer::end(answer, asking.json, terminal, |made: &Value, out| {
                writeln!(out, "{} {}", text(&made["id"]), text(&made["title"]))
            })
        }
        Verb::Edit(Editing { kind, id, set, asking }) => {
            let body = json!({ "fields": fields(set) });
            let answer = asking.server.post(&format!("/api/v1/records/{kind}/{id}"), &body);
            Answer::end(answer, asking.json, terminal, |found: &Value, out| {
                write!(out, "{}", described(found))
            })
        }
        Verb::Erase(Erasing { kind, id, yes, asking }) => {
            if !yes && !terminal.confirms(&format!("Erase {kind} {id}, for good?"))? {
                let message = "dripline: nothing was erased; --yes does it without asking";
                writeln!(terminal.err, "{message}")?;
                return Ok(Exit::Wrong);
            }
            let path = format!("/api/v1/records/{kind}/{id}/erase");
            let answer = asking.server.post(&path, &json!({}));
            Answer::end(answer, asking.json, terminal, |_: &Value, out| {
                writeln!(out, "{id} is erased.")
            })
        }
    }
}

fn list(listing: &Listing, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Listing { kind, filter, limit, after, asking } = listing;
    let mut body = json!({ "limit": limit });
    if let Some(rule) = filter {
        body["filter"] = rule.clone();
    }
    if let Some(after) = after {
        body["after"] = json!(after);
    }
    let answer = asking.server.post(&format!("/api/v1/records/{kind}/query"), &body);
    Answer::end(answer, asking.json, terminal, |page: &Value, out| {
        let mut table = Table::new(3, &["Id", "Called", "Since"]);
        for record in page["records"].as_array().into_iter().flatten() {
            let fields = &record["fields"];
            let called = [&record["title"], &fields["email"], &fields["phone"]];
            let called = called.into_iter().find(|name| name.is_string()).map(text);
            let since = text(&record["created_at"]).chars().take(10).collect();
            table.row(vec![text(&record["id"]), called.unwrap_or_default(), since]);
        }
        match table.is_empty() {
            true => writeln!(out, "No {kind} on this page.")?,
            false => write!(out, "{table}")?,
        }
        match page["next"].as_str() {
            Some(next) => writeln!(out, "More: --after {next}"),
            None => Ok(()),
        }
    })
}

/// Describes a record, a line for each value.
fn described(record: &Value) -> String {
    let mut lines = format!("{} {}\n", text(&record["id"]), text(&record["title"]));
    for part in ["tags", "fields", "attributes"] {
        match &record[part] {
            Value::Null => {}
            Value::Object(values) => {
                for (name, value) in values {
                    lines += &format!("  {name}: {}\n", text(value));
                }
            }
            value => lines += &format!("  {part}: {}\n", text(value)),
        }
    }
    let log = record["log"].as_array().into_iter().flatten();
    for event in log {
        lines += &format!("  #{} {}\n", event["seq"], text(&event["name"]));
    }
    lines
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn fields(set: &[(String, Value)]) -> Map<String, Value> {
    set.iter().cloned().collect()
}

/// Reads `field=value`.
fn assignment(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write it as FIELD=VALUE")?;
    let value = match value {
        "" => Value::Null,
        // Numbers stay texts, so that 0012 and 1.50 arrive as they were typed.
        list if list.starts_with(['[', '{']) => {
            serde_json::from_str(list).map_err(|error| error.to_string())?
        }
        text => Value::from(text),
    };
    Ok((name.to_owned(), value))
}

fn rule(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))
}

/// Reads a kind or an id in a form that is safe in a URL.
pub(super) fn word(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        true => Ok(text.to_owned()),
        false => Err("it has letters, digits and hyphens only".to_owned()),
    }
}
