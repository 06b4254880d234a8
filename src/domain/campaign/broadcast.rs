//! A broadcast: one message to everybody in a segment, once.

use crate::domain::base::bucketing;
use crate::domain::base::primitives::{
    CampaignId, ContactId, MessageId, Millis, QualifiedId, Span,
};
use crate::domain::campaign::ab_test::Standard;
use crate::domain::time::calendar;
use crate::domain::time::calendar::LocalTime;
use crate::domain::time::hours::Hours;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// One message to a segment, as the campaign file describes it. It goes out once under its name;
/// the next one is another broadcast with a name of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Broadcast {
    /// The segment of the same campaign whose members get it.
    pub segment: String,
    /// The purpose that they must have agreed to.
    pub purpose: String,
    /// When it starts, on the clock that `zone` says: `2026-03-02T09:00`. It waits to be started
    /// by hand if absent.
    pub at: Option<String>,
    /// On whose clock.
    #[serde(default)]
    pub zone: Zone,
    /// What happens to those for whom `at` has passed when it starts, on recipients' clocks.
    #[serde(default)]
    pub missed: Missed,
    /// The only hours to write in, instead of the campaign's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Hours>,
    /// What is sent: one, or several of which each recipient gets one.
    pub variants: Vec<BroadcastVariant>,
    /// What the variants are compared by.
    #[serde(default)]
    pub metric: AbMetric,
    /// How sure the comparison has to be.
    pub standard: Standard,
    /// Whether a part of the recipients tries the variants, and the rest gets the better one.
    pub test: Option<AbTest>,
}

/// On whose clock a broadcast starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// The campaign's: everybody in the same instant.
    #[default]
    Campaign,
    /// Each recipient's own; the campaign's for those whose zone is unknown.
    Recipient,
}

/// What happens to a recipient on whose clock the time has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// It is sent at once.
    #[default]
    Send,
    /// It is sent at that time of the next day.
    NextDay,
    /// It is not sent.
    Skip,
}

/// One of several messages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BroadcastVariant {
    /// Its name in reports, such as `a`.
    pub name: String,
    /// Its template, `emails/news` or `sms/news`.
    pub template: String,
    /// A subject in place of its template's: Handlebars, for e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Its share of those who try the variants, relative to the other weights.
    pub weight: u32,
}

/// What a variant is measured by. What scanners do is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbMetric {
    /// People who clicked.
    #[default]
    Clicked,
    /// People who opened it, as far as a picture can tell.
    Opened,
    /// People who reached the campaign's goal.
    Converted,
}

impl AbMetric {
    /// The word in files, and the counter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clicked => "clicked",
            Self::Opened => "opened",
            Self::Converted => "converted",
        }
    }
}

/// A test before the rest: some try the variants, and after a while the better one is chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbTest {
    /// Of a hundred recipients so many try the variants.
    pub share: u32,
    /// How long after the last of them was decided on; longer, while one of them waits to be sent.
    pub wait: Span,
    /// The variant that the rest gets if none is better beyond doubt.
    pub otherwise: String,
}

/// Minutes that the local time of the zone furthest ahead of UTC is ahead (Kiritimati).
const AHEAD_MAX: Span = Span::hours(14);

impl Broadcast {
    /// The instant at which it starts by itself. On recipients' clocks that is when the first zone
    /// of the world comes to the time, so that nobody's has passed.
    pub fn starts_at(&self, campaign_zone: &str) -> Option<Millis> {
        let at = local(self.at.as_deref()?)?;
        match self.zone {
            Zone::Campaign => instant(at, &calendar::zone(&[Some(campaign_zone)])),
            Zone::Recipient => Some(instant(at, &TimeZone::UTC)?.minus(AHEAD_MAX)),
        }
    }

    /// When somebody in `zone` is to be written to, if the broadcast is decided on now; `None` if
    /// it is too late for them.
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

    /// A variant by name.
    pub fn variant(&self, name: &str) -> Option<&BroadcastVariant> {
        self.variants.iter().find(|variant| variant.name == name)
    }

    /// Whether a contact is among those who try the variants before the others.
    pub fn is_tester(&self, id: &QualifiedId, contact: &ContactId) -> bool {
        let share = self.test.as_ref().map_or(0, |test| test.share.min(100));
        let key = format!("broadcast/{id}/test/{contact}");
        bucketing::pick(&key, [share, 100 - share].into_iter()) == Some(0)
    }

    /// The variant that a contact gets where chance decides: always the same one.
    pub fn drawn(&self, id: &QualifiedId, contact: &ContactId) -> Option<&BroadcastVariant> {
        let key = format!("broadcast/{id}/variant/{contact}");
        let weights = self.variants.iter().map(|variant| variant.weight);
        self.variants.get(bucketing::pick(&key, weights)?)
    }
}

/// Reads `2026-03-02T09:00`.
pub fn local(text: &str) -> Option<DateTime> {
    // Seconds, offsets and zones are refused by the length.
    let fits = text.len() == "2026-03-02T09:00".len() && text.as_bytes().get(10) == Some(&b'T');
    fits.then(|| text.parse().ok()).flatten()
}

