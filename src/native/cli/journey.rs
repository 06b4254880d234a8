//! `dripline journey`: pauses, resumes or archives a journey.

use super::server::{Answer, Server};
use super::{Exit, Terminal};
use crate::domain::campaign::journey::RunState;
use crate::flows::campaign::journey_control::JourneyStateChange;
use serde_json::json;
use std::io;

/// Pause, resume or archive a journey
///
/// While it is paused, nobody enters, no step runs and nothing is sent. Contacts can still leave,
/// and events in the meantime count when the journey is resumed. Steps that fell due then run for
/// 2,500 contacts a minute, starting after two minutes.
///
/// Archived, nobody enters, and all contacts inside leave with the reason "archived". If it is
/// resumed later, others may enter, but those who left do not return. So it asks before.
///
/// This applies to all versions of the journey. Sending stops at once, entries within a minute.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline journey pause spring-webinar.nurture
  dripline journey resume spring-webinar.nurture --json | jq .people

Exit status: 0 done, 1 there is no such journey, it was not confirmed, or the server refused,
2 usage.")]
pub struct Args {
    /// What to do
    pub verb: Verb,
    /// The journey, as <campaign>.<journey>
    #[arg(value_name = "JOURNEY", value_parser = qualified)]
    pub journey: String,
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print one JSON object: {"journey": …, "state": …, "people": …}
    #[arg(long)]
    pub json: bool,
}

/// What can be done with a journey.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Pause it
    Pause,
    /// Resume it
    Resume,
    /// End it for everybody inside
    Archive,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let verb = match args.verb {
        Verb::Pause => "pause",
        Verb::Resume => "resume",
        Verb::Archive => "archive",
    };
    if args.verb == Verb::Archive && !args.yes {
        let (journey, to) = (&args.journey, &args.server.to);
        let question = format!("Archive {journey} at {to}? Everybody inside leaves it for good.");
        if !terminal.confirms(&question)? {
            writeln!(terminal.err, "dripline: nothing was done; --yes does it without asking")?;
            return Ok(Exit::Wrong);
        }
    }
    let path = format!("/api/v1/journeys/{}/{verb}", args.journey);
    let answer = args.server.post(&path, &json!({}));
    Answer::end(answer, args.json, terminal, |changed, out| writeln!(out, "{}", sentence(changed)))
}

fn sentence(changed: &JourneyStateChange) -> String {
    let JourneyStateChange { journey, state, people } = changed;
    let people = if *people == 1 { "1 person".to_owned() } else { format!("{people} people") };
    match state {
        RunState::Paused => {
            format!("{journey} is paused. Inside: {people}, who stay where they stand.")
        }
        RunState::Running => {
            format!("{journey} runs. Inside: {people}, who go on from where they stand.")
        }
        RunState::Archived => {
            format!("{journey} is archived. Inside: {people}, who leave within the next minutes.")
        }
    }
}

/// Reads a journey's name in a form that is safe in a URL.
fn qualified(text: &str) -> Result<String, String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    match text.chars().all(is_part) && text.matches('.').count() == 1 {
        true => Ok(text.to_owned()),
        false => Err("give <campaign>.<journey>, such as spring-webinar.nurture".to_owned()),
    }
}
