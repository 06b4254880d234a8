//! `dripline restore`: decides about the messages that wait since the database was restored.

use super::server::{Answer, Server};
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::flows::send::restore_guard::RestoreState;
use crate::views::format::moment;
use serde_json::json;
use std::io;

/// Release or drop the messages that are held since the database was restored
///
/// A database that was restored to an earlier time does not know what was sent since. So messages
/// to all contacts that existed then are held until you choose:
///
/// release: they are sent. A message that was sent before the restore is sent again, unless its
/// provider still knows its key.
///
/// drop: they are not sent, because they were sent before. Journeys may queue more such messages
/// later; these are held again.
///
/// Without an argument, it shows the state.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline restore
  dripline restore drop --json | jq .messages

Exit status: 0 shown or done, 1 the server refused, 2 usage.")]
pub struct Args {
    /// What to do; without it, the state is shown
    pub verb: Option<Verb>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print one JSON object: {"restored": …, "mark": …, "messages": …}, as it was before
    #[arg(long)]
    pub json: bool,
}

/// What can be done.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Send them
    Release,
    /// Do not send them
    Drop,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let answer = match args.verb {
        None => args.server.get("/api/v1/restore"),
        Some(Verb::Release) => args.server.post("/api/v1/restore/release", &json!({})),
        Some(Verb::Drop) => args.server.post("/api/v1/restore/drop", &json!({})),
    };
    Answer::end(answer, args.json, terminal, |state, out| {
        writeln!(out, "{}", sentence(args.verb, state))
    })
}

fn sentence(verb: Option<Verb>, state: &RestoreState) -> String {
    let Some(mark) = state.mark.filter(|_| state.restored) else {
        return "No restore is waiting for a decision.".to_owned();
    };
    let mark = moment(mark, "UTC", Language::English);
    let messages = match state.messages {
        1 => "1 message".to_owned(),
        n => format!("{n} messages"),
    };
    match verb {
        None => format!(
            "The database was restored, and does not know what was sent until {mark}. Waiting: \
             {messages}. Run `dripline restore release` to send them, or `dripline restore drop`."
        ),
        Some(Verb::Release) => format!("Released: {messages}, and all others that are held."),
        Some(Verb::Drop) => format!("Dropped: {messages}; they are not sent."),
    }
}
