//! A broadcast: one message to a whole segment or list, once.

use crate::domain::base::bucketing;
use crate::domain::base::primitives::{
    CampaignId, ListId, MessageId, Millis, QualifiedId, RecordId, Span,
};
use crate::domain::campaign::Segment;
use crate::domain::campaign::ab_test::Standard;
use crate::domain::segment::Rule;
use crate::domain::time::calendar;
use crate::domain::time::calendar::LocalTime;
use crate::domain::time::hours::Hours;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A broadcast as the campaign file describes it. It goes out once under its name; the next one is
/// another broadcast with its own name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Broadcast {
    /// Whom it goes to.
    #[serde(flatten)]
    pub target: Target,
    /// The purpose that recipients must have consented to.
    pub purpose: String,
    /// The local start time, such as `2026-03-02T09:00`; `zone` names the clock. Without it the
    /// broadcast is started by hand.
    pub at: Option<String>,
    #[serde(default)]
    pub zone: Zone,
    /// With `Zone::Recipient`: what happens to recipients for whom `at` has passed at the start.
    #[serde(default)]
    pub missed: Missed,
    /// The send window; it replaces the campaign's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Hours>,
    /// The messages: one, or several of which each recipient gets one.
    pub variants: Vec<BroadcastVariant>,
    /// The metric that compares the variants.
    #[serde(default)]
    pub metric: AbMetric,
    /// The requirements for a winner.
    pub standard: Standard,
    /// If present, some of the recipients test the variants and the rest get the better one.
    pub test: Option<AbTest>,
}

/// Whom a broadcast goes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The members of a segment of the same campaign.
    Segment(String),
    /// The contacts on a list.
    List(ListId),
}

impl Target {
    /// Returns the name of the segment or list.
    pub fn name(&self) -> &str {
        match self {
            Self::Segment(name) => name,
            Self::List(list) => list.as_str(),
        }
    }

    /// Returns the rule that holds for those whom it goes to; `None` if the segment is missing.
    pub fn rule<'c>(&self, segments: &'c BTreeMap<String, Segment>) -> Option<Cow<'c, Rule>> {
        match self {
            Self::Segment(name) => segments.get(name).map(|segment| Cow::Borrowed(&segment.rule)),
            Self::List(list) => Some(Cow::Owned(Rule::List(list.clone()))),
        }
    }
}

/// The clock that a broadcast starts by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// The campaign's: everybody at the same instant.
    #[default]
    Campaign,
    /// Each recipient's own; the campaign's if the recipient's is unknown.
    Recipient,
}

/// What happens to a recipient whose local time has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// The message is sent at once.
    #[default]
    Send,
    /// The message is sent at that time of the next day.
    NextDay,
    /// The message is not sent.
    Skip,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BroadcastVariant {
    /// Its name in reports, such as `a`.
    pub name: String,
    /// Its template, `emails/news` or `sms/news`.
    pub template: String,
    /// A subject that replaces the template's: Handlebars, for e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The weight among recipients that test the variants, relative to the other weights.
    pub weight: u32,
}

/// The metric of a variant. Bots are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbMetric {
    #[default]
    Clicked,
    /// People who opened it, as far as a tracking pixel can tell.
    Opened,
    /// People who reached the campaign's goal.
    Converted,
}

impl AbMetric {
    /// Returns the name used in files, which is also the counter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clicked => "clicked",
            Self::Opened => "opened",
            Self::Converted => "converted",
        }
    }
}

/// A test before the rest: some recipients test the variants, then the better one is chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbTest {
    /// The percentage of recipients that test the variants.
    pub share: u32,
    /// The waiting time after the last tester was processed. It is extended while a tester's
    /// message waits to be sent.
    pub wait: Span,
    /// The variant for the rest if there is no significant winner.
    pub otherwise: String,
}

/// The largest offset of a time zone ahead of UTC (Kiritimati).
const AHEAD_MAX: Span = Span::hours(14);

impl Broadcast {
    /// Returns the instant at which it starts by itself. With `Zone::Recipient` this is when the
    /// first time zone of the world reaches the time, so that it has passed for nobody.
    pub fn starts_at(&self, campaign_zone: &str) -> Option<Millis> {
        let at = local(self.at.as_deref()?)?;
        match self.zone {
            Zone::Campaign => instant(at, &calendar::zone(&[Some(campaign_zone)])),
            Zone::Recipient => Some(instant(at, &TimeZone::UTC)?.minus(AHEAD_MAX)),
        }
    }

