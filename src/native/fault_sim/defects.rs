//! Deliberate defects, injected at the ports: rewritten statements, forged rows, lost
//! acknowledgements. They show that the checks can fail. Production code does not know about them.

use super::turns::Dice;
use crate::flows::ports::{Database, DatabaseError};
use crate::native::sqlite::Sqlite;
use crate::store::statement::{Rows, Statement};

/// A deliberate defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// A taken event number is overwritten instead of refused.
    WriteRuleOff,
    /// Idempotency keys are neither unique nor looked up.
    KeysNotUnique,
    /// A claim takes messages that have ended, or that another worker is sending.
    ClaimNotExclusive,
    /// A claim ignores that an earlier attempt may have been made.
    ClaimForgetsDoubt,
    /// Putting a message back forgets that its attempt had no answer.
    RetryForgetsDoubt,
    /// The call is made before its start is written to the database.
    SentBeforeWritten,
    /// The consent check treats every message as one that needs no consent.
    FenceOpen,
    /// The provider gets a new idempotency key for each request.
    KeyNotSent,
    /// A message is sent again under a key that the provider has forgotten.
    KeyLifetimeIgnored,
    /// A failed batch leaves its first half behind.
    NotAtomic,
    /// A counter is set instead of incremented.
    CounterOverwritten,
    /// A contact's wake-up time is not written.
    WakeForgotten,
    /// A contact that was handed out is never handed out again.
    ClaimNeverLapses,
    /// A message whose worker died is not found again.
    OutboxSkipsClaimed,
    /// Facts are acknowledged before they are written.
    AcknowledgedTooSoon,
    /// Enrollments that have ended are not read.
    EnrollmentsForgotten,
    /// Contacts never leave a segment.
    SegmentsNotLeft,
    /// Steps are due an hour too early.
    StepsTooEarly,
    /// Consents are not written to the ledger.
    ConsentNotRecorded,
    /// The message of a decision is not written.
    MessageNotWritten,
    /// The properties of an erased contact's events are kept.
    EventsNotEmptied,
    /// Erased addresses are not looked up.
    ErasedComeBack,
    /// The enrollments of a merged contact stay with its old row, which is no longer processed.
    EnrollmentsNotTakenOver,
    /// A merged contact is still processed.
    MergedLiveOn,
    /// Suppressed addresses are not read.
    SuppressionsNotRead,
    /// An address that bounced is not suppressed.
    SuppressionNotWritten,
    /// Deliveries do not check whether the database was restored.
    RestoreNotAsked,
    /// A tick whose write to the key-value store was refused hands out nothing.
    KvInTheWay,
    /// An unreadable version is not recorded, so its contacts are not processed again afterwards.
    OutageNotNoted,
    /// Facts sent by newer code are acknowledged and dropped.
    UnreadableFactsDropped,
    /// Dead letters are acknowledged, and not always stored.
    DeadLetterNotKept,
    /// Links signed with the former secret are refused.
    FormerSecretForgotten,
    /// Claims of a clock that was ahead stay in place.
    ClockNotPutRight,
    /// A rule's list of values is written as a chain, one level deep for each value.
    DeepRuleSql,
}

pub const DEFECTS: [Defect; 34] = [
    Defect::WriteRuleOff,
    Defect::KeysNotUnique,
    Defect::ClaimNotExclusive,
    Defect::ClaimForgetsDoubt,
    Defect::RetryForgetsDoubt,
    Defect::SentBeforeWritten,
    Defect::FenceOpen,
    Defect::KeyNotSent,
    Defect::KeyLifetimeIgnored,
    Defect::NotAtomic,
    Defect::CounterOverwritten,
    Defect::WakeForgotten,
    Defect::ClaimNeverLapses,
    Defect::OutboxSkipsClaimed,
    Defect::AcknowledgedTooSoon,
    Defect::EnrollmentsForgotten,
    Defect::SegmentsNotLeft,
    Defect::StepsTooEarly,
    Defect::ConsentNotRecorded,
    Defect::MessageNotWritten,
    Defect::EventsNotEmptied,
    Defect::ErasedComeBack,
    Defect::EnrollmentsNotTakenOver,
    Defect::MergedLiveOn,
    Defect::SuppressionsNotRead,
    Defect::SuppressionNotWritten,
    Defect::RestoreNotAsked,
    Defect::KvInTheWay,
    Defect::OutageNotNoted,
    Defect::UnreadableFactsDropped,
    Defect::DeadLetterNotKept,
    Defect::FormerSecretForgotten,
    Defect::ClockNotPutRight,
    Defect::DeepRuleSql,
];

