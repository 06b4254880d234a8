//! Tracking: the links of a mail lead through us, and a pixel tells of its opening. Whose doing it
//! was is for `domain/machine.rs` to say.

/// Replaces the target of every `http` or `https` link of an HTML mail by what `through` makes of
/// it; `None` leaves a link as it is.
pub fn rewrite_links(html: &str, through: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(html.len() * 2);
    let mut rest = html;
    while let Some(start) = rest.find("href=\"") {
        let (before, after) = rest.split_at(start + "href=\"".len());
        out.push_str(before);
        let Some(end) = after.find('"') else {
            rest = after;
            break;
        };
        let target = unescape(&after[..end]);
        let is_web = target.starts_with("http://") || target.starts_with("https://");
        // `<link href>` loads a font or a style sheet; only what a reader follows is a link.
        let is_link = before.rfind('<').is_some_and(|tag| before[tag..].starts_with("<a"));
        match through(&target).filter(|_| is_web && is_link) {
            Some(tracked) => out.push_str(&escape(&tracked)),
            None => out.push_str(&after[..end]),
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// Puts the image that tells of an opening at the end of an HTML mail.
pub fn add_pixel(html: &str, url: &str) -> String {
    let pixel = format!(
        "<img src=\"{}\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block\">",
        escape(url)
    );
    match html.rfind("</body>") {
        Some(end) => format!("{}{pixel}{}", &html[..end], &html[end..]),
        None => format!("{html}{pixel}"),
    }
}

/// Decodes the character references that Handlebars and MJML write into attributes.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let reference = rest.find(';').filter(|end| *end <= 8).map(|end| &rest[1..end]);
        let character = reference.and_then(|reference| match reference {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => {
                let digits = reference.strip_prefix('#')?;
                let code = match digits.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => digits.parse().ok()?,
                };
                char::from_u32(code)
            }
        });
        match (character, reference) {
            (Some(character), Some(reference)) => {
                out.push(character);
                rest = &rest[reference.len() + 2..];
            }
            _ => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_through_us_and_nothing_else_does() {
        let html = r#"<link href="https://fonts.example/a.css">
            <a class="x" href="https://a.example/?b&#x3D;1&amp;c=2">A</a>
            <a href="mailto:a@b.example">B</a><a href="{x"#;
        let seen = std::cell::RefCell::new(Vec::new());
        let out = rewrite_links(html, |url| {
            seen.borrow_mut().push(url.to_owned());
            Some("https://us.example/c/1?x=1&y=2".into())
        });
        assert_eq!(
            out,
            r#"<link href="https://fonts.example/a.css">
            <a class="x" href="https://us.example/c/1?x=1&amp;y=2">A</a>
            <a href="mailto:a@b.example">B</a><a href="{x"#
        );
        assert!(seen.into_inner().contains(&"https://a.example/?b=1&c=2".to_owned()));
    }

    #[test]
    fn the_pixel_stands_inside_the_body() {
        assert!(
            add_pixel("<body>x</body>", "https://u.example/o/1")
                .ends_with("display:block\"></body>")
        );
        assert!(add_pixel("x", "https://u.example/o/1").starts_with("x<img"));
    }
}
