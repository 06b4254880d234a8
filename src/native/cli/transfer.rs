//! Everything out of one installation and into another: kinds, suppressions, records of every kind
//! and consents, as files of a folder. Not here: what an operator imports and exports by hand.

use super::import::{Sending, described};
use super::server::Server;
use super::{Exit, Terminal, export, import_suppressions, suppressions};
use crate::domain::field::FieldType;
use crate::domain::kind::Kind;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

const KINDS: &str = "kinds.json";
const SUPPRESSIONS: &str = "suppressions.csv";
const CONSENTS: &str = "consents.csv";

#[derive(Deserialize, serde::Serialize)]
struct Kinds {
    kinds: Vec<Kind>,
}

/// Writes everything to a new folder.
pub fn export_all(server: &Server, folder: &Path, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    fs::create_dir_all(folder)?;
    let is_used = fs::read_dir(folder)?.next().is_some();
    if is_used {
        return terminal.usage(format!("{} is not empty", folder.display()));
    }
    let kinds: Kinds = match server.get("/api/v1/kinds") {
        Ok(answer) => answer.value,
        Err(failure) => return failure.end(false, terminal),
    };
    fs::write(folder.join(KINDS), serde_json::to_string_pretty(&kinds)?)?;
    let mut file = File::create(folder.join(SUPPRESSIONS))?;
    let mut to_file = Terminal { input: terminal.input, out: &mut file, err: terminal.err };
    if suppressions::export(None, server, &mut to_file)? != Exit::Ok {
        return Ok(Exit::Wrong);
    }
    let contacts = std::iter::once(("contact", "consents", CONSENTS.to_owned()));
    let records =
        kinds.kinds.iter().map(|kind| (kind.id.as_str(), "records", format!("{}.csv", kind.id)));
    for (kind, what, name) in records.chain(contacts) {
        let mut file = File::create(folder.join(&name))?;
        let asked = json!({ "format": "csv", "what": what });
        if let Err(failure) = export::write(server, kind, asked, &mut file)? {
            return failure.end(false, terminal);
        }
        writeln!(terminal.out, "{name}")?;
    }
    Ok(Exit::Ok)
}

/// Imports everything that a folder has. Repeating it changes nothing.
pub fn import_all(server: &Server, folder: &Path, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let kinds: Kinds = serde_json::from_str(&fs::read_to_string(folder.join(KINDS))?)?;
    for kind in &kinds.kinds {
        if let Err(failure) = server.post::<Value>("/api/v1/kinds", kind) {
            return failure.end(false, terminal);
        }
    }
    // Before the contacts, so that nobody is written to meanwhile.
    let file = folder.join(SUPPRESSIONS);
    if BufReader::new(File::open(&file)?).lines().count() > 1 {
        let args = import_suppressions::Args {
            file,
            source: None,
            reason: None,
            region: None,
            from_line: 1,
            dry_run: false,
            wrong: None,
            server: server.clone(),
            json: false,
        };
        import_suppressions::run(&args, terminal)?;
    }
    let records = kinds.kinds.iter().map(|kind| (kind, format!("{}.csv", kind.id)));
    let contact = kinds.kinds.iter().find(|kind| kind.id.is_contact());
    let consents = contact.map(|kind| (kind, CONSENTS.to_owned()));
    let mut exit = Exit::Ok;
    for (kind, name) in records.chain(consents) {
        let file = folder.join(&name);
        let mut names = String::new();
        BufReader::new(File::open(&file)?).read_line(&mut names)?;
        let settings = settings(kind, &names, &name);
        let sending = Sending { server, file: &file, settings };
        let import = match sending.send(None)? {
            Ok(import) => import,
            Err(failure) => return failure.end(false, terminal),
        };
        write!(terminal.out, "{}", described(&import))?;
        if import["state"] != "done" || import["counts"]["refused"] != 0 {
            exit = Exit::Wrong;
        }
    }
    Ok(exit)
}

/// Returns the settings of an import of an exported file with these names in its first line: each
/// column is the field of its name. What is computed is not read.
pub fn settings(kind: &Kind, names: &str, file: &str) -> Value {
    let is_computed = |name: &str| {
        kind.field(name).is_some_and(|field| matches!(field.kind, FieldType::Formula { .. }))
    };
    let field = |name: &str| if is_computed(name) { Value::Null } else { json!(name) };
    let names = names.trim_start_matches('\u{feff}').trim_end().split(',');
    let columns: Map<String, Value> = names.map(|name| (name.to_owned(), field(name))).collect();
    json!({ "kind": kind.id, "file": file, "match": ["id"], "rules": "rest",
            "mapping": { "columns": columns } })
}
