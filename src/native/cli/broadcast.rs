//! `dripline broadcast`: previews, starts, pauses, resumes or cancels a broadcast.

use super::server::{Answer, Server};
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::domain::campaign::broadcast::{BroadcastState, Target};
use crate::flows::broadcast::control::{BroadcastProgress, Preview};
use crate::views::broadcast::state_in_words;
use crate::views::format::{count, moment};
use serde_json::json;
use std::io;

/// Preview, start, pause, resume or cancel a broadcast
///
/// A broadcast goes to everybody in its segment or on its list who has agreed, once. With `at` in
/// the campaign file it starts automatically; otherwise start it here or in the web app.
///
/// While it is paused, no more messages are queued and queued ones are held. Resumed, it continues
/// where it stopped: nobody is left out, and nobody gets it twice. Cancelled, messages that were
/// not sent yet are never sent. All of this takes effect at once.
///
/// Before it starts or cancels, it shows who would get the broadcast, and asks.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline broadcast preview spring-webinar.news
  dripline broadcast start spring-webinar.news
  dripline broadcast start spring-webinar.news --yes
  dripline broadcast preview spring-webinar.news --json | jq .recipients

Exit status: 0 done, 1 there is no such broadcast, it cannot be done where it stands, it was not
confirmed, or the server refused, 2 usage.")]
pub struct Args {
    /// What to do
    pub verb: Verb,
    /// The broadcast, as <campaign>.<broadcast>
    #[arg(value_name = "BROADCAST", value_parser = qualified)]
    pub broadcast: String,
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the server's answer: {"broadcast": …, "state": …, "phase": …}; a preview has the
    /// counts as well
    #[arg(long)]
    pub json: bool,
}

/// What can be done with a broadcast.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Count who would get it, and change nothing
    Preview,
    /// Send it now, whatever its time is
    Start,
    /// Pause it
    Pause,
    /// Resume it
    Resume,
    /// Cancel it for good
    Cancel,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let path = format!("/api/v1/broadcasts/{}", args.broadcast);
    let verb = match args.verb {
        Verb::Preview => {
            let answer = args.server.get(&path);
            return Answer::end(answer, args.json, terminal, |counted, out| {
                writeln!(out, "{}", preview(counted))
            });
        }
        Verb::Start => "start",
        Verb::Pause => "pause",
        Verb::Resume => "resume",
        Verb::Cancel => "cancel",
    };
    if matches!(args.verb, Verb::Start | Verb::Cancel) && !args.yes {
        let counted = match args.server.get::<Preview>(&path) {
            Ok(answer) => answer.value,
            refused => return Answer::end(refused, args.json, terminal, |_, _| Ok(())),
        };
        writeln!(terminal.err, "{}", preview(&counted))?;
        let verb = if args.verb == Verb::Start { "Start" } else { "Cancel" };
        if !terminal.confirms(&format!("{verb} {} at {}?", args.broadcast, args.server.to))? {
            writeln!(terminal.err, "dripline: nothing was done; --yes does it without asking")?;
            return Ok(Exit::Wrong);
        }
    }
    let answer = args.server.post(&format!("{path}/{verb}"), &json!({}));
    Answer::end(answer, args.json, terminal, |progress, out| {
        writeln!(out, "{}", sentence(progress))
    })
}

fn preview(preview: &Preview) -> String {
    let Preview { standing, target, recipients, audience, .. } = preview;
    let mut left_out = Vec::new();
    for (n, why) in [
        (audience.no_consent, "without consent"),
        (audience.suppressed, "suppressed"),
        (audience.no_address, "without an address"),
    ] {
        if n > 0 {
            left_out.push(format!("{} {why}", count(n)));
        }
    }
    let members = match target {
        Target::Segment(name) => format!("in the segment {name}"),
        Target::List(list) => format!("on the list {list}"),
    };
    let left_out = match left_out.is_empty() {
        true => String::new(),
        false => format!("; {}", left_out.join(", ")),
    };
    let decided = match audience.decided {
        0 => String::new(),
        n => format!(" {} have had their turn.", count(n)),
    };
    let state = state_in_words(standing.state, standing.phase, Language::English);
    format!(
        "{} would go to {} {} (of {} {members}{left_out}). {state}.{decided}",
        standing.broadcast,
        count(*recipients),
        if *recipients == 1 { "person" } else { "people" },
        count(audience.members),
    )
}

fn sentence(standing: &BroadcastProgress) -> String {
    let broadcast = &standing.broadcast;
    match standing.state {
        Some(BroadcastState::Running) => format!("{broadcast} runs."),
        Some(BroadcastState::Paused) => {
            format!("{broadcast} is paused. Queued messages are held.")
        }
        Some(BroadcastState::Cancelled) => {
            format!("{broadcast} is cancelled. Messages that were not sent yet are never sent.")
        }
        Some(BroadcastState::Scheduled) => {
            let at = standing.starts_at.map(|at| moment(at, "UTC", Language::English));
            format!("{broadcast} starts on {}.", at.unwrap_or_default())
        }
        Some(BroadcastState::Done) => format!("{broadcast} is done."),
        None => format!("{broadcast} waits to be started."),
    }
}

/// Reads a broadcast's name in a form that is safe in a URL.
fn qualified(text: &str) -> Result<String, String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    match text.chars().all(is_part) && text.matches('.').count() == 1 {
        true => Ok(text.to_owned()),
        false => Err("give <campaign>.<broadcast>, such as spring-webinar.news".to_owned()),
    }
}
