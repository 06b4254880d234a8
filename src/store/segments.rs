//! Filling segments: a rule as SQL finds the contacts that a decision must look at again.
//!
//! SQL never changes a membership itself. It wakes the contacts whose membership differs from
//! what the rule says (or will come to differ by time alone), and the scheduler decides on each
//! as on any other, so that there is one way into a segment.

use super::statement::{Statement, Value};
use crate::domain::contact::HISTORY_EVENTS_MAX;
use crate::domain::primitives::{Millis, QualifiedId};
use crate::domain::rule::{Comparison, Rule, Scalar, Test};
use serde::Deserialize;
use serde_json::Value as Json;

/// How many contacts one filling step looks at: about a tenth of a second of D1's one thread.
pub const FILL_CONTACTS_PER_STEP: usize = 5_000;

/// Starts filling these segments from the first contact.
pub fn begin_fills(segments: &[QualifiedId]) -> Statement {
    Statement::new(
        "INSERT INTO segment_fills (segment_id, after_id)
         SELECT value, '' FROM json_each(?1) WHERE true
             ON CONFLICT (segment_id) DO UPDATE SET after_id = ''",
        vec![Value::json(segments)],
    )
}

/// The fillings under way.
pub fn fills() -> Statement {
    Statement::new("SELECT segment_id, after_id FROM segment_fills LIMIT 20", Vec::new())
}

/// A row of `fills`.
#[derive(Clone, Debug, Deserialize)]
pub struct FillRow {
    /// The segment.
    pub segment_id: QualifiedId,
    /// Contacts up to this id are done.
    pub after_id: String,
}

/// Ends a filling, unless it has begun anew since it was read.
pub fn end_fill(fill: &FillRow) -> Statement {
    Statement::new(
        "DELETE FROM segment_fills WHERE segment_id = ?1 AND after_id = ?2",
        vec![Value::text(fill.segment_id.as_str()), Value::text(&fill.after_id)],
    )
}

/// One step of a filling: wakes those of the next contacts that the rule concerns, then moves on
/// or ends.
pub fn fill_step(fill: &FillRow, rule: &Rule, now: Millis) -> [Statement; 3] {
    let mut sql = RuleSql { constants: Vec::new(), now };
    let (holds, may_change) = (sql.holds(rule), sql.may_change(rule));
    let wake = format!(
        "UPDATE contacts SET wake_at = ?2
          WHERE (wake_at IS NULL OR wake_at > ?2)
            AND id IN (
                SELECT c.id FROM contacts c
                 WHERE c.id > ?4 AND c.id <= ({CHUNK_END})
                   AND ({holds} IS NOT EXISTS (SELECT 1 FROM segment_members m
                                                WHERE m.contact_id = c.id AND m.segment_id = ?3)
                        OR {may_change}))"
    );
    let params = |constants: &[Json]| {
        vec![
            Value::json(constants),
            Value::Int(now.0),
            Value::text(fill.segment_id.as_str()),
            Value::text(&fill.after_id),
            Value::Int(FILL_CONTACTS_PER_STEP as i64),
        ]
    };
    [
        Statement { sql: wake.into(), params: params(&sql.constants) },
        Statement::new(
            "DELETE FROM segment_fills
              WHERE segment_id = ?3 AND after_id = ?4
                AND ?1 IS NOT NULL AND ?2 IS NOT NULL AND ?5 IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM contacts WHERE id > ?4)",
            params(&[]),
        ),
        Statement {
            sql: format!(
                "UPDATE segment_fills SET after_id = ({CHUNK_END})
                  WHERE segment_id = ?3 AND after_id = ?4 AND ?1 IS NOT NULL AND ?2 IS NOT NULL"
            )
            .into(),
            params: params(&[]),
        },
    ]
}

const CHUNK_END: &str = "
    SELECT max(id) FROM (SELECT id FROM contacts WHERE id > ?4 ORDER BY id LIMIT ?5)";

/// The ids among `c` for which the rule holds: what a property test compares with the rule's
/// other evaluator.
pub fn holding(rule: &Rule, now: Millis) -> Statement {
    let mut sql = RuleSql { constants: Vec::new(), now };
    let holds = sql.holds(rule);
    let text = format!("SELECT c.id FROM contacts c WHERE {holds} ORDER BY c.id");
    let constants = sql.constants;
    let params = if constants.is_empty() { Vec::new() } else { vec![Value::json(&constants)] };
    Statement { sql: text.into(), params }
}

/// Writes a rule as an expression over a contact `c`. Constants go into one JSON array, `?1`, so
/// that a rule of any size stays within D1's 100 parameters and no text becomes SQL.
struct RuleSql {
    constants: Vec<Json>,
    now: Millis,
}

impl RuleSql {
    fn constant(&mut self, value: impl Into<Json>) -> String {
        self.constants.push(value.into());
        format!("(?1 ->> '$[{}]')", self.constants.len() - 1)
    }

