//! `dripline export`: writes records as a file, or everything as a folder.

use super::import::retried;
use super::server::{Failure, Server};
use super::{Exit, Terminal, transfer};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

/// Export records as a file that no spreadsheet runs as formulas
///
/// What you may not see is left out or masked. `dripline import` reads the file again.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline export contact > contacts.csv
  dripline export contact --filter '{\"tag\": \"vip\"}' --column email --column city
  dripline export deal --jsonl --out deals.jsonl
  dripline export --all backup/

Exit status: 0 written, 1 the server refused, 2 usage.")]
pub struct Args {
    /// The kind, such as contact
    #[arg(value_name = "KIND", required_unless_present = "all")]
    pub kind: Option<String>,
    /// Only those for which this rule holds
    #[arg(long, value_name = "RULE", value_parser = rule)]
    pub filter: Option<Value>,
    /// A column; all of them without this
    #[arg(long, value_name = "NAME")]
    pub column: Vec<String>,
    /// The ledger of consents instead of the contacts
    #[arg(long)]
    pub consents: bool,
    /// A JSON object on each line, instead of CSV
    #[arg(long)]
    pub jsonl: bool,
    /// The file; standard output if not given
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write kinds, suppressions, records of every kind and consents to a new folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "kind")]
    pub all: Option<PathBuf>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    if let Some(folder) = &args.all {
        return transfer::export_all(&args.server, folder, terminal);
    }
    let Some(kind) = &args.kind else { return terminal.usage("name a kind") };
    let mut asked = json!({
        "format": if args.jsonl { "json_lines" } else { "csv" },
        "what": if args.consents { "consents" } else { "records" },
    });
    if let Some(filter) = &args.filter {
        asked["filter"] = filter.clone();
    }
    if !args.column.is_empty() {
        asked["columns"] = json!(args.column);
    }
    let written = match &args.out {
        Some(path) => write(&args.server, kind, asked, &mut File::create(path)?)?,
        None => write(&args.server, kind, asked, terminal.out)?,
    };
    match written {
        Ok(()) => Ok(Exit::Ok),
        Err(failure) => failure.end(false, terminal),
    }
}

/// Writes an export page by page. The outer error is of the file.
pub(super) fn write(
    server: &Server,
    kind: &str,
    mut asked: Value,
    out: &mut dyn Write,
) -> io::Result<Result<(), Failure>> {
    let path = format!("/api/v1/records/{kind}/export");
    loop {
        let (text, next) = match retried(|| server.page(&path, Some(&asked))) {
            Ok(page) => page,
            Err(failure) => return Ok(Err(failure)),
        };
        out.write_all(text.as_bytes())?;
        match next {
            Some(next) => asked["after"] = json!(next),
            None => return Ok(Ok(())),
        }
    }
}

fn rule(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))
}
