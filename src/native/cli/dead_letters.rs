//! `dripline dead-letters`: lists, replays and discards dead letters.

use super::server::{Failure, Server};
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
    #[arg(value_name = "ID", value_parser = letter_id)]
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

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let said = match (args.verb, &args.id) {
        (Some(Verb::Show), Some(id)) => show(args, id),
        (Some(Verb::Replay), Some(id)) => replay(args, id),
        (Some(Verb::Discard), Some(id)) => {
            let question = format!("Discard {id} at {}? This cannot be undone.", args.server.to);
            if !args.yes && !terminal.confirms(&question)? {
                writeln!(terminal.err, "dripline: nothing was discarded; --yes does not ask")?;
                return Ok(Exit::Wrong);
            }
            discard(args, id)
        }
        _ => list(args),
    };
    match said {
        Ok((text, exit)) => {
            write!(terminal.out, "{text}")?;
            Ok(exit)
        }
        Err(failure) => failure.end(args.json, terminal),
    }
}

fn list(args: &Args) -> Result<(String, Exit), Failure> {
    let text = args.server.get("/api/v1/dead-letters")?;
    let listed: Listed = serde_json::from_str(&text).map_err(|_| args.server.not_dripline())?;
    let shown = if args.json { format!("{}\n", text.trim_end()) } else { table(&listed) };
    Ok((shown, Exit::Ok))
}

fn show(args: &Args, id: &str) -> Result<(String, Exit), Failure> {
    let text = args.server.get(&format!("/api/v1/dead-letters/{id}"))?;
    Ok((format!("{}\n", text.trim_end()), Exit::Ok))
}

/// Replays one, or all in as many calls as it takes. Each is tried once.
fn replay(args: &Args, id: &str) -> Result<(String, Exit), Failure> {
    let path = format!("/api/v1/dead-letters/{id}/replay");
    let (mut all, mut before) = (Replayed::default(), None::<Millis>);
    loop {
        let body = before.map_or_else(|| json!({}), |before| json!({ "before": before }));
        let text = args.server.post(&path, &body.to_string())?;
        let said: Replayed = serde_json::from_str(&text).map_err(|_| args.server.not_dripline())?;
        all.at = before.unwrap_or(said.at);
        before = Some(all.at);
        all.replayed += said.replayed;
        all.failed.extend(said.failed);
        if !said.more {
            break;
        }
    }
    let exit = if all.failed.is_empty() { Exit::Ok } else { Exit::Wrong };
    if args.json {
        return Ok((format!("{}\n", json!(all)), exit));
    }
    let mut text = format!("Replayed: {}. Failed again: {}.\n", all.replayed, all.failed.len());
    text.push_str(&by_reason(&all.failed));
    Ok((text, exit))
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

fn discard(args: &Args, id: &str) -> Result<(String, Exit), Failure> {
    let text = args.server.post(&format!("/api/v1/dead-letters/{id}/discard"), "{}")?;
    let said: Value = serde_json::from_str(&text).map_err(|_| args.server.not_dripline())?;
    let Some(number) = said.get("discarded").and_then(Value::as_i64) else {
        return Err(args.server.not_dripline());
    };
    let shown = if args.json { text } else { format!("Discarded: {number}.") };
    Ok((format!("{}\n", shown.trim_end()), Exit::Ok))
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
fn letter_id(text: &str) -> Result<String, String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match !text.is_empty() && text.chars().all(is_part) {
        true => Ok(text.to_owned()),
        false => Err("give an id of the list, or all".to_owned()),
    }
}