    /// Returns when to send to a recipient in `zone` that is processed now; `None` if it is too
    /// late.
    pub fn send_at(&self, zone: &TimeZone, now: Millis) -> Option<Millis> {
        let local = self.at.as_deref().and_then(local).filter(|_| self.zone == Zone::Recipient);
        let Some((at, when)) = local.and_then(|at| Some((at, instant(at, zone)?))) else {
            return Some(now);
        };
        match self.missed {
            _ if when >= now => Some(when),
            Missed::Send => Some(now),
            Missed::Skip => None,
            Missed::NextDay => {
                let (hour, minute) = (at.hour().unsigned_abs(), at.minute().unsigned_abs());
                let clock = LocalTime { hour, minute, weekdays: Vec::new() };
                Some(calendar::next_local_time(now, &clock, zone))
            }
        }
    }

    pub fn variant(&self, name: &str) -> Option<&BroadcastVariant> {
        self.variants.iter().find(|variant| variant.name == name)
    }

    /// Returns whether a contact is among those who test the variants before the rest.
    pub fn is_tester(&self, id: &QualifiedId, contact: &RecordId) -> bool {
        let share = self.test.as_ref().map_or(0, |test| test.share.min(100));
        let key = format!("broadcast/{id}/test/{contact}");
        bucketing::weighted_bucket(&key, [share, 100 - share].into_iter()) == Some(0)
    }

    /// Returns the variant of a contact in a random assignment, which is always the same one.
    pub fn drawn(&self, id: &QualifiedId, contact: &RecordId) -> Option<&BroadcastVariant> {
        let key = format!("broadcast/{id}/variant/{contact}");
        let weights = self.variants.iter().map(|variant| variant.weight);
        self.variants.get(bucketing::weighted_bucket(&key, weights)?)
    }
}

/// Reads `2026-03-02T09:00`.
pub fn local(text: &str) -> Option<DateTime> {
    // The length check refuses seconds, offsets and zones.
    let fits = text.len() == "2026-03-02T09:00".len() && text.as_bytes().get(10) == Some(&b'T');
    fits.then(|| text.parse().ok()).flatten()
}

/// Returns when a clock in `zone` shows the time, by the rules of `calendar::next_local_time` where
/// daylight saving time skips or repeats it.
fn instant(at: DateTime, zone: &TimeZone) -> Option<Millis> {
    let (hour, minute) = (at.hour().unsigned_abs(), at.minute().unsigned_abs());
    calendar::instant(at.date(), hour, minute, zone)
}

/// Returns the key of a recipient in the contact's log. It is recorded once, however often the
/// recipient is processed.
pub fn turn_key(id: &QualifiedId, contact: &RecordId) -> String {
    format!("broadcast:{id}:{contact}")
}

/// Returns the id of the message that a contact gets from a broadcast.
pub fn message_id(id: &QualifiedId, contact: &RecordId) -> MessageId {
    MessageId(format!("{contact}.broadcast.{id}"))
}

/// Returns the template name of a variant's own subject.
pub fn subject_name(broadcast: &str, variant: &str) -> String {
    format!("subjects/{broadcast}/{variant}")
}

/// The reason why a message of a paused broadcast waits.
pub const PAUSED: &str = "broadcast_paused";
/// The reason why a message of a cancelled broadcast is not sent.
pub const CANCELLED: &str = "broadcast_cancelled";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BroadcastState {
    /// It starts by itself at its time.
    Scheduled,
    /// Recipients are being processed, or it waits for the end of its test.
    Running,
    /// No recipient is processed, and none of its messages is sent.
    Paused,
    /// All recipients have been processed.
    Done,
    /// No further recipient is processed, and queued messages are not sent.
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The testers get the variants.
    Test,
    /// The testers' reactions are awaited.
    Wait,
    /// Everybody else gets it; without a test, everybody.
    Rest,
}

