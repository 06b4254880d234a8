//! `dripline suppressions`: the list of addresses that must not be written to.

use super::server::{Answer, Server};
use super::table::Table;
use super::{Exit, Terminal, import_suppressions};
use crate::domain::base::language::Language;
use crate::domain::contact::suppression::{Listed, SuppressionReason};
use crate::flows::contact::suppressions::{ENTRIES_MAX, Named};
use crate::views::format::moment;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;

/// Show and change the list of suppressed addresses
///
/// An address is added when mail bounces permanently, when somebody complains or sends STOP, by
/// hand, or by an import. The stricter of two entries stays. An entry is lifted by its end, by an
/// operator or, after an unsubscription, by a new confirmed consent.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline suppressions list --reason bounced
  dripline suppressions add ann@example.com --note 'asked by telephone'
  dripline suppressions release ann@example.com --note 'typing error'
  dripline suppressions import unsubscribes.csv --source mailchimp
  dripline suppressions export > suppressions.csv

Exit status: 0 done, 1 something is wrong or the server refused, 2 usage.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What can be done with the list.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// Show entries, or the one of an address
    List {
        /// Only this address
        address: Option<String>,
        /// Only this reason
        #[arg(long, value_parser = reason)]
        reason: Option<SuppressionReason>,
        /// Those that were lifted or are over, too
        #[arg(long)]
        past: bool,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// The server and the API token
        #[command(flatten)]
        server: Server,
        /// Print the answer as JSON, as the server gave it
        #[arg(long)]
        json: bool,
    },
    /// Suppress an address
    Add(One),
    /// Lift the suppression of an address; say why with --note
    Release(One),
    /// Import the list of another system, a CSV file
    Import(import_suppressions::Args),
    /// Write the list as CSV, safe to open in a spreadsheet
    Export {
        /// Only this reason
        #[arg(long, value_parser = reason)]
        reason: Option<SuppressionReason>,
        /// The server and the API token
        #[command(flatten)]
        server: Server,
    },
}

/// One address.
#[derive(clap::Args, Debug)]
pub struct One {
    /// An e-mail address, or a number with +
    pub address: String,
    /// Why it is suppressed, for `add`; `manual` if not given
    #[arg(long, value_parser = reason)]
    pub reason: Option<SuppressionReason>,
    /// Why it is lifted, for `release`
    #[arg(long, default_value = "")]
    pub note: String,
    /// Lift a complaint or an erasure, too
    #[arg(long)]
    pub force: bool,
    /// The country of a number without +, such as US
    #[arg(long)]
    pub region: Option<String>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

#[derive(Deserialize)]
struct Page {
    suppressions: Vec<Listed>,
    next: Option<(String, String)>,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match &args.verb {
        Verb::List { address, reason, past, limit, server, json } => {
            let asked = json!({ "address": address, "reason": reason, "past": past,
                                "limit": limit });
            let answer = server.post("/api/v1/suppressions/list", &asked);
            Answer::end(answer, *json, terminal, |page: &Page, out| {
                write!(out, "{}", table(&page.suppressions))
            })
        }
        Verb::Add(one) => change(one, "/api/v1/suppressions", "is suppressed", terminal),
        Verb::Release(one) if one.note.trim().is_empty() => {
            terminal.usage("give the reason with --note; it is stored with the entry")
        }
        Verb::Release(one) => {
            change(one, "/api/v1/suppressions/release", "may be written to again", terminal)
        }
        Verb::Import(args) => import_suppressions::run(args, terminal),
        Verb::Export { reason, server } => export(*reason, server, terminal),
    }
}

fn change(one: &One, path: &str, done: &str, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let named = Named {
        address: one.address.clone(),
        reason: one.reason,
        region: one.region.clone(),
        note: one.note.clone(),
        force: one.force,
        ..Named::default()
    };
    let answer = one.server.post(path, &named);
    Answer::end(answer, one.json, terminal, |_: &Value, out| {
        writeln!(out, "{} {done}.", one.address)
    })
}

fn table(entries: &[Listed]) -> String {
    if entries.is_empty() {
        return "No address is suppressed.\n".to_owned();
    }
    let heads = ["Address", "Reason", "Since", "Until", "Source", "Lifted"];
    let mut table = Table::new(heads.len(), &heads);
    for entry in entries {
        let at = |at| moment(at, "UTC", Language::English);
        let lifted = [entry.released_by.as_deref(), entry.release_note.as_deref()];
        let lifted: Vec<&str> = lifted.into_iter().flatten().collect();
        table.row(vec![
            entry.address.clone(),
            entry.reason.as_str().to_owned(),
            at(entry.at),
            entry.until.map_or_else(|| "for good".to_owned(), at),
            entry.source.clone(),
            lifted.join(": "),
        ]);
    }
    table.to_string()
}

/// Writes the whole list, with a thousand entries per request.
pub(super) fn export(
    reason: Option<SuppressionReason>,
    server: &Server,
    terminal: &mut Terminal<'_>,
) -> io::Result<Exit> {
    let mut after: Option<(String, String)> = None;
    let mut out = csv::Writer::from_writer(&mut *terminal.out);
    let heads = ["channel", "address", "reason", "since", "until", "source"];
    out.write_record(heads).map_err(io::Error::other)?;
    loop {
        let asked = json!({ "reason": reason, "after": after, "limit": ENTRIES_MAX });
        let page: Page = match server.post("/api/v1/suppressions/list", &asked) {
            Ok(answer) => answer.value,
            Err(failure) => {
                drop(out);
                return failure.end(false, terminal);
            }
        };
        for entry in &page.suppressions {
            let until = entry.until.map(|until| until.rfc3339()).unwrap_or_default();
            let (since, reason) = (entry.at.rfc3339(), entry.reason.as_str().to_owned());
            let row = [&entry.channel, &entry.address, &reason, &since, &until, &entry.source];
            out.write_record(row.map(|cell| safe_cell(cell))).map_err(io::Error::other)?;
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    out.flush()?;
    Ok(Exit::Ok)
}

/// Makes a cell safe from being read as a formula by a spreadsheet (OWASP ASVS 1.2.10, CWE-1236).
pub(super) fn safe_cell(cell: &str) -> String {
    match cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']) {
        true => format!("'{cell}"),
        false => cell.to_owned(),
    }
}

pub(super) fn reason(word: &str) -> Result<SuppressionReason, String> {
    SuppressionReason::by_name(word).ok_or_else(|| {
        let words = SuppressionReason::ALL.map(SuppressionReason::as_str);
        format!("the reasons are {}", words.join(", "))
    })
}

/// Returns the file beside an imported one in which wrong rows are reported.
pub(super) fn beside(file: &std::path::Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".wrong.csv");
    PathBuf::from(name)
}
