//! What an operator does with an import: create it, send its parts, check, start, stop, undo it.

use super::file::window;
use super::{
    CLAIM, FILE_BYTES_MAX, Importer, KEPT, PART_BYTES_MAX, PARTS_MAX, Plan, STORED_BYTES_MAX,
    WAITING,
};
use crate::domain::base::diagnostic::{Problem, brief};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Actor, Ids};
use crate::domain::base::token::sha256_hex;
use crate::domain::import::row::ADDRESSES;
use crate::domain::import::settings::{Counts, Settings, State, Verb};
use crate::domain::import::target::Targets;
use crate::domain::kind::Kind;
use crate::domain::table_file::HEAD_BYTES;
use crate::domain::table_file::preview::preview;
use crate::domain::table_file::reader::{Position, TableReader};
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, all};
use crate::flows::record::edit::kind_of;
use crate::flows::tasks::Work;
use crate::store::imports::{self, Begin, ImportRow, Part, PartRow, StepRow, StoredRow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The most imports of a list.
const LISTED_MAX: usize = 100;

impl<D: Database> Importer<'_, D> {
    /// Creates an import. The same key a second time returns the first one.
    pub async fn create(
        &self,
        settings: Settings,
        actor: &Actor,
        ids: &mut Ids,
    ) -> Result<ImportRow, FlowError> {
        let kind = kind_of(self.catalog, &settings.kind)?;
        let mut problems = settings.problems();
        problems.extend(match_problems(kind, &settings.r#match));
        if !problems.is_empty() {
            return Err(rejected("Correct what is listed.", problems));
        }
        let (id, due_at) = (ids.uuid(), self.now.plus(WAITING));
        let key = settings.key.as_deref();
        let statements = imports::create(&id, key, &settings, actor, due_at, self.now);
        let rows = self.db.batch(statements.to_vec()).await?;
        let row = all::<ImportRow>(rows.last())?.into_iter().next().ok_or_else(missing)?;
        if row.settings != settings {
            let message = "it stands for an import with other settings; choose another key";
            return Err(conflict(Problem::new("key", message)));
        }
        Ok(row)
    }

    /// Returns an import.
    pub async fn one(&self, id: &str) -> Result<ImportRow, FlowError> {
        let rows = self.db.batch(vec![imports::one(id)]).await?;
        all::<ImportRow>(rows.first())?.into_iter().next().ok_or_else(missing)
    }

    /// Lists the newest imports.
    pub async fn list(&self) -> Result<Vec<ImportRow>, FlowError> {
        let rows = self.db.batch(vec![imports::list(LISTED_MAX)]).await?;
        Ok(all::<ImportRow>(rows.first())?)
    }

    /// Stores a part of the file. The same part a second time changes nothing; until the file is
    /// sealed by a check or the start, another content replaces it.
    pub async fn put(&self, import: &ImportRow, part: u64, bytes: &[u8]) -> Result<(), FlowError> {
        let mut problems = Vec::new();
        if !(1..=PARTS_MAX).contains(&part) {
            problems.push(Problem::new("part", format!("parts are numbered 1 to {PARTS_MAX}")));
        }
        if bytes.is_empty() || bytes.len() > PART_BYTES_MAX {
            let message = format!("a part has 1 to {PART_BYTES_MAX} bytes");
            problems.push(Problem::new("body", message));
        }
        if import.bytes + bytes.len() as u64 > FILE_BYTES_MAX {
            let message = format!("a file has at most {FILE_BYTES_MAX} bytes");
            problems.push(Problem::new("body", message).help("split it into several imports"));
        }
        if !problems.is_empty() {
            return Err(rejected("Nothing was stored.", problems));
        }
        let hash = sha256_bytes(bytes);
        let rows = self.db.batch(vec![imports::stored(&import.id, part)]).await?;
        let stored = all::<StoredRow>(rows.first())?.into_iter().next();
        let (all_bytes, known) = stored.map(|row| (row.bytes, row.hash)).unwrap_or_default();
        if known.as_ref() == Some(&hash) {
            return Ok(());
        }
        if import.total.is_some() {
            let message = "the file is complete, because it was checked or started";
            return Err(conflict(Problem::new("part", message).help("create another import")));
        }
        if all_bytes + bytes.len() as u64 > STORED_BYTES_MAX {
            let message = format!("all imports together keep at most {STORED_BYTES_MAX} bytes");
            let problem = Problem::new("body", message);
            return Err(conflict(problem.help("wait until others are done, and send it again")));
        }
        let stored =
            Part { number: part, bytes: bytes.len(), hash: &hash, data: STANDARD.encode(bytes) };
        let due_at = self.now.plus(WAITING);
        let statements = imports::put_part(&import.id, stored, due_at, self.now);
        self.db.batch(statements.to_vec()).await?;
        Ok(())
    }

    /// Does what an operator asks; `rows_max` is how many rows a check looks at. Returns the work
    /// that follows.
    pub async fn act(
        &self,
        import: &ImportRow,
        verb: Verb,
        rows_max: Option<u64>,
    ) -> Result<Vec<Work>, FlowError> {
        use State::{Checked, Checking, Done, Failed, Open, Running, Stopped, Undoing, Undone};
        let from_start = |state| (state, true);
        let (state, is_again) = match (verb, import.state) {
            (Verb::Check, Checking)
            | (Verb::Start, Running)
            | (Verb::Undo, Undoing | Undone)
            | (Verb::Stop, Stopped | Open | Checked) => return Ok(Vec::new()),
            (Verb::Check, Open | Checked) => from_start(Checking),
            (Verb::Start, Open | Checked | Checking) => from_start(Running),
            (Verb::Start, Stopped) => (Running, false),
            (Verb::Stop, Checking) => from_start(Open),
            (Verb::Stop, Running) => (Stopped, false),
            (Verb::Undo, Done | Stopped | Failed) => (Undoing, false),
            (_, state) => {
                let message = format!("the import is {}, so this cannot be done", state.as_str());
                return Err(conflict(Problem::new("state", message)));
            }
        };
        let sealed = match import.plan.is_some() || verb == Verb::Stop || verb == Verb::Undo {
            true => None,
            false => Some(self.seal(import).await?),
        };
        let import = sealed.as_ref().unwrap_or(import);
        let position = is_again.then(|| self.beginning(import)).flatten();
        let is_over = matches!(state, Open | Stopped);
        let begin = Begin {
            id: &import.id,
            step: import.step,
            state,
            position: position.as_deref(),
            counts: if is_again { Counts::default() } else { import.counts },
            rows_max: rows_max.filter(|_| verb == Verb::Check),
            due_at: self.now.plus(if is_over { KEPT } else { CLAIM }),
        };
        let mut statements = vec![imports::begin(&begin, self.now)];
        if is_again {
            statements.push(imports::forget_refused(&import.id, "check"));
        }
        let rows = self.db.batch(statements).await?;
        if all::<StepRow>(rows.first())?.is_empty() {
            let message = "it went on meanwhile; ask again";
            return Err(conflict(Problem::new("state", message)));
        }
        Ok(if is_over { Vec::new() } else { vec![Work::ImportV1 { import: import.id.clone() }] })
    }

    /// Returns the place of the first row, as JSON.
    fn beginning(&self, import: &ImportRow) -> Option<String> {
        let position: Position = serde_json::from_str(import.position.as_deref()?).ok()?;
        let reader = TableReader::new(position.reading, self.decoder);
        serde_json::to_string(&reader.position()).ok()
    }

    /// Fixes the file: its parts are complete, its encoding and columns are known, and each column
    /// has its field.
    async fn seal(&self, import: &ImportRow) -> Result<ImportRow, FlowError> {
        let rows = self.db.batch(vec![imports::parts(&import.id)]).await?;
        let parts = all::<PartRow>(rows.first())?;
        let (mut starts, mut total) = (Vec::new(), 0);
        for (index, part) in parts.iter().enumerate() {
            if part.part != index as u64 + 1 {
                let problem = Problem::new("part", format!("part {} is missing", index + 1));
                return Err(conflict(problem.help("send it")));
            }
            starts.push((part.part, total));
            total += part.bytes;
        }
        if total == 0 {
            return Err(conflict(Problem::new("part", "no part was sent")));
        }
        // The parts have their places before the first of them is read; the plan follows.
        let statements = imports::seal(&import.id, &starts, u64::MAX >> 12, "", "");
        self.db.batch(statements[..1].to_vec()).await?;
        let mut head = Vec::new();
        while (head.len() as u64) < total && head.len() < HEAD_BYTES {
            head.extend(window(self.db, &import.id, head.len() as u64).await?);
        }
        head.truncate(HEAD_BYTES);
        let is_whole = head.len() as u64 == total;
        let seen = preview(&head, is_whole, &import.settings.reading, self.decoder);
        let seen = seen.map_err(|problem| {
            let message = problem.message(Language::English);
            rejected("The file cannot be read.", vec![Problem::new("file", message)])
        })?;
        let plan = self.plan(import, &seen.columns, &seen.notes)?;
        let position = TableReader::new(seen.reading, self.decoder).position();
        let text = |value: serde_json::Result<String>| value.unwrap_or_default();
        let (plan, position) =
            (text(serde_json::to_string(&plan)), text(serde_json::to_string(&position)));
        let statements = imports::seal(&import.id, &starts, total, &plan, &position);
        self.db.batch(statements.to_vec()).await?;
        let sealed = self.one(&import.id).await?;
        match sealed.total == Some(total) {
            true => Ok(sealed),
            false => Err(conflict(Problem::new("part", "a part came meanwhile; ask again"))),
        }
    }

    fn plan(
        &self,
        import: &ImportRow,
        columns: &[String],
        notes: &[crate::domain::table_file::problem::Note],
    ) -> Result<Plan, FlowError> {
        let kind = kind_of(self.catalog, &import.kind)?;
        let mapping = &import.settings.mapping;
        let settled = Targets::of(kind, mapping).settle(columns, mapping).map_err(|problems| {
            let problems = problems.iter();
            let problems =
                problems.map(|problem| Problem::new("mapping", problem.message(Language::English)));
            rejected("The columns do not fit the mapping.", problems.collect())
        })?;
        let fields: Vec<Option<String>> = columns
            .iter()
            .map(|column| settled.mapping.columns.get(column).cloned().flatten())
            .collect();
        let is_mapped = |field: &String| {
            fields.iter().flatten().any(|one| one == field)
                || settled.mapping.constants.contains_key(field)
        };
        if !fields.iter().any(Option::is_some) {
            let message = format!("no column is a field of {}", import.kind);
            let help = "map one: {\"columns\": {\"E-mail\": \"email\"}}";
            let problem = Problem::new("mapping", message).help(help);
            return Err(rejected("The columns do not fit the mapping.", vec![problem]));
        }
        let chosen = &import.settings.r#match;
        if let Some(field) = chosen.iter().find(|field| !is_mapped(field)) {
            let message = format!("no column is `{}`, by which rows are matched", brief(field));
            return Err(rejected("Rows cannot be matched.", vec![Problem::new("match", message)]));
        }
        let r#match: Vec<String> = match chosen.is_empty() {
            true => unique(kind).into_iter().filter(is_mapped).collect(),
            false => chosen.clone(),
        };
        let mut notes: Vec<String> =
            notes.iter().map(|note| note.message(Language::English)).collect();
        if r#match.is_empty() {
            notes.push("no column is unique, so each row makes a record".to_owned());
        }
        if !settled.ignored.is_empty() {
            notes.push(format!("not read: {}", settled.ignored.join(", ")));
        }
        let columns = columns.to_vec();
        Ok(Plan { columns, fields, constants: settled.mapping.constants, r#match, notes })
    }
}

/// Returns the fields by which a record of a kind can be found.
fn unique(kind: &Kind) -> Vec<String> {
    let fields = kind.fields.iter().filter(|field| field.unique).map(|field| field.name.clone());
    let addresses = ADDRESSES.iter().filter(|_| kind.id.is_contact()).map(|one| (*one).to_owned());
    std::iter::once("id".to_owned()).chain(addresses).chain(fields).collect()
}

fn match_problems(kind: &Kind, chosen: &[String]) -> Vec<Problem> {
    let known = unique(kind);
    let wrong = chosen.iter().filter(|field| !known.contains(field));
    let problem = |field: &String| {
        let message = format!("`{}` is not unique, so it finds no one record", brief(field));
        Problem::new("match", message).suggest(field, known.iter().map(String::as_str))
    };
    wrong.map(problem).collect()
}

/// Returns an import as the API shows it.
pub fn shown(import: &ImportRow) -> Value {
    let plan = import.plan.as_deref().and_then(|text| serde_json::from_str::<Plan>(text).ok());
    let position = import.position.as_deref();
    let position = position.and_then(|text| serde_json::from_str::<Position>(text).ok());
    let mut shown = json!({
        "id": import.id, "kind": import.kind, "file": import.settings.file,
        "by": import.actor, "state": import.state.as_str(), "reason": import.reason,
        "created_at": import.created_at.rfc3339(), "updated_at": import.updated_at.rfc3339(),
        "bytes": import.total.unwrap_or(import.bytes), "counts": import.counts,
        "on_match": import.settings.on_match, "on_new": import.settings.on_new,
        "rules": import.settings.rules,
    });
    if let Some(plan) = plan {
        let columns = plan.columns.iter().zip(&plan.fields);
        let mapping: serde_json::Map<String, Value> =
            columns.map(|(column, field)| (column.clone(), json!(field))).collect();
        shown["mapping"] = json!({ "columns": mapping, "constants": plan.constants });
        shown["match"] = json!(plan.r#match);
        shown["notes"] = json!(plan.notes);
    }
    if let Some(position) = position {
        shown["reading"] = json!(position.reading);
        shown["bytes_read"] = json!(position.offset);
    }
    if matches!(import.state, State::Undoing | State::Undone) {
        shown["undo"] = json!(import.undo);
    }
    shown
}

fn sha256_bytes(bytes: &[u8]) -> String {
    sha256_hex(&STANDARD.encode(bytes))
}

fn missing() -> FlowError {
    let problem = Problem::new("id", "there is no such import");
    let detail = "It does not exist, or was of another installation.";
    FlowError::NotFound(Refusal::new("Import not found", detail, problem))
}

fn conflict(problem: Problem) -> FlowError {
    FlowError::Conflict(Refusal::new("Not possible now", "Nothing has changed.", problem))
}

fn rejected(detail: &'static str, problems: Vec<Problem>) -> FlowError {
    FlowError::Rejected(Refusal { title: "Not possible", detail, problems })
}
