//! Why? What holds of one contact, and why: journeys, messages, segments.

use super::explain_broadcasts::BroadcastExplained;
use super::reason::in_words;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{ContactId, MessageId, Millis, QualifiedId};
use crate::domain::campaign::journey::{
    Action, EventPattern, Journey, JourneyStatus, ReEntry, RunState, Trigger,
};
use crate::domain::contact::Contact;
use crate::domain::contact::claim;
use crate::domain::contact::enrollment::{Enrollment, EnrollmentState};
use crate::domain::contact::event::{Event, names};
use crate::domain::contact::message::MessageState;
use crate::domain::contact::suppression::Suppression;
use crate::domain::engine::triggers;
use crate::domain::publication::catalog::{Catalog, PublishedVersion};
use crate::domain::segment::{Explained, Rule};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Everything about one contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The contact.
    pub contact: ContactId,
    /// The channels on which nothing is sent to its address, and why.
    #[serde(default)]
    pub suppressed: Vec<SuppressionExplained>,
    /// What was told about it and not believed, oldest first.
    #[serde(default)]
    pub set_aside: Vec<SetAside>,
    /// The live journeys, and those that it was in.
    pub journeys: Vec<JourneyExplained>,
    /// Its newest messages, the newest first.
    pub messages: Vec<MessageExplained>,
    /// The live broadcasts, and those that it had a turn in.
    #[serde(default)]
    pub broadcasts: Vec<BroadcastExplained>,
    /// The live segments.
    pub segments: Vec<SegmentExplained>,
}

/// A suppression of one of its addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuppressionExplained {
    /// Which.
    #[serde(flatten)]
    pub suppression: Suppression,
    /// The reason in words.
    pub words: String,
}

/// Something that was told about a contact and has changed nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    /// When it was told.
    pub at: Millis,
    /// By what: a form, or an event of the API by its name.
    pub by: String,
    /// What: an attribute or `phone`, or the id that was used twice.
    pub name: String,
    /// The value, or the properties of the event.
    pub value: Value,
    /// What became of it: a word of `domain/report/reason.rs`.
    pub state: String,
    /// The same in words.
    pub words: String,
}

/// Where a contact stands with a journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JourneyExplained {
    /// `<campaign>.<name>`.
    pub journey: QualifiedId,
    /// Whether it runs.
    pub state: RunState,
    /// Whether the contact is inside, or why not: a word of `domain/report/reason.rs`.
    pub entry: String,
    /// The same in words.
    pub words: String,
    /// From when on it may enter again, where that is a matter of time.
    pub enters_again_at: Option<Millis>,
    /// Its passages, the newest first.
    pub passages: Vec<PassageExplained>,
}

/// One passage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassageExplained {
    /// The version it is on.
    pub version: u32,
    /// Whether it goes on, and if not how it ended.
    pub state: EnrollmentState,
    /// Where it stands, or stood last.
    pub step: String,
    /// The event that began it, if it is among the contact's newest.
    pub entered_by: Option<String>,
    /// When it began.
    pub entered_at: Millis,
    /// When it came to the step.
    pub since: Millis,
    /// When the step is due.
    pub due_at: Option<Millis>,
    /// What it waits for, in words; nothing once it has ended.
    pub waits_for: Option<String>,
    /// Why it ended early or failed, as it is kept; empty otherwise.
    pub reason: String,
    /// The same in words.
    pub words: String,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageExplained {
    /// The message.
    pub message: MessageId,
    /// The journey, `<campaign>.<name>`; the campaign alone for a confirmation.
    pub journey: String,
    /// The step; empty for a confirmation.
    pub step: String,
    /// `email` or `sms`.
    pub channel: String,
    /// Its template.
    pub template: String,
    /// When it was decided.
    pub queued_at: Millis,
    /// Not before, while it waits; the claim's end, while it is being sent.
    pub send_at: Millis,
    /// How often it was taken up.
    pub attempts: u32,
    /// How far it has come.
    pub state: MessageState,
    /// Why, as it is kept; empty if there is nothing to say.
    pub reason: String,
    /// What became of it, and why, in words.
    #[serde(default)]
    pub words: String,
}

/// Whether a contact is in a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentExplained {
    /// `<campaign>.<name>`.
    pub segment: QualifiedId,
    /// Since when it is in it.
    pub since: Option<Millis>,
    /// What the rule says now, part by part; membership follows within minutes where it differs.
    #[serde(flatten)]
    pub why: Explained,
}

