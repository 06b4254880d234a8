//! What messages are for, in words for people: what a preference page offers, and what is put on
//! record when somebody agrees there.

use crate::domain::base::language::Language;
use crate::domain::base::primitives::Channel;
use crate::domain::campaign::Texts;
use crate::domain::publication::catalog::Catalog;
use std::collections::{BTreeMap, BTreeSet};

/// A purpose that people may agree to.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The purpose.
    pub purpose: String,
    /// What people call it; the purpose itself, if no campaign says.
    pub name: String,
    /// What they get: the campaign's description, else the words of a form, else nothing.
    pub words: String,
    /// The channels that some form asks about.
    pub channels: BTreeSet<Channel>,
}

impl Offer {
    /// The words that are put on record: exactly those that the page shows beside the box.
    pub fn record(&self, channel: Channel, language: Language) -> String {
        let channel = channel_name(channel, language);
        let parts = [self.name.as_str(), self.words.as_str(), channel];
        let said: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        said.join(" · ")
    }
}

/// A channel as people call it.
pub fn channel_name(channel: Channel, language: Language) -> &'static str {
    match channel {
        Channel::Email => language.pick("E-mail", "邮件"),
        Channel::Sms => language.pick("Text message", "短信"),
        Channel::Webhook => "Webhook",
    }
}

/// Every purpose that a campaign's form asks consent for, in the order of their names: of those
/// that are live, and of unpublished ones that were added. Where
/// several campaigns share one, the first that describes it is heard.
pub fn offers(catalog: &Catalog, language: Language) -> Vec<Offer> {
    let mut offers: BTreeMap<String, Offer> = BTreeMap::new();
    let editions: Vec<_> = catalog.known().collect();
    for edition in &editions {
        let campaign = &edition.compiled.campaign;
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
    let campaigns = || editions.iter().map(|edition| &edition.compiled.campaign);
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

/// The text in a language, else in the campaign's own, else in any.
fn pick(texts: &Texts, language: Language, own: &str) -> String {
    let own = Language::from_locale(own).tag();
    let text = [language.tag(), own].into_iter().find_map(|tag| texts.get(tag));
    text.or_else(|| texts.values().next()).cloned().unwrap_or_default()
}
