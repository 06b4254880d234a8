//! Character encodings of table files: their names, and which one a file is in.
//!
//! UTF-8 and UTF-16 are decoded here. The tables of GB18030 are too large for the module, so its
//! decoder is an argument: a `TextDecoder` in a worker, a crate on the command line.

use serde::{Deserialize, Serialize};

/// Decodes whole characters of GB18030 as the Encoding Standard of WHATWG says: bytes that are no
/// character become U+FFFD, and do not swallow a line break after them.
pub type Gb18030Decoder<'d> = &'d dyn Fn(&[u8]) -> String;

/// How the characters of a file are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// With GBK and GB 2312, which it contains.
    #[serde(rename = "gb18030")]
    Gb18030,
}

/// What an encoding was detected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// An operator named it.
    Chosen,
    /// The file begins with its byte order mark.
    Mark,
    /// The beginning of the file has characters beyond ASCII, and all of them are valid in it.
    Characters,
    /// The beginning of the file is ASCII, which is the same in UTF-8 and GB18030.
    AsciiOnly,
}

impl Encoding {
    pub const ALL: [Self; 4] = [Self::Utf8, Self::Utf16Le, Self::Utf16Be, Self::Gb18030];

    /// Returns the name in the Encoding Standard.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Gb18030 => "GB18030",
        }
    }

    /// Finds an encoding by one of its usual names, in any case.
    pub fn by_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "utf-16" | "utf-16le" | "utf16" | "utf16le" | "unicode" => Some(Self::Utf16Le),
            "utf-16be" | "utf16be" => Some(Self::Utf16Be),
            "gb18030" | "gbk" | "gb2312" | "cp936" | "ansi" => Some(Self::Gb18030),
            _ => None,
        }
    }

    /// The byte order mark: U+FEFF in this encoding.
    pub(crate) fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf8 => &[0xEF, 0xBB, 0xBF],
            Self::Utf16Le => &[0xFF, 0xFE],
            Self::Utf16Be => &[0xFE, 0xFF],
            Self::Gb18030 => &[0x84, 0x31, 0x95, 0x33],
        }
    }
}

/// Detects the encoding by the beginning of a file; `None` if it is none of these. `is_whole` says
/// that the file ends there; otherwise its last character may be cut off.
pub fn detect(head: &[u8], is_whole: bool) -> Option<(Encoding, Evidence)> {
    let marked = Encoding::ALL.into_iter().find(|encoding| head.starts_with(encoding.mark()));
    if let Some(encoding) = marked {
        return Some((encoding, Evidence::Mark));
    }
    if let Some(wide) = unmarked_utf16(head) {
        return Some((wide, Evidence::Characters));
    }
    if head.is_ascii() {
        return Some((Encoding::Utf8, Evidence::AsciiOnly));
    }
    if is_utf8(head, is_whole) {
        return Some((Encoding::Utf8, Evidence::Characters));
    }
    if is_gb18030(head, is_whole) {
        return Some((Encoding::Gb18030, Evidence::Characters));
    }
    // A file in UTF-8 with a few broken bytes: their rows are errors, the others are read.
    is_mostly_utf8(head).then_some((Encoding::Utf8, Evidence::Characters))
}

/// Detects UTF-16 without a mark: in text with separators and line breaks, every eighth byte or
/// more is zero, nearly all at even places or nearly all at odd ones.
fn unmarked_utf16(head: &[u8]) -> Option<Encoding> {
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if head.len() < 4 || even + odd <= head.len() / 8 {
        return None;
    }
    match (odd > even * 4, even > odd * 4) {
        (true, _) => Some(Encoding::Utf16Le),
        (_, true) => Some(Encoding::Utf16Be),
        _ => None,
    }
}

fn is_utf8(head: &[u8], is_whole: bool) -> bool {
    match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && !is_whole,
    }
}

/// Whether there are several characters beyond ASCII for each broken byte. In Chinese text of other
/// encodings, only one pair of bytes in six is valid UTF-8 by chance.
fn is_mostly_utf8(head: &[u8]) -> bool {
    let (mut letters, mut broken) = (0, 0);
    for chunk in head.utf8_chunks() {
        letters += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    letters >= 3 * broken
}

/// Whether the bytes are plausible Chinese text in GB18030: all of them form characters, and nearly
/// all of these are in the common part of GB 2312. Western and Japanese text and Big5 are not.
fn is_gb18030(head: &[u8], is_whole: bool) -> bool {
    let (mut at, mut characters, mut common) = (0, 0_usize, 0_usize);
    while at < head.len() {
        match gb18030_character(&head[at..]) {
            Character::Ascii => at += 1,
            Character::Cut if !is_whole => break,
            Character::Cut | Character::Broken => return false,
            Character::Wide(length) => {
                let (lead, trail) = (head[at], head[at + 1]);
                let is_common = matches!(lead, 0xA1..=0xA3 | 0xB0..=0xD7) && trail >= 0xA1;
                characters += 1;
                common += usize::from(is_common && length == 2);
                at += length;
            }
        }
    }
    // Names have rare characters: four of five must be common, not all.
    characters > 0 && common * 5 >= characters * 4
}

/// The character at the beginning of some bytes.
enum Character {
    Ascii,
    /// The length of a character beyond ASCII, in bytes.
    Wide(usize),
    /// The bytes end within a character.
    Cut,
    Broken,
}

fn gb18030_character(bytes: &[u8]) -> Character {
    match *bytes {
        [0..=0x7F, ..] => Character::Ascii,
        [0x81..=0xFE] => Character::Cut,
        [0x81..=0xFE, 0x40..=0x7E | 0x80..=0xFE, ..] => Character::Wide(2),
        [0x81..=0xFE, b'0'..=b'9'] => Character::Cut,
        [0x81..=0xFE, b'0'..=b'9', 0x81..=0xFE] => Character::Cut,
        [0x81..=0xFE, b'0'..=b'9', 0x81..=0xFE, b'0'..=b'9', ..] => Character::Wide(4),
        _ => Character::Broken,
    }
}

/// Returns the length of the whole characters at the beginning of some bytes.
pub(super) fn whole_gb18030(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        match gb18030_character(&bytes[at..]) {
            Character::Ascii | Character::Broken => at += 1,
            Character::Wide(length) => at += length,
            Character::Cut => break,
        }
    }
    at
}

/// What stands for bytes that are no text, until their row is an error: it occurs in no UTF-8.
pub(super) const NO_TEXT: u8 = 0xFF;

/// Appends whole characters of UTF-16 as UTF-8, and returns how many bytes that took. At the end of
/// the file, half a character is no text.
pub(super) fn decode_utf16(
    bytes: &[u8],
    is_little: bool,
    is_last: bool,
    text: &mut Vec<u8>,
) -> usize {
    let unit = |at: usize| {
        let pair = [*bytes.get(at)?, *bytes.get(at + 1)?];
        Some(if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    let mut at = 0;
    while let Some(first) = unit(at) {
        let second = match first {
            0xD800..=0xDBFF => unit(at + 2),
            _ => None,
        };
        if matches!(first, 0xD800..=0xDBFF) && second.is_none() && !is_last {
            return at;
        }
        let units = [first, second.unwrap_or_default()];
        match char::decode_utf16(units).next() {
            Some(Ok(character)) => {
                let mut buffer = [0; 4];
                text.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                at += 2 * character.len_utf16();
            }
            _ => {
                text.push(NO_TEXT);
                at += 2;
            }
        }
    }
    if is_last && at < bytes.len() {
        text.push(NO_TEXT);
        at = bytes.len();
    }
    at
}
