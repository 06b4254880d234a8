//! What is agreed to, confirmed and taken back: the contact's consents and their ledger.

use super::{Agreement, Decider, PreferenceUpdate, Submitted};
use crate::domain::base::primitives::{CampaignId, Channel, MessageId, Millis, QualifiedId};
use crate::domain::base::token::sha256_hex;
use crate::domain::contact::DO_NOT_TRACK;
use crate::domain::contact::consent::{self, Consent, ConsentRecord, ConsentState, LawfulBasis};
use crate::domain::contact::event::names;
use crate::domain::contact::message::{Class, Message, house};
use crate::domain::contact::suppression::{Release, SuppressionReason};
use crate::domain::engine::change::{Change, Withdrawal};
use crate::domain::form::ConsentCheckbox;
use serde_json::json;

/// The source of what is confirmed by the link of a confirmation mail.
pub(super) const CONFIRM_LINK: &str = "confirmation link";
/// The source of what is taken back by the link of a message.
pub(super) const UNSUBSCRIBE_LINK: &str = "unsubscribe link";

/// The most forms that wait for one confirmation: more are a robot's.
const FORMS_WAITING_MAX: usize = 10;

/// What follows from a box that was ticked.
#[derive(Default)]
pub(super) struct Granted {
    /// Whether the form's journeys wait for the owner of the e-mail address.
    pub(super) is_held: bool,
    /// Whether the owner is to be asked.
    pub(super) asks_owner: bool,
}

/// Where something was said, and what proves it.
pub(super) struct By<'a> {
    /// `confirmation link`, `unsubscribe link`.
    pub(super) source: &'a str,
    /// The message whose link was used.
    pub(super) message: Option<&'a MessageId>,
    /// A keyed hash of the network address it came from.
    pub(super) origin_hash: &'a str,
}

impl<'a> By<'a> {
    /// By a link of a message.
    pub(super) fn link(source: &'a str, message: &'a MessageId, origin_hash: &'a str) -> Self {
        Self { source, message: Some(message), origin_hash }
    }
}

