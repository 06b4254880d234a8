//! `dripline publish`: publishes campaigns on a server.

use super::progress::Progress;
use super::server::{Failure, Server};
use super::{Exit, Terminal, check, diff};
use crate::domain::base::language::Language;
use crate::domain::campaign::Compiled;
use crate::flows::campaign::publish::Published;
use crate::native::project::load_linted;
use crate::views::format::moment;
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;

/// The path for publishing.
const PATH: &str = "/api/v1/campaigns";
/// The path for asking what publishing would change.
const DIFF_PATH: &str = "/api/v1/campaigns/diff";

/// Publish campaigns to a running dripline
///
/// Reads and checks the campaigns as `dripline check` does; if anything is wrong, nothing is sent.
/// Warnings are printed; they do not block publishing.
/// Each campaign becomes a new version that is live with the next request. The output shows the
/// addresses of its pages, which steps of its journeys change, and how many contacts are at them.
/// Contacts who are already in a journey finish the version they entered, unless the file has a
/// migration map. Publishing an unchanged campaign has no effect.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline publish
  dripline publish --dry-run
  DRIPLINE_URL=https://go.example.com DRIPLINE_TOKEN=dl_… dripline publish
  dripline publish campaigns/spring-webinar.toml --json | jq '.published[].version'

Exit status: 0 everything is live, 1 something is wrong or the server refused, 2 usage.")]
pub struct Args {
    /// Campaign files, or folders of them; templates are read from the folder `templates` beside
    #[arg(default_value = "campaigns", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Where to, and by what right
    #[command(flatten)]
    pub server: Server,
    /// Only show what would change; nothing is published
    #[arg(long)]
    pub dry_run: bool,
    /// Print one JSON object: {"ok": …, "published": […], "problems": […], "errors": […],
    /// "warnings": […]}; with --dry-run, "planned" stands in place of "published"
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let files = match check::files(&args.paths) {
        Ok(files) => files,
        Err(message) => return terminal.usage(message),
    };
    let (campaigns, warnings) = match load_linted(&files) {
        Ok(loaded) => loaded,
        Err(problems) if args.json => {
            let done = if args.dry_run { "planned" } else { "published" };
            let answer = json!({ "ok": false, done: [], "problems": problems, "errors": [],
                                 "warnings": [] });
            writeln!(terminal.out, "{answer}")?;
            return Ok(Exit::Wrong);
        }
        Err(problems) => {
            check::print(&problems, terminal)?;
            writeln!(terminal.err, "Nothing was published.")?;
            return Ok(Exit::Wrong);
        }
    };
    if !args.json {
        check::print_warnings(&warnings, terminal.err)?;
    }
    let mut output = Output {
        json: args.json,
        dry_run: args.dry_run,
        warnings: warnings.iter().map(check::warning_json).collect(),
        published: vec![],
        problems: vec![],
        errors: vec![],
    };
    let progress = Progress::new(campaigns.len() as u64, "Publishing");
    for (done, compiled) in campaigns.iter().enumerate() {
        progress.set(done as u64);
        let campaign = compiled.campaign.id.as_str();
        let path = if args.dry_run { DIFF_PATH } else { PATH };
        let result = args.server.post(path, compiled).map(|answer| answer.value);
        if let Err(failure) = &result
            && failure.is_general()
        {
            let rest: Vec<&str> =
                campaigns[done..].iter().map(|c| c.campaign.id.as_str()).collect();
            progress.suspend(|| output.give_up(&rest, failure, terminal))?;
            break;
        }
        let addresses =
            if args.dry_run { Vec::new() } else { addresses(compiled, &args.server.to) };
        progress.suspend(|| output.add(campaign, &addresses, result, terminal))?;
    }
    drop(progress);
    output.end(terminal)
}

/// What was printed, or will be printed as one JSON object.
struct Output {
    json: bool,
    dry_run: bool,
    warnings: Vec<Value>,
    published: Vec<Published>,
    problems: Vec<Value>,
    errors: Vec<Value>,
}

impl Output {
    /// Records one campaign's result; prints it at once unless the output is JSON, with the
    /// addresses of the pages that are live now.
    fn add(
        &mut self,
        campaign: &str,
        addresses: &[String],
        result: Result<Published, Failure>,
        terminal: &mut Terminal<'_>,
    ) -> io::Result<()> {
        match result {
            Ok(published) => {
                if !self.json {
                    writeln!(terminal.out, "{}", line(&published, self.dry_run))?;
                    for address in addresses {
                        writeln!(terminal.out, "  {address}")?;
                    }
                    write!(terminal.out, "{}", diff::lines(&published.journeys))?;
                    for list in &published.unknown_lists {
                        let begins = "it begins with the first record that joins it";
                        writeln!(terminal.err, "  there is no list `{list}` yet; {begins}")?;
                    }
                    terminal.out.flush()?;
                }
                self.published.push(published);
            }
            Err(failure) => {
                let (status, message) = (failure.status, &failure.message);
                if !self.json {
                    writeln!(terminal.err, "{campaign}: {message}")?;
                    for problem in &failure.problems {
                        writeln!(terminal.err, "  {problem}")?;
                    }
                }
                self.problems.extend(failure.problems_json(campaign));
                let error = json!({ "campaign": campaign, "status": status, "message": message });
                self.errors.push(error);
            }
        }
        Ok(())
    }

    /// Reports that the other campaigns would fail in the same way.
    fn give_up(
        &mut self,
        campaigns: &[&str],
        failure: &Failure,
        terminal: &mut Terminal<'_>,
    ) -> io::Result<()> {
        let Failure { status, message, .. } = failure;
        if !self.json {
            writeln!(terminal.err, "dripline: {message}")?;
            writeln!(terminal.err, "Not published: {}", campaigns.join(", "))?;
        }
        let error =
            |campaign| json!({ "campaign": campaign, "status": status, "message": message });
        self.errors.extend(campaigns.iter().map(error));
        Ok(())
    }

    fn end(self, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
        let is_ok = self.errors.is_empty();
        if self.json {
            let Self { published, problems, errors, warnings, .. } = self;
            let done = if self.dry_run { "planned" } else { "published" };
            let answer = json!({ "ok": is_ok, done: published, "problems": problems,
                                 "errors": errors, "warnings": warnings });
            writeln!(terminal.out, "{answer}")?;
        }
        Ok(if is_ok { Exit::Ok } else { Exit::Wrong })
    }
}

/// Returns the addresses of a campaign's pages on a server.
fn addresses(compiled: &Compiled, server: &str) -> Vec<String> {
    let pages = compiled.campaign.pages.values();
    let mut addresses: Vec<String> = pages.map(|page| format!("{server}{}", page.path)).collect();
    addresses.sort_unstable();
    addresses
}

fn line(published: &Published, dry_run: bool) -> String {
    let Published { campaign, version, is_new, was_unpublished, .. } = published;
    let said = match is_new {
        true if dry_run => format!("{campaign}: would become version {version}"),
        true if *version == 1 => format!("{campaign}: version 1 is live (new)"),
        true => format!("{campaign}: version {version} is live"),
        false => format!("{campaign}: unchanged, version {version}"),
    };
    let Some(since) = was_unpublished else { return said };
    let since = moment(*since, "UTC", Language::English);
    let would = if dry_run { "; this would bring it back" } else { " and is live again" };
    format!(
        "{said}\n  It was unpublished since {since}{would}; `dripline unpublish` takes it down."
    )
}
