//! A request, parsed once into what handlers need.

use crate::domain::access::caller::{came_by_https, is_from_our_page, origin_of};
use crate::domain::base::language::Language;
use crate::domain::form::form_data;
use crate::domain::inbound::bot_detection::{self, FetchFacts, Network};
use futures_util::StreamExt;
use js_sys::futures::JsFuture;
use js_sys::{Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use worker::Context;
use worker::web_sys::Request;

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    fn describe(request: &Request) -> String;
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
    request: Request,
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
    pub fn new(request: Request, context: Context) -> Self {
        let described = describe(&request);
        let mut lines = described.split('\n');
        let method = lines.next().unwrap_or_default();
        // The platform has already parsed and normalised the address: `scheme://host/path?query`.
        // `worker::Request` would parse it again with 60 kB (gzipped) of tables for international
        // domain names, would read Cloudflare's network data, and would treat unknown methods as
        // GET.
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
        // Reads one property of the object: `worker::Request` would read all of them.
        let cf = Reflect::get(&self.request, &"cf".into()).unwrap_or_default();
        let asn = Reflect::get(&cf, &"asn".into()).ok().and_then(|asn| asn.as_f64());
        let asn = asn.map(|asn| asn as u32);
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
    pub async fn body(&mut self, bytes_max: usize) -> std::result::Result<Vec<u8>, BodyError> {
        let declared = self.header("content-length").parse::<usize>();
        if declared.is_ok_and(|bytes| bytes <= bytes_max) {
            let buffer = self.request.array_buffer().map_err(|_| BodyError::Broken)?;
            let buffer = JsFuture::from(buffer).await.map_err(|_| BodyError::Broken)?;
            return Ok(Uint8Array::new(&buffer).to_vec());
        }
        // A request without a body has no stream.
        let mut request = worker::Request::from(Clone::clone(&self.request));
        let Ok(mut stream) = request.stream() else { return Ok(Vec::new()) };
        let (mut body, mut bytes) = (Vec::new(), 0);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|_| BodyError::Broken)?;
            bytes += chunk.len();
            if bytes > bytes_max.max(DRAINED_BYTES_MAX) {
                break;
            }
            if bytes <= bytes_max {
                body.extend(chunk);
            }
        }
        if bytes > bytes_max { Err(BodyError::TooLarge) } else { Ok(body) }
    }
}
