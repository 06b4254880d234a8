//! What a campaign file may contain, and what is reported for every mistake in one.

use super::*;
use crate::domain::base::primitives::Millis;
use crate::domain::segment::{Rule, TimeTest};
use insta::assert_snapshot;

/// A campaign that uses every key.
pub(crate) const SAMPLE: &str = include_str!("sample.toml");
/// Broadcasts to append to `SAMPLE`.
pub(crate) const BROADCASTS: &str = include_str!("broadcasts.toml");
/// Settings of messages to append to `SAMPLE`.
pub(crate) const MESSAGES: &str = include_str!("messages.toml");

/// Returns the report about a file: line, key, what is wrong, and how to fix it.
pub(crate) fn errors_in(text: &str) -> String {
    match read("campaigns/white-paper.toml", text) {
        Ok(_) => "all good".to_owned(),
        Err(found) => found.iter().map(line).collect(),
    }
}

fn line(found: &Diagnostic) -> String {
    let help = found.help.iter().map(|help| format!("   → {help}\n")).collect::<String>();
    format!("line {}: {}\n     {}\n{help}", found.line, found.key, found.message)
}

/// Returns the report about the sample after replacing one piece of text.
pub(crate) fn errors_of(from: &str, to: &str) -> String {
    assert_eq!(SAMPLE.matches(from).count(), 1, "`{from}` must be in the sample once");
    errors_in(&SAMPLE.replace(from, to))
}

#[test]
fn sample_has_no_problems() {
    assert_eq!(errors_in(SAMPLE), "all good");
    assert_eq!(errors_in(&SAMPLE.replace('\n', "\r\n")), "all good");
}

/// Collects every key of a tree with its position, except the names that the author chose.
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

