//! Hours on recipients' clocks, and what becomes of messages within them.

use super::*;
use crate::domain::base::primitives::{CampaignId, EnrollmentId, MessageId, RecordId};
use crate::domain::campaign_file;
use crate::domain::contact::message;
use crate::domain::contact::message_source::{MessageSource, StepContent, StepSource};
use crate::domain::pacing::{Cap, Classes, Rate, WarmUp, domain_of};
use crate::domain::sending::frequency_cap::{ScopedCap, SentMessage, room_at};
use crate::domain::time::calendar;
use crate::domain::time::calendar::next_day;
use crate::domain::time::hours::Clock;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn at(text: &str) -> Millis {
    Millis(text.parse::<Timestamp>().unwrap().as_millisecond())
}

fn zone(name: &str) -> TimeZone {
    calendar::zone(&[Some(name)])
}

/// Reads hours such as `21:00-08:00`, with the days as numbers: `09:00-18:00/12345`.
fn hours(text: &str) -> Hours {
    let (clocks, days) = text.split_once('/').unwrap_or((text, ""));
    let (from, to) = clocks.split_once('-').unwrap();
    let weekdays = days.bytes().map(|day| day - b'0').collect();
    Hours { from: Clock::parse(from).unwrap(), to: Clock::parse(to).unwrap(), weekdays }
}

/// Quiet hours or a window on one clock, the present time, and the first time that is open.
const TABLE: &str = "
    Outside quiet hours, at their very beginning, and at their very end.
    quiet 21:00-08:00 Europe/London 2026-03-02T12:00:00Z 2026-03-02T12:00:00Z
    quiet 21:00-08:00 Europe/London 2026-03-02T20:59:59Z 2026-03-02T20:59:59Z
    quiet 21:00-08:00 Europe/London 2026-03-02T21:00:00Z 2026-03-03T08:00:00Z
    quiet 21:00-08:00 Europe/London 2026-03-03T07:59:59Z 2026-03-03T08:00:00Z
    quiet 21:00-08:00 Europe/London 2026-03-03T08:00:00Z 2026-03-03T08:00:00Z
    Within one day.
    quiet 12:00-14:00 Asia/Shanghai 2026-03-02T04:30:00Z 2026-03-02T06:00:00Z
    Across midnight, the night in which the clock springs forward: an hour shorter.
    quiet 21:00-08:00 Europe/London 2026-03-28T22:00:00Z 2026-03-29T07:00:00Z
    quiet 21:00-08:00 America/New_York 2026-03-08T03:00:00Z 2026-03-08T12:00:00Z
    quiet 22:00-07:00 Australia/Lord_Howe 2026-10-03T12:00:00Z 2026-10-03T20:00:00Z
    The night in which it falls back: an hour longer, on Lord Howe half an hour.
    quiet 21:00-08:00 Europe/London 2026-10-24T21:00:00Z 2026-10-25T08:00:00Z
    quiet 21:00-08:00 America/New_York 2026-11-01T02:00:00Z 2026-11-01T13:00:00Z
    quiet 22:00-07:00 Australia/Lord_Howe 2026-04-04T12:00:00Z 2026-04-04T20:30:00Z
    An end in the gap: 02:30 does not exist, and 03:00 is past it.
    quiet 23:00-02:30 America/New_York 2026-03-08T06:00:00Z 2026-03-08T07:00:00Z
    quiet 23:00-02:15 Australia/Lord_Howe 2026-10-03T14:00:00Z 2026-10-03T15:30:00Z
    An end in the overlap: open at the first 01:30, quiet again when it is 01:00 once more.
    quiet 23:00-01:30 America/New_York 2026-11-01T05:00:00Z 2026-11-01T05:30:00Z
    quiet 23:00-01:30 America/New_York 2026-11-01T06:10:00Z 2026-11-01T06:30:00Z
    quiet 23:00-01:45 Australia/Lord_Howe 2026-04-04T14:55:00Z 2026-04-04T14:55:00Z
    quiet 23:00-01:45 Australia/Lord_Howe 2026-04-04T15:05:00Z 2026-04-04T15:15:00Z
    Hours that lie in the gap do not come that day.
    quiet 02:00-03:00 America/New_York 2026-03-08T07:00:00Z 2026-03-08T07:00:00Z
    A window of weekdays: on a Friday evening, over the change of the clock, on one day a week.
    open 09:00-18:00/12345 Europe/London 2026-03-06T18:00:00Z 2026-03-09T09:00:00Z
    open 09:00-18:00/12345 Europe/London 2026-03-27T18:00:00Z 2026-03-30T08:00:00Z
    open 09:00-18:00/12345 Asia/Shanghai 2026-03-02T02:00:00Z 2026-03-02T02:00:00Z
    open 09:00-18:00/7 Asia/Shanghai 2026-03-08T10:00:00Z 2026-03-15T01:00:00Z
    A window across midnight belongs to the day on which it begins.
    open 20:00-02:00/5 Europe/London 2026-03-07T01:00:00Z 2026-03-07T01:00:00Z
    open 20:00-02:00/5 Europe/London 2026-03-06T01:00:00Z 2026-03-06T20:00:00Z
    The last day of February, and of the year.
    quiet 21:00-08:00 Asia/Shanghai 2028-02-28T14:00:00Z 2028-02-29T00:00:00Z
    quiet 21:00-08:00 Europe/London 2026-12-31T22:00:00Z 2027-01-01T08:00:00Z";

