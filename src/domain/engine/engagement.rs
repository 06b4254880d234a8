//! Opens and clicks: recorded with the known facts, classified as a person's or a bot's, and
//! reclassified when more is known or the rules have changed.
//!
//! The classification is the only part of an event that is ever rewritten (`machine`, `reasons`,
//! and `first` and `opened`, which follow from it), and only together with a `message.rejudged`
//! that keeps the old one. Counters and the ledger follow in the same batch. The effects of a click
//! stay: a journey that went on does not go back.

use super::Decider;
use super::apply::facts;
use crate::domain::base::primitives::{CampaignId, Millis};
use crate::domain::contact::Contact;
use crate::domain::contact::message::Message;
use crate::domain::engine::change::{Change, MessagePatch, Metric};
use crate::domain::inbound::bot_detection::{self, FetchFacts, Fetched};
use crate::domain::inbound::engagement::Engagement;
use crate::domain::record::event::{Event, Properties, names};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The events needed to classify: earlier fetches, and when the message was sent and delivered.
pub(super) const REQUIRED_HISTORY: [&str; 5] = [
    names::MESSAGE_SENT,
    names::MESSAGE_UNKNOWN,
    names::MESSAGE_DELIVERED,
    names::MESSAGE_OPENED,
    names::MESSAGE_CLICKED,
];

