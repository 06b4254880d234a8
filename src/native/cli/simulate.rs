//! `dripline simulate`: who would get which messages when, and what would result.

use super::progress::Progress;
use super::table::{Table, cut};
use super::{Exit, Terminal, check, faults, report};
use crate::domain::base::primitives::{Millis, Money};
use crate::domain::campaign::Compiled;
use crate::domain::contact::message::MessageState;
use crate::domain::record::enrollment::EnrollmentState;
use crate::domain::time::calendar;
use crate::native::campaign_sim::people::{DIRECT_SHARE, OPTIONAL_SHARE};
use crate::native::campaign_sim::{Entry, Options, Outcome, simulate};
use crate::native::clock::Stopwatch;
use crate::native::project::{campaign_files, load_campaign};
use crate::views::format::count;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const CAMPAIGNS: &str = "campaigns";

/// How much of a subject or an SMS the calendar shows, in columns of the screen.
const DETAIL_COLUMNS_MAX: usize = 60;

/// Run a campaign over made-up contacts through virtual days
///
/// The campaign runs through the same flows as on a server, over a database in memory, with
/// a clock that jumps: forms are sent, consents given and confirmed, journeys taken step by step,
/// messages rendered, opened, clicked and refused, orders counted. Nothing leaves this machine.
///
/// The people are made up from the seed: the same seed and campaign give the same output, byte
/// for byte. Visitors come over the first third of the days, at most two weeks, through the
/// channels that the campaign's costs name, by their share of the money; a fifth of them come
/// directly. Optional fields are filled in by six in ten. An e-mail is looked at 2 minutes to 34
/// hours after it came, often soon; a goal is reached between 4 hours after the form and the
/// goal's limit.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline simulate spring-webinar
  dripline simulate spring-webinar --contacts 1000 --click 0.15 --buy 0.02 --calendar 0
  dripline simulate campaigns/white-paper.toml --calendar all | less
  dripline simulate white-paper --json | jq .report.total
  dripline simulate --faults 60

Exit status: 0 it ran, 1 the campaign is wrong or an invariant does not hold, 2 usage.")]
pub struct Args {
    /// The campaign's id or its file; may be left out where there is only one
    #[arg(value_name = "CAMPAIGN")]
    pub campaign: Option<PathBuf>,
    /// Try instead to break the engine with every fault, for so many seconds, seed after seed;
    /// exit status 1 if an invariant does not hold. The last line is the report, in JSON
    #[arg(long, value_name = "SECONDS", conflicts_with = "campaign")]
    pub faults: Option<u64>,
    /// End after so many seeds, should there be time for more: the same on any machine
    #[arg(long, value_name = "N", requires = "faults")]
    pub runs: Option<u64>,
    /// Put known defects into the engine, one after another, and count the seeds it takes to catch
    /// each; exit status 1 if one is not caught. The last line is the report, in JSON
    #[arg(long, conflicts_with_all = ["campaign", "faults"])]
    pub defects: bool,
    /// How many people send a form
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub contacts: u32,
    /// How many days pass
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub days: u32,
    /// The seed of all random choices; another seed gives other people
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// When it begins
    #[arg(long, value_name = "TIME", default_value = "2026-03-02T09:00Z", value_parser = instant)]
    pub start: Millis,
    /// Of how many contacts the calendar shows everything: a number, or all
    #[arg(long, value_name = "N|all", default_value = "3", value_parser = shown)]
    pub calendar: usize,
    /// What people do
    #[command(flatten)]
    pub shares: Shares,
    /// What reaching the goal is worth on average, in the campaign's currency; it varies by half
    #[arg(long, value_name = "AMOUNT", default_value = "500")]
    pub order: String,
    /// Print one JSON object: the calendar, the report, and the totals
    #[arg(long)]
    pub json: bool,
}

