//! deliver: messages leave. The row was written long before; a claim, the last word of the
//! contact, the call, and the outcome written down.
//!
//! Round trips for up to `MESSAGES_PER_TASK_MAX` messages: one to claim them, one to read their
//! contacts and which journeys run, then the provider's calls one after another, and two for all
//! outcomes (`commit`). However many they are, that is 10 statements if all are accepted: 1, 2, 3
//! to read and 4 to write (events, contacts, messages, counters). One round trip more fetches
//! versions that are not live, and one more puts back what is tried again, a statement a message.

use super::commit::{Case, CommitError, Who, commit, load_versions};
use super::compose::compose;
use super::publish::statuses;
use super::seams::{Database, DatabaseError, Http};
use super::settings::Settings;
use super::submit_form::deliveries;
use super::task::Work;
use crate::domain::catalog::Catalog;
use crate::domain::contact::Contact;
use crate::domain::decide::{ARCHIVED, Happening, Outcome};
use crate::domain::journey::{JourneyStatus, RunState};
use crate::domain::message::{ATTEMPTS_MAX, Fence, Message, backoff, fence};
use crate::domain::primitives::{Channel, ContactId, Ids, MessageId, Millis, Span};
use crate::providers::{Attempt, Outgoing, Sender, webhook};
use crate::store::contacts::ContactRow;
use crate::store::messages::MessageRow;
use crate::store::statement::{Rows, Statement};
use crate::store::{contacts, journeys, messages};
use std::collections::{BTreeMap, BTreeSet};

/// How long a claim on a message lasts: as long as a queue's consumer may run on Cloudflare.
const CLAIM: Span = Span::minutes(15);

/// After so many calls in a row without an answer, what is left of a task waits for a minute: each
/// may take 20 seconds, and a worker that runs out of time leaves behind what nobody knows of.
const SILENCE_MAX: usize = 3;

/// How long a message of a paused journey waits before it is looked at again: so much later, at the
/// most, it leaves once the journey is resumed.
const HOLD: Span = Span::minutes(15);

/// How long a message whose earlier attempt ended without an answer may be sent again under the
/// same idempotency key: Resend remembers a key for 24 hours, and an hour is for safety.
const KEY_LIFETIME: Span = Span::hours(23);

/// Sends those of these messages that still may be sent, and writes down what became of each.
pub async fn deliver<D: Database, H: Http>(
    db: &D,
    http: &H,
    catalog: &Catalog,
    settings: &Settings,
    ids_wanted: Vec<MessageId>,
    now: Millis,
    ids: &mut Ids,
) -> Result<Vec<Work>, CommitError> {
    let claimed = claim(db, &ids_wanted, now).await?;
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let truth = read_truth(db, catalog, &claimed, now).await?;
    let (mut outcomes, mut retries) = (BTreeMap::<ContactId, Vec<Happening>>::new(), Vec::new());
    let mut silences = BTreeMap::<Channel, usize>::new();
    for message in claimed {
        let silence = silences.entry(message.channel).or_default();
        let ending = attempt(http, catalog, settings, &truth, &message, silence, now).await;
        match ending {
            Ending::Over(outcome) => {
                outcomes.entry(message.contact_id).or_default().push(Happening::Delivered {
                    message: message.id,
                    attempt: message.attempts,
                    outcome,
                })
            }
            Ending::Again { at, reason, uncertain } => {
                let attempt = message.attempts;
                retries.push(messages::retry(&message.id, attempt, at, &reason, uncertain));
            }
            Ending::Untried { at } => {
                retries.push(messages::release(&message.id, message.attempts, at));
            }
        }
    }
    let cases = outcomes
        .into_iter()
        .map(|(contact, happenings)| Case { who: Who::Id(contact), happenings });
    // Both are tried, whatever becomes of the other: an outcome that is not written down is lost.
    let written = commit(db, catalog, cases.collect(), now, ids).await;
    put_back(db, retries).await?;
    Ok(deliveries(&written?))
}

