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
        "the contact has not consented, or has not confirmed the consent",
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
        "the contact was merged into another one, which is in it already",
        "联系人已与另一人合并，而后者已在旅程中",
    ),
    (
        "restored",
        "the database was restored, and the message may have been sent before",
        "数据库被恢复过，此消息可能此前已发送",
    ),
    (
        UNREADABLE,
        "its campaign's version cannot be read; it waits until it can",
        "所属活动的版本暂时无法读取，待恢复后继续",
    ),
    ("erased", "the contact was erased", "联系人已被删除"),
    ("archived", "the journey is archived", "旅程已归档"),
    (UNPUBLISHED, "its campaign was unpublished", "所属活动已下线"),
    ("broadcast_paused", "the broadcast is paused", "群发已暂停"),
    ("broadcast_cancelled", "the broadcast was cancelled", "群发已取消"),
    (
        "broadcast_taken",
        "a message was queued; its status shows the result",
        "已安排发送，结果见消息",
    ),
    ("broadcast_not_begun", "it has not started", "尚未开始"),
    (
        "broadcast_came_later",
        "the contact was added after it had started",
        "联系人在其开始之后才加入",
    ),
    ("broadcast_not_in_segment", "is not in its segment", "不在其人群中"),
    ("broadcast_waits_for_test", "gets it when the test is decided", "待测试得出结果后发送"),
    ("broadcast_turn_to_come", "its turn has not come yet", "尚未轮到"),
    ("broadcast_missed", "was not in its segment at the contact's turn", "轮到时不在其人群中"),
    (
        "too_late",
        "its time had already passed in the contact's time zone",
        "联系人当地的发送时间已过",
    ),
    ("its version is gone", "its version is gone", "所属版本已不存在"),
    ("the step does not exist", "the step does not exist", "步骤不存在"),
    (
        "no sender is configured for this channel",
        "no provider is configured for this channel",
        "该渠道未配置发送服务",
    ),
    ("sender_out_of_order", "the provider is unavailable at the moment", "发送服务商暂时不可用"),
    (
        "an earlier attempt had no answer",
        "an earlier attempt had no answer; another one might send it twice",
        "此前一次发送没有回应，再发可能重复",
    ),
    // Why an address is suppressed.
    ("imported", "it was on the suppression list of another system", "来自其他系统的禁发名单"),
    ("manual", "added by your team", "由团队成员添加"),
    ("unsubscribed", "its owner unsubscribed", "对方已退订"),
    // What became of input about a known contact that needed a proof.
    (
        "claim_waits",
        "entered in a form without proof; waits for the contact's confirmation",
        "表单所填，未经证实，等待联系人确认",
    ),
    ("claim_taken_over", "is known now", "已采用"),
    (
        "claim_not_taken",
        "entered in a form, but not confirmed by the contact",
        "表单所填，联系人未确认",
    ),
    (
        "id_used_for_another_event",
        "its id was already used for another event; send it again with a new id",
        "该事件 ID 已用于其他内容，请换一个 ID 重新发送",
    ),
    // Why a contact is in a journey or not.
    ("inside", "is inside", "在旅程中"),
    ("paused", "it is paused, so nobody enters", "旅程已暂停，无人进入"),
    ("not_live", "it is no longer live, so nobody enters", "旅程已下线，无人进入"),
    ("once_only", "has been in it, and may enter only once", "已经历过，不可再次进入"),
    ("too_soon", "has been in it, and may enter again later", "已经历过，过一段时间才可再次进入"),
    (
        "next_value",
        "has been in it, and enters again with another value",
        "已经历过，属性值不同时再次进入",
    ),
    ("next_time", "has been in it, and enters again the next time", "已经历过，下次触发时再次进入"),
    (
        "not_triggered",
        "has not entered: its trigger has not happened",
        "尚未进入：触发条件尚未发生",
    ),
    (
        "pending",
        "the form was submitted, but the address is not confirmed yet",
        "表单已提交，但地址尚未确认",
    ),
    (
        "missed",
        "its trigger happened while it was not live or was paused",
        "触发条件发生时，旅程尚未上线或已停下",
    ),
    // What became of a message.
    ("queued", "waits to be sent", "等待发送"),
    ("held", "waits until its journey is resumed", "等待旅程恢复"),
    ("deferred", "could not be sent yet; it will be retried", "暂未发出，将再次尝试"),
    ("sending", "is being sent", "正在发送"),
    ("sent", "sent; no delivery report yet", "已发送，尚不知是否送达"),
    ("delivered", "delivered", "已送达"),
    ("bounced", "bounced", "已退回"),
    ("complained", "the recipient marked it as spam", "被投诉为垃圾信息"),
    // Why a message waits, or waited too long.
    ("quiet_hours", "quiet hours in the contact's time zone", "联系人所在地正值免打扰时段"),
    ("outside_window", "outside its send window", "不在发送时段内"),
    ("capped", "the contact has reached the frequency cap", "联系人收到的消息已达上限"),
    ("rate_limited", "waits for the provider's rate limit", "发送服务限速，正在排队"),
    (
        "warm_up",
        "the sending domain is warming up, and today's limit is reached",
        "发信域名处于预热期，当日额度已满",
    ),
    (
        "braked",
        "the campaign was auto-paused because of complaints or bounces",
        "活动因投诉或退信过多已自动暂停",
    ),
    ("late", "it had expired", "已过有效期"),
    ("never_open", "no time within two weeks allows it", "两周内没有可发送的时段"),
    (
        "late_quiet_hours",
        "quiet hours would have held it until it expired",
        "免打扰时段会拖过有效期",
    ),
    (
        "late_outside_window",
        "its send window would have begun after it expired",
        "下一个发送时段已过有效期",
    ),
    (
        "late_capped",
        "the frequency cap would have held it until it expired",
        "联系人收到的消息已达上限，等到可发时已过有效期",
    ),
    (
        "late_rate_limited",
        "the rate limit would have held it until it expired",
        "排到发送服务时已过有效期",
    ),
    (
        "late_warm_up",
        "the warm-up limit would have held it until it expired",
        "预热额度用尽，等到可发时已过有效期",
    ),
    ("late_braked", "the campaign was auto-paused until it expired", "活动自动暂停期间已过有效期"),
    // Why a message bounced.
    ("no_such_address", "the address does not exist", "地址不存在"),
    ("no_such_domain", "the domain accepts no mail", "域名不接收邮件"),
    ("inactive", "the address was closed", "地址已停用"),
    ("mailbox_full", "the mailbox is full", "邮箱已满"),
    ("busy", "the receiver is busy, or asks senders to wait", "对方服务器繁忙或要求稍后再试"),
    ("unreachable", "the receiver could not be reached", "无法连接对方"),
    ("too_large", "the message is too large", "邮件过大"),
    ("spam", "the receiver classified the message as spam", "被对方判为垃圾信息"),
    ("blocked", "the receiver blocks the sender", "发送方被对方屏蔽"),
    ("not_authenticated", "the sender failed authentication", "发送方身份未通过验证"),
    ("policy", "the receiver's policy forbids it", "被对方的规则拒绝"),
    ("opted_out", "the owner of the number has opted out", "号码的主人已拒收"),
    ("auto_reply", "an automatic reply, not a bounce", "自动回复，并非退信"),
    ("complaint", "the recipient marked it as spam", "收件人将其举报为垃圾邮件"),
    ("delayed", "delayed; delivery is still being tried", "延迟，仍在尝试投递"),
    ("refused", "refused permanently, without a clear reason", "被永久拒收，未说明原因"),
    ("unclear", "no reason was given", "原因不明"),
    ("skipped", "deliberately not sent", "有意未发送"),
    ("failed", "could not be sent", "发送失败"),
    ("unknown", "possibly sent", "可能已发送"),
    // Why an open or a click is classified as a bot's.
    ("head_request", "only the headers were requested", "只请求了页头"),
    ("prefetch", "it was prefetched", "预先抓取，并非有人点开"),
    ("no_user_agent", "it has no user agent", "未说明访问程序"),
    (
        "scanner_user_agent",
        "a scanner, crawler or preview fetched it",
        "由扫描器、爬虫或链接预览抓取",
    ),
    ("http_library", "a program fetched it, not a browser", "由程序抓取，而非浏览器"),
    ("no_browser", "no browser has this user agent", "没有浏览器如此自称"),
    ("scanner_network", "it came from a network of mail scanners", "来自扫描邮件的网络"),
    (
        "privacy_proxy",
        "a privacy proxy loads every image, whether or not the mail is read",
        "隐私代理会抓取所有图片，无论是否有人阅读",
    ),
    ("too_fast", "it came too soon after the message to be a person", "距送达时间过短，不可能是人"),
    ("every_link", "several links were opened at once", "同一时刻点击了多个链接"),
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
            "the contact has not consented, or has not confirmed the consent"
        );
        assert_eq!(in_words("no_consent", Language::Chinese), "联系人未同意接收，或尚未确认");
        assert_eq!(words("order.completed"), "order.completed");
        for (index, (word, english, chinese)) in REASONS.iter().copied().enumerate() {
            assert!(REASONS[..index].iter().all(|other| other.0 != word), "{word} twice");
            assert!(!english.contains('_') && english != chinese, "{word}");
        }
    }
}
