//! `dripline session`: lists or ends the sessions of the web app.

use super::server::Server;
use super::table::Table;
use super::{Exit, Terminal};
use crate::domain::access::session::SessionPurpose;
use crate::domain::base::language::Language;
use crate::flows::operations::sign_in::Listed;
use crate::views::format::moment;
use serde::Deserialize;
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
    let answer = match args.verb {
        Some(Verb::End) => args.server.post("/api/v1/sessions/end", "{}"),
        None => args.server.get("/api/v1/sessions"),
    };
    let said = answer.and_then(|text| {
        let text_out = match args.verb {
            Some(Verb::End) => serde_json::from_str(&text).map(|Ended { ended }| {
                format!("Ended: {ended}, links that were unused included.\n")
            }),
            None => serde_json::from_str(&text).map(|Sessions { sessions }| table(&sessions)),
        };
        let text_out = text_out.map_err(|_| args.server.not_dripline())?;
        Ok(if args.json { format!("{}\n", text.trim_end()) } else { text_out })
    });
    match said {
        Ok(text) => write!(terminal.out, "{text}")?,
        Err(failure) => return failure.end(args.json, terminal),
    }
    Ok(Exit::Ok)
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
