//! `dripline merge`: merges one contact into another.

use super::server::{Answer, Server};
use super::{Exit, Terminal};
use crate::flows::contact::merge::Merged;
use serde_json::json;
use std::io;

/// Merge a contact into another: they are one person
///
/// The second survives: its own addresses and attributes count, and what it lacks is filled in from
/// the first. It takes over events, messages, tags, score and segments, and goes on in the journeys
/// that the first was in; where both were in one, its own enrollment goes on. A consent
/// withdrawn under either address stays withdrawn; a consent counts for its own address.
/// The first one's id and addresses lead to the survivor from then on: links in old messages work.
///
/// It cannot be undone.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline merge ann@home.example ann@work.example
  dripline merge 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d ann@work.example --yes --json

Exit status: 0 they are one, 1 one of them is not there, or it was not confirmed, or the server
refused, 2 usage.")]
pub struct Args {
    /// The contact that goes: our id, your own id of it, its e-mail address, or its number with +
    #[arg(value_name = "CONTACT")]
    pub contact: String,
    /// The contact that stays
    #[arg(value_name = "INTO")]
    pub into: String,
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print one JSON object: {"contact": …, "merged": …}
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let question = format!("Merge {} into {}, for good?", args.contact, args.into);
    if !args.yes && !terminal.confirms(&question)? {
        writeln!(terminal.err, "dripline: nobody was merged; --yes merges without asking")?;
        return Ok(Exit::Wrong);
    }
    let body = json!({ "contact": args.contact, "into": args.into });
    let answer = args.server.post("/api/v1/contacts/merge", &body);
    Answer::end(answer, args.json, terminal, |merged, out| writeln!(out, "{}", sentence(merged)))
}

fn sentence(merged: &Merged) -> String {
    let contact = &merged.contact;
    match &merged.merged {
        Some(merged) => format!("{merged} is {contact} from now on."),
        None => format!("Both are one contact already: {contact}."),
    }
}
