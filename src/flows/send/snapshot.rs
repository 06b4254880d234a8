//! The snapshot that is read just before a wave of calls, in the batch that records which provider
//! is called for which message. An isolate's cache may be a minute old.

use crate::domain::base::primitives::{CampaignId, MessageId, Millis, RecordId};
use crate::domain::campaign::broadcast::BroadcastState;
use crate::domain::campaign::journey::{JourneyStatus, RunState};
use crate::domain::contact::Contact;
use crate::domain::contact::message::Message;
use crate::domain::contact::message_source::MessageSource;
use crate::domain::publication::unpublished::Unpublished;
use crate::domain::sending::restore_guard::RestoreGuard;
use crate::flows::campaign::publish::{statuses, unpublished};
use crate::flows::ports::all;
use crate::flows::ports::{Database, DatabaseError};
use crate::flows::send::batching::Planned;
use crate::store::broadcasts::HaltedRow;
use crate::store::contacts::ContactRow;
use crate::store::messages::{Calling, IdRow};
use crate::store::restores::{self, GuardRow};
use crate::store::{brakes, broadcasts, campaigns, contacts, journeys, messages};
use std::collections::{BTreeMap, BTreeSet};

/// The contacts of a wave, and the states of their journeys, campaigns and broadcasts.
#[derive(Default)]
pub struct SendSnapshot {
    /// The contacts that exist. One that cannot be read holds back only its own messages.
    pub contacts: BTreeMap<RecordId, Result<Contact, String>>,
    journeys: Vec<JourneyStatus>,
    unpublished: Vec<Unpublished>,
    /// The campaigns that are stopped.
    auto_paused: BTreeSet<CampaignId>,
    /// The broadcasts that are paused or cancelled; read only if the wave has messages of
    /// broadcasts.
    halted: Vec<HaltedRow>,
    /// The restore of the database that was found, if any.
    pub guard: Option<RestoreGuard>,
    /// The messages whose claim is still ours, for which the start of a call was recorded.
    ours: BTreeSet<MessageId>,
}

impl SendSnapshot {
    /// Returns the state of a message's journey.
    pub fn run_state(&self, message: &Message) -> RunState {
        match message.source.step() {
            Some(step) => {
                JourneyStatus::run_state(&self.journeys, &message.campaign, &step.journey)
            }
            None => RunState::Running,
        }
    }

    /// Returns whether a message belongs to a journey or broadcast that ended when its campaign was
    /// unpublished. Built-in messages still leave.
    pub fn is_unpublished(&self, message: &Message) -> bool {
        let id = match &message.source {
            MessageSource::Step(step) => Some(&step.enrollment),
            MessageSource::Broadcast { .. } => None,
            _ => return false,
        };
        let enrollment = || {
            let contact = self.contacts.get(&message.contact_id)?.as_ref().ok()?;
            contact.enrollments.iter().find(|e| Some(&e.id) == id)
        };
        let begun = enrollment().map_or(message.queued_at, |enrollment| enrollment.entered_at);
        Unpublished::ends(&self.unpublished, &message.campaign, begun.min(message.queued_at))
    }

    /// Returns whether the campaign of a message is stopped.
    pub fn is_auto_paused(&self, message: &Message) -> bool {
        self.auto_paused.contains(&message.campaign)
    }

    /// Returns the state of the message's broadcast, if that is halted.
    pub fn halt(&self, message: &Message) -> Option<BroadcastState> {
        let MessageSource::Broadcast { name, .. } = &message.source else { return None };
        let is_it =
            |row: &&HaltedRow| row.campaign_id == message.campaign && row.broadcast == *name;
        self.halted.iter().find(is_it).map(|row| row.state)
    }

    /// Returns whether a call for this message may be made. A message whose contact cannot be read
    /// is included, so that it is put back.
    pub fn is_ours(&self, message: &Message) -> bool {
        self.ours.contains(&message.id)
            || matches!(self.contacts.get(&message.contact_id), Some(Err(_)))
    }
}

/// Records that a wave begins, and reads its snapshot, in one batch. If the database cannot read
/// a contact, the wave is halved until that contact is alone.
pub async fn begin_wave<'w, 'p: 'w, D: Database>(
    db: &D,
    wave: impl IntoIterator<Item = &'w Planned<'p>>,
    now: Millis,
) -> Result<SendSnapshot, DatabaseError> {
    let asked = wave.into_iter().flat_map(|planned| {
        planned.messages.iter().map(|message| {
            let (provider, call) = (planned.provider.name(), planned.key.as_deref());
            let calling = Calling { id: &message.id, attempt: message.attempts, provider, call };
            let broadcast = matches!(message.source, MessageSource::Broadcast { .. });
            Asked { contact: &message.contact_id, calling, broadcast }
        })
    });
    let mut snapshot = SendSnapshot::default();
    let mut groups = vec![asked.collect::<Vec<_>>()];
    while let Some(mut group) = groups.pop() {
        match begin_half(db, &group, now, &mut snapshot).await {
            Ok(()) => {}
            Err(DatabaseError::Fault(_)) if group.len() > 1 => {
                let half = group.split_off(group.len() / 2);
                groups.extend([half, group]);
            }
            Err(DatabaseError::Fault(why)) => {
                let broken = group.into_iter();
                let broken = broken.map(|asked| (asked.contact.clone(), Err(why.clone())));
                snapshot.contacts.extend(broken);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(snapshot)
}

/// A message to look up.
struct Asked<'a> {
    contact: &'a RecordId,
    calling: Calling<'a>,
    /// Whether it belongs to a broadcast.
    broadcast: bool,
}

async fn begin_half<D: Database>(
    db: &D,
    group: &[Asked<'_>],
    now: Millis,
    snapshot: &mut SendSnapshot,
) -> Result<(), DatabaseError> {
    let wanted: BTreeSet<&RecordId> = group.iter().map(|asked| asked.contact).collect();
    let mut statements = vec![
        messages::call(group.iter().map(|asked| &asked.calling), now),
        contacts::by_ids(wanted, &[], &[], now),
        journeys::statuses(),
        brakes::stopped(),
        restores::guard(),
        campaigns::unpublished(),
    ];
    if group.iter().any(|asked| asked.broadcast) {
        statements.push(broadcasts::halted());
    }
    let rows = db.batch(statements).await?;
    let ours = all::<IdRow<MessageId>>(rows.first())?;
    let contacts = all::<ContactRow>(rows.get(1))?;
    snapshot.journeys = statuses(rows.get(2))?;
    let stopped = all::<IdRow<CampaignId>>(rows.get(3))?;
    snapshot.auto_paused = stopped.into_iter().map(|row| row.id).collect();
    let guard = all::<GuardRow>(rows.get(4))?;
    snapshot.guard = guard.into_iter().find_map(GuardRow::guard);
    snapshot.unpublished = unpublished(rows.get(5))?;
    snapshot.halted.extend(all::<HaltedRow>(rows.get(6))?);
    snapshot.ours.extend(ours.into_iter().map(|row| row.id));
    for contact in contacts.into_iter().map(Contact::from) {
        // The message may have been claimed under the id of a contact that was merged into this one
        // since.
        for alias in &contact.aliases {
            snapshot.contacts.insert(alias.id.clone(), Ok(contact.clone()));
        }
        snapshot.contacts.insert(contact.id.clone(), Ok(contact));
    }
    Ok(())
}
