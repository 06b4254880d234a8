//! What goes back: a status, headers and a body, with the headers that every answer carries.

use crate::domain::base::language::Language;
use crate::edge::http::request::Inbound;
use crate::views::page::PAGE_POLICY;
use crate::views::visitor::{MessageKind, MessageView, message_page};
use serde::Serialize;
use serde_json::{Value, json};
use worker::{Headers, Response, Result};

/// An answer in the making.
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn new(status: u16, kind: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type", kind.to_owned()), ("cache-control", "no-store".into())];
        Self { status, headers, body }
    }

    /// Plain text.
    pub fn text(status: u16, text: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
    }

    /// A page, with the policy of what it may load.
    pub fn html(status: u16, html: String, policy: &str) -> Self {
        Self::new(status, "text/html; charset=utf-8", html.into_bytes())
            .header("content-security-policy", policy)
    }

    /// A page of the house.
    pub fn page(status: u16, html: String) -> Self {
        Self::html(status, html, PAGE_POLICY)
    }

    /// JSON.
    pub fn json<T: Serialize>(status: u16, value: &T) -> Self {
        // Replies are structs and maps with text keys, which always serialise.
        Self::new(status, "application/json", serde_json::to_vec(value).unwrap_or_default())
    }

    /// An error for a program (RFC 9457), with further members of its own.
    pub fn problem(status: u16, title: &str, detail: &str, more: Value) -> Self {
        let mut body = json!({ "type": "about:blank", "title": title, "status": status,
                               "detail": detail });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        Self::json(status, &body).header("content-type", "application/problem+json")
    }

    /// See there.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", Vec::new()).header("location", location)
    }

    /// A script of ours.
    pub fn script(text: &str) -> Self {
        Self::new(200, "text/javascript; charset=utf-8", text.as_bytes().to_vec())
    }

    /// Tells browsers to come by https only, for a year.
    pub fn https_only(self) -> Self {
        self.header("strict-transport-security", "max-age=31536000")
    }

    /// An image.
    pub fn gif(bytes: &[u8]) -> Self {
        Self::new(200, "image/gif", bytes.to_vec())
    }

    /// A small file that is the same for everybody and may be kept for a day.
    pub fn cached(text: &str, kind: &str) -> Self {
        Self::new(200, kind, text.as_bytes().to_vec())
            .header("cache-control", "public, max-age=86400")
    }

    /// Nothing to say but headers.
    pub fn empty() -> Self {
        Self { status: 204, headers: Vec::new(), body: Vec::new() }
    }

    /// Sets a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Turns it into the platform's response.
    pub fn into_response(self) -> Result<Response> {
        let headers = Headers::new();
        headers.set("x-content-type-options", "nosniff")?;
        headers.set("referrer-policy", "strict-origin-when-cross-origin")?;
        for (name, value) in &self.headers {
            headers.set(name, value)?;
        }
        let response = match self.body.is_empty() {
            true => Response::empty()?,
            false => Response::from_bytes(self.body)?,
        };
        Ok(response.with_status(self.status).with_headers(headers))
    }
}

/// An error: a page in a browser, a problem document for a program.
pub fn message(inbound: &Inbound, kind: MessageKind) -> Reply {
    message_with(inbound, kind, None)
}

/// The same, with a sentence about this very case.
pub fn message_with(inbound: &Inbound, kind: MessageKind, detail: Option<&str>) -> Reply {
    let is_api = inbound.path.starts_with("/api/");
    let language = if is_api { Language::English } else { inbound.language() };
    if is_api || inbound.wants_json() {
        let (title, explanation, remedy) = kind.words(language);
        let detail = format!("{} {remedy}", detail.unwrap_or(explanation));
        return Reply::problem(kind.status(), title, &detail, Value::Null);
    }
    let view = MessageView { language, kind, detail, link: None };
    Reply::page(kind.status(), message_page(&view))
}

/// Something that is needed does not answer, or cannot be read: come again.
pub fn unavailable(inbound: &Inbound) -> Reply {
    message(inbound, MessageKind::Unavailable).header("retry-after", "30")
}

/// Writes one line of JSON to the log. Never an address, a token or a body.
pub fn log(event: &str, error: &str) {
    worker::console_error!("{}", json!({ "level": "error", "event": event, "error": error }));
}
