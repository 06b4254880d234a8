//! The path of a request: decoding it, and whom it is for.

use crate::domain::form::form_data::percent_decode;

/// The folders of the links in messages.
const LINKS: [&str; 6] = ["c", "o", "s", "u", "confirm", "preferences"];

/// Decodes a path for routing; this is the only place where its escapes are decoded. Returns `None`
/// for a path that two programs could interpret differently: with an escaped slash, backslash, `%`
/// or control character, a broken escape, a backslash, or a segment that is empty, `.` or `..`. A
/// single slash at the end is kept, because a page may be requested with it. From links of
/// messages, the line breaks that mail clients insert are removed.
pub fn decode(path: &str) -> Option<String> {
    let is_link = LINKS.contains(&path.strip_prefix('/')?.split('/').next()?);
    let mut segments = path.strip_prefix('/')?.split('/').peekable();
    let mut decoded = String::with_capacity(path.len());
    while let Some(segment) = segments.next() {
        let mut text = percent_decode(segment)?;
        if is_link {
            text.retain(|c| !BREAKS.contains(&c));
        }
        let is_last = segments.peek().is_none();
        let is_vague = |c: char| "/\\%".contains(c) || c.is_control();
        if text.contains(is_vague) || text == "." || text == ".." || (text.is_empty() && !is_last) {
            return None;
        }
        decoded.push('/');
        decoded.push_str(&text);
    }
    Some(decoded)
}

/// What mail clients insert into long links: line breaks, tabs, and invisible characters.
const BREAKS: [char; 9] =
    ['\r', '\n', '\t', '\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];

/// The audience of a URL. It determines over which connections and from which pages it may be
/// requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Visitors, readers of messages, and providers.
    Public,
    /// Programs with an API token.
    Api,
    /// People who are signed in.
    WebApp,
}

/// Returns the area of a decoded path, whether or not it exists.
pub fn area(path: &str) -> Area {
    match path.split('/').nth(1) {
        Some("admin" | "dev") => Area::WebApp,
        Some("api") => Area::Api,
        _ => Area::Public,
    }
}
