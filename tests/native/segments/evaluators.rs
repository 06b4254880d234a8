//! The two evaluators agree, predict when the answer may change, and explain it.

use super::generators::{DATES, NUMBERS, PATTERNS, TEXTS, contact, event_rule, named, rule};
use super::*;
use dripline::domain::campaign::Segment;

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
    let before = rule.evaluate(contact, NOW).holds;
    moments(rule, contact).into_iter().find(|at| rule.evaluate(contact, *at).holds != before)
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn both_evaluators_agree(contacts in prop::collection::vec(contact(), 8), rule in rule()) {
        let contacts = named(contacts);
        let holding = contacts.iter().filter(|contact| rule.evaluate(*contact, NOW).holds);
        let expected: BTreeSet<String> = holding.map(|contact| contact.id.0.clone()).collect();
        let db = store(contacts);
        prop_assert_eq!(ids(&db, segments::holding(&Segment::of_contacts(rule.clone()), NOW)), expected.clone());
        let found = block_on(db.batch(vec![segments::count(&Segment::of_contacts(rule.clone()), NOW)])).unwrap();
        let count: Option<BTreeMap<String, usize>> = found[0].first().unwrap();
        prop_assert_eq!(count.unwrap()["count"], expected.len());
    }

    #[test]
    fn event_rule_predicts_its_exact_change(contact in contact(), rule in event_rule()) {
        let evaluation = rule.evaluate(&contact, NOW);
        let changes_at = evaluation.changes_at.filter(|at| *at <= HORIZON);
        prop_assert_eq!(changes_at, first_change(&rule, &contact));
    }

    #[test]
    fn rule_never_changes_before_predicted(contact in contact(), rule in rule()) {
        let evaluation = rule.evaluate(&contact, NOW);
        let really = first_change(&rule, &contact);
        if let Some(at) = evaluation.changes_at {
            prop_assert!(at > NOW, "it would wake the contact for ever");
            prop_assert_eq!(rule.evaluate(&contact, Millis(at.0 - 1)).holds, evaluation.holds);
        }
        // Evaluating again whenever the rule predicts a change finds the change at the very instant
        // it happens.
        let (mut at, mut now) = (evaluation.changes_at, NOW);
        while let Some(next) = at.filter(|next| *next <= HORIZON) {
            prop_assert!(next > now);
            now = next;
            let then = rule.evaluate(&contact, now);
            if then.holds != evaluation.holds {
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
            let woken = ids(&db, segments::changing(&Segment::of_contacts(rule.clone()), NOW, at));
            prop_assert!(woken.contains(&contact.id.0), "it changes at {}", at.rfc3339());
        }
    }

    #[test]
    fn explanation_agrees_with_the_evaluation(contact in contact(), rule in rule()) {
        let (explained, evaluation) = (rule.explain(&contact, NOW), rule.evaluate(&contact, NOW));
        prop_assert_eq!(explained.holds, evaluation.holds);
        prop_assert_eq!(explained.changes_at, evaluation.changes_at);
        prop_assert!(adds_up(&explained, &rule), "{:?}", explained);
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
    let mut contacts = vec![Contact::unknown(RecordId::from("absent"), NOW)];
    for (index, value) in values().into_iter().enumerate() {
        let mut contact = Contact::unknown(RecordId(format!("c{index}")), NOW);
        contact.attributes.insert("role".to_owned(), value);
        contacts.push(contact);
    }
    let db = store(contacts.clone());
    for test in tests() {
        let rule = Rule::Attribute { attribute: "role".to_owned(), test };
        let holding = contacts.iter().filter(|contact| rule.evaluate(*contact, NOW).holds);
        let expected: BTreeSet<String> = holding.map(|contact| contact.id.0.clone()).collect();
        assert_eq!(
            ids(&db, segments::holding(&Segment::of_contacts(rule.clone()), NOW)),
            expected,
            "{rule:?}"
        );
    }
}