#[test]
fn hours_follow_local_wall_clock() {
    let mut tried = 0;
    for row in TABLE.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()) {
        let [what @ ("quiet" | "open"), text, place, now, expected] = row[..] else { continue };
        let gate = TimeWindow { hours: hours(text), opens: what == "open", zone: zone(place) };
        let found = opening(at(now), &[gate]).map(Millis::rfc3339);
        assert_eq!(found.as_deref(), Some(expected), "{row:?}");
        tried += 1;
    }
    assert_eq!(tried, 27);
}

#[test]
fn all_windows_must_be_open_together() {
    let gate = |text, opens| TimeWindow { hours: hours(text), opens, zone: zone("Europe/London") };
    let both = [gate("09:00-12:00/1", true), gate("08:00-11:30", false)];
    assert_eq!(opening(at("2026-03-02T09:00:00Z"), &both), Some(at("2026-03-02T11:30:00Z")));
    let never = [gate("09:00-12:00/1", true), gate("08:00-13:00", false)];
    assert_eq!(opening(at("2026-03-02T09:00:00Z"), &never), None);
}

/// Returns a campaign with these parts, in London.
fn campaign(parts: &str) -> Campaign {
    let head = r#"
        [campaign]
        id = "c"
        name = "Test"
        time_zone = "Europe/London"
        currency = "GBP"
        owner = "owner@house.example"
        postal_address = "1 Test Road"
        goal = { event = "order.completed", within = "30d" }
        [page.p]
        path = "/p"
        template = "pages/p"
        title = "P"
        form = "f"
        [form.f]
        fields = [{ name = "email", type = "email" }]
        consent = { purpose = "news", channels = ["email"], text = "Write to me." }
    "#;
    campaign_file::read("c.toml", &format!("{head}\n{parts}")).unwrap()
}

fn queued(source: MessageSource, now: Millis) -> Message {
    let (id, contact) = (MessageId::from("m"), RecordId::from("p"));
    Message::queue(id, contact, CampaignId::from("c"), 1, source, now)
}

fn step(journey: &str, step: &str, content: StepContent) -> MessageSource {
    MessageSource::Step(StepSource {
        enrollment: EnrollmentId::from("e"),
        journey: journey.to_owned(),
        step: step.to_owned(),
        purpose: "news".to_owned(),
        content,
    })
}

fn message(class: Class, channel: Channel, now: Millis) -> Message {
    let template = if channel == Channel::Sms { "sms/a" } else { "emails/a" };
    let source = match (class, channel) {
        (Class::Marketing, _) => step("", "", StepContent::Template(template.to_owned())),
        (Class::Transactional, Channel::Sms) => MessageSource::StopReply,
        (Class::Transactional, _) => MessageSource::Confirmation { asks_details: false },
        (Class::Internal, _) => step("", "", StepContent::Notice { note: String::new() }),
    };
    queued(source, now)
}

