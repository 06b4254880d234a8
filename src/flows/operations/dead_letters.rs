//! Drains the dead-letter queue, and stores, shows, replays and discards dead letters.
//!
//! A hint that ends there is no loss: its row becomes due again by itself, and a tick enqueues it.
//! It leaves one row per kind, so that operators see it. A fact gets one last attempt, alone,
//! because it may have failed because of other tasks or an unavailable database; the error of that
//! attempt is stored with it. Tasks that this code cannot read, or that wait for a version that
//! cannot be read, are stored unchanged.
//!
//! A replay records the fact as `record` does. Every fact has an idempotency key, so that
//! concurrent or repeated replays count once.

use crate::domain::base::diagnostic::brief;
use crate::domain::base::primitives::{Ids, Millis};
use crate::domain::base::token::{Keyring, sha256_hex};
use crate::domain::form::visitor_text::visible;
use crate::domain::operations::dead_letter::{
    CAMPAIGN_UNREADABLE, DeadLetter, DeadLetters, FailedAgain, REPLAYED_PER_CALL, Replayed,
    UNREADABLE, UNREADABLE_TAG, Worth,
};
use crate::domain::publication::catalog::Catalog;
use crate::flows::ingest::consume::{record, waits};
use crate::flows::ports::all;
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::tasks::{Intake, Work};
use crate::store::dead_letters::{self, BodyRow, ERROR_CHARS_MAX, Kept};
use serde::Deserialize;
use serde_json::Value;

/// The longest tag that is stored, in characters.
const TAG_CHARS_MAX: usize = 40;

/// The number of hexadecimal digits of the hash that form the id.
const ID_DIGITS: usize = 32;

/// A message of the dead-letter queue.
#[derive(Clone, Debug)]
pub struct Dead {
    /// The queue's id of the message.
    pub message: String,
    /// The task.
    pub body: String,
}

/// The database, configuration and time with which tasks are processed.
pub struct Desk<'a, D> {
    pub db: &'a D,
    /// The live versions.
    pub catalog: &'a Catalog,
    /// The signing keys.
    pub keys: &'a Keyring,
    pub now: Millis,
}

/// The result of an attempt.
enum Tried {
    /// It succeeded, and this work follows.
    Done(Vec<Work>),
    /// It is a hint, unchanged.
    Hint(Work),
    /// It failed, and why.
    Failed(String),
}

