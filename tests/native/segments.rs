//! Segments: a rule has two evaluators that must agree, predicts when its answer may change, and is
//! backfilled once when it is published.

use super::segment_backfill::{EVER, a_filling};
use super::support::{FORM, MONDAY, campaign};
use dripline::domain::base::primitives::{Channel, ContactId, Millis, QualifiedId, Span};
use dripline::domain::contact::Contact;
use dripline::domain::contact::consent::{Consent, ConsentState};
use dripline::domain::contact::enrollment::{Enrollment, EnrollmentState};
use dripline::domain::contact::event::{Event, Properties};
use dripline::domain::engine::Decision;
use dripline::domain::engine::change::Change;
use dripline::domain::publication::validate::{
    OPTIONS_MAX, RULE_DATES_MAX, RULE_DEPTH_MAX, RULE_LEAVES_MAX, check, rule_bytes,
};
use dripline::domain::segment::{
    Comparison, DateTest, Events, Explained, JourneyState, Measure, Occurrence, Operator, Relative,
    Rule, Sample, Scalar, TimeTest,
};
use dripline::flows::ports::Database;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use dripline::store::broadcasts::{self, BroadcastRow};
use dripline::store::segments;
use dripline::store::statement::Statement;
use dripline::store::write;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const NOW: Millis = MONDAY;
const HOUR: i64 = 3_600_000;

/// Texts that are easily confused: with numbers, SQL, paths, or each other.
const TEXTS: [&str; 16] = [
    "", "5", "5.0", "true", "null", "manager", "Manager", "经理", "经理助理", "O'Brien", "a\"b",
    "a\\b", "%", "ÄRGER", "🙂", "x\ny",
];
const NAMES: [&str; 8] = ["role", "list", "n", "email", "phone", "score", "time_zone", "odd.name"];
const EVENTS: [&str; 2] = ["message.clicked", "order.completed"];
const PROPERTIES: [&str; 3] = ["step", "a.b", "value_minor"];
const HOURS: [i64; 6] = [-1, 0, 1, 24, 48, 500];
/// Zones with and without daylight saving, one that changes its clocks in the month after `NOW` in
/// each direction, one in another case, and an unknown one.
const ZONES: [&str; 8] = [
    "Asia/Shanghai", "America/New_York", "America/Santiago", "Pacific/Kiritimati", "europe/london",
    "UTC", "Mars/Base", "",
];
/// Dates in every format, edge cases, and texts that only look like dates.
const DATES: [&str; 28] = [
    "2026-03-02",
    "2026-03-01",
    "2026-03-03",
    "2026-03-02T09:00:00",
    "2026-03-02T09:00:00Z",
    "2026-03-02T08:59:59Z",
    "2026-03-02 17:00:00+08:00",
    "2026-03-02T04:00:00.999-05:00",
    "2026-03-08T02:30:00",
    "2026-04-04T23:30:00",
    "2024-02-29",
    "1992-02-29T12:00:00Z",
    "1990-03-02",
    "1971-03-09",
    "1990-12-31",
    "2030-01-01",
    "0000-01-01",
    "9999-12-31",
    "2026-02-31",
    "2025-02-29",
    "2026-13-01",
    "2026-03-02T24:00:00",
    "2026-03-02T09:00",
    "2026-03-02T09:00:00z",
    "2026-03-02T09:00:00+8:00",
    "now",
    "12:00",
    " 2026-03-02",
];
const PATTERNS: [&str; 14] = [
    "*", "?", "??", "manager", "MAN*", "m?nager", "*理*", "经?", "*%*", "_", "a\\b", "*\n?",
    "*a*e*", "🙂",
];
const NUMBERS: [f64; 9] = [-1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 5.5, 1e15, 9_007_199_254_740_991.0];

fn text() -> impl Strategy<Value = String> {
    select(TEXTS.as_slice()).prop_map(str::to_owned)
}

fn a_number() -> impl Strategy<Value = f64> {
    select(NUMBERS.as_slice())
}

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        any::<bool>().prop_map(Scalar::Bool),
        a_number().prop_map(Scalar::Number),
        text().prop_map(Scalar::Text),
    ]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    use Comparison::{Eq, Gt, Gte, Lt, Lte};
    (select([Eq as fn(f64) -> _, Gt, Gte, Lt, Lte].as_slice()), a_number())
        .prop_map(|(make, number)| make(number))
}

