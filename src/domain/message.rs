//! A message: one e-mail or SMS to one contact, written down before it is sent.

use super::address::read_email;
use super::broadcast;
use super::consent::Consent;
use super::contact::Contact;
use super::decide::ERASED;
use super::journey::Enrollment;
use super::primitives::{CampaignId, Channel, ContactId, EnrollmentId, MessageId, Millis, Span};
use super::suppression::{Suppression, SuppressionReason};
use super::texting::Spent;
use serde::{Deserialize, Serialize};

/// A row of the ledger that every message has before anything leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its id, and the provider's idempotency key.
    pub id: MessageId,
    /// To whom, or for a notice about whom.
    pub contact_id: ContactId,
    /// For which campaign.
    pub campaign: CampaignId,
    /// The published version whose template it uses.
    pub version: u32,
    /// The enrollment that asked for it; `None` for a confirmation.
    pub enrollment: Option<EnrollmentId>,
    /// The journey's name; empty for a confirmation.
    pub journey: String,
    /// The step's id, or the variant of a broadcast; empty for a confirmation.
    pub step: String,
    /// The broadcast's name; `None` for other messages.
    pub broadcast: Option<String>,
    /// How it travels.
    pub channel: Channel,
    /// What kind of message it is, which says what may hold it back.
    pub class: Class,
    /// The purpose it needs consent for.
    pub purpose: String,
    /// Its template: `emails/…` or `sms/…` of the version, or a `house/…` one; of a webhook, its
    /// address.
    pub template: String,
    /// A line of the campaign's author for a notice; of a test, the address it goes to; empty
    /// otherwise.
    pub note: String,
    /// When it was decided.
    pub queued_at: Millis,
    /// Not before.
    pub send_at: Millis,
    /// How many times it was taken up for sending.
    pub attempts: u32,
    /// Whether an earlier attempt ended without an answer.
    pub uncertain: bool,
    /// The sender that was asked last; while the message is not uncertain, it does not matter.
    pub sender: Option<String>,
    /// The key of the call in which others went along; `None` if it went alone, under its id.
    pub call: Option<String>,
    /// When the first call under that key began.
    pub called_at: Option<Millis>,
    /// Whether it has waited its turn at a sender that takes only so many calls.
    pub waited: bool,
    /// When a person first opened it.
    pub opened_at: Option<Millis>,
    /// When a person first clicked in it.
    pub clicked_at: Option<Millis>,
    /// The address that it went to, from when it was about to be sent; `None` for a notice, and for
    /// what was sent before that was written down.
    #[serde(default)]
    pub address: Option<String>,
    /// When what became of it was first heard.
    pub heard: Milestones,
    /// What it took, of a text message, as far as that is known.
    #[serde(default)]
    pub spent: Option<Spent>,
    /// How far it has come.
    pub state: MessageState,
}

impl Message {
    /// The part of its counters: its template, or of a broadcast the broadcast and the variant.
    pub fn part(&self) -> String {
        match &self.broadcast {
            Some(broadcast) => broadcast::part(broadcast, &self.step),
            None => self.template.clone(),
        }
    }

    /// A message to be sent as soon as may be, on the channel that its template is for. It is of
    /// no enrollment, and needs consent for no purpose, unless the caller says so.
    pub fn queue(
        id: MessageId,
        contact_id: ContactId,
        (campaign, version): (CampaignId, u32),
        (class, template): (Class, &str),
        now: Millis,
    ) -> Self {
        Self {
            id,
            contact_id,
            campaign,
            version,
            enrollment: None,
            journey: String::new(),
            step: String::new(),
            broadcast: None,
            channel: match template.split_once('/') {
                Some(("sms", _)) => Channel::Sms,
                Some(("https:", _)) => Channel::Webhook,
                _ => Channel::Email,
            },
            class,
            purpose: String::new(),
            template: template.to_owned(),
            note: String::new(),
            state: MessageState::Queued,
            queued_at: now,
            send_at: now,
            attempts: 0,
            uncertain: false,
            sender: None,
            call: None,
            called_at: None,
            waited: false,
            opened_at: None,
            clicked_at: None,
            address: None,
            heard: Milestones::default(),
            spent: None,
        }
    }