/// Explains a contact, read with the events of `wanted_events`. `messages` are its ledger rows.
/// Broadcasts are left to `explain_broadcasts`.
pub fn explain(
    catalog: &Catalog,
    statuses: &[JourneyStatus],
    contact: &Contact,
    messages: Vec<MessageExplained>,
    now: Millis,
    language: Language,
) -> Explanation {
    let live = catalog.live().flat_map(|edition| {
        edition.compiled.campaign.journeys.keys().map(|name| QualifiedId::new(edition.id(), name))
    });
    let been = contact.enrollments.iter().map(|e| QualifiedId::new(&e.campaign, &e.journey));
    let journeys: BTreeSet<QualifiedId> = live.chain(been).collect();
    let asked = Asked { catalog, statuses, contact, now, language };
    let messages = messages.into_iter().map(|message| asked.message(message)).collect();
    let rules = catalog.live().flat_map(|edition| {
        let segments = edition.compiled.campaign.segments.iter();
        segments.map(|(name, rule)| (QualifiedId::new(edition.id(), name), rule))
    });
    Explanation {
        contact: contact.id.clone(),
        suppressed: suppressed(contact, now, language),
        set_aside: set_aside(contact, now, language),
        journeys: journeys.into_iter().filter_map(|id| asked.journey(id)).collect(),
        messages,
        broadcasts: Vec::new(),
        segments: rules.map(|(id, rule)| asked.segment(id, rule)).collect(),
    }
}

/// The names of the events that an explanation needs beside those that decisions need.
pub fn wanted_events(catalog: &Catalog) -> BTreeSet<String> {
    let mut wanted = catalog.watched_events();
    let triggers = [
        names::FORM_SUBMITTED,
        names::CONTACT_UPDATED,
        names::CONTACT_REPORT_REFUSED,
        names::CONSENT_CONFIRMED,
        names::SEGMENT_ENTERED,
        names::JOURNEY_ENTERED,
        names::BROADCAST_QUEUED,
        names::BROADCAST_SKIPPED,
    ];
    wanted.extend(triggers.map(str::to_owned));
    wanted
}

fn suppressed(contact: &Contact, now: Millis, language: Language) -> Vec<SuppressionExplained> {
    let hold = contact.suppressed.values().filter(|suppression| suppression.holds(now));
    let explain = |suppression: &Suppression| SuppressionExplained {
        suppression: suppression.clone(),
        words: in_words(suppression.reason.as_str(), language),
    };
    hold.map(explain).collect()
}

/// What forms claimed of the contact, and what was told under an id of something else.
fn set_aside(contact: &Contact, now: Millis, language: Language) -> Vec<SetAside> {
    let open = claim::open(contact, now);
    let text = |event: &Event, name: &str| {
        let value = event.properties.get(name).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let mut all = Vec::new();
    for event in &contact.history {
        let mut add = |by: String, name: String, value: Value, state: &str| {
            let (at, words) = (event.at, in_words(state, language));
            all.push(SetAside { at, by, name, value, state: state.to_owned(), words });
        };
        for (name, value) in claim::of(event) {
            let state = match contact.attribute(name).as_ref() == Some(value) {
                true => "claim_taken_over",
                false if open.get(name) == Some(value) => "claim_waits",
                false => "claim_not_taken",
            };
            add(text(event, "form"), name.clone(), value.clone(), state);
        }
        if event.name == names::CONTACT_REPORT_REFUSED {
            let told = event.properties.get("told").cloned().unwrap_or_default();
            add(text(event, "event"), text(event, "id"), told, "id_used_for_another_event");
        }
    }
    all
}

struct Asked<'a> {
    catalog: &'a Catalog,
    statuses: &'a [JourneyStatus],
    contact: &'a Contact,
    now: Millis,
    language: Language,
}

