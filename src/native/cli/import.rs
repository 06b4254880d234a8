//! `dripline import`: sends a table file in parts, has it checked or done, and shows what was
//! refused.

use super::progress::Progress;
use super::server::{Failure, Server};
use super::{Exit, Terminal, counted, transfer};
use crate::flows::import::PART_BYTES_MAX;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// The most attempts of a request that the server could not answer. The first retry follows after a
/// second, and each later one after twice the previous wait.
const TRIES_MAX: u32 = 6;

/// The time between two looks at how far an import is.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Import a table file: its rows make and change records of a kind
///
/// CSV in the dialects of Excel, WPS and others, or JSON lines; UTF-8, UTF-16 or GBK. Columns get
/// their fields by their names, or by --map. A row finds its record by unique fields, such as the
/// e-mail address of a contact. Rows that cannot be used are written to <file>.refused.csv.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dripline import leads.csv --dry-run
  dripline import leads.csv --map Mail=email --ignore Notes --match email
  dripline import deals.csv --kind deal --on-match only-empty
  dripline import --undo 019cc1a0-7d2b-7c6e-9d0e-5f2f0b1a2c3d
  dripline import --all backup/

Exit status: 0 done, 1 some rows are refused or the server refused, 2 usage.")]
pub struct Args {
    /// The file
    #[arg(required_unless_present_any = ["all", "undo", "stop"])]
    pub file: Option<PathBuf>,
    /// The kind of records, such as company
    #[arg(long, value_name = "KIND", default_value = "contact")]
    pub kind: String,
    /// The field of a column, where it does not follow from the column's name
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = pair)]
    pub map: Vec<(String, String)>,
    /// A column that is not read
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// A field with the same value in all rows, such as consent.purpose=newsletter
    #[arg(long, value_name = "FIELD=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// A unique field by which rows find their records; all of them without this
    #[arg(long = "match", value_name = "FIELD")]
    pub matching: Vec<String>,
    /// What a row does to the record that it finds
    #[arg(long, value_name = "WHAT", default_value = "update",
          value_parser = ["update", "only-empty", "skip"])]
    pub on_match: String,
    /// What a row does that finds none
    #[arg(long, value_name = "WHAT", default_value = "create", value_parser = ["create", "skip"])]
    pub on_new: String,
    /// Let the import start journeys
    #[arg(long)]
    pub run_rules: bool,
    /// The country of phone numbers without +, such as CN
    #[arg(long)]
    pub region: Option<String>,
    /// utf-8, utf-16le, utf-16be or gb18030, if it is detected wrongly
    #[arg(long)]
    pub encoding: Option<String>,
    /// comma, semicolon, tab or bar, if it is detected wrongly
    #[arg(long)]
    pub separator: Option<String>,
    /// An idempotency key: the same key a second time goes on with the same import
    #[arg(long)]
    pub key: Option<String>,
    /// Decide on the rows, write nothing, and show what would be refused
    #[arg(long)]
    pub dry_run: bool,
    /// With --dry-run: only the first rows
    #[arg(long, value_name = "NUMBER")]
    pub rows: Option<u64>,
    /// The file for rows that are refused; <file>.refused.csv if not given
    #[arg(long, value_name = "FILE")]
    pub refused: Option<PathBuf>,
    /// Take back an import, by its id
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "all", "stop"])]
    pub undo: Option<String>,
    /// Stop an import, by its id
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "all"])]
    pub stop: Option<String>,
    /// Import everything that `dripline export --all` wrote to a folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "file")]
    pub all: Option<PathBuf>,
    /// The server and the API token
    #[command(flatten)]
    pub server: Server,
    /// Print the import as JSON at the end
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &Args, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    if let Some(folder) = &args.all {
        return transfer::import_all(&args.server, folder, terminal);
    }
    let ended = match (&args.undo, &args.stop, &args.file) {
        (Some(id), ..) => act(&args.server, id, "undo", &json!({}))
            .and_then(|_| wait(&args.server, id, |_, _| {})),
        (_, Some(id), _) => act(&args.server, id, "stop", &json!({})),
        (_, _, Some(file)) => {
            let sending = Sending { server: &args.server, file, settings: settings(args, file) };
            let check = args.dry_run.then(|| match args.rows {
                Some(rows) => json!({ "rows": rows }),
                None => json!({}),
            });
            match sending.send(check.as_ref()) {
                Ok(ended) => ended,
                Err(error) => return terminal.usage(format!("{}: {error}", file.display())),
            }
        }
        _ => return terminal.usage("name a file"),
    };
    let import = match ended {
        Ok(import) => import,
        Err(failure) => return failure.end(args.json, terminal),
    };
    let of = match import["state"].as_str() {
        Some("undone") => "undo",
        Some("checked") => "check",
        _ => "import",
    };
    let left = match of {
        "undo" => import["undo"]["kept"].as_u64(),
        _ => import["counts"]["refused"].as_u64(),
    };
    let left = left.unwrap_or_default();
    if args.json {
        writeln!(terminal.out, "{import}")?;
    } else {
        write!(terminal.out, "{}", described(&import))?;
    }
    if left > 0 {
        let beside = args.file.clone().unwrap_or_else(|| PathBuf::from(of));
        let to = args.refused.clone().unwrap_or_else(|| suffixed(&beside, ".refused.csv"));
        let id = import["id"].as_str().unwrap_or_default();
        if let Err(failure) = write_refused(&args.server, id, of, &to)? {
            return failure.end(args.json, terminal);
        }
        writeln!(terminal.err, "dripline: the reasons are in {}", to.display())?;
    }
    let is_done = ["done", "checked", "undone", "stopped"].map(Value::from);
    Ok(match is_done.contains(&import["state"]) && left == 0 {
        true => Exit::Ok,
        false => Exit::Wrong,
    })
}

