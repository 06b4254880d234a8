//! A request, parsed once into what handlers need.

use crate::domain::access::caller::{came_by_https, is_from_our_page, origin_of};
use crate::domain::base::language::Language;
use crate::domain::form::form_data;
use crate::domain::inbound::bot_detection::{self, FetchFacts, Network};
use crate::edge::platform::{Context, answer};
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    fn describe(request: &JsValue) -> String;
    fn network(request: &JsValue) -> Option<u32>;
    #[wasm_bindgen(js_name = readAll)]
    fn read_all(request: &JsValue) -> Promise;
    #[wasm_bindgen(js_name = readSome)]
    fn read_some(request: &JsValue, most: usize, drained: usize) -> Promise;
}

pub struct Inbound {
    /// `GET`, `POST`, …
    pub method: String,
    /// The requested host, with its port.
    pub host: String,
    /// The path as it was sent; `route::decode` decodes it.
    pub path: String,
    /// The query string, without the `?`.
    pub query: String,
    scheme: String,
    /// For work after the answer.
    pub context: Context,
    /// Names and values.
    headers: Vec<(String, String)>,
    request: JsValue,
}

/// The reason why a body could not be read.
pub enum BodyError {
    /// It exceeds the limit.
    TooLarge,
    /// The connection broke.
    Broken,
}

/// The most bytes that are read of a body that is too long.
const DRAINED_BYTES_MAX: usize = 4 << 20;

impl Inbound {
    /// Parses a request.
    pub fn new(request: JsValue, context: Context) -> Self {
        let described = describe(&request);
        let mut lines = described.split('\n');
        let method = lines.next().unwrap_or_default();
        // The platform has already parsed and normalised the address: `scheme://host/path?query`.
        let url = lines.next().unwrap_or_default();
        let address = url.split('#').next().unwrap_or_default();
        let (address, query) = address.split_once('?').unwrap_or((address, ""));
        let (scheme, rest) = address.split_once("://").unwrap_or_default();
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mut headers = Vec::new();
        while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
            headers.push((name.to_owned(), value.to_owned()));
        }
        Self {
            method: method.to_owned(),
            host: host.to_owned(),
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            query: query.to_owned(),
            scheme: scheme.to_owned(),
            context,
            headers,
            request,
        }
    }

    /// Whether the client's own connection was https.
    pub fn is_secure(&self) -> bool {
        let (visitor, proto) = (self.header("cf-visitor"), self.header("x-forwarded-proto"));
        came_by_https(&self.scheme, visitor, proto)
    }

    /// Whether the request is for the API.
    pub fn is_api(&self) -> bool {
        self.path.starts_with("/api/")
    }

    /// Returns a header's value, or an empty string.
    pub fn header(&self, name: &str) -> &str {
        let mut all = self.headers.iter();
        let named = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map_or("", |(_, value)| value)
    }

    /// Returns the client's network address; `None` where Cloudflare is not in front.
    pub fn address(&self) -> Option<String> {
        let address = self.header("cf-connecting-ip");
        (!address.is_empty()).then(|| address.to_owned())
    }

    /// Returns the facts by which a fetch is classified as a person's or a bot's. The network
    /// address is not kept.
    pub fn facts(&self) -> FetchFacts {
        let asn = network(&self.request);
        let purposes = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
        let ahead = |name: &str| {
            let purpose = self.header(name).to_ascii_lowercase();
            purpose.contains("prefetch") || purpose.contains("preview")
        };
        FetchFacts {
            method: if self.method == "GET" { String::new() } else { self.method.clone() },
            agent: bot_detection::known_agent(self.header("user-agent")),
            asn,
            network: Network::find(asn, self.address().as_deref()),
            prefetch: purposes.into_iter().any(ahead),
        }
    }

    /// Whether the browser asks not to be tracked, by Global Privacy Control or the older Do Not
    /// Track.
    pub fn objects_to_tracking(&self) -> bool {
        self.header("sec-gpc") == "1" || self.header("dnt") == "1"
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        let header = self.header("cookie");
        let pairs = header.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).next()
    }

    /// Returns a parameter of the query string.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let pairs = form_data::query_pairs(&self.query);
        pairs.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Returns the language of built-in pages: `?lang=`, or the browser's preference.
    pub fn language(&self) -> Language {
        let preferred = || Language::from_accept_language(self.header("accept-language"));
        self.chosen_language().unwrap_or_else(preferred)
    }

    /// Returns the language of `?lang=`, if it names one that we have.
    pub fn chosen_language(&self) -> Option<Language> {
        Language::known(&self.parameter("lang")?)
    }

    /// Whether the client is a program rather than a page in a browser.
    pub fn wants_json(&self) -> bool {
        self.header("accept").contains("application/json") || self.brings_json()
    }

    /// Whether the content type of the body is JSON.
    pub fn brings_json(&self) -> bool {
        let header = self.header("content-type");
        let kind = header.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/json")
    }

    /// Whether one of our pages sent the request, by the requested host or the public address.
    pub fn is_from_our_page(&self, base_url: &str) -> bool {
        let scheme = if self.is_secure() { "https" } else { "http" };
        let asked = format!("{scheme}://{}", self.host);
        let (site, origin) = (self.header("sec-fetch-site"), self.header("origin"));
        is_from_our_page(site, origin, self.header("referer"), &[&asked, origin_of(base_url)])
    }

    /// Reads the body, up to `bytes_max`. A body that declares its length, and is short enough, is
    /// read in one piece. Of a longer one, the rest is read too, and dropped: the runtime resets a
    /// connection with unread data, and the answer would be lost with it.
    pub async fn body(&self, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
        let declared = self.header("content-length").parse::<usize>();
        let read = match declared {
            Ok(bytes) if bytes <= bytes_max => read_all(&self.request),
            _ => read_some(&self.request, bytes_max, DRAINED_BYTES_MAX),
        };
        let body = answer(read).await.map_err(|_| BodyError::Broken)?;
        if body.is_null() { Err(BodyError::TooLarge) } else { Ok(Uint8Array::new(&body).to_vec()) }
    }
}
