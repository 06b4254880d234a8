//! `dripline erase`: erases everything about a person.

use super::server::{Answer, Server};
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::flows::contact::erase::Erased;
use crate::views::format::moment;
use serde_json::json;
use std::io;

/// Erase a contact: everything that identifies it
///
/// Its addresses, attributes, consents, touches, the properties of its events and the copies of its
/// messages are deleted at once, and cannot be restored. It leaves every journey and segment, and
/// its waiting messages are not sent. Figures stay, without a link to the contact. Only a keyed
/// hash of each address is kept, so that input about it that is still under way is dropped.
///
/// Erasing an address that no contact has drops the input about it that is still in a queue.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline erase ann@example.com
  dripline erase 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d --yes --json

Exit status: 0 erased, 1 there is no such contact, or it was not confirmed, or the server refused,
2 usage.")]
pub struct Args {
    /// The contact: our id, your own id of it, its e-mail address, or its number with +
    #[arg(value_name = "CONTACT")]
    pub contact: String,
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print one JSON object: {"contact": …, "at": …, "again": …}
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let question = format!("Erase {} at {}, for good?", args.contact, args.server.to);
    if !args.yes && !terminal.confirms(&question)? {
        writeln!(terminal.err, "dripline: nothing was erased; --yes erases without asking")?;
        return Ok(Exit::Wrong);
    }
    let body = json!({ "contact": args.contact });
    let answer = args.server.post("/api/v1/contacts/erase", &body);
    Answer::end(answer, args.json, terminal, |erased, out| writeln!(out, "{}", sentence(erased)))
}

fn sentence(erased: &Erased) -> String {
    match &erased.contact {
        None => {
            "No contact has that address. Input about it that is still under way will be dropped."
                .into()
        }
        Some(contact) if erased.again => {
            let at = moment(erased.at, "UTC", Language::English);
            format!("{contact} was erased before, at {at}.")
        }
        Some(contact) => format!("{contact} is erased."),
    }
}
