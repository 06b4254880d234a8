//! Tracking: the links of a message lead through us, and a pixel tells of its opening, where that
//! is wanted and nobody objects. Whose doing it was is for `domain/machine.rs` to say.

use super::contact::Contact;
use super::{country, phone};
use serde::{Deserialize, Serialize};

/// What a campaign says about the following of its messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tracking {
    /// Whether none of them is followed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub off: bool,
    /// Where nobody is followed: see `is_in`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub off_in: Vec<String>,
    /// What is added to links, so that the page they lead to can tell where its visitors are from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utm: Option<Utm>,
}

/// What the tags of a link say; what is not said follows from the message.
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
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a message to this contact is followed; `off_in` is the deployment's own list.
    pub fn follows(&self, contact: &Contact, off_in: &[String]) -> bool {
        let regions = self.off_in.iter().chain(off_in);
        !self.off && !contact.refuses_tracking() && !regions.into_iter().any(|r| is_in(contact, r))
    }
}

/// Whether anything that is known of a contact points to a region: a country of ISO 3166 (by the
/// attribute `country`, the number's country code or the locale), or a time zone or the beginning
/// of its name (`Europe/`). Of several countries with one code, each is meant: where it is open,
/// nobody is followed.
pub fn is_in(contact: &Contact, region: &str) -> bool {
    if region.contains('/') {
        return contact.time_zone.as_ref().is_some_and(|zone| zone.starts_with(region));
    }
    let said = contact.attribute("country");
    let said = said.as_ref().and_then(|country| country.as_str());
    let locale = contact.locale.as_deref().unwrap_or_default();
    let mut subtags = locale.split(['-', '_']).skip(1);
    said.is_some_and(|country| country.eq_ignore_ascii_case(region))
        || subtags.any(|subtag| subtag.eq_ignore_ascii_case(region))
        || contact.phone.as_ref().is_some_and(|phone| phone::countries(phone).any(|c| c == region))
}

/// Whether a text can name a region: a country of ISO 3166, or a time zone's name or its beginning.
pub fn is_region(text: &str) -> bool {
    text.contains('/') || country::find(text).is_some()
}

/// A link with tags; those that it has stay, and so does the rest of it.
pub fn add_tags(url: &str, tags: &[(&str, &str)]) -> String {
    let (address, fragment) = match url.find('#') {
        Some(start) => url.split_at(start),
        None => (url, ""),
    };
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let has = |name: &str| {
        query.split('&').any(|pair| pair.split('=').next().is_some_and(|known| known == name))
    };
    let mut tagged = address.to_owned();
    for (name, value) in tags.iter().filter(|(name, value)| !value.is_empty() && !has(name)) {
        let joint = match tagged.find('?') {
            None => "?",
            Some(_) if tagged.ends_with(['?', '&']) => "",
            Some(_) => "&",
        };
        tagged.push_str(&format!("{joint}{name}={}", percent_encoded(value)));
    }
    tagged + fragment
}

/// Percent-encodes what is not unreserved (RFC 3986 section 2.3).
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Replaces each web address in a plain text by what `through` makes of it; `None` leaves it. An
/// address ends before what is not ASCII, so that Chinese may follow it without a space, and
/// before the punctuation of a sentence.
pub fn rewrite_addresses(text: &str, mut through: impl FnMut(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = ["https://", "http://"].iter().filter_map(|s| rest.find(s)).min() {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let in_address = |c: char| c.is_ascii_graphic() && !['<', '>', '"'].contains(&c);
        let end = rest.find(|c| !in_address(c)).unwrap_or(rest.len());
        let address = rest[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'']);
        match through(address) {
            Some(other) => out.push_str(&other),
            None => out.push_str(address),
        }
        rest = &rest[address.len()..];
    }
    out.push_str(rest);
    out
}

