//! `dripline explain`: why a contact is where it is.

use super::server::{Answer, Server};
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::Millis;
use crate::domain::campaign::journey::RunState;
use crate::domain::contact::consent::ConsentState;
use crate::domain::contact::suppression::Suppression;
use crate::domain::record::enrollment::EnrollmentState;
use crate::domain::report::explain::{
    ConsentExplained, EnrollmentExplained, Explanation, JourneyExplained, SetAside,
    SuppressionExplained,
};
use crate::domain::segment::Explained;
use crate::flows::contact::explain::Question;
use crate::views::format::moment;
use std::io::{self, Write};

/// Explain the state of a contact
///
/// For each journey: its step, why it entered or did not, what it waits for and until when, or why
/// it ended. For each message: its state and the reason. For each segment: whether the contact is
/// in it, and each part of its rule with the value found. Times are in UTC.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline explain ann@example.com
  dripline explain +447400123456 --journey spring-webinar.nurture --json | jq .journeys

Exit status: 0 shown, 1 there is no such contact or the server refused, 2 usage.")]
pub struct Args {
    /// The contact: its id, your own id of it, its e-mail address, or its number with +
    pub contact: String,
    /// Only this journey, as <campaign>.<journey>
    #[arg(long, value_name = "JOURNEY")]
    pub journey: Option<String>,
    /// Only this segment, as <campaign>.<segment>
    #[arg(long, value_name = "SEGMENT")]
    pub segment: Option<String>,
    /// Only this broadcast, as <campaign>.<broadcast>
    #[arg(long, value_name = "BROADCAST")]
    pub broadcast: Option<String>,
    /// Only this message, by its id
    #[arg(long, value_name = "MESSAGE")]
    pub message: Option<String>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the answer as JSON, as the server gave it
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let question = Question {
        contact: args.contact.clone(),
        journey: args.journey.clone(),
        segment: args.segment.clone(),
        message: args.message.clone(),
        broadcast: args.broadcast.clone(),
    };
    let answer = args.server.post("/api/v1/contacts/explain?lang=en", &question);
    Answer::end(answer, args.json, terminal, print)
}

fn print(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Contact {}", explanation.record)?;
    for SuppressionExplained { suppression, words } in &explanation.suppressed {
        let Suppression { channel, address, until, source, at: since, .. } = suppression;
        let until = until.map_or("for good".to_owned(), |until| format!("until {}", at(until)));
        let since = at(*since);
        let what = format!("{} to {address}", channel.as_str());
        writeln!(out, "\nSuppressed: {what}, since {since}, {until} (by {source})")?;
        writeln!(out, "  {words}")?;
    }
    if explanation.consents.is_empty() {
        writeln!(out, "\nNo consent: no marketing message is sent")?;
    }
    for one in &explanation.consents {
        let ConsentExplained { purpose, channel, state, allows, .. } = one;
        let state = match (state, allows) {
            (_, true) => "given",
            (ConsentState::Withdrawn, _) => "withdrawn",
            (_, false) => "not confirmed yet",
        };
        let (channel, since) = (channel.as_str(), at(one.at));
        writeln!(out, "\nConsent to {purpose} by {channel}: {state}, since {since}")?;
    }
    for one in &explanation.set_aside {
        let SetAside { by, name, value, words, .. } = one;
        writeln!(out, "\nSet aside: {name} = {value} (by {by}, {})", at(one.at))?;
        writeln!(out, "  {words}")?;
    }
    print_reasons(explanation, out)
}

