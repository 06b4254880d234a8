//! Consents that are granted, confirmed and withdrawn: the contact's state and the consent ledger.

use super::{Agreement, Decider, PreferenceUpdate, SENDERS_ZONE, Submitted};
use crate::domain::base::primitives::{CampaignId, Channel, MessageId, Millis, QualifiedId};
use crate::domain::base::token::sha256_hex;
use crate::domain::contact::Contact;
use crate::domain::contact::DO_NOT_TRACK;
use crate::domain::contact::consent::{self, Consent, ConsentRecord, ConsentState, LawfulBasis};
use crate::domain::contact::message::Message;
use crate::domain::contact::message_source::MessageSource;
use crate::domain::contact::suppression::{Release, SuppressionReason};
use crate::domain::engine::change::{Change, Withdrawal};
use crate::domain::form::ConsentCheckbox;
use crate::domain::record::event::names;
use serde_json::json;

/// The source of consents confirmed by the link of a confirmation mail.
pub(super) const CONFIRM_LINK: &str = "confirmation link";
/// The source of consents withdrawn by the link of a message.
pub(super) const UNSUBSCRIBE_LINK: &str = "unsubscribe link";

/// The most forms that wait for one confirmation; more come from a bot.
const FORMS_WAITING_MAX: usize = 10;

/// What follows from a ticked box.
#[derive(Default)]
pub(super) struct Granted {
    /// Whether the form's journeys wait for the owner of the e-mail address.
    pub(super) is_held: bool,
    /// Whether to send the owner a confirmation mail.
    pub(super) asks_owner: bool,
}

/// The source of a consent, and its evidence.
pub(super) struct Evidence<'a> {
    /// Such as `confirmation link` or `unsubscribe link`.
    pub(super) source: &'a str,
    /// The message whose link was used.
    pub(super) message: Option<&'a MessageId>,
    /// A keyed hash of the network address of the request.
    pub(super) origin_hash: &'a str,
}

impl<'a> Evidence<'a> {
    pub(super) fn link(source: &'a str, message: &'a MessageId, origin_hash: &'a str) -> Self {
        Self { source, message: Some(message), origin_hash }
    }
}

