//! Rules as large as `check` accepts run within the limits of D1.

use super::generators::{accepted, contact, large_rule, named, rule};
use super::*;
use dripline::domain::campaign::Segment;

/// Asserts that all statements built from a rule run: backfill, count, preview and broadcast.
fn assert_runs(db: &Sqlite, rule: &Rule) {
    let fill =
        segments::fill_step(&a_filling(""), &Segment::of_contacts(rule.clone()), &EVER, NOW, 1);
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
        segments::count(&Segment::of_contacts(rule.clone()), NOW),
        broadcasts::audience(rule, Channel::Email, "news", &id, "", NOW),
        broadcasts::turns(&row, rule, NOW),
    ]);
    for statement in statements {
        let answer = block_on(db.batch(vec![statement]));
        assert!(answer.is_ok(), "{answer:?}: {bytes} bytes, {rule:?}");
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
        let holding = contacts.iter().filter(|contact| rule.evaluate(*contact, NOW).holds);
        let expected: BTreeSet<String> = holding.map(|contact| contact.id.0.clone()).collect();
        let db = store(contacts);
        assert_runs(&db, &rule);
        prop_assert_eq!(ids(&db, segments::holding(&Segment::of_contacts(rule.clone()), NOW)), expected);
    }

    #[test]
    fn rule_sql_stays_within_the_checked_size(rule in rule()) {
        let fill = segments::fill_step(&a_filling(""), &Segment::of_contacts(rule.clone()), &EVER, NOW, 1);
        prop_assert!(fill[0].sql.len() <= rule_bytes(&rule), "{} bytes", fill[0].sql.len());
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
    compiled.campaign.segments.insert("s".to_owned(), Segment::of_contacts(rule));
    let problems = check(&compiled.campaign);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.contains("the limit is 100000"), "{}", problems[0].message);
    assert!(problems[0].help.as_ref().unwrap().contains("a segment of its own"));
}
