//! `dripline check`: whether campaigns and their templates can be published.

use super::{Exit, Terminal, counted};
use crate::domain::campaign::Compiled;
use crate::domain::campaign_file::Diagnostic;
use crate::domain::template::TemplateSource;
use crate::native::project::{Warning, campaign_files, load_linted, read_campaign};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use unicode_width::UnicodeWidthStr;

/// How much of a line is shown, in columns.
const LINE_COLUMNS_MAX: usize = 100;

/// Check campaign files and the templates they use
///
/// Reads each campaign, compiles its templates, and reports every key that is unknown or missing,
/// every reference to something that does not exist, every template that does not compile or uses
/// an unknown variable, every path that is used twice, every journey that loops without waiting.
/// It then warns about things that can be published but would look or work badly: broken links,
/// images without text, styles that mail clients do not support, an SMS without an opt-out.
/// Warnings do not change the exit status. Nothing is sent anywhere.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline check
  dripline check campaigns/spring-webinar.toml
  dripline check campaigns/ --json | jq -r '.problems[].message'

Exit status: 0 all good, 1 there are problems, 2 there is nothing to check.")]
pub struct Args {
    /// Campaign files, or folders of them; templates are read from the folder `templates` beside
    #[arg(default_value = "campaigns", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Print one JSON object: {"ok": …, "problems": […], "warnings": […]}
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let files = match files(&args.paths) {
        Ok(files) => files,
        Err(message) => return terminal.usage(message),
    };
    match load_linted(&files) {
        Ok((campaigns, warnings)) if args.json => {
            let mut answer = totals_json(&campaigns);
            answer["warnings"] = warnings.iter().map(warning_json).collect();
            writeln!(terminal.out, "{answer}")?;
        }
        Ok((campaigns, warnings)) => {
            print_warnings(&warnings, terminal.out)?;
            let summary = match warnings.len() {
                0 => "all good".to_owned(),
                count => counted(count, "warning"),
            };
            writeln!(terminal.out, "{}: {summary}", totals(&counts(&campaigns)))?;
        }
        Err(problems) => {
            match args.json {
                true => {
                    let answer = json!({ "ok": false, "problems": problems });
                    writeln!(terminal.out, "{answer}")?;
                }
                false => print(&problems, terminal)?,
            }
            return Ok(Exit::Wrong);
        }
    }
    Ok(Exit::Ok)
}

/// Returns the named campaign files and those in the named folders, or why there are none.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        match (path.is_dir(), path.is_file()) {
            (true, _) => match campaign_files(path) {
                Ok(found) => files.extend(found),
                Err(message) => return Err(format!("{}: {message}", path.display())),
            },
            (_, true) => files.push(path.clone()),
            _ => return Err(format!("{}: no such file or folder", path.display())),
        }
    }
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    Ok(files)
}

/// Prints problems, grouped by file.
pub(super) fn print(problems: &[Diagnostic], terminal: &mut Terminal<'_>) -> io::Result<()> {
    let mut files = 0;
    for in_file in problems.chunk_by(|a, b| a.file == b.file) {
        files += 1;
        writeln!(terminal.out, "{}", in_file[0].file)?;
        for problem in in_file {
            let colon = if problem.key.is_empty() { "" } else { ": " };
            let place = format!("{}:{}", problem.line, problem.column);
            let Diagnostic { key, message, .. } = problem;
            writeln!(terminal.out, "  {place:>7}  {key}{colon}{message}")?;
            for shown in source_line(problem) {
                writeln!(terminal.out, "           | {shown}")?;
            }
            if let Some(help) = &problem.help {
                writeln!(terminal.out, "           {help}")?;
            }
        }
        writeln!(terminal.out)?;
    }
    let (problems, files) = (counted(problems.len(), "problem"), counted(files, "file"));
    writeln!(terminal.out, "{problems} in {files}")
}

