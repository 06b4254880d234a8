//! `dripline parked`: lists and releases contacts in quarantine.

use super::server::{Answer, Server};
use super::table::Table;
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::store::parked::Parked;
use crate::views::format::moment;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;

/// Show the contacts in quarantine, or release one
///
/// A contact whose processing fails is retried alone, so that it does not delay others. After five
/// failures in a row it is quarantined, with the reason: no more steps of its journeys run. Fix the
/// cause, then release it.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline parked
  dripline parked --json | jq '.parked[].reason'
  dripline parked release 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d

Exit status: 0 shown or released, 1 it is not in quarantine or the server refused, 2 usage.")]
pub struct Args {
    /// What to do; without it, they are shown
    #[arg(requires = "contact")]
    pub verb: Option<Verb>,
    /// The contact's id
    #[arg(value_name = "CONTACT", value_parser = contact_id)]
    pub contact: Option<String>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

/// What can be done with a quarantined contact.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Release it
    Release,
}

#[derive(Deserialize)]
struct Listed {
    parked: Vec<Parked>,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Some(contact) = &args.contact else {
        let answer = args.server.get("/api/v1/parked");
        return Answer::end(answer, args.json, terminal, |listed: &Listed, out| {
            write!(out, "{}", table(&listed.parked))
        });
    };
    let answer = args.server.post(&format!("/api/v1/parked/{contact}/release"), &json!({}));
    Answer::end(answer, args.json, terminal, |_: &Value, out| {
        writeln!(out, "{contact} is released; the next tick processes it.")
    })
}

fn table(parked: &[Parked]) -> String {
    if parked.is_empty() {
        return "No contact is in quarantine.\n".to_owned();
    }
    let mut table = Table::new(3, &["Contact", "Since", "Reason"]);
    for row in parked {
        let since = moment(row.since, "UTC", Language::English);
        table.row(vec![row.contact.to_string(), since, row.reason.clone()]);
    }
    table.to_string()
}

/// Reads a contact's id in a form that is safe in a URL.
fn contact_id(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        true => Ok(text.to_owned()),
        false => Err("an id has letters, digits and hyphens only".to_owned()),
    }
}
