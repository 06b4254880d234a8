//! The truth: what is read just before a wave of calls, in the batch that writes down who is asked
//! for what. What an isolate has in mind may be a minute old.

use crate::domain::base::primitives::{CampaignId, ContactId, MessageId, Millis};
use crate::domain::campaign::broadcast::BroadcastState;
use crate::domain::campaign::journey::{JourneyStatus, RunState};
use crate::domain::contact::Contact;
use crate::domain::contact::message::Message;
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

/// The contacts of a wave, and which journeys run.
#[derive(Default)]
pub struct SendSnapshot {
    /// Those that there are; one that cannot be read holds back its own messages only.
    pub contacts: BTreeMap<ContactId, Result<Contact, String>>,
    journeys: Vec<JourneyStatus>,
    unpublished: Vec<Unpublished>,
    /// The campaigns that are stopped.
    braked: BTreeSet<CampaignId>,
    /// Of the broadcasts that are paused or were called off, where the wave is of any.
    halted: Vec<HaltedRow>,
    /// The restore of the database that was found, if one was.
    pub guard: Option<RestoreGuard>,
    /// The messages whose claim is still ours: for them it is written down that a call begins.
    ours: BTreeSet<MessageId>,
}

impl SendSnapshot {
    /// Whether the journey of a message runs.
    pub fn run_state(&self, message: &Message) -> RunState {
        JourneyStatus::run_state(&self.journeys, &message.campaign, &message.journey)
    }

    /// Whether a message is of a journey or broadcast that ended when its campaign was unpublished.
    /// What the house itself has to say still leaves.
    pub fn is_unpublished(&self, message: &Message) -> bool {
        let passage = || {
            let contact = self.contacts.get(&message.contact_id)?.as_ref().ok()?;
            contact.enrollments.iter().find(|e| Some(&e.id) == message.enrollment.as_ref())
        };
        if message.journey.is_empty() && message.broadcast.is_none() {
            return false;
        }
        let begun = passage().map_or(message.queued_at, |passage| passage.entered_at);
        Unpublished::ends(&self.unpublished, &message.campaign, begun.min(message.queued_at))
    }

    /// Whether the campaign of a message is stopped.
    pub fn is_braked(&self, message: &Message) -> bool {
        self.braked.contains(&message.campaign)
    }

    /// How the message's broadcast is halted, if it is of one that is.
    pub fn halt(&self, message: &Message) -> Option<BroadcastState> {
        let name = message.broadcast.as_ref()?;
        let is_it =
            |row: &&HaltedRow| row.campaign_id == message.campaign && row.broadcast == *name;
        self.halted.iter().find(is_it).map(|row| row.state)
    }

    /// Whether a call for this message may be made. One whose contact cannot be read is looked at
    /// too, to be put back.
    pub fn is_ours(&self, message: &Message) -> bool {
        self.ours.contains(&message.id)
            || matches!(self.contacts.get(&message.contact_id), Some(Err(_)))
    }
}

/// Writes down that a wave begins, and reads its truth. One round trip, six statements, seven if
/// some message is of a broadcast; more if the database cannot read some contact, for then the
/// wave is halved until that one is alone.
pub async fn begin<'w, 'p: 'w, D: Database>(
    db: &D,
    wave: impl IntoIterator<Item = &'w Planned<'p>>,
    now: Millis,
) -> Result<SendSnapshot, DatabaseError> {
    let asked = wave.into_iter().flat_map(|planned| {
        planned.messages.iter().map(|message| {
            let (sender, call) = (planned.sender.name(), planned.key.as_deref());
            let calling = Calling { id: &message.id, attempt: message.attempts, sender, call };
            Asked { contact: &message.contact_id, calling, broadcast: message.broadcast.is_some() }
        })
    });
    let mut truth = SendSnapshot::default();
    let mut groups = vec![asked.collect::<Vec<_>>()];
    while let Some(mut group) = groups.pop() {
        match begin_group(db, &group, now, &mut truth).await {
            Ok(()) => {}
            Err(DatabaseError::Fault(_)) if group.len() > 1 => {
                let half = group.split_off(group.len() / 2);
                groups.extend([half, group]);
            }
            Err(DatabaseError::Fault(why)) => {
                let broken = group.into_iter();
                let broken = broken.map(|asked| (asked.contact.clone(), Err(why.clone())));
                truth.contacts.extend(broken);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(truth)
}

/// What is asked about a message.
struct Asked<'a> {
    contact: &'a ContactId,
    calling: Calling<'a>,
    /// Whether it is of a broadcast.
    broadcast: bool,
}

async fn begin_group<D: Database>(
    db: &D,
    group: &[Asked<'_>],
    now: Millis,
    truth: &mut SendSnapshot,
) -> Result<(), DatabaseError> {
    let wanted: BTreeSet<&ContactId> = group.iter().map(|asked| asked.contact).collect();
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
    truth.journeys = statuses(rows.get(2))?;
    let stopped = all::<IdRow<CampaignId>>(rows.get(3))?;
    truth.braked = stopped.into_iter().map(|row| row.id).collect();
    let guard = all::<GuardRow>(rows.get(4))?;
    truth.guard = guard.into_iter().find_map(GuardRow::guard);
    truth.unpublished = unpublished(rows.get(5))?;
    truth.halted.extend(all::<HaltedRow>(rows.get(6))?);
    truth.ours.extend(ours.into_iter().map(|row| row.id));
    for contact in contacts.into_iter().map(Contact::from) {
        // The message may have been claimed in the name of whoever was merged into it since.
        for alias in &contact.aliases {
            truth.contacts.insert(alias.id.clone(), Ok(contact.clone()));
        }
        truth.contacts.insert(contact.id.clone(), Ok(contact));
    }
    Ok(())
}
