//! SMS: what networks or laws require, and what makes them expensive.

use super::{Findings, LintCode};
use crate::domain::campaign::Campaign;
use crate::domain::contact::message::Class;
use crate::domain::form::FieldKind;
use crate::domain::sms::encoding::{Encoding, Sms, forcing_ucs2, replacement};
use crate::domain::sms::settings::{has_opt_out, is_signed};

/// A number in China, where every SMS needs a signature.
const CHINESE: &str = "+8613812345678";

/// Checks an SMS as rendered for the made-up contact. Everything that journeys and broadcasts send
/// is marketing.
pub(super) fn check(found: &mut Findings, rendered: &str, campaign: &Campaign) {
    let to = if reaches_china(campaign) { CHINESE } else { "" };
    let text = campaign.sms.finish(rendered, Class::Marketing, to);
    if !has_opt_out(&text) {
        found.add("", None, LintCode::NoOptOut, "");
    }
    if to == CHINESE && !is_signed(&text) {
        found.add("", None, LintCode::NoSignature, "");
    }
    let segments = Sms::of(&text).segments.len();
    if campaign.sms.spend(&text, to).is_err() {
        found.add("", None, LintCode::LongText, segments.to_string());
    }
    let forcing = forcing_ucs2(&text);
    let is_avoidable = forcing.iter().all(|c| replacement(*c).is_some());
    if Sms::of(&text).encoding == Encoding::Ucs2 && is_avoidable {
        let shown: Vec<String> =
            forcing.iter().map(|c| format!("`{c}` (U+{:04X})", u32::from(*c))).collect();
        found.add("", None, LintCode::DearCharacters, shown.join(" "));
    }
}

/// Returns whether the campaign collects Chinese numbers, or has a price for them.
fn reaches_china(campaign: &Campaign) -> bool {
    let mut fields = campaign.forms.values().flat_map(|form| &form.fields);
    let is_chinese =
        |kind: &FieldKind| matches!(kind, FieldKind::Tel { region: Some(r) } if r == "CN");
    fields.any(|field| is_chinese(&field.kind))
        || campaign.sms.prices.keys().any(|begin| begin.starts_with("+86"))
}
