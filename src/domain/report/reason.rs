//! Reasons in words: one table of the reasons that the database stores as short names. A reason
//! named by a marketer, an event or a provider stands for itself.

use crate::domain::base::language::Language;
use crate::domain::publication::unpublished::UNPUBLISHED;

/// The reason of a message that waits because this code cannot read its version.
pub const UNREADABLE: &str = "unreadable";

/// Each reason as stored, in English and in Chinese.
const REASONS: &[(&str, &str, &str)] = &[
    ("no_address", "the contact has no address on this channel", "联系人没有该渠道的地址"),
    ("suppressed", "the address must not be written to", "该地址已被禁发"),
    (
        "nothing_to_confirm",
        "the address is confirmed already, or the request was taken back",
        "地址已确认，或请求已撤回",
    ),
    ("left_journey", "the contact had left the journey", "联系人已离开旅程"),
    (
        "no_consent",
        "the contact has not agreed to it, or has not confirmed that",
        "联系人未同意接收，或尚未确认",
    ),
    (
        "address_changed",
        "an earlier attempt, to another address of the contact, had no answer",
        "此前一次发往该联系人另一地址的发送没有回应",
    ),
    ("contact_gone", "the contact is gone", "联系人已不存在"),
    (
        "merged",
        "the contact is one with another, who is in it already",
        "联系人已与另一人合并，而后者已在旅程中",
    ),
    (
        "restored",
        "the database was restored, and it may have been sent before",
        "数据库被恢复过，此消息可能此前已发送",
    ),
    (
        UNREADABLE,
        "its campaign's version cannot be read, and it waits until it can be",
        "所属活动的版本暂时无法读取，待恢复后继续",
    ),
    ("erased", "the contact was erased", "联系人已被删除"),
    ("archived", "the journey is archived", "旅程已归档"),
    (UNPUBLISHED, "its campaign was unpublished", "所属活动已下线"),
    ("broadcast_paused", "the broadcast is paused", "群发已暂停"),
    ("broadcast_cancelled", "the broadcast was cancelled", "群发已取消"),
    (
        "broadcast_taken",
        "was written to; its message says what became of it",
        "已安排发送，结果见消息",
    ),
    ("broadcast_not_begun", "it has not begun", "尚未开始"),
    ("broadcast_came_later", "the contact came after it had started", "联系人在其开始之后才加入"),
    ("broadcast_not_in_segment", "is not in its segment", "不在其人群中"),
    ("broadcast_waits_for_test", "gets it when its test is decided", "待测试得出结果后发送"),
    ("broadcast_turn_to_come", "its turn has not come yet", "尚未轮到"),
    (
        "broadcast_missed",
        "was not in its segment when its turn would have been",
        "轮到时不在其人群中",
    ),
    ("too_late", "its time had passed where the contact is", "联系人当地的发送时间已过"),
    ("its version is gone", "its version is gone", "所属版本已不存在"),
    ("the step does not exist", "the step does not exist", "步骤不存在"),
    (
        "no sender is configured for this channel",
        "no sender is configured for this channel",
        "该渠道未配置发送服务",
    ),
    ("sender_out_of_order", "the provider takes nothing for now", "发送服务商暂时不可用"),
    (
        "an earlier attempt had no answer",
        "an earlier attempt had no answer, and another might send it twice",
        "此前一次发送没有回应，再发可能重复",
    ),
    // Why an address is suppressed.
    ("imported", "it was on the suppression list of another system", "来自其他系统的禁发名单"),
    ("manual", "one of our own people said so", "由我方人员禁发"),
    ("unsubscribed", "its owner unsubscribed", "对方已退订"),
    // What became of input about a known contact that needed a proof.
    (
        "claim_waits",
        "a form said so without proof; it waits for the contact's confirmation",
        "表单所填，未经证实，等待联系人确认",
    ),
    ("claim_taken_over", "is known now", "已采用"),
    (
        "claim_not_taken",
        "a form said so, and the contact has not confirmed it",
        "表单所填，联系人未确认",
    ),
    (
        "id_used_for_another_event",
        "its id stands for another event already; send it again under an id of its own",
        "该事件 ID 已用于其他内容，请换一个 ID 重新发送",
    ),
    // Why a contact is in a journey or not.
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
    ("bounced", "came back", "已退回"),
    ("complained", "somebody called it spam", "被投诉为垃圾信息"),
    // Why a message waits, or waited too long.
    ("quiet_hours", "the hour is quiet where the contact is", "联系人所在地正值免打扰时段"),
    ("outside_window", "it is sent at other hours", "不在发送时段内"),
    ("capped", "the contact has had as many messages as it may get", "联系人收到的消息已达上限"),
    ("rate_limited", "it waits its turn at the sender", "发送服务限速，正在排队"),
    (
        "warm_up",
        "the sender domain is new, and its day is full",
        "发信域名处于预热期，当日额度已满",
    ),
    ("braked", "the campaign was stopped over complaints or bounces", "活动因投诉或退信过多被刹停"),
    ("late", "its time had passed", "已过有效期"),
    ("never_open", "no hour of two weeks is open for it", "两周内没有可发送的时段"),
    (
        "late_quiet_hours",
        "quiet hours would have kept it until its time had passed",
        "免打扰时段会拖过有效期",
    ),
    (
        "late_outside_window",
        "its sending hours would have come after its time had passed",
        "下一个发送时段已过有效期",
    ),
    (
        "late_capped",
        "the contact had had so many that its time would have passed",
        "联系人收到的消息已达上限，等到可发时已过有效期",
    ),
    (
        "late_rate_limited",
        "its turn at the sender would have come after its time had passed",
        "排到发送服务时已过有效期",
    ),
    (
        "late_warm_up",
        "the new domain's days were full until its time had passed",
        "预热额度用尽，等到可发时已过有效期",
    ),
    (
        "late_braked",
        "the campaign was stopped until its time had passed",
        "活动被刹停，恢复前已过有效期",
    ),
    // Why a message bounced.
    ("no_such_address", "nobody has this address", "地址不存在"),
    ("no_such_domain", "the domain takes no mail", "域名不接收邮件"),
    ("inactive", "the address was closed", "地址已停用"),
    ("mailbox_full", "the mailbox is full", "邮箱已满"),
    ("busy", "the receiver is busy, or makes senders wait", "对方服务器繁忙或要求稍后再试"),
    ("unreachable", "the receiver could not be reached", "无法连接对方"),
    ("too_large", "the message is too large", "邮件过大"),
    ("spam", "the receiver took the message for spam", "被对方判为垃圾信息"),
    ("blocked", "the receiver blocks the sender", "发送方被对方屏蔽"),
    ("not_authenticated", "the sender did not prove who it is", "发送方身份未通过验证"),
    ("policy", "a rule of the receiver's forbids it", "被对方的规则拒绝"),
    ("opted_out", "the owner of the number wants no messages", "号码的主人已拒收"),
    ("auto_reply", "the answer of a machine, no bounce", "自动回复，并非退信"),
    ("complaint", "its reader called it spam", "收件人将其举报为垃圾邮件"),
    ("delayed", "late, and still being tried", "延迟，仍在尝试投递"),
    ("refused", "refused for good, in words that say nothing more", "被永久拒收，未说明原因"),
    ("unclear", "nobody said why", "原因不明"),
    ("skipped", "not sent, on purpose", "有意未发送"),
    ("failed", "could not be sent", "发送失败"),
    ("unknown", "perhaps sent", "可能已发送"),
    // Why an open or a click is classified as a bot's.
    ("head_request", "only the head of the page was asked for", "只请求了页头"),
    ("prefetch", "it was fetched before anybody asked for it", "预先抓取，并非有人点开"),
    ("no_user_agent", "it named no program", "未说明访问程序"),
    (
        "scanner_user_agent",
        "a scanner, crawler or preview fetched it",
        "由扫描器、爬虫或链接预览抓取",
    ),
    ("http_library", "a program fetched it, not a browser", "由程序抓取，而非浏览器"),
    ("no_browser", "no browser calls itself so", "没有浏览器如此自称"),
    (
        "scanner_network",
        "it came from a network whose machines look into mail",
        "来自扫描邮件的网络",
    ),
    (
        "privacy_proxy",
        "a proxy fetches every picture, whether or not anybody reads",
        "隐私代理会抓取所有图片，无论是否有人阅读",
    ),
    (
        "too_fast",
        "it came sooner after the message than anybody reads",
        "距送达时间过短，不可能是人",
    ),
    ("every_link", "several links were followed at once", "同一时刻点击了多个链接"),
];

/// Returns a reason as people read it; an unknown one stays as it is.
pub fn in_words(reason: &str, language: Language) -> String {
    let known = REASONS.iter().find(|(word, ..)| *word == reason);
    known.map_or(reason, |(_, english, chinese)| language.pick(english, chinese)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_reasons_become_sentences() {
        let words = |reason| in_words(reason, Language::English);
        assert_eq!(
            words("no_consent"),
            "the contact has not agreed to it, or has not confirmed that"
        );
        assert_eq!(in_words("no_consent", Language::Chinese), "联系人未同意接收，或尚未确认");
        assert_eq!(words("order.completed"), "order.completed");
        for (index, (word, english, chinese)) in REASONS.iter().copied().enumerate() {
            assert!(REASONS[..index].iter().all(|other| other.0 != word), "{word} twice");
            assert!(!english.contains('_') && english != chinese, "{word}");
        }
    }
}