    /// Whether it is a test: a message of a campaign that goes to our own people, to be looked at.
    pub fn is_test(&self) -> bool {
        self.class == Class::Internal && self.template.starts_with("emails/")
    }
}

/// The house's own templates, which no campaign has to bring.
pub mod house {
    /// The mail that asks for a confirmation of the address.
    pub const CONFIRM: &str = "house/confirm";
    /// The note of such a mail that asks about details of the contact too, and not about consent
    /// alone.
    pub const DETAILS: &str = "details";
    /// The notice to a campaign's owner.
    pub const NOTIFY: &str = "house/notify";
    /// The text that says that no more will come.
    pub const STOP: &str = "house/stop";
    /// The text that says who texts, and how to end it.
    pub const HELP: &str = "house/help";

    /// Whether it answers what somebody has texted, and so may go to a number that has stopped
    /// texts: the last word about that, and help, are owed to everybody (47 CFR 64.1200(a)(12)).
    pub fn answers_a_text(template: &str) -> bool {
        matches!(template, STOP | HELP)
    }
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Needs consent.
    Marketing,
    /// Asked for by what the contact just did; needs no consent.
    Transactional,
    /// To our own people, about the contact.
    Internal,
}

/// What was heard of a message after a provider took it, and when each was first heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Milestones {
    /// That it arrived.
    pub delivered_at: Option<Millis>,
    /// That it came back.
    pub bounced_at: Option<Millis>,
    /// That somebody called it spam.
    pub complained_at: Option<Millis>,
    /// That somebody unsubscribed by it.
    pub unsubscribed_at: Option<Millis>,
}

impl Milestones {
    /// Adds what is new; what was heard before stays.
    pub fn add(&mut self, new: Self) {
        self.delivered_at = self.delivered_at.or(new.delivered_at);
        self.bounced_at = self.bounced_at.or(new.bounced_at);
        self.complained_at = self.complained_at.or(new.complained_at);
        self.unsubscribed_at = self.unsubscribed_at.or(new.unsubscribed_at);
    }
}

/// The states of a message in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Waiting for `send_at`.
    Queued,
    /// Taken up by a delivery.
    Sending,
    /// Accepted by the provider.
    Sent,
    /// Arrived, says the provider.
    Delivered,
    /// Came back.
    Bounced,
    /// Somebody called it spam.
    Complained,
    /// Not sent, on purpose.
    Skipped,
    /// Not sent, by a fault that another attempt would not mend.
    Failed,
    /// Perhaps sent: the answer was lost, and the provider knows no idempotency key.
    Unknown,
}

impl MessageState {
    /// Whether it goes no further by itself.
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Sending)
    }

    /// Whether it has left, as far as we know.
    pub fn has_left(self) -> bool {
        matches!(self, Self::Sent | Self::Delivered | Self::Bounced | Self::Complained)
    }

    /// Where it goes when this is heard of it: forwards only, for what a provider tells comes in
    /// any order. One that did not leave, as far as we know, stays what it is.
    #[must_use]
    pub fn hearing(self, heard: Self) -> Self {
        let order = [Self::Sent, Self::Delivered, Self::Bounced, Self::Complained];
        let place = |state| order.iter().position(|known| *known == state);
        match (place(self), place(heard)) {
            (Some(here), Some(there)) if there > here => heard,
            _ => self,
        }
    }
}

