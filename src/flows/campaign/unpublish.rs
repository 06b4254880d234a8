//! Takes a campaign off the web and stops everything that it has under way. What was sent stays as
//! it is: links in it work, and figures, consents and suppressions are kept.
//!
//! What would stop is counted in the batch that stops it, so the figures are right regardless of
//! concurrent publishes. Ticks decide on the people inside, like those of an archived journey;
//! deliveries stop at once.

use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::campaign::broadcast::BroadcastState;
use crate::domain::publication::diff::EnrollmentCount;
use crate::domain::publication::unpublished::Stops;
use crate::flows::campaign::backfill::passes;
use crate::flows::error::FlowError;
use crate::flows::ports::{Database, all};
use crate::store::broadcasts::{self, BroadcastRow};
use crate::store::campaigns::{self, CampaignRow, IdRow};
use crate::store::journeys::InsideRow;
use crate::store::messages::WaitingRow;
use crate::store::statement::{Rows, Statement};
use crate::store::{failing, journeys, messages};
use std::collections::BTreeMap;

/// Returns what unpublishing a campaign would stop.
pub async fn stops<D: Database>(db: &D, id: &CampaignId) -> Result<Stops, FlowError> {
    let rows = db.batch(questions(id)).await?;
    read(id, &rows)
}

/// Unpublishes a campaign, and returns what was stopped. Repeating it changes nothing.
pub async fn unpublish<D: Database>(
    db: &D,
    id: &CampaignId,
    now: Millis,
) -> Result<Stops, FlowError> {
    let mut statements = questions(id);
    statements.extend([
        campaigns::unpublish(id, now),
        broadcasts::cancel_all(id, now),
        messages::wake_campaign(id, now),
        journeys::begin_all_wakes(id, passes(now)),
        failing::clear_campaign(id),
    ]);
    let [unplan, _] = broadcasts::plan(id, &[]);
    statements.push(unplan);
    let rows = db.batch(statements).await?;
    let stops = read(id, &rows)?;
    Ok(Stops { unpublished_at: stops.unpublished_at.or(Some(now)), ..stops })
}

fn questions(id: &CampaignId) -> Vec<Statement> {
    vec![
        campaigns::one(id),
        journeys::people(id),
        journeys::standing(id),
        broadcasts::of_campaign(id),
        messages::waiting_of(id),
        campaigns::ids(),
    ]
}

fn read(id: &CampaignId, rows: &[Rows]) -> Result<Stops, FlowError> {
    let Some(campaign) = all::<CampaignRow>(rows.first())?.pop() else {
        let known = all::<IdRow>(rows.get(5))?;
        return Err(FlowError::unknown_campaign(id, known.iter().map(|row| row.id.as_str())));
    };
    let people = all::<InsideRow>(rows.get(1))?.first().map_or(0, |row| row.people);
    let mut inside = BTreeMap::new();
    for row in all::<EnrollmentCount>(rows.get(2))? {
        *inside.entry(row.journey).or_default() += row.people;
    }
    let broadcasts = all::<BroadcastRow>(rows.get(3))?;
    let named = |states: &[BroadcastState]| {
        let found = broadcasts.iter().filter(|row| states.contains(&row.state));
        found.map(|row| row.broadcast.clone()).collect()
    };
    Ok(Stops {
        campaign: id.clone(),
        unpublished_at: campaign.unpublished_since(),
        people,
        journeys: inside,
        cancelled: named(&[BroadcastState::Running, BroadcastState::Paused]),
        not_started: named(&[BroadcastState::Scheduled]),
        messages: all::<WaitingRow>(rows.get(4))?.first().map_or(0, |row| row.messages),
    })
}
