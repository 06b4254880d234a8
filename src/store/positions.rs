//! Where contacts work: the rows, the companies that a decision about a contact needs, and the
//! people of a company as far as a decision about the company concerns them.

use super::contacts::json_text;
use super::merging;
use super::segments::FillRow;
use super::statement::{INTEGER_MAX, Statement, Value};
use super::write::of_json;
use crate::domain::base::primitives::{KindId, MemberId, Millis, QualifiedId, RecordId};
use crate::domain::contact::Contact;
use crate::domain::contact::position::{Position, Stance};
use crate::domain::engine::change::Change;
use crate::domain::kind::{COMPANY, DOMAIN_KEY, NAME_KEY};
use crate::domain::record::{PlainRecord, Record};
use serde::{Deserialize, Deserializer};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// What `contacts` reads of a contact `c` where companies are used: its positions, each with its
/// company as rules see it, and the company that it has named.
macro_rules! positions_of_contact {
    () => {
        ",
  (SELECT json_group_array(json_object('role', p.role, 'stance', p.stance, 'main', p.is_main,
            'source', p.source, 'since', p.since, 'id', k.id, 'seq', k.seq, 'title', k.title,
            'owner', k.owner, 'attributes', json(k.attributes), 'tags', json(k.tags),
            'score', k.score, 'segments', json((
               SELECT json_group_object(segment_id, entered_at)
                 FROM segment_members WHERE contact_id = k.id))))
     FROM positions p JOIN contacts k ON k.id = p.company_id AND k.erased_at IS NULL
    WHERE p.contact_id = c.id) AS positions,
  (SELECT name FROM named_companies WHERE contact_id = c.id) AS named_company"
    };
}
pub(super) use positions_of_contact;

/// A position as `positions_of_contact` reads it.
#[derive(Deserialize)]
pub(super) struct PositionRow {
    role: Option<String>,
    stance: Option<Stance>,
    main: i64,
    source: String,
    since: Millis,
    #[serde(flatten)]
    company: FactsRow<Facts>,
}

/// The facts of a company. Its JSON is text in a row, and JSON within JSON.
#[derive(Deserialize)]
struct FactsRow<F> {
    id: RecordId,
    seq: i64,
    title: Option<String>,
    owner: Option<MemberId>,
    score: i64,
    #[serde(flatten)]
    more: F,
}

#[derive(Deserialize)]
struct Facts {
    attributes: BTreeMap<String, Json>,
    tags: Vec<String>,
    segments: BTreeMap<QualifiedId, Millis>,
}

#[derive(Deserialize)]
struct TextFacts {
    #[serde(deserialize_with = "json_text")]
    attributes: BTreeMap<String, Json>,
    #[serde(deserialize_with = "json_text")]
    tags: Vec<String>,
    #[serde(deserialize_with = "json_text")]
    segments: BTreeMap<QualifiedId, Millis>,
}

impl From<PositionRow> for Position {
    fn from(row: PositionRow) -> Self {
        let PositionRow { role, stance, main, source, since, company } = row;
        let company = company.with(|facts| facts);
        let is_main = main == 1;
        Self { role, stance, is_main, ..Position::new(company, source.into(), since) }
    }
}

impl<F> FactsRow<F> {
    fn with(self, facts: impl FnOnce(F) -> Facts) -> PlainRecord {
        let Self { id, seq, title, owner, score, more } = self;
        let Facts { attributes, tags, segments } = facts(more);
        let empty = PlainRecord::unknown(id, KindId::from(COMPANY), Millis(0));
        let tags = tags.into_iter().collect();
        let record = Record { seq, owner, attributes, tags, score, segments, ..empty.record };
        PlainRecord {
            record,
            title: title.unwrap_or_default(),
            ..PlainRecord::unknown(RecordId::from(""), KindId::from(COMPANY), Millis(0))
        }
    }
}

/// Reads the positions of a contact; a contact that is read without them has none.
pub(super) fn read_positions<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Position>, D::Error> {
    let rows: Vec<PositionRow> = json_text(deserializer)?;
    Ok(rows.into_iter().map(Position::from).collect())
}

/// The companies that decisions may need.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct WantedCompanies {
    /// By id. The id of a merged company selects the one it was merged into.
    pub ids: Vec<RecordId>,
    /// By domain, in normal form.
    pub domains: Vec<String>,
    /// By name, as `normal_name` has it.
    pub names: Vec<String>,
}