/// A list of values in a rule's SQL, around the number of its parameter.
const LIST: [&str; 2] = ["a.value IN (SELECT value FROM json_each(?1,'$[", "]'))"];

/// A statement that does nothing.
const NOTHING: &str = "SELECT 1 WHERE false";

impl Defect {
    /// Returns how the defect changes statements: in those that contain the first text, the second
    /// is replaced by the third.
    fn rewrite(self) -> Option<[&'static str; 3]> {
        let claim = "AND state IN ('queued', 'sending') AND send_at <= ?2";
        Some(match self {
            Self::WriteRuleOff => {
                ["INSERT INTO events", "INSERT INTO events", "INSERT OR REPLACE INTO events"]
            }
            Self::KeysNotUnique => ["SELECT key, content", "WHERE key", "WHERE false AND key"],
            Self::ClaimNotExclusive => [claim, claim, "AND coalesce(?2, 1)"],
            Self::ClaimForgetsDoubt => {
                let doubt = "(uncertain OR (state = 'sending' AND sender IS NOT ''))";
                [claim, doubt, "uncertain"]
            }
            Self::RetryForgetsDoubt => {
                let doubt = "(uncertain OR p.value ->> 'uncertain')";
                [doubt, doubt, "uncertain"]
            }
            Self::FenceOpen => ["RETURNING", "class,", "'transactional' AS class,"],
            Self::KeyLifetimeIgnored => {
                [claim, "called_at, opened_at", "send_at AS called_at, opened_at"]
            }
            Self::CounterOverwritten => {
                ["INTO counters", "value = value + excluded.value", "value = excluded.value"]
            }
            Self::WakeForgotten => {
                ["INTO contacts", "wake_at = excluded.wake_at", "wake_at = NULL"]
            }
            Self::ClaimNeverLapses => {
                ["ORDER BY wake_at LIMIT ?3", "SET wake_at = ?2", "SET wake_at = nullif(?2, ?2)"]
            }
            Self::OutboxSkipsClaimed => {
                ["SELECT id FROM messages", "state IN ('queued', 'sending')", "state = 'queued'"]
            }
            Self::EnrollmentsForgotten => {
                let from = "FROM enrollments WHERE contact_id = c.id";
                [from, from, "FROM enrollments WHERE contact_id = c.id AND state = 'active'"]
            }
            Self::SegmentsNotLeft => {
                ["DELETE FROM segment_members", "WHERE", "WHERE ?1 IS NULL AND"]
            }
            Self::EventsNotEmptied => {
                let kept = "kept.key IN (SELECT value FROM json_each(?3))";
                ["key LIKE 'api:%'", kept, "?3 IS NOT NULL"]
            }
            Self::ErasedComeBack => ["AS hash, at FROM", "WHERE (", "WHERE false AND ("],
            Self::EnrollmentsNotTakenOver => {
                ["UPDATE enrollments SET contact_id", "WHERE contact_id = ?1", "WHERE ?1 IS NULL"]
            }
            Self::MergedLiveOn => {
                ["SET merged_into = ?2", "merged_into = ?2", "merged_into = nullif(?2, ?2)"]
            }
            Self::RestoreNotAsked => {
                ["AS dropped_at", "name = 'restore mark'", "name = 'never written'"]
            }
            Self::OutageNotNoted => {
                ["INTO unreadable_versions", "FROM json_each(?1)", "FROM json_each('[]')"]
            }
            Self::ClockNotPutRight => {
                ["c.due_since IS NOT NULL AND c.wake_at > ?3", "wake_at = ?1", "wake_at = wake_at"]
            }
            Self::SuppressionsNotRead => {
                ["AS suppressed", "(until IS NULL OR until > ?5)", "(?5 IS NULL)"]
            }
            Self::StepsTooEarly => ["'due_at', due_at", "due_at))", "due_at - 3600000))"],
            _ => return None,
        })
    }