impl Decider<'_, Contact> {
    /// Raises each consent to what a form agreed to, and never lowers one. A form does not prove
    /// who sent it. So a consent counts at once only for an address that the form itself names, and
    /// only if the owner has not refused. Otherwise it waits for a proof.
    pub(super) fn grant(&mut self, submitted: &Submitted, ask: &ConsentCheckbox) -> Granted {
        let mut granted = Granted::default();
        for channel in &ask.channels {
            let known = self.subject.consent(*channel, &ask.purpose);
            if known.is_some_and(Consent::allows) {
                continue;
            }
            let is_email = *channel == Channel::Email;
            let is_named = self.is_named(submitted, *channel);
            let was_refused = self.subject.has_refused(*channel, &ask.purpose);
            let double_opt_in = was_refused || !is_named || is_email && ask.double_opt_in;
            // A journey that starts without this consent must not start again when it is confirmed.
            let holds = is_email && is_named;
            let form = Some(submitted.form.clone()).filter(|_| holds || !double_opt_in);
            let known = known.filter(|known| known.is_pending());
            let is_known = known.is_some_and(|known| {
                known.form == form || known.forms_waiting().contains(&submitted.form)
            });
            let mut waiting = known.map(Consent::forms_waiting).unwrap_or_default();
            waiting.retain(|form| *form != submitted.form);
            waiting.truncate(FORMS_WAITING_MAX - 1);
            // The same form sent again asks for nothing new. Keeping the older time means that a
            // question that is on screen meanwhile can still be answered.
            let at = known.filter(|_| is_known).map_or(submitted.at, |known| known.at);
            let consent = Consent {
                channel: *channel,
                purpose: ask.purpose.clone(),
                state: ConsentState::Granted,
                double_opt_in,
                form,
                waiting,
                was_refused,
                at,
            };
            // Without an e-mail address there is nobody who could confirm.
            let has_owner = self.subject.email.is_some();
            granted.is_held |= has_owner && holds && double_opt_in;
            granted.asks_owner |= has_owner && double_opt_in && consent.waits_for_link();
            self.subject.put_consent(consent);
        }
        granted
    }

    /// Returns whether a form names the contact's own address on a channel. If the contact has
    /// none, and none was given, there is nothing to protect.
    fn is_named(&self, submitted: &Submitted, channel: Channel) -> bool {
        let given = match channel {
            Channel::Email => &submitted.email,
            Channel::Sms => &submitted.phone,
            Channel::Webhook => &None,
        };
        let is_former = |given: &String| {
            self.subject.had(|was| [&was.email, &was.phone].contains(&&Some(given.clone())))
        };
        given.as_ref() == self.subject.address_on(channel) || given.as_ref().is_some_and(is_former)
    }

    pub(super) fn record_grant(
        &mut self,
        submitted: &Submitted,
        ask: &ConsentCheckbox,
        campaign: &CampaignId,
    ) {
        let properties = json!({ "purpose": ask.purpose, "channels": ask.channels,
                                 "form": submitted.form });
        self.record(names::CONSENT_GRANTED, Some(campaign), properties);
        for channel in &ask.channels {
            self.changes.push(Change::Consent(ConsentRecord {
                seq: self.subject.seq,
                channel: *channel,
                purpose: ask.purpose.clone(),
                state: ConsentState::Granted,
                source: submitted.form.0.clone(),
                form: Some(submitted.form.clone()),
                basis: ask.basis,
                cross_border: ask.cross_border,
                text: ask.text.clone(),
                text_hash: hash_of(&ask.text),
                message: None,
                origin_hash: submitted.origin_hash.clone(),
                at: self.now,
            }));
        }
    }

    /// Adds an entry to the ledger, under the event recorded last.
    pub(super) fn put_on_record(
        &mut self,
        consent: &Consent,
        form: Option<QualifiedId>,
        text: &str,
        by: &Evidence,
    ) {
        self.changes.push(Change::Consent(ConsentRecord {
            seq: self.subject.seq,
            channel: consent.channel,
            purpose: consent.purpose.clone(),
            state: consent.state,
            source: by.source.to_owned(),
            form,
            basis: LawfulBasis::Consent,
            cross_border: false,
            text: text.to_owned(),
            text_hash: hash_of(text),
            message: by.message.cloned(),
            origin_hash: by.origin_hash.to_owned(),
            at: self.now,
        }));
    }

    /// Queues the mail with the confirmation link, which covers everything that waits for it.
    /// `asks_details` says that it asks about claims of the contact's details too. The times of
    /// these mails are kept with the contact and so under the write rule: however many submissions
    /// a list bomber posts, they cause no more mails than `consent::next_mail` allows, whichever
    /// campaigns they name and however they spell the mailbox.
    pub(super) fn ask_for_confirmation(&mut self, campaign: &CampaignId, asks_details: bool) {
        let Some(published) = self.catalog.live_version(campaign) else { return };
        let mut mails = self.subject.confirmation_mails.clone();
        consent::remember_mails(&mut mails, &self.mails_to_mailbox);
        let Some(send_at) = consent::next_mail(&mails, self.now) else { return };
        // The mail sent before already asks for this too. Only an owner who has answered it, and so
        // may have deleted it, gets another one as soon as it may be sent.
        let last = mails.last().copied();
        if send_at > self.now && !last.is_some_and(|last| self.has_answered_since(last)) {
            return;
        }
        let id = MessageId(format!("{}.confirm.{}", self.subject.id, self.subject.seq));
        let (contact, campaign) = (self.subject.id.clone(), campaign.clone());
        let source = MessageSource::Confirmation { asks_details };
        let message = Message::queue(id, contact, campaign, published.version, source, self.now);
        self.changes.push(Change::Queue(Box::new(Message { send_at, ..message })));
        consent::remember_mail(&mut self.subject.confirmation_mails, send_at);
    }

    fn has_answered_since(&self, at: Millis) -> bool {
        let consents = &self.subject.consents;
        consents.iter().any(|c| c.state == ConsentState::Confirmed && c.at >= at)
    }

    /// Confirms every consent that waited for the owner when the question was shown. Each form that
    /// asked gets its own event, which starts its journeys.
    pub(super) fn confirm(&mut self, shown_at: Millis, by: &Evidence) {
        let is_asked = |c: &&Consent| c.waits_for_link() && c.at <= shown_at;
        let asked: Vec<Consent> = self.subject.consents.iter().filter(is_asked).cloned().collect();
        for consent in asked {
            self.confirm_one(consent, "", by);
        }
    }

    /// Confirms a consent, which counts from now on, and records an event for each waiting form.
    pub(super) fn confirm_one(&mut self, consent: Consent, text: &str, by: &Evidence) {
        let mut forms: Vec<Option<QualifiedId>> =
            consent.forms_waiting().into_iter().map(Some).collect();
        if forms.is_empty() {
            forms.push(None);
        }
        let state = ConsentState::Confirmed;
        let (waiting, at) = (Vec::new(), self.now);
        let confirmed = Consent { state, waiting, was_refused: false, at, ..consent };
        self.subject.put_consent(confirmed.clone());
        for form in forms {
            let campaign = form.as_ref().and_then(QualifiedId::parts).map(|(campaign, _)| campaign);
            let Consent { purpose, channel, .. } = &confirmed;
            let properties = json!({ "purpose": purpose, "channel": channel, "form": form,
                                     "message": by.message });
            self.record(names::CONSENT_CONFIRMED, campaign.as_ref(), properties);
            self.put_on_record(&confirmed, form, text, by);
        }
        // A link proves the mailbox it was sent to, but not a phone number.
        if confirmed.channel == Channel::Email || by.source != CONFIRM_LINK {
            self.end_refusal(confirmed.channel, by.source);
        }
    }

    /// Lifts the suppression of an address whose owner refused and has just agreed again. Any other
    /// suppression (bounced, complained, erased) stays for an operator.
    pub(super) fn end_refusal(&mut self, channel: Channel, source: &str) {
        let known = self.subject.suppressed.get(&channel);
        if known.is_some_and(|known| known.reason == SuppressionReason::Unsubscribed) {
            self.release(channel, source, "agreed again");
        }
    }

    /// Lifts the suppression of the contact's own address, if there is one.
    pub(super) fn release(&mut self, channel: Channel, by: &str, note: &str) {
        let Some(known) = self.subject.suppressed.remove(&channel) else { return };
        let properties =
            json!({ "channel": channel, "reason": known.reason, "by": by, "note": note });
        self.record(names::CONTACT_RELEASED, None, properties);
        self.changes.push(Change::Release(Release {
            channel,
            address: known.address,
            by: by.to_owned(),
            note: note.to_owned(),
            at: self.now,
        }));
    }

    /// Applies what the contact chose by a link of a message. The link proves that the address on
    /// its channel is the contact's own, so consents granted for that channel are confirmed at
    /// once.
    pub(super) fn update_preferences(&mut self, choice: PreferenceUpdate) {
        let by = Evidence::link(choice.source, &choice.message, &choice.origin_hash);
        self.withdraw_those(&by, |consent| {
            let taken_back = choice.withdrawn.iter();
            let mut named = taken_back.map(|(channel, purpose)| (*channel, purpose));
            choice.stop_all || named.any(|one| one == (consent.channel, &consent.purpose))
        });
        for agreement in &choice.agreed {
            if !choice.stop_all {
                self.grant_chosen(agreement, &choice, &by);
            }
        }
        self.set_preferences(&choice);
    }

    fn grant_chosen(&mut self, agreement: &Agreement, choice: &PreferenceUpdate, by: &Evidence) {
        let Agreement { channel, purpose, text } = agreement;
        let known = self.subject.consent(*channel, purpose).cloned();
        let is_too_late = |undoes| {
            known.as_ref().is_none_or(|c| c.state != ConsentState::Withdrawn || c.at != undoes)
        };
        if self.subject.address_on(*channel).is_none()
            || known.as_ref().is_some_and(Consent::allows)
            || choice.undoes.is_some_and(is_too_late)
        {
            return;
        }
        let new = Consent {
            channel: *channel,
            purpose: purpose.clone(),
            state: ConsentState::Granted,
            double_opt_in: false,
            form: None,
            waiting: Vec::new(),
            was_refused: false,
            at: self.now,
        };
        if *channel == choice.proven {
            let pending = known.filter(Consent::is_pending);
            return self.confirm_one(pending.unwrap_or(new), text, by);
        }
        self.subject.put_consent(new.clone());
        let properties =
            json!({ "purpose": purpose, "channels": [channel], "message": by.message });
        self.record(names::CONSENT_GRANTED, None, properties);
        self.put_on_record(&new, None, text, by);
    }

    /// Sets tracking, language and time zone; records an event if something changes.
    fn set_preferences(&mut self, choice: &PreferenceUpdate) {
        let known = self.subject.refuses_tracking();
        let do_not_track = choice.do_not_track.filter(|wanted| *wanted != known);
        let locale = choice.locale.clone().filter(|l| Some(l) != self.subject.locale.as_ref());
        if let Some(wanted) = do_not_track {
            self.subject.set_attribute(DO_NOT_TRACK, wanted.into());
        }
        if let Some(locale) = &locale {
            self.subject.locale = Some(locale.clone());
        }
        let zone = choice.time_zone.clone();
        let known = self.subject.time_zone.as_deref().unwrap_or(SENDERS_ZONE);
        let zone = zone.filter(|zone| zone != known);
        if let Some(zone) = &zone {
            self.subject.time_zone = Some(zone.clone()).filter(|zone| zone != SENDERS_ZONE);
        }
        if do_not_track.is_some() || locale.is_some() || zone.is_some() {
            let properties = json!({ "do_not_track": do_not_track, "locale": locale,
                                     "time_zone": zone, "message": choice.message });
            self.record(names::CONSENT_PREFERENCES, None, properties);
        }
    }

    /// Withdraws every consent on a channel. Repeating it changes nothing.
    pub(super) fn withdraw(&mut self, channel: Channel, by: &Evidence) {
        self.withdraw_those(by, |consent| consent.channel == channel);
    }

    /// Withdraws these consents, and skips the queued messages that depended on them.
    fn withdraw_those(&mut self, by: &Evidence, is_meant: impl Fn(&Consent) -> bool) {
        let is_new = |c: &&Consent| c.state != ConsentState::Withdrawn && is_meant(c);
        let withdrawn: Vec<Consent> =
            self.subject.consents.iter().filter(is_new).cloned().collect();
        for consent in withdrawn {
            let had_effect = consent.allows();
            let consent = Consent {
                state: ConsentState::Withdrawn,
                waiting: Vec::new(),
                was_refused: false,
                at: self.now,
                ..consent
            };
            self.subject.put_consent(consent.clone());
            let Consent { channel, purpose, .. } = &consent;
            let properties =
                json!({ "purpose": purpose, "channel": channel, "message": by.message });
            self.record(names::CONSENT_WITHDRAWN, None, properties);
            self.put_on_record(&consent, None, "", by);
            if !had_effect {
                continue;
            }
            let prefixes = self.subject.message_prefixes().into_iter().map(str::to_owned);
            self.changes.push(Change::SkipQueued(Withdrawal {
                channel: *channel,
                purpose: purpose.clone(),
                message_prefixes: prefixes.collect(),
            }));
        }
    }
}

/// Returns a hash that identifies the exact text.
pub(super) fn hash_of(text: &str) -> String {
    if text.is_empty() { String::new() } else { sha256_hex(text) }
}
