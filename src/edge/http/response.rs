//! Responses: a status, headers and a body, with the headers that every response carries.

use crate::domain::access::audit::Act;
use crate::domain::base::language::Language;
use crate::domain::base::web_address;
use crate::edge::http::request::Inbound;
use crate::edge::platform;
use crate::flows::error::FlowError;
use crate::route::{self, Area};
use crate::views::page::PAGE_POLICY;
use crate::views::visitor::{MessageKind, MessageView, message_page};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Display;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

/// A response under construction.
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// What the audit log says about the act that is answered: the object, and more.
    about: Option<(String, Value)>,
}

impl Reply {
    fn new(status: u16, kind: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type", kind.to_owned()), ("cache-control", "no-store".into())];
        Self { status, headers, body, about: None }
    }

    pub fn text(status: u16, text: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.as_bytes().to_vec())
    }

    /// A page with its `Content-Security-Policy`.
    pub fn html(status: u16, html: String, policy: &str) -> Self {
        Self::new(status, "text/html; charset=utf-8", html.into_bytes())
            .header("content-security-policy", policy)
    }

    /// A built-in page.
    pub fn page(status: u16, html: String) -> Self {
        Self::html(status, html, PAGE_POLICY)
    }

    pub fn json<T: Serialize>(status: u16, value: &T) -> Self {
        // Replies are structs and maps with text keys, which always serialise.
        Self::new(status, "application/json", serde_json::to_vec(value).unwrap_or_default())
    }

    /// A problem document for a program (RFC 9457), with additional members.
    pub fn problem(status: u16, title: &str, detail: &str, more: Value) -> Self {
        let mut body = json!({ "type": "about:blank", "title": title, "status": status,
                               "detail": detail });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        Self::json(status, &body).header("content-type", "application/problem+json")
    }

    /// Redirects to a path or a URL, which may have characters that a header must not have.
    pub fn redirect(status: u16, location: &str) -> Self {
        let location = web_address::encoded(location);
        Self::new(status, "text/plain; charset=utf-8", Vec::new()).header("location", location)
    }

    /// One of our own scripts.
    pub fn script(text: &str) -> Self {
        Self::new(200, "text/javascript; charset=utf-8", text.as_bytes().to_vec())
    }

    /// Tells browsers to use only https for a year.
    pub fn https_only(self) -> Self {
        self.header("strict-transport-security", "max-age=31536000")
    }

    pub fn gif(bytes: &[u8]) -> Self {
        Self::new(200, "image/gif", bytes.to_vec())
    }

    /// A small file that is the same for everybody and may be cached for a day.
    pub fn cached(text: &str, kind: &str) -> Self {
        Self::new(200, kind, text.as_bytes().to_vec())
            .header("cache-control", "public, max-age=86400")
    }

    /// A page of a file. The header `x-next` says where the next page begins.
    pub fn file(kind: &str, text: String, next: Option<String>) -> Self {
        let page = Self::new(200, kind, text.into_bytes());
        match next {
            Some(next) => page.header("x-next", next),
            None => page,
        }
    }

    /// An empty response (204) that carries only headers.
    pub fn empty() -> Self {
        Self { status: 204, headers: Vec::new(), body: Vec::new(), about: None }
    }

    /// Tells the audit log which object the act was about, by its id, and more facts.
    pub fn about(self, object: &str, detail: Value) -> Self {
        Self { about: Some((object.to_owned(), detail)), ..self }
    }

    /// Returns an act with what its handler knows; `None` if it was refused or failed.
    pub fn done(&self, act: Act) -> Option<Act> {
        let Self { status, about, .. } = self;
        let (object, detail) = about.clone().unwrap_or((act.object.clone(), Value::Null));
        (*status < 400).then_some(Act { object, detail, ..act })
    }

    /// Sets a header, replacing an earlier value.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Converts it to the platform's response.
    pub fn into_response(mut self) -> Result<JsValue, JsValue> {
        for (name, value) in EVERY_RESPONSE {
            if self.headers.iter().all(|(known, _)| known != name) {
                self.headers.push((name, (*value).to_owned()));
            }
        }
        let headers = serde_json::to_string(&self.headers).map_err(|error| error.to_string())?;
        let body = Some(self.body).filter(|body| !body.is_empty());
        respond(self.status, &headers, body)
    }
}

/// The headers of every response.
const EVERY_RESPONSE: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
];

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn respond(status: u16, headers: &str, body: Option<Vec<u8>>) -> Result<JsValue, JsValue>;
}

/// Builds an error response: a page for a browser, with a link back in the web app; a problem
/// document for a program.
pub fn message(inbound: &Inbound, kind: MessageKind) -> Reply {
    message_with(inbound, kind, None)
}

/// Like `message`, with a sentence about the specific case.
pub fn message_with(inbound: &Inbound, kind: MessageKind, detail: Option<&str>) -> Reply {
    let is_api = inbound.is_api();
    let language = if is_api { Language::English } else { inbound.language() };
    if is_api || inbound.wants_json() {
        let (title, explanation, remedy) = kind.words(language);
        let detail = format!("{} {remedy}", detail.unwrap_or(explanation));
        return Reply::problem(kind.status(), title, &detail, Value::Null);
    }
    let campaigns = format!("/admin?lang={}", language.tag());
    let back = (campaigns.as_str(), language.pick("All campaigns", "全部营销活动"));
    let link = (route::area(&inbound.path) == Area::WebApp).then_some(back);
    let view = MessageView { language, kind, detail, link };
    Reply::page(kind.status(), message_page(&view))
}

/// Answers that a dependency does not answer or cannot be read, and that the client should retry.
pub fn unavailable(inbound: &Inbound) -> Reply {
    message(inbound, MessageKind::Unavailable).header("retry-after", "30")
}

/// Logs why a dependency failed, and answers that the client should retry.
pub fn failed(inbound: &Inbound, event: &str, error: &impl Display) -> Reply {
    log(event, &error.to_string());
    unavailable(inbound)
}

/// Answers the error of a flow: the API with the flow's own words, a page with a built-in one.
pub fn refused(inbound: &Inbound, event: &str, error: FlowError) -> Reply {
    let (status, refusal) = match error {
        FlowError::Database(error) => return failed(inbound, event, &error),
        FlowError::NotFound(refusal) => (404, refusal),
        FlowError::Conflict(refusal) => (409, refusal),
        FlowError::Forbidden(refusal) => (403, refusal),
        FlowError::Rejected(refusal) => (422, refusal),
    };
    if !inbound.is_api() {
        return message(inbound, MessageKind::NotFound);
    }
    let more = match refusal.problems.as_slice() {
        [] => Value::Null,
        problems => json!({ "problems": problems }),
    };
    Reply::problem(status, refusal.title, refusal.detail, more)
}

/// Writes one line of JSON to the log. Never log an address, a token or a body.
pub fn log(event: &str, error: &str) {
    platform::console_error(
        &json!({ "level": "error", "event": event, "error": error }).to_string(),
    );
}
