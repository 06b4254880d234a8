//! deliver: messages leave. The row was written long before; a claim, the last word of the
//! contact, the call, and the outcome written down.
//!
//! Round trips for up to `MESSAGES_PER_TASK_MAX` messages: one to claim them, one to read their
//! contacts, then the provider's calls one after another, and two for all outcomes (`commit`).
//! However many they are, that is 9 statements if all are accepted: 1, 1, 3 to read and 4 to write
//! (events, contacts, messages, counters). One round trip more fetches versions that are not live,
//! and one more puts back what is tried again, a statement a message.

use super::commit::{Case, CommitError, Who, commit, load_versions};
use super::compose::compose;
use super::seams::{Database, DatabaseError, Http};
use super::settings::Settings;
use super::submit_form::deliveries;
use super::task::Work;
use crate::domain::catalog::Catalog;
use crate::domain::contact::Contact;
use crate::domain::decide::{Happening, Outcome};
use crate::domain::message::{ATTEMPTS_MAX, Fence, Message, backoff, fence};
use crate::domain::primitives::{Channel, ContactId, Ids, MessageId, Millis, Span};
use crate::providers::{Attempt, Outgoing, Sender, webhook};
use crate::store::contacts::ContactRow;
use crate::store::messages::MessageRow;
use crate::store::statement::{Rows, Statement};
use crate::store::{contacts, messages};
use std::collections::{BTreeMap, BTreeSet};

/// How long a claim on a message lasts: as long as a queue's consumer may run on Cloudflare.
const CLAIM: Span = Span::minutes(15);

/// After so many calls in a row without an answer, what is left of a task waits for a minute: each
/// may take 20 seconds, and a worker that runs out of time leaves behind what nobody knows of.
const SILENCE_MAX: usize = 3;

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
    let contacts = read_contacts(db, catalog, &claimed).await?;
    let (mut outcomes, mut retries) = (BTreeMap::<ContactId, Vec<Happening>>::new(), Vec::new());
    let mut silences = BTreeMap::<Channel, usize>::new();
    for message in claimed {
        let silence = silences.entry(message.channel).or_default();
        let ending = match contacts.get(&message.contact_id) {
            Some(contact) => {
                attempt(http, catalog, settings, contact, &message, silence, now).await
            }
            None => Ending::Over(Outcome::Skipped("contact_gone")),
        };
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
            Ending::Untried => {
                let at = now.plus(Span::minutes(1));
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
    /// It was not its turn: the provider had gone silent.
    Untried,
}

/// One message: the fence, the call, the answer. `silence` counts the calls before this one that
/// had none.
async fn attempt<H: Http>(
    http: &H,
    catalog: &Catalog,
    settings: &Settings,
    contact: &Contact,
    message: &Message,
    silence: &mut usize,
    now: Millis,
) -> Ending {
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
    let outgoing = match prepare(catalog, settings, contact, message) {
        Ok(outgoing) => outgoing,
        Err(Outcome::Skipped(reason)) if message.uncertain => {
            let reason = format!("held back ({reason}) after an attempt without an answer");
            return Ending::Over(Outcome::Unknown(reason));
        }
        Err(outcome) => return Ending::Over(outcome),
    };
    let Some(request) = sender.request(&outgoing) else {
        let reason = "no sender is configured for this channel".to_owned();
        return Ending::Again { at: now.plus(Span::hours(1)), reason, uncertain: false };
    };
    if *silence >= SILENCE_MAX {
        return Ending::Untried;
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
) -> Result<Outgoing, Outcome> {
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
            let unclear = uncertain || message.uncertain;
            let outcome = if unclear { Outcome::Unknown(reason) } else { Outcome::Failed(reason) };
            return Ending::Over(outcome);
        }
        let wait = backoff(message.attempts).max(after.unwrap_or_default());
        Ending::Again { at: now.plus(wait), reason, uncertain }
    };
    match answer {
        Attempt::Accepted { provider_id, arrived } => {
            Ending::Over(Outcome::Accepted { provider_id, arrived })
        }
        Attempt::Refused(reason) => Ending::Over(Outcome::Failed(reason)),
        Attempt::Retry { after, reason } => again(after, reason, false),
        Attempt::Lost(reason) if sender.is_idempotent() => again(None, reason, true),
        Attempt::Lost(reason) | Attempt::Unclear(reason) => Ending::Over(Outcome::Unknown(reason)),
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

/// The contacts of the messages, read after the claim: what they said before that, counts. The
/// versions that the messages were made from are fetched if they are not in the catalog.
async fn read_contacts<D: Database>(
    db: &D,
    catalog: &Catalog,
    claimed: &[Message],
) -> Result<BTreeMap<ContactId, Contact>, DatabaseError> {
    let wanted: BTreeSet<&ContactId> = claimed.iter().map(|message| &message.contact_id).collect();
    let rows = db.batch(vec![contacts::by_ids(wanted, &[], &[])]).await?;
    let rows = rows.first().map(Rows::all::<ContactRow>).transpose();
    let contacts = rows.map_err(DatabaseError::Fault)?.unwrap_or_default();
    let versions = claimed.iter().map(|message| (message.campaign.clone(), message.version));
    load_versions(db, catalog, versions).await?;
    Ok(contacts.into_iter().map(Contact::from).map(|c| (c.id.clone(), c)).collect())
}

async fn put_back<D: Database>(db: &D, retries: Vec<Statement>) -> Result<(), DatabaseError> {
    if !retries.is_empty() {
        db.batch(retries).await?;
    }
    Ok(())
}
