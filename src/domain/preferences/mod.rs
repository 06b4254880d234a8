//! The preferences of a contact: what its preference page shows, and how its answer is read.

pub mod offers;

use crate::domain::base::language::Language;
use crate::domain::base::primitives::{CampaignId, Channel, MessageId, Millis};
use crate::domain::base::token::sha256_hex;
use crate::domain::contact::Contact;
use crate::domain::contact::consent::{Consent, ConsentState};
use crate::domain::engine::{Agreement, PreferenceUpdate, SENDERS_ZONE};
use crate::domain::form::form_data::FormData;
use crate::domain::preferences::offers::{Offer, offers};
use crate::domain::publication::catalog::Catalog;
use crate::domain::time::time_zones;
use std::collections::BTreeSet;

/// The most purposes on a page: with two channels each, their boxes fit into one form's values.
pub const PREFERENCES_MAX: usize = 45;

/// The field for the ticked boxes: one value `<channel>.<purpose>` for each.
pub const AGREE_FIELD: &str = "agree";
/// The field for the boxes that were ticked when the page was shown, separated by spaces: one that
/// is no longer ticked is a withdrawal, and one that is still ticked is not a new consent.
pub const SHOWN_FIELD: &str = "shown";
/// The field for the fingerprint of the words that were shown.
pub const WORDS_FIELD: &str = "words";
/// Present with any value: no tracking.
pub const TRACKING_FIELD: &str = "do_not_track";
/// The field for the tag of the chosen language.
pub const LANGUAGE_FIELD: &str = "language";
/// The field for the IANA name of the chosen time zone, or `SENDERS_ZONE`; empty leaves it.
pub const TIME_ZONE_FIELD: &str = "time_zone";
/// Present with `STOP_ALL`: everything is withdrawn.
pub const DO_FIELD: &str = "do";
/// The value of `DO_FIELD` that withdraws everything.
pub const STOP_ALL: &str = "stop";

/// A purpose with its boxes.
#[derive(Clone, Debug, PartialEq)]
pub struct Preference {
    pub offer: Offer,
    /// One for each channel on which the contact has an address, or a consent not withdrawn.
    pub boxes: Vec<Tick>,
}

/// A box to tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    pub channel: Channel,
    /// Whether the consent allows messages now.
    pub is_on: bool,
    /// Whether the consent waits for the confirmation of the address.
    pub is_pending: bool,
    /// Whether nothing is sent whatever the consent, because the address is suppressed for a reason
    /// that its owner cannot lift.
    pub is_barred: bool,
    /// When the consent last changed; `None` if there never was one.
    pub since: Option<Millis>,
}

impl Preference {
    /// Returns the value that stands for a box in the form.
    pub fn value(&self, tick: &Tick) -> String {
        format!("{}.{}", tick.channel.as_str(), self.offer.purpose)
    }

    fn is_on(&self) -> bool {
        self.boxes.iter().any(|tick| tick.is_on)
    }
}

/// Returns what a contact may choose: the purposes of the campaign whose message led to the page,
/// on the channels on which the contact has an address, and everything that it was ever asked
/// about. Purposes of other campaigns are not shown. Those with an active consent come first.
pub fn preferences(
    catalog: &Catalog,
    campaign: &CampaignId,
    contact: &Contact,
    language: Language,
    now: Millis,
) -> Vec<Preference> {
    let own = catalog.known_version(campaign);
    let own = own.as_ref().map(|published| &published.compiled.campaign);
    let asks = || own.into_iter().flat_map(|own| own.forms.values()).flat_map(|f| &f.consents);
    let mut offers = offers(catalog, language);
    offers.retain(|offer| {
        asks().any(|ask| ask.purpose == offer.purpose)
            || contact.consents.iter().any(|consent| consent.purpose == offer.purpose)
    });
    for consent in contact.consents.iter().filter(|c| c.state != ConsentState::Withdrawn) {
        if !offers.iter().any(|offer| offer.purpose == consent.purpose) {
            let (purpose, name) = (consent.purpose.clone(), consent.purpose.clone());
            let (words, channels) = (String::new(), BTreeSet::new());
            offers.push(Offer { purpose, name, words, channels });
        }
    }
    let boxes = |offer: &Offer| {
        let said = contact.consents.iter().filter(|c| c.purpose == offer.purpose);
        let said = said.filter(|c| c.state != ConsentState::Withdrawn).map(|c| c.channel);
        let reached = offer.channels.iter().copied();
        let reached = reached.filter(|channel| contact.address_on(*channel).is_some());
        let channels: BTreeSet<Channel> = said.chain(reached).collect();
        let tick = |channel| {
            let known = contact.consent(channel, &offer.purpose);
            Tick {
                channel,
                is_on: known.is_some_and(Consent::allows),
                is_pending: known.is_some_and(Consent::is_pending),
                is_barred: contact.is_barred(channel, now),
                since: known.map(|consent| consent.at),
            }
        };
        channels.into_iter().map(tick).collect()
    };
    let with_boxes = |offer: Offer| Preference { boxes: boxes(&offer), offer };
    let mut all: Vec<Preference> = offers.into_iter().map(with_boxes).collect();
    all.retain(|preference| !preference.boxes.is_empty());
    all.sort_by_key(|preference| !preference.is_on());
    all.truncate(PREFERENCES_MAX);
    all
}