/// Selects companies with what rules may ask about them; rows are `CompanyRow`.
pub fn companies(wanted: &WantedCompanies) -> Statement {
    Statement::new(
        "SELECT k.id, k.seq, k.title, k.owner, k.attributes, k.tags, k.score,
                (SELECT json_group_object(segment_id, entered_at)
                   FROM segment_members WHERE contact_id = k.id) AS segments,
                (SELECT json_group_array(id) FROM contacts WHERE merged_into = k.id) AS aliases
           FROM contacts k
          WHERE k.kind = ?2 AND k.erased_at IS NULL AND k.id IN (
                SELECT coalesce(merged_into, id) FROM contacts WHERE id IN (
                       SELECT value FROM json_each(?1, '$.ids')
                        UNION ALL
                       SELECT record_id FROM field_index
                        WHERE kind = ?2 AND field = ?3
                          AND value IN (SELECT value FROM json_each(?1, '$.domains'))
                        UNION ALL
                       SELECT record_id FROM field_index
                        WHERE kind = ?2 AND field = ?4
                          AND value IN (SELECT value FROM json_each(?1, '$.names'))))",
        vec![
            Value::json(wanted),
            Value::text(COMPANY),
            Value::text(DOMAIN_KEY),
            Value::text(NAME_KEY),
        ],
    )
}

/// A row of `companies`.
#[derive(Deserialize)]
pub struct CompanyRow {
    #[serde(flatten)]
    facts: FactsRow<TextFacts>,
    #[serde(deserialize_with = "json_text")]
    aliases: Vec<RecordId>,
}

impl From<CompanyRow> for PlainRecord {
    fn from(row: CompanyRow) -> Self {
        let company = row.facts.with(|TextFacts { attributes, tags, segments }| Facts {
            attributes,
            tags,
            segments,
        });
        Self { aliases: row.aliases, ..company }
    }
}

/// Selects the companies that these contacts have named and that are still to be found or made;
/// rows are `NamedRow`.
pub fn named(contacts: &[RecordId]) -> Statement {
    Statement::new(
        "SELECT contact_id, name FROM named_companies
          WHERE contact_id IN (SELECT value FROM json_each(?1))",
        vec![Value::json(contacts)],
    )
}

/// A row of `named`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NamedRow {
    pub contact_id: RecordId,
    pub name: String,
}

const END_POSITIONS: &str = "
DELETE FROM positions
 WHERE (contact_id, company_id) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

// A company that was merged meanwhile stands for the one it was merged into. One that was erased is
// '', which the table refuses.
const SET_POSITIONS: &str = "
INSERT INTO positions (contact_id, company_id, role, stance, is_main, source, since)
SELECT row.value ->> 'contact',
       coalesce((SELECT coalesce(merged_into, id) FROM contacts
                  WHERE id = row.value ->> 'company' AND erased_at IS NULL), ''),
       row.value ->> 'role', row.value ->> 'stance', row.value ->> 'main',
       row.value ->> 'source', row.value ->> 'since'
  FROM json_each(?1) AS row WHERE true
    ON CONFLICT (contact_id, company_id) DO UPDATE SET
       role = excluded.role, stance = excluded.stance, is_main = excluded.is_main,
       source = excluded.source, since = excluded.since";

/// Makes its batch fail if one of these companies has another number than it was read with: a
/// decision about a contact that works there would rest on what is no longer so.
const REFUSE_STALE: &str = "
INSERT INTO positions (contact_id, company_id, is_main, source, since)
SELECT k.id, '', 0, '', 0
  FROM json_each(?1) AS row JOIN contacts k ON k.id = row.value ->> 0
 WHERE k.seq <> row.value ->> 1 LIMIT 1";

const NAME_COMPANIES: &str = "
INSERT INTO named_companies (contact_id, name)
SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE true
    ON CONFLICT (contact_id) DO UPDATE SET name = excluded.name";

const FORGET_NAMES: &str = "
DELETE FROM named_companies WHERE contact_id IN (SELECT value FROM json_each(?1))";

/// What decisions write about positions, and about the companies that they depend on.
#[derive(Default)]
pub(super) struct PositionRows {
    /// Each position by contact and company; `None` if it ends. The last change counts.
    positions: BTreeMap<[String; 2], Option<Json>>,
    /// The numbers of the companies that decisions about contacts have looked at.
    looked_at: Vec<Json>,
    /// The company that each contact has named; `None` once it is found.
    named: BTreeMap<String, Option<String>>,
    /// The companies whose people are to be decided on again.
    woken: Vec<RecordId>,
    /// The records that have another parent.
    children: Vec<RecordId>,
    people_taken_over: Vec<[RecordId; 2]>,
}

