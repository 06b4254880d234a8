//! Why something happened or did not, in words: one table of the reasons that the database keeps as
//! short words. What a marketer, an event or a provider named is its own reason.

use super::language::Language;

/// Each reason as it is kept, in English and in Chinese.
const REASONS: [(&str, &str, &str); 10] = [
    ("no_address", "the contact has no address on this channel", "联系人没有该渠道的地址"),
    ("suppressed", "the address must not be written to", "该地址已被禁发"),
    ("left_journey", "the contact had left the journey", "联系人已离开旅程"),
    ("no_consent", "the contact has not agreed to it", "联系人未同意接收"),
    ("contact_gone", "the contact is gone", "联系人已不存在"),
    ("archived", "the journey was archived", "旅程已归档"),
    ("its version is gone", "its version is gone", "所属版本已不存在"),
    ("the step does not exist", "the step does not exist", "步骤不存在"),
    (
        "no sender is configured for this channel",
        "no sender is configured for this channel",
        "该渠道未配置发送服务",
    ),
    (
        "an earlier attempt had no answer",
        "an earlier attempt had no answer, and another might send it twice",
        "此前一次发送没有回应，再发可能重复",
    ),
];

/// A reason as people read it; one that is not ours stays as it is.
pub fn in_words(reason: &str, language: Language) -> String {
    let known = REASONS.iter().find(|(word, ..)| *word == reason);
    known.map_or(reason, |(_, english, chinese)| language.pick(english, chinese)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_ours_are_sentences_and_others_stay() {
        let words = |reason| in_words(reason, Language::English);
        assert_eq!(words("no_consent"), "the contact has not agreed to it");
        assert_eq!(in_words("no_consent", Language::Chinese), "联系人未同意接收");
        assert_eq!(words("order.completed"), "order.completed");
        for (word, english, chinese) in REASONS {
            assert!(!english.contains('_') && english != chinese, "{word}");
        }
    }
}
