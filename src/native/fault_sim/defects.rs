//! Deliberate defects, put in at the seams: statements are rewritten, rows forged, acknowledgements
//! lost. They show that the checks can fail; production code knows nothing of them.

use super::turns::Dice;
use crate::flows::ports::{Database, DatabaseError};
use crate::native::sqlite::Sqlite;
use crate::store::statement::{Rows, Statement};

/// Something done wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// A taken event number is overwritten instead of refused.
    WriteRuleOff,
    /// Idempotency keys are neither unique nor looked for.
    KeysNotUnique,
    /// A claim takes messages that have ended, or that another worker is sending.
    ClaimNotExclusive,
    /// A claim does not see that an earlier attempt may have been made.
    ClaimForgetsDoubt,
    /// Putting a message back forgets that its attempt had no answer.
    RetryForgetsDoubt,
    /// The call is made although it was not written down that it begins.
    SentBeforeWritten,
    /// The consent fence takes every message for one that needs no consent.
    FenceOpen,
    /// The provider is sent no idempotency key that it would recognise.
    KeyNotSent,
    /// A message is sent again under a key that the provider has forgotten.
    KeyLifetimeIgnored,
    /// A batch that fails leaves its first half behind.
    NotAtomic,
    /// A counter is set instead of moved.
    CounterOverwritten,
    /// A contact's time to wake is not written.
    WakeForgotten,
    /// A contact that was handed out is never handed out again.
    ClaimNeverLapses,
    /// A message whose worker died is not found again.
    OutboxSkipsClaimed,
    /// Facts are acknowledged before they are written.
    AcknowledgedTooSoon,
    /// Passages that have ended are not read.
    PassagesForgotten,
    /// Nobody is taken out of a segment.
    SegmentsNotLeft,
    /// Steps are due an hour before their time.
    StepsTooEarly,
    /// What was agreed to is not put into the ledger.
    ConsentNotRecorded,
    /// A decision's message is not written.
    MessageNotWritten,
    /// What the events of an erased person tell stays.
    EventsNotEmptied,
    /// Nobody asks whether an address was erased.
    ErasedComeBack,
    /// The passages of a merged contact stay with the row that nobody decides on any more.
    PassagesNotTakenOver,
    /// Whoever was merged is still decided on.
    MergedLiveOn,
    /// Nobody reads which addresses are suppressed.
    SuppressionsNotRead,
    /// An address that bounced is not suppressed.
    SuppressionNotWritten,
    /// Deliveries do not ask whether the database was restored.
    RestoreNotAsked,
    /// A tick whose write the key-value store has refused hands nothing out any more.
    KvInTheWay,
    /// Nobody notes that a version cannot be read, so that nobody is decided on again afterwards.
    OutageNotNoted,
    /// Facts that newer code has sent are acknowledged and dropped.
    UnreadableFactsDropped,
    /// What a queue gave up is acknowledged, and not always kept.
    DeadLetterNotKept,
    /// Links under the former secret are refused.
    FormerSecretForgotten,
    /// What a clock that was ahead has claimed stays claimed.
    ClockNotPutRight,
    /// A rule's list of values is written as a chain, one deep for each.
    DeepRuleSql,
}

/// All of them.
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
    Defect::PassagesForgotten,
    Defect::SegmentsNotLeft,
    Defect::StepsTooEarly,
    Defect::ConsentNotRecorded,
    Defect::MessageNotWritten,
    Defect::EventsNotEmptied,
    Defect::ErasedComeBack,
    Defect::PassagesNotTakenOver,
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

/// A list of values in a rule's SQL, up to the number of its place.
const LIST: [&str; 2] = ["a.value IN (SELECT value FROM json_each(?1,'$[", "]'))"];

/// A statement that does nothing.
const NOTHING: &str = "SELECT 1 WHERE false";

impl Defect {
    /// What it changes in statements that have the first text in them: the second text becomes the
    /// third.
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
            Self::PassagesForgotten => {
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
            Self::PassagesNotTakenOver => {
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

    /// The statements that it leaves out: those with this in them.
    fn leaves_out(self) -> Option<&'static str> {
        match self {
            Self::ConsentNotRecorded => Some("INSERT INTO consents"),
            Self::MessageNotWritten => Some("INSERT INTO messages"),
            Self::DeadLetterNotKept => Some("INSERT INTO dead_letters\n"),
            Self::SuppressionNotWritten => Some("INSERT INTO suppressions"),
            _ => None,
        }
    }

    /// What it changes in a fresh database.
    pub fn schema(self) -> Option<Statement> {
        let drop = |sql| Some(Statement::new(sql, Vec::new()));
        match self {
            Self::KeysNotUnique => drop("DROP INDEX events_key"),
            // Else the database itself refuses whoever comes again.
            Self::PassagesForgotten => drop("DROP INDEX enrollments_entry"),
            _ => None,
        }
    }

    /// Runs a batch, as wrong as it is.
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

    /// The part of a failed batch that is written all the same.
    pub fn half_of(self, statements: &[Statement]) -> Option<Vec<Statement>> {
        let is_write = statements.iter().any(|one| one.sql.contains("INSERT INTO events"));
        (self == Self::NotAtomic && is_write).then(|| statements[..1].to_vec())
    }

    /// The key under which a request goes out.
    pub fn key(self, key: &str, dice: &Dice) -> String {
        match self {
            Self::KeyNotSent => format!("{key}#{}", dice.below(1 << 30)),
            _ => key.to_owned(),
        }
    }
}
