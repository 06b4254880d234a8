//! What the providers' files share: encodings, addresses, statuses.

use super::http::{HttpRequest, HttpResponse};
use super::{Outgoing, SendResult};
use crate::domain::base::primitives::Span;
use crate::domain::contact::address::mailbox_parts;
pub(super) use crate::providers::webhooks::{MESSAGE_KEY, tag};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Builds a POST of a JSON document.
pub(super) fn post_json(
    url: impl Into<String>,
    headers: Vec<(&'static str, String)>,
    body: &Value,
) -> HttpRequest {
    let mut all = vec![("content-type", "application/json".to_owned())];
    all.extend(headers);
    HttpRequest { method: "POST", url: url.into(), headers: all, body: body.to_string() }
}

/// Returns the value of an `authorization` header for basic authentication (RFC 7617).
pub(super) fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
}

/// Encodes pairs as a form body or a query: in the given order, percent-encoded.
pub(super) fn form<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = pairs.into_iter();
    let pair = |(name, value)| format!("{}={}", percent_encode(name), percent_encode(value));
    pairs.map(pair).collect::<Vec<_>>().join("&")
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(super) fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Converts additional mail headers to a JSON object.
pub(super) fn headers_object(headers: &[(&'static str, String)]) -> Map<String, Value> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect()
}

/// Parses a response body as JSON; null if it is not JSON.
pub(super) fn json(response: &HttpResponse) -> Value {
    serde_json::from_str(&response.body).unwrap_or(Value::Null)
}

/// Returns a string within a JSON document by its JSON pointer (RFC 6901); empty if there is none.
pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Formats a provider's error in one line: a status or code, then the error name and the message if
/// present.
pub(super) fn error_text(code: impl std::fmt::Display, word: &str, text: &str) -> String {
    let rest: Vec<&str> = [word, text].into_iter().filter(|part| !part.is_empty()).collect();
    format!("{code} {}", rest.join(": ")).trim().to_owned()
}

/// Formats a mailbox for a header: quotes a name with special characters (RFC 5322 section 3.2.3).
pub(super) fn quoted_mailbox(mailbox: &str) -> String {
    let (name, address) = mailbox_parts(mailbox);
    match name.as_str() {
        "" => address.to_owned(),
        name if name.contains(|c: char| "()<>[]:;@\\,.\"".contains(c)) => {
            let name = name.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{name}\" <{address}>")
        }
        name => format!("{name} <{address}>"),
    }
}

/// Formats a mailbox in ASCII: encodes a non-ASCII name (RFC 2047) in words of at most 75
/// characters.
pub(super) fn ascii_mailbox(mailbox: &str) -> String {
    let (name, address) = mailbox_parts(mailbox);
    if name.is_ascii() {
        return quoted_mailbox(mailbox);
    }
    let mut words = vec![String::new()];
    for c in name.chars() {
        // 45 bytes are 60 characters of base64.
        if words.last().is_some_and(|word| word.len() + c.len_utf8() > 45) {
            words.push(String::new());
        }
        words.iter_mut().last().into_iter().for_each(|word| word.push(c));
    }
    let words = words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word)));
    format!("{} <{address}>", words.collect::<Vec<_>>().join(" "))
}

/// Returns the result of a message that the provider accepted under this id. A response without an
/// id counts as lost.
pub(super) fn accepted(id: &str) -> SendResult {
    match id {
        "" => SendResult::Lost("an answer without an id".to_owned()),
        id => SendResult::Accepted { provider_id: id.to_owned(), arrived: false },
    }
}

/// Interprets a status code as most providers use it, for responses without a more specific code.
pub(super) fn by_status(response: &HttpResponse, reason: String) -> SendResult {
    match response.status {
        // An account problem, not one of the message: nothing leaves until an operator fixes it.
        401 | 403 => SendResult::Stop(reason),
        // Only these guarantee that the provider accepted nothing.
        425 | 429 | 503 => SendResult::Busy { after: retry_after(response), reason },
        // After a gateway error or a server crash, the message may still have been accepted.
        408 | 500.. => SendResult::Lost(reason),
        _ => SendResult::Refused(reason),
    }
}

/// Reads `Retry-After` in seconds (RFC 9110 section 10.2.3); no provider uses its date form.
pub(super) fn retry_after(response: &HttpResponse) -> Option<Span> {
    let (_, value) = response.headers.iter().find(|(name, _)| name == "retry-after")?;
    value.trim().parse().ok().map(Span::seconds)
}

/// Returns a contact's number as most providers expect it: E.164 without the plus.
pub(super) fn digits(message: &Outgoing) -> &str {
    message.to.trim_start_matches('+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailbox_names_are_quoted_or_encoded() {
        assert_eq!(quoted_mailbox("Joe, jr <j@x.example>"), "\"Joe, jr\" <j@x.example>");
        assert_eq!(quoted_mailbox("Ann <a@x.example>"), "Ann <a@x.example>");
        assert_eq!(ascii_mailbox("速滴 <a@x.example>"), "=?UTF-8?B?6YCf5ru0?= <a@x.example>");
        let long = format!("{} <a@x.example>", "滴".repeat(16));
        assert_eq!(ascii_mailbox(&long).matches("=?UTF-8?B?").count(), 2);
    }

    #[test]
    fn forms_are_percent_encoded() {
        assert_eq!(form([("a b", "1&2"), ("c", "é")]), "a%20b=1%262&c=%C3%A9");
    }
}
