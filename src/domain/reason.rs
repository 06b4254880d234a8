//! Why something happened or did not, in words: one table of the reasons that the database keeps as
//! short words. What a marketer, an event or a provider named is its own reason.

use super::language::Language;

/// Each reason as it is kept, in English and in Chinese.
const REASONS: [(&str, &str, &str); 32] = [
    ("no_address", "the contact has no address on this channel", "联系人没有该渠道的地址"),
    ("suppressed", "the address must not be written to", "该地址已被禁发"),
    ("left_journey", "the contact had left the journey", "联系人已离开旅程"),
    ("no_consent", "the contact has not agreed to it", "联系人未同意接收"),
    ("contact_gone", "the contact is gone", "联系人已不存在"),
    ("archived", "the journey is archived", "旅程已归档"),
    ("broadcast_paused", "the broadcast is paused", "群发已暂停"),
    ("broadcast_cancelled", "the broadcast was cancelled", "群发已取消"),
    ("too_late", "its time had passed where the contact is", "联系人当地的发送时间已过"),
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
    // Why somebody is in a journey or not.
    ("inside", "is inside", "在旅程中"),
    ("paused", "it is paused, and nobody enters", "旅程已暂停，无人进入"),
    ("not_live", "it is live no more, and nobody enters", "旅程已下线，无人进入"),
    ("once_only", "has been in it, and nobody enters twice", "已经历过，不可再次进入"),
    ("too_soon", "has been in it, and may enter again later", "已经历过，过一段时间才可再次进入"),
    (
        "next_value",
        "has been in it, and enters with another value",
        "已经历过，属性值不同时再次进入",
    ),
    ("next_time", "has been in it, and enters the next time", "已经历过，下次触发时再次进入"),
    ("not_triggered", "what begins it has not happened", "触发条件尚未发生"),
    (
        "pending",
        "the form was sent, and the address is not confirmed yet",
        "表单已提交，但地址尚未确认",
    ),
    (
        "missed",
        "what begins it happened while it was not live or did not run",
        "触发条件发生时，旅程尚未上线或已停下",
    ),
    // What became of a message.
    ("queued", "waits to be sent", "等待发送"),
    ("held", "waits until its journey is resumed", "等待旅程恢复"),
    ("deferred", "could not be sent yet, and will be tried again", "暂未发出，将再次尝试"),
    ("sending", "is being sent", "正在发送"),
    ("sent", "sent; nobody has said yet whether it arrived", "已发送，尚不知是否送达"),
    ("delivered", "delivered", "已送达"),
    ("skipped", "not sent, on purpose", "有意未发送"),
    ("failed", "could not be sent", "发送失败"),
    ("unknown", "perhaps sent", "可能已发送"),
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