impl PositionRows {
    /// Notes that a decision about a contact rests on its companies.
    pub fn look_at(&mut self, contact: &Contact) {
        let seen = |own: &Position| json!([own.company.id, own.company.seq]);
        self.looked_at.extend(contact.positions.iter().map(seen));
    }

    /// Adds a change of this record, if it is about positions.
    pub fn add(&mut self, record: &RecordId, change: &Change) {
        let own = record.clone();
        match change {
            Change::SetPosition(position) => {
                let Position { company, role, stance, is_main, source, since } = position;
                let row = json!({
                    "contact": record, "company": company.id, "role": role, "stance": stance,
                    "main": i64::from(*is_main), "source": source.as_str(), "since": since,
                });
                self.positions.insert([own.0, company.id.0.clone()], Some(row));
            }
            Change::EndPosition(company) => {
                self.positions.insert([own.0, company.0.clone()], None);
            }
            Change::NameCompany(name) => _ = self.named.insert(own.0, name.clone()),
            Change::WakePeople => self.woken.push(own),
            Change::CheckParent => self.children.push(own),
            Change::TakeOverPeople(from) => self.people_taken_over.push([from.clone(), own]),
            _ => {}
        }
    }

    pub fn into_statements(self, erased: &[RecordId], now: Millis) -> Vec<Statement> {
        let ended = self.positions.iter().filter(|(_, row)| row.is_none());
        let ended: Vec<_> = ended.map(|(key, _)| key).collect();
        let set: Vec<_> = self.positions.values().flatten().collect();
        let (mut names, mut forgotten) = (Vec::new(), Vec::new());
        for (contact, name) in &self.named {
            match name {
                Some(name) => names.push([contact, name]),
                None => forgotten.push(contact),
            }
        }
        let statements = [
            of_json(REFUSE_STALE, &self.looked_at),
            of_json(REFUSE_CIRCLE, &self.children),
            of_json(END_POSITIONS, &ended),
            of_json(SET_POSITIONS, &set),
            of_json(NAME_COMPANIES, &names),
            of_json(FORGET_NAMES, &forgotten),
        ];
        let taken_over = self.people_taken_over.iter();
        let taken_over = taken_over.flat_map(|[from, into]| merging::take_over_people(from, into));
        // An erased company has no people afterwards, of whom the others could be found.
        let (gone, here): (Vec<_>, Vec<_>) =
            self.woken.into_iter().partition(|one| erased.contains(one));
        let woken = [(here, PEOPLE_PER_STEP), (gone, INTEGER_MAX as usize)];
        let woken = woken.into_iter().filter(|(companies, _)| !companies.is_empty());
        let woken = woken.flat_map(|(companies, most)| wake_people(&companies, most, now));
        statements.into_iter().flatten().chain(taken_over).chain(woken).collect()
    }
}

/// The number of people of a company whom one statement makes due.
pub const PEOPLE_PER_STEP: usize = 1_000;

/// Makes the people of these companies due, because rules may have another result now: so many of
/// each at once, and the others by a backfill of their own.
fn wake_people(companies: &[RecordId], at_once: usize, now: Millis) -> [Statement; 2] {
    let params = || {
        let count = Value::Int(at_once as i64);
        vec![Value::json(companies), Value::Int(now.0), count]
    };
    [
        Statement::new(
            "UPDATE contacts SET wake_at = ?2
              WHERE id IN (SELECT p.contact_id FROM json_each(?1) AS k JOIN positions p
                               ON p.company_id = k.value
                              AND p.contact_id <= coalesce((
                                  SELECT contact_id FROM positions WHERE company_id = k.value
                                   ORDER BY contact_id LIMIT 1 OFFSET ?3 - 1), '~'))
                AND (wake_at IS NULL OR wake_at > ?2) AND erased_at IS NULL",
            params(),
        ),
        Statement::new(
            "INSERT INTO segment_fills (segment_id, wave, not_before, after_id)
             SELECT 'company:' || k.value, 1, ?2, (
                    SELECT contact_id FROM positions WHERE company_id = k.value
                     ORDER BY contact_id LIMIT 1 OFFSET ?3 - 1)
               FROM json_each(?1) AS k
              WHERE EXISTS (SELECT 1 FROM positions WHERE company_id = k.value
                             ORDER BY contact_id LIMIT 1 OFFSET ?3)
                 ON CONFLICT (segment_id, wave) DO UPDATE SET
                    not_before = excluded.not_before, after_id = excluded.after_id",
            params(),
        ),
    ]
}