/// An action on a broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BroadcastVerb {
    /// Starts now, whatever its scheduled time.
    Start,
    /// Stops for a while.
    Pause,
    /// Continues.
    Resume,
    /// Cancels what has not been sent.
    Cancel,
}

impl BroadcastVerb {
    /// Reads the action from a URL.
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "start" => Some(Self::Start),
            "pause" => Some(Self::Pause),
            "resume" => Some(Self::Resume),
            "cancel" => Some(Self::Cancel),
            _ => None,
        }
    }

    /// Returns the name used in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }
}

/// The counts of who would get a broadcast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// The members of the segment.
    pub members: i64,
    /// Members without an address on this channel.
    pub no_address: i64,
    /// Members whose address is suppressed.
    pub suppressed: i64,
    /// Members without consent.
    pub no_consent: i64,
    /// Members that have already been processed, whatever the outcome.
    pub decided: i64,
}

impl Audience {
    /// Returns the number of recipients, past and future.
    pub fn recipients(&self) -> i64 {
        self.members - self.no_address - self.suppressed - self.no_consent
    }

    pub fn plus(self, other: Self) -> Self {
        Self {
            members: self.members + other.members,
            no_address: self.no_address + other.no_address,
            suppressed: self.suppressed + other.suppressed,
            no_consent: self.no_consent + other.no_consent,
            decided: self.decided + other.decided,
        }
    }
}

/// A contact as a recipient of a broadcast.
#[derive(Clone, Debug, PartialEq)]
pub struct BroadcastRecipient {
    pub campaign: CampaignId,
    pub broadcast: String,
    /// The published version it was started from.
    pub version: u32,
    pub contact: RecordId,
    /// The variant for the rest after a test; `None` for a random assignment.
    pub variant: Option<String>,
}

impl BroadcastRecipient {
    pub fn id(&self) -> QualifiedId {
        QualifiedId::new(&self.campaign, &self.broadcast)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broadcast(missed: Missed) -> Broadcast {
        Broadcast {
            target: Target::Segment("s".to_owned()),
            purpose: "news".to_owned(),
            at: Some("2026-03-29T02:30".to_owned()),
            zone: Zone::Recipient,
            missed,
            window: None,
            variants: Vec::new(),
            metric: AbMetric::Clicked,
            standard: Standard { confidence: 95, sample_min: 100 },
            test: None,
        }
    }

    fn at(text: &str) -> Millis {
        Millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn sent(broadcast: &Broadcast, zone: &str, now: &str) -> Option<String> {
        broadcast.send_at(&calendar::zone(&[Some(zone)]), at(now)).map(Millis::rfc3339)
    }

    #[test]
    fn local_send_time_differs_by_zone_and_survives_dst_gap() {
        let (broadcast, start) = (broadcast(Missed::Send), "2026-03-28T12:30:00Z");
        assert_eq!(broadcast.starts_at("Europe/London").unwrap().rfc3339(), start);
        let kiritimati = sent(&broadcast, "Pacific/Kiritimati", start);
        assert_eq!(kiritimati.unwrap(), start, "the first zone is not late");
        let shanghai = sent(&broadcast, "Asia/Shanghai", start);
        assert_eq!(shanghai.unwrap(), "2026-03-28T18:30:00Z");
        // Clocks in Paris jump from 02:00 to 03:00, at 01:00 UTC.
        let paris = sent(&broadcast, "Europe/Paris", start);
        assert_eq!(paris.unwrap(), "2026-03-29T01:30:00Z");
    }

    #[test]
    fn missed_local_time_sends_now_next_day_or_never() {
        let late = "2026-03-28T20:00:00Z";
        let sent = |missed| sent(&broadcast(missed), "Asia/Shanghai", late);
        assert_eq!(sent(Missed::Send).unwrap(), late);
        assert_eq!(sent(Missed::NextDay).unwrap(), "2026-03-29T18:30:00Z");
        assert_eq!(sent(Missed::Skip), None);
    }

    #[test]
    fn local_time_needs_date_and_time() {
        assert!(local("2026-03-02T09:00").is_some());
        for bad in
            ["2026-03-02", "2026-03-02T09:00Z", "2026-03-02 09:00", "2026-02-30T09:00", "", "09:00"]
        {
            assert_eq!(local(bad), None, "{bad}");
        }
    }
}