/// Replaces the target of every `http` or `https` link of an HTML mail by what `through` makes of
/// it; `None` leaves a link as it is.
pub fn rewrite_links(html: &str, through: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(html.len() * 2);
    let mut rest = html;
    while let Some(start) = rest.find("href=\"") {
        let (before, after) = rest.split_at(start + "href=\"".len());
        out.push_str(before);
        let Some(end) = after.find('"') else {
            rest = after;
            break;
        };
        let target = unescape(&after[..end]);
        let is_web = target.starts_with("http://") || target.starts_with("https://");
        // `<link href>` loads a font or a style sheet; only what a reader follows is a link.
        let is_link = before.rfind('<').is_some_and(|tag| before[tag..].starts_with("<a"));
        match through(&target).filter(|_| is_web && is_link) {
            Some(tracked) => out.push_str(&escape(&tracked)),
            None => out.push_str(&after[..end]),
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// Puts the image that tells of an opening at the end of an HTML mail.
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

/// Decodes the character references that Handlebars and MJML write into attributes.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let reference = rest.find(';').filter(|end| *end <= 8).map(|end| &rest[1..end]);
        let character = reference.and_then(|reference| match reference {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => {
                let digits = reference.strip_prefix('#')?;
                let code = match digits.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => digits.parse().ok()?,
                };
                char::from_u32(code)
            }
        });
        match (character, reference) {
            (Some(character), Some(reference)) => {
                out.push(character);
                rest = &rest[reference.len() + 2..];
            }
            _ => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_through_us_and_nothing_else_does() {
        let html = r#"<link href="https://fonts.example/a.css">
            <a class="x" href="https://a.example/?b&#x3D;1&amp;c=2">A</a>
            <a href="mailto:a@b.example">B</a><a href="{x"#;
        let seen = std::cell::RefCell::new(Vec::new());
        let out = rewrite_links(html, |url| {
            seen.borrow_mut().push(url.to_owned());
            Some("https://us.example/c/1?x=1&y=2".into())
        });
        assert_eq!(
            out,
            r#"<link href="https://fonts.example/a.css">
            <a class="x" href="https://us.example/c/1?x=1&amp;y=2">A</a>
            <a href="mailto:a@b.example">B</a><a href="{x"#
        );
        assert!(seen.into_inner().contains(&"https://a.example/?b=1&c=2".to_owned()));
    }

    #[test]
    fn the_pixel_stands_inside_the_body() {
        assert!(
            add_pixel("<body>x</body>", "https://u.example/o/1")
                .ends_with("display:block\"></body>")
        );
        assert!(add_pixel("x", "https://u.example/o/1").starts_with("x<img"));
    }

    #[test]
    fn addresses_in_a_text_end_where_readers_see_them_end() {
        let text = "去https://a.example/x?y=1。或 (http://b.example/z). No: ftp://c, https://";
        let out =
            rewrite_addresses(text, |url| (url.len() > 8).then(|| format!("<{}>", &url[8..])));
        assert_eq!(out, "去<a.example/x?y=1>。或 (<.example/z>). No: ftp://c, https://");
        assert_eq!(rewrite_addresses("https://a.example", |_| None), "https://a.example");
    }

    #[test]
    fn tags_are_added_and_what_a_link_has_stays() {
        let tags = [("utm_source", "email"), ("utm_content", "步骤 1"), ("utm_medium", "")];
        let tagged = |url| add_tags(url, &tags);
        assert_eq!(
            tagged("https://a.example/p"),
            "https://a.example/p?utm_source=email&utm_content=%E6%AD%A5%E9%AA%A4%201"
        );
        assert_eq!(
            tagged("https://a.example/p?utm_content=mine&q=1#part"),
            "https://a.example/p?utm_content=mine&q=1&utm_source=email#part"
        );
        assert!(tagged("https://a.example/?").starts_with("https://a.example/?utm_source=email&"));
    }

    #[test]
    fn nobody_is_followed_where_that_is_off() {
        use crate::domain::primitives::{ContactId, Millis};
        let somebody = || Contact::unknown(ContactId::from("c"), Millis(0));
        let off = |regions: &[&str]| Tracking {
            off_in: regions.iter().map(|region| (*region).to_owned()).collect(),
            ..Tracking::default()
        };
        let german = Contact { locale: Some("de-DE".to_owned()), ..somebody() };
        let by_zone = Contact { time_zone: Some("Europe/Berlin".to_owned()), ..somebody() };
        let by_phone = Contact { phone: Some("+4915112345678".to_owned()), ..somebody() };
        let mut said = somebody();
        said.attributes.insert("country".to_owned(), "de".into());
        for contact in [&german, &by_phone, &said] {
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