/// What became of a claimed message.
enum Ending {
    /// It goes no further.
    Over(Outcome),
    /// It is tried again then. `uncertain` if this attempt may have been acted upon.
    Again { at: Millis, reason: String, uncertain: bool },
    /// It was not its turn: the provider had gone silent, or the journey is paused.
    Untried { at: Millis },
}

/// One message: the fence, the call, the answer. `silence` counts the calls before this one that
/// had none.
async fn attempt<H: Http>(
    http: &H,
    catalog: &Catalog,
    settings: &Settings,
    truth: &Truth,
    message: &Message,
    silence: &mut usize,
    now: Millis,
) -> Ending {
    let journey = truth.run_state(message);
    if journey == RunState::Paused {
        return Ending::Untried { at: now.plus(HOLD) };
    }
    let contact = match truth.contacts.get(&message.contact_id) {
        Some(Ok(contact)) => contact,
        Some(Err(why)) => {
            let (at, reason) = (now.plus(backoff(message.attempts)), why.clone());
            return Ending::Again { at, reason, uncertain: false };
        }
        None => return Ending::Over(Outcome::Skipped("contact_gone")),
    };
    let webhook = Sender::Webhook(webhook::Signer { keys: settings.keys.clone(), at: now });
    let sender = match message.channel {
        Channel::Email => &settings.email,
        Channel::Sms => &settings.sms,
        // Where mail is only kept, nobody is called either.
        Channel::Webhook if matches!(settings.email, Sender::Mailbox) => &Sender::Mailbox,
        Channel::Webhook => &webhook,
    };
    let key_is_known = sender.is_idempotent() && now < message.queued_at.plus(KEY_LIFETIME);
    if message.uncertain && !key_is_known {
        return Ending::Over(Outcome::Unknown("an earlier attempt had no answer".to_owned()));
    }
    let outgoing = match prepare(catalog, settings, contact, message, journey) {
        Ok(outgoing) => outgoing,
        Err(Outcome::Skipped(reason)) if message.uncertain => {
            let reason = format!("held back ({reason}) after an attempt without an answer");
            return Ending::Over(Outcome::Unknown(reason));
        }
        Err(Outcome::Failed(reason)) => return Ending::Over(failed(message, reason, false)),
        Err(outcome) => return Ending::Over(outcome),
    };
    let Some(request) = sender.request(&outgoing) else {
        let reason = "no sender is configured for this channel".to_owned();
        return Ending::Again { at: now.plus(Span::hours(1)), reason, uncertain: false };
    };
    if *silence >= SILENCE_MAX {
        return Ending::Untried { at: now.plus(Span::minutes(1)) };
    }
    let answer = sender.outcome(http.send(request).await);
    *silence = if matches!(answer, Attempt::Lost(_)) { *silence + 1 } else { 0 };
    settle(sender, message, answer, now)
}

/// Asks the fence and composes; or says why the message goes no further.
fn prepare(
    catalog: &Catalog,
    settings: &Settings,
    contact: &Contact,
    message: &Message,
    journey: RunState,
) -> Result<Outgoing, Outcome> {
    if journey == RunState::Archived {
        return Err(Outcome::Skipped(ARCHIVED));
    }
    let Some(edition) = catalog.edition(&message.campaign, message.version) else {
        return Err(Outcome::Failed("its version is gone".to_owned()));
    };
    match fence(message, contact, &edition.compiled.campaign.owner) {
        Fence::Closed(reason) => Err(Outcome::Skipped(reason)),
        Fence::Open(to) => compose(&edition, contact, message, to, settings)
            .map_err(|error| Outcome::Failed(error.to_string())),
    }
}

/// What a provider's answer means for the message.
fn settle(sender: &Sender, message: &Message, answer: Attempt, now: Millis) -> Ending {
    let again = |after: Option<Span>, reason: String, uncertain: bool| {
        if message.attempts >= ATTEMPTS_MAX {
            return Ending::Over(failed(message, reason, uncertain));
        }
        let wait = backoff(message.attempts).max(after.unwrap_or_default());
        Ending::Again { at: now.plus(wait), reason, uncertain }
    };
    match answer {
        Attempt::Accepted { provider_id, arrived } => {
            Ending::Over(Outcome::Accepted { provider_id, arrived })
        }
        Attempt::Refused(reason) => Ending::Over(failed(message, reason, false)),
        Attempt::Retry { after, reason } => again(after, reason, false),
        Attempt::Lost(reason) if sender.is_idempotent() => again(None, reason, true),
        Attempt::Lost(reason) | Attempt::Unclear(reason) => Ending::Over(Outcome::Unknown(reason)),
    }
}

