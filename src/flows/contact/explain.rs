//! Shows why a contact is where it is. Nothing is written.

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::Millis;
use crate::domain::publication::catalog::Catalog;
use crate::domain::report::explain::{
    Explanation, MessageExplained, explain as explained, wanted_events,
};
use crate::domain::report::explain_broadcasts::{self, BroadcastStatus};
use crate::flows::campaign::publish::statuses;
use crate::flows::commit::load_versions;
use crate::flows::contact::find;
use crate::flows::error::{FlowError, Refusal};
use crate::flows::ports::{Database, DatabaseError};
use crate::store::statement::Rows;
use crate::store::{broadcasts, journeys, messages};
use serde::{Deserialize, Serialize};

/// The contact, and what to explain about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The contact: our id, the customer's own id, an e-mail address, or a number with `+`.
    pub contact: String,
    /// Only this journey, `<campaign>.<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<String>,
    /// Only this segment, `<campaign>.<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// Only this broadcast, `<campaign>.<name>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<String>,
    /// Only this message, by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Explains what the question asks for.
pub async fn explain<D: Database>(
    db: &D,
    catalog: &Catalog,
    question: &Question,
    now: Millis,
    language: Language,
) -> Result<Explanation, FlowError> {
    let named = question.contact.trim();
    let wanted: Vec<String> = wanted_events(catalog).into_iter().collect();
    let [by_id, by_address] = find::questions(named, &wanted, now);
    let questions = vec![by_id, by_address, journeys::statuses(), broadcasts::statuses()];
    let rows = db.batch(questions).await?;
    let Some(contact) = find::pick(named, &rows)? else {
        return Err(not_found(find::contact_not_found("contact")));
    };
    let versions = contact.enrollments.iter().map(|e| (e.campaign.clone(), e.version));
    load_versions(db, catalog, versions, now).await?;
    let ledger = db.batch(vec![messages::explained(&contact.message_prefixes())]).await?;
    let ledger = ledger.first().map(Rows::all::<MessageExplained>).transpose();
    let ledger = ledger.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let statuses = statuses(rows.get(2))?;
    let begun = rows.get(3).map(Rows::all::<BroadcastStatus>).transpose();
    let begun = begun.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let broadcasts = explain_broadcasts::broadcasts(catalog, &begun, &contact, now, language);
    let all = Explanation {
        broadcasts,
        ..explained(catalog, &statuses, &contact.into(), ledger, now, language)
    };
    narrow(all, question).map_err(not_found)
}

fn not_found(problem: Problem) -> FlowError {
    FlowError::NotFound(Refusal::new("Nothing to explain", "Not found.", problem))
}

/// Keeps only what the question names, or everything if it names nothing.
fn narrow(all: Explanation, question: &Question) -> Result<Explanation, Problem> {
    let Question { journey, segment, message, broadcast, .. } = question;
    if [journey, segment, message, broadcast].iter().all(|named| named.is_none()) {
        return Ok(all);
    }
    let only = |key: &str, wanted: &Option<String>, known: Vec<&str>| match wanted {
        Some(name) if !known.contains(&name.as_str()) => {
            Err(Problem::new(key, format!("there is no {key} `{name}`")).suggest(name, known))
        }
        _ => Ok(()),
    };
    let ids = |id: &str| id.to_owned();
    only("journey", journey, all.journeys.iter().map(|j| j.journey.as_str()).collect())?;
    only("segment", segment, all.segments.iter().map(|s| s.segment.as_str()).collect())?;
    only("message", message, all.messages.iter().map(|m| m.message.as_str()).collect())?;
    only("broadcast", broadcast, all.broadcasts.iter().map(|b| b.broadcast.as_str()).collect())?;
    let is = |wanted: &Option<String>, id: &str| *wanted == Some(ids(id));
    let mut some = Explanation { suppressed: Vec::new(), set_aside: Vec::new(), ..all };
    some.broadcasts.retain(|b| is(broadcast, b.broadcast.as_str()));
    some.journeys.retain(|j| is(journey, j.journey.as_str()));
    some.segments.retain(|s| is(segment, s.segment.as_str()));
    some.messages.retain(|m| is(message, m.message.as_str()));
    Ok(some)
}
