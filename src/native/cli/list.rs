//! `dripline list`: lists, shows, makes and deletes static lists, and changes who is on them.

use super::server::{Answer, Server};
use super::table::Table;
use super::{Exit, Terminal, counted};
use crate::domain::base::primitives::Millis;
use crate::flows::list::members::{CHANGED_MAX, Changed};
use serde_json::{Value, json};
use std::io;

/// List, show, make or delete static lists, or change who is on them
///
/// Being on a list is no consent: a broadcast to it goes to those who have agreed.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline list create vip --name 'VIP customers'
  dripline list add vip ann@example.com +8613800138000 --source 'fair 2026'
  dripline list show vip
  dripline list remove vip ann@example.com
  dripline list delete vip

Exit status: 0 shown or done, 1 the server refused, a record is unknown or it was not confirmed,
2 usage.")]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What can be done with lists.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// List the lists
    Ls(Page),
    /// Show a list and who is on it
    Show(Showing),
    /// Make a list
    Create(Creating),
    /// Put records on a list
    Add(Adding),
    /// Take records off a list
    Remove(Removing),
    /// Delete a list that nothing uses
    Delete(Deleting),
}

/// A page, the server, and how its answer is printed.
#[derive(clap::Args, Debug)]
pub struct Page {
    /// At most this many
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 50,
        value_parser = clap::value_parser!(u16).range(1..=200)
    )]
    pub limit: u16,
    /// Begin after this id
    #[arg(long, value_name = "ID", value_parser = word)]
    pub after: Option<String>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args, Debug)]
pub struct Showing {
    /// The list's id, such as vip
    #[arg(value_name = "LIST", value_parser = word)]
    pub list: String,
    #[command(flatten)]
    pub page: Page,
}

#[derive(clap::Args, Debug)]
pub struct Creating {
    /// The id, by which rules, forms and steps name it: a-z, 0-9, - and _
    #[arg(value_name = "LIST", value_parser = word)]
    pub list: String,
    /// What people call it, in any language; the id if absent
    #[arg(long, value_name = "TEXT")]
    pub name: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args, Debug)]
pub struct Adding {
    #[command(flatten)]
    pub named: Named,
    /// Where they come from, kept with each; `api` if absent
    #[arg(long, value_name = "TEXT")]
    pub source: Option<String>,
}

#[derive(clap::Args, Debug)]
pub struct Removing {
    #[command(flatten)]
    pub named: Named,
}

/// Records and a list.
#[derive(clap::Args, Debug)]
pub struct Named {
    /// The list's id, such as vip
    #[arg(value_name = "LIST", value_parser = word)]
    pub list: String,
    /// Records by id; contacts also by e-mail address, number with +, or your own id
    #[arg(value_name = "RECORD", required = true, num_args = 1..=CHANGED_MAX)]
    pub records: Vec<String>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

#[derive(clap::Args, Debug)]
pub struct Deleting {
    /// The list's id, such as vip
    #[arg(value_name = "LIST", value_parser = word)]
    pub list: String,
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
        Verb::Ls(page) => {
            let answer = page.server.get(&format!("/api/v1/lists?{}", query(page)));
            Answer::end(answer, page.json, terminal, |found: &Value, out| {
                write!(out, "{}", lists(found))
            })
        }
        Verb::Show(Showing { list, page }) => {
            let path = format!("/api/v1/lists/{list}/members?{}", query(page));
            Answer::end(page.server.get(&path), page.json, terminal, |found: &Value, out| {
                write!(out, "{}", members(found))
            })
        }
        Verb::Create(Creating { list, name, description, server, json }) => {
            let body = json!({ "id": list, "name": name, "description": description });
            let answer = server.post("/api/v1/lists", &body);
            Answer::end(answer, *json, terminal, |made: &Value, out| {
                writeln!(out, "The list {} exists.", text(&made["id"]))
            })
        }
        Verb::Add(Adding { named, source }) => {
            change(named, &json!({ "add": named.records, "source": source }), terminal)
        }
        Verb::Remove(Removing { named }) => {
            change(named, &json!({ "remove": named.records }), terminal)
        }
        Verb::Delete(deleting) => delete(deleting, terminal),
    }
}

fn change(named: &Named, body: &Value, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Named { list, records, server, json } = named;
    let answer = server.post(&format!("/api/v1/lists/{list}/members"), body);
    let is_partial = |answer: &Answer<Changed>| !answer.value.unknown.is_empty();
    let is_partial = answer.as_ref().is_ok_and(is_partial);
    let exit = Answer::end(answer, *json, terminal, |changed: &Changed, out| {
        let Changed { added, removed, unchanged, unknown, .. } = changed;
        let records_of = |count: &usize| counted(*count, "record");
        let (added, removed) = (records_of(added), records_of(removed));
        writeln!(out, "{list}: {added} added, {removed} removed, {unchanged} unchanged.")?;
        for one in unknown {
            let named = records.get(one.row - 1).map(String::as_str).unwrap_or_default();
            writeln!(out, "  unknown: {named}")?;
        }
        Ok(())
    })?;
    Ok(if is_partial { Exit::Wrong } else { exit })
}

fn delete(deleting: &Deleting, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Deleting { list, yes, server, json } = deleting;
    if !yes && !terminal.confirms(&format!("Delete the list {list}, and take everybody off it?"))? {
        let message = "dripline: nothing was deleted; --yes does it without asking";
        writeln!(terminal.err, "{message}")?;
        return Ok(Exit::Wrong);
    }
    let answer = server.post(&format!("/api/v1/lists/{list}/delete"), &json!({}));
    Answer::end(answer, *json, terminal, |_: &Value, out| {
        writeln!(out, "The list {list} is being deleted; it is gone within half an hour.")
    })
}

fn query(page: &Page) -> String {
    let after = page.after.as_ref().map(|after| format!("&after={after}"));
    format!("limit={}{}", page.limit, after.unwrap_or_default())
}

fn lists(found: &Value) -> String {
    let mut table = Table::new(4, &["List", "Called", "Members", "Since"]);
    for list in found["lists"].as_array().into_iter().flatten() {
        let since = text(&list["created_at"]).chars().take(10).collect();
        let members = match list["deleting"].as_bool() {
            Some(true) => "being deleted".to_owned(),
            _ => text(&list["members"]),
        };
        table.row(vec![text(&list["id"]), text(&list["name"]), members, since]);
    }
    paged(&table, "There is no list on this page.", found)
}

fn members(found: &Value) -> String {
    let mut table = Table::new(4, &["Id", "Called", "Since", "Source"]);
    for member in found["members"].as_array().into_iter().flatten() {
        let record = &member["record"];
        let fields = ["email", "phone", "external_id", "name"].map(|name| &record["fields"][name]);
        let called = fields.into_iter().find(|value| value.is_string()).map(text);
        let since = member["since"].as_i64().map(Millis);
        let since = since.map(|at| at.rfc3339().chars().take(10).collect::<String>());
        table.row(vec![
            text(&record["id"]),
            called.unwrap_or_default(),
            since.unwrap_or_default(),
            text(&member["source"]),
        ]);
    }
    paged(&table, "Nobody on this page.", found)
}

fn paged(table: &Table, empty: &str, found: &Value) -> String {
    let table = if table.is_empty() { format!("{empty}\n") } else { table.to_string() };
    match found["next"].as_str() {
        Some(next) => format!("{table}More: --after {next}\n"),
        None => table,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Reads an id in a form that is safe in a URL.
fn word(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !text.is_empty() && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("it has letters, digits, - and _ only".to_owned()),
    }
}
