//! `dripline record people`, `join`, `leave`, `log` and `merge`: companies and their people, and
//! two records that are one.

use super::record::{Asking, text, word};
use super::server::Answer;
use super::table::Table;
use super::{Exit, Terminal};
use crate::flows::record::companies::PositionShown;
use crate::flows::record::merge::MergedRecord;
use serde_json::{Value, json};
use std::io::{self, Write};

/// What can be done with companies and their people.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// List the people of a company
    People(Listing),
    /// Show the events of a company and of its people, newest first
    Log(Listing),
    /// Set the position of a contact at a company
    Join(Joining),
    /// End the position of a contact at a company
    Leave(Leaving),
    /// Merge a record that is no contact into another of its kind, for good
    Merge(Merging),
}

#[derive(clap::Args, Debug)]
pub struct Listing {
    /// The company's id
    #[arg(value_name = "COMPANY", value_parser = word)]
    pub company: String,
    /// At most this many
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 50,
        value_parser = clap::value_parser!(u16).range(1..=100)
    )]
    pub limit: u16,
    /// Begin after this place, which the page before names
    #[arg(long, value_name = "PLACE", value_parser = place)]
    pub after: Option<String>,
    #[command(flatten)]
    pub asking: Asking,
}

#[derive(clap::Args, Debug)]
pub struct Joining {
    /// The company's id
    #[arg(value_name = "COMPANY", value_parser = word)]
    pub company: String,
    /// The contact: our id, your own id of it, its e-mail address, or its number with +
    #[arg(value_name = "CONTACT")]
    pub contact: String,
    /// What the contact is there, in your words
    #[arg(long, value_name = "TEXT")]
    pub role: Option<String>,
    /// How the contact stands to you there: from -2, against, to 2, for
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub stance: Option<i64>,
    /// It is the main position, in place of any other
    #[arg(long)]
    pub main: bool,
    #[command(flatten)]
    pub asking: Asking,
}

#[derive(clap::Args, Debug)]
pub struct Leaving {
    /// The company's id
    #[arg(value_name = "COMPANY", value_parser = word)]
    pub company: String,
    /// The contact's id
    #[arg(value_name = "CONTACT", value_parser = word)]
    pub contact: String,
    #[command(flatten)]
    pub asking: Asking,
}

#[derive(clap::Args, Debug)]
pub struct Merging {
    /// The kind, such as company
    #[arg(value_name = "KIND", value_parser = word)]
    pub kind: String,
    /// The record that goes
    #[arg(value_name = "ID", value_parser = word)]
    pub id: String,
    /// The record that stays
    #[arg(value_name = "INTO", value_parser = word)]
    pub into: String,
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
    #[command(flatten)]
    pub asking: Asking,
}

pub fn run(verb: &Verb, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match verb {
        Verb::People(listing) => people(listing, terminal),
        Verb::Log(listing) => log(listing, terminal),
        Verb::Join(joining) => join(joining, terminal),
        Verb::Leave(Leaving { company, contact, asking }) => {
            let path = format!("/api/v1/records/company/{company}/people/{contact}/end");
            let answer = asking.server.post(&path, &json!({}));
            Answer::end(answer, asking.json, terminal, |ended: &Value, out| {
                match ended["ended"] == json!(true) {
                    true => writeln!(out, "{contact} is no longer there."),
                    false => writeln!(out, "{contact} was not there."),
                }
            })
        }
        Verb::Merge(merging) => merge(merging, terminal),
    }
}

fn people(listing: &Listing, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Listing { company, asking, .. } = listing;
    let path = format!("/api/v1/records/company/{company}/people?{}", query(listing));
    let answer = asking.server.get(&path);
    Answer::end(answer, asking.json, terminal, |page: &Value, out| {
        let mut table = Table::new(5, &["Id", "Called", "Role", "Stance", "Since"]);
        for person in page["people"].as_array().into_iter().flatten() {
            let contact = &person["contact"];
            let called = ["email", "phone", "external_id"].map(|name| &contact["fields"][name]);
            let called = called.into_iter().find(|name| name.is_string()).map(text);
            let since = text(&person["since"]).chars().take(10).collect();
            table.row(vec![
                text(&contact["id"]),
                called.unwrap_or_default(),
                text(&person["role"]),
                text(&person["stance"]),
                since,
            ]);
        }
        match table.is_empty() {
            true => writeln!(out, "Nobody on this page.")?,
            false => write!(out, "{table}")?,
        }
        more(page, out)
    })
}

fn log(listing: &Listing, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Listing { company, asking, .. } = listing;
    let path = format!("/api/v1/records/company/{company}/log?{}", query(listing));
    let answer = asking.server.get(&path);
    Answer::end(answer, asking.json, terminal, |page: &Value, out| {
        let mut table = Table::new(4, &["Record", "Number", "Event", "Properties"]);
        for event in page["log"].as_array().into_iter().flatten() {
            let columns = [&event["record"], &event["seq"], &event["name"], &event["properties"]];
            table.row(columns.map(text).to_vec());
        }
        write!(out, "{table}")?;
        more(page, out)
    })
}

fn join(joining: &Joining, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Joining { company, contact, role, stance, main, asking } = joining;
    let mut body = json!({ "contact": contact });
    if let Some(role) = role {
        body["role"] = json!(role);
    }
    if let Some(stance) = stance {
        body["stance"] = json!(stance);
    }
    if *main {
        body["main"] = json!(true);
    }
    let answer = asking.server.post(&format!("/api/v1/records/company/{company}/people"), &body);
    Answer::end(answer, asking.json, terminal, |position: &PositionShown, out| {
        writeln!(out, "{} is at {}.", position.contact, position.company)
    })
}

fn merge(merging: &Merging, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let Merging { kind, id, into, yes, asking } = merging;
    if !yes && !terminal.confirms(&format!("Merge {kind} {id} into {into}, for good?"))? {
        let message = "dripline: nothing was merged; --yes merges without asking";
        writeln!(terminal.err, "{message}")?;
        return Ok(Exit::Wrong);
    }
    let path = format!("/api/v1/records/{kind}/{id}/merge");
    let answer = asking.server.post(&path, &json!({ "into": into }));
    Answer::end(answer, asking.json, terminal, |merged: &MergedRecord, out| {
        let record = &merged.record;
        match &merged.merged {
            Some(merged) => writeln!(out, "{merged} is {record} from now on."),
            None => writeln!(out, "Both are one already: {record}."),
        }
    })
}

fn query(Listing { limit, after, .. }: &Listing) -> String {
    let after = after.as_ref().map(|after| format!("&after={after}"));
    format!("limit={limit}{}", after.unwrap_or_default())
}

fn more(page: &Value, out: &mut dyn Write) -> io::Result<()> {
    match page["next"].as_str() {
        Some(next) => writeln!(out, "More: --after {next}"),
        None => Ok(()),
    }
}

/// Reads a place in a list, in a form that is safe in a URL.
fn place(text: &str) -> Result<String, String> {
    match text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') {
        true => Ok(text.to_owned()),
        false => Err("it is not the place that a page has named".to_owned()),
    }
}
