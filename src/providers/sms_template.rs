//! Templates of SMS that a provider keeps. In China every text is sent by a template that was
//! approved before, with values for its variables, under an approved signature.
//!
//! A campaign's text names them in front lines, which the template language fills as it does any
//! text:
//!
//! ```text
//! #template SMS_154950909
//! name={{first_name}}
//! date={{date}}
//! ```
//!
//! A text without such lines is the value of the one variable of the template that is configured.
//! `【brand】` at its beginning is the signature, for the provider sets it itself.

/// A text as the values of a template.
#[derive(Debug, PartialEq)]
pub(super) struct Filled<'a> {
    /// The template's code or id.
    pub(super) template: &'a str,
    /// Names and values, in their order.
    pub(super) values: Vec<(&'a str, &'a str)>,
}

impl<'a> Filled<'a> {
    /// Reads front lines; `None` for a text without them.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let mut lines = text.trim().lines();
        let template = lines.next()?.strip_prefix("#template ")?.trim();
        let values = lines.filter_map(|line| line.split_once('='));
        let values = values.map(|(name, value)| (name.trim(), value.trim())).collect();
        Some(Self { template, values })
    }
}

/// Whether a text is one that only a provider with templates can send.
pub(super) fn needs_template(text: &str) -> bool {
    Filled::read(signature(text).1).is_some()
}

/// The signature at the beginning of a text, and the rest of it.
pub(super) fn signature(text: &str) -> (Option<&str>, &str) {
    let signed = text.trim().strip_prefix('【').and_then(|rest| rest.split_once('】'));
    signed.map_or((None, text.trim()), |(brand, rest)| (Some(brand), rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_lines_fill_a_template() {
        let filled = Filled::read("#template SMS_1\nname = Ann\nlink=https://x.example/?a=b\n");
        let values = vec![("name", "Ann"), ("link", "https://x.example/?a=b")];
        assert_eq!(filled, Some(Filled { template: "SMS_1", values }));
        assert_eq!(Filled::read("Hello #template SMS_1"), None);
    }

    #[test]
    fn a_brand_in_front_is_the_signature() {
        assert_eq!(signature("【阿里云】您好"), (Some("阿里云"), "您好"));
        assert_eq!(signature(" Hello "), (None, "Hello"));
    }
}