    /// Returns a text whose statements the defect leaves out.
    fn leaves_out(self) -> Option<&'static str> {
        match self {
            Self::ConsentNotRecorded => Some("INSERT INTO consents"),
            Self::MessageNotWritten => Some("INSERT INTO messages"),
            Self::DeadLetterNotKept => Some("INSERT INTO dead_letters\n"),
            Self::SuppressionNotWritten => Some("INSERT INTO suppressions"),
            _ => None,
        }
    }

    /// Returns the change of a fresh database.
    pub fn schema(self) -> Option<Statement> {
        let drop = |sql| Some(Statement::new(sql, Vec::new()));
        match self {
            Self::KeysNotUnique => drop("DROP INDEX events_key"),
            // Otherwise the database itself would refuse a second entry.
            Self::EnrollmentsForgotten => drop("DROP INDEX enrollments_entry"),
            _ => None,
        }
    }

    /// Runs a batch with the defect.
    pub async fn batch(
        self,
        db: &Sqlite,
        statements: Vec<Statement>,
        dice: &Dice,
    ) -> Result<Vec<Rows>, DatabaseError> {
        let statements =
            statements.into_iter().map(|one| self.spoil(one, dice)).collect::<Vec<_>>();
        db.batch(statements).await
    }

    fn spoil(self, mut statement: Statement, dice: &Dice) -> Statement {
        if let Some([_, from, to]) =
            self.rewrite().filter(|[which, ..]| statement.sql.contains(which))
        {
            statement.sql = statement.sql.replacen(from, to, 1).into();
        }
        if self == Self::DeepRuleSql
            && let Some((before, list)) = statement.sql.split_once(LIST[0])
            && let Some((place, after)) = list.split_once(LIST[1])
        {
            let value = |index| format!("a.value = (?1 ->> '$[{place}][{index}]')");
            let chain = (0..100).map(value).collect::<Vec<_>>().join(" OR ");
            statement.sql = format!("{before}({chain}){after}").into();
        }
        let is_left_out = self.leaves_out().is_some_and(|what| statement.sql.contains(what));
        if is_left_out && dice.in_a_hundred(20) {
            return Statement::new(NOTHING, Vec::new());
        }
        if self == Self::SentBeforeWritten
            && let Some((_, rest)) = statement.sql.split_once("call = p.value ->> 'call'")
            && let Some((which, columns)) = rest.split_once("RETURNING")
            && let Some((_, which)) = which.split_once("WHERE")
        {
            let sql = format!(
                "SELECT messages.{} FROM (SELECT value FROM json_each(?1)) AS p, messages
                  WHERE {which} AND ?2 IS NOT NULL",
                columns.trim()
            );
            statement.sql = sql.into();
        }
        statement
    }

    /// Returns the part of a failed batch that is written nevertheless.
    pub fn half_of(self, statements: &[Statement]) -> Option<Vec<Statement>> {
        let is_write = statements.iter().any(|one| one.sql.contains("INSERT INTO events"));
        (self == Self::NotAtomic && is_write).then(|| statements[..1].to_vec())
    }

    /// Returns the key under which a request is sent.
    pub fn key(self, key: &str, dice: &Dice) -> String {
        match self {
            Self::KeyNotSent => format!("{key}#{}", dice.below(1 << 30)),
            _ => key.to_owned(),
        }
    }
}
