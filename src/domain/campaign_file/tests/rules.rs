//! Rules of segments and journeys.

use super::*;

#[test]
fn event_rule_dates_use_the_campaign_time_zone() {
    let campaign = read("campaigns/white-paper.toml", SAMPLE).unwrap();
    let mut found = Vec::new();
    campaign.segments["rest"].rule.walk(&mut |rule| {
        if let Rule::EventTime { at, .. } = rule {
            found.push(*at);
        }
    });
    let shanghai = |text: &str| Millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
    assert_eq!(
        found,
        [
            TimeTest::InLast(Span::days(30)),
            TimeTest::Before(shanghai("2026-01-01T00:00:00+08:00")),
            TimeTest::After(shanghai("2026-01-01T23:59:59.999+08:00")),
        ]
    );
}

#[test]
fn invalid_rules_are_reported() {
    assert_snapshot!(errors_of_rule("{ attribute = 'b', equals = 'x' }"), @"
    line 227: segment.x.rule.equals
         unknown key
       → did you mean `is`?
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', before = 'soon' }"), @"
    line 227: segment.x.rule.before
         expected a date: 2026-03-01, 2026-03-01T09:30:00 or 2026-03-01T09:30:00+08:00, not `soon`
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', after = 2026-02-30 }"), @"
    line 227: 
         `2026-02-30` is not a day of the calendar
       → February 2026 has 28 days
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', between = [1] }"), @"
    line 227: segment.x.rule.between
         expected two numbers or two dates: [from, to]
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', between = [1, 2026-01-01] }"), @"
    line 227: segment.x.rule.between[2]
         expected a number, not a date
    ");
    assert_snapshot!(errors_of_rule("{ attribute = 'b', anniversary = '7d' }"), @"
    line 227: segment.x.rule.anniversary
         expected a whole number of at most 53 bits, not `7d`
    ");
    assert_snapshot!(errors_of_rule("{ event = 'e', never = true, count = { gt = 1 } }"), @"
    line 227: segment.x.rule
         takes only one of count, never
    ");
    assert_snapshot!(errors_of_rule("{ event = 'e', sum = { gte = 1 } }"), @"
    line 227: segment.x.rule.sum.property
         missing
       → write property = …
    ");
    assert_snapshot!(errors_of_rule("{ event = 'e', last = '30d' }"), @"
    line 227: segment.x.rule.last
         expected a table: { … }, not `30d`
    ");
    assert_snapshot!(errors_of_rule("{ sequence = [{ event = 'e' }], span = '1d' }"), @"
    line 227: segment.x.rule.sequence
         1 events; a sequence has two
       → join longer ones: { all = [{ sequence = … }, { sequence = … }] }
    ");
    assert_snapshot!(errors_of_rule("{ sequence = [{ event = 'e' }, { event = 'f' }] }"), @"
    line 227: segment.x.rule.span
         missing
       → write span = …
    ");
    assert_snapshot!(errors_of_rule("{ journey = 'nurture' }"), @"
    line 227: segment.x.rule.state
         missing
       → write state = …
    ");
    assert_snapshot!(errors_of_rule("{ journey = 'nurture', state = 'actve' }"), @"
    line 227: segment.x.rule.state
         `actve` is not a known value
       → did you mean `active`?
    ");
    assert_snapshot!(errors_of_rule("{ sample = 10 }"), @"
    line 227: segment.x.rule.sample
         expected a table: { … }, not the number 10
    ");
    assert_snapshot!(errors_of_rule("{ sample = { percent = 10 } }"), @"
    line 227: segment.x.rule.sample.seed
         missing
       → write seed = …
    ");
}
