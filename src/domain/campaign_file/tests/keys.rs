//! Keys and values that are misspelt, missing, of the wrong type, unknown or in conflict.

use super::*;

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
fn field_types_of_other_systems_are_translated() {
    assert_snapshot!(errors_of("type = \"tel\"", "type = \"Phone\""), @"
    line 47: form.download.fields[2].type
         `Phone` is not a known value
       → did you mean `tel`?
    ");
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
       → write goal = { event = \"order.completed\", within = \"30d\" }
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
       → write goal = { event = \"order.completed\", within = \"30d\" }
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
       add_to_list, remove_from_list, notify, webhook, enroll, leave, end
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
         `30 days` is not a duration
       → write "30d"
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
         sequence, segment, list, journey, sample, company
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
       add_to_list, remove_from_list, notify, webhook, enroll, leave, end
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
