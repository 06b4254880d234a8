//! `dripline inspect`: explains why an input is refused.

mod bounce;

use super::check::{counts, totals};
use super::{Exit, Terminal};
use crate::domain::base::language::Language;
use crate::domain::campaign_file::Diagnostic;
use crate::domain::contact::address::{AddressProblem, read_email, read_phone};
use crate::domain::contact::country;
use crate::domain::inbound::bot_detection::{self, Agent, Fetched};
use crate::domain::report::reason;
use crate::domain::sms::encoding::{self, SEGMENTS_MAX, Sms};
use crate::native::project::{inspect_template, load_campaign};
use serde_json::{Value, json};
use std::io::{self, BufRead, Read};
use std::path::Path;

/// The longest line that is read, in bytes: far longer than any message, number or user agent.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Explain how dripline reads and classifies input
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to look at
    #[command(subcommand)]
    pub subject: Subject,
}

/// The kinds of things that can be looked at.
#[derive(clap::Subcommand, Debug)]
pub enum Subject {
    /// E-mail addresses: may a form send this, and in what form is it kept?
    ///
    /// With --json: {"input": …, "ok": …, "normal": …, "reason": …, "message": …} for each.
    Email(Inputs),
    /// Phone numbers: may a form send this, and what is it in E.164?
    ///
    /// With --json: {"input": …, "ok": …, "normal": …, "reason": …, "message": …} for each.
    Phone(Phones),
    /// Text messages: how are they sent, in how many segments, and what makes them expensive?
    ///
    /// With --json: {"input": …, "ok": …, "encoding": "GSM-7", "units": …, "segments": …,
    /// "free": …, "parts": […], "forcing_ucs2": [{"character": …, "code": …, "instead": …}],
    /// "reason": …, "message": …} for each.
    Sms(Inputs),
    /// User agents: would a click, or an opening, with it count as a person's, and why not?
    ///
    /// With --json: {"input": …, "ok": true, "human": …, "reason": …, "message": …,
    /// "open": {"human": …, "reason": …, "message": …}, "kept": …} for each.
    UserAgent(Inputs),
    /// What came back: does it speak against the address, and why?
    ///
    /// Give what the receiver said, such as "550 5.1.1 no such user". Standard input is either
    /// such replies, one a line, or whole messages (RFC 3464): one that begins with its headers, or
    /// many as a mailbox file has them, each after a line "From …".
    ///
    /// With --json: {"input": …, "ok": …, "kind": "hard" | "soft" | "block" | …, "reason": …,
    /// "status": …, "message": …, "words": …} for each; of a message, "input" is its first line,
    /// and "ok" is false for what nobody understands.
    Bounce(Inputs),
    /// A template's file: does it compile, and do the campaigns using it know its variables?
    ///
    /// With --json: {"input": …, "ok": true, "accepted": …} or {…, "ok": false, "problems": […]}.
    Template(Inputs),
    /// A campaign's file with all of its templates
    ///
    /// With --json: {"input": …, "ok": true, "accepted": …} or {…, "ok": false, "problems": […]}.
    Campaign(Inputs),
}

