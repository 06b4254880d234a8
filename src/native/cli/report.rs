//! `dripline report`: what a campaign cost and earned.

use super::server::{Answer, Server};
use super::table::Table;
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::minor_digits;
use crate::domain::campaign::journey::RunState;
use crate::domain::report::broadcast::BroadcastReport;
use crate::domain::report::reason::in_words;
use crate::domain::report::{Figures, JourneyRow, Report};
use crate::domain::sending::auto_pause::{PauseEvent, PauseState, Tally};
use crate::domain::sms::settings::in_minor_units;
use crate::views::broadcast::{lines, state_in_words};
use crate::views::format::{
    NONE, count, moment, money, percent, share_of_visitors, signed_percent,
};
use crate::views::report::{has_hidden_share, other_currencies};
use std::io::{self, Write};

/// Show what a campaign cost and earned
///
/// Visitors, leads, conversions, cost, revenue and return, altogether and by channel, by page
/// variant and by message. Opens and clicks that mail scanners made are not in the figures.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline report spring-webinar
  dripline report spring-webinar --json | jq '.total.roi'

Exit status: 0 shown, 1 there is no such campaign or the server refused, 2 usage.")]
pub struct Args {
    /// The campaign's id, such as spring-webinar
    #[arg(value_name = "CAMPAIGN", value_parser = campaign_id)]
    pub campaign: String,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the report as JSON, as the server gave it; amounts are in minor units
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let path = format!("/api/v1/reports/campaigns/{}", args.campaign);
    Answer::end(args.server.get(&path), args.json, terminal, print)
}

/// Prints a report as tables.
pub(super) fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let at = moment(report.generated_at, "UTC", Language::English);
    writeln!(out, "{}", report.name)?;
    writeln!(out, "{}, version {}, as of {at}\n", report.campaign, report.version)?;
    if let Some(since) = report.unpublished_at {
        let since = moment(since, "UTC", Language::English);
        writeln!(out, "UNPUBLISHED since {since}; `dripline publish` puts it back up.\n")?;
    }
    if let Some(event) = &report.brake {
        writeln!(out, "{}", auto_pause(event))?;
    }
    writeln!(out, "Funnel\n{}", funnel(&report.total))?;
    if has_hidden_share(&report.total) {
        writeln!(out, "“–” stands for more than 100 %: people who share a browser, or a network")?;
        writeln!(out, "and a kind of browser, count as one visitor.\n")?;
    }
    writeln!(out, "Return\n{}", returns(report))?;
    if let Some(sentence) = other_currencies(report, Language::English) {
        writeln!(out, "{sentence}\n")?;
    }
    for (title, table) in [
        ("By channel", channels(report)),
        ("By page and variant", variants(report)),
        ("By message", messages(report)),
        ("Text messages", texts(report)),
        ("Opened or clicked by bots, by message", bots(report)),
        ("Bounced or refused, by message", refused(report)),
    ] {
        if !table.is_empty() {
            writeln!(out, "{title}\n{table}")?;
        }
    }
    for row in &report.broadcasts {
        let state = state_in_words(row.state, row.phase, Language::English);
        writeln!(out, "Broadcast {}: {}", row.broadcast, state.to_lowercase())?;
        for line in lines(row, "UTC", Language::English) {
            writeln!(out, "  {line}")?;
        }
        if row.started_at.is_some() {
            writeln!(out, "{}", broadcast(row, report))?;
        } else {
            writeln!(out)?;
        }
    }
    for row in report.journeys.iter().filter(|row| !row.versions.is_empty()) {
        let state = match row.state {
            RunState::Running => "",
            RunState::Paused => ", paused",
            RunState::Archived => ", archived",
        };
        writeln!(out, "Journey {}{state}\n{}", row.journey, versions(row))?;
    }
    Ok(())
}

