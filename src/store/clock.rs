//! After a clock was ahead and is right again: whatever it has dated into the future is dated
//! again, so that nothing waits for as long as it was ahead. Contacts are woken: what is in their
//! own rows is for a decision to put right (`engine/redate.rs`).

use super::segments::IS_SOMEBODY;
use super::statement::{Statement, Value};
use crate::domain::base::primitives::{CLOCKS_DIFFER_MAX, Millis, Span};

/// A little more than any claim lasts.
const CLAIMS_MAX: Span = Span::minutes(20);

/// Later than any message of a broadcast may wait for the hour of its reader.
const BROADCAST_MAX: Span = Span::days(2);

/// What dates everything again; `last` is when the wrong clock ran its last tick. It reads whole
/// tables, once.
pub fn put_right(last: Millis, now: Millis) -> Vec<Statement> {
    let ahead = now.plus(CLOCKS_DIFFER_MAX);
    let all = [contacts(now, ahead), messages(now, ahead)].into_iter();
    let all = all.chain(senders(now)).chain(places(last, now)).chain(suppressions(now, ahead));
    all.chain([failing(now)]).chain(housekeeping(last, now, ahead)).collect()
}

/// What failed by the wrong clock is tried again at once.
fn failing(now: Millis) -> Statement {
    statement(
        "UPDATE failing_work SET since = min(since, ?1), retry_at = min(retry_at, ?1)",
        &[now],
    )
}

fn statement(sql: impl Into<std::borrow::Cow<'static, str>>, params: &[Millis]) -> Statement {
    Statement { sql: sql.into(), params: params.iter().map(|at| Value::Int(at.0)).collect() }
}

/// Who was claimed or decided on by the wrong clock is decided on again.
fn contacts(now: Millis, ahead: Millis) -> Statement {
    let sql = format!(
        "UPDATE contacts AS c SET wake_at = ?1
          WHERE (c.updated_at > ?2 OR c.due_since IS NOT NULL AND c.wake_at > ?3)
            AND {IS_SOMEBODY}"
    );
    statement(sql, &[now, ahead, now.plus(CLAIMS_MAX)])
}

/// Claims end, and what waits is looked at again; a broadcast's waits for the hour of its reader.
/// How long ago a call was made is not known any more: too long for its key.
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

/// Senders are tried, and promise nothing of before.
fn senders(now: Millis) -> [Statement; 2] {
    [
        statement("UPDATE senders SET open_until = ?1 WHERE open_until > ?1", &[now]),
        statement(
            "UPDATE sender_rates SET free_at = min(free_at, ?1), line_at = min(line_at, ?1)",
            &[now],
        ),
    ]
}

/// What was counted counts from now on.
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

/// Fillings, wakings, broadcasts, and what the scheduler remembers.
fn housekeeping(last: Millis, now: Millis, ahead: Millis) -> Vec<Statement> {
    // The second wave comes a worker's life after the first.
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
        // The number of a mark is no time.
        statement("UPDATE scheduler SET at = ?1 WHERE at > ?2 AND name <> 'mark'", &[now, ahead]),
    ]
}
