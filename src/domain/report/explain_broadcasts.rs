//! Explains why a contact got a broadcast, or did not.

use super::reason::in_words;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{CampaignId, Millis, QualifiedId};
use crate::domain::campaign::broadcast::{BroadcastState, Phase};
use crate::domain::contact::Contact;
use crate::domain::publication::catalog::Catalog;
use crate::domain::record::event::{Event, names};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The state of a broadcast, as far as an explanation needs it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BroadcastStatus {
    #[serde(rename = "campaign_id")]
    pub campaign: CampaignId,
    pub broadcast: String,
    pub state: BroadcastState,
    pub phase: Phase,
    /// When it started.
    pub started_at: Option<Millis>,
}

/// The state of a contact in a broadcast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BroadcastExplained {
    /// `<campaign>.<name>`.
    pub broadcast: QualifiedId,
    /// Its state; `None` if it waits to be started by hand.
    pub state: Option<BroadcastState>,
    /// The outcome for the contact, or why there is none: a reason of `domain/report/reason.rs`.
    pub reason: String,
    /// The same in words.
    pub words: String,
    /// When the contact was decided on, if it was.
    pub at: Option<Millis>,
    pub variant: Option<String>,
}

/// Returns the live broadcasts, and those for which the contact was decided on.
pub fn broadcasts(
    catalog: &Catalog,
    statuses: &[BroadcastStatus],
    contact: &Contact,
    now: Millis,
    language: Language,
) -> Vec<BroadcastExplained> {
    let live = catalog.live().flat_map(|published| {
        let names = published.compiled.campaign.broadcasts.keys();
        names.map(|name| QualifiedId::new(published.id(), name))
    });
    let had = contact.history.iter().filter_map(broadcast_of);
    let mut ids: Vec<QualifiedId> = live.chain(had).collect();
    ids.sort();
    ids.dedup();
    let explain = |id: QualifiedId| {
        let (campaign, name) = id.parts()?;
        let is_it = |s: &&BroadcastStatus| s.campaign == campaign && s.broadcast == name;
        let status = statuses.iter().find(is_it);
        let turn = contact.history.iter().find(|event| broadcast_of(event).as_ref() == Some(&id));
        let text =
            |name: &str| turn?.properties.get(name).and_then(Value::as_str).map(str::to_owned);
        let reason = match turn {
            Some(event) if event.name == names::BROADCAST_QUEUED => "broadcast_taken".to_owned(),
            Some(_) => text("reason").unwrap_or_default(),
            None => no_turn(catalog, status, contact, &id, now).to_owned(),
        };
        Some(BroadcastExplained {
            state: status.map(|status| status.state),
            words: in_words(&reason, language),
            reason,
            at: turn.map(|event| event.at),
            variant: text("variant"),
            broadcast: id,
        })
    };
    ids.into_iter().filter_map(explain).collect()
}

/// Returns the broadcast for which an event is the decision on a recipient.
fn broadcast_of(event: &Event) -> Option<QualifiedId> {
    let is_turn = [names::BROADCAST_QUEUED, names::BROADCAST_SKIPPED].contains(&&*event.name);
    let name = event.properties.get("broadcast").filter(|_| is_turn)?.as_str()?;
    Some(QualifiedId::new(event.campaign.as_ref()?, name))
}

/// Returns why a contact has not been decided on.
fn no_turn(
    catalog: &Catalog,
    status: Option<&BroadcastStatus>,
    contact: &Contact,
    id: &QualifiedId,
    now: Millis,
) -> &'static str {
    let Some(BroadcastStatus { state, phase, started_at: Some(started_at), .. }) = status else {
        let is_off = status.is_some_and(|status| status.state == BroadcastState::Cancelled);
        return if is_off { "broadcast_cancelled" } else { "broadcast_not_begun" };
    };
    let campaign = id.parts().and_then(|(campaign, _)| catalog.live_version(&campaign));
    let found = campaign.and_then(|published| {
        let campaign = &published.compiled.campaign;
        let broadcast = campaign.broadcasts.get(id.parts()?.1)?;
        Some((broadcast, broadcast.target.rule(&campaign.segments)?))
    });
    if contact.created_at > *started_at {
        return "broadcast_came_later";
    }
    if found.as_ref().is_some_and(|(_, rule)| !rule.evaluate(contact, now).holds) {
        return "broadcast_not_in_segment";
    }
    let tests = found.is_some_and(|(broadcast, _)| broadcast.is_tester(id, &contact.id));
    match state {
        BroadcastState::Cancelled => "broadcast_cancelled",
        BroadcastState::Done => "broadcast_missed",
        BroadcastState::Paused => "broadcast_paused",
        _ if *phase != Phase::Rest && !tests => "broadcast_waits_for_test",
        _ => "broadcast_turn_to_come",
    }
}
