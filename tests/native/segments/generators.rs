//! Generated rules and contacts, with values that are easily confused.

use super::*;
use dripline::domain::base::primitives::{KindId, MemberId};
use dripline::domain::campaign::Segment;
use dripline::domain::contact::position::{Position, PositionSource};
use dripline::domain::record::PlainRecord;

/// Texts that are easily confused: with numbers, SQL, paths, or each other.
pub const TEXTS: [&str; 16] = [
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
pub const DATES: [&str; 28] = [
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
pub const PATTERNS: [&str; 14] = [
    "*", "?", "??", "manager", "MAN*", "m?nager", "*理*", "经?", "*%*", "_", "a\\b", "*\n?",
    "*a*e*", "🙂",
];
pub const NUMBERS: [f64; 9] = [-1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 5.5, 1e15, 9_007_199_254_740_991.0];

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

pub fn event_rule() -> impl Strategy<Value = Rule> {
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
        select(["vip", "fair", "c.a"].as_slice()).prop_map(|id| Rule::List(id.into())),
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
        2 => company_rule(),
    ]
}

/// A condition on the companies of a contact.
fn company_rule() -> impl Strategy<Value = Rule> {
    let scalars = || prop::collection::vec(scalar(), 0..3);
    let test = prop_oneof![
        4 => static_test(scalars),
        1 => date().prop_map(|date| Operator::Date(DateTest::Before(date))),
    ];
    const NAMES: [&str; 7] = ["role", "list", "n", "email", "score", "owner", "odd.name"];
    let leaf = prop_oneof![
        4 => (select(NAMES.as_slice()), test).prop_map(|(name, test)| Rule::Attribute {
            attribute: name.to_owned(),
            test,
        }),
        1 => text().prop_map(Rule::Tag),
        1 => comparison().prop_map(Rule::Score),
        1 => select(["c.a", "c.b"].as_slice()).prop_map(|id| Rule::Segment(id.into())),
    ];
    let rule = leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Rule::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Rule::Any),
            inner.prop_map(|part| Rule::Not(Box::new(part))),
        ]
    });
    (rule, role()).prop_map(|(rule, role)| Rule::Company { rule: Box::new(rule), role })
}

fn role() -> impl Strategy<Value = Option<String>> {
    prop::option::of(select(["buyer", "采购", "O'Brien"].as_slice()).prop_map(str::to_owned))
}

pub fn rule() -> impl Strategy<Value = Rule> {
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
pub fn large_rule() -> impl Strategy<Value = Rule> {
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
pub fn accepted(mut rule: Rule) -> Option<Rule> {
    let mut compiled = campaign(FORM);
    loop {
        compiled.campaign.segments.insert("s".to_owned(), Segment::of_contacts(rule.clone()));
        let problems = check(&compiled.campaign);
        if problems.iter().all(|problem| problem.key != "segment.s.rule") {
            return Some(rule);
        }
        let (Rule::All(parts) | Rule::Any(parts)) = &mut rule else { return None };
        parts.truncate(parts.len() - parts.len().div_ceil(10));
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

fn attributes() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let names = select(["role", "list", "n", "odd.name"].as_slice()).prop_map(str::to_owned);
    prop::collection::btree_map(names, value(), 0..4)
}

fn position() -> impl Strategy<Value = Position> {
    let tags = prop::collection::btree_set(text(), 0..2);
    let score = select([-1_i64, 0, 3, 5].as_slice());
    let owner = prop::option::of(select(["m1", "5"].as_slice()).prop_map(MemberId::from));
    let segments = prop::collection::btree_map(
        select(["c.a", "c.b"].as_slice()).prop_map(QualifiedId::from),
        Just(NOW),
        0..2,
    );
    (attributes(), tags, score, owner, segments, role()).prop_map(
        |(attributes, tags, score, owner, segments, role)| {
            let kind = KindId::from("company");
            let mut company = PlainRecord::unknown(RecordId::from(""), kind, NOW);
            company.seq = 1;
            company.attributes = attributes;
            company.tags = tags;
            company.score = score;
            company.owner = owner;
            company.segments = segments;
            Position { role, ..Position::new(company, PositionSource::domain(), NOW) }
        },
    )
}

pub fn contact() -> impl Strategy<Value = Contact> {
    let attributes = attributes();
    let zone = prop::option::of(select(ZONES.as_slice()).prop_map(str::to_owned));
    let fields = (zone, select([-1_i64, 0, 3, 5].as_slice()));
    let segments = prop::collection::btree_map(
        select(["c.a", "c.b"].as_slice()).prop_map(QualifiedId::from),
        Just(NOW),
        0..3,
    );
    let lists = prop::collection::btree_map(
        select(["vip", "fair"].as_slice()).prop_map(ListId::from),
        Just(Membership { since: NOW, source: "form:c/f".to_owned() }),
        0..3,
    );
    let positions = prop::collection::vec(position(), 0..3);
    let places = (segments, lists, prop::collection::vec(enrollment(), 0..3), positions);
    let consents = prop::collection::vec(consent(), 0..3);
    let tags = prop::collection::btree_set(text(), 0..3);
    let history = prop::collection::vec(event(), 0..6);
    (attributes, fields, consents, tags, history, places).prop_map(
        |(attributes, (zone, score), consents, tags, mut history, places)| {
            let mut contact = Contact::unknown(RecordId::from(""), NOW);
            contact.attributes = attributes;
            contact.time_zone = zone;
            contact.score = score;
            contact.tags = tags;
            (contact.segments, contact.lists, contact.enrollments, contact.positions) = places;
            consents.into_iter().for_each(|consent| contact.put_consent(consent));
            history.iter_mut().enumerate().for_each(|(index, e)| e.seq = index as i64 + 1);
            contact.seq = history.len() as i64;
            contact.history = history;
            contact
        },
    )
}

/// Contacts with unique ids, half of them with an e-mail address.
pub fn named(mut contacts: Vec<Contact>) -> Vec<Contact> {
    for (index, contact) in contacts.iter_mut().enumerate() {
        contact.id = RecordId(format!("c{index}"));
        let email = TEXTS[index % TEXTS.len()];
        contact.email = (index % 2 == 0).then(|| email.to_owned());
        for (number, position) in contact.positions.iter_mut().enumerate() {
            position.company.id = RecordId(format!("k{index}.{number}"));
        }
        for (number, enrollment) in contact.enrollments.iter_mut().enumerate() {
            enrollment.id.0 = format!("{}.{index}.{number}", enrollment.id);
        }
    }
    contacts
}