/// A date in one of the formats: within some weeks of `NOW`, a year away, or malformed.
fn date() -> impl Strategy<Value = String> {
    let year = select([1992, 2025, 2026, 2026, 2026, 2027].as_slice());
    let suffix = select(["", "", "Z", "+08:00", "-05:00"].as_slice());
    let near = (year, 2..5_u8, 1..32_u8, 0..24_u8, any::<bool>(), suffix).prop_map(
        |(year, month, day, hour, is_day, suffix)| match is_day {
            true => format!("{year}-{month:02}-{day:02}"),
            false => format!("{year}-{month:02}-{day:02}T{hour:02}:00:00{suffix}"),
        },
    );
    prop_oneof![3 => near, 1 => select(DATES.as_slice()).prop_map(str::to_owned)]
}

fn span() -> impl Strategy<Value = Span> {
    select([1, 24, 48, 500, 8_760].as_slice()).prop_map(|hours| Span(hours * HOUR))
}

fn relative() -> impl Strategy<Value = Operator> {
    let zone = select(["Europe/London", "America/Santiago", "Asia/Shanghai"].as_slice());
    let relative = prop_oneof![
        span().prop_map(Relative::InLast),
        span().prop_map(Relative::InNext),
        select([0, 1, 7, 364].as_slice()).prop_map(Relative::Anniversary),
    ];
    (relative, zone)
        .prop_map(|(relative, zone)| Operator::Relative { relative, zone: zone.to_owned() })
}

fn test() -> impl Strategy<Value = Operator> {
    let scalars = || prop::collection::vec(scalar(), 0..3);
    prop_oneof![
        4 => static_test(scalars),
        1 => date().prop_map(|date| Operator::Date(DateTest::Before(date))),
        1 => date().prop_map(|date| Operator::Date(DateTest::After(date))),
        1 => (date(), date()).prop_map(|(a, b)| Operator::Date(DateTest::Between(a, b))),
        3 => relative(),
    ]
}

fn static_test<S>(scalars: impl Fn() -> S) -> impl Strategy<Value = Operator>
where
    S: Strategy<Value = Vec<Scalar>> + 'static,
{
    prop_oneof![
        select(PATTERNS.as_slice()).prop_map(|pattern| Operator::Matches(pattern.to_owned())),
        (a_number(), a_number()).prop_map(|(a, b)| Operator::Between(a, b)),
        scalar().prop_map(Operator::Is),
        scalar().prop_map(Operator::IsNot),
        scalars().prop_map(Operator::In),
        scalars().prop_map(Operator::NotIn),
        text().prop_map(Operator::Contains),
        text().prop_map(Operator::StartsWith),
        comparison().prop_map(Operator::Number),
        any::<bool>().prop_map(Operator::Set),
    ]
}

fn events() -> impl Strategy<Value = Events> {
    events_with(1)
}

/// Events with up to this many exact property filters, and as many comparisons.
fn events_with(most: usize) -> impl Strategy<Value = Events> {
    let filter = prop::collection::vec((select(PROPERTIES.as_slice()), scalar()), 0..=most);
    let numbers = prop::collection::vec((select(PROPERTIES.as_slice()), comparison()), 0..=most);
    let parts = (select(EVENTS.as_slice()), filter, numbers, any::<bool>());
    parts.prop_map(|(event, filter, numbers, machines)| Events {
        event: event.to_owned(),
        filter: filter.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        numbers: numbers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        machines,
    })
}

fn event_rule() -> impl Strategy<Value = Rule> {
    event_rule_of(|| events().boxed())
}