/// Returns the line with a syntax error in TOML, and a mark below the place.
fn source_line(problem: &Diagnostic) -> Vec<String> {
    if !problem.key.is_empty() || !problem.file.ends_with(".toml") {
        return Vec::new();
    }
    let text = read_campaign(Path::new(&problem.file)).unwrap_or_default();
    let Some(line) = text.lines().nth(problem.line - 1).filter(|line| !line.trim().is_empty())
    else {
        return Vec::new();
    };
    let line = line.replace('\t', " ");
    let before: String = line.chars().take(problem.column - 1).collect();
    if before.width() > LINE_COLUMNS_MAX {
        return Vec::new();
    }
    let shown = line.chars().take(LINE_COLUMNS_MAX).collect();
    vec![shown, format!("{}^", " ".repeat(before.width()))]
}

/// Prints warnings, grouped by file.
pub(super) fn print_warnings(warnings: &[Warning], out: &mut dyn io::Write) -> io::Result<()> {
    for in_file in warnings.chunk_by(|a, b| a.at.file == b.at.file) {
        writeln!(out, "{}", in_file[0].at.file)?;
        let is_same =
            |a: &Warning, b: &Warning| a.lint.code == b.lint.code && a.lint.detail == b.lint.detail;
        for (index, warning @ Warning { at, lint }) in in_file.iter().enumerate() {
            if in_file[..index].iter().any(|earlier| is_same(earlier, warning)) {
                continue; // Printed with the first of them.
            }
            let place = format!("{}:{}", at.line, at.column);
            let (code, message) = (lint.code.as_str(), lint.message());
            writeln!(out, "  {place:>7}  {code}: {message}")?;
            let others = in_file[index + 1..].iter().filter(|later| is_same(warning, later));
            let lines: Vec<String> = others.map(|other| other.at.line.to_string()).collect();
            if !lines.is_empty() {
                let also = match lines.len() {
                    1 => "also in line",
                    _ => "also in lines",
                };
                writeln!(out, "           {also} {}", lines.join(", "))?;
            }
            writeln!(out, "           {}", lint.remedy())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Converts a warning to JSON.
pub(super) fn warning_json(Warning { at, lint }: &Warning) -> Value {
    json!({
        "file": at.file, "line": at.line, "code": lint.code.as_str(),
        "message": lint.message(), "help": lint.remedy(),
    })
}

/// Counts campaigns and their parts, by noun.
pub(super) fn counts(campaigns: &[Compiled]) -> Vec<(&'static str, usize)> {
    let of = |count: fn(&Compiled) -> usize| campaigns.iter().map(count).sum::<usize>();
    let templates = |is: fn(&TemplateSource) -> bool| {
        let sources = campaigns.iter().flat_map(|compiled| compiled.templates.values());
        sources.filter(|source| is(source)).count()
    };
    vec![
        ("campaign", campaigns.len()),
        ("page", of(|compiled| compiled.campaign.pages.len())),
        ("form", of(|compiled| compiled.campaign.forms.len())),
        ("segment", of(|compiled| compiled.campaign.segments.len())),
        ("journey", of(|compiled| compiled.campaign.journeys.len())),
        ("e-mail", templates(|source| matches!(source, TemplateSource::Email { .. }))),
        ("SMS", templates(|source| matches!(source, TemplateSource::Sms(_)))),
    ]
}

/// Formats `2 campaigns, 3 pages, …`.
pub(super) fn totals(counts: &[(&str, usize)]) -> String {
    let present = counts.iter().copied().filter(|(_, count)| *count > 0);
    present.map(|(noun, count)| counted(count, noun)).collect::<Vec<_>>().join(", ")
}

fn totals_json(campaigns: &[Compiled]) -> Value {
    let mut answer = json!({ "ok": true, "problems": [] });
    for (noun, count) in counts(campaigns) {
        let key = noun.replace('-', "").to_lowercase();
        answer[if key == "sms" { key } else { format!("{key}s") }] = count.into();
    }
    answer
}
