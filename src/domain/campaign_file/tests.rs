//! What a campaign file may say, and what is said about every slip in one.

use super::*;
use crate::domain::primitives::Millis;
use crate::domain::rule::{Rule, TimeTest};
use insta::assert_snapshot;

/// A campaign that uses every key there is.
pub(crate) const SAMPLE: &str = include_str!("sample.toml");
/// Broadcasts that may stand below it.
pub(crate) const BROADCASTS: &str = include_str!("broadcasts.toml");
/// Its messages: appended to the sample too.
pub(crate) const MESSAGES: &str = include_str!("messages.toml");

/// What is said about a file: line, key, what is wrong, and what would be right.
pub(crate) fn said(text: &str) -> String {
    match read("campaigns/white-paper.toml", text) {
        Ok(_) => "all good".to_owned(),
        Err(found) => found.iter().map(tell).collect(),
    }
}

fn tell(found: &Diagnostic) -> String {
    let help = found.help.iter().map(|help| format!("   → {help}\n")).collect::<String>();
    format!("line {}: {}\n     {}\n{help}", found.line, found.key, found.message)
}

/// What is said about the sample with one piece of text put in place of another.
pub(crate) fn said_of(from: &str, to: &str) -> String {
    assert_eq!(SAMPLE.matches(from).count(), 1, "`{from}` must be in the sample once");
    said(&SAMPLE.replace(from, to))
}

#[test]
fn the_sample_is_all_good() {
    assert_eq!(said(SAMPLE), "all good");
    assert_eq!(said(&SAMPLE.replace('\n', "\r\n")), "all good");
}

/// Every key of a tree with the place where it is written; names that the author chose left out.
fn keys(table: &DeTable<'_>, path: &str, found: &mut Vec<(String, std::ops::Range<usize>)>) {
    for (key, value) in table.iter() {
        let chosen = ["page", "form", "segment", "journey", "broadcast"].contains(&path)
            || [".where", ".set", ".price"].iter().any(|free| path.ends_with(free));
        if !chosen {
            found.push((key.get_ref().to_string(), key.span()));
        }
        let dot = if path.is_empty() { "" } else { "." };
        within(value.get_ref(), &format!("{path}{dot}{}", key.get_ref()), found);
    }
}

fn within(value: &DeValue<'_>, path: &str, found: &mut Vec<(String, std::ops::Range<usize>)>) {
    match value {
        DeValue::Table(table) => keys(table, path, found),
        DeValue::Array(array) => array.iter().for_each(|v| within(v.get_ref(), path, found)),
        _ => {}
    }
}

/// The slips of a finger: a letter twice, a letter left out, two letters swapped.
fn slips(key: &str) -> Vec<String> {
    let (start, end) = key.split_at(key.len() / 2);
    let (first, rest) = key.split_at(1);
    let mut slips =
        vec![format!("{first}{first}{rest}"), format!("{key}{}", &key[key.len() - 1..])];
    if key.len() > 3 {
        slips.push(format!("{start}{}", &end[1..]));
        slips.push(format!("{}{}{}{}", start, &end[1..2], &end[..1], &end[2..]));
    }
    slips.retain(|slip| slip != key);
    slips
}

#[test]
fn every_key_misspelt_is_named_with_its_line_and_the_right_one() {
    let sample = format!("{SAMPLE}\n{BROADCASTS}\n{MESSAGES}");
    let tree = DeTable::parse(&sample).unwrap();
    let mut found = Vec::new();
    keys(tree.get_ref(), "", &mut found);
    assert!(found.len() > 140, "only {} keys", found.len());
    for (key, span) in found {
        let line = 1 + sample[..span.start].matches('\n').count();
        for slip in slips(&key) {
            let text = format!("{}{slip}{}", &sample[..span.start], &sample[span.end..]);
            let diagnostics = read("white-paper.toml", &text).unwrap_err();
            let named = diagnostics.iter().any(|found| {
                found.line == line
                    && found.key.ends_with(&slip)
                    && found.message == "unknown key"
                    && found.help.as_deref() == Some(&format!("did you mean `{key}`?"))
            });
            let all: String = diagnostics.iter().map(|found| format!("{found}\n")).collect();
            assert!(named, "line {line}: `{key}` written `{slip}`:\n{all}");
            let echo = diagnostics.iter().any(|f| f.message == "missing" && f.key.ends_with(&key));
            assert!(!echo, "line {line}: `{slip}` is also said to be missing:\n{all}");
        }
    }
}

