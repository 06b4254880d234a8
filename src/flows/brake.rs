//! brake: a campaign of which too many complain, or whose e-mails too often come back, is stopped;
//! an operator releases it.
//!
//! Each minute one round trip (2 statements) judges, and one more (1 a campaign) says so where
//! something is new. Deliveries read the last word in each wave's own batch. A release is two
//! round trips of two statements.

use super::seams::{Database, DatabaseError};
use crate::domain::pacing::brake::{DAYS, Limits, NOTE_CHARS_MAX, State, Word};
use crate::domain::primitives::{CampaignId, Millis, Span};
use crate::domain::problem::Problem;
use crate::store::brakes::{self, TallyRow};
use crate::store::statement::Rows;
use serde::de::DeserializeOwned;

/// Why a campaign was not released.
#[derive(Clone, Debug, PartialEq)]
pub enum NotReleased {
    /// The note is missing or too long.
    Note(Problem),
    /// It is not stopped, or there is no such campaign.
    NotStopped(Problem),
    /// The database failed; saying it again is safe.
    Database(DatabaseError),
}

impl From<DatabaseError> for NotReleased {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// Judges all campaigns, and returns what was said about any of them now.
pub async fn judge<D: Database>(
    db: &D,
    limits: &Limits,
    now: Millis,
) -> Result<Vec<Word>, DatabaseError> {
    let first_day = now.minus(Span::days(DAYS - 1)).utc_day();
    let rows = db.batch(vec![brakes::tallies(&first_day), brakes::last_words(None)]).await?;
    let (tallies, words) = (all::<TallyRow>(rows.first())?, all::<Word>(rows.get(1))?);
    let judged = tallies.into_iter().filter_map(|row| {
        let last = words.iter().find(|word| word.campaign == row.campaign_id);
        Word::after(last, &row.campaign_id, row.tally, limits, now)
    });
    let said: Vec<Word> = judged.collect();
    if !said.is_empty() {
        db.batch(said.iter().map(brakes::say).collect()).await?;
    }
    Ok(said)
}

/// Lets a stopped campaign go on; what its brake held is due at once, under all other limits. From
/// now on it is judged by what happens from now on.
pub async fn release<D: Database>(
    db: &D,
    campaign: &CampaignId,
    note: &str,
    now: Millis,
) -> Result<Word, NotReleased> {
    let note = note.trim();
    if note.is_empty() || note.chars().count() > NOTE_CHARS_MAX {
        let message = format!("say in 1 to {NOTE_CHARS_MAX} characters why it may go on");
        return Err(NotReleased::Note(Problem::new("note", message)));
    }
    let day = brakes::tally_of_day(campaign, &now.utc_day());
    let rows = db.batch(vec![brakes::last_words(Some(campaign)), day]).await?;
    let (words, days) = (all::<Word>(rows.first())?, all::<TallyRow>(rows.get(1))?);
    let stopped = words.into_iter().find(|word| word.state == State::Stopped);
    let Some(stopped) = stopped else {
        let message = format!("`{campaign}` is not stopped");
        let help = "`dripline report` shows how a campaign stands";
        return Err(NotReleased::NotStopped(Problem::new("campaign", message).help(help)));
    };
    let released = Word {
        n: stopped.n + 1,
        at: now,
        state: State::Released,
        reason: String::new(),
        tally: days.into_iter().map(|row| row.tally).next().unwrap_or_default(),
        note: note.to_owned(),
        ..stopped
    };
    let forward = brakes::bring_forward(campaign, now);
    db.batch(vec![brakes::say(&released), forward]).await?;
    Ok(released)
}

fn all<T: DeserializeOwned>(rows: Option<&Rows>) -> Result<Vec<T>, DatabaseError> {
    let rows = rows.map(Rows::all::<T>).transpose().map_err(DatabaseError::Fault)?;
    Ok(rows.unwrap_or_default())
}
