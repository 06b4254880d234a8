//! Explains the state of one record, and the reasons for it: journeys, messages, segments.

use super::explain_broadcasts::BroadcastExplained;
use super::reason::in_words;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Channel, MessageId, Millis, QualifiedId, RecordId};
use crate::domain::campaign::journey::{
    Action, EventPattern, Journey, JourneyStatus, ReEntry, RunState, Trigger,
};
use crate::domain::contact::Contact;
use crate::domain::contact::claim;
use crate::domain::contact::consent::{Consent, ConsentState};
use crate::domain::contact::message::MessageState;
use crate::domain::contact::suppression::Suppression;
use crate::domain::engine::triggers;
use crate::domain::publication::catalog::{Catalog, PublishedVersion};
use crate::domain::record::enrollment::{Enrollment, EnrollmentState};
use crate::domain::record::event::{Event, names};
use crate::domain::segment::{AnyRecord, Explained, Rule};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// Everything about one record. What only contacts have is empty for others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    pub record: RecordId,
    /// The channels on which nothing is sent to its address, and why.
    #[serde(default)]
    pub suppressed: Vec<SuppressionExplained>,
    /// Its consents: what may be sent to it.
    #[serde(default)]
    pub consents: Vec<ConsentExplained>,
    /// Input about the contact that was not applied, oldest first.
    #[serde(default)]
    pub set_aside: Vec<SetAside>,
    /// The live journeys of its kind, and those that it was in.
    pub journeys: Vec<JourneyExplained>,
    /// Its newest messages, newest first.
    pub messages: Vec<MessageExplained>,
    /// The live broadcasts, and those of which it was a recipient.
    #[serde(default)]
    pub broadcasts: Vec<BroadcastExplained>,
    /// The live segments of its kind.
    pub segments: Vec<SegmentExplained>,
}

/// A suppression of one of the contact's addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SuppressionExplained {
    #[serde(flatten)]
    pub suppression: Suppression,
    /// The reason in words.
    pub words: String,
}

/// The consent for one purpose on one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsentExplained {
    pub purpose: String,
    pub channel: Channel,
    pub state: ConsentState,
    /// Whether it allows messages now; a consent may wait for its confirmation.
    pub allows: bool,
    /// When it last changed.
    pub at: Millis,
}

/// Input about a contact that has changed nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    /// When it came in.
    pub at: Millis,
    /// Its source: a form, or the name of an event of the API.
    pub by: String,
    /// Its subject: an attribute or `phone`, or the id that was used twice.
    pub name: String,
    /// The value, or the properties of the event.
    pub value: Value,
    /// What became of it: a reason of `domain/report/reason.rs`.
    pub state: String,
    /// The same in words.
    pub words: String,
}

/// The state of a contact in a journey.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JourneyExplained {
    /// `<campaign>.<name>`.
    pub journey: QualifiedId,
    pub state: RunState,
    /// Whether the contact is in it, or why not: a reason of `domain/report/reason.rs`.
    pub entry: String,
    /// The same in words.
    pub words: String,
    /// When it may enter again, if that depends on time.
    pub enters_again_at: Option<Millis>,
    /// The enrollments, newest first.
    #[serde(rename = "passages")]
    pub enrollments: Vec<EnrollmentExplained>,
}

/// One enrollment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnrollmentExplained {
    /// The published version that it is on.
    pub version: u32,
    /// Whether it is active, and if not how it ended.
    pub state: EnrollmentState,
    /// The present step, or the last one.
    pub step: String,
    /// The event that started it, if that is among the contact's newest.
    pub entered_by: Option<String>,
    pub entered_at: Millis,
    /// When it reached the step.
    pub since: Millis,
    /// When the step is due.
    pub due_at: Option<Millis>,
    /// What it waits for besides its time, in words; `None` once it has ended.
    pub waits_for: Option<String>,
    /// Why it ended early or failed, as stored; empty otherwise.
    pub reason: String,
    /// The same in words.
    pub words: String,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageExplained {
    pub message: MessageId,
    /// The journey, `<campaign>.<name>`; the campaign alone for a confirmation.
    pub journey: String,
    /// The step; empty for a confirmation.
    pub step: String,
    /// `email` or `sms`.
    pub channel: String,
    pub template: String,
    /// When it was decided on.
    pub queued_at: Millis,
    /// The earliest time to send it, while it waits; the end of the claim, while it is being sent.
    pub send_at: Millis,
    /// The number of attempts.
    pub attempts: u32,
    pub state: MessageState,
    /// The reason, as stored; empty if there is none.
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
    /// When the contact entered it.
    pub since: Option<Millis>,
    /// The rule's result now, part by part; if it differs, the membership follows within minutes.
    #[serde(flatten)]
    pub why: Explained,
}

