//! The versions of a message in other languages: `emails/welcome/zh-CN` beside `emails/welcome`.

use super::TemplateSource;
use crate::domain::template::locale_format::language_of;
use std::collections::BTreeMap;

/// Returns whether a word is a language tag in the form that folders have: a language of two or
/// three letters, a script of four, a region of two letters or three digits (RFC 5646 section 2.1).
pub fn is_language(word: &str) -> bool {
    let mut parts = word.split('-');
    let first = parts.next().unwrap_or_default();
    let is_first = matches!(first.len(), 2 | 3) && first.bytes().all(|b| b.is_ascii_lowercase());
    let is_more = |part: &str| match part.len() {
        2 => part.bytes().all(|b| b.is_ascii_uppercase()),
        3 => part.bytes().all(|b| b.is_ascii_digit()),
        4 => part.bytes().all(|b| b.is_ascii_alphabetic()),
        _ => false,
    };
    is_first && parts.clone().count() <= 2 && parts.all(is_more)
}

/// Splits a name below a message: `emails/welcome` and `zh-CN`.
pub fn parent(name: &str) -> Option<(&str, &str)> {
    let (above, last) = name.rsplit_once('/')?;
    above.contains('/').then_some((above, last))
}

/// Returns the name of a message, given its own or that of one of its versions.
pub fn first<'n>(templates: &BTreeMap<String, TemplateSource>, name: &'n str) -> &'n str {
    match parent(name) {
        Some((above, last)) if is_language(last) && templates.contains_key(above) => above,
        _ => name,
    }
}

/// Returns the languages in which a message has versions, besides its first one.
pub fn languages<'t>(
    templates: &'t BTreeMap<String, TemplateSource>,
    name: &'t str,
) -> impl Iterator<Item = &'t str> {
    let below = templates.range(format!("{name}/")..);
    let below = below.map_while(move |(other, _)| other.strip_prefix(name)?.strip_prefix('/'));
    below.filter(|last| is_language(last))
}

/// Returns the language whose version of a message a reader gets; `None` for the first version,
/// which is in the campaign's language. If a locale has no version, its last part is dropped until
/// one fits (RFC 4647 section 3.4). After that, any version of its language is used, unless it is
/// the campaign's language.
pub fn best<'t>(
    templates: &'t BTreeMap<String, TemplateSource>,
    name: &'t str,
    reader: &str,
    campaign: &str,
) -> Option<&'t str> {
    let reader = reader.replace('_', "-");
    let mut range = reader.as_str();
    loop {
        if let Some(found) = languages(templates, name).find(|l| l.eq_ignore_ascii_case(range)) {
            return Some(found);
        }
        if range.eq_ignore_ascii_case(campaign) {
            return None;
        }
        match range.rsplit_once('-') {
            Some((shorter, _)) => range = shorter,
            None => break,
        }
    }
    let language = language_of(&reader);
    let is_campaigns = language == language_of(campaign);
    languages(templates, name).find(|other| !is_campaigns && language_of(other) == language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_translation_is_chosen() {
        let names = ["emails/a", "emails/a/de", "emails/a/pt-BR", "emails/a/zh-CN", "emails/a-b"];
        let sms = || TemplateSource::Sms(String::new());
        let templates: BTreeMap<_, _> = names.map(|name| (name.to_owned(), sms())).into();
        assert_eq!(languages(&templates, "emails/a").count(), 3);
        for (reader, campaign, found) in [
            ("zh-CN", "en", Some("zh-CN")),
            ("zh_cn", "en", Some("zh-CN")),
            ("zh-Hans-CN", "en", Some("zh-CN")),
            ("zh", "en", Some("zh-CN")),
            ("zh-TW", "zh-CN", None),
            ("de-AT", "en", Some("de")),
            ("pt-PT", "en", Some("pt-BR")),
            ("en-GB", "en", None),
            ("fr", "en", None),
            ("", "en", None),
            ("x", "en", None),
        ] {
            assert_eq!(best(&templates, "emails/a", reader, campaign), found, "{reader}");
        }
        assert_eq!(best(&templates, "emails/a-b", "zh-CN", "en"), None);
    }

    #[test]
    fn language_tags_are_recognized() {
        for good in ["en", "zh-CN", "zh-Hans-CN", "pt-BR", "es-419", "yue"] {
            assert!(is_language(good), "{good}");
        }
        for bad in ["", "EN", "zh_CN", "english", "zh-", "de-at", "a-b-c", "day1"] {
            assert!(!is_language(bad), "{bad}");
        }
    }
}
