//! `dripline consents`: the consent ledger of a contact, for an auditor.

use super::server::{Answer, Server};
use super::table::{Table, cut};
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::flows::contact::consent_ledger::Ledger;
use crate::views::format::moment;
use serde_json::json;
use std::io;

/// How much of the consent text a line shows; --json has all of it.
const WORDS_COLUMNS: usize = 50;

/// Show what a contact agreed to, confirmed and withdrew
///
/// The whole ledger, oldest first: channel, purpose, state, source, and the text. Each
/// grant shows when the owner of the address confirmed it. Times are in UTC. --json has the exact
/// words with their hash, the lawful basis, the hashed origin and the message whose link was used.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline consents ann@example.com
  dripline consents +447400123456 --json | jq '.entries[] | select(.proof)'

Exit status: 0 shown, 1 there is no such contact or the server refused, 2 usage.")]
pub struct Args {
    /// The contact: its id, your own id of it, its e-mail address, or its number with +
    pub contact: String,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let body = json!({ "contact": args.contact });
    let answer = args.server.post("/api/v1/contacts/consents", &body);
    Answer::end(answer, args.json, terminal, |ledger, out| write!(out, "{}", table(ledger)))
}

fn table(ledger: &Ledger) -> String {
    let contact = &ledger.contact;
    if ledger.entries.is_empty() {
        return format!("{contact} has agreed to nothing.\n");
    }
    let heads = ["When", "Channel", "Purpose", "State", "Source", "Confirmed", "Words"];
    let mut table = Table::new(heads.len(), &heads);
    let at = |at| moment(at, "UTC", Language::English);
    for entry in &ledger.entries {
        let record = &entry.record;
        table.row(vec![
            at(record.at),
            record.channel.as_str().to_owned(),
            record.purpose.clone(),
            record.state.as_str().to_owned(),
            record.source.clone(),
            entry.proof.as_ref().map(|proof| at(proof.at)).unwrap_or_default(),
            cut(&record.text, WORDS_COLUMNS),
        ]);
    }
    format!("Contact {contact}\n{table}")
}