/// When a clock in `zone` shows it, by the rules of `calendar::next_local_time` where daylight
/// saving skips or repeats it.
fn instant(at: DateTime, zone: &TimeZone) -> Option<Millis> {
    let clock = (at.hour().unsigned_abs(), at.minute().unsigned_abs());
    calendar::instant(at.date(), clock, zone)
}

/// The key under which a contact's turn is in its log: once, however often it is taken.
pub fn turn_key(id: &QualifiedId, contact: &ContactId) -> String {
    format!("broadcast:{id}:{contact}")
}

/// The message that a contact gets of a broadcast.
pub fn message_id(id: &QualifiedId, contact: &ContactId) -> MessageId {
    MessageId(format!("{contact}.broadcast.{id}"))
}

/// The name under which a variant's own subject stands among the templates.
pub fn subject_name(broadcast: &str, variant: &str) -> String {
    format!("subjects/{broadcast}/{variant}")
}

/// Why a message of a paused broadcast waits.
pub const PAUSED: &str = "broadcast_paused";
/// Why a message of a broadcast that was called off is not sent.
pub const CANCELLED: &str = "broadcast_cancelled";

/// How far a broadcast has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BroadcastState {
    /// It starts by itself when its time comes.
    Scheduled,
    /// Its recipients are being decided on, or it waits for the end of its test.
    Running,
    /// Nobody is decided on, and nothing of it is sent.
    Paused,
    /// Everybody has been decided on.
    Done,
    /// It was called off: nobody is decided on any more, and what was queued is not sent.
    Cancelled,
}

/// The part of a broadcast's way that it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Those who try the variants get them.
    Test,
    /// What they do is waited for.
    Wait,
    /// Everybody else, or without a test everybody, gets it.
    Rest,
}

/// What can be done with a broadcast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BroadcastVerb {
    /// Begin now, whatever its time is.
    Start,
    /// Halt for a while.
    Pause,
    /// Go on.
    Resume,
    /// Call off what has not been sent.
    Cancel,
}

impl BroadcastVerb {
    /// The verb of an address.
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "start" => Some(Self::Start),
            "pause" => Some(Self::Pause),
            "resume" => Some(Self::Resume),
            "cancel" => Some(Self::Cancel),
            _ => None,
        }
    }

    /// The word of an address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }
}

/// Who would get a broadcast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// In the segment.
    pub members: i64,
    /// Of them, without an address on this channel.
    pub no_address: i64,
    /// Of them, whose address must not be written to.
    pub suppressed: i64,
    /// Of them, who have not agreed.
    pub no_consent: i64,
    /// Of all of them, who have had their turn already.
    pub decided: i64,
}

impl Audience {
    /// To how many it would go, or has gone.
    pub fn recipients(&self) -> i64 {
        self.members - self.no_address - self.suppressed - self.no_consent
    }

    /// Both together.
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

/// A contact's turn in a broadcast.
#[derive(Clone, Debug, PartialEq)]
pub struct BroadcastRecipient {
    /// The campaign.
    pub campaign: CampaignId,
    /// The broadcast's name.
    pub broadcast: String,
    /// The published version that it was started from.
    pub version: u32,
    /// Whose turn.
    pub contact: ContactId,
    /// The variant that the rest gets after a test; `None` where chance decides.
    pub variant: Option<String>,
}

impl BroadcastRecipient {
    /// The broadcast.
    pub fn id(&self) -> QualifiedId {
        QualifiedId::new(&self.campaign, &self.broadcast)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broadcast(missed: Missed) -> Broadcast {
        Broadcast {
            segment: "s".to_owned(),
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
    fn each_zone_has_its_own_instant_and_a_time_that_spring_skips_comes_an_hour_later() {
        let (broadcast, start) = (broadcast(Missed::Send), "2026-03-28T12:30:00Z");
        assert_eq!(broadcast.starts_at("Europe/London").unwrap().rfc3339(), start);
        let kiritimati = sent(&broadcast, "Pacific/Kiritimati", start);
        assert_eq!(kiritimati.unwrap(), start, "the first zone is not late");
        let shanghai = sent(&broadcast, "Asia/Shanghai", start);
        assert_eq!(shanghai.unwrap(), "2026-03-28T18:30:00Z");
        // Clocks in Paris jump from 02:00 to 03:00, which is 01:00 UTC.
        let paris = sent(&broadcast, "Europe/Paris", start);
        assert_eq!(paris.unwrap(), "2026-03-29T01:30:00Z");
    }

    #[test]
    fn who_is_late_is_sent_to_at_once_or_the_next_day_or_not_at_all() {
        let late = "2026-03-28T20:00:00Z";
        let sent = |missed| sent(&broadcast(missed), "Asia/Shanghai", late);
        assert_eq!(sent(Missed::Send).unwrap(), late);
        assert_eq!(sent(Missed::NextDay).unwrap(), "2026-03-29T18:30:00Z");
        assert_eq!(sent(Missed::Skip), None);
    }

    #[test]
    fn only_a_day_with_a_time_is_a_local_time() {
        assert!(local("2026-03-02T09:00").is_some());
        for bad in
            ["2026-03-02", "2026-03-02T09:00Z", "2026-03-02 09:00", "2026-02-30T09:00", "", "09:00"]
        {
            assert_eq!(local(bad), None, "{bad}");
        }
    }
}