/// Returns a fingerprint that shows whether the words on a page have changed since it was shown.
pub fn fingerprint(shown: &[Preference], language: Language) -> String {
    let words: Vec<String> = shown
        .iter()
        .flat_map(|p| p.boxes.iter().map(|tick| p.offer.record(tick.channel, language)))
        .collect();
    sha256_hex(&words.join("\n"))[..16].to_owned()
}

/// An answer to the page, as read.
pub struct Reading {
    /// What it chooses.
    pub choice: PreferenceUpdate,
    /// Whether the words have changed since they were shown: new consents are left out then, but
    /// withdrawals are not.
    pub is_outdated: bool,
}

/// Reads an answer against what the page would show now. `message` is the one whose link was used,
/// and `proven` its channel.
pub fn read(
    answer: &FormData,
    now_shown: &[Preference],
    message: &MessageId,
    proven: Channel,
    language: Language,
) -> Reading {
    let shown: BTreeSet<&str> =
        answer.first(SHOWN_FIELD).unwrap_or_default().split_whitespace().collect();
    let ticked: BTreeSet<&str> = answer.all(AGREE_FIELD).iter().map(String::as_str).collect();
    let taken_back = shown.difference(&ticked).filter_map(|value| {
        let (channel, purpose) = value.split_once('.')?;
        let channel = [Channel::Email, Channel::Sms].into_iter().find(|c| c.as_str() == channel)?;
        Some((channel, purpose.to_owned()))
    });
    let boxes = now_shown.iter().flat_map(|p| p.boxes.iter().map(move |tick| (p, tick)));
    let is_new = |(preference, tick): &(&Preference, &Tick)| {
        let value = preference.value(tick);
        ticked.contains(value.as_str()) && !shown.contains(value.as_str())
    };
    let agreed: Vec<Agreement> = boxes
        .filter(is_new)
        .map(|(preference, tick)| Agreement {
            channel: tick.channel,
            purpose: preference.offer.purpose.clone(),
            text: preference.offer.record(tick.channel, language),
        })
        .collect();
    let words = answer.first(WORDS_FIELD).unwrap_or_default();
    let is_outdated = !agreed.is_empty() && words != fingerprint(now_shown, language);
    let stop_all = answer.first(DO_FIELD) == Some(STOP_ALL);
    let chosen = answer.first(LANGUAGE_FIELD).unwrap_or_default();
    let zone = answer.first(TIME_ZONE_FIELD);
    let zone = zone.filter(|zone| *zone == SENDERS_ZONE || time_zones::is_offered(zone));
    let locale = Language::ALL.into_iter().map(Language::tag).find(|tag| *tag == chosen);
    let choice = PreferenceUpdate {
        source: "preference page",
        message: message.clone(),
        proven,
        agreed: if is_outdated { Vec::new() } else { agreed },
        withdrawn: taken_back.collect(),
        stop_all,
        undoes: None,
        do_not_track: (!stop_all).then(|| answer.first(TRACKING_FIELD).is_some()),
        locale: locale.filter(|_| !stop_all).map(str::to_owned),
        time_zone: zone.filter(|_| !stop_all).map(str::to_owned),
        origin_hash: String::new(),
    };
    Reading { choice, is_outdated }
}
