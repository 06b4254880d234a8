//! `dripline rejudge`: reclassifies opens and clicks by the present rules.

use super::server::{Failure, Server};
use super::{Exit, Terminal};
use serde::Deserialize;
use serde_json::json;
use std::io;

/// Reclassify a campaign's recorded opens and clicks
///
/// Each is classified as a person's or a bot's by the facts stored about it. Use this after the
/// rules have changed: it classifies all of them again, and counters and segments follow. Journeys
/// that continued because of a click are not taken back.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline rejudge spring-webinar
  dripline rejudge spring-webinar --json | jq .changed

Exit status: 0 done, 1 there is no such campaign or the server refused, 2 usage.")]
pub struct Args {
    /// The campaign's id
    #[arg(value_name = "CAMPAIGN", value_parser = campaign_id)]
    pub campaign: String,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print one JSON object: {"judged": …, "changed": …}
    #[arg(long)]
    pub json: bool,
}

#[derive(Deserialize)]
struct Page {
    judged: u64,
    changed: u64,
    after: Option<String>,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let (judged, changed) = match reclassify(args) {
        Ok(counts) => counts,
        Err(failure) => return failure.end(args.json, terminal),
    };
    match args.json {
        true => writeln!(terminal.out, "{}", json!({ "judged": judged, "changed": changed }))?,
        false => writeln!(
            terminal.out,
            "{judged} messages reclassified; {changed} opens and clicks changed."
        )?,
    }
    Ok(Exit::Ok)
}

/// Reclassifies page by page. Returns the numbers of messages, and of changed opens and clicks.
fn reclassify(args: &Args) -> Result<(u64, u64), Failure> {
    let (mut judged, mut changed, mut after) = (0, 0, String::new());
    loop {
        let path = format!("/api/v1/campaigns/{}/rejudge?after={after}", args.campaign);
        let page: Page = args.server.post(&path, &json!({}))?.value;
        judged += page.judged;
        changed += page.changed;
        match page.after {
            Some(next) => after = next,
            None => return Ok((judged, changed)),
        }
    }
}

/// Reads a campaign's id in a form that is safe in a URL.
fn campaign_id(text: &str) -> Result<String, String> {
    let is_id = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    is_id.then(|| text.to_owned()).ok_or_else(|| "an id has letters, digits and hyphens".to_owned())
}
