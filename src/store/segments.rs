//! Filling segments: a rule as SQL finds the contacts that a decision must look at again.
//!
//! SQL never changes a membership itself. It wakes the contacts whose membership differs from
//! what the rule says (or will come to differ by time alone), and the scheduler decides on each
//! as on any other, so that there is one way into a segment.

use super::statement::{Statement, Value};
use crate::domain::base::primitives::{Millis, QualifiedId};
use crate::domain::segment::Rule;
use crate::store::rule_sql::{RuleSql, at_once, compact};
use serde::Deserialize;
use std::ops::Range;

/// How many contacts one filling step looks at: about a tenth of a second of D1's one thread.
pub const FILL_CONTACTS_PER_STEP: usize = 5_000;

/// Starts filling these segments from the first contact, in a wave at each of these moments.
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

/// The fillings under way whose time has come; one that failed waits.
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
    /// The segment.
    pub segment_id: QualifiedId,
    /// Which wave it is, 1 or 2.
    pub wave: i64,
    /// When the wave began.
    pub not_before: Millis,
    /// Contacts up to this id are done.
    pub after_id: String,
    /// How often it has failed in a row.
    #[serde(default)]
    pub attempts: u32,
}

/// What a step of a filling leaves to be done; no row if it was the last.
#[derive(Deserialize)]
pub struct StepRow {
    /// The filling as it is now.
    #[serde(flatten)]
    pub fill: FillRow,
    /// How many contacts are due, counted up to this many.
    pub due: usize,
}

/// Ends a filling, unless it has begun anew since it was read.
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

/// One step of a filling: of the next contacts, those who were written in this span, it wakes
/// whose membership is wrong, and sees to it that no other sleeps past a change of its own; then it
/// moves on or ends. The last statement's row is a `StepRow` that counts no more than so many as
/// due.
pub fn fill_step(
    fill: &FillRow,
    rule: &Rule,
    written: &Range<Millis>,
    now: Millis,
    due_max: usize,
) -> [Statement; 3] {
    let mut sql = RuleSql::new(now);
    let (failing, wakes) = (sql.failing(rule), sql.wakes(rule));
    let contacts = sql.contacts();
    // Each part is asked once: what fails is kept, and says whose change alone can matter.
    let wake = format!(
        "WITH asked AS MATERIALIZED (
             SELECT c.*, {failing} AS failing
               FROM {contacts} WHERE c.id > ?4 AND c.id <= ({})
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
        chunk_end(4)
    );
    let segment = Value::text(fill.segment_id.as_str());
    let (wave, after_id) = (Value::Int(fill.wave), Value::text(&fill.after_id));
    let step = Value::Int(at_once(rule, FILL_CONTACTS_PER_STEP));
    let now = Value::Int(now.0);
    let wake_params = vec![
        sql.constants(),
        now.clone(),
        segment.clone(),
        after_id.clone(),
        step.clone(),
        Value::Int(written.start.0),
        Value::Int(written.end.0),
    ];
    [
        Statement { sql: compact(&wake).into(), params: wake_params },
        Statement::new(
            "DELETE FROM segment_fills
              WHERE segment_id = ?1 AND wave = ?2 AND after_id = ?3
                AND NOT EXISTS (SELECT 1 FROM contacts WHERE id > ?3)",
            vec![segment.clone(), wave.clone(), after_id.clone()],
        ),
        Statement {
            sql: format!(
                "UPDATE segment_fills SET after_id = ({})
                  WHERE segment_id = ?1 AND wave = ?2 AND after_id = ?3
              RETURNING segment_id, wave, not_before, after_id,
                        (SELECT count(*) FROM (SELECT 1 FROM contacts
                                                WHERE wake_at <= ?5 LIMIT ?6)) AS due",
                chunk_end(3)
            )
            .into(),
            params: vec![segment, wave, after_id, step, now, Value::Int(due_max as i64)],
        },
    ]
}

/// Whoever was erased, or merged into another, is in no segment.
pub(super) const IS_SOMEBODY: &str = "c.erased_at IS NULL AND c.merged_into IS NULL";

/// The last of the next contacts, with the id after which they come as this parameter, and how
/// many they are as the one after it.
pub(super) fn chunk_end(after: usize) -> String {
    format!(
        "SELECT max(id) FROM (
             SELECT id FROM contacts WHERE id > ?{after} ORDER BY id LIMIT ?{})",
        after + 1
    )
}

/// The ids for which the rule holds.
pub fn holding(rule: &Rule, now: Millis) -> Statement {
    select("SELECT c.id", rule, now, RuleSql::holds)
}

/// How many contacts the rule holds for: one row, `count`.
pub fn count(rule: &Rule, now: Millis) -> Statement {
    select("SELECT count(*) AS count", rule, now, RuleSql::holds)
}

/// The ids of those whose answer time alone may change before `by`: what a property test compares
/// with the rule's other evaluator.
pub fn changing(rule: &Rule, now: Millis, by: Millis) -> Statement {
    let mut sql = RuleSql::new(now);
    let (failing, wakes) = (sql.failing(rule), sql.wakes(rule));
    let (by, contacts) = (sql.constant(by.0), sql.contacts());
    let text = format!(
        "WITH asked AS MATERIALIZED (SELECT c.*, {failing} AS failing FROM {contacts})
         SELECT c.id FROM asked c WHERE ?1 IS NOT NULL AND {wakes} <= {by}"
    );
    Statement { sql: compact(&text).into(), params: vec![sql.constants()] }
}

fn select(
    what: &str,
    rule: &Rule,
    now: Millis,
    condition: impl Fn(&mut RuleSql, &Rule) -> String,
) -> Statement {
    let mut sql = RuleSql::new(now);
    let condition = condition(&mut sql, rule);
    let contacts = sql.contacts();
    // `?1 IS NOT NULL`: D1 refuses a parameter that stands nowhere.
    let text =
        format!("{what} FROM {contacts} WHERE ?1 IS NOT NULL AND {IS_SOMEBODY} AND {condition}");
    Statement { sql: compact(&text).into(), params: vec![sql.constants()] }
}