/// Returns the company whose people a backfill makes due; `None` for another backfill.
pub fn company_of_fill(fill: &FillRow) -> Option<RecordId> {
    fill.segment_id.as_str().strip_prefix("company:").map(RecordId::from)
}

/// Takes one step of making the people of a company due. The last statement's row is a `StepRow`,
/// which counts due records up to `due_max`; no row after the last step.
pub fn wake_step(
    fill: &FillRow,
    company: &RecordId,
    now: Millis,
    due_max: usize,
) -> [Statement; 3] {
    let params = |more: &[Value]| {
        let own = [
            Value::text(fill.segment_id.as_str()),
            Value::Int(fill.wave),
            Value::text(&fill.after_id),
            Value::text(company.as_str()),
        ];
        own.into_iter().chain(more.iter().cloned()).collect::<Vec<_>>()
    };
    let (count, at) = (Value::Int(PEOPLE_PER_STEP as i64), Value::Int(now.0));
    [
        Statement::new(
            "UPDATE contacts SET wake_at = ?3
              WHERE id IN (SELECT contact_id FROM positions
                            WHERE company_id = ?2 AND contact_id > ?1
                            ORDER BY contact_id LIMIT ?4)
                AND (wake_at IS NULL OR wake_at > ?3) AND erased_at IS NULL",
            vec![
                Value::text(&fill.after_id),
                Value::text(company.as_str()),
                at.clone(),
                count.clone(),
            ],
        ),
        Statement::new(
            "DELETE FROM segment_fills
              WHERE segment_id = ?1 AND wave = ?2 AND after_id = ?3
                AND NOT EXISTS (SELECT 1 FROM positions WHERE company_id = ?4 AND contact_id > ?3)",
            params(&[]),
        ),
        Statement::new(
            "UPDATE segment_fills SET after_id = (
                    SELECT max(contact_id) FROM (
                           SELECT contact_id FROM positions
                            WHERE company_id = ?4 AND contact_id > ?3
                            ORDER BY contact_id LIMIT ?5))
              WHERE segment_id = ?1 AND wave = ?2 AND after_id = ?3
          RETURNING segment_id, wave, not_before, after_id,
                    (SELECT count(*) FROM (SELECT 1 FROM contacts
                                            WHERE wake_at <= ?6 LIMIT ?7)) AS due",
            params(&[count, at, Value::Int(due_max as i64)]),
        ),
    ]
}

/// The most records on the way from one to the top of its hierarchy.
pub const LEVELS_MAX: usize = 100;

/// Selects the ancestors of these records, each with the one that it is an ancestor of: rows are
/// `Ancestor`, at most `LEVELS_MAX` and one for each.
pub fn ancestors(records: &[RecordId]) -> Statement {
    Statement::new(
        "WITH RECURSIVE up(start, id, level) AS (
             SELECT row.value, (SELECT coalesce(merged_into, id) FROM contacts
                                 WHERE id = row.value), 0
               FROM json_each(?1) AS row
              UNION
             SELECT up.start, (SELECT coalesce(p.merged_into, p.id) FROM contacts p
                                WHERE p.id = k.attributes ->> 'parent'), up.level + 1
               FROM up JOIN contacts k ON k.id = up.id
              WHERE up.level < ?2)
         SELECT up.start, up.id, coalesce(k.title, '') AS title
           FROM up JOIN contacts k ON k.id = up.id ORDER BY up.start, up.level",
        vec![Value::json(records), Value::Int(LEVELS_MAX as i64)],
    )
}

/// Makes its batch fail if one of these records is its own ancestor: two edits at once could make a
/// circle that neither of them sees.
const REFUSE_CIRCLE: &str = "
INSERT INTO positions (contact_id, company_id, is_main, source, since)
WITH RECURSIVE up(start, id) AS (
    SELECT k.id, (SELECT coalesce(p.merged_into, p.id) FROM contacts p
                   WHERE p.id = k.attributes ->> 'parent')
      FROM contacts k WHERE k.id IN (SELECT value FROM json_each(?1))
     UNION
    SELECT up.start, (SELECT coalesce(p.merged_into, p.id) FROM contacts p
                       WHERE p.id = k.attributes ->> 'parent')
      FROM up JOIN contacts k ON k.id = up.id)
SELECT start, '', 0, '', 0 FROM up WHERE start = id LIMIT 1";
