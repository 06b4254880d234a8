//! What receivers say, whatever codes they say it with.

use super::BounceReason;
use super::BounceReason::{
    Blocked, Busy, Inactive, MailboxFull, NoSuchAddress, NoSuchDomain, NotAuthenticated, Policy,
    Spam, TooLarge, Unreachable,
};

/// Pieces of what receivers say, in lower case, and what they mean; the first that is found counts,
/// so what says more stands before what says less. Gmail's, Outlook's, Yahoo's and Apple's are in
/// the postmaster pages of each; the Chinese ones are those of QQ Mail, Tencent Exmail, NetEase and
/// Aliyun.
const SAID: &[(BounceReason, &[&str])] = &[
    (
        MailboxFull,
        &[
            "mailbox full",
            "mailbox is full",
            "over quota",
            "overquota",
            "quota exceeded",
            "out of storage",
            "exceeded storage",
            "storage allocation",
            "insufficient storage",
            "mailbox size limit",
            "mailbox space not enough",
            "mailbox has exceeded",
            "inbox is full",
            "邮箱已满",
            "邮箱空间不足",
            "容量已满",
            "空间已满",
            "超出容量",
        ],
    ),
    (
        TooLarge,
        &[
            "message too large", "message size exceeds", "size limit", "too big",
            "maximum message size", "message is too large", "exceeds size", "邮件过大", "邮件太大",
            "超过大小限制",
        ],
    ),
    (
        NotAuthenticated,
        &[
            "dmarc",
            "spf check",
            "spf fail",
            "spf validation",
            "spf record",
            "dkim",
            "unauthenticated",
            "not authenticated",
            "authentication results",
            "sender id",
            "fails to pass authentication",
            "domain's policy",
            "身份验证",
            "发信人验证",
        ],
    ),
    (
        Blocked,
        &[
            "blocklist",
            "block list",
            "blacklist",
            "black list",
            "blocked using",
            "spamhaus",
            "barracuda",
            "spamcop",
            "rbl",
            "dnsbl",
            "poor reputation",
            "low reputation",
            "ip reputation",
            "sending ip",
            "banned sending",
            "has been blocked",
            "is blocked",
            "connection refused by policy",
            "suspicious connection",
            "sender denied",
            "blocked by",
            "黑名单",
            "发信ip",
            "ip被拒绝",
        ],
    ),
    (
        Busy,
        &[
            "greylist",
            "graylist",
            "grey list",
            "try again later",
            "temporarily deferred",
            "temporarily rejected",
            "rate limit",
            "too many",
            "unusual rate",
            "frequency limited",
            "receiving mail at a rate",
            "resources temporarily unavailable",
            "server busy",
            "throttl",
            "频率",
            "稍后再试",
            "系统繁忙",
            "连接数",
            "过于频繁",
        ],
    ),
    (
        Inactive,
        &[
            "inactive", "disabled", "account closed", "suspended", "deactivated",
            "has been closed", "no longer available", "no longer in use", "no longer accepts",
            "discontinued", "locked", "被禁用", "已停用", "已注销", "被冻结", "已冻结", "账号异常",
            "已过期",
        ],
    ),
    (
        NoSuchDomain,
        &[
            "domain not found", "no such domain", "domain does not exist", "unrouteable",
            "host not found", "host unknown", "no mx", "null mx", "domain name not found",
            "bad destination host", "nxdomain", "域名不存在", "域名无法解析",
        ],
    ),
    (
        NoSuchAddress,
        &[
            "no such user",
            "user unknown",
            "unknown user",
            "unknown recipient",
            "recipient unknown",
            "does not exist",
            "doesn't exist",
            "not exist",
            "no such recipient",
            "no such mailbox",
            "mailbox not found",
            "mailbox unavailable",
            "user not found",
            "recipient not found",
            "invalid recipient",
            "invalid mailbox",
            "unknown address",
            "no mailbox here",
            "address rejected",
            "recipient rejected",
            "recipientnotfound",
            "resolver.adr",
            "not our customer",
            "bad destination mailbox",
            "unknown or illegal alias",
            "no such account",
            "address unknown",
            "user doesn't have a",
            "mailbox unknown",
            "is not a valid mailbox",
            "收件人不存在",
            "用户不存在",
            "账号不存在",
            "帐号不存在",
            "邮箱不存在",
            "地址不存在",
            "无此用户",
            "收件人地址不存在",
            "没有找到该用户",
        ],
    ),
    (
        Spam,
        &[
            "spam", "junk", "unsolicited", "content rejected", "message content",
            "high probability", "phishing", "virus", "malware", "likely suspicious", "bulk mail",
            "mail content denied", "垃圾邮件", "内容被拒", "内容违规", "广告邮件", "反垃圾",
        ],
    ),
    (
        Unreachable,
        &[
            "timed out", "timeout", "connection refused", "could not connect", "unable to connect",
            "no route to host", "connection lost", "network is unreachable", "connection dropped",
            "retry time", "retry timeout", "hop count", "mail loop", "delivery time expired",
            "连接超时", "无法连接", "投递超时",
        ],
    ),
    (
        Policy,
        &[
            "policy",
            "not allowed",
            "relay",
            "access denied",
            "not accepted for policy",
            "administrative prohibition",
            "restricted",
            "not permitted",
            "拒绝接收",
            "拒收",
            "被拒绝",
        ],
    ),
];

/// How machines begin that answer for people.
const ABSENT: [&str; 10] = [
    "out of office", "out of the office", "automatic reply", "auto-reply", "autoreply",
    "auto reply", "on vacation", "away from my", "自动回复", "自动答复",
];

/// Whether an answer is a machine's on behalf of somebody absent.
pub(super) fn auto_reply(said: &str) -> Option<BounceReason> {
    let said = said.to_lowercase();
    ABSENT.iter().any(|piece| said.contains(piece)).then_some(BounceReason::AutoReply)
}

/// The reason that the words give, if they give one. Outlook says `Access denied` with `5.4.1` of
/// an address that its tenant does not have.
pub(super) fn reason(said: &str) -> Option<BounceReason> {
    let said = said.to_lowercase();
    if said.contains("recipient address rejected: access denied") {
        return Some(NoSuchAddress);
    }
    let found = SAID.iter().find(|(_, pieces)| pieces.iter().any(|piece| said.contains(piece)));
    found.map(|(reason, _)| *reason)
}
