//! `dripline session`: lists or ends the sessions of the web app.

use super::server::{Answer, Server};
use super::table::Table;
use super::{Exit, Terminal};
use crate::domain::access::session::SessionPurpose;
use crate::domain::base::language::Language;
use crate::flows::access::sign_in::Listed;
use crate::views::format::moment;
use serde::Deserialize;
use serde_json::json;
use std::io;

/// Show who is signed in to the web app, or sign everybody out
///
/// Shown are the sessions, and the sign-in links that nobody has used yet. A session ends by itself
/// after seven days, after two days without use, at sign-out, and when the API token that it was
/// made with is taken out of API_TOKENS.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline session --to http://localhost:8787 --token dl_…
  dripline session --json | jq -r '.sessions[].subject'
  dripline session end

Exit status: 0 shown or ended, 1 the server refused, 2 usage.")]
pub struct Args {
    /// What to do; without it, they are shown
    pub verb: Option<Verb>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

/// What can be done with sessions.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// End all sessions and links
    End,
}

#[derive(Deserialize)]
struct Sessions {
    sessions: Vec<Listed>,
}

#[derive(Deserialize)]
struct Ended {
    ended: usize,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match args.verb {
        Some(Verb::End) => {
            let answer = args.server.post("/api/v1/sessions/end", &json!({}));
            Answer::end(answer, args.json, terminal, |Ended { ended }, out| {
                writeln!(out, "Ended: {ended}, links that were unused included.")
            })
        }
        None => {
            let answer = args.server.get("/api/v1/sessions");
            Answer::end(answer, args.json, terminal, |Sessions { sessions }, out| {
                write!(out, "{}", table(sessions))
            })
        }
    }
}

fn table(sessions: &[Listed]) -> String {
    if sessions.is_empty() {
        return "Nobody is signed in.\n".to_owned();
    }
    let mut table = Table::new(5, &["API token", "What", "Made", "Last used", "Ends"]);
    let at = |moment_of| moment(moment_of, "UTC", Language::English);
    for row in sessions {
        let what = match row.purpose {
            SessionPurpose::Session => "session",
            SessionPurpose::Link => "unused link",
        };
        let times = [row.created_at, row.used_at, row.expires_at].map(at);
        table.row([&[row.subject.clone(), what.to_owned()][..], &times].concat());
    }
    table.to_string()
}
