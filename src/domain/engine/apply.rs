//! Applies an input to the record.

use super::{Decidable, Decider, Input, Outcome, RecordInput, Submitted, TestSendRequested};
use crate::domain::base::primitives::{CampaignId, Channel, MessageId, Millis};
use crate::domain::contact::Contact;
use crate::domain::contact::ERASED;
use crate::domain::contact::claim::{self, CLAIMS, Claims};
use crate::domain::contact::message::{Class, DeliveryTimestamps, Message, MessageState};
use crate::domain::contact::message_source::{MessageSource, SourceColumns};
use crate::domain::contact::touch;
use crate::domain::engine::change::{Change, MessagePatch, Metric};
use crate::domain::engine::consent::{CONFIRM_LINK, Evidence, Granted, UNSUBSCRIBE_LINK};
use crate::domain::engine::lists::from_form;
use crate::domain::inbound::custom_event::{API_KEY, CustomEvent};
use crate::domain::record::event::names;
use serde_json::{Value, json};

impl Decider<'_, Contact> {
    pub(super) fn apply(&mut self, input: Input) {
        let key = input.key();
        match input {
            Input::Record(input) => self.apply_record(input),
            Input::Submitted(submitted) => self.apply_submission(&submitted),
            Input::Delivered { message, outcome, .. } => {
                if let Some(message) = self.messages.get(&message).cloned() {
                    self.apply_delivery(&message, outcome, key);
                }
            }
            Input::Engaged(engagement) => {
                if let Some(message) = self.messages.get(&engagement.message).cloned() {
                    self.apply_engagement(&message, engagement);
                }
            }
            Input::Broadcast(turn) => self.send_to(&turn),
            Input::DeliveryReport(message, report) => {
                if let Some(message) = self.messages.get(&message).cloned() {
                    self.apply_delivery_report(&message, report);
                }
            }
            Input::InboundSms(sms) => self.apply_inbound_sms(sms, key),
            Input::Reclassified(message) => {
                if let Some(message) = self.messages.get(&message).cloned() {
                    self.reclassify(&message);
                }
            }
            Input::TestSendRequested(test) => self.apply_test(test, key),
            Input::Confirmed { shown_at, details, message, origin_hash } => {
                if let Some(claims) = details {
                    self.take_claims(claims, shown_at, &message);
                }
                self.confirm(shown_at, &Evidence::link(CONFIRM_LINK, &message, &origin_hash));
            }
            Input::Suppressed(suppression) => self.suppress(suppression, json!({})),
            Input::Released(release) => {
                self.release(release.channel, &release.by, &release.note);
            }
            Input::Chose(choice) => self.update_preferences(*choice),
            Input::Positioned(edit) => self.apply_position(edit),
            Input::LeftCompany { company, by } => self.end_position(&company, &by),
            Input::CompanyFound { name, company } => self.join_named(&name, company),
            Input::Unsubscribed { channel, message, origin_hash } => {
                if let Some(message) = self.messages.get(&message).cloned() {
                    self.unsubscribed_by(&message, self.now, None);
                }
                self.withdraw(channel, &Evidence::link(UNSUBSCRIBE_LINK, &message, &origin_hash));
            }
        }
    }

    /// Applies a submission: the contact's profile, touch and consents, and the campaign's
    /// counters.
    fn apply_submission(&mut self, submitted: &Submitted) {
        let Some((campaign, _)) = submitted.form.parts() else { return };
        let is_new = self.subject.seq == 0;
        let is_lead = !self.subject.touches.iter().any(|t| t.campaign == campaign.0);
        let claims = match is_new {
            true => self.take_profile(submitted),
            false => self.fill_profile(submitted),
        };

        let (channel, part) = (submitted.touch.channel.clone(), submitted.touch.part());
        touch::remember(&mut self.subject.touches, submitted.touch.clone());
        let granted: Vec<Granted> =
            submitted.agreed.iter().map(|ask| self.grant(submitted, ask)).collect();

        // The answers stay in the event, so that nothing a visitor entered is ever lost.
        let mut properties = json!({
            "form": submitted.form, "page": submitted.touch.page,
            "variant": submitted.touch.variant, "channel": submitted.touch.channel,
            "lead": is_lead, "new": is_new,
            "pending": granted.iter().any(|granted| granted.is_held),
            "phone": submitted.phone, "answers": submitted.attributes,
        });
        // If the owner is asked about consent anyway, the same message asks about the claims too.
        let asks_details = submitted.agreed.iter().any(|ask| ask.double_opt_in)
            && submitted.email.is_some()
            && !claims.is_empty();
        if !claims.is_empty() {
            properties[CLAIMS] = Value::Object(claims);
        }
        let key = Some(submitted.key.clone());
        self.record_keyed(names::FORM_SUBMITTED, Some(&campaign), properties, submitted.at, key);
        for ask in &submitted.agreed {
            self.record_grant(submitted, ask, &campaign);
        }
        if let Some(list) = &submitted.list {
            self.join_list(list, &from_form(&submitted.form), Some(&campaign));
        }
        if asks_details {
            self.ask_for_confirmation(&campaign, true);
        } else if granted.iter().any(|granted| granted.asks_owner) {
            self.ask_for_confirmation(&campaign, false);
        }
        if is_lead {
            self.count(&campaign, Metric::Leads, &channel, &part, 1);
        }
        if is_new {
            self.count(&campaign, Metric::Contacts, &channel, &part, 1);
        }
    }

    /// Fills the profile of a new contact from the form.
    fn take_profile(&mut self, submitted: &Submitted) -> Claims {
        let contact = &mut self.subject;
        contact.email = submitted.email.clone().or(contact.email.take());
        contact.phone = submitted.phone.clone().or(contact.phone.take());
        for (name, value) in &submitted.attributes {
            contact.set_attribute(name, value.clone());
        }
        contact.locale.get_or_insert_with(|| submitted.locale.clone());
        Claims::new()
    }

    /// Fills what is unknown of a known contact from the form. An address, or a value that differs
    /// from a known one, is only claimed: anybody can type anybody's address. Returns the claims.
    fn fill_profile(&mut self, submitted: &Submitted) -> Claims {
        let contact = &mut self.subject;
        let mut claims = Claims::new();
        if let Some(phone) = &submitted.phone
            && contact.phone.as_ref() != Some(phone)
        {
            claims.insert(claim::PHONE.to_owned(), phone.as_str().into());
        }
        for (name, value) in &submitted.attributes {
            match claim::is_claim(contact, name, value) {
                true => _ = claims.insert(name.clone(), value.clone()),
                false => contact.set_attribute(name, value.clone()),
            }
        }
        contact.locale.get_or_insert_with(|| submitted.locale.clone());
        claims
    }

    /// Applies the claims that the owner of the mailbox has seen and accepted.
    fn take_claims(&mut self, claims: Claims, shown_at: Millis, message: &MessageId) {
        for (name, value) in &claims {
            match (name.as_str(), value.as_str()) {
                (claim::PHONE, Some(phone)) => {
                    // What is known of the old number says nothing about this one.
                    self.subject.phone = Some(phone.to_owned());
                    self.subject.suppressed.remove(&Channel::Sms);
                    self.subject.soft_bounces.remove(&Channel::Sms);
                }
                _ => self.subject.set_attribute(name, value.clone()),
            }
        }
        let properties = json!({ CLAIMS: claims, claim::UNTIL: shown_at, "message": message });
        self.record(names::CONTACT_UPDATED, None, properties);
    }

    /// Queues a test of a message of the live version. The test is recorded with the contact whose
    /// data it shows; the test address is in the ledger only.
    fn apply_test(&mut self, test: TestSendRequested, key: Option<String>) {
        let TestSendRequested { message, campaign, template, to } = test;
        let Some(published) = self.catalog.live_version(&campaign) else { return };
        let properties = json!({ "message": message, "template": template });
        self.record_keyed(
            names::MESSAGE_TEST_REQUESTED,
            Some(&campaign),
            properties,
            self.now,
            key,
        );
        let source = MessageSource::Test { template, to };
        self.queue_message(message, campaign, published.version, source);
    }

    /// Applies the outcome of a delivery: to the ledger, as an event, to the counters. If the
    /// worker's claim has lapsed and another worker has already ended the message, nothing changes,
    /// except that an unknown outcome may still become accepted.
    fn apply_delivery(&mut self, message: &Message, outcome: Outcome, key: Option<String>) {
        let settles =
            message.state == MessageState::Unknown && matches!(outcome, Outcome::Accepted { .. });
        let taken = match &outcome {
            Outcome::Accepted { spent, .. } | Outcome::Unknown { spent, .. } => *spent,
            _ => None,
        };
        if message.state.is_over() && !settles {
            // The provider's report came first, and did not state the cost.
            if let Some(spent) =
                taken.filter(|_| message.spent.is_none() && message.state.was_sent())
            {
                self.correct_sms_cost(message, spent);
            }
            return;
        }
        let (state, name, reason, provider_id) = match outcome {
            Outcome::Accepted { provider_id, arrived, .. } => {
                let state = if arrived { MessageState::Delivered } else { MessageState::Sent };
                (state, names::MESSAGE_SENT, String::new(), Some(provider_id))
            }
            Outcome::Skipped(why) => {
                (MessageState::Skipped, names::MESSAGE_SKIPPED, why.to_owned(), None)
            }
            Outcome::Failed(why) => (MessageState::Failed, names::MESSAGE_FAILED, why, None),
            Outcome::Unknown { reason, .. } => {
                (MessageState::Unknown, names::MESSAGE_UNKNOWN, reason, None)
            }
        };
        // A provider's error text may contain the address.
        let is_erased = self.subject.erased_at.is_some() && !reason.is_empty();
        let reason = if is_erased { ERASED.to_owned() } else { reason };
        let accepted = provider_id.is_some();
        let mut properties = facts(message);
        if !reason.is_empty() {
            properties["reason"] = Value::from(reason.clone());
        }
        if let Some(spent) = taken.filter(|_| accepted) {
            self.count_spent(message, spent, &mut properties);
        }
        let campaign = Some(&message.campaign);
        // A test must not match journeys and rules that look for the message itself.
        let name = if message.is_test() { names::MESSAGE_TESTED } else { name };
        self.record_keyed(name, campaign, properties.clone(), self.now, key);
        let delivered_at = (state == MessageState::Delivered).then_some(self.now);
        let reported = DeliveryTimestamps { delivered_at, ..<_>::default() };
        let patch = MessagePatch {
            state: Some(state),
            reason,
            provider_id,
            reported,
            spent: taken,
            ..<_>::default()
        };
        self.patch_message(message, patch);
        if accepted {
            self.count_if_marketing(message, Metric::Sent);
        }
        if state == MessageState::Delivered && !message.is_test() {
            self.record(names::MESSAGE_DELIVERED, campaign, properties);
            self.count_if_marketing(message, Metric::Delivered);
        }
    }

    pub(super) fn count_message(&mut self, message: &Message, metric: Metric) {
        let channel = message.channel();
        self.count(&message.campaign, metric, channel.as_str(), &message.part(), 1);
    }

    /// Counts a message, if it is marketing.
    pub(super) fn count_if_marketing(&mut self, message: &Message, metric: Metric) {
        if message.class() == Class::Marketing {
            self.count_message(message, metric);
        }
    }

    /// Updates a message's ledger row, here and in the ledger.
    pub(super) fn patch_message(&mut self, message: &Message, patch: MessagePatch) {
        if let Some(row) = self.messages.get_mut(&message.id) {
            row.opened_at = row.opened_at.or(patch.opened_at);
            row.clicked_at = row.clicked_at.or(patch.clicked_at);
            row.reported.add(patch.reported);
            row.spent = patch.spent.or(row.spent);
            row.state = patch.state.unwrap_or(row.state);
        }
        self.changes.push(Change::Message(message.id.clone(), patch));
    }
}

