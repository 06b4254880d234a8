//! Segment backfill: a rule as SQL finds the contacts that must be decided on again.
//!
//! SQL never changes a membership itself. It wakes the contacts whose membership differs from the
//! rule's result (or will differ as time passes), and the scheduler decides on them like on
//! any other, so that there is only one way into a segment.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{KindId, Millis, QualifiedId, RecordId};
use crate::domain::campaign::Segment;
use crate::domain::segment::Rule;
use crate::store::rule_sql::{RuleSql, at_once, compact};
use serde::Deserialize;
use std::ops::Range;

/// The number of contacts that one backfill step scans: about a tenth of a second of D1's one
/// thread.
pub const FILL_CONTACTS_PER_STEP: usize = 5_000;

/// Starts the backfill of these segments from the first contact, in one pass at each of these
/// times.
pub fn begin_fills(segments: &[QualifiedId], waves: [Millis; 2]) -> Statement {
    Statement::new(
        "INSERT INTO segment_fills (segment_id, wave, not_before, after_id)
         SELECT segment.value, wave.key + 1, wave.value, ''
           FROM json_each(?1) AS segment, json_each(?2) AS wave WHERE true
             ON CONFLICT (segment_id, wave) DO UPDATE SET
                not_before = excluded.not_before, after_id = ''",
        vec![Value::json(segments), Value::json(&waves[..])],
    )
}

/// Selects the backfills that are due; one that failed waits for its next attempt.
pub fn fills(now: Millis) -> Statement {
    Statement::new(
        "SELECT f.segment_id, f.wave, f.not_before, f.after_id, coalesce(w.attempts, 0) AS attempts
           FROM segment_fills f
           LEFT JOIN failing_work w ON w.kind = 'filling' AND w.id = f.segment_id
          WHERE f.not_before <= ?1
            AND coalesce(w.retry_at, 0) NOT BETWEEN ?1 + 1 AND ?1 + 7200000 LIMIT 10",
        vec![Value::Int(now.0)],
    )
}

/// A row of `fills`.
#[derive(Clone, Debug, Deserialize)]
pub struct FillRow {
    pub segment_id: QualifiedId,
    /// The pass, 1 or 2.
    pub wave: i64,
    /// When the pass began.
    pub not_before: Millis,
    /// Contacts up to this id are done.
    pub after_id: String,
    /// The number of failures in a row.
    #[serde(default)]
    pub attempts: u32,
}

/// What a step of a backfill leaves to be done; no row after the last step.
#[derive(Deserialize)]
pub struct StepRow {
    /// The backfill after the step.
    #[serde(flatten)]
    pub fill: FillRow,
    /// The number of due contacts, counted up to a limit.
    pub due: usize,
}

/// Advances a backfill that was done outside SQL up to this record, unless it was restarted since
/// it was read: one row, `StepRow`.
pub fn advance_fill(fill: &FillRow, reached: &RecordId) -> Statement {
    Statement::new(
        "UPDATE segment_fills SET after_id = ?4
          WHERE segment_id = ?1 AND wave = ?2 AND after_id = ?3
      RETURNING segment_id, wave, not_before, after_id, 0 AS due",
        vec![
            Value::text(fill.segment_id.as_str()),
            Value::Int(fill.wave),
            Value::text(&fill.after_id),
            Value::text(reached.as_str()),
        ],
    )
}

/// Selects whether this backfill is under way: a row, or none.
pub fn is_filling(fill: &QualifiedId) -> Statement {
    Statement::new(
        "SELECT 1 AS yes FROM segment_fills WHERE segment_id = ?1 LIMIT 1",
        vec![Value::text(fill.as_str())],
    )
}

/// Ends a backfill, unless it was restarted since it was read.
pub fn end_fill(fill: &FillRow) -> Statement {
    Statement::new(
        "DELETE FROM segment_fills WHERE segment_id = ?1 AND wave = ?2 AND after_id = ?3",
        vec![
            Value::text(fill.segment_id.as_str()),
            Value::Int(fill.wave),
            Value::text(&fill.after_id),
        ],
    )
}

/// Takes one step of a backfill. Of the next records, among those last written in this span, it
/// wakes those whose membership is wrong, and makes every other wake no later than its result may
/// change by time. Then the backfill advances or ends. The last statement's row is a `StepRow`,
/// which counts due records up to `due_max`.
pub fn fill_step(
    fill: &FillRow,
    segment: &Segment,
    written: &Range<Millis>,
    now: Millis,
    due_max: usize,
) -> [Statement; 3] {
    let Segment { of, rule } = segment;
    let step = at_once(rule, FILL_CONTACTS_PER_STEP);
    let place = || {
        vec![
            Value::text(fill.segment_id.as_str()),
            Value::Int(fill.wave),
            Value::text(&fill.after_id),
            Value::text(of.as_str()),
        ]
    };
    let end = format!(
        "DELETE FROM segment_fills
          WHERE segment_id = ?1 AND wave = ?2 AND after_id = ?3
            AND NOT EXISTS (SELECT 1 FROM contacts WHERE id > ?3{})",
        of_kind(of, 4)
    );
    let advance = format!(
        "UPDATE segment_fills SET after_id = ({})
          WHERE segment_id = ?1 AND wave = ?2 AND after_id = ?3
      RETURNING segment_id, wave, not_before, after_id,
                (SELECT count(*) FROM (SELECT 1 FROM contacts
                                        WHERE wake_at <= ?6 LIMIT ?7)) AS due",
        chunk_end(&of_kind(of, 4), 3, 5)
    );
    let more = [Value::Int(step), Value::Int(now.0), Value::Int(due_max as i64)];
    [
        fill_wake(fill, segment, written, now, step),
        Statement { sql: end.into(), params: place() },
        Statement { sql: advance.into(), params: place().into_iter().chain(more).collect() },
    ]
}

