//! SMS as networks count them: encoding, units, segments.
//!
//! The rules are 3GPP TS 23.038 (alphabets) and TS 23.040 section 9.2.3.24.1 (concatenation). A
//! text whose characters are all in the GSM 7-bit default alphabet or its extension table is
//! counted in septets: 160 in a single segment, or 153 in each of several, because a header of six
//! octets joins the segments again. Any other text is sent as UCS-2, counted in UTF-16 units: 70,
//! or 67 in each of several segments. National language tables (TS 23.038 annex A) are not used:
//! few providers send them, and none that we support reports it in its answer.

use serde::{Serialize, Serializer};
use std::ops::Range;

/// Septets of a single segment: 140 octets.
const SEPTETS_ALONE: usize = 160;
/// Septets of one of several segments: 140 octets less 6 for the header, and a bit of padding.
const SEPTETS_OF_SEVERAL: usize = 153;
/// UTF-16 units of a single segment: 140 octets.
const UNITS_ALONE: usize = 70;
/// UTF-16 units of one of several segments: 134 octets.
const UNITS_OF_SEVERAL: usize = 67;

/// The most segments of a message, whatever a campaign allows: Twilio accepts at most 1,600
/// characters, which is a little more than ten segments. The header could count 255.
pub const SEGMENTS_MAX: usize = 10;

/// The GSM 7-bit default alphabet (TS 23.038 section 6.2.1), from 0x00; 0x1B is the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1B}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/// The extension table (section 6.2.1.1): each character takes the escape and one more septet.
const EXTENSION: &str = "\u{0C}^{}\\[~]|€";

/// How a text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// In septets of the default alphabet.
    Gsm7,
    /// In UTF-16 units.
    Ucs2,
}