/// How often people do what they do, from 0 (never) to 1 (always).
#[derive(clap::Args, Clone, Copy, Debug)]
#[command(next_help_heading = "What people do, as shares from 0 (never) to 1 (always)")]
pub struct Shares {
    /// Visitors who send the form
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = lead_share)]
    pub lead: f64,
    /// Those who agree to be written to, where the form leaves it free
    #[arg(long, value_name = "SHARE", default_value_t = 0.8, value_parser = share)]
    pub consent: f64,
    /// Those who confirm their address when asked (double opt-in)
    #[arg(long, value_name = "SHARE", default_value_t = 0.7, value_parser = share)]
    pub confirm: f64,
    /// E-mails that are opened
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    pub open: f64,
    /// E-mails in which a link is clicked; those are opened too
    #[arg(long, value_name = "SHARE", default_value_t = 0.3, value_parser = share)]
    pub click: f64,
    /// E-mails that make their reader unsubscribe
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    pub unsubscribe: f64,
    /// Contacts who reach the campaign's goal
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    pub buy: f64,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    if let Some(seconds) = args.faults {
        let end = args.runs.map_or(u64::MAX, |runs| args.seed.saturating_add(runs));
        return faults::try_faults(seconds, args.seed..end, terminal);
    }
    if args.defects {
        return faults::try_defects(args.seed, terminal);
    }
    let file = match file(args.campaign.as_deref()) {
        Ok(file) => file,
        Err(message) => return terminal.usage(message),
    };
    let compiled = match load_campaign(&file) {
        Ok(compiled) => compiled,
        Err(problems) => {
            match args.json {
                true => writeln!(terminal.out, "{}", json!({ "ok": false, "problems": problems }))?,
                false => check::print(&problems, terminal)?,
            }
            return Ok(Exit::Wrong);
        }
    };
    let currency = &compiled.campaign.currency;
    let Some(order) = Money::parse(&args.order, currency).filter(|order| order.minor >= 0) else {
        return terminal.usage(format!("--order: {} is no amount in {currency}", args.order));
    };
    let options = options(args, order.minor);
    let watch = Stopwatch::start();
    let outcome = {
        let progress = Progress::new(args.days.into(), "Simulating days");
        let report = |now: Millis| progress.set(((now.0 - args.start.0) / DAY_MS).unsigned_abs());
        simulate(compiled.clone(), &options, report)
    };
    let seconds = watch.elapsed().as_secs_f64();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(message) => {
            writeln!(terminal.err, "dripline: {message}")?;
            return Ok(Exit::Wrong);
        }
    };
    match args.json {
        true => writeln!(terminal.out, "{}", json(args, &compiled, &outcome, seconds))?,
        false => {
            print(args, &compiled, &outcome, terminal.out)?;
            terminal.out.flush()?;
            let steps = outcome.steps();
            let rate = count((steps as f64 / seconds) as i64);
            let steps = count(steps);
            writeln!(terminal.err, "{steps} steps in {seconds:.1} s, {rate} steps a second")?;
        }
    }
    Ok(Exit::Ok)
}

const DAY_MS: i64 = 86_400_000;

fn options(args: &Args, order_minor: i64) -> Options {
    let Shares { lead, consent, confirm, open, click, unsubscribe, buy } = args.shares;
    Options {
        contacts: args.contacts as usize,
        days: args.days.into(),
        seed: args.seed,
        start: args.start,
        lead,
        consent,
        confirm,
        open,
        click,
        unsubscribe,
        buy,
        order_minor,
    }
}

/// Finds the campaign's file: by path, by id, or the only one.
fn file(campaign: Option<&Path>) -> Result<PathBuf, String> {
    let folder = Path::new(CAMPAIGNS);
    let known = || campaign_files(folder).map_err(|message| format!("{CAMPAIGNS}: {message}"));
    let ids = |files: &[PathBuf]| {
        let stems = files.iter().filter_map(|file| file.file_stem()?.to_str());
        stems.collect::<Vec<_>>().join(", ")
    };
    let Some(campaign) = campaign else {
        let files = known()?;
        return match &files[..] {
            [only] => Ok(only.clone()),
            several => Err(format!("say which campaign: {}", ids(several))),
        };
    };
    if campaign.is_file() {
        return Ok(campaign.to_owned());
    }
    let file = folder.join(campaign).with_extension("toml");
    if file.is_file() {
        return Ok(file);
    }
    let files = known()?;
    Err(format!("there is no campaign {}; there are: {}", campaign.display(), ids(&files)))
}

fn print(
    args: &Args,
    compiled: &Compiled,
    outcome: &Outcome,
    out: &mut dyn Write,
) -> io::Result<()> {
    let campaign = &compiled.campaign;
    let people = if args.contacts == 1 { "contact" } else { "contacts" };
    let days = if args.days == 1 { "day" } else { "days" };
    let start = args.start.rfc3339();
    writeln!(
        out,
        "{} made-up {people} of {}, {} {days} from {start}, seed {}\n",
        count(args.contacts.into()),
        campaign.id,
        args.days,
        args.seed
    )?;
    print_calendar(args, outcome, out)?;
    report::print(&outcome.report, out)?;
    let tables = [
        ("Held back", held_back(outcome)),
        ("Journeys", journeys(outcome)),
        ("Segments, contacts", segments(compiled, outcome)),
    ];
    for (title, table) in tables.iter().filter(|(_, table)| !table.is_empty()) {
        writeln!(out, "{title}\n{table}")?;
    }
    if let (refused, Some(first)) = &outcome.refused {
        writeln!(out, "{refused} made-up answers did not fit the form; the first: {first}\n")?;
    }
    Ok(())
}

fn print_calendar(args: &Args, outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    if args.calendar == 0 {
        return Ok(());
    }
    let mut table =
        Table::new(6, &["Date", "Time there", "Contact", "Channel", "What happens", "Detail"]);
    for entry in outcome.calendar.iter().filter(|entry| entry.person < args.calendar) {
        let Some(local) = local(entry) else { continue };
        let one_line = entry.detail.split_whitespace().collect::<Vec<_>>().join(" ");
        table.row(vec![
            local.strftime("%a %-d %b").to_string(),
            local.strftime("%H:%M").to_string(),
            entry.address.clone(),
            entry.channel.clone(),
            entry.what.clone(),
            cut(&one_line, DETAIL_COLUMNS_MAX),
        ]);
    }
    let all = args.contacts as usize;
    match args.calendar < all {
        true => {
            let shown = args.calendar;
            writeln!(out, "Calendar of {shown} of the {all} contacts (--calendar all shows all)")?;
        }
        false => writeln!(out, "Calendar")?,
    }
    writeln!(out, "{table}")
}

