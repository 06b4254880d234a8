//! What the headers of a request prove: its connection, the page that sent it, and its API token.
//! All checks are allow lists: anything not known to be good is refused.

use serde_json::Value;

/// The white space allowed between the words of a header (RFC 9110 section 5.6.3).
const BLANK: [char; 2] = [' ', '\t'];

/// Returns whether the caller's own connection was https. `scheme` is that of the URL as the
/// platform gives it. Cloudflare reports the visitor's scheme in `CF-Visitor`, whatever the visitor
/// sent. Elsewhere a proxy that terminates TLS in front of us reports it in `X-Forwarded-Proto`.
pub fn came_by_https(scheme: &str, cf_visitor: &str, forwarded_proto: &str) -> bool {
    let is_https = |word: &str| word.trim().eq_ignore_ascii_case("https");
    if !cf_visitor.is_empty() {
        let visitor: Value = serde_json::from_str(cf_visitor).unwrap_or_default();
        return visitor["scheme"].as_str().is_some_and(is_https);
    }
    is_https(if forwarded_proto.is_empty() { scheme } else { forwarded_proto })
}

/// Returns whether one of our pages sent the request. The browser sets `Sec-Fetch-Site`, and no
/// page can forge it. Without it, or if a person rather than a page started the request (`none`),
/// `Origin` must be one of `ours`; without `Origin`, the origin of `Referer` must be. A sibling
/// subdomain (`same-site`), `Origin: null` and a request without any of the three headers are
/// refused.
pub fn is_from_our_page(site: &str, origin: &str, referer: &str, ours: &[&str]) -> bool {
    match (site, origin, referer) {
        ("same-origin", _, _) => true,
        ("" | "none", "", referer) => ours.contains(&origin_of(referer)),
        ("" | "none", origin, _) => ours.contains(&origin),
        _ => false,
    }
}

/// Returns the origin of a URL: scheme, host and port. Empty if it has none.
pub fn origin_of(address: &str) -> &str {
    let Some(start) = address.find("://") else { return "" };
    let rest = start + "://".len();
    let end = address[rest..].find(['/', '?', '#', '\\']).map_or(address.len(), |end| rest + end);
    &address[..end]
}

/// Returns the token of an `Authorization` header. The scheme is `Bearer` in any case (RFC 9110
/// section 11.1); the token is one word.
pub fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim_matches(BLANK).split_once(BLANK)?;
    let token = token.trim_matches(BLANK);
    let is_word = !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic() && b != b',');
    (scheme.eq_ignore_ascii_case("bearer") && is_word).then_some(token)
}

/// The prefix of API tokens, by which people and scanners for leaked secrets recognize them.
pub const API_TOKEN_PREFIX: &str = "dl_";

/// The length of an API token without its prefix: 32 bytes in base64url.
const API_TOKEN_CHARS: usize = 43;

/// Returns whether a text can be an API token that a member made. If not, no query is needed.
pub fn may_be_api_token(text: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    text.strip_prefix(API_TOKEN_PREFIX)
        .is_some_and(|text| text.len() == API_TOKEN_CHARS && text.bytes().all(is_letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitor_scheme_decides_https() {
        let visitor = |scheme: &str| format!("{{\"scheme\":\"{scheme}\"}}");
        for (scheme, cf_visitor, forwarded, is_https) in [
            ("https", "", "", true),
            ("http", "", "", false),
            ("", "", "", false),
            ("https", &*visitor("https"), "", true),
            ("https", &visitor("http"), "", false),
            ("http", &visitor("https"), "", true),
            // Cloudflare's header takes precedence over what the visitor may have sent.
            ("http", &visitor("http"), "https", false),
            ("https", &visitor("https"), "http", true),
            ("https", "{\"scheme\":1}", "", false),
            ("https", "https", "https", false),
            ("http", "", "https", true),
            ("http", "", "HTTPS", true),
            ("https", "", "http", false),
            ("http", "", "https, http", false),
            ("http", "", "httpsx", false),
        ] {
            let found = came_by_https(scheme, cf_visitor, forwarded);
            assert_eq!(found, is_https, "{scheme:?} {cf_visitor:?} {forwarded:?}");
        }
    }

    #[test]
    fn only_same_origin_requests_are_accepted() {
        let ours = ["https://go.example", "https://x.workers.dev"];
        let own = "https://go.example";
        let page = "https://go.example/admin?lang=en";
        for (site, origin, referer, is_ours) in [
            ("same-origin", "", "", true),
            ("same-origin", "null", "", true),
            ("none", own, "", true),
            ("none", "", page, true),
            ("none", "", "", false),
            ("none", "https://evil.example", page, false),
            ("same-site", own, page, false),
            ("cross-site", own, page, false),
            ("Same-Origin", own, page, false),
            ("same-origin, cross-site", own, page, false),
            ("anything", own, page, false),
            ("", "", "", false),
            ("", own, "", true),
            ("", own, "https://evil.example/", true),
            ("", "https://x.workers.dev", "", true),
            ("", "", page, true),
            ("", "", own, true),
            ("", "null", page, false),
            ("", "http://go.example", page, false),
            ("", "https://go.example:8443", "", false),
            ("", "https://go.example/", "", false),
            ("", "https://evil.example//go.example", "", false),
            ("", "https://shop.go.example", "", false),
            ("", "https://go.example.evil.example", "", false),
            ("", "//go.example", "", false),
            ("", "", "https://go.example.evil.example/", false),
            ("", "", "https://go.example@evil.example/", false),
            ("", "", "https://evil.example/https://go.example/", false),
            ("", "", "https://evil.example\\https://go.example", false),
            ("", "", "/admin", false),
            ("", "", "about:blank", false),
        ] {
            let found = is_from_our_page(site, origin, referer, &ours);
            assert_eq!(found, is_ours, "{site:?} {origin:?} {referer:?}");
        }
        // If our own URL could not be read, no origin matches it.
        assert!(!is_from_our_page("", "", "", &ours) && origin_of("go.example").is_empty());
    }

    #[test]
    fn bearer_scheme_is_case_insensitive() {
        for header in
            ["Bearer t-1", "bearer t-1", "BEARER t-1", "Bearer   t-1 ", " bEaReR \t t-1\t"]
        {
            assert_eq!(bearer_token(header), Some("t-1"), "{header:?}");
        }
        for header in [
            "", "t-1", "Bearer", "Bearer ", "Bearert-1", "Basic t-1", "Bearer x y", "Bearer a,b",
            "Bearer: t-1", "Bearer t-1, Bearer t-2", "Bearer t\u{e9}", "\u{a0}Bearer t-1",
        ] {
            assert_eq!(bearer_token(header), None, "{header:?}");
        }
    }
}