impl Decider<'_> {
    /// Raises each consent to what a form agreed to, never lowering one. A form proves nothing
    /// about whoever sent it, so it counts at once only for an address that it names itself, and
    /// never where the owner refused: that waits for a proof.
    pub(super) fn grant(&mut self, submitted: &Submitted, ask: &ConsentCheckbox) -> Granted {
        let mut granted = Granted::default();
        for channel in &ask.channels {
            let known = self.contact.consent(*channel, &ask.purpose);
            if known.is_some_and(Consent::allows) {
                continue;
            }
            let is_email = *channel == Channel::Email;
            let is_named = self.is_named(submitted, *channel);
            let was_refused = self.contact.has_refused(*channel, &ask.purpose);
            let double_opt_in = was_refused || !is_named || is_email && ask.double_opt_in;
            // What begins without this consent does not begin again when it is confirmed.
            let holds = is_email && is_named;
            let form = Some(submitted.form.clone()).filter(|_| holds || !double_opt_in);
            let known = known.filter(|known| known.is_pending());
            let is_known = known.is_some_and(|known| {
                known.form == form || known.forms_waiting().contains(&submitted.form)
            });
            let mut waiting = known.map(Consent::forms_waiting).unwrap_or_default();
            waiting.retain(|form| *form != submitted.form);
            waiting.truncate(FORMS_WAITING_MAX - 1);
            // The same form sent again asks for nothing new: whoever looks at the question
            // meanwhile may still answer it.
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
            // Who gave no e-mail address has nothing to confirm.
            let has_owner = self.contact.email.is_some();
            granted.is_held |= has_owner && holds && double_opt_in;
            granted.asks_owner |= has_owner && double_opt_in && consent.waits_for_link();
            self.contact.put_consent(consent);
        }
        granted
    }

    /// Whether a form names the contact's own address on a channel. Where the contact has none, and
    /// none was given, there is nothing to protect.
    fn is_named(&self, submitted: &Submitted, channel: Channel) -> bool {
        let given = match channel {
            Channel::Email => &submitted.email,
            Channel::Sms => &submitted.phone,
            Channel::Webhook => &None,
        };
        let is_former = |given: &String| {
            self.contact.had(|was| [&was.email, &was.phone].contains(&&Some(given.clone())))
        };
        given.as_ref() == self.contact.address_on(channel) || given.as_ref().is_some_and(is_former)
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
                seq: self.contact.seq,
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

    /// One entry of the ledger, under the event recorded last.
    pub(super) fn put_on_record(
        &mut self,
        consent: &Consent,
        form: Option<QualifiedId>,
        text: &str,
        by: &By,
    ) {
        self.changes.push(Change::Consent(ConsentRecord {
            seq: self.contact.seq,
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

    /// Queues the mail with the confirmation link, which serves everything that waits for it;
    /// `note` says what it is about where that is no consent. Its
    /// times are kept with the contact and so under the write rule: a list-bomber's many posts
    /// cause no more mails than `consent::next_mail` allows, whichever campaigns they name and in
    /// however many ways they spell the mailbox.
    pub(super) fn ask_for_confirmation(&mut self, campaign: &CampaignId, note: &str) {
        let Some(edition) = self.catalog.live_edition(campaign) else { return };
        let mut mails = self.contact.confirmation_mails.clone();
        consent::remember_mails(&mut mails, &self.contact.mails_to_mailbox);
        let Some(send_at) = consent::next_mail(&mails, self.now) else { return };
        // The mail that is out already asks for this too. Only whoever has answered it, and so may
        // have thrown it away, gets another as soon as that may leave.
        let last = mails.last().copied();
        if send_at > self.now && !last.is_some_and(|last| self.has_answered_since(last)) {
            return;
        }
        let id = MessageId(format!("{}.confirm.{}", self.contact.id, self.contact.seq));
        let edition = (campaign.clone(), edition.version);
        let kind = (Class::Transactional, house::CONFIRM);
        let message = Message::queue(id, self.contact.id.clone(), edition, kind, self.now);
        let note = note.to_owned();
        self.changes.push(Change::Queue(Box::new(Message { send_at, note, ..message })));
        consent::remember_mail(&mut self.contact.confirmation_mails, send_at);
    }

    fn has_answered_since(&self, at: Millis) -> bool {
        let consents = &self.contact.consents;
        consents.iter().any(|c| c.state == ConsentState::Confirmed && c.at >= at)
    }

    /// The owner of the address said yes: all that waited for it when the question was shown
    /// counts from now on. Each form that asked has its own event, for its journeys begin by it.
    pub(super) fn confirm(&mut self, shown_at: Millis, by: &By) {
        let is_asked = |c: &&Consent| c.waits_for_link() && c.at <= shown_at;
        let asked: Vec<Consent> = self.contact.consents.iter().filter(is_asked).cloned().collect();
        for consent in asked {
            self.confirm_one(consent, "", by);
        }
    }

    /// A consent that is proved: it counts from now on, and each form that waited has its event.
    pub(super) fn confirm_one(&mut self, consent: Consent, text: &str, by: &By) {
        let mut forms: Vec<Option<QualifiedId>> =
            consent.forms_waiting().into_iter().map(Some).collect();
        if forms.is_empty() {
            forms.push(None);
        }
        let state = ConsentState::Confirmed;
        let (waiting, at) = (Vec::new(), self.now);
        let confirmed = Consent { state, waiting, was_refused: false, at, ..consent };
        self.contact.put_consent(confirmed.clone());
        for form in forms {
            let campaign = form.as_ref().and_then(QualifiedId::parts).map(|(campaign, _)| campaign);
            let Consent { purpose, channel, .. } = &confirmed;
            let properties = json!({ "purpose": purpose, "channel": channel, "form": form,
                                     "message": by.message });
            self.record(names::CONSENT_CONFIRMED, campaign.as_ref(), properties);
            self.put_on_record(&confirmed, form, text, by);
        }
        // A link proves the mailbox it came to, and no telephone.
        if confirmed.channel == Channel::Email || by.source != CONFIRM_LINK {
            self.end_refusal(confirmed.channel, by.source);
        }
    }

    /// Lifts the suppression of an address whose owner refused and has just agreed anew, and no
    /// other: what bounced, was called spam or was erased stays for an operator.
    pub(super) fn end_refusal(&mut self, channel: Channel, source: &str) {
        let known = self.contact.suppressed.get(&channel);
        if known.is_some_and(|known| known.reason == SuppressionReason::Unsubscribed) {
            self.release(channel, source, "agreed anew");
        }
    }

    /// Lifts the suppression of the contact's own address, if there is one.
    pub(super) fn release(&mut self, channel: Channel, by: &str, note: &str) {
        let Some(known) = self.contact.suppressed.remove(&channel) else { return };
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

    /// What was chosen by a link of a message. The link proves that the address on its channel is
    /// the contact's own, so what is agreed to there is confirmed with it.
    pub(super) fn choose(&mut self, choice: PreferenceUpdate) {
        let by = By::link(choice.source, &choice.message, &choice.origin_hash);
        self.withdraw_those(&by, |consent| {
            let taken_back = choice.withdrawn.iter();
            let mut named = taken_back.map(|(channel, purpose)| (*channel, purpose));
            choice.stop_all || named.any(|one| one == (consent.channel, &consent.purpose))
        });
        for agreement in &choice.agreed {
            if !choice.stop_all {
                self.agree(agreement, &choice, &by);
            }
        }
        self.set_preferences(&choice);
    }

    fn agree(&mut self, agreement: &Agreement, choice: &PreferenceUpdate, by: &By) {
        let Agreement { channel, purpose, text } = agreement;
        let known = self.contact.consent(*channel, purpose).cloned();
        let is_too_late = |undoes| {
            known.as_ref().is_none_or(|c| c.state != ConsentState::Withdrawn || c.at != undoes)
        };
        if self.contact.address_on(*channel).is_none()
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
        self.contact.put_consent(new.clone());
        let properties =
            json!({ "purpose": purpose, "channels": [channel], "message": by.message });
        self.record(names::CONSENT_GRANTED, None, properties);
        self.put_on_record(&new, None, text, by);
    }

    /// Whether to be tracked, the language and the time zone; recorded if something changes.
    fn set_preferences(&mut self, choice: &PreferenceUpdate) {
        let known = self.contact.refuses_tracking();
        let do_not_track = choice.do_not_track.filter(|wanted| *wanted != known);
        let locale = choice.locale.clone().filter(|l| Some(l) != self.contact.locale.as_ref());
        if let Some(wanted) = do_not_track {
            self.contact.set_attribute(DO_NOT_TRACK, wanted.into());
        }
        if let Some(locale) = &locale {
            self.contact.locale = Some(locale.clone());
        }
        let zone = choice.time_zone.clone();
        let zone = zone.filter(|zone| Some(zone) != self.contact.time_zone.as_ref());
        if let Some(zone) = &zone {
            self.contact.time_zone = Some(zone.clone());
        }
        if do_not_track.is_some() || locale.is_some() || zone.is_some() {
            let properties = json!({ "do_not_track": do_not_track, "locale": locale,
                                     "time_zone": zone, "message": choice.message });
            self.record(names::CONSENT_PREFERENCES, None, properties);
        }
    }

    /// Takes back every consent on a channel. Said again, it changes nothing.
    pub(super) fn withdraw(&mut self, channel: Channel, by: &By) {
        self.withdraw_those(by, |consent| consent.channel == channel);
    }

    /// Takes back these consents, and with them the messages that wait to be sent by their right.
    fn withdraw_those(&mut self, by: &By, is_meant: impl Fn(&Consent) -> bool) {
        let is_new = |c: &&Consent| c.state != ConsentState::Withdrawn && is_meant(c);
        let withdrawn: Vec<Consent> =
            self.contact.consents.iter().filter(is_new).cloned().collect();
        for consent in withdrawn {
            let had_effect = consent.allows();
            let consent = Consent {
                state: ConsentState::Withdrawn,
                waiting: Vec::new(),
                was_refused: false,
                at: self.now,
                ..consent
            };
            self.contact.put_consent(consent.clone());
            let Consent { channel, purpose, .. } = &consent;
            let properties =
                json!({ "purpose": purpose, "channel": channel, "message": by.message });
            self.record(names::CONSENT_WITHDRAWN, None, properties);
            self.put_on_record(&consent, None, "", by);
            if !had_effect {
                continue;
            }
            let passages = self.contact.enrollments.iter().map(|passage| passage.id.0.clone());
            self.changes.push(Change::SkipQueued(Withdrawal {
                channel: *channel,
                purpose: purpose.clone(),
                begun_by: passages.chain([self.contact.id.0.clone()]).collect(),
            }));
        }
    }
}

/// By which the same words are known as the same.
fn hash_of(text: &str) -> String {
    if text.is_empty() { String::new() } else { sha256_hex(text) }
}