/// Returns the decision about a message that is queued and checked at this time.
fn decided(
    parts: &str,
    deployment: &str,
    phone: &str,
    class: Class,
    channel: Channel,
    now: &str,
) -> String {
    let (campaign, deployment) = (campaign(parts), DeploymentPacing::read(deployment).unwrap());
    let mut contact = Contact::unknown(RecordId::from("p"), Millis(0));
    contact.phone = Some(phone.to_owned());
    let message = message(class, channel, at(now));
    let (pacing, campaign) = (&campaign.pacing, &campaign);
    let paced = PacingCheck {
        message: &message,
        contact: &contact,
        campaign,
        pacing,
        deployment: &deployment,
    };
    match paced.decide(false, at(now)) {
        PacingDecision::Now => "now".to_owned(),
        PacingDecision::Later { at, wait } => format!("{} {}", wait.as_str(), at.rfc3339()),
        PacingDecision::Never(reason) => format!("never {reason}"),
    }
}

const NIGHT: &str = "2026-03-02T22:00:00Z";
const UK: &str = "+447400123456";

#[test]
fn quiet_hours_apply_by_channel_and_class() {
    let quiet = r#"[pacing]
        quiet = { sms = { from = "21:00", to = "08:00" } }"#;
    let check = |class, channel, expected: &str| {
        assert_eq!(decided(quiet, "{}", UK, class, channel, NIGHT), expected);
    };
    check(Class::Marketing, Channel::Sms, "quiet_hours 2026-03-03T08:00:00Z");
    check(Class::Marketing, Channel::Email, "now");
    check(Class::Transactional, Channel::Sms, "now");
    check(Class::Internal, Channel::Email, "now");
    let all = r#"[pacing]
        quiet = { sms = { from = "21:00", to = "08:00", class = "all" } }"#;
    let transactional = decided(all, "{}", UK, Class::Transactional, Channel::Sms, NIGHT);
    assert_eq!(transactional, "quiet_hours 2026-03-03T08:00:00Z");
}

#[test]
fn quiet_hours_can_drop_messages() {
    let drop = r#"[pacing]
        quiet = { email = { from = "21:00", to = "08:00", else = "drop" } }"#;
    let decision = decided(drop, "{}", UK, Class::Marketing, Channel::Email, NIGHT);
    assert_eq!(decision, "never quiet_hours");
}

#[test]
fn deployment_quiet_hours_apply_too() {
    let deployment = r#"{ "quiet": { "email": { "from": "20:00", "to": "09:30" } } }"#;
    let quiet = r#"[pacing]
        quiet = { email = { from = "21:00", to = "08:00" } }"#;
    let decision = decided(quiet, deployment, UK, Class::Marketing, Channel::Email, NIGHT);
    assert_eq!(decision, "quiet_hours 2026-03-03T09:30:00Z");
}

#[test]
fn sms_respects_customary_hours_of_its_country() {
    let decision = |phone, now| decided("", "{}", phone, Class::Marketing, Channel::Sms, now);
    // 21:30 in Shanghai; the campaign is in London, where it is 13:30.
    assert_eq!(
        decision("+8613800138000", "2026-03-02T13:30:00Z"),
        "quiet_hours 2026-03-03T00:00:00Z"
    );
    // A number of +1 may be in Hawaii, where it is 8:00 when it is 18:00 UTC.
    assert_eq!(
        decision("+12025550100", "2026-03-02T13:30:00Z"),
        "quiet_hours 2026-03-02T18:00:00Z"
    );
    assert_eq!(decision("+12025550100", "2026-03-02T19:00:00Z"), "now");
    assert_eq!(decision(UK, NIGHT), "now");
    let off = "[pacing]\ncustomary_hours = false";
    let decision = decided(off, "{}", "+12025550100", Class::Marketing, Channel::Sms, NIGHT);
    assert_eq!(decision, "now");
}