impl Decider<'_, Contact> {
    /// Applies an open or a click. One by a bot is recorded with the reasons, and changes nothing
    /// else. Records nothing for a contact who refuses tracking.
    pub(super) fn apply_engagement(&mut self, message: &Message, engagement: Engagement) {
        if self.subject.refuses_tracking() {
            return;
        }
        let Engagement { url, at, machine, facts: known, key, .. } = engagement;
        let fetched = if url.is_some() { Fetched::Link } else { Fetched::Pixel };
        let mut properties = facts(message);
        let mut reasons: Vec<String> = machine;
        if let Some(url) = url {
            properties["url"] = Value::from(url);
        }
        if let Some(known) = known {
            let arrived_at = self.subject.arrival(message);
            reasons.extend(
                bot_detection::classify(&known, fetched, at, arrived_at)
                    .into_iter()
                    .map(Into::into),
            );
            properties["facts"] = json!(known);
        }
        let at_once =
            fetched == Fetched::Link && self.is_one_of_several_links(message, &properties, at);
        if at_once {
            reasons.push(EVERY_LINK.to_owned());
        }
        let is_human = reasons.is_empty();
        self.record_engagement(message, Fetch { fetched, at, key, properties, reasons });
        if is_human && fetched == Fetched::Link {
            self.freshen_touch(&message.campaign, at);
        }
        if at_once {
            self.reclassify(message);
        }
    }

    fn record_engagement(&mut self, message: &Message, fetch: Fetch) {
        let Fetch { fetched, at, key, mut properties, reasons } = fetch;
        let is_click = fetched == Fetched::Link;
        let is_human = reasons.is_empty();
        let seen_before =
            if is_click { message.clicked_at.is_some() } else { message.opened_at.is_some() };
        let first = is_human && !seen_before;
        // A click implies an open, even if the pixel was blocked.
        let opens = first && message.opened_at.is_none();
        properties["first"] = Value::from(first);
        if is_click {
            properties["opened"] = Value::from(opens);
        }
        if !is_human {
            properties["machine"] = Value::from(true);
            properties["reasons"] = json!(reasons);
        }
        let name = if is_click { names::MESSAGE_CLICKED } else { names::MESSAGE_OPENED };
        self.record_keyed(name, Some(&message.campaign), properties, at, Some(key));
        if !is_human {
            self.count_message(message, bot_metric(fetched));
        }
        if first {
            let metric = if is_click { Metric::Clicked } else { Metric::Opened };
            self.count_message(message, metric);
            if is_click && opens {
                self.count_message(message, Metric::Opened);
            }
            let (opened_at, clicked_at) = (opens.then_some(at), is_click.then_some(at));
            self.patch_message(message, MessagePatch { opened_at, clicked_at, ..<_>::default() });
        }
    }

    fn freshen_touch(&mut self, campaign: &CampaignId, at: Millis) {
        let touches = &mut self.subject.touches;
        if let Some(touch) = touches.iter_mut().find(|t| t.campaign == campaign.0) {
            touch.fresh_at = touch.fresh_at.max(at);
        }
    }

    /// Returns whether a click, with the earlier ones, follows more links than a person does at
    /// once.
    fn is_one_of_several_links(&self, message: &Message, properties: &Value, at: Millis) -> bool {
        let url = properties.get("url").and_then(Value::as_str).unwrap_or_default();
        let clicks = self.subject.fetched_of(message).filter_map(click);
        let clicks: Vec<(Millis, &str)> = clicks.chain([(at, url)]).collect();
        is_at_once(&clicks, at)
    }

    /// Reclassifies all opens and clicks of a message by the present rules and facts. Events
    /// without facts keep their classification, but several links at once are recognised without
    /// facts. A message whose sending is not in the contact's recent history is left as it is,
    /// because its other events may be missing too.
    pub(super) fn reclassify(&mut self, message: &Message) {
        if self.subject.arrival(message).is_none() {
            return;
        }
        let mut so_far = SoFar::default();
        let classified: Vec<(i64, Properties)> = self
            .subject
            .fetched_of(message)
            .map(|event| (event.seq, so_far.classified(&self.subject, message, event)))
            .collect();
        let is_news = |(seq, properties): &(i64, Properties)| {
            self.subject.history.iter().any(|e| e.seq == *seq && e.properties != *properties)
        };
        let changed: Vec<(i64, Properties)> = classified.into_iter().filter(is_news).collect();
        if changed.is_empty() {
            return;
        }
        let events: Vec<Value> =
            changed.iter().map(|(seq, new)| self.difference(*seq, new)).collect();
        let mut properties = facts(message);
        properties["events"] = Value::from(events);
        for (seq, new) in &changed {
            self.put_classification(message, *seq, new);
        }
        self.record(names::MESSAGE_RECLASSIFIED, Some(&message.campaign), properties);
        let SoFar { opened_at, clicked_at } = so_far;
        if let Some(row) = self.messages.get_mut(&message.id) {
            (row.opened_at, row.clicked_at) = (opened_at, clicked_at);
        }
        let id = message.id.clone();
        self.changes.push(Change::Reclassify { id, opened_at, clicked_at, events: changed });
    }

    /// Returns the record of an event whose classification changes.
    fn difference(&self, seq: i64, new: &Properties) -> Value {
        let old = self.subject.history.iter().find(|event| event.seq == seq);
        let reasons = |properties: &Properties| properties.get("reasons").cloned();
        json!({
            "seq": seq,
            "reasons": reasons(new).unwrap_or_else(|| json!([])),
            "were": old.and_then(|event| reasons(&event.properties)).unwrap_or_else(|| json!([])),
        })
    }

    /// Replaces an event's properties in the contact's history, and adjusts the counters by the
    /// difference.
    fn put_classification(&mut self, message: &Message, seq: i64, new: &Properties) {
        let Some(event) = self.subject.history.iter_mut().find(|event| event.seq == seq) else {
            return;
        };
        let old = std::mem::replace(&mut event.properties, new.clone());
        let name = event.name.clone();
        let (channel, part) = (message.channel().as_str(), message.source.template());
        let moves = counted(&name, new).map(|metric| (metric, 1));
        for (metric, by) in moves.chain(counted(&name, &old).map(|metric| (metric, -1))) {
            self.count(&message.campaign, metric, channel, part, by);
        }
    }
}

/// A classified open or click.
struct Fetch {
    fetched: Fetched,
    at: Millis,
    /// The idempotency key.
    key: String,
    /// The properties of its event, so far.
    properties: Value,
    /// Why it is a bot's; empty for a person's.
    reasons: Vec<String>,
}

const EVERY_LINK: &str = "every_link";

fn bot_metric(fetched: Fetched) -> Metric {
    match fetched {
        Fetched::Link => Metric::MachineClicks,
        Fetched::Pixel => Metric::MachineOpens,
    }
}

/// Returns the metrics that an open or a click counts for.
fn counted(name: &str, properties: &Properties) -> impl Iterator<Item = Metric> + use<> {
    let is = |property: &str| properties.get(property) == Some(&Value::Bool(true));
    let is_click = name == names::MESSAGE_CLICKED;
    let fetched = if is_click { Fetched::Link } else { Fetched::Pixel };
    let counts = [
        (is("machine"), bot_metric(fetched)),
        (is_click && is("first"), Metric::Clicked),
        (is("opened") || (!is_click && is("first")), Metric::Opened),
    ];
    counts.into_iter().filter(|(holds, _)| *holds).map(|(_, metric)| metric)
}