/// Formats the last auto-pause event, followed by an empty line.
fn auto_pause(event: &PauseEvent) -> String {
    let PauseEvent { campaign, at, state, reason, tally, note, .. } = event;
    let since = moment(*at, "UTC", Language::English);
    let Tally { sent, bounced, complained } = tally;
    let figures = match reason.as_str() {
        "bounces" => format!("{bounced} of {sent} e-mails in seven days bounced permanently"),
        _ => format!("{complained} of {sent} e-mails in seven days were marked as spam"),
    };
    match state {
        PauseState::Healthy => String::new(),
        PauseState::Warned => format!("WARNED since {since}: {figures}.\n"),
        PauseState::Stopped => format!(
            "STOPPED since {since}: {figures}. Its marketing messages wait for\n\
             dripline campaign release {campaign} --note '…'\n"
        ),
        PauseState::Released => format!("Released since {since}: {note}\n"),
    }
}

fn funnel(total: &Figures) -> Table {
    let mut table = Table::new(1, &["", "", "of visitors"]);
    for (stage, number) in [
        ("Visitors", total.visitors),
        ("Leads", total.leads),
        ("New contacts", total.contacts),
        ("Conversions", total.conversions),
    ] {
        let is_part = total.visitors > 0 && stage != "Visitors";
        let share = is_part.then(|| number as f64 / total.visitors as f64);
        let share = share.map(|share| share_of_visitors(Some(share))).unwrap_or_default();
        table.row(vec![stage.to_owned(), count(number), share]);
    }
    table
}

fn returns(report: &Report) -> Table {
    let total = &report.total;
    let mut table =
        Table::new(0, &["Cost", "Revenue", "ROI", "Cost per lead", "Cost per conversion"]);
    table.row(vec![
        amount(total.cost_minor, report),
        amount(total.revenue_minor, report),
        signed_percent(total.roi()),
        amount_if(total.cost_per_lead(), report),
        amount_if(total.cost_per_conversion(), report),
    ]);
    table
}

fn channels(report: &Report) -> Table {
    let heads = [
        "Channel", "Visitors", "Leads", "New contacts", "Conversions", "Cost", "Revenue",
        "Cost per lead", "ROI",
    ];
    let mut table = Table::new(1, &heads);
    for row in &report.by_channel {
        let mut cells = vec![row.channel.clone()];
        cells.extend(counts(&row.figures));
        cells.push(amount(row.figures.cost_minor, report));
        cells.push(amount(row.figures.revenue_minor, report));
        cells.push(amount_if(row.figures.cost_per_lead(), report));
        cells.push(signed_percent(row.figures.roi()));
        table.row(cells);
    }
    table
}

fn variants(report: &Report) -> Table {
    let heads = [
        "Page", "Variant", "Visitors", "Leads", "New contacts", "Conversions", "Leads per visitor",
        "Revenue",
    ];
    let mut table = Table::new(2, &heads);
    for row in &report.by_variant {
        let page = if row.page.is_empty() { "(other sites)" } else { &row.page };
        let mut cells = vec![page.to_owned(), row.variant.clone()];
        cells.extend(counts(&row.figures));
        cells.push(share_of_visitors(row.figures.lead_rate()));
        cells.push(amount(row.figures.revenue_minor, report));
        table.row(cells);
    }
    table
}

/// The segments and costs of SMS, by template.
fn texts(report: &Report) -> Table {
    let mut table = Table::new(1, &["Template", "Segments", "Cost"]);
    let digits = minor_digits(&report.currency);
    for row in report.messages.iter().filter(|row| row.figures.segments > 0) {
        let cost = in_minor_units(row.figures.cost_micros, digits);
        let cells = [row.template.clone(), count(row.figures.segments), amount(cost, report)];
        table.row(cells.into());
    }
    table
}

/// The templates whose messages were opened or clicked by bots.
fn bots(report: &Report) -> Table {
    let mut table = Table::new(1, &["Template", "Opens", "Clicks"]);
    for row in &report.messages {
        let counts = [row.figures.machine_opens, row.figures.machine_clicks];
        if counts.iter().any(|n| *n > 0) {
            let mut cells = vec![row.template.clone()];
            cells.extend(counts.map(count));
            table.row(cells);
        }
    }
    table
}

