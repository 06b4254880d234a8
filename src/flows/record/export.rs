//! Exporting records: a page of a file at a time, within the scope of the one who asks, with masks
//! where they apply, and with one entry of the audit log for the whole file.

use super::edit::kind_of;
use super::read::asks_too_much;
use crate::domain::access::audit::{Act, AuditEntry};
use crate::domain::access::rights::{Access, Scope};
use crate::domain::access::role::Action;
use crate::domain::access::shown::Shown;
use crate::domain::base::diagnostic::{Problem, brief};
use crate::domain::base::primitives::{Ids, KindId, Millis, RecordId, uuid_time};
use crate::domain::campaign_file::filter;
use crate::domain::contact::consent::{Consent, ConsentState, LawfulBasis};
use crate::domain::field;
use crate::domain::import::consent::COLUMNS as CONSENT_COLUMNS;
use crate::domain::kind::{Kind, Kinds};
use crate::domain::publication::catalog::Catalog;
use crate::domain::segment::{AnyRecord, Rule};
use crate::domain::table_file::Separator;
use crate::domain::table_file::write::{EXCEL_MARK, write_csv_row, write_json_row};
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::contacts::{self, ContactRow};
use crate::store::exports::{self, ConsentRow, CountRow, IdRow, NextRow, Wanted};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The most records of a page.
const RECORDS_PER_PAGE: usize = 500;

/// How long the text of a page may get before it ends, in bytes.
const PAGE_BYTES: usize = 2_000_000;

/// The most columns of an export.
const COLUMNS_MAX: usize = 300;

/// What a client asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    #[serde(default)]
    pub format: Format,
    /// A rule in the language of campaign files, as JSON; all records without one.
    pub filter: Option<Value>,
    /// The names of the columns; all without them.
    pub columns: Option<Vec<String>>,
    #[serde(default)]
    pub what: What,
    /// Where this page begins, as the page before said.
    pub after: Option<String>,
}

/// The format of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// With a mark by which spreadsheets know UTF-8.
    #[default]
    Csv,
    JsonLines,
}

/// What each line is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    #[default]
    Records,
    /// The ledger of consents of contacts.
    Consents,
}

impl Format {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::JsonLines => "application/jsonl; charset=utf-8",
        }
    }
}

/// A page of a file.
#[derive(Debug)]
pub struct Page {
    pub text: String,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// Returns a page of a file.
pub async fn page<D: Database>(
    db: &D,
    catalog: &Catalog,
    access: &Access,
    kind: &KindId,
    asked: Asked,
    now: Millis,
    ids: &mut Ids,
) -> Result<Page, FlowError> {
    let kind = kind_of(catalog, kind)?;
    let export = Export::new(catalog.kinds(), kind, access, &asked, now)?;
    let (entry, after) = place(asked.after.as_deref())?;
    let scope = export_scope(access, kind, asked.what);
    let wanted = Wanted {
        kind: &kind.id,
        rule: &export.rule,
        scope: &scope,
        after: &after,
        limit: RECORDS_PER_PAGE,
    };
    let mut statements = vec![exports::next(&wanted, now)];
    statements.extend(entry.as_deref().map(exports::entered));
    let rows = db.batch(statements).await?;
    let found = all::<NextRow>(rows.first())?;
    let stop = found.iter().find(|row| row.is_end == 1).map(|row| row.id.clone());
    let mut of_page: Vec<&RecordId> =
        found.iter().filter(|row| row.is_end == 0).map(|row| &row.id).collect();
    let mut next = match of_page.len() {
        RECORDS_PER_PAGE => of_page.last().map(|id| (*id).clone()),
        _ => stop,
    };
    let detail = |count: u64| {
        json!({ "of": kind.id, "what": format!("{:?}", asked.what).to_lowercase(),
                "records": count, "columns": export.columns, "filter": asked.filter })
    };
    let before = match &entry {
        Some(_) => {
            let known = all::<CountRow>(rows.get(1))?.into_iter().next();
            let records = known.and_then(|row| row.records(access.actor(), detail, now));
            records.ok_or_else(other_export)?
        }
        None => 0,
    };
    let mut text = String::new();
    if asked.after.is_none() {
        export.write_names(&mut text);
    }
    let cut = export.write_records(db, &mut of_page, &mut text).await?;
    next = cut.or(next);
    let count = before + of_page.len() as u64;
    let entry_id = entry.clone().unwrap_or_else(|| ids.uuid());
    let act = Act::new("export", "records", "").with(detail(count));
    let log = AuditEntry { id: entry_id.clone(), ..act.by(access.actor(), now, ids) };
    let rows = db.batch(vec![exports::enter(&log)]).await?;
    if all::<IdRow>(rows.first())?.is_empty() {
        return Err(other_export());
    }
    Ok(Page { text, next: next.map(|id| format!("{entry_id}.{id}")) })
}

/// Returns the records that may be exported. A ledger quotes the wording and the evidence of
/// consents, so it needs every field in full.
fn export_scope(access: &Access, kind: &Kind, what: What) -> Scope {
    match what {
        What::Records => access.scope(Action::Export, &kind.id),
        What::Consents => access.clear_scope(Action::Export, &kind.id),
    }
}

fn other_export() -> FlowError {
    let message = "it is of another export, or a day old; begin again without it";
    rejected(Problem::new("after", message))
}

/// Reads where a page begins: the entry of the audit log, and the last record.
fn place(after: Option<&str>) -> Result<(Option<String>, RecordId), FlowError> {
    let Some(after) = after else { return Ok((None, RecordId::from(""))) };
    let parts = after.split_once('.').filter(|(entry, _)| uuid_time(entry).is_some());
    let (entry, id) = parts.ok_or_else(|| {
        let message = "send what the header `x-next` of the page before said";
        rejected(Problem::new("after", message))
    })?;
    Ok((Some(entry.to_owned()), RecordId::from(id)))
}

/// An export, checked against what its reader may see.
struct Export<'a> {
    kind: &'a Kind,
    access: &'a Access,
    rule: Rule,
    columns: Vec<String>,
    format: Format,
    what: What,
    now: Millis,
}

