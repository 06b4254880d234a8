//! The database invariants, checked on a test's database.

use super::support::rows_of;
use dripline::domain::base::primitives::Millis;
use dripline::native::sqlite::Sqlite;
use dripline::store::invariants::{ALWAYS, AT_REST, contradictions};

/// The violated invariants; `at_rest` is the current time if no work is pending.
pub fn broken(db: &Sqlite, at_rest: Option<Millis>) -> Vec<String> {
    let now = at_rest.unwrap_or_default();
    let wanted = ALWAYS.iter().chain(AT_REST.iter().filter(|_| at_rest.is_some()));
    let found = wanted.flat_map(|(name, sql)| {
        let rows = rows_of(db, contradictions(sql, now));
        rows.into_iter().map(move |row| format!("{name}: {row}"))
    });
    found.collect()
}

/// Panics with the violated invariants.
pub fn assert_sound(db: &Sqlite, at_rest: Option<Millis>) {
    let broken = broken(db, at_rest);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