/// Explains a record that was read with the events of `wanted_events`. `messages` are its ledger
/// rows. Broadcasts are left to `explain_broadcasts`.
pub fn explain(
    catalog: &Catalog,
    statuses: &[JourneyStatus],
    record: &AnyRecord,
    messages: Vec<MessageExplained>,
    now: Millis,
    language: Language,
) -> Explanation {
    let live = catalog.live().flat_map(|published| {
        let journeys = published.compiled.campaign.journeys.iter();
        let journeys = journeys.filter(|(_, journey)| journey.of == record.kind);
        journeys.map(|(name, _)| QualifiedId::new(published.id(), name))
    });
    let been = record.enrollments.iter().map(|e| QualifiedId::new(&e.campaign, &e.journey));
    let journeys: BTreeSet<QualifiedId> = live.chain(been).collect();
    let asked = Asked { catalog, statuses, record, now, language };
    let messages = messages.into_iter().map(|message| asked.message(message)).collect();
    let rules = catalog.live().flat_map(|published| {
        let segments = published.compiled.campaign.segments.iter();
        let segments = segments.filter(|(_, segment)| segment.of == record.kind);
        segments.map(|(name, segment)| (QualifiedId::new(published.id(), name), &segment.rule))
    });
    let contact = record.contact();
    Explanation {
        record: record.id.clone(),
        suppressed: contact.map(|known| suppressed(known, now, language)).unwrap_or_default(),
        consents: contact.iter().flat_map(|known| &known.consents).map(consent).collect(),
        set_aside: contact.map(|known| set_aside(known, now, language)).unwrap_or_default(),
        journeys: journeys.into_iter().filter_map(|id| asked.journey(id)).collect(),
        messages,
        broadcasts: Vec::new(),
        segments: rules.map(|(id, rule)| asked.segment(id, rule)).collect(),
    }
}

/// Returns the names of the events that an explanation needs besides those that decisions need.
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

fn consent(consent: &Consent) -> ConsentExplained {
    let Consent { purpose, channel, state, at, .. } = consent.clone();
    ConsentExplained { purpose, channel, state, allows: consent.allows(), at }
}

/// Returns what forms claimed of the contact, and the reports whose id was already used.
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
            let properties = event.properties.get("told").cloned().unwrap_or_default();
            add(text(event, "event"), text(event, "id"), properties, "id_used_for_another_event");
        }
    }
    all
}

struct Asked<'a> {
    catalog: &'a Catalog,
    statuses: &'a [JourneyStatus],
    record: &'a AnyRecord,
    now: Millis,
    language: Language,
}

