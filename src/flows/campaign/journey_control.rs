//! Pauses, resumes or archives a journey, for all its versions.
//!
//! The people inside are woken if the new state changes anything for them. Deliveries read the
//! state before each send; isolates use it within a minute.

use super::publish;
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{Millis, QualifiedId};
use crate::domain::campaign::journey::RunState;
use crate::flows::campaign::backfill::passes;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError};
use crate::store::journeys::{self, InsideRow};
use crate::store::statement::Rows;
use serde::{Deserialize, Serialize};

/// The result of a state change of a journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JourneyStateChange {
    /// The journey, `<campaign>.<name>`.
    pub journey: QualifiedId,
    /// Its state now.
    pub state: RunState,
    /// The number of people inside.
    pub people: i64,
}

/// Sets the state of a journey. Setting the present state again changes nothing.
pub async fn set_state<D: Database>(
    db: &D,
    id: &QualifiedId,
    state: RunState,
    now: Millis,
) -> Result<JourneyStateChange, FlowError> {
    let Some((campaign, name)) = id.parts() else {
        let problem = Problem::new("journey", format!("`{id}` is not <campaign>.<journey>"));
        return Err(not_found(problem));
    };
    let live = publish::live(db).await?;
    let rows = db.batch(vec![journeys::inside(&campaign, name)]).await?;
    let row = rows.first().map(Rows::first::<InsideRow>).transpose();
    let people = row.map_err(DatabaseError::Fault)?.flatten().map_or(0, |row| row.people);
    // The journeys of a version that cannot be read are unknown.
    let is_live = live.live_version(&campaign).is_some_and(|e| e.journey(name).is_some())
        || live.unreadable_live(&campaign).is_some();
    // A journey that is no longer live may still have people inside.
    if !is_live && people == 0 {
        let known: Vec<String> = live
            .live()
            .flat_map(|e| {
                e.compiled.campaign.journeys.keys().map(|name| QualifiedId::new(e.id(), name).0)
            })
            .collect();
        if live.unpublished(&campaign).is_some() {
            let message = format!("`{campaign}` is unpublished, and nobody is in its journeys");
            return Err(not_found(Problem::new("journey", message)));
        }
        let problem = Problem::new("journey", format!("there is no journey `{id}`"));
        let known = known.iter().map(String::as_str);
        return Err(not_found(problem.suggest(id.as_str(), known)));
    }
    let mut statements = vec![journeys::set_state(&campaign, name, state, now)];
    if state != RunState::Paused {
        statements.push(journeys::begin_wakes(&campaign, &[name], passes(now)));
    }
    db.batch(statements).await?;
    Ok(JourneyStateChange { journey: id.clone(), state, people })
}

fn not_found(problem: Problem) -> FlowError {
    let detail = "Nothing has changed. Name a journey as <campaign>.<journey>.";
    FlowError::NotFound(Refusal::new("There is no such journey", detail, problem))
}
