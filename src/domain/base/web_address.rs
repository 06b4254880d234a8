//! Web addresses (URLs), read and written as browsers do (WHATWG URL).

/// The longest target of a link that redirects through us: its token still fits in a URL.
pub const TARGET_BYTES_MAX: usize = 2_000;

/// Normalizes a URL for use in a `Location` header and as the target of a link, as browsers do
/// (WHATWG URL): without surrounding white space, in ASCII, the rest percent-encoded. `None` if it
/// is not a web address or too long.
pub fn location(url: &str) -> Option<String> {
    let is_edge = |c: char| c <= ' ' || c.is_whitespace();
    let url: String =
        url.trim_matches(is_edge).chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
    let (scheme, rest) = split_scheme(&url)?;
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let (host, rest) = rest.split_at(end);
    let is_bad = |c: char| {
        c.is_control()
            || c.is_whitespace()
            || matches!(c, '<' | '>' | '"' | '^' | '`' | '{' | '|' | '}')
    };
    let name = host.rsplit_once('@').map_or(host, |(_, name)| name);
    if name.is_empty() || name.starts_with(':') || host.contains(is_bad) {
        return None;
    }
    let url = format!("{scheme}://{}{}", encoded(host), encoded(rest));
    (url.len() <= TARGET_BYTES_MAX).then_some(url)
}

/// Splits a URL into its scheme, in lower case, and the text after the slashes.
pub fn split_scheme(url: &str) -> Option<(&'static str, &str)> {
    ["https", "http"].into_iter().find_map(|scheme| {
        let (begin, rest) = url.split_at_checked(scheme.len())?;
        let rest = rest.strip_prefix("://").filter(|_| begin.eq_ignore_ascii_case(scheme))?;
        Some((scheme, rest))
    })
}

/// Returns scheme, host and port of a result of `location`. `None` for a URL with user information,
/// which pretends to lead to another host.
pub fn origin(location: &str) -> Option<String> {
    let (scheme, rest) = split_scheme(location)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (!host.contains('@')).then(|| format!("{scheme}://{}", host.to_ascii_lowercase()))
}

/// Percent-encodes the characters that must not occur in a URL; a `\\` in a path becomes a `/`.
pub fn encoded(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    let mut is_path = true;
    for byte in part.bytes() {
        is_path &= !matches!(byte, b'?' | b'#');
        match byte {
            b'\\' if is_path => out.push('/'),
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                out.push_str(&format!("%{byte:02X}"));
            }
            b'!'..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Adds tags to a link. Tags that it already has and the rest of it stay unchanged.
pub fn add_tags(url: &str, tags: &[(&str, &str)]) -> String {
    let (address, fragment) = match url.find('#') {
        Some(start) => url.split_at(start),
        None => (url, ""),
    };
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let has = |name: &str| {
        query.split('&').any(|pair| pair.split('=').next().is_some_and(|known| known == name))
    };
    let mut tagged = address.to_owned();
    for (name, value) in tags.iter().filter(|(name, value)| !value.is_empty() && !has(name)) {
        let joint = match tagged.find('?') {
            None => "?",
            Some(_) if tagged.ends_with(['?', '&']) => "",
            Some(_) => "&",
        };
        tagged.push_str(&format!("{joint}{name}={}", percent_encoded(value)));
    }
    tagged + fragment
}

/// Percent-encodes all but the unreserved characters (RFC 3986 section 2.3).
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn location_is_trimmed_ascii_http_url() {
        for (written, read) in [
            ("https://a.example/x?y=1#z", "https://a.example/x?y=1#z"),
            (" \r\n\u{3000}HTTPS://a.example/x\t\n", "https://a.example/x"),
            (
                "https://a.example/产品?关键词=电机",
                "https://a.example/%E4%BA%A7%E5%93%81\
              ?%E5%85%B3%E9%94%AE%E8%AF%8D=%E7%94%B5%E6%9C%BA",
            ),
            (
                "https://a.example/a b\"<c>?d|e#{f}",
                "https://a.example/a%20b%22%3Cc%3E?d%7Ce#%7Bf%7D",
            ),
            ("https://a.example\\b\\c?d\\e", "https://a.example/b/c?d%5Ce"),
            ("https://a.example/%E4?x=%2F", "https://a.example/%E4?x=%2F"),
            ("https://a.example/\r\nSet-Cookie: a=b", "https://a.example/Set-Cookie:%20a=b"),
            ("https://a.example/\u{0}\u{7f}\u{85}x", "https://a.example/%00%7F%C2%85x"),
            ("http://例子.example", "http://%E4%BE%8B%E5%AD%90.example"),
        ] {
            assert_eq!(location(written).as_deref(), Some(read), "{written:?}");
        }
        let long = format!("https://a.example/{}", "x".repeat(TARGET_BYTES_MAX));
        for not in [
            "",
            "/x",
            "//a.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://",
            "https:///x",
            "https://a b.example/",
            "https://@/x",
            "https://:80/",
            "https:a.example",
            "java\nscript:alert(1)",
            "https://a\u{0}.example/",
            "https://{{x}}/",
            &long,
        ] {
            assert_eq!(location(not), None, "{not:?}");
        }
    }

    #[test]
    fn origin_matches_what_a_browser_visits() {
        let of = |url: &str| origin(&location(url).unwrap());
        assert_eq!(of("HTTPS://A.Example:8443/x").as_deref(), Some("https://a.example:8443"));
        assert_eq!(of("https://a.example\\@evil.example").as_deref(), Some("https://a.example"));
        assert_eq!(
            of("https://a.example\t.evil.example/").as_deref(),
            Some("https://a.example.evil.example")
        );
        assert_eq!(of("https://a.example@evil.example/"), None);
    }

    #[test]
    fn utm_tags_keep_existing_parameters() {
        let tags = [("utm_source", "email"), ("utm_content", "步骤 1"), ("utm_medium", "")];
        let tagged = |url| add_tags(url, &tags);
        assert_eq!(
            tagged("https://a.example/p"),
            "https://a.example/p?utm_source=email&utm_content=%E6%AD%A5%E9%AA%A4%201"
        );
        assert_eq!(
            tagged("https://a.example/p?utm_content=mine&q=1#part"),
            "https://a.example/p?utm_content=mine&q=1&utm_source=email#part"
        );
        assert!(tagged("https://a.example/?").starts_with("https://a.example/?utm_source=email&"));
    }
}