impl Asked<'_> {
    fn journey(&self, id: QualifiedId) -> Option<JourneyExplained> {
        let (campaign, name) = id.parts()?;
        let state = JourneyStatus::run_state(self.statuses, &campaign, name);
        let enrollments = self.record.enrollments.iter();
        let mut enrollments: Vec<&Enrollment> =
            enrollments.filter(|e| e.campaign == campaign && e.journey == name).collect();
        enrollments.sort_by_key(|e| std::cmp::Reverse((e.is_active(), e.entered_at)));
        let live = self.catalog.live_version(&campaign);
        let found = live.and_then(|published| Some((&**published, published.journey(name)?)));
        let (entry, enters_again_at) = match (enrollments.first(), state, found) {
            (Some(last), ..) if last.is_active() => ("inside", None),
            (_, _, None) => ("not_live", None),
            (_, RunState::Paused, _) => ("paused", None),
            (_, RunState::Archived, _) => ("archived", None),
            (Some(last), _, Some((_, journey))) => self.re_entry(last, journey),
            (None, _, Some((published, journey))) => (self.first_entry(published, journey), None),
        };
        let enrollments = enrollments.into_iter().map(|enrollment| self.enrollment(enrollment));
        Some(JourneyExplained {
            state,
            entry: entry.to_owned(),
            words: in_words(entry, self.language),
            enters_again_at,
            enrollments: enrollments.collect(),
            journey: id,
        })
    }

    /// Returns whether a record that has been in the journey may enter again.
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

    /// Returns why the record has never been in the journey.
    fn first_entry(&self, published: &PublishedVersion, journey: &Journey) -> &'static str {
        let begins = |event: &Event| triggers(&journey.enter, published, event);
        // The same form, if it needed no confirmation.
        let begins_once_confirmed = |event: &Event| {
            let mut confirmed = event.clone();
            confirmed.properties.insert("pending".to_owned(), Value::Bool(false));
            begins(&confirmed)
        };
        let history = &self.record.history;
        if history.iter().any(begins) {
            "missed"
        } else if history.iter().any(begins_once_confirmed) {
            "pending"
        } else {
            "not_triggered"
        }
    }

    fn enrollment(&self, enrollment: &Enrollment) -> EnrollmentExplained {
        let published = self.catalog.version(&enrollment.campaign, enrollment.version);
        let step = published.as_ref().and_then(|published| {
            published.journey(&enrollment.journey)?.step(&enrollment.step).cloned()
        });
        let step = step.filter(|_| enrollment.is_active());
        let waits_for = step.and_then(|step| self.wait(&step.action));
        EnrollmentExplained {
            version: enrollment.version,
            state: enrollment.state,
            step: enrollment.step.clone(),
            entered_by: self.entered_by(enrollment),
            entered_at: enrollment.entered_at,
            since: enrollment.since,
            due_at: enrollment.due_at,
            waits_for,
            reason: enrollment.reason.clone(),
            words: in_words(&enrollment.reason, self.language),
        }
    }

    /// Returns the newest event before an enrollment that starts its journey.
    fn entered_by(&self, enrollment: &Enrollment) -> Option<String> {
        let published = self.catalog.version(&enrollment.campaign, enrollment.version)?;
        let journey = published.journey(&enrollment.journey)?;
        let history = &self.record.history;
        let began = history.iter().find(|event| {
            event.name == names::JOURNEY_ENTERED && event.has("enrollment", enrollment.id.as_str())
        })?;
        let before = history.iter().filter(|event| event.seq < began.seq);
        let by = before.rev().find(|event| triggers(&journey.enter, &published, event));
        by.map(|event| event.name.clone())
    }

    /// Returns what a step waits for besides its time.
    fn wait(&self, action: &Action) -> Option<String> {
        let Action::WaitFor(wait) = action else { return None };
        let awaited: Vec<String> = wait.any.iter().map(|one| self.awaited(one)).collect();
        let any = awaited.join(self.language.pick(", or ", "，或"));
        let words = (format!("{any}, or until time is up"), format!("{any}，或等到超时"));
        Some(self.language.pick(words.0, words.1))
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
            // The reason for which it waited before no longer matters.
            _ if halted && message.state == MessageState::Queued => state,
            reason => {
                let colon = self.language.pick(": ", "：");
                format!("{state}{colon}{}", in_words(reason, self.language))
            }
        };
        MessageExplained { words, ..message }
    }

    /// Returns the membership in a segment, and the result of its rule.
    fn segment(&self, segment: QualifiedId, rule: &Rule) -> SegmentExplained {
        SegmentExplained {
            since: self.record.segments.get(&segment).copied(),
            segment,
            why: rule.explain(self.record.subject(), self.now),
        }
    }
}