impl<D: Database> Desk<'_, D> {
    async fn attempt(&self, body: &str, ids: &mut Ids) -> Tried {
        if let Ok(work) = serde_json::from_str::<Work>(body) {
            return Tried::Hint(work);
        }
        let task = match serde_json::from_str::<Intake>(body) {
            Ok(task) => task,
            Err(error) => return Tried::Failed(format!("{UNREADABLE}: {}", brief(&error))),
        };
        if waits(self.catalog, &task) {
            return Tried::Failed(CAMPAIGN_UNREADABLE.to_owned());
        }
        match record(self.db, self.catalog, self.keys, vec![task], self.now, ids).await {
            Ok(work) => Tried::Done(work),
            Err(error) => Tried::Failed(error.to_string()),
        }
    }

    /// Takes dead letters of a queue: tries each fact once more, and stores those that fail.
    /// Returns the work that follows. If this fails, the queue delivers all of them again.
    pub async fn take(&self, dead: &[Dead], ids: &mut Ids) -> Result<Vec<Work>, DatabaseError> {
        let (mut work, mut kept) = (Vec::new(), Vec::new());
        for one in dead {
            let (worth, error) = match self.attempt(&one.body, ids).await {
                Tried::Done(more) => {
                    work.extend(more);
                    continue;
                }
                Tried::Hint(_) => (Worth::Hint, String::new()),
                Tried::Failed(error) => (worth(&one.body), error),
            };
            let tag = tag(&one.body);
            let id = match worth {
                Worth::Hint => tag.clone(),
                _ => sha256_hex(&one.body)[..ID_DIGITS].to_owned(),
            };
            kept.push(Kept {
                id,
                tag,
                worth: worth.rank(),
                body: &one.body,
                message: &one.message,
                error: in_short(&error),
            });
        }
        if !kept.is_empty() {
            // One statement each, because several are too large for one value of D1.
            let mut statements: Vec<_> =
                kept.iter().map(|one| dead_letters::keep(one, self.now)).collect();
            statements.extend(dead_letters::make_room(self.now));
            self.db.batch(statements).await?;
        }
        Ok(work)
    }

    /// Replays one dead letter, and returns the work that follows; `None` if it does not exist.
    pub async fn replay(
        &self,
        id: &str,
        ids: &mut Ids,
    ) -> Result<Option<(Replayed, Vec<Work>)>, DatabaseError> {
        let rows = self.db.batch(vec![dead_letters::one(id)]).await?;
        let rows = all::<BodyRow>(rows.first())?;
        match rows.is_empty() {
            true => Ok(None),
            false => self.replay_rows(rows, ids).await.map(Some),
        }
    }

    /// Replays the next of all dead letters from before `before`.
    pub async fn replay_next(
        &self,
        before: Millis,
        ids: &mut Ids,
    ) -> Result<(Replayed, Vec<Work>), DatabaseError> {
        let question = dead_letters::next(before.min(self.now), REPLAYED_PER_CALL);
        let rows = all::<BodyRow>(self.db.batch(vec![question]).await?.first())?;
        let more = rows.len() == REPLAYED_PER_CALL;
        let (replayed, work) = self.replay_rows(rows, ids).await?;
        Ok((Replayed { more, ..replayed }, work))
    }

    async fn replay_rows(
        &self,
        rows: Vec<BodyRow>,
        ids: &mut Ids,
    ) -> Result<(Replayed, Vec<Work>), DatabaseError> {
        let mut said = Replayed { at: self.now, ..Replayed::default() };
        let mut work = Vec::new();
        for row in rows {
            match self.attempt(&row.body, ids).await {
                Tried::Done(more) => work.extend(more),
                Tried::Hint(hint) => work.push(hint),
                Tried::Failed(error) => {
                    let error = in_short(&error);
                    self.db.batch(vec![dead_letters::note(&row.id, &error, self.now)]).await?;
                    said.failed.push(FailedAgain { id: row.id, error });
                    continue;
                }
            }
            self.db.batch(vec![dead_letters::forget(&row.id)]).await?;
            said.replayed += 1;
        }
        Ok((said, work))
    }
}

/// Returns the stored dead letters, newest first, and their totals.
pub async fn list<D: Database>(db: &D) -> Result<(Vec<DeadLetter>, DeadLetters), DatabaseError> {
    let rows = db.batch(vec![dead_letters::list(), dead_letters::totals()]).await?;
    Ok((all(rows.first())?, all(rows.get(1))?.pop().unwrap_or_default()))
}

/// Returns one dead letter, with its whole task.
pub async fn whole<D: Database>(db: &D, id: &str) -> Result<Option<DeadLetter>, DatabaseError> {
    let rows = db.batch(vec![dead_letters::whole(id)]).await?;
    Ok(all(rows.first())?.pop())
}

/// Which dead letters to delete.
#[derive(Clone, Copy, Debug)]
pub enum Discarded<'a> {
    /// The one with this id.
    One(&'a str),
    /// All from before this time.
    Before(Millis),
}

/// Deletes dead letters. Returns how many.
pub async fn discard<D: Database>(db: &D, which: Discarded<'_>) -> Result<usize, DatabaseError> {
    #[derive(Deserialize)]
    struct Row {
        #[serde(rename = "id")]
        _id: String,
    }
    let statements = match which {
        Discarded::One(id) => vec![dead_letters::forget(id)],
        Discarded::Before(moment) => dead_letters::forget_all(moment).to_vec(),
    };
    let rows = db.batch(statements).await?;
    Ok(all::<Row>(rows.first())?.len())
}

/// Returns an error as it is stored. It may contain text from the task, so characters that could
/// control a terminal or a page are removed.
fn in_short(error: &str) -> String {
    visible(error).chars().take(ERROR_CHARS_MAX).collect()
}

/// Returns the type of a task, as its body gives it.
fn tag(body: &str) -> String {
    let value = serde_json::from_str::<Value>(body).unwrap_or_default();
    let tag = value.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_tag = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    match !tag.is_empty() && tag.len() <= TAG_CHARS_MAX && tag.chars().all(is_tag) {
        true => tag.to_owned(),
        false => UNREADABLE_TAG.to_owned(),
    }
}

fn worth(body: &str) -> Worth {
    match tag(body).as_str() {
        "visit_v1" | "engagement_v1" => Worth::Observation,
        _ => Worth::Fact,
    }
}