/// What to look at, and how to answer.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Without arguments, one input is read from each line of standard input, and answered in their
order; empty lines are skipped, and a summary follows at the end:
  ls templates/pages/*.hbs | dripline inspect template --json
  cut -d, -f3 leads.csv | dripline inspect email --json | jq -r 'select(.ok | not) | .message'

Exit status: 0 all are accepted, 1 some are refused, 2 there is nothing to look at.")]
pub struct Inputs {
    /// One or more inputs; from standard input, one a line, if there are none here
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<String>,
    /// Print one JSON object a line for each input
    #[arg(long)]
    pub json: bool,
}

/// Phone numbers, and where they are dialled.
#[derive(clap::Args, Debug)]
pub struct Phones {
    /// The numbers
    #[command(flatten)]
    pub inputs: Inputs,
    /// The ISO 3166 country that numbers without + are read in, such as CN
    #[arg(long, value_name = "COUNTRY", value_parser = region)]
    pub region: Option<String>,
}

/// The findings about one input.
struct Finding {
    is_ok: bool,
    /// The text printed beside the input, line by line.
    lines: Vec<String>,
    /// The JSON members beside `input` and `ok`.
    json: Value,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match &args.subject {
        Subject::Email(inputs) => each(inputs, terminal, |typed| address(read_email(typed))),
        Subject::Phone(Phones { inputs, region }) => {
            each(inputs, terminal, |typed| address(read_phone(typed, region.as_deref())))
        }
        Subject::Sms(inputs) => each(inputs, terminal, text_message),
        Subject::UserAgent(inputs) => each(inputs, terminal, user_agent),
        Subject::Bounce(inputs) => bounce::run(inputs, terminal),
        Subject::Template(inputs) => {
            each(inputs, terminal, |path| file(inspect_template(Path::new(path))))
        }
        Subject::Campaign(inputs) => each(inputs, terminal, |path| {
            let owned = |one| totals(&counts(&[one])[1..]);
            let found = load_campaign(Path::new(path));
            file(found.map(|one| format!("accepted with {}", owned(one))))
        }),
    }
}

fn address(read: Result<String, AddressProblem>) -> Finding {
    match read {
        Ok(normal) => Finding {
            is_ok: true,
            json: json!({ "normal": normal, "reason": null, "message": null }),
            lines: vec![format!("accepted, kept as {normal}")],
        },
        Err(problem) => {
            let message = problem.to_string();
            let json = json!({ "normal": null, "reason": problem, "message": message });
            Finding { is_ok: false, json, lines: vec![format!("refused: {message}")] }
        }
    }
}

fn text_message(text: &str) -> Finding {
    let Sms { encoding, units, segments, free } = Sms::of(text);
    let count = segments.len();
    let problem = match count {
        0 => Some(("empty", "there is no text".to_owned())),
        1..=SEGMENTS_MAX => None,
        _ => Some(("too_long", format!("it takes {count} segments; the most is {SEGMENTS_MAX}"))),
    };
    let forcing = encoding::forcing_ucs2(text);
    let dear: Vec<Value> = forcing
        .iter()
        .map(|c| {
            let code = format!("U+{:04X}", u32::from(*c));
            json!({ "character": c, "code": code, "instead": encoding::replacement(*c) })
        })
        .collect();
    let ending = if count == 1 { "" } else { "s" };
    let mut lines =
        vec![format!("{}, {units} units, {count} segment{ending}, {free} free", encoding.as_str())];
    lines.extend(problem.as_ref().map(|(_, message)| format!("refused: {message}")));
    lines.extend(forcing.iter().filter_map(|c| {
        let by = encoding::replacement(*c)?;
        let by = if by.is_empty() { "nothing".to_owned() } else { format!("`{by}`") };
        Some(format!("U+{:04X} `{c}`: {by} would do, in GSM-7", u32::from(*c)))
    }));
    let parts: Vec<&str> = segments.iter().map(|segment| &text[segment.clone()]).collect();
    let json = json!({
        "encoding": encoding, "units": units, "segments": count, "free": free, "parts": parts,
        "forcing_ucs2": dear, "reason": problem.as_ref().map(|(reason, _)| reason),
        "message": problem.as_ref().map(|(_, message)| message),
    });
    Finding { is_ok: problem.is_none(), lines, json }
}

fn user_agent(agent: &str) -> Finding {
    // Classify what the edge would classify: the part of the user agent that is stored.
    let kept = bot_detection::known_agent(agent);
    let read = Agent::read(&kept);
    let classified = |fetched| {
        let reason = read.classify(fetched);
        let message = reason.map(|reason| reason::in_words(reason, Language::English));
        let said = match &message {
            None => "a person".to_owned(),
            Some(message) => format!("a machine ({message})"),
        };
        let json = json!({ "human": reason.is_none(), "reason": reason, "message": message });
        (json, said)
    };
    let (mut json, click) = classified(Fetched::Link);
    let (open, opening) = classified(Fetched::Pixel);
    json["open"] = open;
    json["kept"] = kept.into();
    let lines = vec![format!("a click counts as that of {click}, an opening as {opening}'s")];
    Finding { is_ok: true, lines, json }
}

fn file(found: Result<String, Vec<Diagnostic>>) -> Finding {
    match found {
        Ok(accepted) => {
            let json = json!({ "accepted": accepted });
            Finding { is_ok: true, json, lines: vec![accepted] }
        }
        Err(problems) => {
            let mut lines = vec!["refused".to_owned()];
            lines.extend(problems.iter().map(Diagnostic::to_string));
            Finding { is_ok: false, json: json!({ "problems": problems }), lines }
        }
    }
}

/// The numbers of inputs seen and refused.
#[derive(Default)]
struct Tally {
    seen: u64,
    refused: u64,
}

/// Inspects each input in turn, so that lists of any length can be piped through.
fn each(
    inputs: &Inputs,
    terminal: &mut Terminal<'_>,
    look: impl Fn(&str) -> Finding,
) -> io::Result<Exit> {
    let mut tally = Tally::default();
    for input in &inputs.inputs {
        answer(input, look(input), inputs.json, &mut tally, terminal.out)?;
    }
    if inputs.inputs.is_empty() {
        each_line(inputs.json, terminal, &look, &mut tally)?;
    }
    match tally {
        Tally { seen: 0, .. } => {
            terminal.usage("nothing to look at: give an argument, or lines on standard input")
        }
        Tally { refused: 0, .. } => Ok(Exit::Ok),
        Tally { .. } => Ok(Exit::Wrong),
    }
}

/// Inspects the lines of standard input, with one in memory at a time. Trailing spaces count only
/// in an SMS, so `look` decides whether they belong to a line.
fn each_line(
    as_json: bool,
    terminal: &mut Terminal<'_>,
    look: impl Fn(&str) -> Finding,
    tally: &mut Tally,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(&mut *terminal.out);
    let mut line = Vec::new();
    while read_line(terminal.input, &mut line)? {
        let text = String::from_utf8_lossy(&line);
        let input = text.trim_end_matches(['\r', '\n']);
        let finding = match &text {
            _ if input.trim().is_empty() => continue,
            _ if line.len() > LINE_BYTES_MAX => {
                unreadable("line_too_long", format!("longer than {LINE_BYTES_MAX} bytes"))
            }
            std::borrow::Cow::Owned(_) => unreadable("not_utf8", "not UTF-8".to_owned()),
            std::borrow::Cow::Borrowed(_) => look(input),
        };
        let shown = input.chars().take(if line.len() > LINE_BYTES_MAX { 80 } else { usize::MAX });
        answer(&shown.collect::<String>(), finding, as_json, tally, &mut out)?;
    }
    io::Write::flush(&mut out)?;
    drop(out);
    let Tally { seen, refused } = tally;
    if *seen > 0 {
        writeln!(terminal.err, "{seen} looked at, {refused} refused")?;
    }
    Ok(())
}

/// Reads a line. Of a line over the limit it keeps one byte more than the limit and skips the rest.
/// Returns whether there was a line.
fn read_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let mut limited = (&mut *input).take(LINE_BYTES_MAX as u64 + 1);
    if limited.read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.len() > LINE_BYTES_MAX && line.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}

fn unreadable(reason: &str, message: String) -> Finding {
    let lines = vec![format!("refused: {message}")];
    Finding { is_ok: false, lines, json: json!({ "reason": reason, "message": message }) }
}

fn answer(
    input: &str,
    finding: Finding,
    as_json: bool,
    tally: &mut Tally,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Finding { is_ok, lines, json: mut object } = finding;
    tally.seen += 1;
    tally.refused += u64::from(!is_ok);
    if as_json {
        object["input"] = input.into();
        object["ok"] = is_ok.into();
        return writeln!(out, "{object}");
    }
    writeln!(out, "{input}: {}", lines.join("\n  "))
}

fn region(text: &str) -> Result<String, String> {
    let code = text.to_ascii_uppercase();
    match country::find(&code) {
        Some(_) => Ok(code),
        None => Err("give an ISO 3166 code of two letters, such as CN or GB".to_owned()),
    }
}