impl Asked<'_> {
    fn journey(&self, id: QualifiedId) -> Option<JourneyExplained> {
        let (campaign, name) = id.parts()?;
        let state = JourneyStatus::run_state(self.statuses, &campaign, name);
        let passages = self.contact.enrollments.iter();
        let mut passages: Vec<&Enrollment> =
            passages.filter(|e| e.campaign == campaign && e.journey == name).collect();
        passages.sort_by_key(|e| std::cmp::Reverse((e.is_active(), e.entered_at)));
        let live = self.catalog.live_edition(&campaign);
        let found = live.and_then(|edition| Some((&**edition, edition.journey(name)?)));
        let (entry, enters_again_at) = match (passages.first(), state, found) {
            (Some(last), ..) if last.is_active() => ("inside", None),
            (_, _, None) => ("not_live", None),
            (_, RunState::Paused, _) => ("paused", None),
            (_, RunState::Archived, _) => ("archived", None),
            (Some(last), _, Some((_, journey))) => self.re_entry(last, journey),
            (None, _, Some((edition, journey))) => (self.first_entry(edition, journey), None),
        };
        let passages = passages.into_iter().map(|passage| self.passage(passage));
        Some(JourneyExplained {
            state,
            entry: entry.to_owned(),
            words: in_words(entry, self.language),
            enters_again_at,
            passages: passages.collect(),
            journey: id,
        })
    }

    /// Whether somebody who has been inside may enter again.
    fn re_entry(&self, last: &Enrollment, journey: &Journey) -> (&'static str, Option<Millis>) {
        match journey.re_entry {
            ReEntry::Never => ("once_only", None),
            ReEntry::After(span) if last.entered_at.plus(span) > self.now => {
                ("too_soon", Some(last.entered_at.plus(span)))
            }
            ReEntry::Always | ReEntry::After(_) => ("next_time", None),
            ReEntry::OncePer(_) => ("next_value", None),
        }
    }

    /// Why somebody has never been inside.
    fn first_entry(&self, edition: &PublishedVersion, journey: &Journey) -> &'static str {
        let begins = |event: &Event| triggers(&journey.enter, edition, event);
        // The same form, had it not to be confirmed.
        let begins_once_confirmed = |event: &Event| {
            let mut confirmed = event.clone();
            confirmed.properties.insert("pending".to_owned(), Value::Bool(false));
            begins(&confirmed)
        };
        let history = &self.contact.history;
        if history.iter().any(begins) {
            "missed"
        } else if history.iter().any(begins_once_confirmed) {
            "pending"
        } else {
            "not_triggered"
        }
    }

    fn passage(&self, passage: &Enrollment) -> PassageExplained {
        let edition = self.catalog.edition(&passage.campaign, passage.version);
        let step = edition
            .as_ref()
            .and_then(|edition| edition.journey(&passage.journey)?.step(&passage.step).cloned());
        let waits_for = step.filter(|_| passage.is_active()).map(|step| self.wait(&step.action));
        PassageExplained {
            version: passage.version,
            state: passage.state,
            step: passage.step.clone(),
            entered_by: self.entered_by(passage),
            entered_at: passage.entered_at,
            since: passage.since,
            due_at: passage.due_at,
            waits_for,
            reason: passage.reason.clone(),
            words: in_words(&passage.reason, self.language),
        }
    }

    /// The newest event before a passage began that begins its journey.
    fn entered_by(&self, passage: &Enrollment) -> Option<String> {
        let edition = self.catalog.edition(&passage.campaign, passage.version)?;
        let journey = edition.journey(&passage.journey)?;
        let history = &self.contact.history;
        let began = history.iter().find(|event| {
            event.name == names::JOURNEY_ENTERED && event.has("enrollment", passage.id.as_str())
        })?;
        let before = history.iter().filter(|event| event.seq < began.seq);
        let by = before.rev().find(|event| triggers(&journey.enter, &edition, event));
        by.map(|event| event.name.clone())
    }

    fn wait(&self, action: &Action) -> String {
        let Action::WaitFor(wait) = action else {
            return self.language.pick("the time to come", "等待的时间到来").to_owned();
        };
        let awaited: Vec<String> = wait.any.iter().map(|one| self.awaited(one)).collect();
        let any = awaited.join(self.language.pick(", or ", "，或"));
        self.language.pick(format!("{any}, or until time is up"), format!("{any}，或等到超时"))
    }

    fn awaited(&self, trigger: &Trigger) -> String {
        let pick = |english, chinese| self.language.pick(english, chinese);
        match trigger {
            Trigger::Event(EventPattern { event, step: Some(step), .. }) => pick(
                format!("{event} about the message of step {step}"),
                format!("步骤 {step} 的消息发生 {event}"),
            ),
            Trigger::Event(pattern) => {
                pick(pattern.event.clone(), format!("发生 {}", pattern.event))
            }
            Trigger::Segment(name) => {
                pick(format!("entering segment {name}"), format!("进入人群 {name}"))
            }
            Trigger::SegmentLeft(name) => {
                pick(format!("leaving segment {name}"), format!("离开人群 {name}"))
            }
            _ => pick("something else".to_owned(), "其他事情".to_owned()),
        }
    }

    fn message(&self, message: MessageExplained) -> MessageExplained {
        let halted =
            QualifiedId(message.journey.clone()).parts().is_some_and(|(campaign, name)| {
                JourneyStatus::run_state(self.statuses, &campaign, name) == RunState::Paused
            });
        let state = match message.state {
            MessageState::Queued if halted => "held",
            MessageState::Queued if message.attempts > 0 => "deferred",
            MessageState::Queued => "queued",
            MessageState::Sending => "sending",
            MessageState::Sent => "sent",
            MessageState::Delivered => "delivered",
            MessageState::Bounced => "bounced",
            MessageState::Complained => "complained",
            MessageState::Skipped => "skipped",
            MessageState::Failed => "failed",
            MessageState::Unknown => "unknown",
        };
        let state = in_words(state, self.language);
        let words = match message.reason.as_str() {
            "" => state,
            // Whatever it waited for before.
            _ if halted && message.state == MessageState::Queued => state,
            reason => {
                let colon = self.language.pick(": ", "：");
                format!("{state}{colon}{}", in_words(reason, self.language))
            }
        };
        MessageExplained { words, ..message }
    }

    /// In or out, and what the rule answers.
    fn segment(&self, segment: QualifiedId, rule: &Rule) -> SegmentExplained {
        SegmentExplained {
            since: self.contact.segments.get(&segment).copied(),
            segment,
            why: rule.explain(self.contact, self.now),
        }
    }
}
