//! `dripline search`: finds records of all kinds by their words.

use super::server::{Answer, Server};
use super::table::Table;
use super::{Exit, Terminal};
use serde_json::{Value, json};
use std::io;

/// Find contacts, companies and other records by words of their names, addresses and numbers
///
/// A word is found by its beginning, Chinese by two characters. A record has all words. Kinds are
/// searched that say search = true in their file.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline search larkspan --to http://localhost:8787 --token dl_…
  dripline search ann lee
  dripline search 小明 --kind contact --json

Exit status: 0 shown, 1 the server refused, 2 usage.")]
pub struct Args {
    /// The words
    #[arg(value_name = "WORD", required = true)]
    pub words: Vec<String>,
    /// Only records of this kind, such as contact
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// At most this many
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 20,
        value_parser = clap::value_parser!(u16).range(1..=100)
    )]
    pub limit: u16,
    /// Begin after this record
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Args { words, kind, limit, after, server, json } = args;
    let mut question = json!({ "q": words.join(" "), "limit": limit });
    if let Some(kind) = kind {
        question["kind"] = json!(kind);
    }
    if let Some(after) = after {
        question["after"] = json!(after);
    }
    // Words may be an address, which a URL would leave in logs.
    let answer = server.post("/api/v1/search", &question);
    Answer::end(answer, *json, terminal, |page: &Value, out| {
        let mut table = Table::new(3, &["Id", "Kind", "Called"]);
        for shown in page["found"].as_array().into_iter().flatten() {
            let text = |part: &str| shown[part].as_str().unwrap_or_default().to_owned();
            table.row(vec![text("id"), text("kind"), called(&shown["fields"])]);
        }
        match table.is_empty() {
            true => writeln!(out, "Nothing is found.")?,
            false => write!(out, "{table}")?,
        }
        for whole in page["whole"].as_array().into_iter().flatten() {
            let (word, kind) = (&whole["word"], &whole["kind"]);
            writeln!(out, "Too many words begin with {word} ({kind}): only it was searched.")?;
        }
        for kind in page["filling"].as_array().into_iter().flatten() {
            writeln!(out, "Not all words of {kind} are there yet.")?;
        }
        match page["next"].as_str() {
            Some(next) => writeln!(out, "More: --after {next}"),
            None => Ok(()),
        }
    })
}

/// Returns what a record is called: the fields that name it, as far as they are shown.
fn called(fields: &Value) -> String {
    let named = ["name", "title", "number", "first_name", "last_name", "company", "email", "phone"];
    let texts = named.iter().filter_map(|name| fields[*name].as_str());
    texts.collect::<Vec<_>>().join(", ")
}
