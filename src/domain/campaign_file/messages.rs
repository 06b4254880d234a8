//! The settings of messages in a campaign file: `[campaign.sms]` and `tracking`.

use super::table::{Node, Table};
use crate::domain::campaign::tracking::{Tracking, Utm};
use crate::domain::sms::settings::{SmsSettings, read_price};

/// Reads `sms`.
pub(super) fn texting(node: Node<'_>) -> Option<SmsSettings> {
    let mut table = node.table();
    let places = &[("start", false), ("end", true)];
    let links = &[("short", false), ("long", true)];
    Some(SmsSettings {
        signature: table.get("signature", Node::text).unwrap_or_default(),
        signature_last: table.get("signature_at", |n| n.one_of(places)).unwrap_or_default(),
        opt_out: table.get("opt_out", Node::text).unwrap_or_default(),
        segments_max: table.get("segments_max", Node::count),
        long_links: table.get("links", |node| node.one_of(links)).unwrap_or_default(),
        prices: table.get("price", |node| node.named(price)).unwrap_or_default(),
    })
}

fn price(node: Node<'_>) -> Option<i64> {
    let text = node.clone().text()?;
    read_price(&text).or_else(|| {
        node.error(format!(
            "`{text}` is not a price; write digits with at most 6 decimals, such as \"0.045\""
        ))
    })
}

/// Reads `tracking`: `false`, or a table.
pub(super) fn tracking(node: Node<'_>) -> Option<Tracking> {
    if !node.is_table() {
        return Some(Tracking { off: !node.boolean()?, ..Tracking::default() });
    }
    let mut table = node.table();
    Some(Tracking {
        off: !table.get("on", Node::boolean).unwrap_or(true),
        off_in: table.get("off_in", |node| node.list(Node::text)).unwrap_or_default(),
        utm: table.get("utm", utm).unwrap_or_default(),
    })
}

/// Reads `utm`: `true`, `false`, or the tags.
fn utm(node: Node<'_>) -> Option<Option<Utm>> {
    if !node.is_table() {
        return Some(node.boolean()?.then(Utm::default));
    }
    let mut table = node.table();
    let mut tag = |name| Table::get(&mut table, name, Node::text);
    Some(Some(Utm {
        source: tag("source"),
        medium: tag("medium"),
        campaign: tag("campaign"),
        content: tag("content"),
    }))
}
