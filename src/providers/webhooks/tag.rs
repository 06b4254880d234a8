//! Our message id as providers carry it, in metadata that every webhook returns. So e-mail needs no
//! index on the providers' own ids.

use crate::domain::base::primitives::MessageId;

/// The name of the metadata.
pub const MESSAGE_KEY: &str = "dripline_message";

/// Encodes the id in characters that every provider's metadata accepts: letters, digits, `_` and
/// `-`. A point becomes `_-`, an underscore `__`.
pub fn tag(id: &MessageId) -> String {
    id.as_str().replace('_', "__").replace('.', "_-")
}

/// Returns the id that a provider carried, either as it is or encoded by `tag`.
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
    fn message_tag_round_trips() {
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
