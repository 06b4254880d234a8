//! Rules that can be read but are invalid.

use super::*;
use crate::domain::campaign::Segment;

#[test]
fn invalid_rules_are_refused() {
    assert_snapshot!(errors_of_rule("{ segment = 'engagd' }"), @"
    line 227: segment.x.rule.segment
         there is no segment `engagd`
       → did you mean `engaged`?
    ");
    assert_snapshot!(errors_of_rule("{ segment = 'x' }"), @"
    line 227: segment.x.rule
         it depends on itself: x → x
       → remove the reference from one of them
    ");
    assert_snapshot!(errors_of_rule("{ journey = 'nurtur', state = 'active' }"), @"
    line 227: segment.x.rule.journey
         there is no journey `nurtur`
       → did you mean `nurture`?
    ");
    assert_snapshot!(errors_of_rule("{ journey = 'nurture', state = 'active', step = 'puse' }"), @"
    line 227: segment.x.rule.step
         there is no step `puse`
       → did you mean `pause`?
    ");
    assert_snapshot!(errors_of_rule("{ journey = 'nurture', state = 'never', step = 'pause' }"), @"
    line 227: segment.x.rule.step
         a contact that was never in a journey cannot be at a step of it
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', matches = '' }"), @"
    line 227: segment.x.rule.matches
         must not be empty
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', matches = '**' }"), @"
    line 227: segment.x.rule.matches
         matches every text
       → write { attribute = …, set = true }
    ");
    let wild = format!("*%{}b", "*a".repeat(24));
    assert_snapshot!(errors_of_rule(&format!("{{ attribute = 'b', matches = '{wild}' }}")), @"
    line 227: segment.x.rule.matches
         52 bytes; the limit is 50
       → `%`, `_` and `\\` count twice; a Chinese character has three bytes
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', between = [2, 1] }"), @"
    line 227: segment.x.rule.between
         the first is larger than the second
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', between = [2026-03-02, 2026-03-01] }"), @"
    line 227: segment.x.rule.between
         the first is later than the second
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', in_last = '0d' }"), @"
    line 227: segment.x.rule.in_last
         a duration is from 1s to below 3650d, not 0s
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', in_next = '3651d' }"), @"
    line 227: segment.x.rule.in_next
         a duration is from 1s to below 3650d, not 3651d
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', anniversary = 365 }"), @"
    line 227: segment.x.rule.anniversary
         must be from 0 (today) to 364 days
    ");
    assert_snapshot!(errors_of_rule("{ event = 'e', within = '0d' }"), @"
    line 227: segment.x.rule.within
         a duration is from 1s to below 3650d, not 0s
    ");
    assert_snapshot!(errors_of_rule("{ event = 'e', last = { in_last = '11000d' } }"), @"
    line 227: segment.x.rule.in_last
         a duration is from 1s to below 3650d, not 11000d
    ");
    let sequence =
        "{ sequence = [{ event = 'e' }, { event = 'f' }], span = '0s', within = '4000d' }";
    assert_snapshot!(errors_of_rule(sequence), @"
    line 227: segment.x.rule.span
         a duration is from 1s to below 3650d, not 0s
    line 227: segment.x.rule.within
         a duration is from 1s to below 3650d, not 4000d
    ");
    assert_snapshot!(errors_of_rule("{ sample = { percent = 100, seed = 's' } }"), @"
    line 227: segment.x.rule.sample.percent
         a sample must be from 0.01 to 99.99 percent
    ");
    let dates = "{ attribute = 'b', anniversary = 1 },".repeat(RULE_DATES_MAX + 1);
    assert_snapshot!(errors_of_rule(&format!("{{ any = [{dates}] }}")), @"
    line 227: segment.x.rule
         11 conditions on dates; the limit is 10
    ");
}

#[test]
fn segment_cycles_are_refused_and_chains_ordered() {
    let cycle = "[segment.a]\nrule = { not = { segment = 'b' } }
        [segment.b]\nrule = { any = [{ tag = 'x' }, { segment = 'c' }] }
        [segment.c]\nrule = { all = [{ segment = 'engaged' }, { segment = 'b' }] }";
    assert_snapshot!(errors_in(&format!("{SAMPLE}\n{cycle}")), @"
    line 229: segment.b.rule
         it depends on itself: b → c → b
       → remove the reference from one of them
    ");
    let chain = cycle.replace("{ segment = 'b' }] }", "{ segment = 'rest' }] }");
    let campaign = read("white-paper.toml", &format!("{SAMPLE}\n{chain}")).unwrap();
    let order = crate::domain::campaign::segments_in_order(&campaign).unwrap();
    assert_eq!(order, ["engaged", "rest", "c", "b", "a"]);
}

#[test]
fn api_client_rules_are_validated_too() {
    assert_snapshot!(changed(|c| {
        c.segments.insert("n".into(), Segment::of_contacts(Rule::Segment("other.engaged".into())));
    }), @"segment.n.rule.segment: there is no segment `other.engaged`; \
        known here: engaged, n, rest");
    assert_snapshot!(changed(|c| {
        let relative = Relative::Anniversary(0);
        let test = Operator::Relative { relative, zone: "Mars/Base".into() };
        let rule = Rule::Attribute { attribute: "b".into(), test };
        c.segments.insert("n".into(), Segment::of_contacts(rule));
    }), @"segment.n.rule: its zone is not the campaign's");
    assert_snapshot!(changed(|c| {
        let test = Operator::Date(DateTest::Before("soon".into()));
        let rule = Rule::Attribute { attribute: "b".into(), test };
        c.segments.insert("n".into(), Segment::of_contacts(rule));
    }), @"segment.n.rule.before: `soon` is not a date: \
        2026-03-01, 2026-03-01T09:30:00 or 2026-03-01T09:30:00+08:00");
}