impl<S: Decidable> Decider<'_, S> {
    /// Applies what may happen to a record of any kind.
    pub(super) fn apply_record(&mut self, input: RecordInput) {
        let key = input.key();
        match input {
            RecordInput::TimePassed => {}
            RecordInput::CustomEvent(reported) => self.apply_report(reported),
            RecordInput::Conflicted(reported) => self.refuse_report(reported, key),
            RecordInput::Edited(edit) => self.apply_edit(*edit),
            RecordInput::Listed(listing) => self.apply_listing(*listing),
            RecordInput::Imported(row) => self.apply_import(*row),
        }
    }

    /// Applies an event reported by the customer's own system.
    fn apply_report(&mut self, reported: CustomEvent) {
        let (key, content) = (Some(reported.key), reported.content);
        let properties = Value::Object(reported.properties);
        // A reported event has happened, whatever the reporting clock shows: a date in the future
        // would count as recent for too long.
        let at = reported.at.min(self.now);
        self.record_reported(&reported.name, properties, at, key, content);
    }

    /// Records a report whose id was already used for a different event. It does not count as an
    /// event of the contact, but it is not dropped silently either.
    fn refuse_report(&mut self, reported: CustomEvent, key: Option<String>) {
        let CustomEvent { name, at, properties, .. } = reported;
        let id = reported.key.strip_prefix(API_KEY).unwrap_or_default();
        let properties = json!({ "id": id, "event": name, "at": at, "told": properties,
                                 "reason": "id_used_for_another_event" });
        self.record_keyed(names::CONTACT_REPORT_REFUSED, None, properties, self.now, key);
    }

    /// Queues a message about this record, to be sent as soon as possible.
    pub(super) fn queue_message(
        &mut self,
        id: MessageId,
        campaign: CampaignId,
        version: u32,
        source: MessageSource,
    ) {
        let contact = self.subject.id.clone();
        let message = Message::queue(id, contact, campaign, version, source, self.now);
        self.changes.push(Change::Queue(Box::new(message)));
    }
}

/// Returns the properties that every event about a message has.
pub(super) fn facts(message: &Message) -> Value {
    let SourceColumns { enrollment, journey, step, broadcast, template, .. } =
        message.source.columns();
    let mut facts = json!({
        "message": message.id, "channel": message.channel(), "template": template,
        "journey": journey, "step": step, "enrollment": enrollment,
    });
    if let Some(broadcast) = broadcast {
        facts["broadcast"] = Value::from(broadcast);
    }
    facts
}