fn settings(args: &Args, file: &Path) -> Value {
    let mut columns: Map<String, Value> =
        args.map.iter().map(|(column, field)| (column.clone(), json!(field))).collect();
    columns.extend(args.ignore.iter().map(|column| (column.clone(), Value::Null)));
    let constants: Map<String, Value> =
        args.set.iter().map(|(field, value)| (field.clone(), json!(value))).collect();
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    json!({
        "kind": args.kind, "key": args.key, "file": name.unwrap_or_default(),
        "reading": { "encoding": args.encoding, "separator": args.separator },
        "mapping": { "columns": columns, "constants": constants },
        "region": args.region, "match": args.matching,
        "on_match": args.on_match.replace('-', "_"), "on_new": args.on_new,
        "rules": if args.run_rules { "run" } else { "rest" },
    })
}

/// A file on its way to the server.
pub(super) struct Sending<'a> {
    pub server: &'a Server,
    pub file: &'a Path,
    pub settings: Value,
}

impl Sending<'_> {
    /// Sends the file, and waits until it is checked or done. The outer error is of the file.
    pub fn send(&self, check: Option<&Value>) -> io::Result<Result<Value, Failure>> {
        let mut file = File::open(self.file)?;
        let length = file.metadata()?.len();
        let created: Value = match retried(|| self.server.post("/api/v1/imports", &self.settings)) {
            Ok(answer) => answer.value,
            Err(failure) => return Ok(Err(failure)),
        };
        let id = created["id"].as_str().unwrap_or_default();
        if created["state"] == "open" {
            let progress = Progress::new(length, "sending");
            let (mut part, mut sent) = (0, 0);
            loop {
                let bytes = chunk(&mut file)?;
                if bytes.is_empty() {
                    break;
                }
                part += 1;
                sent += bytes.len() as u64;
                let path = format!("/api/v1/imports/{id}/parts/{part}");
                if let Err(failure) = retried(|| self.server.post_bytes::<Value>(&path, &bytes)) {
                    return Ok(Err(failure));
                }
                progress.set(sent);
            }
        }
        let (verb, body) = match check {
            Some(body) => ("check", body.clone()),
            None => ("start", json!({})),
        };
        if created["state"] != "done"
            && let Err(failure) = act(self.server, id, verb, &body)
        {
            return Ok(Err(failure));
        }
        let progress = Progress::new(length, "importing");
        Ok(wait(self.server, id, |read, _| progress.set(read)))
    }
}

