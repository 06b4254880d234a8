//! `dripline inspect`: why is this refused?

use super::check::{counts, totals};
use super::{Exit, Terminal};
use crate::native::project::{inspect_template, load_campaign};
use serde::Serialize;
use serde_json::json;
use std::fmt::Display;
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
    /// A template's file: does it compile, and do the campaigns using it know its variables?
    Template(Inputs),
    /// A campaign's file with all of its templates
    Campaign(Inputs),
}

/// What to look at, and how to answer.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Without arguments, one input is read from each line of standard input:
  ls templates/pages/*.hbs | dripline inspect template --json

Exit status: 0 all are accepted, 1 some are refused, 2 there is nothing to look at.")]
pub struct Inputs {
    /// One or more inputs; from standard input, one a line, if there are none here
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<String>,
    /// Print one JSON object a line: {"input": …, "ok": …, "accepted" or "problems": …}
    #[arg(long)]
    pub json: bool,
}

/// Runs the command.
pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    match &args.subject {
        Subject::Template(inputs) => {
            each(inputs, terminal, |path| inspect_template(Path::new(path)))
        }
        Subject::Campaign(inputs) => each(inputs, terminal, |path| {
            let owned = |one| totals(&counts(&[one])[1..]);
            load_campaign(Path::new(path)).map(|one| format!("accepted with {}", owned(one)))
        }),
    }
}

/// Looks at each input and answers at once, so that long lists can be piped through.
fn each<P: Display + Serialize>(
    inputs: &Inputs,
    terminal: &mut Terminal<'_>,
    look: impl Fn(&str) -> Result<String, Vec<P>>,
) -> io::Result<Exit> {
    let (mut seen, mut exit) = (false, Exit::Ok);
    let mut answer = |input: &str, out: &mut dyn io::Write| {
        seen = true;
        let verdict = look(input);
        if verdict.is_err() {
            exit = Exit::Wrong;
        }
        match verdict {
            Ok(accepted) if inputs.json => {
                writeln!(out, "{}", json!({ "input": input, "ok": true, "accepted": accepted }))
            }
            Err(problems) if inputs.json => {
                writeln!(out, "{}", json!({ "input": input, "ok": false, "problems": problems }))
            }
            Ok(accepted) => writeln!(out, "{input}: {accepted}"),
            Err(problems) => {
                writeln!(out, "{input}: refused")?;
                problems.iter().try_for_each(|problem| writeln!(out, "  {problem}"))
            }
        }
    };
    for input in &inputs.inputs {
        answer(input, terminal.out)?;
    }
    if inputs.inputs.is_empty() {
        let mut line = String::new();
        while terminal.input.read_line(&mut line)? > 0 {
            let input = line.trim();
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