fn event_rule_of(events: impl Fn() -> BoxedStrategy<Events>) -> impl Strategy<Value = Rule> {
    // Windows and dates come from one small set, so that edges are hit.
    let within = || prop::option::of(select(HOURS.as_slice()).prop_map(|hours| Span(hours * HOUR)));
    let moment = || (select(HOURS.as_slice()), -1..2_i64);
    let moment = move || moment().prop_map(|(hours, offset)| Millis(NOW.0 - hours * HOUR + offset));
    let at = prop_oneof![
        moment().prop_map(TimeTest::Before),
        moment().prop_map(TimeTest::After),
        span().prop_map(TimeTest::InLast),
    ];
    let measure = select([Measure::Sum, Measure::Average].as_slice());
    let property = select(PROPERTIES.as_slice());
    let which = select([Occurrence::First, Occurrence::Last].as_slice());
    prop_oneof![
        (events(), comparison(), within()).prop_map(|(events, count, within)| Rule::Event {
            events,
            count,
            within
        }),
        (events(), measure, property, comparison(), within()).prop_map(
            |(events, measure, property, result, within)| {
                let property = property.to_owned();
                Rule::Amount { events, measure, property, result, within }
            }
        ),
        (events(), which, at, within()).prop_map(|(events, which, at, within)| Rule::EventTime {
            events,
            which,
            at,
            within
        }),
        (events(), events(), select(HOURS.as_slice()), within()).prop_map(
            |(first, then, hours, within)| {
                Rule::Sequence { first, then, span: Span(hours * HOUR), within }
            }
        ),
    ]
}

fn state_rule() -> impl Strategy<Value = Rule> {
    use JourneyState::{Active, Completed, Exited, Failed, Never};
    let state = select([Never, Active, Completed, Exited, Failed].as_slice());
    let step = prop::option::of(select(["one", "two"].as_slice()).prop_map(str::to_owned));
    let percent = select([0.01, 10.0, 50.0, 99.99].as_slice());
    prop_oneof![
        select(["c.a", "c.b"].as_slice()).prop_map(|id| Rule::Segment(id.into())),
        (select(["c.j", "c.k", "d.j", "odd"].as_slice()), state, step).prop_map(
            |(journey, state, step)| Rule::Journey { journey: journey.into(), state, step }
        ),
        (percent, text()).prop_map(|(percent, seed)| Rule::Sample(Sample { percent, seed })),
    ]
}

/// A condition about something other than events.
fn plain_question() -> impl Strategy<Value = Rule> {
    prop_oneof![
        4 => (select(NAMES.as_slice()), test()).prop_map(|(name, test)| Rule::Attribute {
            attribute: name.to_owned(),
            test,
        }),
        1 => text().prop_map(Rule::Tag),
        1 => (text(), select([Channel::Email, Channel::Sms].as_slice()))
            .prop_map(|(purpose, channel)| Rule::Consent { purpose, channel }),
        1 => comparison().prop_map(Rule::Score),
        2 => state_rule(),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let leaf = prop_oneof![9 => plain_question(), 4 => event_rule()];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::Any),
            inner.prop_map(|part| Rule::Not(Box::new(part))),
        ]
    })
}

/// A condition as large as possible.
fn large_question() -> impl Strategy<Value = Rule> {
    let list = prop::collection::vec(scalar(), 1..=OPTIONS_MAX);
    let listed = (select(NAMES.as_slice()), list, any::<bool>()).prop_map(|(name, list, no)| {
        let test = if no { Operator::NotIn(list) } else { Operator::In(list) };
        Rule::Attribute { attribute: name.to_owned(), test }
    });
    let events = || prop_oneof![events_with(0), events_with(1), events_with(10)].boxed();
    prop_oneof![2 => listed, 2 => plain_question(), 3 => event_rule_of(events)]
}

/// A rule about as large as `check` accepts: wide, or deep with some conditions on each level.
fn large_rule() -> impl Strategy<Value = Rule> {
    let wide = (prop::collection::vec(large_question(), 20..=RULE_LEAVES_MAX), any::<bool>())
        .prop_map(|(parts, all)| if all { Rule::All(parts) } else { Rule::Any(parts) });
    let level = (prop::collection::vec(large_question(), 0..=5), 0..3_u8);
    let levels = prop::collection::vec(level, 1..RULE_DEPTH_MAX);
    let deep = (large_question(), levels).prop_map(|(inner, levels)| {
        levels.into_iter().fold(inner, |inner, (mut parts, kind)| match kind {
            0 => Rule::Not(Box::new(inner)),
            kind => {
                parts.push(inner);
                if kind == 1 { Rule::All(parts) } else { Rule::Any(parts) }
            }
        })
    });
    prop_oneof![wide, deep].prop_filter_map("check refuses it", accepted)
}

