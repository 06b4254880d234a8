//! The two languages of every built-in text.

use serde::{Deserialize, Serialize};

/// A language of visitors and marketers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// English, also the default for all other languages.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    Chinese,
}

impl Language {
    /// Both, in the order a language switch shows them.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Returns the language of a BCP 47 tag: Chinese for any kind of Chinese, English for all else.
    pub fn from_locale(locale: &str) -> Self {
        Self::known(locale).unwrap_or_default()
    }

    /// Returns the language that an `Accept-Language` header prefers. The greatest weight wins, and
    /// the earlier entry among equals. English if the header names neither or is invalid.
    pub fn from_accept_language(header: &str) -> Self {
        let mut best: Option<(Self, f32)> = None;
        for entry in header.split(',') {
            let mut parts = entry.split(';');
            let Some(language) = Self::known(parts.next().unwrap_or_default().trim()) else {
                continue;
            };
            let weight = parts
                .find_map(|part| part.trim().strip_prefix("q="))
                .map_or(Some(1.0), |text| text.trim().parse::<f32>().ok())
                .unwrap_or(0.0);
            if weight > best.map_or(0.0, |(_, best_weight)| best_weight) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language).unwrap_or_default()
    }

    /// Returns the BCP 47 tag, for `lang` attributes and for contacts.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// Picks the text in this language. Both are written side by side, so that none is forgotten.
    pub fn pick<T>(self, english: T, chinese: T) -> T {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }

    /// Returns the language of a tag; `None` for one that the built-in pages do not have.
    pub fn known(locale: &str) -> Option<Self> {
        let primary = locale.split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("zh") {
            Some(Self::Chinese)
        } else if primary.eq_ignore_ascii_case("en") {
            Some(Self::English)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{self, Chinese, English};

    #[test]
    fn language_is_read_from_locale_and_header() {
        for (locale, expected) in
            [("zh-CN", Chinese), ("zh_Hans", Chinese), ("ZH", Chinese), ("en-GB", English)]
        {
            assert_eq!(Language::from_locale(locale), expected, "{locale}");
        }
        for (header, expected) in [
            ("", English),
            ("*", English),
            ("zh-CN,zh;q=0.9,en;q=0.8", Chinese),
            ("en;q=0.5, zh;q=0.9", Chinese),
            ("de-DE, de;q=0.9, zh;q=0.3", Chinese),
            ("fr, en;q=0.5, zh;q=0.5", English),
            ("zh;q=0, fr", English),
            ("zh;q=NaN", English),
            ("zh;q=wat, en;q=0.1", English),
            (";;;,,;q=1", English),
        ] {
            assert_eq!(Language::from_accept_language(header), expected, "{header}");
        }
    }
}
