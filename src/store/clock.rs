//! Correction after a clock that was ahead: everything it dated into the future gets a new date, so
//! that nothing waits for as long as the clock was ahead. Contacts are woken, because dates in
//! their own rows are corrected by a decision (`engine/redate.rs`).

use super::segments::IS_SOMEBODY;
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CLOCKS_DIFFER_MAX, Millis, Span};

/// A little more than any claim lasts.
const CLAIMS_MAX: Span = Span::minutes(20);

/// More than any message of a broadcast may wait for the recipient's send window.
const BROADCAST_MAX: Span = Span::days(2);

/// Returns the statements that correct all dates; `last` is when the wrong clock ran its last tick.
/// They read whole tables, once.
pub fn put_right(last: Millis, now: Millis) -> Vec<Statement> {
    let ahead = now.plus(CLOCKS_DIFFER_MAX);
    let all = [contacts(now, ahead), messages(now, ahead)].into_iter();
    let all = all.chain(senders(now)).chain(places(last, now)).chain(suppressions(now, ahead));
    all.chain([failing(now)]).chain(housekeeping(last, now, ahead)).collect()
}

/// Retries what failed under the wrong clock at once.
fn failing(now: Millis) -> Statement {
    statement(
        "UPDATE failing_work SET since = min(since, ?1), retry_at = min(retry_at, ?1)",
        &[now],
    )
}

fn statement(sql: impl Into<std::borrow::Cow<'static, str>>, params: &[Millis]) -> Statement {
    Statement { sql: sql.into(), params: params.iter().map(|at| Value::Int(at.0)).collect() }
}

/// Wakes the contacts that were claimed or decided on by the wrong clock.
fn contacts(now: Millis, ahead: Millis) -> Statement {
    let sql = format!(
        "UPDATE contacts AS c SET wake_at = ?1
          WHERE (c.updated_at > ?2 OR c.due_since IS NOT NULL AND c.wake_at > ?3)
            AND {IS_SOMEBODY}"
    );
    statement(sql, &[now, ahead, now.plus(CLAIMS_MAX)])
}

/// Ends claims, and makes waiting messages due. Messages of a broadcast may still wait for the
/// recipient's send window. The age of a call is unknown, so its key counts as expired.
fn messages(now: Millis, ahead: Millis) -> Statement {
    statement(
        "UPDATE messages SET
                send_at = iif(send_at > iif(state = 'queued' AND broadcast IS NOT NULL, ?4, ?3),
                              ?1, send_at),
                called_at = iif(called_at > ?2, ?5, called_at)
          WHERE state IN ('queued', 'sending') AND (send_at > ?3 OR called_at > ?2)",
        &[now, ahead, now.plus(CLAIMS_MAX), now.plus(BROADCAST_MAX), now.minus(Span::days(1))],
    )
}

/// Makes providers available for a trial, and clears their reservations.
fn senders(now: Millis) -> [Statement; 2] {
    [
        statement("UPDATE senders SET open_until = ?1 WHERE open_until > ?1", &[now]),
        statement(
            "UPDATE sender_rates SET free_at = min(free_at, ?1), line_at = min(line_at, ?1)",
            &[now],
        ),
    ]
}

/// Makes reservations under caps count from now, and deletes the journey hours that the wrong clock
/// has filled.
fn places(last: Millis, now: Millis) -> [Statement; 2] {
    let hour = Value::Int(last.0.div_euclid(3_600_000) - 1);
    [
        statement("UPDATE cap_places SET at = ?1 WHERE at > ?2", &[now, now.plus(CLAIMS_MAX)]),
        Statement::new("DELETE FROM journey_hours WHERE hour >= ?1", vec![hour]),
    ]
}

fn suppressions(now: Millis, ahead: Millis) -> [Statement; 1] {
    [statement(
        "UPDATE suppressions SET until = until - (at - ?1), at = ?1 WHERE at > ?2",
        &[now, ahead],
    )]
}

/// Corrects backfills, wakings, broadcasts, and the scheduler's own records.
fn housekeeping(last: Millis, now: Millis, ahead: Millis) -> Vec<Statement> {
    // The second pass comes 15 minutes, the longest life of a worker, after the first.
    let wave = |table: &str| {
        let sql = format!(
            "UPDATE {table} SET not_before = ?1 + iif(wave = 1, 0, 900000) WHERE not_before > ?2"
        );
        statement(sql, &[now, now.plus(CLAIMS_MAX)])
    };
    vec![
        wave("segment_fills"),
        wave("journey_wakes"),
        statement(
            "UPDATE broadcasts SET due_at = due_at - (started_at - ?1),
                    decide_at = decide_at - (started_at - ?1), started_at = ?1
              WHERE started_at > ?2",
            &[now, ahead],
        ),
        statement(
            "UPDATE broadcasts SET due_at = ?1
              WHERE due_at > ?2
                AND (state = 'running' AND phase <> 'wait'
                     OR state = 'scheduled' AND due_at BETWEEN ?3 - 1200000 AND ?3 + 1200000)",
            &[now, now.plus(CLAIMS_MAX), last],
        ),
        statement(
            "UPDATE unreadable_versions SET since = min(since, ?1), until = min(until, ?1)
              WHERE since > ?2 OR until > ?2",
            &[now, ahead],
        ),
        // The number of a mark is not a time.
        statement("UPDATE scheduler SET at = ?1 WHERE at > ?2 AND name <> 'mark'", &[now, ahead]),
    ]
}
