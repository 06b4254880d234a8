//! `dripline campaign`: releases an auto-paused campaign.

use super::report::campaign_id;
use super::server::{Answer, Server};
use super::{Exit, Terminal};
use crate::domain::sending::auto_pause::PauseEvent;
use serde_json::json;
use std::io;

/// Release a campaign that was auto-paused
///
/// A campaign is auto-paused when more than 0.3 % of the mails that were delivered in seven days
/// were marked as spam, or more than 5 % of those sent bounced permanently. Its marketing messages
/// then wait; confirmations and notices are still sent. Find and fix the cause, then release the
/// campaign: waiting messages are due at once, within all other limits, and only what happens from
/// then on counts.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline campaign release spring-webinar --note 'The bought list is gone'
  dripline report spring-webinar --json | jq .brake

Exit status: 0 released, 1 it is not stopped or the server refused, 2 usage.")]
pub struct Args {
    /// What to do with it
    pub verb: Verb,
    /// The campaign's id, such as spring-webinar
    #[arg(value_name = "CAMPAIGN", value_parser = campaign_id)]
    pub campaign: String,
    /// Why it may continue; stored with the release
    #[arg(long)]
    pub note: String,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

/// What can be done with a campaign.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Let it go on
    Release,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let path = format!("/api/v1/campaigns/{}/release", args.campaign);
    let answer = args.server.post(&path, &json!({ "note": args.note }));
    Answer::end(answer, args.json, terminal, |event: &PauseEvent, out| {
        writeln!(out, "{} is released; its waiting messages are due now.", event.campaign)
    })
}
