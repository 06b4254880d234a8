//! `dripline broadcast`: previews, starts, pauses, resumes or cancels a broadcast.

use super::server::{Answer, Server};
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::domain::campaign::broadcast::BroadcastState;
use crate::flows::broadcast::control::{BroadcastProgress, Preview};
use crate::views::broadcast::state_in_words;
use crate::views::format::{count, moment};
use serde_json::json;
use std::io;

/// Preview, start, pause, resume or cancel a broadcast
///
/// A broadcast goes to everybody in its segment who has agreed, once. With `at` in the campaign's
/// file it starts by itself; without, it waits to be started here or in the web app.
///
/// Paused: nobody else is written to, and what waits to be sent is held. Resumed, it goes on from
/// where it stood: nobody is left out, and nobody gets it twice. Cancelled: what has not left is
/// never sent. Each send checks the state, so a change takes effect at once.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline broadcast preview spring-webinar.news
  dripline broadcast start spring-webinar.news
  dripline broadcast preview spring-webinar.news --json | jq .recipients

Exit status: 0 done, 1 there is no such broadcast, it cannot be done where it stands, or the server
refused, 2 usage.")]
pub struct Args {
    /// What becomes of it
    pub verb: Verb,
    /// The broadcast, as <campaign>.<broadcast>
    #[arg(value_name = "BROADCAST", value_parser = qualified)]
    pub broadcast: String,
    /// Where it runs, and by what right
    #[command(flatten)]
    pub server: Server,
    /// Print the server's answer: {"broadcast": …, "state": …, "phase": …}; a preview has the
    /// counts beside
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
    /// Halt it for a while
    Pause,
    /// Let it run on
    Resume,
    /// Call it off for good
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
    let answer = args.server.post(&format!("{path}/{verb}"), &json!({}));
    Answer::end(answer, args.json, terminal, |progress, out| {
        writeln!(out, "{}", sentence(progress))
    })
}

fn preview(preview: &Preview) -> String {
    let Preview { standing, segment, recipients, audience, .. } = preview;
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
        "{} would go to {} people (of {} in the segment {segment}{left_out}). {state}.{decided}",
        standing.broadcast,
        count(*recipients),
        count(audience.members),
    )
}

fn sentence(standing: &BroadcastProgress) -> String {
    let broadcast = &standing.broadcast;
    match standing.state {
        Some(BroadcastState::Running) => format!("{broadcast} runs."),
        Some(BroadcastState::Paused) => {
            format!("{broadcast} is paused. What waits to be sent is held.")
        }
        Some(BroadcastState::Cancelled) => {
            format!("{broadcast} is cancelled. What has not left is never sent.")
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
