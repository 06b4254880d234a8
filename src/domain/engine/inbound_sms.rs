//! Inbound SMS of a contact: STOP, HELP, or something for a person to read.

use super::Decider;
use crate::domain::base::primitives::{CampaignId, Channel, MessageId};
use crate::domain::contact::Contact;
use crate::domain::contact::consent::{Consent, ConsentState};
use crate::domain::contact::message_source::MessageSource;
use crate::domain::contact::suppression::{BY_TEXT, Suppression, SuppressionReason};
use crate::domain::engine::consent::Evidence;
use crate::domain::inbound::keyword::Keyword;
use crate::domain::inbound::sms::InboundSms;
use crate::domain::record::event::names;
use serde_json::json;

impl Decider<'_, Contact> {
    /// Applies an inbound SMS.
    pub(super) fn apply_inbound_sms(&mut self, sms: InboundSms, key: Option<String>) {
        let keyword = sms.keyword();
        let InboundSms { from, text, at, source, answers, .. } = sms;
        let properties = json!({ "channel": Channel::Sms, "keyword": keyword, "text": &text,
                                 "source": source });
        let at = at.min(self.now);
        self.record_keyed(names::MESSAGE_RECEIVED, None, properties, at, key);
        match keyword {
            Some(Keyword::Stop) => self.stop_texts(from, answers),
            Some(Keyword::Start) => self.start_texts(&from, &text),
            Some(Keyword::Help) if answers => {
                // At most one an hour, so that two auto-responders do not answer each other for
                // ever.
                let hour = self.now.0 / 3_600_000;
                self.answer_text(MessageSource::HelpReply, &format!("help.{hour}"));
            }
            _ => {}
        }
    }

    /// Handles STOP: withdraws every consent on SMS and suppresses the number for good. Confirms it
    /// once.
    fn stop_texts(&mut self, from: String, answers: bool) {
        let was_stopped = self.subject.suppressed.contains_key(&Channel::Sms);
        self.withdraw(Channel::Sms, &Evidence { source: BY_TEXT, message: None, origin_hash: "" });
        self.suppress(Suppression::by_text(&from, self.now), json!({}));
        if answers && !was_stopped {
            self.answer_text(MessageSource::StopReply, &format!("stop.{}", self.subject.seq));
        }
    }

    /// Handles START: ends the refusal of this number. Consents that STOP withdrew, or that a form
    /// asked for since, are granted again, with the text of the SMS as evidence. No other consent
    /// is, and START does not lift any other kind of suppression.
    fn start_texts(&mut self, from: &str, text: &str) {
        let known = self.subject.suppressed.get(&Channel::Sms);
        let is_refusal = |known: &&Suppression| known.reason == SuppressionReason::Unsubscribed;
        let refused_at = known.filter(is_refusal).map(|known| known.at);
        if known.is_some() && refused_at.is_none() || self.subject.phone.as_deref() != Some(from) {
            return;
        }
        let is_meant = |c: &&Consent| {
            let is_stopped = c.state == ConsentState::Withdrawn && Some(c.at) == refused_at;
            c.channel == Channel::Sms && (is_stopped || c.is_pending() && c.was_refused)
        };
        let consents = self.subject.consents.iter();
        let consents: Vec<Consent> = consents.filter(is_meant).cloned().collect();
        self.end_refusal(Channel::Sms, BY_TEXT);
        for consent in consents {
            let by = Evidence { source: BY_TEXT, message: None, origin_hash: "" };
            self.confirm_one(consent, text, &by);
        }
    }

    /// Queues a built-in SMS, in the name of the campaign most relevant to the contact.
    fn answer_text(&mut self, reply: MessageSource, id: &str) {
        let Some(campaign) = self.campaign_of_texts() else { return };
        let Some(published) = self.catalog.live_version(&campaign) else { return };
        let id = MessageId(format!("{}.{id}", self.subject.id));
        self.queue_message(id, campaign, published.version, reply);
    }

    /// Returns the live campaign whose form last asked for SMS, or else that of the newest touch,
    /// or else any.
    fn campaign_of_texts(&self) -> Option<CampaignId> {
        let is_live = |id: &CampaignId| self.catalog.live_version(id).is_some();
        let texts = self.subject.consents.iter().rev().filter(|c| c.channel == Channel::Sms);
        let asked = texts.filter_map(|consent| Some(consent.form.as_ref()?.parts()?.0));
        let seen =
            self.subject.touches.iter().rev().map(|touch| CampaignId(touch.campaign.clone()));
        let any = self.catalog.live().map(|published| published.id().clone());
        asked.chain(seen).chain(any).find(is_live)
    }
}