/// The end of a message that cannot be sent. If this or an earlier attempt had no answer, nobody
/// knows whether that one was taken.
fn failed(message: &Message, reason: String, uncertain: bool) -> Outcome {
    match uncertain || message.uncertain {
        true => Outcome::Unknown(reason),
        false => Outcome::Failed(reason),
    }
}

async fn claim<D: Database>(
    db: &D,
    wanted: &[MessageId],
    now: Millis,
) -> Result<Vec<Message>, DatabaseError> {
    let rows = db.batch(vec![messages::claim(wanted, now, now.plus(CLAIM))]).await?;
    let rows = rows.first().map(Rows::all::<MessageRow>).transpose();
    Ok(rows
        .map_err(DatabaseError::Fault)?
        .unwrap_or_default()
        .into_iter()
        .map(Message::from)
        .collect())
}

/// What is asked after the claim, so that what was said before it counts: the contacts, and which
/// journeys run. What an isolate has in mind may be a minute old.
struct Truth {
    /// Those that there are; one that cannot be read holds back its own messages only.
    contacts: BTreeMap<ContactId, Result<Contact, String>>,
    journeys: Vec<JourneyStatus>,
}

impl Truth {
    fn run_state(&self, message: &Message) -> RunState {
        JourneyStatus::run_state(&self.journeys, &message.campaign, &message.journey)
    }
}

/// Reads it. The versions that the messages were made from are fetched if they are not in the
/// catalog.
async fn read_truth<D: Database>(
    db: &D,
    catalog: &Catalog,
    claimed: &[Message],
    now: Millis,
) -> Result<Truth, DatabaseError> {
    let wanted: BTreeSet<&ContactId> = claimed.iter().map(|message| &message.contact_id).collect();
    let mut truth = Truth { contacts: BTreeMap::new(), journeys: Vec::new() };
    let mut groups = vec![wanted.into_iter().collect::<Vec<_>>()];
    while let Some(mut group) = groups.pop() {
        match read_group(db, &group, now).await {
            Ok((contacts, journeys)) => {
                let contacts =
                    contacts.into_iter().map(|contact| (contact.id.clone(), Ok(contact)));
                truth.contacts.extend(contacts);
                truth.journeys = journeys;
            }
            Err(DatabaseError::Fault(_)) if group.len() > 1 => {
                let half = group.split_off(group.len() / 2);
                groups.extend([half, group]);
            }
            Err(DatabaseError::Fault(why)) => {
                truth.contacts.extend(group.into_iter().map(|id| (id.clone(), Err(why.clone()))));
            }
            Err(error) => return Err(error),
        }
    }
    let versions = claimed.iter().map(|message| (message.campaign.clone(), message.version));
    load_versions(db, catalog, versions).await?;
    Ok(truth)
}

async fn read_group<D: Database>(
    db: &D,
    group: &[&ContactId],
    now: Millis,
) -> Result<(Vec<Contact>, Vec<JourneyStatus>), DatabaseError> {
    let wanted = contacts::by_ids(group.iter().copied(), &[], &[], now);
    let rows = db.batch(vec![wanted, journeys::statuses()]).await?;
    let contacts = rows.first().map(Rows::all::<ContactRow>).transpose();
    let contacts = contacts.map_err(DatabaseError::Fault)?.unwrap_or_default();
    Ok((contacts.into_iter().map(Contact::from).collect(), statuses(rows.get(1))?))
}

async fn put_back<D: Database>(db: &D, retries: Vec<Statement>) -> Result<(), DatabaseError> {
    if !retries.is_empty() {
        db.batch(retries).await?;
    }
    Ok(())
}