/// The messages that were not sent, and why.
fn held_back(outcome: &Outcome) -> Table {
    let mut table = Table::new(3, &["Template", "Channel", "Why", "Messages"]);
    for total in &outcome.messages {
        let why = match total.state {
            MessageState::Sent
            | MessageState::Delivered
            | MessageState::Bounced
            | MessageState::Complained => continue,
            MessageState::Queued | MessageState::Sending => "waits to be sent".to_owned(),
            MessageState::Skipped => total.reason.replace('_', " "),
            MessageState::Failed => format!("failed: {}", total.reason),
            MessageState::Unknown => format!("unknown: {}", total.reason),
        };
        let channel = total.channel.as_str().to_owned();
        table.row(vec![total.template.clone(), channel, why, count(total.count)]);
    }
    table
}

fn journeys(outcome: &Outcome) -> Table {
    let heads = ["Journey", "Entered", "Inside", "Completed", "Left", "Failed", "Steps"];
    let mut table = Table::new(1, &heads);
    let mut sums = BTreeMap::<&str, [i64; 6]>::new();
    for total in &outcome.journeys {
        let sum = sums.entry(&total.journey).or_default();
        let column = match total.state {
            EnrollmentState::Active => 1,
            EnrollmentState::Completed => 2,
            EnrollmentState::Exited => 3,
            EnrollmentState::Failed => 4,
        };
        sum[0] += total.count;
        sum[column] += total.count;
        sum[5] += total.steps;
    }
    for (journey, sum) in sums {
        let mut cells = vec![journey.to_owned()];
        cells.extend(sum.map(count));
        table.row(cells);
    }
    table
}

/// Every segment of the campaign, including empty ones.
fn segments(compiled: &Compiled, outcome: &Outcome) -> Table {
    let mut table = Table::new(1, &["Segment", "Ever in it", "At the end"]);
    for name in compiled.campaign.segments.keys() {
        let is_it = |id: &str| id.split_once('.').is_some_and(|(_, known)| known == name);
        let total = outcome.segments.iter().find(|total| is_it(total.segment_id.as_str()));
        let (ever, now) = total.map_or((0, 0), |total| (total.ever, total.now));
        table.row(vec![name.clone(), count(ever), count(now)]);
    }
    table
}

fn json(args: &Args, compiled: &Compiled, outcome: &Outcome, seconds: f64) -> Value {
    let Shares { lead, consent, confirm, open, click, unsubscribe, buy } = args.shares;
    let calendar: Vec<Value> = outcome
        .calendar
        .iter()
        .filter(|entry| entry.person < args.calendar)
        .map(|entry| {
            let local = local(entry).map(|local| local.strftime("%Y-%m-%dT%H:%M%:z").to_string());
            json!({ "at": entry.at.rfc3339(), "local": local, "contact": entry.address,
                    "channel": entry.channel, "what": entry.what, "detail": entry.detail })
        })
        .collect();
    let steps = outcome.steps();
    json!({
        "ok": true,
        "campaign": compiled.campaign.id,
        "contacts": args.contacts,
        "days": args.days,
        "seed": args.seed,
        "start": args.start.rfc3339(),
        "assumed": { "lead": lead, "consent": consent, "confirm": confirm, "open": open,
                     "click": click, "unsubscribe": unsubscribe, "buy": buy, "order": args.order,
                     "direct": DIRECT_SHARE, "optional_field": OPTIONAL_SHARE },
        "calendar": calendar,
        "report": outcome.report,
        "messages": outcome.messages,
        "journeys": outcome.journeys,
        "segments": outcome.segments,
        "refused_forms": outcome.refused.0,
        "timing": { "seconds": seconds, "steps": steps,
                    "steps_per_second": (steps as f64 / seconds) as i64 },
    })
}

/// Returns the entry's time in the contact's time zone.
fn local(entry: &Entry) -> Option<jiff::Zoned> {
    let zone = calendar::zone(&[Some(&entry.time_zone)]);
    Some(Timestamp::from_millisecond(entry.at.0).ok()?.to_zoned(zone))
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "give a number from 0 to 1, such as 0.3".to_owned())
}

/// Reads a share of visitors. The minimum limits a run to a thousand visitors per contact.
fn lead_share(text: &str) -> Result<f64, String> {
    let share = share(text).ok().filter(|share| *share >= 0.001);
    share.ok_or_else(|| "give a number from 0.001 to 1, such as 0.2".to_owned())
}

fn instant(text: &str) -> Result<Millis, String> {
    let read = text.parse::<Timestamp>().map(|instant| Millis(instant.as_millisecond()));
    read.map_err(|_| "give an instant with its offset, such as 2026-03-02T09:00Z".to_owned())
}

fn shown(text: &str) -> Result<usize, String> {
    match text {
        "all" => Ok(usize::MAX),
        number => number.parse().map_err(|_| "give a number, or all".to_owned()),
    }
}