/// Reads the next part of a file: as much as one may have.
fn chunk(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(PART_BYTES_MAX as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn act(server: &Server, id: &str, verb: &str, body: &Value) -> Result<Value, Failure> {
    let path = match verb {
        "check" => format!("/api/v1/imports/{id}/check"),
        "undo" => format!("/api/v1/imports/{id}/undo"),
        "stop" => format!("/api/v1/imports/{id}/stop"),
        _ => format!("/api/v1/imports/{id}/start"),
    };
    retried(|| server.post(&path, body)).map(|answer| answer.value)
}

/// Waits until an import is under way no more. Reports the bytes that were read, and the rows.
fn wait(server: &Server, id: &str, progress: impl Fn(u64, u64)) -> Result<Value, Failure> {
    loop {
        let path = format!("/api/v1/imports/{id}");
        let import: Value = retried(|| server.get(&path))?.value;
        let rows = import["counts"]["rows"].as_u64().unwrap_or_default();
        progress(import["bytes_read"].as_u64().unwrap_or_default(), rows);
        if !["checking", "running", "undoing"].map(Value::from).contains(&import["state"]) {
            return Ok(import);
        }
        sleep(LOOK_EVERY);
    }
}

/// Repeats a request that the server could not answer.
pub(super) fn retried<T>(request: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut wait = Duration::from_secs(1);
    for _ in 1..TRIES_MAX {
        match request() {
            Err(failure) if failure.status.is_none_or(|status| status >= 500) => {}
            other => return other,
        }
        sleep(wait);
        wait *= 2;
    }
    request()
}

/// Writes the refused rows of an import to a file. The outer error is of the file.
fn write_refused(
    server: &Server,
    id: &str,
    of: &str,
    to: &Path,
) -> io::Result<Result<(), Failure>> {
    let mut out = File::create(to)?;
    let mut after = String::new();
    loop {
        let path = format!("/api/v1/imports/{id}/refused?of={of}{after}");
        let (text, next) = match retried(|| server.page(&path, None)) {
            Ok(page) => page,
            Err(failure) => return Ok(Err(failure)),
        };
        out.write_all(text.as_bytes())?;
        match next {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(Ok(())),
        }
    }
}

/// Describes an import.
pub(super) fn described(import: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines =
        format!("{} {}: {}", text(&import["id"]), text(&import["file"]), text(&import["state"]));
    let reason = text(&import["reason"]);
    if !reason.is_empty() {
        lines += &format!(", {reason}");
    }
    lines.push('\n');
    for note in import["notes"].as_array().into_iter().flatten() {
        lines += &format!("  note: {}\n", text(note));
    }
    let count = |name: &str| import["counts"][name].as_u64().unwrap_or_default();
    let rows = counted(usize::try_from(count("rows")).unwrap_or(usize::MAX), "row");
    lines += &format!(
        "  {rows}: {} made, {} changed, {} unchanged, {} skipped, {} refused\n",
        count("made"),
        count("changed"),
        count("unchanged"),
        count("skipped"),
        count("refused"),
    );
    if let Some(undo) = import["undo"].as_object() {
        let count = |name: &str| undo.get(name).and_then(Value::as_u64).unwrap_or_default();
        let (removed, restored, kept) = (count("removed"), count("restored"), count("kept"));
        lines += &format!("  undo: {removed} removed, {restored} restored, {kept} kept\n");
    }
    lines
}

fn suffixed(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
