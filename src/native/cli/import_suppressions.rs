//! `dripline suppressions import`: imports another system's list, a CSV file of any length.

use super::progress::Progress;
use super::server::{Failure, Server};
use super::suppressions::{beside, reason, safe_cell};
use super::{Exit, Terminal, counted};
use crate::domain::contact::suppression::SuppressionReason;
use crate::flows::contact::suppressions::{IMPORT_ROWS_MAX, Import, Imported, Named};
use crate::native::clock::Stopwatch;
use crate::native::suppression_file::{Reading, Row, SuppressionFile};
use serde_json::json;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

/// The most attempts of a request that the server could not answer. The first retry follows after a
/// second, and each later one after twice the previous wait.
const TRIES_MAX: u32 = 6;

/// Import the suppression list of another system
///
/// The file is CSV, with commas, semicolons, tabs or bars; UTF-8, UTF-16, GBK and
/// Western encodings, CR, LF and CRLF, a first line `sep=;` and quoted line breaks are fine.
/// Columns are found by the names that Mailchimp, Klaviyo, SendGrid, Mailgun, Brevo, listmonk and
/// HubSpot give them; else the address is in the first column that has one. Reasons are translated:
/// complaints, hard bounces, refusals, blocks; soft bounces and active subscribers are left out.
///
/// Rows without a valid address do not stop the import; they are listed in a file, by line and
/// reason. Importing a file twice has no further effect. Continue an interrupted import with
/// --from-line.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline suppressions import unsubscribes.csv --source mailchimp --reason unsubscribed
  dripline suppressions import numbers.txt --source old-crm --region GB --json

Exit status: 0 all rows are right, 1 some are wrong, none was taken or the server refused,
2 usage.")]
pub struct Args {
    /// The file
    pub file: PathBuf,
    /// Where the list comes from, as it is kept with each entry; the file's name if not given
    #[arg(long)]
    pub source: Option<String>,
    /// The reason of rows that name none; `imported` if not given
    #[arg(long, value_parser = reason)]
    pub reason: Option<SuppressionReason>,
    /// The country of numbers without +, such as US
    #[arg(long)]
    pub region: Option<String>,
    /// Skip the lines before this one
    #[arg(long, default_value_t = 1)]
    pub from_line: u64,
    /// Only read the file and show what is in it
    #[arg(long)]
    pub dry_run: bool,
    /// The file for rows that are wrong; <file>.wrong.csv if not given
    #[arg(long, value_name = "FILE")]
    pub wrong: Option<PathBuf>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print one JSON object at the end
    #[arg(long)]
    pub json: bool,
}

/// The progress so far.
#[derive(Default)]
struct Tally {
    rows: u64,
    added: usize,
    kept: usize,
    fine: u64,
    wrong: u64,
}

/// The file in which wrong rows are reported; it is created for the first of them.
struct Wrongs {
    path: PathBuf,
    file: Option<csv::Writer<File>>,
}

impl Wrongs {
    fn add(&mut self, line: u64, why: &str, row: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut file = csv::Writer::from_path(&self.path).map_err(io::Error::other)?;
                file.write_record(["line", "reason", "row"]).map_err(io::Error::other)?;
                none.insert(file)
            }
        };
        let line = line.to_string();
        file.write_record([line.as_str(), why, &safe_cell(row)]).map_err(io::Error::other)
    }
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let input = match File::open(&args.file) {
        Ok(input) => input,
        Err(error) => return terminal.usage(format!("{}: {error}", args.file.display())),
    };
    let length = input.metadata().map_or(0, |about| about.len());
    let reading = Reading { reason: args.reason, region: args.region.clone() };
    let mut file = match SuppressionFile::open(BufReader::new(input), reading)? {
        Ok(file) => file,
        Err(problem) => return terminal.usage(format!("{}: {problem}", args.file.display())),
    };
    let path = args.wrong.clone().unwrap_or_else(|| beside(&args.file));
    let mut wrongs = Wrongs { path, file: None };
    let mut tally = Tally::default();
    let (progress, began) = (Progress::new(length, "Importing"), Stopwatch::start());
    let stopped = read_all(args, &mut file, &mut wrongs, &mut tally, &progress)?;
    drop(progress);
    if let Some(file) = &mut wrongs.file {
        file.flush()?;
    }
    let seconds = began.elapsed().as_secs_f64();
    let nothing = match stopped {
        Some(_) => None,
        None => nothing(args, &tally, &file),
    };
    let ended = Ended { stopped, nothing, encoding: file.encoding(), seconds };
    report(args, &tally, &wrongs, &ended, terminal)
}

/// The result of an import.
struct Ended {
    /// The line from which to continue, and why the import stopped there.
    stopped: Option<(u64, Failure)>,
    /// Why no address was suppressed, if there was none.
    nothing: Option<String>,
    encoding: &'static str,
    seconds: f64,
}

