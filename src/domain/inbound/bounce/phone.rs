//! Classifies undelivered SMS by the codes and words of carriers.

use super::{Bounce, BounceReason};

/// Classifies a carrier's or a provider's code and words.
pub fn classify_text(code: &str, text: &str) -> Bounce {
    let reason = by_code(code).or_else(|| by_words(&format!("{code} {text}")));
    Bounce::new(reason.unwrap_or(BounceReason::Unclear), code, text)
}

/// Reads Twilio's error codes (twilio.com/docs/api/errors), and those of Vonage's delivery
/// receipts.
fn by_code(code: &str) -> Option<BounceReason> {
    Some(match code {
        "21211" | "21214" | "21217" | "21614" | "30005" | "30006" => BounceReason::NoSuchAddress,
        "21610" => BounceReason::OptedOut,
        "30003" | "30008" => BounceReason::Unreachable,
        "30004" | "30007" | "30034" | "30038" => BounceReason::Blocked,
        "21408" | "30035" | "30036" | "30453" => BounceReason::Policy,
        "21617" | "30019" => BounceReason::TooLarge,
        "20429" | "30001" | "30022" | "30023" => BounceReason::Busy,
        _ => return None,
    })
}

/// Reads Chinese carriers' words, and those that SMPP receipts have in common.
fn by_words(text: &str) -> Option<BounceReason> {
    let text = text.to_lowercase();
    let said: [(BounceReason, &[&str]); 6] = [
        (
            BounceReason::OptedOut,
            &["退订", "黑名单", "blacklist", "black list", "opted out", "optout"],
        ),
        (
            BounceReason::NoSuchAddress,
            &[
                "空号", "号码不存在", "号码错误", "无效号码", "invalid number", "invalid_number",
                "unknown subscriber", "mobile_not_exist", "illegal_mobile", "mk:0001",
            ],
        ),
        (BounceReason::Inactive, &["销号"]),
        (
            BounceReason::Unreachable,
            &[
                "关机", "停机", "不在服务区", "not_on_service", "barred", "absent", "unreachable",
                "expired", "超时", "undeliv", "mobile_off",
            ],
        ),
        (BounceReason::Busy, &["频率", "流控", "throttl", "too many", "limit"]),
        (
            BounceReason::Policy,
            &["拦截", "敏感", "驳回", "rejectd", "rejected", "filter", "spam", "policy"],
        ),
    ];
    let found = said.iter().find(|(_, pieces)| pieces.iter().any(|piece| text.contains(piece)));
    found.map(|(reason, _)| *reason)
}
