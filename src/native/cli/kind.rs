//! `dripline kind`: checks, publishes and shows kinds of records.

use super::server::{Answer, Server};
use super::table::Table;
use super::{Exit, Terminal, counted};
use crate::domain::campaign_file::read_kind;
use crate::domain::kind::Kind;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};

/// Check or publish the file of a kind of record, or list the kinds there are
///
/// A kind, such as companies or deals, has fields with types. Publishing a new version first shows
/// what it does to the values that records have; nothing is lost by removing a field.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline kind check kinds/deal.toml
  dripline kind diff kinds/deal.toml --to https://go.example
  dripline kind publish kinds/deal.toml
  dripline kind ls --json

Exit status: 0 valid, shown or published, 1 not valid or the server refused, 2 usage.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What can be done with kinds.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// List the kinds, with their fields
    Ls(Listing),
    /// Check a file, without a server
    Check {
        /// The file of the kind, such as kinds/deal.toml
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show what publishing a file would do
    Diff(Sent),
    /// Publish a file; asks if values of records are concerned
    Publish(Sent),
}

/// The arguments of `ls`.
#[derive(clap::Args, Debug)]
pub struct Listing {
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `diff` and `publish`.
#[derive(clap::Args, Debug)]
pub struct Sent {
    /// The file of the kind, such as kinds/deal.toml
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match &args.verb {
        Verb::Ls(Listing { server, json }) => {
            let answer = server.get("/api/v1/kinds");
            Answer::end(answer, *json, terminal, |listed: &Value, out| {
                write!(out, "{}", table(listed))
            })
        }
        Verb::Check { file } => match read(file, terminal)? {
            Ok(kind) => {
                let fields = counted(kind.fields.len(), "field");
                let name = file.display();
                writeln!(terminal.out, "{name} is valid: {} with {fields}.", kind.id)?;
                Ok(Exit::Ok)
            }
            Err(exit) => Ok(exit),
        },
        Verb::Diff(sent) => match read(&sent.file, terminal)? {
            Ok(kind) => {
                let answer = sent.server.post("/api/v1/kinds/diff", &kind);
                Answer::end(answer, sent.json, terminal, |planned: &Value, out| {
                    write!(out, "{}", effects(&kind, planned))
                })
            }
            Err(exit) => Ok(exit),
        },
        Verb::Publish(sent) => match read(&sent.file, terminal)? {
            Ok(kind) => publish(sent, &kind, terminal),
            Err(exit) => Ok(exit),
        },
    }
}

/// Reads the file of a kind, or prints what is wrong with it.
fn read(file: &Path, terminal: &mut Terminal<'_>) -> io::Result<Result<Kind, Exit>> {
    let name = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return terminal.usage(format!("{name}: {error}")).map(Err),
    };
    match read_kind(&name, &text) {
        Ok(kind) => Ok(Ok(kind)),
        Err(diagnostics) => {
            for diagnostic in diagnostics {
                writeln!(terminal.err, "{diagnostic}")?;
            }
            Ok(Err(Exit::Wrong))
        }
    }
}

fn publish(sent: &Sent, kind: &Kind, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    if !sent.yes {
        let planned = match sent.server.post::<Value>("/api/v1/kinds/diff", kind) {
            Ok(answer) => answer.value,
            refused => return Answer::end(refused, sent.json, terminal, |_, _| Ok(())),
        };
        let concerns = planned["effects"].as_array().is_some_and(|effects| !effects.is_empty());
        if concerns {
            write!(terminal.err, "{}", effects(kind, &planned))?;
            if !terminal.confirms(&format!("Publish {}?", kind.id))? {
                let message = "dripline: nothing was published; --yes does it without asking";
                writeln!(terminal.err, "{message}")?;
                return Ok(Exit::Wrong);
            }
        }
    }
    let answer = sent.server.post("/api/v1/kinds", kind);
    Answer::end(answer, sent.json, terminal, |published: &Value, out| {
        let version = &published["version"];
        match published["is_new"].as_bool() {
            Some(true) => writeln!(out, "{} is published as version {version}.", kind.id),
            _ => writeln!(out, "{} was live already, as version {version}.", kind.id),
        }
    })
}

/// Describes what a new version does to the values there are.
fn effects(kind: &Kind, planned: &Value) -> String {
    let all = planned["effects"].as_array().cloned().unwrap_or_default();
    if all.is_empty() {
        return format!("No value of a {} is concerned.\n", kind.id);
    }
    let mut table = Table::new(4, &["Field", "Change", "Records", "Why", "For example"]);
    for effect in &all {
        let text = |name: &str| effect[name].as_str().unwrap_or_default().to_owned();
        let change = match effect["change"].as_str().unwrap_or_default() {
            "removed" => "is removed; its values stay as attributes",
            "converts" => "values get the new form when they are next edited",
            "does_not_fit" => "values do not fit; they stay as they are",
            "missing" => "is required, and is empty",
            "duplicate" => "is unique, and another record has the value",
            other => other,
        };
        let records = effect["records"].to_string();
        let example = effect["examples"][0].as_str().unwrap_or_default().to_owned();
        table.row(vec![text("field"), change.to_owned(), records, text("reason"), example]);
    }
    let partial = match planned["is_partial"].as_bool() {
        Some(true) => format!("Only the first {} records were looked at.\n", planned["looked"]),
        _ => String::new(),
    };
    format!("{table}{partial}")
}

fn table(listed: &Value) -> String {
    let mut table = Table::new(3, &["Kind", "Called", "Fields"]);
    for kind in listed["kinds"].as_array().into_iter().flatten() {
        let id = kind["id"].as_str().unwrap_or_default().to_owned();
        let called = kind["label"]["en"].as_str().or(kind["label"].as_str()).unwrap_or_default();
        let fields = kind["fields"].as_array().into_iter().flatten();
        let fields = fields.filter_map(|field| field["name"].as_str()).collect::<Vec<_>>();
        table.row(vec![id, called.to_owned(), fields.join(", ")]);
    }
    table.to_string()
}