impl<'a> Export<'a> {
    fn new(
        kinds: &Kinds,
        kind: &'a Kind,
        access: &'a Access,
        asked: &Asked,
        now: Millis,
    ) -> Result<Self, FlowError> {
        if export_scope(access, kind, asked.what) == Scope::Nothing {
            let problem = Problem::new("", format!("no role allows to export a {}", kind.id));
            return Err(FlowError::Forbidden(Refusal::new(
                "Not allowed", "Ask an owner.", problem,
            )));
        }
        if asked.what == What::Consents && !kind.id.is_contact() {
            return Err(rejected(Problem::new("what", "only contacts have consents")));
        }
        let rule = match &asked.filter {
            None => Rule::All(Vec::new()),
            Some(json) => filter(&kind.id, json).map_err(|problems| {
                FlowError::Rejected(Refusal {
                    title: "The filter is wrong",
                    detail: "Write a rule as in a campaign file, as JSON.",
                    problems,
                })
            })?,
        };
        if let Some(hidden) = access.hidden_in(kinds, kind, &rule) {
            return Err(asks_too_much(hidden));
        }
        let columns = columns(kind, asked)?;
        let (format, what) = (asked.format, asked.what);
        Ok(Self { kind, access, rule, columns, format, what, now })
    }

    fn write_names(&self, text: &mut String) {
        if self.format == Format::Csv {
            text.push_str(EXCEL_MARK);
            write_csv_row(&self.columns, Separator::Comma, text);
        }
    }

    fn write_row(&self, cells: Vec<String>, text: &mut String) {
        match self.format {
            Format::Csv => write_csv_row(cells, Separator::Comma, text),
            Format::JsonLines => write_json_row(&self.columns, cells, text),
        }
    }

    /// Writes the records of a page. A page that gets too long ends early; then it returns the last
    /// record written, and leaves the others out of the list.
    async fn write_records<D: Database>(
        &self,
        db: &D,
        page: &mut Vec<&RecordId>,
        text: &mut String,
    ) -> Result<Option<RecordId>, DatabaseError> {
        if page.is_empty() {
            return Ok(None);
        }
        let records = contacts::records_by_ids(page.iter().copied(), &[], &[], self.now);
        let mut statements = vec![records];
        if self.what == What::Consents {
            statements.push(exports::consents(page));
        }
        let rows = db.batch(statements).await?;
        let mut records: Vec<AnyRecord> =
            all::<ContactRow>(rows.first())?.into_iter().map(AnyRecord::from).collect();
        records.sort_by(|one, other| one.id.cmp(&other.id));
        let consents = all::<ConsentRow>(rows.get(1))?;
        for (index, record) in records.iter().enumerate() {
            let Some(shown) = self.access.show(self.kind, record, self.now) else { continue };
            match self.what {
                What::Records => self.write_row(self.cells(&shown), text),
                What::Consents => self.write_consents(record, &consents, text),
            }
            if text.len() > PAGE_BYTES && index + 1 < records.len() {
                page.truncate(index + 1);
                return Ok(Some(record.id.clone()));
            }
        }
        Ok(None)
    }