/// Prints the part of an explanation that records of every kind have.
pub(super) fn print_reasons(explanation: &Explanation, out: &mut dyn Write) -> io::Result<()> {
    for journey in &explanation.journeys {
        print_journey(journey, out)?;
    }
    for message in &explanation.messages {
        let place = match message.step.as_str() {
            "" => message.journey.clone(),
            step => format!("{} at {step}", message.journey),
        };
        writeln!(out, "\nMessage {} ({place}), {}", message.template, at(message.queued_at))?;
        writeln!(out, "  {}", message.words)?;
    }
    for broadcast in &explanation.broadcasts {
        let variant = broadcast.variant.as_ref();
        let variant = variant.map(|name| format!(", variant {name}")).unwrap_or_default();
        let when = broadcast.at.map(|when| format!(", {}", at(when))).unwrap_or_default();
        writeln!(out, "\nBroadcast {}{variant}{when}", broadcast.broadcast)?;
        writeln!(out, "  {}", broadcast.words)?;
    }
    for segment in &explanation.segments {
        let (is_in, holds) = (segment.since.is_some(), segment.why.holds);
        let since = segment.since.map(|since| format!(" since {}", at(since))).unwrap_or_default();
        let result = match (is_in, holds) {
            (true, false) => "; its rule has become false, and it leaves shortly",
            (false, true) => "; its rule has become true, and it enters shortly",
            _ => "",
        };
        let until =
            segment.why.changes_at.map(|until| format!("; time may change that on {}", at(until)));
        let place = if is_in { "in" } else { "not in" };
        let until = until.unwrap_or_default();
        writeln!(out, "\nSegment {}: {place}{since}{result}{until}", segment.segment)?;
        print_rule(&segment.why, 1, out)?;
    }
    Ok(())
}

/// Prints a rule, one line per part: whether it holds, the question, and the value that was found.
fn print_rule(why: &Explained, depth: usize, out: &mut dyn Write) -> io::Result<()> {
    let mark = if why.holds { "✓" } else { "✗" };
    let found = match &why.found {
        Some(found) => format!(" (found: {found})"),
        None if why.parts.is_empty() => " (no value)".to_owned(),
        None => String::new(),
    };
    let indent = "  ".repeat(depth);
    writeln!(out, "{indent}{mark} {}{found}", why.question.in_language(Language::English))?;
    why.parts.iter().try_for_each(|part| print_rule(part, depth + 1, out))
}

fn print_journey(journey: &JourneyExplained, out: &mut dyn Write) -> io::Result<()> {
    let state = match journey.state {
        RunState::Running => "",
        RunState::Paused => ", paused: no step runs",
        RunState::Archived => ", archived",
    };
    writeln!(out, "\nJourney {}{state}: {}", journey.journey, journey.words)?;
    if let Some(again) = journey.enters_again_at {
        writeln!(out, "  from {} on", at(again))?;
    }
    let enrollments = &journey.enrollments;
    enrollments.iter().try_for_each(|enrollment| writeln!(out, "  {}", line(enrollment)))
}

fn line(enrollment: &EnrollmentExplained) -> String {
    let by = enrollment.entered_by.as_ref().map(|event| format!(" by {event}")).unwrap_or_default();
    let EnrollmentExplained { version, step, .. } = enrollment;
    let entered = format!("entered {}{by} (version {version})", at(enrollment.entered_at));
    let ended = |how: &str| format!("{entered}, {how} {step} on {}", at(enrollment.since));
    match enrollment.state {
        EnrollmentState::Active => {
            let waits = match (&enrollment.waits_for, enrollment.due_at.map(at)) {
                (Some(what), Some(due)) => format!("; waits for {what}, at the latest {due}"),
                (Some(what), None) => format!("; waits for {what}"),
                (None, Some(due)) => format!("; waits until {due}"),
                (None, None) => String::new(),
            };
            format!("{entered}, stands at {step}{waits}")
        }
        EnrollmentState::Completed => ended("completed with"),
        EnrollmentState::Exited => format!("{entered}, left at {step}: {}", enrollment.words),
        EnrollmentState::Failed => format!("{entered}, failed at {step}: {}", enrollment.words),
    }
}

fn at(moment_of: Millis) -> String {
    moment(moment_of, "UTC", Language::English)
}