impl Encoding {
    /// Returns the usual name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        }
    }

    /// Returns the most units of a single segment, and of each of several.
    fn limits(self) -> (usize, usize) {
        match self {
            Self::Gsm7 => (SEPTETS_ALONE, SEPTETS_OF_SEVERAL),
            Self::Ucs2 => (UNITS_ALONE, UNITS_OF_SEVERAL),
        }
    }

    /// Returns the units of one character; they are never split over two segments.
    fn units(self, c: char) -> usize {
        match self {
            Self::Gsm7 => septets(c).unwrap_or(0),
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

impl Serialize for Encoding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A text, counted as an SMS.
#[derive(Clone, Debug, PartialEq)]
pub struct Sms {
    pub encoding: Encoding,
    /// The units of its characters, without those left empty before a character that must not be
    /// split.
    pub units: usize,
    /// The byte range of the text in each segment; none for an empty text.
    pub segments: Vec<Range<usize>>,
    /// The free units in the last segment.
    pub free: usize,
}

impl Sms {
    /// Counts a text.
    pub fn of(text: &str) -> Self {
        let is_gsm = text.chars().all(|c| septets(c).is_some());
        let encoding = if is_gsm { Encoding::Gsm7 } else { Encoding::Ucs2 };
        let units = text.chars().map(|c| encoding.units(c)).sum();
        let (alone, of_several) = encoding.limits();
        if units <= alone {
            let whole = 0..text.len();
            let segments = if text.is_empty() { Vec::new() } else { vec![whole] };
            return Self { encoding, units, segments, free: alone - units };
        }
        let (mut segments, mut begin, mut filled) = (Vec::new(), 0, 0);
        for (index, c) in text.char_indices() {
            let taken = encoding.units(c);
            if filled + taken > of_several {
                segments.push(begin..index);
                (begin, filled) = (index, 0);
            }
            filled += taken;
        }
        segments.push(begin..text.len());
        Self { encoding, units, segments, free: of_several - filled }
    }
}

/// Returns the septets of a character of the default alphabet or its extension; `None` for any
/// other.
fn septets(c: char) -> Option<usize> {
    match c {
        // The escape is not a character. The second arm is a fast path for most text.
        '\u{1B}' => None,
        'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' => Some(1),
        _ if BASIC.contains(c) => Some(1),
        _ if EXTENSION.contains(c) => Some(2),
        _ => None,
    }
}

/// Replaceable characters that are not in the default alphabet, with replacements that are. Word
/// processors and keyboards insert them unasked, and they more than double the cost of a text.
const REPLACEMENTS: [(&str, &str); 16] = [
    ("‘’‚‛′`´", "'"),
    ("“”„‟″«»", "\""),
    ("‐‑‒–—―−", "-"),
    ("…", "..."),
    ("\t\u{A0}\u{2002}\u{2003}\u{2007}\u{2009}\u{202F}\u{3000}", " "),
    ("\u{200B}\u{200C}\u{200D}\u{2060}\u{FEFF}\u{AD}\u{FE0F}", ""),
    ("•·", "*"),
    ("áâãāăą", "a"),
    ("ÀÁÂÃĀĂĄ", "A"),
    ("çćč", "c"),
    ("êëēėę", "e"),
    ("ÈÊËĒĖĘ", "E"),
    ("íîïīİ", "i"),
    ("óôõō", "o"),
    ("ÓÔÕŌÒ", "O"),
    ("úûūů", "u"),
];

/// Returns what could replace a character that is not in the default alphabet: an empty string for
/// an invisible one; `None` for one that the text needs.
pub fn replacement(c: char) -> Option<&'static str> {
    REPLACEMENTS.iter().find(|(these, _)| these.contains(c)).map(|(_, by)| *by)
}

/// Returns the characters that make a text UCS-2, each once, in order.
pub fn forcing_ucs2(text: &str) -> Vec<char> {
    let mut found = Vec::new();
    for c in text.chars().filter(|c| septets(*c).is_none()) {
        if !found.contains(&c) {
            found.push(c);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns encoding, units, segments and free units.
    fn counted(text: &str) -> (&'static str, usize, usize, usize) {
        let sms = Sms::of(text);
        (sms.encoding.as_str(), sms.units, sms.segments.len(), sms.free)
    }

    fn lengths(text: &str) -> Vec<usize> {
        let sms = Sms::of(text);
        sms.segments.iter().map(|s| text[s.clone()].chars().count()).collect()
    }

    #[test]
    fn gsm7_units_are_counted() {
        assert_eq!(counted(""), ("GSM-7", 0, 0, 160));
        assert_eq!(counted("a"), ("GSM-7", 1, 1, 159));
        assert_eq!(counted(&"a".repeat(160)), ("GSM-7", 160, 1, 0));
        assert_eq!(counted(&"a".repeat(161)), ("GSM-7", 161, 2, 145));
        for segments in 2..=SEGMENTS_MAX {
            let full = "a".repeat(153 * segments);
            assert_eq!(counted(&full), ("GSM-7", 153 * segments, segments, 0));
            assert_eq!(counted(&(full + "a")).2, segments + 1);
        }
    }

    #[test]
    fn gsm7_alphabet_matches_the_standard() {
        assert_eq!(BASIC.chars().count(), 128);
        let place = |c| BASIC.chars().position(|known| known == c);
        let vectors = [
            ('@', 0x00),
            ('Ç', 0x09),
            ('\n', 0x0A),
            ('\r', 0x0D),
            ('Δ', 0x10),
            ('_', 0x11),
            ('Ξ', 0x1A),
            ('\u{1B}', 0x1B),
            ('Æ', 0x1C),
            ('É', 0x1F),
            (' ', 0x20),
            ('¤', 0x24),
            ('?', 0x3F),
            ('¡', 0x40),
            ('A', 0x41),
            ('Ä', 0x5B),
            ('§', 0x5F),
            ('¿', 0x60),
            ('a', 0x61),
            ('z', 0x7A),
            ('ä', 0x7B),
            ('à', 0x7F),
        ];
        for (c, code) in vectors {
            assert_eq!(place(c), Some(code), "{c}");
        }
        let all: String = BASIC.chars().filter(|c| *c != '\u{1B}').collect();
        assert_eq!(counted(&all), ("GSM-7", 127, 1, 33));
        for c in "çáêΑ`\t‘…中😀\u{1B}".chars() {
            assert_eq!(counted(&c.to_string()).0, "UCS-2", "{c}");
        }
    }

    #[test]
    fn extension_character_takes_two_units_unsplit() {
        for c in "€^{}\\[~]|\u{0C}".chars() {
            assert_eq!(counted(&c.to_string()), ("GSM-7", 2, 1, 158), "{c}");
        }
        assert_eq!(counted(&"€".repeat(80)), ("GSM-7", 160, 1, 0));
        assert_eq!(counted(&format!("{}€", "a".repeat(158))), ("GSM-7", 160, 1, 0));
        assert_eq!(counted(&format!("{}€", "a".repeat(159))), ("GSM-7", 161, 2, 145));
        // The 153rd septet stays empty: otherwise the escape would be split from its character.
        assert_eq!(lengths(&format!("{}€{}", "a".repeat(152), "a".repeat(20))), [152, 21]);
        assert_eq!(lengths(&"€".repeat(81)), [76, 5]);
        assert_eq!(counted(&format!("{}€{}", "a".repeat(152), "a".repeat(152))).2, 3);
    }

    #[test]
    fn ucs2_units_are_counted_with_pairs_unsplit() {
        assert_eq!(counted("中"), ("UCS-2", 1, 1, 69));
        assert_eq!(counted("😀"), ("UCS-2", 2, 1, 68));
        assert_eq!(counted(&"中".repeat(70)), ("UCS-2", 70, 1, 0));
        assert_eq!(counted(&"中".repeat(71)), ("UCS-2", 71, 2, 63));
        assert_eq!(counted(&"中".repeat(134)), ("UCS-2", 134, 2, 0));
        assert_eq!(counted(&"中".repeat(135)), ("UCS-2", 135, 3, 66));
        assert_eq!(counted(&"😀".repeat(35)), ("UCS-2", 70, 1, 0));
        assert_eq!(counted(&"😀".repeat(36)), ("UCS-2", 72, 2, 61));
        // 66 units and an empty one.
        assert_eq!(lengths(&"😀".repeat(36)), [33, 3]);
        assert_eq!(lengths(&format!("{}😀中", "中".repeat(69))), [67, 4]);
        assert_eq!(lengths(&format!("{}😀{}", "中".repeat(66), "中".repeat(9))), [66, 10]);
        // One character outside the alphabet makes the whole text UCS-2; there, `€` is one unit.
        assert_eq!(counted("ç€"), ("UCS-2", 2, 1, 68));
    }

    #[test]
    fn costly_characters_are_named_with_replacement() {
        assert_eq!(forcing_ucs2("It’s “on” – it’s 中"), ['’', '“', '”', '–', '中']);
        assert_eq!(replacement('’'), Some("'"));
        assert_eq!(replacement('\u{200B}'), Some(""));
        assert_eq!(replacement('中'), None);
        for (these, by) in REPLACEMENTS {
            assert!(these.chars().all(|c| septets(c).is_none()), "{these} would do as it is");
            assert!(by.chars().all(|c| septets(c) == Some(1)), "{by}");
        }
    }

    proptest! {
        #[test]
        fn segments_fit_limits_and_join_to_the_text(
            text in "[a-z€{中😀\u{1B}]{0,400}|[a-zé€|]{0,700}",
        ) {
            let sms = Sms::of(&text);
            let parts: String = sms.segments.iter().map(|s| &text[s.clone()]).collect();
            prop_assert_eq!(&parts, &text);
            let (alone, of_several) = sms.encoding.limits();
            let limit = if sms.segments.len() == 1 { alone } else { of_several };
            for segment in &sms.segments {
                let units: usize =
                    text[segment.clone()].chars().map(|c| sms.encoding.units(c)).sum();
                prop_assert!(units > 0 && units <= limit);
            }
            // There could not be fewer segments: the free units are fewer than the next character
            // needs.
            for two in sms.segments.windows(2) {
                let units = |s: &str| s.chars().map(|c| sms.encoding.units(c)).sum::<usize>();
                let next = text[two[1].clone()].chars().next().map(|c| sms.encoding.units(c));
                prop_assert!(units(&text[two[0].clone()]) + next.unwrap_or(0) > of_several);
            }
        }
    }
}
