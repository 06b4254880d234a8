//! Decodes mails: encoded words of headers (RFC 2047), and bodies in base64 or quoted-printable
//! (RFC 2045). Only UTF-8 and ASCII are read; of other charsets the ASCII letters stay, which are
//! enough for codes and most of what servers write.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Lenient: a body that has passed many servers may lack its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes a body by its `Content-Transfer-Encoding`; returns it as it is, if it has none or cannot
/// be decoded.
pub(super) fn body(text: &str, encoding: &str) -> String {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => base64(text).unwrap_or_else(|| text.to_owned()),
        "quoted-printable" => quoted_printable(text, false),
        _ => text.to_owned(),
    }
}

/// Decodes the encoded words of a header's value, such as `=?utf-8?B?6Ieq5Yqo?=`.
pub(super) fn header(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    let mut is_after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, from) = rest.split_at(start);
        let Some((word, after)) = encoded_word(from) else {
            out.push_str(before);
            out.push_str("=?");
            rest = &from[2..];
            is_after_word = false;
            continue;
        };
        // Space between two encoded words belongs to neither (RFC 2047 section 6.2).
        if !(is_after_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        out.push_str(&word);
        rest = after;
        is_after_word = true;
    }
    out.push_str(rest);
    out
}

/// Returns the text of an encoded word at the beginning, and what follows it.
fn encoded_word(from: &str) -> Option<(String, &str)> {
    let mut parts = from.strip_prefix("=?")?.splitn(3, '?');
    let (_charset, encoding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (text, after) = rest.split_once("?=")?;
    match encoding {
        "B" | "b" => Some((base64(text)?, after)),
        "Q" | "q" => Some((quoted_printable(text, true), after)),
        _ => None,
    }
}

fn base64(text: &str) -> Option<String> {
    let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = BASE64.decode(bare).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Decodes quoted-printable: `=3D` is a byte, and `=` at the end of a line joins it to the next; in
/// a header `_` is a space.
fn quoted_printable(text: &str, is_header: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'=', [b'\n', more @ ..]) => more,
            (b'=', [high, low, more @ ..]) if hex(*high, *low).is_some() => {
                bytes.extend(hex(*high, *low));
                more
            }
            (b'_', more) if is_header => {
                bytes.push(b' ');
                more
            }
            (other, more) => {
                bytes.push(*other);
                more
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
