//! Tracking: links of a message redirect through us and a pixel records its opening, if the
//! campaign enables that and the contact does not object. `domain/inbound/bot_detection.rs` tells
//! people from bots.

use crate::domain::contact::Contact;
use crate::domain::contact::{country, phone};
use serde::{Deserialize, Serialize};

/// The tracking settings of a campaign.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tracking {
    /// Whether tracking is off for all messages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
    /// The regions without tracking; see `is_in`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub off_in: Vec<String>,
    /// The tags added to links, so that the target page can attribute its visitors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utm: Option<Utm>,
}

/// The UTM tags of a link. Each absent one has a default, given below.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Utm {
    /// `utm_source`: the channel, `email` or `sms`.
    pub source: Option<String>,
    /// `utm_medium`: the channel.
    pub medium: Option<String>,
    /// `utm_campaign`: the campaign's id.
    pub campaign: Option<String>,
    /// `utm_content`: the step, or the template's name where there is none.
    pub content: Option<String>,
}

impl Tracking {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether a message to this contact is tracked; `off_in` is the deployment's own list.
    pub fn follows(&self, contact: &Contact, off_in: &[String]) -> bool {
        let regions = self.off_in.iter().chain(off_in);
        !self.off && !contact.refuses_tracking() && !regions.into_iter().any(|r| is_in(contact, r))
    }
}

/// Returns whether anything known about a contact points to a region: a country of ISO 3166 (by the
/// attribute `country`, the country code of the phone number, or the locale), or a time zone or the
/// beginning of its name (`Europe/`). If several countries share a phone code, the number points to
/// all of them: in doubt the contact is not tracked.
pub fn is_in(contact: &Contact, region: &str) -> bool {
    if region.contains('/') {
        return contact.time_zone.as_ref().is_some_and(|zone| zone.starts_with(region));
    }
    let country = contact.attribute("country");
    let country = country.as_ref().and_then(|country| country.as_str());
    let locale = contact.locale.as_deref().unwrap_or_default();
    let mut subtags = locale.split(['-', '_']).skip(1);
    country.is_some_and(|country| country.eq_ignore_ascii_case(region))
        || subtags.any(|subtag| subtag.eq_ignore_ascii_case(region))
        || contact.phone.as_ref().is_some_and(|phone| phone::countries(phone).any(|c| c == region))
}

/// Returns whether a text can name a region: a country of ISO 3166, or a time zone's name or its
/// beginning.
pub fn is_region(text: &str) -> bool {
    text.contains('/') || country::find(text).is_some()
}

/// Adds the tracking pixel at the end of an HTML e-mail.
pub fn add_pixel(html: &str, url: &str) -> String {
    let pixel = format!(
        "<img src=\"{}\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block\">",
        escape(url)
    );
    match html.rfind("</body>") {
        Some(end) => format!("{}{pixel}{}", &html[..end], &html[end..]),
        None => format!("{html}{pixel}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixel_is_placed_inside_the_body() {
        assert!(
            add_pixel("<body>x</body>", "https://u.example/o/1")
                .ends_with("display:block\"></body>")
        );
        assert!(add_pixel("x", "https://u.example/o/1").starts_with("x<img"));
    }

    #[test]
    fn tracking_is_off_by_region_campaign_or_contact() {
        use crate::domain::base::primitives::{Millis, RecordId};
        let somebody = || Contact::unknown(RecordId::from("c"), Millis(0));
        let off = |regions: &[&str]| Tracking {
            off_in: regions.iter().map(|region| (*region).to_owned()).collect(),
            ..Tracking::default()
        };
        let german = Contact { locale: Some("de-DE".to_owned()), ..somebody() };
        let by_zone = Contact { time_zone: Some("Europe/Berlin".to_owned()), ..somebody() };
        let by_phone = Contact { phone: Some("+4915112345678".to_owned()), ..somebody() };
        let mut country = somebody();
        country.attributes.insert("country".to_owned(), "de".into());
        for contact in [&german, &by_phone, &country] {
            assert!(!off(&["DE"]).follows(contact, &[]), "{contact:?}");
            assert!(off(&["FR", "Europe/"]).follows(contact, &[]));
            assert!(!Tracking::default().follows(contact, &["DE".to_owned()]));
        }
        assert!(!off(&["Europe/"]).follows(&by_zone, &[]));
        assert!(off(&["DE"]).follows(&by_zone, &[]));
        assert!(!Tracking { off: true, ..Tracking::default() }.follows(&somebody(), &[]));
        let mut refusing = somebody();
        assert!(Tracking::default().follows(&refusing, &[]));
        refusing.attributes.insert("do_not_track".to_owned(), true.into());
        assert!(!Tracking::default().follows(&refusing, &[]));
    }
}
