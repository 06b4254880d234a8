//! `dripline erase`: erases everything about a person.

use super::server::{Answer, Server};
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::flows::contact::erase::Erased;
use crate::views::format::moment;
use serde_json::json;
use std::io;

/// Erase a contact: everything that tells who it was
///
/// Its addresses, its attributes, its consents and touches, what its events tell, the copies of its
/// messages: all of it goes at once, and cannot be brought back. It leaves every journey and
/// segment, and what waits to be sent to it is not sent. Figures stay, with nobody behind them.
/// Only a keyed hash of each address is kept, so that what is still under way about it is dropped.
///
/// Erase an address that nobody has, and what waits in a queue about it comes to nothing.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline erase ann@example.com
  dripline erase 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d --yes --json

Exit status: 0 erased, 1 there is no such contact, or it was not confirmed, or the server refused,
2 usage.")]
pub struct Args {
    /// Who: our id, your own id of it, its e-mail address, or its number with +
    #[arg(value_name = "CONTACT")]
    pub contact: String,
    /// Do not ask whether it is meant
    #[arg(long)]
    pub yes: bool,
    /// Where it runs, and by what right
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
        None => "Nobody has that address. What is still under way about it will be dropped.".into(),
        Some(contact) if erased.again => {
            let at = moment(erased.at, "UTC", Language::English);
            format!("{contact} was erased before, at {at}.")
        }
        Some(contact) => format!("{contact} is erased."),
    }
}
