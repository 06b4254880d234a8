//! Stops a campaign with too many complaints or bounces. An operator releases it.
//!
//! Each tick checks all campaigns. Deliveries read the newest pause event in the batch of each
//! wave.

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{CampaignId, Millis, Span};
use crate::domain::pacing::Limits;
use crate::domain::sending::auto_pause::{DAYS, NOTE_CHARS_MAX, PauseEvent, PauseState};
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError, all};
use crate::store::brakes::{self, TallyRow};

/// Checks all campaigns, and returns the pause events that result.
pub async fn check<D: Database>(
    db: &D,
    limits: &Limits,
    now: Millis,
) -> Result<Vec<PauseEvent>, DatabaseError> {
    let first_day = now.minus(Span::days(DAYS - 1)).utc_day();
    let rows = db.batch(vec![brakes::tallies(&first_day), brakes::newest(None)]).await?;
    let (tallies, newest) = (all::<TallyRow>(rows.first())?, all::<PauseEvent>(rows.get(1))?);
    let changes = tallies.into_iter().filter_map(|row| {
        let last = newest.iter().find(|event| event.campaign == row.campaign_id);
        PauseEvent::after(last, &row.campaign_id, row.tally, limits, now)
    });
    let events: Vec<PauseEvent> = changes.collect();
    if !events.is_empty() {
        db.batch(events.iter().map(brakes::record).collect()).await?;
    }
    Ok(events)
}

/// Releases a stopped campaign. The messages that auto-pause held are due at once, subject to all
/// other limits. From now on, only new complaints and bounces count.
pub async fn release<D: Database>(
    db: &D,
    campaign: &CampaignId,
    note: &str,
    now: Millis,
) -> Result<PauseEvent, FlowError> {
    let note = note.trim();
    if note.is_empty() || note.chars().count() > NOTE_CHARS_MAX {
        let message =
            format!("give the reason for the release, in 1 to {NOTE_CHARS_MAX} characters");
        let problem = Problem::new("note", message);
        let title = "The note is not right";
        return Err(FlowError::Rejected(Refusal::new(title, "Nothing has changed.", problem)));
    }
    let day = brakes::tally_of_day(campaign, &now.utc_day());
    let rows = db.batch(vec![brakes::newest(Some(campaign)), day]).await?;
    let (newest, days) = (all::<PauseEvent>(rows.first())?, all::<TallyRow>(rows.get(1))?);
    let stopped = newest.into_iter().find(|event| event.state == PauseState::Stopped);
    let Some(stopped) = stopped else {
        let message = format!("`{campaign}` is not stopped");
        let help = "`dripline report` shows how a campaign stands";
        let problem = Problem::new("campaign", message).help(help);
        let title = "No such stopped campaign";
        return Err(FlowError::NotFound(Refusal::new(title, "Nothing has changed.", problem)));
    };
    let released = PauseEvent {
        n: stopped.n + 1,
        at: now,
        state: PauseState::Released,
        reason: String::new(),
        tally: days.into_iter().map(|row| row.tally).next().unwrap_or_default(),
        note: note.to_owned(),
        ..stopped
    };
    let forward = brakes::bring_forward(campaign, now);
    db.batch(vec![brakes::record(&released), forward]).await?;
    Ok(released)
}