#[test]
fn message_past_its_deadline_is_never_sent() {
    let quiet = |span| {
        format!(
            "[pacing]\ngive_up_after = \"{span}\"
             quiet = {{ email = {{ from = \"21:00\", to = \"08:00\" }} }}"
        )
    };
    let decision = |span| decided(&quiet(span), "{}", UK, Class::Marketing, Channel::Email, NIGHT);
    assert_eq!(decision("10h"), "quiet_hours 2026-03-03T08:00:00Z");
    assert_eq!(decision("9h"), "never late_quiet_hours");
}

#[test]
fn step_window_overrides_journey_and_campaign() {
    let parts = r#"
        [pacing]
        window = { from = "09:00", to = "10:00" }
        [journey.j]
        enter = { form = "f" }
        window = { from = "11:00", to = "12:00" }
        [[journey.j.step]]
        id = "own"
        send = "emails/a"
        window = { from = "13:00", to = "14:00" }
        [[journey.j.step]]
        id = "plain"
        send = "emails/b"
    "#;
    let (campaign, deployment) = (campaign(parts), DeploymentPacing::default());
    let contact = Contact::unknown(RecordId::from("p"), Millis(0));
    let now = at("2026-03-02T05:00:00Z");
    let sent_at = |journey: &str, id: &str| {
        let content = StepContent::Template("emails/a".to_owned());
        let message = queued(step(journey, id, content), now);
        let (pacing, campaign) = (&campaign.pacing, &campaign);
        let paced = PacingCheck {
            message: &message,
            contact: &contact,
            campaign,
            pacing,
            deployment: &deployment,
        };
        match paced.decide(false, now) {
            PacingDecision::Later { at, wait: Wait::Window } => at.rfc3339()[11..16].to_owned(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(sent_at("j", "own"), "13:00");
    assert_eq!(sent_at("j", "plain"), "11:00");
    assert_eq!(sent_at("", ""), "09:00");
}

#[test]
fn auto_pause_holds_marketing_only() {
    let campaign = campaign("");
    let (deployment, contact) =
        (DeploymentPacing::default(), Contact::unknown(RecordId::from("p"), Millis(0)));
    let decision = |class| {
        let message = message(class, Channel::Email, Millis(0));
        let (pacing, campaign) = (&campaign.pacing, &campaign);
        let paced = PacingCheck {
            message: &message,
            contact: &contact,
            campaign,
            pacing,
            deployment: &deployment,
        };
        paced.decide(true, Millis(0))
    };
    let rest = PacingDecision::Later { at: Millis(0).plus(AUTO_PAUSE_WAIT), wait: Wait::AutoPause };
    assert_eq!(decision(Class::Marketing), rest);
    assert_eq!(decision(Class::Transactional), PacingDecision::Now);
    assert_eq!(decision(Class::Internal), PacingDecision::Now);
}

#[test]
fn invalid_pacing_variable_is_refused() {
    let error = |json: &str| DeploymentPacing::read(json).unwrap_err();
    assert!(error(r#"{ "quite": {} }"#).contains("unknown field `quite`"));
    assert!(error(r#"{ "quiet": { "sms": { "from": "9", "to": "10:00" } } }"#).contains("`9`"));
    let endless = r#"{ "quiet": { "sms": { "from": "09:00", "to": "09:00" } } }"#;
    assert!(error(endless).contains("never ends"));
    let nothing = r#"{ "caps": [{ "messages": 0, "within": "1d" }] }"#;
    assert!(error(nothing).contains("1 or more"));
    assert!(error(r#"{ "rates": { "ses": { "calls": 0, "per": "1s" } } }"#).contains("1 or more"));
    let shrinks = r#"{ "warm_up": { "x.example":
        { "start": "2026-03-01", "first_day": 50, "growth": 0.5 } } }"#;
    assert!(error(shrinks).contains("below 1"));
    assert!(error(r#"{ "brake": { "complaints": 0 } }"#).contains("percent"));
    let whole = r#"{ "caps": [{ "channel": "email", "messages": 3, "within": "7d" }],
        "rates": { "resend": { "calls": 2, "per": "1s" } },
        "warm_up": { "x.example": { "start": "2026-03-01", "days": [50, 100] } } }"#;
    assert_eq!(DeploymentPacing::read(whole).unwrap().caps[0].within, Span::days(7));
}

#[test]
fn warm_up_limit_grows_each_day() {
    let limit = |warm_up: &WarmUp, day: &str| warm_up.limit(at(&format!("{day}T12:00:00Z")));
    let grows = WarmUp {
        start: "2026-03-01".to_owned(),
        first_day: Some(50),
        growth: Some(1.5),
        days: Vec::new(),
    };
    let days = ["2026-02-01", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-25", "2026-03-27"];
    let found = days.map(|day| limit(&grows, day));
    assert_eq!(found, [Some(50), Some(50), Some(75), Some(112), Some(841_705), None]);
    let table = WarmUp { first_day: None, growth: None, days: vec![50, 100], ..grows };
    let days = ["2026-02-01", "2026-03-01", "2026-03-02", "2026-03-03"];
    assert_eq!(days.map(|day| limit(&table, day)), [Some(50), Some(50), Some(100), None]);
    assert_eq!(next_day(at("2026-03-01T23:59:59Z")), at("2026-03-02T00:00:00Z"));
    assert_eq!(domain_of("Ann <ann@Mail.Example>"), "mail.example");
}

#[test]
fn rate_gives_gap_between_calls() {
    let gap = |calls, per| Rate { calls, per }.gap().0;
    assert_eq!(gap(2, Span::seconds(1)), 500);
    assert_eq!(gap(14, Span::seconds(1)), 72);
}

/// Returns a cap on e-mail.
fn cap(messages: u32, within: Span) -> Cap {
    Cap { channel: Some(Channel::Email), class: Classes::Marketing, messages, within }
}

proptest! {
    /// The time found is open, and no earlier time is.
    #[test]
    fn opening_is_the_first_open_moment(
        from in 0_u16..96, to in 0_u16..96, opens: bool, place in 0_usize..5,
        start in 0_i64..36_000,
    ) {
        prop_assume!(from != to);
        let place = ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
                     "Africa/Casablanca"][place];
        let hours = Hours { from: Clock(from * 15), to: Clock(to * 15), weekdays: Vec::new() };
        let gate = TimeWindow { hours, opens, zone: zone(place) };
        // All clocks and clock changes in these zones are in steps of a quarter of an hour.
        let quarter = Span::minutes(15);
        let now = Millis(at("2026-01-01T00:00:00Z").0 + start * quarter.0);
        let found = opening(now, std::slice::from_ref(&gate)).unwrap();
        prop_assert!(gate.is_open(found));
        let mut earlier = now;
        while earlier < found {
            prop_assert!(!gate.is_open(earlier), "{} of {}", earlier.rfc3339(), found.rfc3339());
            earlier = earlier.plus(quarter);
        }
    }

    /// Messages that are sent at the times that the caps allow never exceed a cap in any window,
    /// and each of them is sent.
    #[test]
    fn cap_is_never_exceeded_in_any_window(
        mut wanted in prop::collection::vec(0_i64..20_000, 1..40),
        first in (1_u32..4, 10_i64..2_000), second in (1_u32..8, 10_i64..6_000),
    ) {
        wanted.sort_unstable();
        let caps = [cap(first.0, Span::minutes(first.1)), cap(second.0, Span::minutes(second.1))];
        let campaign = CampaignId::from("c");
        let scoped = [
            ScopedCap { cap: &caps[0], campaign: Some(&campaign) },
            ScopedCap { cap: &caps[1], campaign: None },
        ];
        let mut taken: Vec<SentMessage> = Vec::new();
        for (index, minute) in wanted.iter().enumerate() {
            let id = MessageId(index.to_string());
            let mut now = Millis(minute * 60_000).max(taken.last().map_or(Millis(0), |p| p.at));
            // At the time that was returned, a second check lets it leave.
            now = room_at(&id, &scoped, &taken, now);
            prop_assert_eq!(room_at(&id, &scoped, &taken, now), now);
            let class = message::Class::Marketing;
            let campaign_id = campaign.clone();
            let channel = Channel::Email;
            taken.push(SentMessage { message_id: id, campaign_id, channel, class, at: now });
        }
        for cap in &caps {
            for place in &taken {
                let until = place.at.plus(cap.within);
                let inside = taken.iter().filter(|other| other.at >= place.at && other.at < until);
                prop_assert!(inside.count() <= cap.messages as usize);
            }
        }
    }
}
