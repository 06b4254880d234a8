//! A scope as SQL: the condition that is ANDed to every query about records, so that a list, a
//! count, a search and an export include what a page of a single record does.

use super::rule_sql::RuleSql;
use super::statement::{Statement, Value};
use crate::domain::access::rights::Scope;
use crate::domain::base::primitives::{KindId, Millis};
use crate::domain::segment::Rule;

/// A condition on a record `c`, and the values of its parameters.
pub struct Condition {
    /// An SQL condition; NULL counts as false.
    pub sql: String,
    /// To be bound to the parameters that begin with the given number; at most one.
    pub params: Vec<Value>,
}

/// Returns the condition that a record `c` of the kind is in the scope. Its parameters begin with
/// number `slot`. Agrees with `Scope::includes`.
pub fn condition(scope: &Scope, kind: &KindId, slot: usize, now: Millis) -> Condition {
    let (owners, rules) = match scope {
        Scope::Nothing => return Condition { sql: "false".to_owned(), params: Vec::new() },
        Scope::All => return Condition { sql: "true".to_owned(), params: Vec::new() },
        Scope::Of { owners, rules } => (owners, rules),
    };
    let mut sql = RuleSql::at(slot, kind, now);
    let owners = sql.list(owners);
    // Alone, it is answered by the index `records_owner`.
    let owned = format!("c.owner IN (SELECT value FROM {owners})");
    let condition = match &rules[..] {
        [] => owned,
        rules => format!("({owned} IS TRUE OR {})", sql.holds(&Rule::Any(rules.to_vec()))),
    };
    Condition { sql: condition, params: vec![sql.constants()] }
}

/// Selects the ids of the records of a kind that are in a scope: a property test compares them with
/// the scope's other evaluator.
pub fn records(scope: &Scope, kind: &KindId, now: Millis) -> Statement {
    let Condition { sql, params } = condition(scope, kind, 2, now);
    let text = format!("SELECT c.id FROM contacts c WHERE c.kind = ?1 AND {sql}");
    Statement {
        sql: text.into(),
        params: std::iter::once(Value::text(kind.as_str())).chain(params).collect(),
    }
}
