//! `dripline send-test`: sends a message of a live campaign to one of our own people.

use super::preview::name_of;
use super::server::{Answer, Server};
use super::{Exit, Terminal};
use crate::flows::send::preview::{MessageRequest, Tested};
use std::io;
use std::path::Path;

/// Send a test of an e-mail to yourself
///
/// It goes to the campaign's owner, or to an address of a domain that the deployment sends from;
/// to nobody else. It is marked [Test], shows a contact's data, needs no consent, and is counted
/// nowhere. Its links are not tracked.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline send-test spring-webinar emails/webinar-welcome --contact ann@example.com
  dripline send-test white-paper emails/white-paper-case --recipient mei@lichuan.example

Exit status: 0 it is on its way, 1 it is not allowed or not there, 2 usage.")]
pub struct Args {
    /// The campaign's id
    pub campaign: String,
    /// The e-mail, such as emails/welcome, or one of its versions, emails/welcome/zh-CN
    pub template: String,
    /// Whose data it shows: an address, a number with +, or an id; without it, the recipient's
    #[arg(long, value_name = "CONTACT")]
    pub contact: Option<String>,
    /// Where it goes; without it, to the campaign's owner
    #[arg(long, value_name = "ADDRESS")]
    pub recipient: Option<String>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print one JSON object: {"message": …, "to": …}
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let template = name_of(Path::new(&args.template)).unwrap_or_else(|| args.template.clone());
    let asked = MessageRequest {
        template,
        contact: args.contact.clone(),
        locale: None,
        to: args.recipient.clone(),
    };
    let answer = args.server.post(&format!("/api/v1/campaigns/{}/test", args.campaign), &asked);
    Answer::end(answer, args.json, terminal, |tested: &Tested, out| {
        writeln!(out, "On its way to {} ({})", tested.to, tested.message)
    })
}
