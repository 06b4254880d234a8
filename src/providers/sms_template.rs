//! SMS templates that a provider stores. In China, every text is sent with a template that was
//! approved beforehand, with values for its variables, under an approved signature.
//!
//! A campaign's text selects a template in its first lines, which the template language fills like
//! any text:
//!
//! ```text
//! #template SMS_154950909
//! name={{first_name}}
//! date={{date}}
//! ```
//!
//! A text without such lines becomes the value of the only variable of the configured template.
//! `【brand】` at its beginning is the signature; it is removed from the text because the provider
//! adds it.

/// A text read as a template and its values.
#[derive(Debug, PartialEq)]
pub(super) struct Filled<'a> {
    /// The template's code or id.
    pub(super) template: &'a str,
    /// Names and values, in order.
    pub(super) values: Vec<(&'a str, &'a str)>,
}

impl<'a> Filled<'a> {
    /// Reads the first lines; `None` for a text that selects no template.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut lines = text.trim().lines();
        let template = lines.next()?.strip_prefix("#template ")?.trim();
        let values = lines.filter_map(|line| line.split_once('='));
        let values = values.map(|(name, value)| (name.trim(), value.trim())).collect();
        Some(Self { template, values })
    }
}

/// Returns whether only a provider with templates can send this text.
pub(super) fn needs_template(text: &str) -> bool {
    Filled::read(signature(text).1).is_some()
}

/// Splits a text into the signature at its beginning and the rest.
pub(super) fn signature(text: &str) -> (Option<&str>, &str) {
    let signed = text.trim().strip_prefix('【').and_then(|rest| rest.split_once('】'));
    signed.map_or((None, text.trim()), |(brand, rest)| (Some(brand), rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_lines_fill_a_template() {
        let filled = Filled::read("#template SMS_1\nname = Ann\nlink=https://x.example/?a=b\n");
        let values = vec![("name", "Ann"), ("link", "https://x.example/?a=b")];
        assert_eq!(filled, Some(Filled { template: "SMS_1", values }));
        assert_eq!(Filled::read("Hello #template SMS_1"), None);
    }

    #[test]
    fn leading_brand_is_the_signature() {
        assert_eq!(signature("【阿里云】您好"), (Some("阿里云"), "您好"));
        assert_eq!(signature(" Hello "), (None, "Hello"));
    }
}