/// The templates whose messages bounced, or led to complaints or unsubscriptions.
fn refused(report: &Report) -> Table {
    let heads = ["Template", "Bounced", "Hard bounces", "Complaints", "Unsubscribed"];
    let mut table = Table::new(1, &heads);
    for row in &report.messages {
        let f = &row.figures;
        let counts = [f.bounced, f.hard_bounced, f.complained, f.unsubscribed];
        if counts.iter().any(|n| *n > 0) {
            let mut cells = vec![row.template.clone()];
            cells.extend(counts.map(count));
            table.row(cells);
        }
    }
    table
}

fn messages(report: &Report) -> Table {
    let heads = ["Template", "Sent", "Delivered", "Opened", "Clicked", "Open rate", "Click rate"];
    let mut table = Table::new(1, &heads);
    let mut rows: Vec<(&str, _)> =
        report.messages.iter().map(|row| (row.template.as_str(), row.figures)).collect();
    if rows.len() > 1 {
        rows.push(("All", report.messages_total()));
    }
    for (template, figures) in rows {
        let mut cells = vec![template.to_owned()];
        cells.extend([figures.sent, figures.delivered, figures.opened, figures.clicked].map(count));
        cells.push(percent(figures.open_rate()));
        cells.push(percent(figures.click_rate()));
        table.row(cells);
    }
    table
}

fn broadcast(row: &BroadcastReport, report: &Report) -> Table {
    let heads = [
        "Variant", "Recipients", "Sent", "Delivered", "Opened", "Clicked", "Click rate", "Bounced",
        "Unsubscribed", "Converted", "Revenue",
    ];
    let mut table = Table::new(1, &heads);
    for figures in &row.variants {
        let messages = &figures.messages;
        let mut cells = vec![figures.variant.clone(), count(figures.recipients)];
        let counts = [messages.sent, messages.delivered, messages.opened, messages.clicked];
        cells.extend(counts.map(count));
        cells.push(percent(messages.click_rate()));
        let counts = [messages.bounced, messages.unsubscribed, figures.converted];
        cells.extend(counts.map(count));
        cells.push(amount(figures.earned_minor, report));
        table.row(cells);
    }
    table
}

fn versions(row: &JourneyRow) -> Table {
    let heads = ["Version", "Entered", "Inside", "Completed", "Left", "Failed", "Step or reason"];
    let mut table = Table::new(1, &heads);
    for figures in &row.versions {
        let counts =
            [figures.entered, figures.active, figures.completed, figures.exited, figures.failed];
        let mut cells = vec![figures.version.to_string()];
        cells.extend(counts.map(count));
        cells.push(String::new());
        table.row(cells);
        let mut part = |column: usize, name: String, people: i64| {
            let mut cells = vec![String::new(); heads.len()];
            cells[column] = count(people);
            cells[heads.len() - 1] = name;
            table.row(cells);
        };
        figures.by_step.iter().for_each(|(step, n)| part(2, step.clone(), *n));
        let in_english = |reason: &str| in_words(reason, Language::English);
        figures.by_reason.iter().for_each(|(reason, n)| part(4, in_english(reason), *n));
    }
    table
}

fn counts(figures: &Figures) -> [String; 4] {
    [figures.visitors, figures.leads, figures.contacts, figures.conversions].map(count)
}

fn amount(minor: i64, report: &Report) -> String {
    money(minor, &report.currency, Language::English)
}

fn amount_if(minor: Option<i64>, report: &Report) -> String {
    minor.map_or_else(|| NONE.to_owned(), |minor| amount(minor, report))
}

/// Reads a campaign's id in a form that is safe in a URL.
pub(super) fn campaign_id(text: &str) -> Result<String, String> {
    let is_part_of_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    match !text.is_empty() && text.chars().all(is_part_of_id) {
        true => Ok(text.to_owned()),
        false => Err("an id has small letters, digits, hyphens and underscores only".to_owned()),
    }
}