/// Wakes the records of one step of a backfill.
fn fill_wake(
    fill: &FillRow,
    Segment { of, rule }: &Segment,
    written: &Range<Millis>,
    now: Millis,
    step: i64,
) -> Statement {
    let mut sql = RuleSql::new(of, now);
    let (failing, wakes) = (sql.failing(rule), sql.wakes(rule));
    let records = sql.records();
    // Each part is evaluated once: the stored `failing` tells which part's change can matter.
    let wake = format!(
        "WITH asked AS MATERIALIZED (
             SELECT c.*, {failing} AS failing
               FROM {records} WHERE c.id > ?4 AND c.id <= ({})
                                AND c.updated_at >= ?6 AND c.updated_at < ?7
                                AND {IS_SOMEBODY}),
         due(place, at) AS MATERIALIZED (
             SELECT c.place, CASE WHEN (c.failing = 0) IS NOT EXISTS (
                                   SELECT 1 FROM segment_members m
                                    WHERE m.contact_id = c.id AND m.segment_id = ?3)
                               THEN ?2 ELSE {wakes} END
               FROM asked c)
         UPDATE contacts SET wake_at = due.at FROM due
          WHERE contacts.rowid = due.place AND (wake_at IS NULL OR wake_at > due.at)
            AND due.at IS NOT NULL",
        chunk_end(&of_kind(of, 8), 4, 5)
    );
    let params = vec![
        sql.constants(),
        Value::Int(now.0),
        Value::text(fill.segment_id.as_str()),
        Value::text(&fill.after_id),
        Value::Int(step),
        Value::Int(written.start.0),
        Value::Int(written.end.0),
        Value::text(of.as_str()),
    ];
    Statement { sql: compact(&wake).into(), params }
}

/// The condition that a contact was neither erased nor merged into another: such contacts are in no
/// segment.
pub(super) const IS_SOMEBODY: &str = "c.erased_at IS NULL AND c.merged_into IS NULL";

/// Returns a query for the last id of the next contacts. Parameter `after` is the id after which
/// they come, and the next parameter is their number.
pub(super) fn contacts_end(after: usize) -> String {
    chunk_end("", after, after + 1)
}

/// Does the same for the records that meet a condition.
fn chunk_end(condition: &str, after: usize, count: usize) -> String {
    format!(
        "SELECT max(id) FROM (
             SELECT id FROM contacts WHERE id > ?{after}{condition} ORDER BY id LIMIT ?{count})"
    )
}

/// Returns the condition, to be appended to others, that a record is of the kind in a parameter.
/// The ids of contacts are read as they come, because nearly all records are contacts; other kinds
/// have an index, which has no contacts.
fn of_kind(of: &KindId, parameter: usize) -> String {
    match of.is_contact() {
        true => format!(" AND ?{parameter} IS NOT NULL"),
        false => format!(" AND kind = ?{parameter} AND kind <> 'contact'"),
    }
}

/// Selects the ids of the records that belong to the segment.
pub fn holding(segment: &Segment, now: Millis) -> Statement {
    select("SELECT c.id", segment, now, RuleSql::holds)
}

/// Counts the records that belong to the segment: one row, `count`.
pub fn count(segment: &Segment, now: Millis) -> Statement {
    select("SELECT count(*) AS count", segment, now, RuleSql::holds)
}

/// Selects the ids of contacts whose result may change before `by` by time alone: a property test
/// compares them with the rule's other evaluator.
pub fn changing(segment: &Segment, now: Millis, by: Millis) -> Statement {
    let Segment { of, rule } = segment;
    let mut sql = RuleSql::new(of, now);
    let (failing, wakes) = (sql.failing(rule), sql.wakes(rule));
    let (by, contacts) = (sql.constant(by.0), sql.records());
    let text = format!(
        "WITH asked AS MATERIALIZED (SELECT c.*, {failing} AS failing FROM {contacts})
         SELECT c.id FROM asked c WHERE ?1 IS NOT NULL AND {wakes} <= {by}"
    );
    Statement { sql: compact(&text).into(), params: vec![sql.constants()] }
}

fn select(
    what: &str,
    Segment { of, rule }: &Segment,
    now: Millis,
    condition: impl Fn(&mut RuleSql, &Rule) -> String,
) -> Statement {
    let mut sql = RuleSql::new(of, now);
    let condition = condition(&mut sql, rule);
    let contacts = sql.records();
    // `?1 IS NOT NULL`: D1 refuses a parameter that is not used.
    let text =
        format!("{what} FROM {contacts} WHERE ?1 IS NOT NULL AND {IS_SOMEBODY} AND {condition}");
    Statement { sql: compact(&text).into(), params: vec![sql.constants()] }
}
