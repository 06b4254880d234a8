//! `dripline inspect`: why is this refused?

use super::check::{counts, totals};
use super::{Exit, Terminal};
use crate::domain::address::{AddressProblem, read_email, read_phone};
use crate::domain::campaign_file::Diagnostic;
use crate::domain::country;
use crate::native::project::{inspect_template, load_campaign};
use serde_json::{Value, json};
use std::io;
use std::path::Path;

/// Explain why something is refused, or what it is taken for
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
Without arguments, one input is read from each line of standard input:
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

/// What was found out about one input.
struct Verdict {
    is_ok: bool,
    /// What is said beside the input, a line each.
    lines: Vec<String>,
    /// What is said in JSON beside `input` and `ok`.
    json: Value,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match &args.subject {
        Subject::Email(inputs) => each(inputs, terminal, |typed| address(read_email(typed))),
        Subject::Phone(Phones { inputs, region }) => {
            each(inputs, terminal, |typed| address(read_phone(typed, region.as_deref())))
        }
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

fn address(read: Result<String, AddressProblem>) -> Verdict {
    match read {
        Ok(normal) => Verdict {
            is_ok: true,
            json: json!({ "normal": normal, "reason": null, "message": null }),
            lines: vec![format!("accepted, kept as {normal}")],
        },
        Err(problem) => {
            let message = problem.to_string();
            let json = json!({ "normal": null, "reason": problem, "message": message });
            Verdict { is_ok: false, json, lines: vec![format!("refused: {message}")] }
        }
    }
}

fn file(found: Result<String, Vec<Diagnostic>>) -> Verdict {
    match found {
        Ok(accepted) => {
            let json = json!({ "accepted": accepted });
            Verdict { is_ok: true, json, lines: vec![accepted] }
        }
        Err(problems) => {
            let mut lines = vec!["refused".to_owned()];
            lines.extend(problems.iter().map(Diagnostic::to_string));
            Verdict { is_ok: false, json: json!({ "problems": problems }), lines }
        }
    }
}

/// Looks at each input and answers at once, so that long lists can be piped through.
fn each(
    inputs: &Inputs,
    terminal: &mut Terminal<'_>,
    look: impl Fn(&str) -> Verdict,
) -> io::Result<Exit> {
    let (mut seen, mut exit) = (false, Exit::Ok);
    let mut answer = |input: &str, out: &mut dyn io::Write| {
        seen = true;
        let Verdict { is_ok, lines, json: mut object } = look(input);
        if !is_ok {
            exit = Exit::Wrong;
        }
        if inputs.json {
            object["input"] = input.into();
            object["ok"] = is_ok.into();
            return writeln!(out, "{object}");
        }
        writeln!(out, "{input}: {}", lines.join("\n  "))
    };
    for input in &inputs.inputs {
        answer(input, terminal.out)?;
    }
    if inputs.inputs.is_empty() {
        let mut line = Vec::new();
        while terminal.input.read_until(b'\n', &mut line)? > 0 {
            let text = String::from_utf8_lossy(&line);
            let input = text.trim();
            if !input.is_empty() {
                answer(input, terminal.out)?;
            }
            line.clear();
        }
    }
    if !seen {
        return terminal.usage("nothing to look at: give an argument, or lines on standard input");
    }
    Ok(exit)
}

/// Reads a country's code.
fn region(text: &str) -> Result<String, String> {
    let code = text.to_ascii_uppercase();
    match country::find(&code) {
        Some(_) => Ok(code),
        None => Err("give an ISO 3166 code of two letters, such as CN or GB".to_owned()),
    }
}