/// Returns why no row was imported: importing nothing is most likely a mistake.
fn nothing(args: &Args, tally: &Tally, file: &SuppressionFile<'_>) -> Option<String> {
    if tally.added + tally.kept > 0 {
        return None;
    }
    let heads = file.heads().join(", ");
    let why = match tally {
        Tally { rows: 0, .. } if args.from_line > 1 => {
            format!("there is no row in line {} or after it", args.from_line)
        }
        Tally { rows: 0, .. } if !heads.is_empty() => {
            format!("the file has the names of columns ({heads}) and no row")
        }
        Tally { rows: 0, .. } => "the file is empty".to_owned(),
        Tally { fine: 0, .. } if !heads.is_empty() => {
            format!("no row has an address; the columns are {heads}")
        }
        Tally { fine: 0, .. } => "no row has an address: one stands on each line".to_owned(),
        _ => "by their reasons, all rows may be written to; soft bounces are no reason".to_owned(),
    };
    Some(format!("nothing was imported: {why}"))
}

/// Reads and sends all rows; or returns at which line it stopped, and why.
fn read_all(
    args: &Args,
    file: &mut SuppressionFile<'_>,
    wrongs: &mut Wrongs,
    tally: &mut Tally,
    progress: &Progress,
) -> io::Result<Option<(u64, Failure)>> {
    let mut batch: Vec<(u64, Named)> = Vec::with_capacity(IMPORT_ROWS_MAX);
    loop {
        let next = file.next_row()?;
        let is_over = next.is_none();
        if let Some((line, row)) = next.filter(|(line, _)| *line >= args.from_line) {
            tally.rows += 1;
            match row {
                Row::Suppress(named) => batch.push((line, named)),
                Row::Fine => tally.fine += 1,
                Row::Wrong(why, row) => {
                    tally.wrong += 1;
                    wrongs.add(line, &why, &row)?;
                }
            }
        }
        if batch.len() == IMPORT_ROWS_MAX || (is_over && !batch.is_empty()) {
            let first = batch.first().map_or(args.from_line, |(line, _)| *line);
            if let Err(failure) = send(args, &mut batch, wrongs, tally)? {
                return Ok(Some((first, failure)));
            }
            progress.set(file.bytes());
        }
        if is_over {
            return Ok(None);
        }
    }
}

/// Sends a batch, and reports the rows that the server rejects.
fn send(
    args: &Args,
    batch: &mut Vec<(u64, Named)>,
    wrongs: &mut Wrongs,
    tally: &mut Tally,
) -> io::Result<Result<(), Failure>> {
    let (lines, rows): (Vec<u64>, Vec<Named>) = batch.drain(..).unzip();
    if args.dry_run {
        tally.added += rows.len();
        return Ok(Ok(()));
    }
    let name = args.file.file_name().map(|name| name.to_string_lossy().into_owned());
    let source = args.source.clone().or(name).unwrap_or_else(|| "import".to_owned());
    let imported = match post(&args.server, &Import { source, rows }) {
        Ok(imported) => imported,
        Err(failure) => return Ok(Err(failure)),
    };
    tally.added += imported.added;
    tally.kept += imported.kept;
    for problem in &imported.problems {
        tally.wrong += 1;
        let line = lines.get(problem.row.wrapping_sub(1)).copied().unwrap_or_default();
        wrongs.add(line, &problem.message, "")?;
    }
    Ok(Ok(()))
}

/// Sends a request, and retries it if the server could not answer: it is idempotent.
fn post(server: &Server, import: &Import) -> Result<Imported, Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        match server.post("/api/v1/suppressions/import", import) {
            Err(failure)
                if tries < TRIES_MAX && matches!(failure.status, None | Some(429 | 500..)) =>
            {
                sleep(Duration::from_secs(1 << (tries - 1)));
            }
            answer => return answer.map(|answer| answer.value),
        }
    }
}

fn report(
    args: &Args,
    tally: &Tally,
    wrongs: &Wrongs,
    ended: &Ended,
    terminal: &mut Terminal<'_>,
) -> io::Result<Exit> {
    let Tally { rows, added, kept, fine, wrong } = tally;
    let Ended { stopped, nothing, encoding, seconds } = ended;
    let is_right = stopped.is_none() && nothing.is_none() && *wrong == 0;
    let rows_file = (*wrong > 0).then(|| wrongs.path.display().to_string());
    if args.json {
        let failed = stopped.as_ref().map(|(line, failure)| {
            json!({ "status": failure.status, "message": failure.message, "from_line": line })
        });
        let error = failed.or(nothing.as_ref().map(|message| json!({ "message": message })));
        let result = json!({ "ok": is_right, "rows": rows, "added": added, "kept": kept,
                           "fine": fine, "wrong": wrong, "wrong_rows": rows_file,
                           "encoding": encoding, "seconds": seconds, "error": error });
        writeln!(terminal.out, "{result}")?;
    } else {
        let would = if args.dry_run { "would be suppressed" } else { "newly suppressed" };
        writeln!(
            terminal.out,
            "{}: {added} {would}, {kept} were already, {fine} may be written to, {wrong} wrong.",
            counted(*rows as usize, "row")
        )?;
        if *encoding != "UTF-8" {
            writeln!(terminal.out, "Read as {encoding}.")?;
        }
        if let Some(file) = &rows_file {
            writeln!(terminal.out, "The wrong rows are listed in {file}.")?;
        }
    }
    if let (Some((line, failure)), false) = (stopped, args.json) {
        writeln!(terminal.err, "dripline: {}", failure.message)?;
        writeln!(terminal.err, "dripline: continue with --from-line {line}")?;
    }
    if let (Some(nothing), false) = (nothing, args.json) {
        writeln!(terminal.err, "dripline: {nothing}")?;
    }
    Ok(if is_right { Exit::Ok } else { Exit::Wrong })
}