/// Returns the time and target of a click; `None` for an open.
fn click(event: &Event) -> Option<(Millis, &str)> {
    Some((event.at, event.properties.get("url")?.as_str()?))
}

/// Returns whether more different links were followed around `at` than a person follows at once.
fn is_at_once(clicks: &[(Millis, &str)], at: Millis) -> bool {
    // Each window that contains `at` begins at one of the clicks.
    clicks.iter().any(|(begin, _)| {
        let end = begin.plus(bot_detection::AT_ONCE);
        let within = |when: Millis| *begin <= when && when < end;
        let links = clicks.iter().filter(|(when, _)| within(*when)).map(|(_, url)| *url);
        within(at) && links.collect::<BTreeSet<_>>().len() >= bot_detection::LINKS_AT_ONCE
    })
}

/// What a person has done with a message so far, while its events are classified in order.
#[derive(Default)]
struct SoFar {
    opened_at: Option<Millis>,
    clicked_at: Option<Millis>,
}

impl SoFar {
    /// Returns the properties of an event with its new classification.
    fn classified(&mut self, contact: &Contact, message: &Message, event: &Event) -> Properties {
        let mut properties = event.properties.clone();
        let clicked = click(event);
        let fetched = if clicked.is_some() { Fetched::Link } else { Fetched::Pixel };
        let facts = properties.get("facts").cloned();
        let facts = facts.and_then(|facts| serde_json::from_value::<FetchFacts>(facts).ok());
        let mut reasons: Vec<String> = match facts {
            Some(facts) => {
                let reasons =
                    bot_detection::classify(&facts, fetched, event.at, contact.arrival(message));
                reasons.into_iter().map(Into::into).collect()
            }
            None => {
                let reasons = properties.get("reasons").cloned().unwrap_or_else(|| json!([]));
                let reasons: Vec<String> = serde_json::from_value(reasons).unwrap_or_default();
                reasons.into_iter().filter(|reason| reason != EVERY_LINK).collect()
            }
        };
        let clicks: Vec<_> = contact.fetched_of(message).filter_map(click).collect();
        if clicked.is_some() && is_at_once(&clicks, event.at) {
            reasons.push(EVERY_LINK.to_owned());
        }
        let is_human = reasons.is_empty();
        if is_human {
            properties.remove("machine");
            properties.remove("reasons");
        } else {
            properties.insert("machine".to_owned(), true.into());
            properties.insert("reasons".to_owned(), json!(reasons));
        }
        self.count(event, is_human, clicked.is_some(), &mut properties);
        properties
    }

    fn count(&mut self, event: &Event, human: bool, click: bool, properties: &mut Properties) {
        let seen = if click { self.clicked_at } else { self.opened_at };
        let first = human && seen.is_none();
        let opens = first && self.opened_at.is_none();
        properties.insert("first".to_owned(), first.into());
        if click {
            properties.insert("opened".to_owned(), opens.into());
        }
        if opens {
            self.opened_at = Some(event.at);
        }
        if first && click {
            self.clicked_at = Some(event.at);
        }
    }
}

impl Contact {
    /// Returns the opens and clicks of a message in the history, in order.
    fn fetched_of(&self, message: &Message) -> impl Iterator<Item = &Event> {
        let is_fetch = |event: &&Event| {
            [names::MESSAGE_OPENED, names::MESSAGE_CLICKED].contains(&&*event.name)
        };
        self.history.iter().filter(is_fetch).filter(|event| event.has("message", &message.id.0))
    }

    /// Returns when a message was last recorded as sent, perhaps sent, or delivered; `None` if the
    /// history has no such event.
    fn arrival(&self, message: &Message) -> Option<Millis> {
        let of_it = self.history.iter().filter(|event| event.has("message", &message.id.0));
        let left = [names::MESSAGE_SENT, names::MESSAGE_UNKNOWN, names::MESSAGE_DELIVERED];
        of_it.filter(|event| left.contains(&&*event.name)).map(|event| event.at).max()
    }
}