#[test]
fn every_required_key_left_out_is_named() {
    assert_snapshot!(said(""), @"
    line 1: campaign
         missing
    ");
    let sections = "[campaign]\n[page.a]\n[form.b]\n[segment.c]\n[journey.d]\n";
    assert_snapshot!(said(sections), @"
    line 1: campaign.currency
         missing
    line 1: campaign.goal
         missing
    line 1: campaign.id
         missing
    line 1: campaign.name
         missing
    line 1: campaign.owner
         missing
    line 1: campaign.postal_address
         missing
    line 1: campaign.time_zone
         missing
    line 2: page.a
         the page has no content
       → give it one of template, variants
    line 2: page.a.path
         missing
    line 2: page.a.title
         missing
    line 3: form.b.fields
         missing
    line 4: segment.c.rule
         missing
    line 5: journey.d.enter
         missing
    line 5: journey.d.step
         missing
    ");
}

#[test]
fn every_key_that_a_part_requires_is_named() {
    let steps = "[campaign]\n[[journey.d.step]]\n[[journey.d.step]]\nid = 'x'\nwait_for = {}\n\
                 [[journey.d.step]]\nid = 'y'\nbranch = [{}]\n[[form.f.fields]]\ntype = 'select'\n";
    assert_snapshot!(said(steps), @"
    line 1: campaign.currency
         missing
    line 1: campaign.goal
         missing
    line 1: campaign.id
         missing
    line 1: campaign.name
         missing
    line 1: campaign.owner
         missing
    line 1: campaign.postal_address
         missing
    line 1: campaign.time_zone
         missing
    line 2: journey.d.step[1]
         the step does nothing
       → give it one of send, wait, wait_until, wait_for, branch, split, update, \
       notify, webhook, enroll, leave, end
    line 2: journey.d.step[1].id
         missing
    line 2: journey.d.enter
         missing
    line 3: journey.d.step[2].on_timeout
         missing
    line 3: journey.d.step[2].timeout
         missing
    line 5: journey.d.step[2].wait_for
         nothing triggers it
       → give it one of event, segment, segment_left, any
    line 6: journey.d.step[3].otherwise
         missing
    line 8: journey.d.step[3].branch[1].then
         missing
    line 8: journey.d.step[3].branch[1].when
         missing
    line 9: form.f.fields[1].name
         missing
    line 9: form.f.fields[1].options
         missing
    ");
}

#[test]
fn values_of_the_wrong_kind_are_named() {
    assert_snapshot!(said_of("name = \"智能制造白皮书\"", "name = 3"), @"
    line 4: campaign.name
         expected text in quotes, not the number 3
    ");
    assert_snapshot!(said_of(
        "required = true\ndouble_opt_in",
        "required = \"yes\"\ndouble_opt_in",
    ), @"
    line 70: form.download.consent.required
         expected true or false, not `yes`
    ");
    assert_snapshot!(said_of("weight = 2", "weight = -2"), @"
    line 21: page.landing.variants[1].weight
         expected a whole number, 0 or more, not the number -2
    ");
    assert_snapshot!(said_of("within = \"30d\"", "within = \"30 days\""), @r#"
    line 11: campaign.goal.within
         expected a span such as "90s", "30m", "12h", "3d" or "2w", not `30 days`
    "#);
    assert_snapshot!(said_of("within = \"30d\"", "within = 2026-03-01"), @r#"
    line 11: campaign.goal.within
         expected a span such as "90s", "30m", "12h", "3d" or "2w", not a date
    "#);
    assert_snapshot!(said_of("day = 2026-03-01", "day = 2026-03-01T10:00:00Z"), @"
    line 13: campaign.cost[1].day
         expected a day such as 2026-03-01, not a date and time
    ");
    assert_snapshot!(said_of("amount = \"800.5\"", "amount = 800.5"), @"
    line 14: campaign.cost[2].amount
         expected text in quotes, not the number 800.5
    ");
    assert_snapshot!(said_of("amount = \"800.5\"", "amount = \"800.505\""), @"
    line 14: campaign.cost[2].amount
         `800.505` is no amount of CNY: digits, with at most 2 decimals
    ");
    assert_snapshot!(said_of("attributes = [\"company\", \"plan\"]", "attributes = \"company\""), @"
    line 16: campaign.attributes
         expected a list: […], not `company`
    ");
}

#[test]
fn words_that_are_not_known_are_named() {
    assert_snapshot!(said_of("re_entry = \"after 30d\"", "re_entry = \"after a while\""), @r#"
    line 93: journey.nurture.re_entry
         expected "never", "always" or "after 30d" (any span), not `after a while`
    "#);
    assert_snapshot!(said_of("time = \"09:30\"", "time = \"9.30\""), @r#"
    line 102: journey.nurture.step[2].wait_until.time
         expected a time of day such as "09:30", not `9.30`
    "#);
    assert_snapshot!(said_of("weekdays = [\"mon\", \"sun\"]", "weekdays = [\"mom\"]"), @"
    line 102: journey.nurture.step[2].wait_until.weekdays[1]
         `mom` is not a word known here
       → did you mean `mon`?
    ");
    assert_snapshot!(said_of("notify = \"owner\"\nnote", "notify = \"ownr\"\nnote"), @"
    line 116: journey.nurture.step[5].notify
         `ownr` is not a word known here
       → did you mean `owner`?
    ");
    assert_snapshot!(said_of("score = -10", "score = 9007199254740993"), @"
    line 112: journey.nurture.step[4].update.score
         expected a whole number of at most 53 bits, not the number 9007199254740993
    ");
    assert_snapshot!(said_of("score = { gte = 50 }", "score = { gte = nan }"), @"
    line 75: segment.engaged.rule.all[1].any[2].score.gte
         expected a number, not the number nan
    ");
    assert_snapshot!(said_of("end = true", "end = false"), @"
    line 135: journey.nurture.step[9].end
         a step that ends says `end = true`
    ");
    assert_snapshot!(said_of(
        "goal = { event = \"order.completed\", within = \"30d\" }",
        "goal = []",
    ), @"
    line 11: campaign.goal
         expected a table: { … }, not a list
    ");
    assert_snapshot!(said_of("type = \"number\"", "type = \"nummer\""), @"
    line 52: form.download.fields[3].type
         `nummer` is not a word known here
       → did you mean `number`?
    ");
    assert_snapshot!(said_of("type = \"number\"", "type = \"text\""), @"
    line 53: form.download.fields[3].min
         a field of type `text` has no `min`
    line 54: form.download.fields[3].max
         a field of type `text` has no `max`
    ");
}

#[test]
fn what_does_not_go_together_is_named() {
    assert_snapshot!(said_of(
        "{ tag = \"vip\" }, { score",
        "{ tag = \"vip\", score = 3 }, { score",
    ), @"
    line 75: segment.engaged.rule.all[1].any[1]
         tag and score stand side by side in one rule
       → put them into { all = [{ … }, { … }] }, or any
    ");
    assert_snapshot!(said_of("{ attribute = \"role\", is_not = \"x\" }", "{ is_not = \"x\" }"), @"
    line 79: segment.engaged.rule.all[5]
         the rule asks nothing
       → give it one of all, any, not, attribute, tag, consent, score, event, \
         sequence, segment, journey, sample
    ");
    assert_snapshot!(said_of(
        "{ attribute = \"role\", is_not = \"x\" }",
        "{ attribute = \"role\" }",
    ), @"
    line 79: segment.engaged.rule.all[5]
         nothing is compared
       → give it one of is, is_not, in, not_in, contains, starts_with, matches, \
         eq, gt, gte, lt, lte, between, before, after, in_last, in_next, anniversary, set
    ");
    assert_snapshot!(said_of("is_not = \"x\"", "is_not = \"x\", set = true"), @"
    line 79: segment.engaged.rule.all[5]
         takes only one of is_not, set
    ");
    assert_snapshot!(said_of("count = { gt = 1 }", "count = { gt = 1, lt = 3 }"), @"
    line 78: segment.engaged.rule.all[4].count
         takes only one of gt, lt
    ");
    assert_snapshot!(said_of("send = \"sms/nudge\"", "send = \"sms/nudge\"\nwait = \"1d\""), @"
    line 120: journey.nurture.step[6]
         send and wait are two actions in one step
       → make a step of each
    ");
    assert_snapshot!(said_of("send = \"sms/nudge\"", "then = \"over\""), @"
    line 120: journey.nurture.step[6]
         the step does nothing
       → give it one of send, wait, wait_until, wait_for, branch, split, update, \
       notify, webhook, enroll, leave, end
    ");
    assert_snapshot!(said_of("end = true", "end = true\nthen = \"sales\""), @"
    line 136: journey.nurture.step[9].then
         a step that ends leads nowhere by `then`
    ");
    assert_snapshot!(said_of(
        "wait = \"2d\"",
        "wait = \"2d\"\ntimeout = \"3d\"\notherwise = \"end\"",
    ), @"
    line 127: journey.nurture.step[7].timeout
         belongs to `wait_for` steps only
    line 128: journey.nurture.step[7].otherwise
         belongs to `branch` and `wait_until` steps only
    ");
    assert_snapshot!(said_of("path = \"/白皮书\"", "path = \"/白皮书\"\ntemplate = \"pages/x\""), @"
    line 21: page.landing.variants
         a page has either `template` or `variants`
    ");
    assert_snapshot!(said_of(
        "enter = { segment = \"engaged\" }",
        "enter = { segment = \"engaged\", form = \"download\" }",
    ), @"
    line 138: journey.revive.enter
         takes only one of form, segment
    ");
}

#[test]
fn text_that_is_not_toml_is_named_at_every_place() {
    assert_snapshot!(said_of("currency = \"CNY\"", "currency = CNY"), @"
    line 7: 
         not TOML: string values must be quoted, expected literal string
    ");
    assert_snapshot!(said_of("[page.thanks]", "[page.landing]"), @"
    line 28: 
         not TOML: duplicate key
    line 29: 
         not TOML: duplicate key
    line 31: 
         not TOML: duplicate key
    ");
    assert_snapshot!(said_of("wait = \"2d\"", "wait = \"2d"), @r#"
    line 126: 
         not TOML: invalid basic string, expected `"`
    "#);
    assert_snapshot!(said(&"[".repeat(100_000)).lines().next().unwrap_or_default(), @"line 1:");
    assert_snapshot!(said(&"#".repeat(FILE_BYTES_MAX + 1)), @"
    line 1: 
         the file has 262145 bytes; the limit is 262144
    ");
}

#[test]
fn a_slip_does_not_hide_another_one_elsewhere() {
    let text = SAMPLE
        .replace("timeout = \"3d\"", "timeoout = \"3d\"")
        .replace("form = \"download\"\n", "form = \"downlaod\"\n");
    assert_snapshot!(said(&text), @"
    line 26: page.landing.form
         there is no form `downlaod`
       → did you mean `download`?
    line 107: journey.nurture.step[3].timeoout
         unknown key
       → did you mean `timeout`?
    ");
}

#[test]
fn a_file_is_named_like_its_campaign() {
    assert_snapshot!(said_of("id = \"white-paper\"", "id = \"white_paper\""), @"
    line 3: campaign.id
         the file is not named `white_paper`
       → rename it to white_paper.toml, or the campaign to `white-paper`
    ");
    assert!(read("anything", SAMPLE).is_ok(), "only a .toml file's name counts");
}

#[test]
fn a_journey_without_a_purpose_takes_the_only_one_there_is() {
    let campaign = read(
        "white-paper.toml",
        &SAMPLE.replace("re_entry = \"after 30d\"\npurpose = \"newsletter\"", ""),
    )
    .unwrap();
    assert_eq!(campaign.journeys["nurture"].purpose, "newsletter");
    let other = "\n[form.other]\nfields = [{ name = 'email', type = 'email' }]\n\
                 consent = { purpose = 'product', channels = ['email'], text = '好' }\n";
    let text = SAMPLE.replace("re_entry = \"after 30d\"\npurpose = \"newsletter\"", "") + other;
    assert_snapshot!(said(&text), @"
    line 90: journey.nurture.purpose
         missing
       → the forms ask for several: newsletter, product
    ");
}

#[test]
fn the_same_file_always_gives_the_same_bytes() {
    let bytes =
        |text: &str| serde_json::to_string(&read("white-paper.toml", text).unwrap()).unwrap();
    assert_eq!(bytes(SAMPLE), bytes(&SAMPLE.replace('\n', "\r\n")));
    let back: Campaign = serde_json::from_str(&bytes(SAMPLE)).unwrap();
    assert_eq!(back, read("white-paper.toml", SAMPLE).unwrap());
}

#[test]
fn steps_lead_to_the_next_one_unless_they_say_otherwise() {
    let campaign = read("white-paper.toml", SAMPLE).unwrap();
    let leads = |step: &crate::domain::journey::Step| match &step.then {
        crate::domain::journey::Next::Step(id) => format!("{} → {id}\n", step.id),
        crate::domain::journey::Next::End => format!("{} → end\n", step.id),
    };
    assert_snapshot!(campaign.journeys["nurture"].steps.iter().map(leads).collect::<String>(), @"
    welcome → morning
    morning → clicked
    clicked → mark
    mark → sales
    sales → end
    nudge → pause
    pause → which
    which → end
    over → end
    ");
}

/// What is said about a segment of this rule, beside the sample's.
pub(crate) fn said_of_rule(rule: &str) -> String {
    said(&format!("{SAMPLE}\n[segment.x]\nrule = {rule}\n"))
}

#[test]
fn dates_in_rules_about_events_are_on_the_campaigns_clock() {
    let campaign = read("campaigns/white-paper.toml", SAMPLE).unwrap();
    let mut found = Vec::new();
    campaign.segments["rest"].walk(&mut |rule| {
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
fn what_a_rule_cannot_be_is_said() {
    assert_snapshot!(said_of_rule("{ attribute = 'b', before = 'soon' }"), @"
    line 227: segment.x.rule.before
         expected a date: 2026-03-01, 2026-03-01T09:30:00 or 2026-03-01T09:30:00+08:00, not `soon`
    ");
    assert_snapshot!(said_of_rule("{ attribute = 'b', after = 2026-02-30 }"), @"
    line 227: 
         not TOML: invalid date, expected day between 01 and 28
    ");
    assert_snapshot!(said_of_rule("{ attribute = 'b', between = [1] }"), @"
    line 227: segment.x.rule.between
         expected two numbers or two dates: [from, to]
    ");
    assert_snapshot!(said_of_rule("{ attribute = 'b', between = [1, 2026-01-01] }"), @"
    line 227: segment.x.rule.between[2]
         expected a number, not a date
    ");
    assert_snapshot!(said_of_rule("{ attribute = 'b', anniversary = '7d' }"), @"
    line 227: segment.x.rule.anniversary
         expected a whole number of at most 53 bits, not `7d`
    ");
    assert_snapshot!(said_of_rule("{ event = 'e', never = true, count = { gt = 1 } }"), @"
    line 227: segment.x.rule
         takes only one of count, never
    ");
    assert_snapshot!(said_of_rule("{ event = 'e', sum = { gte = 1 } }"), @"
    line 227: segment.x.rule.sum.property
         missing
    ");
    assert_snapshot!(said_of_rule("{ event = 'e', last = '30d' }"), @"
    line 227: segment.x.rule.last
         expected a table: { … }, not `30d`
    ");
    assert_snapshot!(said_of_rule("{ sequence = [{ event = 'e' }], span = '1d' }"), @"
    line 227: segment.x.rule.sequence
         1 events; a sequence has two
       → join longer ones: { all = [{ sequence = … }, { sequence = … }] }
    ");
    assert_snapshot!(said_of_rule("{ sequence = [{ event = 'e' }, { event = 'f' }] }"), @"
    line 227: segment.x.rule.span
         missing
    ");
    assert_snapshot!(said_of_rule("{ journey = 'nurture' }"), @"
    line 227: segment.x.rule.state
         missing
    ");
    assert_snapshot!(said_of_rule("{ journey = 'nurture', state = 'actve' }"), @"
    line 227: segment.x.rule.state
         `actve` is not a word known here
       → did you mean `active`?
    ");
    assert_snapshot!(said_of_rule("{ sample = 10 }"), @"
    line 227: segment.x.rule.sample
         expected a table: { … }, not the number 10
    ");
    assert_snapshot!(said_of_rule("{ sample = { percent = 10 } }"), @"
    line 227: segment.x.rule.sample.seed
         missing
    ");
}