/// Whether a message may leave now.
#[derive(Clone, Debug, PartialEq)]
pub enum Fence {
    /// To this address.
    Open(String),
    /// Not at all, and why.
    Closed(&'static str),
}

/// How often a message is tried before it fails.
pub const ATTEMPTS_MAX: u32 = 8;

/// Asks, just before the call, whether the message may leave: the last word of the contact counts.
pub fn fence(message: &Message, contact: &Contact, owner: &str) -> Fence {
    if contact.erased_at.is_some() {
        return Fence::Closed(ERASED);
    }
    if message.channel == Channel::Webhook {
        return Fence::Open(message.template.clone());
    }
    if message.class == Class::Internal {
        let to = if message.is_test() { &*message.note } else { owner };
        return Fence::Open(read_email(to).unwrap_or_else(|_| to.to_owned()));
    }
    let Some(address) = contact.address_on(message.channel) else {
        return Fence::Closed("no_address");
    };
    if contact.suppressed.get(&message.channel).is_some_and(|known| bars(known, message)) {
        return Fence::Closed("suppressed");
    }
    let asks_nothing = || !contact.consents.iter().any(Consent::waits_for_link);
    if message.template == house::CONFIRM && message.note != house::DETAILS && asks_nothing() {
        return Fence::Closed("nothing_to_confirm");
    }
    let passage = contact.enrollments.iter().find(|e| Some(&e.id) == message.enrollment.as_ref());
    if passage.is_some_and(Enrollment::has_left) {
        return Fence::Closed("left_journey");
    }
    let consents = contact.may_be_sent(message.channel, &message.purpose);
    if message.class == Class::Marketing && !consents {
        return Fence::Closed("no_consent");
    }
    Fence::Open(address.clone())
}

/// Whether a suppression holds a message back. Who refused once may be asked whether a new
/// agreement is theirs: without the question, nobody could ever come back. And who texts us is
/// answered.
fn bars(known: &Suppression, message: &Message) -> bool {
    let template = &message.template;
    known.reason != SuppressionReason::Unsubscribed
        || template != house::CONFIRM && !house::answers_a_text(template)
}

/// How long to wait after the `attempts`-th failure: 1 minute, doubled each time, at most 6 hours.
pub fn backoff(attempts: u32) -> Span {
    let minutes = 1_i64 << attempts.saturating_sub(1).min(9);
    Span::minutes(minutes.min(360))
}

/// A message as the local mailbox keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// The message's id: kept once, however often it is sent.
    pub id: String,
    /// `email` or `sms`.
    pub channel: String,
    /// From whom.
    pub sender: String,
    /// To whom.
    pub address: String,
    /// Empty for SMS.
    pub subject: String,
    /// Empty for SMS.
    pub html: String,
    /// The plain text.
    pub text: String,
    /// The mail headers, as a JSON object in text.
    pub headers: String,
    /// When it was kept.
    #[serde(default)]
    pub at: Millis,
}

#[cfg(test)]
mod tests {
    use super::super::consent::ConsentState;
    use super::super::journey::{EnrollmentState, GOAL_REASON};
    use super::*;

    /// What the fence says about a message of a passage that ended so.
    fn asked(state: EnrollmentState, reason: &str) -> Fence {
        let now = Millis(0);
        let mut contact = Contact::unknown(ContactId::from("c"), now);
        contact.email = Some("ann@example.com".to_owned());
        contact.put_consent(Consent {
            channel: Channel::Email,
            purpose: "news".to_owned(),
            state: ConsentState::Granted,
            double_opt_in: false,
            form: None,
            waiting: Vec::new(),
            was_refused: false,
            at: now,
        });
        contact.enrollments.push(Enrollment {
            id: EnrollmentId::from("e"),
            campaign: CampaignId::from("x"),
            version: 1,
            journey: "j".to_owned(),
            step: "s".to_owned(),
            steps_taken: 1,
            sent: <_>::default(),
            state,
            reason: reason.to_owned(),
            entry_key: None,
            entered_at: now,
            since: now,
            due_at: None,
        });
        let edition = (CampaignId::from("x"), 1);
        let kind = (Class::Marketing, "emails/a");
        let message = Message::queue(MessageId::from("m"), contact.id.clone(), edition, kind, now);
        let enrollment = Some(EnrollmentId::from("e"));
        let message = Message { enrollment, purpose: "news".to_owned(), ..message };
        fence(&message, &contact, "owner@example.com")
    }

    #[test]
    fn what_is_left_of_a_passage_that_ended_early_is_held_back() {
        let open = Fence::Open("ann@example.com".to_owned());
        assert_eq!(asked(EnrollmentState::Active, ""), open);
        assert_eq!(asked(EnrollmentState::Completed, ""), open);
        assert_eq!(asked(EnrollmentState::Completed, GOAL_REASON), Fence::Closed("left_journey"));
        assert_eq!(asked(EnrollmentState::Exited, "rule"), Fence::Closed("left_journey"));
    }
}
