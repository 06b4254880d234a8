//! Texts as typed: one line, several lines, web addresses; which characters are refused.

use super::reason::FieldReason;
use crate::domain::contact::address::is_forbidden_control;

/// The longest one-line text, in characters.
pub const TEXT_CHARS_MAX: usize = 255;

/// The longest text of several lines, in characters.
pub const TEXTAREA_CHARS_MAX: usize = 5_000;

/// The longest URL, in characters: what browsers and servers commonly accept.
pub const URL_CHARS_MAX: usize = 2_048;

/// Returns whether a character is invisible and may change how others are read: direction marks,
/// zero-width characters, tags.
pub fn is_invisible(c: char) -> bool {
    is_bidi(c)
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns whether a character changes the direction of the following text, so that it reads
/// backwards.
pub fn is_bidi(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a text without the spaces and invisible characters around it, such as the direction
/// marks around a copied number.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// Returns the single value that is not blank, trimmed.
pub fn single<S: AsRef<str>>(values: &[S]) -> Result<Option<&str>, FieldReason> {
    let mut filled = values.iter().map(|value| trimmed(value.as_ref())).filter(|v| !v.is_empty());
    let first = filled.next();
    if filled.next().is_some() { Err(FieldReason::SeveralValues) } else { Ok(first) }
}

/// Reads one line. A tab, as it comes with pasted cells, becomes a space.
pub fn line(value: &str) -> Result<String, FieldReason> {
    let text = value.replace('\t', " ");
    check_line(&text, TEXT_CHARS_MAX)?;
    Ok(text)
}

/// Reads several lines. Browsers send line breaks as CR LF; only LF is kept.
pub fn lines(value: &str) -> Result<String, FieldReason> {
    let text = value.replace("\r\n", "\n").replace('\r', "\n").replace('\t', " ");
    check_text(&text, TEXTAREA_CHARS_MAX, |c| c == '\n')?;
    Ok(text)
}

/// Reads an absolute http or https URL with a host and without user information.
pub fn url(value: &str) -> Result<String, FieldReason> {
    check_line(value, URL_CHARS_MAX)?;
    let (scheme, rest) = value.split_once("://").ok_or(FieldReason::NotAUrl)?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    let is_good = (scheme == "http" || scheme == "https")
        && host.split('.').all(is_label)
        && port.parse::<u16>().is_ok()
        && !value
            .contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\\' | '`'));
    if is_good { Ok(format!("{scheme}://{rest}")) } else { Err(FieldReason::NotAUrl) }
}

/// Reads the address of an image or a file: a URL as `url` reads it, https only, so that a page can
/// show it without a warning.
pub fn https_url(value: &str) -> Result<String, FieldReason> {
    let url = url(value)?;
    if url.starts_with("https://") { Ok(url) } else { Err(FieldReason::NotHttps) }
}

/// Checks one line, in which characters that change the text direction are refused.
pub(super) fn check_line(text: &str, chars_max: usize) -> Result<(), FieldReason> {
    if text.chars().any(is_bidi) {
        return Err(FieldReason::ControlCharacter);
    }
    check_text(text, chars_max, |_| false)
}

/// Checks a text whose control characters are all refused but some.
pub(super) fn check_text(
    text: &str,
    chars_max: usize,
    is_allowed: impl Fn(char) -> bool,
) -> Result<(), FieldReason> {
    if text.chars().any(|c| is_forbidden_control(c) && !is_allowed(c)) {
        return Err(FieldReason::ControlCharacter);
    }
    if text.chars().count() > chars_max { Err(FieldReason::TooLong(chars_max)) } else { Ok(()) }
}