/// Drops the rule's last parts until `check` accepts its size.
fn accepted(mut rule: Rule) -> Option<Rule> {
    let mut compiled = campaign(FORM);
    loop {
        compiled.campaign.segments.insert("s".to_owned(), rule.clone());
        let problems = check(&compiled.campaign);
        if problems.iter().all(|problem| problem.key != "segment.s.rule") {
            return Some(rule);
        }
        let (Rule::All(parts) | Rule::Any(parts)) = &mut rule else { return None };
        parts.truncate(parts.len() - parts.len().div_ceil(10));
    }
}

/// Asserts that all statements built from a rule run: backfill, count, preview and broadcast.
fn assert_runs(db: &Sqlite, rule: &Rule) {
    let fill = segments::fill_step(&a_filling(""), rule, &EVER, NOW, 1);
    let (bytes, reckoned) = (fill[0].sql.len(), rule_bytes(rule));
    assert!(bytes <= reckoned, "{bytes} bytes, reckoned as {reckoned}: {rule:?}");
    let id = QualifiedId::from("c.b");
    let row = json!({
        "campaign_id": "c", "broadcast": "b", "version": 1, "state": "running", "phase": "rest",
        "after_id": "", "failures": 0, "rounds": 0, "finding": null
    });
    let row: BroadcastRow = serde_json::from_value(row).unwrap();
    let mut statements = fill.to_vec();
    statements.extend([
        segments::count(rule, NOW),
        broadcasts::audience(rule, Channel::Email, "news", &id, "", NOW),
        broadcasts::turns(&row, rule, NOW),
    ]);
    for statement in statements {
        let answer = block_on(db.batch(vec![statement]));
        assert!(answer.is_ok(), "{answer:?}: {bytes} bytes, {rule:?}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        scalar().prop_map(|scalar| scalar.to_json()),
        a_number().prop_map(Value::from),
        text().prop_map(Value::from),
        prop::collection::vec(text(), 0..3).prop_map(Value::from),
        date().prop_map(Value::from),
        date().prop_map(Value::from),
        prop::collection::vec(date(), 0..3).prop_map(Value::from),
        Just(Value::Null),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let properties = prop::collection::btree_map(
        select(["step", "a.b", "machine", "value_minor", "other"].as_slice())
            .prop_map(str::to_owned),
        value(),
        0..3,
    );
    // Some at the same instant, some older than any window, some in the future.
    let hours = select(HOURS.as_slice());
    let offset = select([-1, 0, 0, 1].as_slice());
    (select(EVENTS.as_slice()), hours, offset, properties).prop_map(
        |(name, hours, offset, properties)| Event {
            seq: 0,
            at: Millis(NOW.0 - hours * HOUR + offset),
            name: name.to_owned(),
            campaign: None,
            properties: properties.into_iter().collect::<Properties>(),
        },
    )
}

fn consent() -> impl Strategy<Value = Consent> {
    use ConsentState::{Confirmed, Granted, Withdrawn};
    let state = select([Granted, Confirmed, Withdrawn].as_slice());
    (text(), any::<bool>(), state, any::<bool>()).prop_map(
        |(purpose, sms, state, double_opt_in)| {
            let channel = if sms { Channel::Sms } else { Channel::Email };
            let (waiting, was_refused) = (Vec::new(), false);
            let form = None;
            Consent { channel, purpose, state, double_opt_in, form, waiting, was_refused, at: NOW }
        },
    )
}

fn enrollment() -> impl Strategy<Value = Enrollment> {
    use EnrollmentState::{Active, Completed, Exited, Failed};
    let place = (select(["c", "d"].as_slice()), select(["j", "k"].as_slice()));
    let state = select([Active, Completed, Exited, Failed].as_slice());
    let step = select(["one", "two"].as_slice());
    (place, state, step, 0..3_i64, any::<u32>()).prop_map(
        |((campaign, journey), state, step, hours, id)| Enrollment {
            id: serde_json::from_value(json!(format!("e{id}"))).unwrap(),
            campaign: campaign.into(),
            version: 1,
            journey: journey.to_owned(),
            step: step.to_owned(),
            steps_taken: 1,
            sent: BTreeMap::new(),
            state,
            reason: String::new(),
            entry_key: None,
            entered_at: Millis(NOW.0 - hours * HOUR),
            since: NOW,
            due_at: (state == Active).then_some(NOW),
        },
    )
}

fn contact() -> impl Strategy<Value = Contact> {
    let attributes = prop::collection::btree_map(
        select(["role", "list", "n", "odd.name"].as_slice()).prop_map(str::to_owned),
        value(),
        0..4,
    );
    let zone = prop::option::of(select(ZONES.as_slice()).prop_map(str::to_owned));
    let fields = (zone, select([-1_i64, 0, 3, 5].as_slice()));
    let segments = prop::collection::btree_map(
        select(["c.a", "c.b"].as_slice()).prop_map(QualifiedId::from),
        Just(NOW),
        0..3,
    );
    let places = (segments, prop::collection::vec(enrollment(), 0..3));
    let consents = prop::collection::vec(consent(), 0..3);
    let tags = prop::collection::btree_set(text(), 0..3);
    let history = prop::collection::vec(event(), 0..6);
    (attributes, fields, consents, tags, history, places).prop_map(
        |(attributes, (zone, score), consents, tags, mut history, (segments, enrollments))| {
            let mut contact = Contact::unknown(ContactId::from(""), NOW);
            contact.attributes = attributes;
            contact.time_zone = zone;
            contact.score = score;
            contact.tags = tags;
            contact.segments = segments;
            contact.enrollments = enrollments;
            consents.into_iter().for_each(|consent| contact.put_consent(consent));
            history.iter_mut().enumerate().for_each(|(index, e)| e.seq = index as i64 + 1);
            contact.seq = history.len() as i64;
            contact.history = history;
            contact
        },
    )
}

/// A database with these contacts, written by the same statements as the flows use.
pub fn store(contacts: Vec<Contact>) -> Sqlite {
    let db = Sqlite::in_memory().unwrap();
    let decisions: Vec<Decision> = contacts
        .into_iter()
        .map(|contact| {
            let mut changes: Vec<Change> = Vec::new();
            changes.extend(contact.history.iter().map(|event| Change::Event {
                event: event.clone(),
                key: None,
                content: None,
            }));
            changes.extend(contact.enrollments.iter().cloned().map(Change::Enrollment));
            let entered = contact.segments.iter();
            changes.extend(entered.map(|(id, at)| Change::EnterSegment(id.clone(), *at)));
            // A decision without changes would not write the contact.
            Decision { read_seq: contact.seq - 1, contact, changes }
        })
        .collect();
    let decisions: Vec<&Decision> = decisions.iter().collect();
    block_on(db.batch(write::decisions(&decisions, NOW))).unwrap();
    db
}

/// The ids that a statement returns.
pub fn ids(db: &Sqlite, statement: Statement) -> BTreeSet<String> {
    let found = block_on(db.batch(vec![statement])).unwrap();
    let rows = found[0].all::<BTreeMap<String, String>>().unwrap();
    rows.into_iter().flat_map(BTreeMap::into_values).collect()
}

/// Every span after which an event no longer counts.
fn spans(rule: &Rule) -> Vec<Span> {
    let mut found = Vec::new();
    rule.walk(&mut |part| match part {
        Rule::Event { within, .. }
        | Rule::Amount { within, .. }
        | Rule::Sequence { within, .. } => {
            found.extend(*within);
        }
        Rule::EventTime { at, within, .. } => {
            found.extend(*within);
            found.extend(if let TimeTest::InLast(span) = at { Some(*span) } else { None });
        }
        _ => {}
    });
    found
}

/// How far the tests look ahead: past the clock changes in March and April.
const HORIZON: Millis = Millis(NOW.0 + 900 * HOUR);

/// Every moment at which an answer may change, and many more: whenever an event becomes too old,
/// and every half hour because dates are given by the hour.
fn moments(rule: &Rule, contact: &Contact) -> BTreeSet<Millis> {
    let windows = spans(rule);
    let leaving =
        |event: &Event| windows.iter().map(|span| event.at.plus(*span)).collect::<Vec<_>>();
    let mut moments: BTreeSet<Millis> = contact.history.iter().flat_map(leaving).collect();
    let mut asks_dates = false;
    rule.walk(&mut |part| {
        asks_dates |= matches!(part, Rule::Attribute { test: Operator::Relative { .. }, .. });
    });
    if asks_dates {
        moments.extend((1..1_800).map(|halves| Millis(NOW.0 + halves * HOUR / 2)));
    }
    moments.retain(|at| (NOW.0 + 1..=HORIZON.0).contains(&at.0));
    moments
}

/// The first real change of the answer before the horizon, if any.
fn first_change(rule: &Rule, contact: &Contact) -> Option<Millis> {
    let before = rule.verdict(contact, NOW).holds;
    moments(rule, contact).into_iter().find(|at| rule.verdict(contact, *at).holds != before)
}

/// Whether every answer in the tree follows from its parts.
fn adds_up(explained: &Explained, rule: &Rule) -> bool {
    let parts = &explained.parts;
    let follows = match rule {
        Rule::All(_) => explained.holds == parts.iter().all(|part| part.holds),
        Rule::Any(_) => explained.holds == parts.iter().any(|part| part.holds),
        Rule::Not(_) => explained.holds != parts[0].holds,
        _ => parts.is_empty() && explained.found.is_some(),
    };
    let inner: Vec<&Rule> = match rule {
        Rule::All(inner) | Rule::Any(inner) => inner.iter().collect(),
        Rule::Not(inner) => vec![inner],
        _ => Vec::new(),
    };
    follows
        && inner.len() == parts.len()
        && parts.iter().zip(inner).all(|(part, rule)| adds_up(part, rule))
}

/// Contacts with unique ids, half of them with an e-mail address.
fn named(mut contacts: Vec<Contact>) -> Vec<Contact> {
    for (index, contact) in contacts.iter_mut().enumerate() {
        contact.id = ContactId(format!("c{index}"));
        let email = TEXTS[index % TEXTS.len()];
        contact.email = (index % 2 == 0).then(|| email.to_owned());
        for (number, enrollment) in contact.enrollments.iter_mut().enumerate() {
            enrollment.id.0 = format!("{}.{index}.{number}", enrollment.id);
        }
    }
    contacts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn both_evaluators_agree(contacts in prop::collection::vec(contact(), 8), rule in rule()) {
        let contacts = named(contacts);
        let holding = contacts.iter().filter(|contact| rule.verdict(contact, NOW).holds);
        let expected: BTreeSet<String> = holding.map(|contact| contact.id.0.clone()).collect();
        let db = store(contacts);
        prop_assert_eq!(ids(&db, segments::holding(&rule, NOW)), expected.clone());
        let found = block_on(db.batch(vec![segments::count(&rule, NOW)])).unwrap();
        let count: Option<BTreeMap<String, usize>> = found[0].first().unwrap();
        prop_assert_eq!(count.unwrap()["count"], expected.len());
    }

    #[test]
    fn event_rule_predicts_its_exact_change(contact in contact(), rule in event_rule()) {
        let verdict = rule.verdict(&contact, NOW);
        let changes_at = verdict.changes_at.filter(|at| *at <= HORIZON);
        prop_assert_eq!(changes_at, first_change(&rule, &contact));
    }

    #[test]
    fn rule_never_changes_before_predicted(contact in contact(), rule in rule()) {
        let verdict = rule.verdict(&contact, NOW);
        let really = first_change(&rule, &contact);
        if let Some(at) = verdict.changes_at {
            prop_assert!(at > NOW, "it would wake the contact for ever");
            prop_assert_eq!(rule.verdict(&contact, Millis(at.0 - 1)).holds, verdict.holds);
        }
        // Evaluating again whenever the rule predicts a change finds the change at the very instant
        // it happens.
        let (mut at, mut now) = (verdict.changes_at, NOW);
        while let Some(next) = at.filter(|next| *next <= HORIZON) {
            prop_assert!(next > now);
            now = next;
            let then = rule.verdict(&contact, now);
            if then.holds != verdict.holds {
                prop_assert_eq!(really, Some(now));
                return Ok(());
            }
            at = then.changes_at;
        }
        prop_assert_eq!(really, None, "never woken for it");
    }

    #[test]
    fn backfill_wakes_everyone_before_a_change(
        contacts in prop::collection::vec(contact(), 4),
        rule in rule(),
    ) {
        let contacts = named(contacts);
        let db = store(contacts.clone());
        for contact in contacts {
            let Some(at) = first_change(&rule, &contact) else { continue };
            let woken = ids(&db, segments::changing(&rule, NOW, at));
            prop_assert!(woken.contains(&contact.id.0), "it changes at {}", at.rfc3339());
        }
    }

    #[test]
    fn explanation_agrees_with_the_verdict(contact in contact(), rule in rule()) {
        let (explained, verdict) = (rule.explain(&contact, NOW), rule.verdict(&contact, NOW));
        prop_assert_eq!(explained.holds, verdict.holds);
        prop_assert_eq!(explained.changes_at, verdict.changes_at);
        prop_assert!(adds_up(&explained, &rule), "{:?}", explained);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn accepted_rules_run_and_both_evaluators_agree(
        contacts in prop::collection::vec(contact(), 4),
        rule in large_rule(),
    ) {
        let contacts = named(contacts);
        let holding = contacts.iter().filter(|contact| rule.verdict(contact, NOW).holds);
        let expected: BTreeSet<String> = holding.map(|contact| contact.id.0.clone()).collect();
        let db = store(contacts);
        assert_runs(&db, &rule);
        prop_assert_eq!(ids(&db, segments::holding(&rule, NOW)), expected);
    }

    #[test]
    fn rule_sql_stays_within_the_checked_size(rule in rule()) {
        let fill = segments::fill_step(&a_filling(""), &rule, &EVER, NOW, 1);
        prop_assert!(fill[0].sql.len() <= rule_bytes(&rule), "{} bytes", fill[0].sql.len());
    }
}

/// Every kind of value that an attribute can have.
fn values() -> Vec<Value> {
    let mut values = vec![Value::Null, json!(true), json!(false), json!([]), json!(["", "5"])];
    values.extend(TEXTS.map(Value::from));
    values.extend(NUMBERS.map(|number| Scalar::Number(number).to_json()));
    values.extend([json!(5.5), json!(5.0), json!(["Manager", "x"]), json!(["经理助理"])]);
    values.extend(DATES.map(Value::from));
    values.push(json!(["now", "2026-03-02", "1990-03-02"]));
    values
}

/// Every test that a rule can apply to an attribute, with every scalar.
fn tests() -> Vec<Operator> {
    let mut scalars = vec![Scalar::Bool(true), Scalar::Bool(false)];
    scalars.extend(NUMBERS.map(Scalar::Number));
    scalars.extend(TEXTS.map(|text| Scalar::Text(text.to_owned())));
    let mut tests = vec![
        Operator::Set(true),
        Operator::Set(false),
        Operator::In(vec![]),
        Operator::NotIn(vec![]),
    ];
    tests.extend(PATTERNS.map(|pattern| Operator::Matches(pattern.to_owned())));
    for date in DATES.map(str::to_owned) {
        let until = "2026-03-02T09:00:00Z".to_owned();
        tests.push(Operator::Date(DateTest::Before(date.clone())));
        tests.push(Operator::Date(DateTest::After(date.clone())));
        tests.push(Operator::Date(DateTest::Between(date, until)));
    }
    for zone in ["Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"] {
        let spans = [1, 9, 24, 8_760].map(|hours| Span(hours * HOUR));
        let relative = |relative| Operator::Relative { relative, zone: zone.to_owned() };
        tests.extend(spans.map(|span| relative(Relative::InLast(span))));
        tests.extend(spans.map(|span| relative(Relative::InNext(span))));
        tests.extend([0, 1, 7, 364].map(|days| relative(Relative::Anniversary(days))));
    }
    for scalar in scalars {
        tests.extend([Operator::Is(scalar.clone()), Operator::IsNot(scalar.clone())]);
        let two = vec![scalar.clone(), Scalar::Text("x".to_owned())];
        tests.extend([Operator::In(two.clone()), Operator::NotIn(two)]);
        match scalar {
            Scalar::Text(text) => {
                tests.extend([Operator::Contains(text.clone()), Operator::StartsWith(text)]);
            }
            Scalar::Number(n) => tests.extend(
                [Operator::Between(1.0, n), Operator::Between(n, 5.5)].into_iter().chain(
                    [
                        Comparison::Eq,
                        Comparison::Gt,
                        Comparison::Gte,
                        Comparison::Lt,
                        Comparison::Lte,
                    ]
                    .map(|make| Operator::Number(make(n))),
                ),
            ),
            Scalar::Bool(_) => {}
        }
    }
    tests
}

#[test]
fn evaluators_agree_on_every_test_and_value() {
    let mut contacts = vec![Contact::unknown(ContactId::from("absent"), NOW)];
    for (index, value) in values().into_iter().enumerate() {
        let mut contact = Contact::unknown(ContactId(format!("c{index}")), NOW);
        contact.attributes.insert("role".to_owned(), value);
        contacts.push(contact);
    }
    let db = store(contacts.clone());
    for test in tests() {
        let rule = Rule::Attribute { attribute: "role".to_owned(), test };
        let holding = contacts.iter().filter(|contact| rule.verdict(contact, NOW).holds);
        let expected: BTreeSet<String> = holding.map(|contact| contact.id.0.clone()).collect();
        assert_eq!(ids(&db, segments::holding(&rule, NOW)), expected, "{rule:?}");
    }
}

/// The largest rules that `check` accepts, of every shape.
fn largest_rules() -> Vec<Rule> {
    let relative = |relative| {
        let test = Operator::Relative { relative, zone: "Europe/London".to_owned() };
        Rule::Attribute { attribute: "renewal".to_owned(), test }
    };
    let events = |properties| Events {
        event: "order.completed".to_owned(),
        filter: (0..properties).map(|n| (format!("p{n}"), Scalar::Text(format!("v{n}")))).collect(),
        numbers: vec![],
        machines: false,
    };
    let within = Some(Span::days(30));
    let last = Rule::EventTime {
        events: events(0),
        which: Occurrence::Last,
        at: TimeTest::InLast(Span::days(3)),
        within,
    };
    let counted = |properties| Rule::Event {
        events: events(properties),
        count: Comparison::Gte(1.0),
        within,
    };
    let span = Span::days(2);
    let followed = Rule::Sequence { first: events(0), then: events(0), span, within };
    let values = (0..OPTIONS_MAX).map(|n| Scalar::Text(format!("v{n}"))).collect();
    let listed = Rule::Attribute { attribute: "country".to_owned(), test: Operator::In(values) };
    let tag = Rule::Tag("x".to_owned());
    let of = |rule: &Rule, count: usize| vec![rule.clone(); count];
    let mut wide = of(&relative(Relative::Anniversary(7)), RULE_DATES_MAX);
    wide.extend(of(&last, RULE_LEAVES_MAX - RULE_DATES_MAX));
    let mut rules = vec![listed.clone(), Rule::Not(Box::new(listed.clone()))];
    for parts in [
        wide,
        of(&tag, RULE_LEAVES_MAX),
        of(&listed, RULE_LEAVES_MAX),
        of(&counted(0), RULE_LEAVES_MAX),
        of(&counted(10), 40),
        of(&followed, RULE_LEAVES_MAX),
    ] {
        rules.extend([Rule::All(parts.clone()), Rule::Any(parts)]);
    }
    for beside in [of(&tag, 4), vec![counted(0), tag.clone()], of(&last, 4), of(&listed, 4)] {
        let mut deep = relative(Relative::InLast(Span::days(1)));
        for level in 1..RULE_DEPTH_MAX {
            let parts = [vec![deep], beside.clone()].concat();
            deep = if level % 2 == 0 { Rule::Any(parts) } else { Rule::All(parts) };
        }
        rules.push(deep);
    }
    rules
}

#[test]
fn largest_accepted_rules_fit_d1_limits() {
    let db = store(Vec::new());
    for rule in largest_rules() {
        assert_eq!(accepted(rule.clone()), Some(rule.clone()), "check refuses it");
        assert_runs(&db, &rule);
    }
}

#[test]
fn rule_too_long_for_a_statement_is_refused() {
    let filter = (0..10).map(|n| (format!("p{n}"), Scalar::Bool(true))).collect();
    let event = "order.completed".to_owned();
    let events = Events { event, filter, numbers: vec![], machines: false };
    let question = Rule::Event { events, count: Comparison::Gte(1.0), within: Some(Span::days(1)) };
    let mut compiled = campaign(FORM);
    let rule = Rule::All(vec![question; RULE_LEAVES_MAX]);
    compiled.campaign.segments.insert("s".to_owned(), rule);
    let problems = check(&compiled.campaign);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.contains("the limit is 100000"), "{}", problems[0].message);
    assert!(problems[0].help.as_ref().unwrap().contains("a segment of its own"));
}
