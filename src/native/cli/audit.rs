//! `dripline audit`: who did what.

use super::server::{Answer, Failure, Server};
use super::table::Table;
use super::{Exit, Terminal};
use crate::domain::access::audit::AuditEntry;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::Millis;
use crate::domain::form::form_data::percent_encode;
use crate::views::format::moment;
use serde::Deserialize;
use std::io;

/// The most pages of an export: a million entries.
const PAGES_MAX: usize = 1_000;

/// Show who did what: publishing, sending, erasing, signing in, and every change of a member
///
/// The newest entries first. Reading the log is an entry of it, too.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline audit --to http://localhost:8787 --token dl_…
  dripline audit --object spring-webinar --since 2026-03-01T00:00:00Z
  dripline audit --csv > audit.csv

Exit status: 0 shown, 1 the server refused, 2 usage.")]
pub struct Args {
    /// Only of this actor, such as token:ci or member:<id>
    #[arg(long, value_name = "ACTOR")]
    pub actor: Option<String>,
    /// Only this action, such as publish or sign_in
    #[arg(long, value_name = "ACTION")]
    pub action: Option<String>,
    /// Only about this object, by its id
    #[arg(long, value_name = "ID")]
    pub object: Option<String>,
    /// Only from this time on, such as 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<String>,
    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<String>,
    /// Export all that match as CSV, instead of the newest hundred
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

#[derive(Deserialize)]
struct Page {
    entries: Vec<AuditEntry>,
    next: Option<String>,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    if args.csv {
        return export(args, terminal);
    }
    let answer = args.server.get(&format!("/api/v1/audit?{}", args.query()));
    Answer::end(answer, args.json, terminal, |page: &Page, out| {
        write!(out, "{}", table(&page.entries))?;
        match page.next {
            Some(_) => writeln!(out, "There is more: narrow it, or export it with --csv."),
            None => Ok(()),
        }
    })
}

fn export(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let mut out = csv::Writer::from_writer(&mut *terminal.out);
    let wrong = |error: csv::Error| io::Error::other(error);
    out.write_record(["at", "actor", "action", "kind", "object", "detail", "id"]).map_err(wrong)?;
    let mut before = String::new();
    for _ in 0..PAGES_MAX {
        let path = format!("/api/v1/audit?limit=1000&before={before}&{}", args.query());
        let page: Result<Answer<Page>, Failure> = args.server.get(&path);
        let page = match page {
            Ok(answer) => answer.value,
            Err(failure) => {
                out.flush()?;
                drop(out);
                return failure.end(false, terminal);
            }
        };
        for entry in &page.entries {
            let AuditEntry { id, at, actor, action, kind, object, detail } = entry;
            let detail = if detail.is_null() { String::new() } else { detail.to_string() };
            let at = at.rfc3339();
            let row = [&at, actor.as_str(), action, kind, object, &detail, id];
            out.write_record(row).map_err(wrong)?;
        }
        let Some(next) = page.next else { break };
        before = next;
    }
    out.flush()?;
    Ok(Exit::Ok)
}

impl Args {
    fn query(&self) -> String {
        let given = [
            ("actor", &self.actor),
            ("action", &self.action),
            ("object", &self.object),
            ("since", &self.since),
            ("until", &self.until),
        ];
        let pair = |(name, value): (&str, &Option<String>)| {
            value.as_ref().map(|value| format!("{name}={}", percent_encode(value)))
        };
        given.into_iter().filter_map(pair).collect::<Vec<_>>().join("&")
    }
}

fn table(entries: &[AuditEntry]) -> String {
    if entries.is_empty() {
        return "Nothing in the log matches.\n".to_owned();
    }
    let mut table = Table::new(5, &["When", "Who", "What", "Kind", "Object"]);
    for entry in entries {
        let AuditEntry { at, actor, action, kind, object, .. } = entry;
        let when = moment(*at, "UTC", Language::English);
        table.row(vec![when, actor.to_string(), action.clone(), kind.clone(), object.clone()]);
    }
    table.to_string()
}

fn time(text: &str) -> Result<String, String> {
    match Millis::from_rfc3339(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("write a time such as 2026-03-01T00:00:00Z".to_owned()),
    }
}
