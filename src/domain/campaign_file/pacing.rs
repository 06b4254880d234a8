//! Pacing settings in a campaign file.

use super::journeys::WEEKDAYS;
use super::table::Node;
use crate::domain::base::primitives::Channel;
use crate::domain::pacing::Cap;
use crate::domain::pacing::WarmUp;
use crate::domain::pacing::{Classes, Otherwise, Pacing, Quiet};
use crate::domain::time::hours::{Clock, Hours};

/// Reads `[pacing]`.
pub(super) fn pacing(node: Node<'_>) -> Option<Pacing> {
    let mut table = node.table();
    let quiet = table.get("quiet", |node| {
        let mut table = node.table();
        let channels = [("email", Channel::Email), ("sms", Channel::Sms)];
        let quiet = channels.map(|(word, channel)| Some((channel, table.get(word, quiet)?)));
        Some(quiet.into_iter().flatten().collect())
    });
    Some(Pacing {
        quiet: quiet.unwrap_or_default(),
        customary_hours: table.get("customary_hours", Node::boolean).unwrap_or(true),
        window: table.get("window", hours),
        caps: table.get("caps", |node| node.list(cap)).unwrap_or_default(),
        give_up_after: table.get("give_up_after", Node::span),
        warm_up: table.get("warm_up", warm_up),
    })
}

/// Reads hours: `{ from = "09:00", to = "18:00", weekdays = ["mon"] }`.
pub(super) fn hours(node: Node<'_>) -> Option<Hours> {
    let mut table = node.table();
    let from = table.need("from", |node| clock(node).map(Some));
    let to = table.need("to", |node| clock(node).map(Some));
    let weekdays = table.get("weekdays", |node| node.list(|day| day.one_of(WEEKDAYS)));
    Some(Hours { from: from?, to: to?, weekdays: weekdays.unwrap_or_default() })
}

fn quiet(node: Node<'_>) -> Option<Quiet> {
    let mut table = node.table();
    let from = table.need("from", |node| clock(node).map(Some));
    let to = table.need("to", |node| clock(node).map(Some));
    let words = [("defer", Otherwise::Defer), ("drop", Otherwise::Drop)];
    let otherwise = table.get("else", |node| node.one_of(&words)).unwrap_or_default();
    let class = table.get("class", class).unwrap_or_default();
    Some(Quiet { from: from?, to: to?, otherwise, class })
}

fn cap(node: Node<'_>) -> Option<Cap> {
    let mut table = node.table();
    let channels = [("email", Channel::Email), ("sms", Channel::Sms)];
    let channel = table.get("channel", |node| node.one_of(&channels));
    let class = table.get("class", class).unwrap_or_default();
    let messages = table.need("messages", |node| node.count().map(Some));
    let within = table.need("within", |node| node.span().map(Some));
    Some(Cap { channel, class, messages: messages?, within: within? })
}

fn class(node: Node<'_>) -> Option<Classes> {
    node.one_of(&[
        ("marketing", Classes::Marketing),
        ("transactional", Classes::Transactional),
        ("all", Classes::All),
    ])
}

fn warm_up(node: Node<'_>) -> Option<WarmUp> {
    let mut table = node.table();
    Some(WarmUp {
        start: table.need("start", Node::day),
        first_day: table.get("first_day", Node::count),
        growth: table.get("growth", Node::number),
        days: table.get("days", |node| node.list(Node::count)).unwrap_or_default(),
    })
}

fn clock(node: Node<'_>) -> Option<Clock> {
    let text = node.clone().text()?;
    Clock::parse(&text)
        .or_else(|| node.error(format!("expected a time of day such as \"21:00\", not `{text}`")))
}
