//! The purposes of messages, in words: what a preference page offers, and what is recorded when a
//! contact agrees there.

use crate::domain::base::language::Language;
use crate::domain::base::primitives::Channel;
use crate::domain::campaign::Texts;
use crate::domain::publication::catalog::Catalog;
use std::collections::{BTreeMap, BTreeSet};

/// A purpose that contacts may agree to.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    pub purpose: String,
    /// The display name; the purpose itself, if no campaign names it.
    pub name: String,
    /// What the contact gets: the campaign's description, else the words of a form, else empty.
    pub words: String,
    /// The channels that some form asks about.
    pub channels: BTreeSet<Channel>,
}

impl Offer {
    /// Returns the words to record: exactly those that the page shows beside the box.
    pub fn record(&self, channel: Channel, language: Language) -> String {
        let channel = channel_name(channel, language);
        let parts = [self.name.as_str(), self.words.as_str(), channel];
        let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        said.join(" · ")
    }
}

/// Returns the display name of a channel.
pub fn channel_name(channel: Channel, language: Language) -> &'static str {
    match channel {
        Channel::Email => language.pick("E-mail", "邮件"),
        Channel::Sms => language.pick("Text message", "短信"),
        Channel::Webhook => "Webhook",
    }
}

/// Returns every purpose for which a campaign's form asks consent, ordered by name: of live
/// campaigns, and of unpublished ones that were added. If several campaigns share a purpose, the
/// first that describes it counts.
pub fn offers(catalog: &Catalog, language: Language) -> Vec<Offer> {
    let mut offers: BTreeMap<String, Offer> = BTreeMap::new();
    let versions: Vec<_> = catalog.known().collect();
    for published in &versions {
        let campaign = &published.compiled.campaign;
        for ask in campaign.forms.values().flat_map(|form| &form.consents) {
            let offer = offers.entry(ask.purpose.clone()).or_insert_with(|| Offer {
                purpose: ask.purpose.clone(),
                name: String::new(),
                words: String::new(),
                channels: BTreeSet::new(),
            });
            offer.channels.extend(&ask.channels);
        }
    }
    let campaigns = || versions.iter().map(|published| &published.compiled.campaign);
    for offer in offers.values_mut() {
        let described = campaigns()
            .filter_map(|campaign| Some((campaign, campaign.purposes.get(&offer.purpose)?)));
        for (campaign, text) in described {
            for (place, texts) in
                [(&mut offer.name, &text.name), (&mut offer.words, &text.description)]
            {
                if place.is_empty() {
                    *place = pick(texts, language, &campaign.locale);
                }
            }
        }
        if offer.words.is_empty() {
            let asks = campaigns().flat_map(|c| c.forms.values()).flat_map(|form| &form.consents);
            let ask = asks.into_iter().find(|ask| ask.purpose == offer.purpose);
            offer.words = ask.map(|ask| ask.text.clone()).unwrap_or_default();
        }
        if offer.name.is_empty() {
            offer.name.clone_from(&offer.purpose);
        }
    }
    let mut offers: Vec<Offer> = offers.into_values().collect();
    offers.sort_by(|one, other| one.name.cmp(&other.name));
    offers
}

/// Returns the text in a language, else in the campaign's own, else in any.
fn pick(texts: &Texts, language: Language, own: &str) -> String {
    let own = Language::from_locale(own).tag();
    let text = [language.tag(), own].into_iter().find_map(|tag| texts.get(tag));
    text.or_else(|| texts.values().next()).cloned().unwrap_or_default()
}