    fn holds(&mut self, rule: &Rule) -> String {
        match rule {
            Rule::All(parts) => self.join(parts, " AND ", "true"),
            Rule::Any(parts) => self.join(parts, " OR ", "false"),
            Rule::Not(part) => format!("(NOT {})", self.holds(part)),
            Rule::Attribute { attribute, test } => self.attribute(attribute, test),
            Rule::Tag(tag) => {
                let tag = self.constant(tag.as_str());
                format!("EXISTS (SELECT 1 FROM json_each(c.tags) WHERE value = {tag})")
            }
            Rule::Consent { purpose, channel } => {
                let (purpose, channel) =
                    (self.constant(purpose.as_str()), self.constant(channel.as_str()));
                format!(
                    "EXISTS (SELECT 1 FROM json_each(c.consents)
                      WHERE value ->> 'purpose' = {purpose} AND value ->> 'channel' = {channel}
                        AND (value ->> 'state' = 'confirmed'
                             OR value ->> 'state' = 'granted' AND NOT value ->> 'double_opt_in'))"
                )
            }
            Rule::Score(comparison) => self.compare("c.score", *comparison),
            Rule::Event { event, count, within, filter } => {
                let since = within.map(|span| self.now.minus(span).0);
                let events = self.events(event, since, filter);
                let counted = format!("(SELECT count(*) {events})");
                self.compare(&counted, *count)
            }
        }
    }

    /// Whether time alone may change the rule's answer: some event is inside some window.
    fn may_change(&mut self, rule: &Rule) -> String {
        match rule {
            Rule::All(parts) | Rule::Any(parts) => {
                let parts: Vec<String> = parts.iter().map(|p| self.may_change(p)).collect();
                if parts.is_empty() { "false".into() } else { format!("({})", parts.join(" OR ")) }
            }
            Rule::Not(part) => self.may_change(part),
            Rule::Event { event, within: Some(span), filter, .. } => {
                let since = self.now.minus(*span).0;
                let events = self.events(event, Some(since), filter);
                format!("EXISTS (SELECT 1 {events})")
            }
            _ => "false".into(),
        }
    }

    fn join(&mut self, parts: &[Rule], by: &str, empty: &str) -> String {
        let parts: Vec<String> = parts.iter().map(|part| self.holds(part)).collect();
        if parts.is_empty() { empty.into() } else { format!("({})", parts.join(by)) }
    }

    fn compare(&mut self, value: &str, comparison: Comparison) -> String {
        let (operator, number) = match comparison {
            Comparison::Eq(n) => ("=", n),
            Comparison::Gt(n) => (">", n),
            Comparison::Gte(n) => (">=", n),
            Comparison::Lt(n) => ("<", n),
            Comparison::Lte(n) => ("<=", n),
        };
        format!("{value} {operator} {}", self.constant(number))
    }

    fn events(&mut self, name: &str, since: Option<i64>, filter: &[(String, Scalar)]) -> String {
        let name = self.constant(name);
        let mut sql = format!(
            "FROM events e WHERE e.contact_id = c.id AND e.seq > c.seq - {HISTORY_EVENTS_MAX}
              AND e.name = {name} AND json_type(e.properties, '$.machine') IS NOT 'true'"
        );
        if let Some(since) = since {
            let since = self.constant(since);
            sql.push_str(&format!(" AND e.at > {since}"));
        }
        for (property, value) in filter {
            let path = self.constant(format!("$.\"{property}\""));
            let types = types_of(value);
            let equal = self.equal(&format!("(e.properties ->> {path})"), value);
            sql.push_str(&format!(" AND json_type(e.properties, {path}) IN ({types}){equal}"));
        }
        sql
    }

    /// ` AND <column> = <value>`; nothing for true and false, which their type says already.
    fn equal(&mut self, column: &str, value: &Scalar) -> String {
        match value {
            Scalar::Bool(_) => String::new(),
            Scalar::Number(n) => format!(" AND {column} = {}", self.constant(*n)),
            Scalar::Text(text) => format!(" AND {column} = {}", self.constant(text.as_str())),
        }
    }

    fn attribute(&mut self, name: &str, test: &Test) -> String {
        // `json_each` of a value gives that value, of a list its elements.
        let values = match name {
            "email" | "phone" | "external_id" | "locale" | "time_zone" | "score" => {
                format!("json_each(json_array(c.{name}))")
            }
            _ => {
                let path = self.constant(format!("$.\"{name}\""));
                format!("json_each(c.attributes, {path})")
            }
        };
        let any =
            |condition: String| format!("EXISTS (SELECT 1 FROM {values} AS a WHERE {condition})");
        let text = "a.type = 'text' AND";
        match test {
            Test::Is(scalar) => any(self.is(scalar)),
            Test::IsNot(scalar) => format!("(NOT {})", any(self.is(scalar))),
            Test::In(scalars) => any(self.is_one_of(scalars)),
            Test::NotIn(scalars) => format!("(NOT {})", any(self.is_one_of(scalars))),
            Test::Contains(part) => {
                let part = self.constant(part.to_ascii_lowercase());
                any(format!("{text} instr(lower(a.value), {part}) > 0"))
            }
            Test::StartsWith(part) => {
                let part = self.constant(part.to_ascii_lowercase());
                any(format!("{text} substr(lower(a.value), 1, length({part})) = {part}"))
            }
            Test::Number(comparison) => {
                let compared = self.compare("a.value", *comparison);
                any(format!("a.type IN ('integer', 'real') AND {compared}"))
            }
            Test::Set(true) => any("a.type <> 'null'".into()),
            Test::Set(false) => format!("(NOT {})", any("a.type <> 'null'".into())),
        }
    }

    fn is(&mut self, scalar: &Scalar) -> String {
        let equal = self.equal("a.value", scalar);
        format!("a.type IN ({}){equal}", types_of(scalar))
    }

    fn is_one_of(&mut self, scalars: &[Scalar]) -> String {
        let each: Vec<String> = scalars.iter().map(|s| format!("({})", self.is(s))).collect();
        if each.is_empty() { "false".into() } else { each.join(" OR ") }
    }
}

/// The JSON types, in SQLite's words, that a value of this kind has.
fn types_of(value: &Scalar) -> &'static str {
    match value {
        Scalar::Bool(true) => "'true'",
        Scalar::Bool(false) => "'false'",
        Scalar::Number(_) => "'integer', 'real'",
        Scalar::Text(_) => "'text'",
    }
}