    /// Returns the cells of a record, as its reader may see it.
    fn cells(&self, shown: &Shown) -> Vec<String> {
        let cell = |name: &String| match name.as_str() {
            "id" => shown.id().0.clone(),
            "created_at" => shown.created_at().rfc3339(),
            "tags" => joined(shown.tags().iter().map(String::as_str).collect()),
            "attributes" => {
                let others = shown.attributes().iter();
                let others: Map<String, Value> =
                    others.map(|(name, value)| (name.clone(), value.clone())).collect();
                if others.is_empty() { String::new() } else { Value::Object(others).to_string() }
            }
            name => match (shown.value(name), self.kind.field(name)) {
                (None, _) => String::new(),
                (Some(value), Some(field)) if shown.shows(name) && !field.kind.is_written() => {
                    field.kind.export(value)
                }
                (Some(Value::String(text)), _) => text.clone(),
                (Some(value), _) => value.to_string(),
            },
        };
        self.columns.iter().map(cell).collect()
    }

    /// Writes the ledger of a contact. A grant that waits for its owner says so.
    fn write_consents(&self, record: &AnyRecord, all: &[ConsentRow], text: &mut String) {
        let own: Vec<&ConsentRow> = all.iter().filter(|one| one.contact_id == record.id).collect();
        for (index, row) in own.iter().enumerate() {
            let is_same =
                |one: &&&ConsentRow| one.channel == row.channel && one.purpose == row.purpose;
            let is_last = !own[index + 1..].iter().any(|one| is_same(&one));
            let known = record.contact().and_then(|c| c.consent(row.channel, &row.purpose));
            let state = match row.state {
                ConsentState::Granted if is_last && known.is_some_and(Consent::is_pending) => {
                    "pending"
                }
                state => state.as_str(),
            };
            let basis = match row.basis {
                LawfulBasis::Consent => "consent",
                LawfulBasis::Contract => "contract",
                LawfulBasis::LegitimateInterest => "legitimate_interest",
            };
            let cell = |name: &String| match name.as_str() {
                "id" => record.id.0.clone(),
                "consent.purpose" => row.purpose.clone(),
                "consent.channel" => row.channel.as_str().to_owned(),
                "consent.source" => row.source.clone(),
                "consent.text" => row.text.clone(),
                "consent.date" => row.at.rfc3339(),
                "consent.state" => state.to_owned(),
                "consent.basis" => basis.to_owned(),
                "consent.cross_border" => (row.cross_border == 1).to_string(),
                _ => row.form.as_ref().map(|form| form.0.clone()).unwrap_or_default(),
            };
            self.write_row(self.columns.iter().map(cell).collect(), text);
        }
    }
}

const OF_CONTACTS: [&str; 5] = ["email", "phone", "external_id", "locale", "time_zone"];

/// Returns the columns that are asked for, or all.
fn columns(kind: &Kind, asked: &Asked) -> Result<Vec<String>, FlowError> {
    let of_records = || {
        let own = OF_CONTACTS.iter().filter(|_| kind.id.is_contact());
        let first = std::iter::once(&"id").chain(own);
        let first = first.chain(&["owner", "tags", "score", "created_at"]);
        let fields = kind.fields.iter().map(|field| field.name.clone());
        let first = first.map(|name| (*name).to_owned());
        first.chain(fields).chain(["attributes".to_owned()]).collect::<Vec<_>>()
    };
    if asked.what == What::Consents {
        let names = std::iter::once("id").chain(CONSENT_COLUMNS);
        return Ok(names.map(str::to_owned).collect());
    }
    let known = of_records();
    let Some(columns) = &asked.columns else { return Ok(known) };
    if columns.is_empty() || columns.len() > COLUMNS_MAX {
        let message = format!("1 to {COLUMNS_MAX} columns");
        return Err(rejected(Problem::new("columns", message)));
    }
    // Contacts have attributes that no field declares.
    let is_known =
        |name: &String| known.contains(name) || kind.id.is_contact() && field::is_field_name(name);
    match columns.iter().find(|name| !is_known(name)) {
        None => Ok(columns.clone()),
        Some(name) => {
            let problem = Problem::new("columns", format!("there is no `{}`", brief(name)));
            Err(rejected(problem.suggest(name, known.iter().map(String::as_str))))
        }
    }
}

/// Writes tags as one cell, which an import reads again.
fn joined(tags: Vec<&str>) -> String {
    let is_plain =
        |tag: &&str| !tag.contains([',', ';', '，', '；', '、']) && !tag.starts_with('[');
    match tags.iter().all(is_plain) {
        true => tags.join(", "),
        false => json!(tags).to_string(),
    }
}

fn rejected(problem: Problem) -> FlowError {
    FlowError::Rejected(Refusal::new("Not possible", "Nothing was exported.", problem))
}
