//! What happened, folded into the contact.

use super::{Decider, ERASED, Happening, Outcome, Reported, Submitted, TestAsked};
use crate::domain::attribution;
use crate::domain::change::{Change, Metric};
use crate::domain::consent::{Consent, ConsentRecord, ConsentState};
use crate::domain::contact::Contact;
use crate::domain::event::names;
use crate::domain::form::ConsentAsk;
use crate::domain::message::{Class, Message, MessageState, Milestones, house};
use crate::domain::primitives::{CampaignId, Channel, MessageId, Millis, QualifiedId};
use serde_json::{Value, json};

impl Decider<'_> {
    pub(super) fn apply(&mut self, happening: Happening) {
        let key = happening.key();
        match happening {
            Happening::TimePassed => {}
            Happening::Submitted(submitted) => self.apply_submission(&submitted),
            Happening::Reported(reported) => self.apply_report(reported),
            Happening::Delivered { message, outcome, .. } => {
                if let Some(message) = self.contact.messages.get(&message).cloned() {
                    self.apply_delivery(&message, outcome, key);
                }
            }
            Happening::Engaged(message, engagement) => {
                if let Some(message) = self.contact.messages.get(&message).cloned() {
                    self.apply_engagement(&message, engagement);
                }
            }
            Happening::Heard(message, heard) => {
                if let Some(message) = self.contact.messages.get(&message).cloned() {
                    self.hear(&message, heard);
                }
            }
            Happening::Rejudged(message) => {
                if let Some(message) = self.contact.messages.get(&message).cloned() {
                    self.rejudge(&message);
                }
            }
            Happening::TestAsked(asked) => self.apply_test(asked, key),
            Happening::Confirmed { purpose, origin_hash } => {
                self.apply_confirmation(&purpose, &origin_hash);
            }
            Happening::Unsubscribed { channel, message, origin_hash } => {
                if let Some(message) = self.contact.messages.get(&message).cloned() {
                    self.unsubscribed_by(&message, self.now, None);
                }
                self.withdraw(channel, &message, "unsubscribe link", &origin_hash);
            }
        }
    }

    /// A form: the contact's profile, touch, consent, and the counters of the campaign.
    fn apply_submission(&mut self, submitted: &Submitted) {
        let Some((campaign, _)) = submitted.form.parts() else { return };
        let is_new = self.contact.seq == 0;
        let is_lead = !self.contact.touches.iter().any(|t| t.campaign == campaign.0);
        self.fill_profile(submitted);

        let (channel, part) = (submitted.touch.channel.clone(), submitted.touch.part());
        attribution::remember(&mut self.contact.touches, submitted.touch.clone());
        let granted = submitted.agreed.as_ref().map(|ask| self.grant(submitted, ask));
        let pending = granted == Some(ConsentState::Granted)
            && submitted.agreed.as_ref().is_some_and(|ask| self.waits_for_owner(ask));

        // The answers stay in the event, so that nothing a visitor wrote is ever lost.
        let properties = json!({
            "form": submitted.form, "page": submitted.touch.page,
            "variant": submitted.touch.variant, "channel": submitted.touch.channel,
            "lead": is_lead, "new": is_new, "pending": pending,
            "phone": submitted.phone, "answers": submitted.attributes,
        });
        let key = Some(submitted.key.clone());
        self.record_keyed(names::FORM_SUBMITTED, Some(&campaign), properties, submitted.at, key);
        if let Some(ask) = &submitted.agreed {
            self.record_grant(submitted, ask, &campaign);
        }
        if pending {
            self.ask_for_confirmation(&campaign, submitted);
        }
        if is_lead {
            self.count(&campaign, Metric::Leads, &channel, &part, 1);
        }
        if is_new {
            self.count(&campaign, Metric::Contacts, &channel, &part, 1);
        }
    }

    /// Fills in what was given; what was not given stays as it was.
    fn fill_profile(&mut self, submitted: &Submitted) {
        let contact = &mut self.contact;
        if submitted.email.is_some() {
            contact.email.clone_from(&submitted.email);
        }
        match &submitted.phone {
            Some(phone) if keeps_its_phone(contact, submitted) => {
                contact.set_attribute("phone_given", phone.as_str().into());
            }
            Some(phone) => contact.phone = Some(phone.clone()),
            None => {}
        }
        if contact.locale.is_none() {
            contact.locale = Some(submitted.locale.clone());
        }
        for (name, value) in &submitted.attributes {
            contact.set_attribute(name, value.clone());
        }
    }

    /// Raises each consent to what was agreed, never lowering one; returns the state for e-mail.
    fn grant(&mut self, submitted: &Submitted, ask: &ConsentAsk) -> ConsentState {
        for channel in &ask.channels {
            let known = self.contact.consent(*channel, &ask.purpose);
            if known.is_some_and(Consent::allows) {
                continue;
            }
            let double_opt_in = ask.double_opt_in && *channel == Channel::Email;
            self.contact.put_consent(Consent {
                channel: *channel,
                purpose: ask.purpose.clone(),
                state: ConsentState::Granted,
                double_opt_in,
                form: Some(submitted.form.clone()),
                at: submitted.at,
            });
        }
        let email = self.contact.consent(Channel::Email, &ask.purpose);
        email.map_or(ConsentState::Granted, |consent| consent.state)
    }

    /// Whether an e-mail address has to be confirmed first; who gave none has nothing to confirm.
    fn waits_for_owner(&self, ask: &ConsentAsk) -> bool {
        self.contact.email.is_some()
            && ask.channels.contains(&Channel::Email)
            && self.contact.awaits_confirmation(&ask.purpose)
    }

    fn record_grant(&mut self, submitted: &Submitted, ask: &ConsentAsk, campaign: &CampaignId) {
        let properties = json!({ "purpose": ask.purpose, "channels": ask.channels,
                                 "form": submitted.form });
        self.record(names::CONSENT_GRANTED, Some(campaign), properties);
        for channel in &ask.channels {
            self.put_on_record(
                *channel,
                &ask.purpose,
                ConsentState::Granted,
                &submitted.form.0,
                &ask.text,
                &submitted.origin_hash,
            );
        }
    }

    /// One entry of the ledger, under the event recorded last.
    fn put_on_record(
        &mut self,
        channel: Channel,
        purpose: &str,
        state: ConsentState,
        source: &str,
        text: &str,
        origin_hash: &str,
    ) {
        self.changes.push(Change::Consent(ConsentRecord {
            seq: self.contact.seq,
            channel,
            purpose: purpose.to_owned(),
            state,
            source: source.to_owned(),
            text: text.to_owned(),
            origin_hash: origin_hash.to_owned(),
            at: self.now,
        }));
    }

    /// Queues the mail with the confirmation link. Its id is derived from the contact and the
    /// hour, so that a list-bomber's many posts cause one mail an hour.
    fn ask_for_confirmation(&mut self, campaign: &CampaignId, submitted: &Submitted) {
        let Some(edition) = self.catalog.live_edition(campaign) else { return };
        let purpose = submitted.agreed.as_ref().map(|a| a.purpose.clone()).unwrap_or_default();
        let hour = self.now.0 / 3_600_000;
        let id = MessageId(format!("{}.confirm.{purpose}.{hour}", self.contact.id));
        let edition = (campaign.clone(), edition.version);
        let kind = (Class::Transactional, house::CONFIRM);
        let message = Message::queue(id, self.contact.id.clone(), edition, kind, self.now);
        self.changes.push(Change::Queue(Message { purpose, ..message }));
    }

    /// What the customer's own system tells.
    fn apply_report(&mut self, reported: Reported) {
        let key = Some(reported.key);
        let properties = Value::Object(reported.properties);
        // What is told has happened, whatever the teller's clock shows: a date in the future
        // would count as recent for as long.
        let at = reported.at.min(self.now);
        self.record_keyed(&reported.name, None, properties, at, key);
    }

    /// Queues a test of a message of the live version. It is on record with the contact whose data
    /// it shows; the address of our own people is in the ledger only.
    fn apply_test(&mut self, asked: TestAsked, key: Option<String>) {
        let TestAsked { message, campaign, template, to } = asked;
        let Some(edition) = self.catalog.live_edition(&campaign) else { return };
        let properties = json!({ "message": message, "template": template });
        self.record_keyed(names::MESSAGE_TEST_ASKED, Some(&campaign), properties, self.now, key);
        let edition = (campaign, edition.version);
        let kind = (Class::Internal, template.as_str());
        let message = Message::queue(message, self.contact.id.clone(), edition, kind, self.now);
        self.changes.push(Change::Queue(Message { note: to, ..message }));
    }

    /// How a delivery ended: the ledger, an event, the counters. A worker that comes with its
    /// outcome after its claim has lapsed and another has ended the message changes nothing, but
    /// that an unclear message was taken after all is news.
    fn apply_delivery(&mut self, message: &Message, outcome: Outcome, key: Option<String>) {
        let settles =
            message.state == MessageState::Unknown && matches!(outcome, Outcome::Accepted { .. });
        if message.state.is_over() && !settles {
            return;
        }
        let (state, name, reason, provider_id) = match outcome {
            Outcome::Accepted { provider_id, arrived } => {
                let state = if arrived { MessageState::Delivered } else { MessageState::Sent };
                (state, names::MESSAGE_SENT, String::new(), Some(provider_id))
            }
            Outcome::Skipped(why) => {
                (MessageState::Skipped, names::MESSAGE_SKIPPED, why.to_owned(), None)
            }
            Outcome::Failed(why) => (MessageState::Failed, names::MESSAGE_FAILED, why, None),
            Outcome::Unknown(why) => (MessageState::Unknown, names::MESSAGE_UNKNOWN, why, None),
        };
        // A provider's words may name the address.
        let is_erased = self.contact.erased_at.is_some() && !reason.is_empty();
        let reason = if is_erased { ERASED.to_owned() } else { reason };
        let accepted = provider_id.is_some();
        let mut properties = facts(message);
        if !reason.is_empty() {
            properties["reason"] = Value::from(reason.clone());
        }
        let campaign = Some(&message.campaign);
        // No journey and no rule takes a test for the message itself.
        let name = if message.is_test() { names::MESSAGE_TESTED } else { name };
        self.record_keyed(name, campaign, properties.clone(), self.now, key);
        let delivered_at = (state == MessageState::Delivered).then_some(self.now);
        let heard = Milestones { delivered_at, ..<_>::default() };
        let state_now = Some(state);
        let change =
            MessageChange { state: state_now, reason, provider_id, heard, ..<_>::default() };
        self.move_message(message, change);
        if accepted {
            self.count_if_marketing(message, Metric::Sent);
        }
        if state == MessageState::Delivered && !message.is_test() {
            self.record(names::MESSAGE_DELIVERED, campaign, properties);
            self.count_if_marketing(message, Metric::Delivered);
        }
    }

    pub(super) fn count_message(&mut self, message: &Message, metric: Metric) {
        let channel = message.channel.as_str();
        self.count(&message.campaign, metric, channel, &message.template, 1);
    }

    /// Counts a message once more, if it is one that campaigns are judged by.
    pub(super) fn count_if_marketing(&mut self, message: &Message, metric: Metric) {
        if message.class == Class::Marketing {
            self.count_message(message, metric);
        }
    }

    pub(super) fn move_message(&mut self, message: &Message, change: MessageChange) {
        let MessageChange { state, reason, provider_id, opened_at, clicked_at, heard } = change;
        if let Some(row) = self.contact.messages.get_mut(&message.id) {
            row.opened_at = row.opened_at.or(opened_at);
            row.clicked_at = row.clicked_at.or(clicked_at);
            row.heard.add(heard);
            row.state = state.unwrap_or(row.state);
        }
        let id = message.id.clone();
        self.changes.push(Change::Message {
            id,
            state,
            reason,
            provider_id,
            opened_at,
            clicked_at,
            heard,
        });
    }

    /// The owner of the address said yes: what was granted for the purpose counts from now on.
    fn apply_confirmation(&mut self, purpose: &str, origin_hash: &str) {
        let Some(consent) = self.contact.consent(Channel::Email, purpose).cloned() else { return };
        if consent.state != ConsentState::Granted {
            return;
        }
        let form = consent.form.clone().unwrap_or_else(|| QualifiedId::from(""));
        let campaign = form.parts().map(|(campaign, _)| campaign);
        self.contact.put_consent(Consent {
            state: ConsentState::Confirmed,
            at: self.now,
            ..consent
        });
        let properties = json!({ "purpose": purpose, "form": form });
        self.record(names::CONSENT_CONFIRMED, campaign.as_ref(), properties);
        self.put_on_record(
            Channel::Email,
            purpose,
            ConsentState::Confirmed,
            "confirmation link",
            "",
            origin_hash,
        );
    }

    /// Takes back every consent on a channel. Said again, it changes nothing. `source` is where it
    /// was said.
    pub(super) fn withdraw(
        &mut self,
        channel: Channel,
        message: &MessageId,
        source: &str,
        origin_hash: &str,
    ) {
        let withdrawn: Vec<Consent> = self
            .contact
            .consents
            .iter()
            .filter(|c| c.channel == channel && c.state != ConsentState::Withdrawn)
            .cloned()
            .collect();
        for consent in withdrawn {
            let purpose = consent.purpose.clone();
            self.contact.put_consent(Consent {
                state: ConsentState::Withdrawn,
                at: self.now,
                ..consent
            });
            let properties = json!({ "purpose": purpose, "channel": channel, "message": message });
            self.record(names::CONSENT_WITHDRAWN, None, properties);
            self.put_on_record(channel, &purpose, ConsentState::Withdrawn, source, "", origin_hash);
        }
    }
}

/// Whether a number that may be written to stays: another takes its place only together with an
/// agreement of its own, or a stranger's number would inherit what was agreed to for this one.
fn keeps_its_phone(contact: &Contact, submitted: &Submitted) -> bool {
    let consents = contact.consents.iter();
    let may_be_texted = consents.filter(|c| c.channel == Channel::Sms).any(Consent::allows);
    let agrees = submitted.agreed.as_ref().is_some_and(|a| a.channels.contains(&Channel::Sms));
    contact.phone.is_some() && contact.phone != submitted.phone && may_be_texted && !agrees
}

/// What moves on in a message's ledger row.
#[derive(Default, PartialEq)]
pub(super) struct MessageChange {
    pub(super) state: Option<MessageState>,
    pub(super) reason: String,
    pub(super) provider_id: Option<String>,
    pub(super) opened_at: Option<Millis>,
    pub(super) clicked_at: Option<Millis>,
    pub(super) heard: Milestones,
}

/// The properties that every event about a message has.
pub(super) fn facts(message: &Message) -> Value {
    json!({
        "message": message.id, "channel": message.channel, "template": message.template,
        "journey": message.journey, "step": message.step, "enrollment": message.enrollment,
    })
}