/// Returns typing errors of a key: a doubled letter, a missing letter, two letters swapped.
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
fn misspelt_key_is_reported_with_line_and_suggestion() {
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
fn missing_required_keys_are_reported() {
    assert_snapshot!(errors_in(""), @"
    line 1: 
         the file is empty
       → a campaign begins with [campaign]; docs/campaign-files.md shows one
    ");
    let sections = "[campaign]\n[page.a]\n[form.b]\n[segment.c]\n[journey.d]\n";
    assert_snapshot!(errors_in(sections), @"
    line 1: campaign.currency
         missing
       → write currency = …
    line 1: campaign.goal
         missing
       → write goal = …
    line 1: campaign.id
         missing
       → write id = …
    line 1: campaign.name
         missing
       → write name = …
    line 1: campaign.owner
         missing
       → write owner = …
    line 1: campaign.postal_address
         missing
       → write postal_address = …
    line 1: campaign.time_zone
         missing
       → write time_zone = …
    line 2: page.a
         the page has no content
       → give it one of template, variants
    line 2: page.a.path
         missing
       → write path = …
    line 2: page.a.title
         missing
       → write title = …
    line 3: form.b.fields
         missing
       → write fields = …
    line 4: segment.c.rule
         missing
       → write rule = …
    line 5: journey.d.enter
         missing
       → write enter = …
    line 5: journey.d.step
         missing
       → write step = …
    ");
}

#[test]
fn missing_keys_of_steps_and_fields_are_reported() {
    let steps = "[campaign]\n[[journey.d.step]]\n[[journey.d.step]]\nid = 'x'\nwait_for = {}\n\
                 [[journey.d.step]]\nid = 'y'\nbranch = [{}]\n[[form.f.fields]]\ntype = 'select'\n";
    assert_snapshot!(errors_in(steps), @"
    line 1: campaign.currency
         missing
       → write currency = …
    line 1: campaign.goal
         missing
       → write goal = …
    line 1: campaign.id
         missing
       → write id = …
    line 1: campaign.name
         missing
       → write name = …
    line 1: campaign.owner
         missing
       → write owner = …
    line 1: campaign.postal_address
         missing
       → write postal_address = …
    line 1: campaign.time_zone
         missing
       → write time_zone = …
    line 2: journey.d.step[1]
         the step has no action
       → give it one of send, wait, wait_until, wait_for, branch, split, update, \
       notify, webhook, enroll, leave, end
    line 2: journey.d.step[1].id
         missing
       → write id = …
    line 2: journey.d.enter
         missing
       → write enter = …
    line 3: journey.d.step[2].on_timeout
         missing
       → write on_timeout = …
    line 3: journey.d.step[2].timeout
         missing
       → write timeout = …
    line 5: journey.d.step[2].wait_for
         it has no trigger
       → give it one of event, segment, segment_left, any
    line 6: journey.d.step[3].otherwise
         missing
       → write otherwise = …
    line 8: journey.d.step[3].branch[1].then
         missing
       → write then = …
    line 8: journey.d.step[3].branch[1].when
         missing
       → write when = …
    line 9: form.f.fields[1].name
         missing
       → write name = …
    line 9: form.f.fields[1].options
         missing
       → write options = …
    ");
}

#[test]
fn values_of_wrong_type_are_reported() {
    assert_snapshot!(errors_of("name = \"智能制造白皮书\"", "name = 3"), @r#"
    line 4: campaign.name
         expected text in quotes, not the number 3
       → write "3"
    "#);
    assert_snapshot!(errors_of(
        "required = true\ndouble_opt_in",
        "required = \"yes\"\ndouble_opt_in",
    ), @"
    line 70: form.download.consent.required
         expected true or false, not `yes`
       → write it without quotes: true
    ");
    assert_snapshot!(errors_of("weight = 2", "weight = -2"), @"
    line 21: page.landing.variants[1].weight
         expected a whole number, 0 or more, not the number -2
    ");
    assert_snapshot!(errors_of("within = \"30d\"", "within = \"30 days\""), @r#"
    line 11: campaign.goal.within
         expected a duration such as "90s", "30m", "12h", "3d" or "2w", not `30 days`
    "#);
    assert_snapshot!(errors_of("within = \"30d\"", "within = 2026-03-01"), @r#"
    line 11: campaign.goal.within
         expected a duration such as "90s", "30m", "12h", "3d" or "2w", not a date
    "#);
    assert_snapshot!(errors_of("day = 2026-03-01", "day = 2026-03-01T10:00:00Z"), @"
    line 13: campaign.cost[1].day
         expected a day such as 2026-03-01, not a date and time
    ");
    assert_snapshot!(errors_of("amount = \"800.5\"", "amount = 800.5"), @r#"
    line 14: campaign.cost[2].amount
         expected text in quotes, not the number 800.5
       → write "800.5"
    "#);
    assert_snapshot!(errors_of("amount = \"800.5\"", "amount = \"800.505\""), @"
    line 14: campaign.cost[2].amount
         `800.505` is not an amount of CNY
       → digits, with at most 2 decimals
    ");
    let text = "attributes = \"company\"";
    assert_snapshot!(errors_of("attributes = [\"company\", \"plan\"]", text), @"
    line 16: campaign.attributes
         expected a list: […], not `company`
    ");
}

#[test]
fn unknown_words_are_reported() {
    assert_snapshot!(errors_of("re_entry = \"after 30d\"", "re_entry = \"after a while\""), @r#"
    line 93: journey.nurture.re_entry
         expected "never", "always" or "after 30d" (any duration), not `after a while`
    "#);
    assert_snapshot!(errors_of("time = \"09:30\"", "time = \"9.30\""), @r#"
    line 102: journey.nurture.step[2].wait_until.time
         expected a time of day such as "09:30", not `9.30`
    "#);
    assert_snapshot!(errors_of("weekdays = [\"mon\", \"sun\"]", "weekdays = [\"mom\"]"), @"
    line 102: journey.nurture.step[2].wait_until.weekdays[1]
         `mom` is not a known value
       → did you mean `mon`?
    ");
    assert_snapshot!(errors_of("notify = \"owner\"\nnote", "notify = \"ownr\"\nnote"), @"
    line 116: journey.nurture.step[5].notify
         `ownr` is not a known value
       → did you mean `owner`?
    ");
    assert_snapshot!(errors_of("score = -10", "score = 9007199254740993"), @"
    line 112: journey.nurture.step[4].update.score
         expected a whole number of at most 53 bits, not the number 9007199254740993
    ");
    assert_snapshot!(errors_of("score = { gte = 50 }", "score = { gte = nan }"), @"
    line 75: segment.engaged.rule.all[1].any[2].score.gte
         expected a number, not the number nan
    ");
    assert_snapshot!(errors_of("end = true", "end = false"), @"
    line 135: journey.nurture.step[9].end
         write `end = true`
    ");
    assert_snapshot!(errors_of(
        "goal = { event = \"order.completed\", within = \"30d\" }",
        "goal = []",
    ), @"
    line 11: campaign.goal
         expected a table: { … }, not a list
       → one table is written [campaign.goal]
    ");
    assert_snapshot!(errors_of("type = \"number\"", "type = \"nummer\""), @"
    line 52: form.download.fields[3].type
         `nummer` is not a known value
       → did you mean `number`?
    ");
    assert_snapshot!(errors_of("type = \"number\"", "type = \"text\""), @"
    line 53: form.download.fields[3].min
         a field of type `text` has no `min`
    line 54: form.download.fields[3].max
         a field of type `text` has no `max`
    ");
}

#[test]
fn conflicting_keys_are_reported() {
    assert_snapshot!(errors_of(
        "{ tag = \"vip\" }, { score",
        "{ tag = \"vip\", score = 3 }, { score",
    ), @"
    line 75: segment.engaged.rule.all[1].any[1]
         tag and score are in one rule, which has one condition
       → put them into { all = [{ … }, { … }] }, or any
    ");
    assert_snapshot!(errors_of("{ attribute = \"role\", is_not = \"x\" }", "{ is_not = \"x\" }"), @"
    line 79: segment.engaged.rule.all[5]
         the rule has no condition
       → give it one of all, any, not, attribute, tag, consent, score, event, \
         sequence, segment, journey, sample
    ");
    assert_snapshot!(errors_of(
        "{ attribute = \"role\", is_not = \"x\" }",
        "{ attribute = \"role\" }",
    ), @"
    line 79: segment.engaged.rule.all[5]
         has no comparison
       → give it one of is, is_not, in, not_in, contains, starts_with, matches, \
         eq, gt, gte, lt, lte, between, before, after, in_last, in_next, anniversary, set
    ");
    assert_snapshot!(errors_of("is_not = \"x\"", "is_not = \"x\", set = true"), @"
    line 79: segment.engaged.rule.all[5]
         takes only one of is_not, set
    ");
    assert_snapshot!(errors_of("count = { gt = 1 }", "count = { gt = 1, lt = 3 }"), @"
    line 78: segment.engaged.rule.all[4].count
         takes only one of gt, lt
    ");
    assert_snapshot!(errors_of("send = \"sms/nudge\"", "send = \"sms/nudge\"\nwait = \"1d\""), @"
    line 120: journey.nurture.step[6]
         send and wait are in one step, which has one action
       → write one step for each
    ");
    assert_snapshot!(errors_of("send = \"sms/nudge\"", "then = \"over\""), @"
    line 120: journey.nurture.step[6]
         the step has no action
       → give it one of send, wait, wait_until, wait_for, branch, split, update, \
       notify, webhook, enroll, leave, end
    ");
    assert_snapshot!(errors_of("end = true", "end = true\nthen = \"sales\""), @"
    line 136: journey.nurture.step[9].then
         a step with `end` cannot have `then`
    ");
    assert_snapshot!(errors_of(
        "wait = \"2d\"",
        "wait = \"2d\"\ntimeout = \"3d\"\notherwise = \"end\"",
    ), @"
    line 127: journey.nurture.step[7].timeout
         is only for `wait_for` steps
    line 128: journey.nurture.step[7].otherwise
         is only for `branch` and `wait_until` steps
    ");
    assert_snapshot!(errors_of("path = \"/白皮书\"", "path = \"/白皮书\"\ntemplate = \"pages/x\""), @"
    line 21: page.landing.variants
         a page has either `template` or `variants`
    ");
    assert_snapshot!(errors_of(
        "enter = { segment = \"engaged\" }",
        "enter = { segment = \"engaged\", form = \"download\" }",
    ), @"
    line 138: journey.revive.enter
         takes only one of form, segment
    ");
}

#[test]
fn every_toml_syntax_error_is_reported() {
    assert_snapshot!(errors_of("currency = \"CNY\"", "currency = CNY"), @r#"
    line 7: 
         `CNY` needs quotes
       → write "CNY"
    "#);
    assert_snapshot!(errors_of("[page.thanks]", "[page.landing]"), @"
    line 28: 
         the table [page.landing] is already in line 18
       → join the two, or rename one
    ");
    assert_snapshot!(errors_of("wait = \"2d\"", "wait = \"2d"), @r#"
    line 126: 
         this text is not closed on its line
       → put " at its end; text of several lines is in """…"""
    "#);
    let deep = errors_in(&"[".repeat(100_000));
    assert_snapshot!(deep.lines().next().unwrap_or_default(), @"line 1:");
    assert_snapshot!(errors_in(&"#".repeat(FILE_BYTES_MAX + 1)), @"
    line 1: 
         the file has 262145 bytes; the limit is 262144
    ");
}

#[test]
fn one_mistake_does_not_hide_another() {
    let text = SAMPLE
        .replace("timeout = \"3d\"", "timeoout = \"3d\"")
        .replace("form = \"download\"\n", "form = \"downlaod\"\n");
    assert_snapshot!(errors_in(&text), @"
    line 26: page.landing.form
         there is no form `downlaod`
       → did you mean `download`?
    line 107: journey.nurture.step[3].timeoout
         unknown key
       → did you mean `timeout`?
    ");
}

#[test]
fn file_name_must_match_campaign_id() {
    assert_snapshot!(errors_of("id = \"white-paper\"", "id = \"white_paper\""), @"
    line 3: campaign.id
         the file name does not match the id `white_paper`
       → rename it to white_paper.toml, or the campaign to `white-paper`
    ");
    assert!(read("anything", SAMPLE).is_ok(), "only a .toml file's name counts");
}

#[test]
fn journey_defaults_to_the_only_purpose() {
    let campaign = read(
        "white-paper.toml",
        &SAMPLE.replace("re_entry = \"after 30d\"\npurpose = \"newsletter\"", ""),
    )
    .unwrap();
    assert_eq!(campaign.journeys["nurture"].purpose, "newsletter");
    let other = "\n[form.other]\nfields = [{ name = 'email', type = 'email' }]\n\
                 consent = { purpose = 'product', channels = ['email'], text = '好' }\n";
    let text = SAMPLE.replace("re_entry = \"after 30d\"\npurpose = \"newsletter\"", "") + other;
    assert_snapshot!(errors_in(&text), @"
    line 90: journey.nurture.purpose
         missing
       → the forms ask for several: newsletter, product
    ");
}

#[test]
fn same_file_always_gives_the_same_bytes() {
    let bytes =
        |text: &str| serde_json::to_string(&read("white-paper.toml", text).unwrap()).unwrap();
    assert_eq!(bytes(SAMPLE), bytes(&SAMPLE.replace('\n', "\r\n")));
    let back: Campaign = serde_json::from_str(&bytes(SAMPLE)).unwrap();
    assert_eq!(back, read("white-paper.toml", SAMPLE).unwrap());
}

#[test]
fn steps_lead_to_the_next_by_default() {
    let campaign = read("white-paper.toml", SAMPLE).unwrap();
    let leads = |step: &crate::domain::campaign::journey::Step| match &step.then {
        crate::domain::campaign::journey::Next::Step(id) => format!("{} → {id}\n", step.id),
        crate::domain::campaign::journey::Next::End => format!("{} → end\n", step.id),
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

/// Returns the report about a segment with this rule, appended to the sample.
pub(crate) fn errors_of_rule(rule: &str) -> String {
    errors_in(&format!("{SAMPLE}\n[segment.x]\nrule = {rule}\n"))
}

#[test]
fn event_rule_dates_use_the_campaign_time_zone() {
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
fn invalid_rules_are_reported() {
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

/// Returns the report about a text that is not TOML, one error a line.
fn not_toml(text: &str) -> String {
    let line = |found: &Diagnostic| {
        let help = found.help.as_deref().unwrap_or_default();
        format!("{}:{} {} → {help}\n", found.line, found.column, found.message)
    };
    match read("x.toml", text) {
        Ok(_) => "all good".to_owned(),
        Err(found) => found.iter().filter(|one| one.key.is_empty()).map(line).collect(),
    }
}

#[test]
fn each_syntax_mistake_gives_one_readable_error() {
    for (text, expected) in [
        ("[campaign]\nname = “Spring”\n", "2:8 `“` is a curly quote → write \"\n"),
        ("[campaign]\nname = ＂春＂\n", "2:8 `＂` is a full-width quote → write \"\n"),
        ("[campaign]\nname ＝ \"x\"\n", "2:6 `＝` is a full-width equals sign → write =\n"),
        ("［campaign］\nname = \"x\"\n", "1:1 `［` is a full-width bracket → write [\n"),
        ("[campaign］\nname = \"x\"\n", "1:10 `］` is a full-width bracket → write ]\n"),
        ("a = [\"x\"， \"y\"]\n", "1:9 `，` is a full-width comma → write ,\n"),
        ("a = \"x\"　# c\n", "1:8 `U+3000` is a full-width space → write an ordinary space\n"),
        ("a = \"x”\n", "1:7 `”` is a curly quote → write \"\n"),
        (
            "a = [\"x\",\n\"y\"\n[b]\nc = 1\nd = \"e\"\n",
            "1:5 `[` is never closed → put `]` where it ends\n",
        ),
        ("a = [1, 2\nb = 3\nc = [4]\n", "1:5 `[` is never closed → put `]` where it ends\n"),
        ("a = { b = 1\n[c]\nd = 2\n", "1:5 `{` is never closed → put `}` where it ends\n"),
        ("[a\nb = 1\n", "1:1 the header `[a` is not closed by `]` → write [a]\n"),
        (
            "[[a]\nb = 1\n",
            "1:1 the header `[[a` is not closed by `]]` → write [a], or [[a]] for one of several\n",
        ),
        ("a = 1\nb = 2\na = 3\n", "3:1 the key `a` is already in line 1 → keep one of the two\n"),
        (
            "[a]\nb = 2\n[c]\n[a]\n",
            "4:1 the table [a] is already in line 1 → join the two, or rename one\n",
        ),
        (
            "a = yes\nb = True\n",
            "1:5 `yes` is not a boolean of TOML → write true\n\
             2:5 `True` is not a boolean of TOML → write true\n",
        ),
        (
            "a = 2026/03/01\n",
            "1:5 `2026/03/01` is not a date of TOML → write a date as 2026-03-01\n",
        ),
        ("a = hello world # x\n", "1:5 `hello` needs quotes → write \"hello world\"\n"),
        (
            "a = 007\n",
            "1:5 `007` is a number with a leading 0 → write 7 for the number, \
             \"007\" for the text\n",
        ),
        (
            "a = null\n",
            "1:5 `null` is not a value of TOML → delete the key: a missing key is not set\n",
        ),
        ("a =\nb = 1\n", "1:4 there is no value after `=` → write one, or delete the key\n"),
        ("a = \"x\";\n", "1:8 `;` after a value → delete it: a line ends by itself\n"),
        (
            "a = \"say \"hi\" now\"\n",
            "1:5 there is something after the text → write a quote inside text as \\\"; \
             put a comma between values\n",
        ),
        (
            "a = \"C:\\dir\"\n",
            "1:8 `\\d` means nothing → write \\\\ for a backslash, or the text in '…'\n",
        ),
        (
            "a = 2026-13-01\n",
            "1:5 `2026-13-01` is not a day of the calendar → write a date as 2026-03-01\n",
        ),
        (
            "a = 2026-03-01T25:00:00\n",
            "1:5 `2026-03-01T25:00:00` is not a time of day → \
             write a date and time as 2026-03-01T09:30:00\n",
        ),
        ("a = [\"x\"\n \"y\"]\n", "1:9 a comma is missing here → put a comma between two values\n"),
        (
            "a = { b = \"x\" c = 1 }\n",
            "1:14 a comma is missing here → put a comma between two values\n",
        ),
        ("a = { b = 1,, c = 1 }\n", "1:13 a comma too many → delete it\n"),
        ("a = { b: = \"x\" }\n", "1:8 a colon after a key is YAML or JSON → write b = …\n"),
        ("a = { b == 1 }\n", "1:10 `=` is here twice → delete one\n"),
        (
            "a = { b = 1, b = 2 }\n",
            "1:14 the key `b` is already in these braces → keep one of the two\n",
        ),
        ("a = { ｂ = 1 }\n", "1:7 `ｂ` is a full-width letter → write b\n"),
        ("a = trｕe\n", "1:7 `ｕ` is a full-width letter → write u\n"),
        (
            "a = \"\\u12\"\n",
            "1:6 `\\u` needs 4 digits from 0 to f → \
             write \\\\ for a backslash, or the text in '…'\n",
        ),
        ("a = \"x\u{1}\"\n", "1:7 U+0001 is a control character → delete it\n"),
        (
            "[a.b]\nc = 1\n[a]\nb = 1\n",
            "4:1 this is already in the file, in another form → \
             a key or table may be defined once: join the two, or rename one\n",
        ),
        (
            "[j.x.step]\nid = 1\n[j.x.step]\nid = 2\n[j.x.step]\nid = 3\n",
            "1:1 [j.x.step] is part of a list of tables → write [[j.x.step]], also in line 3, 5\n",
        ),
        (
            "[[j.x.step]]\nid = 1\n[j.x.step]\nid = 2\n",
            "3:1 [j.x.step] is part of a list of tables → write [[j.x.step]]\n",
        ),
        ("[x]\nname: \"y\"\n", "2:5 a colon after a key is YAML or JSON → write name = …\n"),
        ("first name = 1\n", "1:1 `first name` needs quotes → write \"first name\" = …\n"),
        (
            "just words\n",
            "1:1 `just words` has no `=` → a line is key = value, [table] or # a comment\n",
        ),
    ] {
        assert_eq!(not_toml(text), expected, "{text}");
    }
    let begins = "a campaign begins with [campaign], then lines such as name = \"Spring\"\n";
    let yaml = "# a campaign\ncampaign:\n  id: spring\n  tags:\n    - a\n    - b\n";
    assert_eq!(
        not_toml(yaml),
        format!("2:1 this is YAML, not TOML → {begins}").replace("2:1", "1:1")
    );
    assert_eq!(
        not_toml("{\n  \"campaign\": {}\n}"),
        format!("1:1 this is JSON, not TOML → {begins}")
    );
    assert_eq!(not_toml("<html></html>"), format!("1:1 this is HTML or XML, not TOML → {begins}"));
    assert!(not_toml(" \n").starts_with("1:1 the file is empty"));
}

#[test]
fn wrongly_quoted_values_are_reported() {
    let errors = |from: &str, to: &str| {
        let text = SAMPLE.replacen(from, to, 1);
        assert_ne!(text, SAMPLE);
        let found = read("white-paper.toml", &text).unwrap_err();
        found.iter().map(|one| format!("{one}\n")).collect::<String>()
    };
    let required = errors("required = true", "required = \"true\"");
    assert!(required.contains("write it without quotes: true"), "{required}");
    let name = errors("name = \"", "name = 5\nxname = \"");
    assert!(name.contains("write \"5\""), "{name}");
}

#[test]
fn foreign_comments_and_git_conflicts_are_reported() {
    let slip = |line: &str| {
        let found = read("white-paper.toml", &format!("{line}\n{SAMPLE}")).unwrap_err();
        found.iter().map(|one| format!("{one}\n")).collect::<String>()
    };
    let comment = slip("// The recording, the guide: both");
    assert!(comment.contains("write # instead of //"), "{comment}");
    let conflict = slip("<<<<<<< HEAD");
    assert!(conflict.contains("an unresolved Git conflict"), "{conflict}");
    assert_eq!(comment.lines().count() + conflict.lines().count(), 2, "{comment}{conflict}");
}

#[test]
fn mistake_in_a_shared_key_is_one_error() {
    let errors =
        |from: &str, to: &str| errors_in(&SAMPLE.replacen(from, to, 1)).matches("line ").count();
    assert_eq!(errors("owner = ", "ownerr = "), 1);
    assert_eq!(errors("channels = [\"email\"", "channels = [\"emmail\""), 1);
    assert_eq!(errors("purpose = \"newsletter\"", "purpose = \"newｓletter\""), 1);
}

/// If a single character of a valid file is lost, at most two syntax errors are reported.
#[test]
fn missing_punctuation_gives_at_most_two_errors() {
    for (at, sign) in SAMPLE.char_indices().filter(|(_, c)| "[]{}=\"".contains(*c)) {
        let text = format!("{}{}", &SAMPLE[..at], &SAMPLE[at + sign.len_utf8()..]);
        let Err(found) = read("white-paper.toml", &text) else { continue };
        let not_toml = found.iter().filter(|one| one.key.is_empty()).count();
        assert!(not_toml <= 2, "{at} {sign}: {found:#?}");
    }
}
