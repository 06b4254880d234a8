//! `dripline dead-letters`: lists, replays and discards dead letters.

use super::server::{Answer, Failure, Server};
use super::table::Table;
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::Millis;
use crate::domain::operations::dead_letter::{DeadLetter, DeadLetters, FailedAgain, Replayed};
use crate::views::format::moment;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;

/// Show dead letters, replay them, or discard them
///
/// A visit, click, event or form that could not be stored after all retries is kept for 30
/// days, at most 2,000 of them. Beyond that, visits and clicks are dropped first, then the oldest.
/// Fix the cause, then replay them: nothing is counted or sent twice.
///
/// Hints (due_v1, alone_v1, broadcast_v1, deliver_v1) lose nothing: the next tick does their work.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline dead-letters
  dripline dead-letters --json | jq '.dead_letters[].error'
  dripline dead-letters show 5f2f0b1a2c3d4e5f5f2f0b1a2c3d4e5f
  dripline dead-letters replay all
  dripline dead-letters discard 5f2f0b1a2c3d4e5f5f2f0b1a2c3d4e5f

Exit status: 0 shown, replayed or discarded, 1 some failed again, or it was not confirmed, or the
server refused, 2 usage.")]
pub struct Args {
    /// What to do; without it, the newest 100 are listed
    #[arg(requires = "id")]
    pub verb: Option<Verb>,
    /// The id of one, or all
    #[arg(value_name = "ID", value_parser = dead_letter_id)]
    pub id: Option<String>,
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// What can be done with one.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Print one with its whole task, as JSON
    Show,
    /// Try it again now
    Replay,
    /// Delete it
    Discard,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(flatten)]
    totals: DeadLetters,
    dead_letters: Vec<DeadLetter>,
}

#[derive(Deserialize)]
struct Discarded {
    discarded: i64,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match (args.verb, &args.id) {
        (Some(Verb::Show), Some(id)) => show(args, id, terminal),
        (Some(Verb::Replay), Some(id)) => replay(args, id, terminal),
        (Some(Verb::Discard), Some(id)) => discard(args, id, terminal),
        _ => {
            let answer = args.server.get("/api/v1/dead-letters");
            Answer::end(answer, args.json, terminal, |listed, out| write!(out, "{}", table(listed)))
        }
    }
}

fn show(args: &Args, id: &str, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match args.server.get::<Value>(&format!("/api/v1/dead-letters/{id}")) {
        Ok(answer) => writeln!(terminal.out, "{}", answer.text.trim_end()).map(|()| Exit::Ok),
        Err(failure) => failure.end(args.json, terminal),
    }
}

fn replay(args: &Args, id: &str, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let all = match replay_each(args, id) {
        Ok(all) => all,
        Err(failure) => return failure.end(args.json, terminal),
    };
    if args.json {
        writeln!(terminal.out, "{}", json!(all))?;
    } else {
        let (replayed, failed) = (all.replayed, all.failed.len());
        writeln!(terminal.out, "Replayed: {replayed}. Failed again: {failed}.")?;
        write!(terminal.out, "{}", by_reason(&all.failed))?;
    }
    Ok(if all.failed.is_empty() { Exit::Ok } else { Exit::Wrong })
}

/// Replays one, or all in as many calls as it takes. Each is tried once.
fn replay_each(args: &Args, id: &str) -> Result<Replayed, Failure> {
    let path = format!("/api/v1/dead-letters/{id}/replay");
    let (mut all, mut before) = (Replayed::default(), None::<Millis>);
    loop {
        let body = before.map_or_else(|| json!({}), |before| json!({ "before": before }));
        let next: Replayed = args.server.post(&path, &body)?.value;
        all.at = before.unwrap_or(next.at);
        before = Some(all.at);
        all.replayed += next.replayed;
        all.failed.extend(next.failed);
        if !next.more {
            return Ok(all);
        }
    }
}

fn discard(args: &Args, id: &str, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let question = format!("Discard {id} at {}? This cannot be undone.", args.server.to);
    if !args.yes && !terminal.confirms(&question)? {
        writeln!(terminal.err, "dripline: nothing was discarded; --yes does not ask")?;
        return Ok(Exit::Wrong);
    }
    let answer = args.server.post(&format!("/api/v1/dead-letters/{id}/discard"), &json!({}));
    Answer::end(answer, args.json, terminal, |Discarded { discarded }, out| {
        writeln!(out, "Discarded: {discarded}.")
    })
}

/// Formats one line per error: how many dead letters failed with it, and the id of one of them.
fn by_reason(failed: &[FailedAgain]) -> String {
    let mut reasons = BTreeMap::<&str, (usize, &str)>::new();
    for FailedAgain { id, error } in failed {
        reasons.entry(error).or_insert((0, id)).0 += 1;
    }
    let line = |(error, (count, id)): (&str, (usize, &str))| match count {
        1 => format!("  {id}: {error}\n"),
        _ => format!("  {id} and {} more: {error}\n", count - 1),
    };
    reasons.into_iter().map(line).collect()
}

fn table(listed: &Listed) -> String {
    let mut text = match listed.dead_letters.is_empty() {
        true => "There are no dead letters.\n".to_owned(),
        false => {
            let mut table = Table::new(5, &["Id", "What", "Last", "Times", "Error"]);
            for row in &listed.dead_letters {
                let last = moment(row.last_at, "UTC", Language::English);
                let (id, tag) = (row.id.clone(), row.tag.clone());
                table.row(vec![id, tag, last, row.count.to_string(), row.error.clone()]);
            }
            let (kept, shown) = (listed.totals.kept, listed.dead_letters.len());
            match usize::try_from(kept) == Ok(shown) {
                true => format!("{table}Kept: {kept}.\n"),
                false => format!("{table}Kept: {kept}. These are the newest {shown}.\n"),
            }
        }
    };
    if listed.totals.lost > 0 {
        let _ = writeln!(text, "{} more were dropped for lack of space.", listed.totals.lost);
    }
    text
}

/// Reads an id in a form that is safe in a URL.
fn dead_letter_id(text: &str) -> Result<String, String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match !text.is_empty() && text.chars().all(is_part) {
        true => Ok(text.to_owned()),
        false => Err("give an id of the list, or all".to_owned()),
    }
}
