//! `dripline unpublish`: takes a campaign off the web.

use super::report::campaign_id;
use super::server::{Answer, Server};
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::domain::publication::unpublished::Stops;
use crate::views::format::moment;
use serde_json::json;
use std::fmt::Write;
use std::io;

/// Take a published campaign off the web
///
/// Its landing pages and forms answer "no longer available" (410), nobody enters its journeys, and
/// everybody inside leaves them with the reason "unpublished". Its broadcasts are cancelled, those
/// with a time to come do not start, and what waits to be sent is not sent. Links in messages that
/// were sent still work: unsubscribing, preferences, confirming, and clicks, except that its own
/// pages are gone. Figures, consents and suppressions stay.
///
/// `dripline publish` brings it back. Contacts who have left its journeys do not return.
///
/// It shows what it would stop, and asks. Sending stops at once, pages and forms within a minute.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline unpublish spring-webinar
  dripline unpublish spring-webinar --dry-run --json | jq .people
  dripline unpublish spring-webinar --yes

Exit status: 0 unpublished, 1 there is no such campaign, or it was not confirmed, or the server
refused, 2 usage.")]
pub struct Args {
    /// The campaign's id, such as spring-webinar
    #[arg(value_name = "CAMPAIGN", value_parser = campaign_id)]
    pub campaign: String,
    /// Do not ask for confirmation
    #[arg(long)]
    pub yes: bool,
    /// Only show what it would stop
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print one JSON object: {"campaign": …, "people": …, "journeys": …, "cancelled": …}
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let path = format!("/api/v1/campaigns/{}/unpublish", args.campaign);
    let stops = match args.server.get::<Stops>(&path) {
        Ok(answer) if !args.dry_run => answer.value,
        answer => {
            return Answer::end(answer, args.json, terminal, |stops, out| {
                write!(out, "{}", would(stops))
            });
        }
    };
    if !args.yes {
        write!(terminal.err, "{}", would(&stops))?;
        let question = format!("Unpublish {} at {}?", args.campaign, args.server.to);
        if !terminal.confirms(&question)? {
            writeln!(terminal.err, "dripline: nothing was stopped; --yes does it without asking")?;
            return Ok(Exit::Wrong);
        }
    }
    let answer = args.server.post(&path, &json!({}));
    Answer::end(answer, args.json, terminal, |stops: &Stops, out| {
        writeln!(
            out,
            "{} is unpublished. People in its journeys who leave within the next minutes: {}.",
            stops.campaign, stops.people
        )
    })
}

/// Lists what unpublishing would stop, line by line.
fn would(stops: &Stops) -> String {
    let mut lines = String::new();
    let _ = match stops.unpublished_at {
        Some(at) => {
            let at = moment(at, "UTC", Language::English);
            writeln!(lines, "{} is unpublished already, since {at}.", stops.campaign)
        }
        None => writeln!(lines, "{} would be unpublished. That stops:", stops.campaign),
    };
    let _ = writeln!(lines, "  people in journeys: {}", stops.people);
    for (journey, people) in &stops.journeys {
        let _ = writeln!(lines, "    {journey}: {people}");
    }
    for (what, names) in
        [("broadcasts under way", &stops.cancelled), ("broadcasts to come", &stops.not_started)]
    {
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let _ = writeln!(lines, "  {what}: {names}");
    }
    let _ = writeln!(lines, "  messages that wait to be sent: {}", stops.messages);
    lines
}
