//! Our message's id as providers carry it, in metadata that comes back with every webhook: so no
//! index on the providers' own ids is needed for e-mail.

use crate::domain::base::primitives::MessageId;

/// The name of the metadata.
pub const MESSAGE_KEY: &str = "dripline_message";

/// The id in letters that every provider's metadata may have: letters, digits, `_` and `-`. A point
/// becomes `_-`, an underscore `__`.
pub fn tag(id: &MessageId) -> String {
    id.as_str().replace('_', "__").replace('.', "_-")
}

/// The id that a provider carried, as it is or in the letters of `tag`.
pub fn message_of(carried: &str) -> Option<MessageId> {
    if carried.is_empty() {
        return None;
    }
    if carried.contains('.') {
        return Some(MessageId::from(carried));
    }
    let mut id = String::new();
    let mut letters = carried.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '_' => id.push(if letters.next() == Some('-') { '.' } else { '_' }),
            letter => id.push(letter),
        }
    }
    Some(MessageId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carried_id_comes_back_as_it_was() {
        for id in ["019c-1.3", "c-1.confirm.spring_news-x.492345", "a_-b.1", "x"] {
            let carried = tag(&MessageId::from(id));
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            assert!(carried.chars().all(plain), "{carried}");
            assert_eq!(message_of(&carried), Some(MessageId::from(id)));
        }
        assert_eq!(message_of("a.1"), Some(MessageId::from("a.1")));
        assert_eq!(message_of(""), None);
    }
}
