//! Journeys that can be read but are invalid.

use super::*;

#[test]
fn migration_needs_existing_step_or_leave_reason() {
    let migrate = |lines: &str| {
        errors_of(
            "[journey.revive]",
            &format!("[journey.nurture.migrate]\n{lines}\n[journey.revive]"),
        )
    };
    assert_snapshot!(migrate("old = 'welcom'\nolder = 'end'\noldest = { leave = '' }"), @"
    line 138: journey.nurture.migrate.old
         there is no step `welcom`
       → did you mean `welcome`?
    line 139: journey.nurture.migrate.older
         `end` is not a step
       → to end their enrollments, write { leave = \"…\" }
    line 140: journey.nurture.migrate.oldest.leave
         must not be empty
    ");
    assert_snapshot!(migrate("old = { lave = 'x' }"), @"
    line 138: journey.nurture.migrate.old.lave
         unknown key
       → did you mean `leave`?
    ");
    assert_eq!(migrate("old = 'welcome'\nolder = { leave = 'over' }"), "all good");
}

#[test]
fn split_needs_two_weighted_paths() {
    assert_snapshot!(journey("id = 'a'; split = [{ then = 'end' }, { weight = 1, then = 'b' }]"), @"
    line 95: journey.j.step[1].split[1].weight
         missing
       → write weight = …
    ");
    assert_snapshot!(journey("
        id = 'a'; split = [{ weight = 0, then = 'end' }]
    "), @"
    line 95: journey.j.step[1].split
         needs at least two paths
    line 95: journey.j.step[1].split[1].weight
         a weight must be from 1 to 1000
    ");
    assert_snapshot!(journey("
        id = 'a'; split = [{ weight = 1, then = 'b' }, { weight = 1, then = 'end' }]; then = 'b'
        id = 'b'; end = true
    "), @"
    line 96: journey.j.step[1].then
         a step with `split` cannot have `then`
    ");
}

#[test]
fn date_wait_needs_an_otherwise() {
    assert_snapshot!(journey("id = 'a'; wait_until = { date = 'renewal', time = '09:00' }"), @"
    line 93: journey.j.step[1].otherwise
         missing
       → write otherwise = …
    ");
    assert_snapshot!(journey("
        id = 'a'; wait_until = { date = 'Renewal', offset = '400d', \
         time = '24:00' }; otherwise = 'end'
    "), @"
    line 95: journey.j.step[1].wait_until.date
         `Renewal` is not a valid attribute name
       → begin with a letter, then use a-z, 0-9 and _; 40 characters at most
    line 95: journey.j.step[1].wait_until.offset
         400 days; the limit is 365
    line 95: journey.j.step[1].wait_until.time
         is not a time of day
    ");
    assert_snapshot!(journey("
        id = 'a'; wait_until = { date = 'renewal', offset = '12h', \
         every = 'month', time = '09:00' }; otherwise = 'end'
    "), @r#"
    line 95: journey.j.step[1].wait_until.offset
         expected whole days such as "-7d", not `12h`
    line 95: journey.j.step[1].wait_until.every
         `month` is not a known value
       → known here: year
    "#);
    assert_snapshot!(journey("id = 'a'; wait_until = { time = '09:00' }; otherwise = 'end'"), @"
    line 96: journey.j.step[1].otherwise
         is only for `branch` steps, and for `wait_until` with a `date`
    ");
}

#[test]
fn loop_through_otherwise_of_date_wait_is_refused() {
    assert_snapshot!(journey("
        id = 'a'; wait_until = { date = 'renewal', time = '09:00' }; otherwise = 'b'
        id = 'b'; update = { score = 1 }; then = 'a'
    "), @"
    line 93: journey.j.step[1]
         loops without waiting: a → b → a
    ");
    assert_snapshot!(journey("
        id = 'a'; wait_until = { date = 'renewal', every = 'year', \
         time = '09:00' }; otherwise = 'end'
        id = 'b'; update = { score = 1 }; then = 'a'
    "), @"all good");
}

#[test]
fn wait_for_needs_existing_triggers() {
    assert_snapshot!(journey("
        id = 'a'; wait_for = { any = [{ segment = 'engagd' }, { event = 'x', \
         step = 'b' }] }; timeout = '1d'; on_timeout = 'end'
    "), @"
    line 95: journey.j.step[1].wait_for.any[1].segment
         there is no segment `engagd`
       → did you mean `engaged`?
    line 95: journey.j.step[1].wait_for.any[2].step
         there is no step `b`
    ");
    assert_snapshot!(journey("
        id = 'a'; wait_for = { any = [] }; timeout = '1d'; on_timeout = 'end'
    "), @"
    line 95: journey.j.step[1].wait_for
         waits for nothing
    ");
    assert_snapshot!(journey("
        id = 'a'; wait_for = { any = [{ form = 'download' }, { any = [{ event = 'x' }] \
         }] }; timeout = '1d'; on_timeout = 'end'
    "), @"
    line 95: journey.j.step[1].wait_for.any[1]
         it has no trigger
       → give it one of event, segment, segment_left, any
    line 95: journey.j.step[1].wait_for.any[1].form
         unknown key
       → known here: any, event, segment, segment_left
    line 95: journey.j.step[1].wait_for.any[2]
         an `any` must not contain another `any`
    ");
    assert_snapshot!(errors_of(
        "{ event = \"plan.renewed\" }",
        "{ event = \"a\", step = \"ahead\" }",
    ), @"
    line 146: journey.renew.goal.step
         unknown key
       → known here: any, event, form, machines, rule, segment, segment_left, where
    ");
}

#[test]
fn rule_cannot_start_a_journey() {
    assert_snapshot!(errors_of(
        "{ any = [{ event = \"plan.chosen\" }, {",
        "{ any = [{ rule = { tag = \"x\" } }, {",
    ), @"
    line 145: journey.renew.enter.any[1]
         it has no trigger
       → give it one of form, segment, segment_left, event
    line 145: journey.renew.enter.any[1].rule
         unknown key
       → known here: event, form, segment, segment_left
    ");
    assert_snapshot!(changed(|campaign| {
        let journey = campaign.journeys.get_mut("renew").unwrap();
        journey.enter = Trigger::Rule(Rule::Tag("x".to_owned()));
    }), @"journey.renew.enter: a rule can end a journey, not start one; use a segment");
}

#[test]
fn enroll_and_leave_need_another_existing_journey() {
    assert_snapshot!(errors_of("enroll = \"revive\"", "enroll = \"reviv\""), @"
    line 170: journey.renew.step[5].enroll
         there is no journey `reviv`
       → did you mean `revive`?
    ");
    assert_snapshot!(errors_of("enroll = \"revive\"", "enroll = \"renew\""), @"
    line 170: journey.renew.step[5].enroll
         `renew` is the journey itself
       → to start again, use `then` with an earlier step
    ");
    assert_snapshot!(errors_of("journey = \"nurture\", reason", "journey = \"renew\", reason"), @"
    line 174: journey.renew.step[6].leave.journey
         `renew` is the journey itself
       → to leave this journey, remove `journey`
    ");
    assert_snapshot!(errors_of("leave = { reason = \"no answer\" }", "leave = {}"), @"
    line 179: journey.renew.step[7].leave.reason
         missing
       → write reason = …
    ");
    assert_snapshot!(errors_of(
        "{ reason = \"no answer\" }",
        "{ reason = \"no answer\" }\nthen = \"end\"",
    ), @"
    line 180: journey.renew.step[7].then
         a step that leaves its own journey cannot have `then`
    ");
}

#[test]
fn enrollment_ring_without_wait_is_refused() {
    let ring = |wait: &str| {
        let enroll = |name: &str, to: &str, wait: &str| {
            format!(
                "[journey.{name}]\nenter = {{ form = 'download' }}\n{wait}\n\
                     [[journey.{name}.step]]\nid = 'e'\nenroll = '{to}'\n"
            )
        };
        let begin = SAMPLE.split("[journey.nurture]").next().unwrap();
        errors_in(&format!("{begin}{}{}", enroll("one", "two", wait), enroll("two", "one", "")))
    };
    assert_snapshot!(ring(""), @"
    line 90: journey.one
         enrolls in a loop without waiting: one → two → one
       → put a wait before one of the `enroll` steps
    ");
    assert_snapshot!(ring("[[journey.one.step]]\nid = 'w'\nwait = '1d'"), @"all good");
}

#[test]
fn invalid_schedule_is_refused_with_remedy() {
    let of = |rule: &str| {
        errors_of("FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=1;BYHOUR=9\", start = 2026-03-01", rule)
    };
    assert_snapshot!(of("FREQ=SECONDLY\""), @"
    line 189: journey.monthly.enter.schedule
         FREQ=SECONDLY fires too often
       → one of DAILY, WEEKLY, MONTHLY and YEARLY
    ");
    assert_snapshot!(of("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYHOUR=9\""), @"
    line 189: journey.monthly.enter.schedule
         never fires
       → within ten years of its start it must fire once
    ");
    assert_snapshot!(of("FREQ=MONTHLY;BYSETPOS=1;BYDAY=MO;BYHOUR=9\""), @"
    line 189: journey.monthly.enter.schedule
         BYSETPOS is not known here
       → FREQ, INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYHOUR, BYMINUTE, COUNT and UNTIL
    ");
    assert_snapshot!(of("FREQ=DAILY;BYHOUR=9\", start = \"soon\""), @"
    line 189: journey.monthly.enter.schedule
         `start` is `soon`
       → a day such as 2026-03-01
    ");
    assert_snapshot!(errors_of(
        ", segment = \"engaged\" }\n\n[[journey.monthly",
        " }\n\n[[journey.monthly",
    ), @"
    line 189: journey.monthly.enter.segment
         missing
       → write segment = …
    ");
    assert_snapshot!(errors_of(
        "{ event = \"plan.renewed\" }",
        "{ date = \"renewal\", time = \"09:00\" }",
    ), @"
    line 146: journey.renew.goal
         it has no trigger
       → give it one of form, segment, segment_left, event, rule, any
    line 146: journey.renew.goal.date
         unknown key
       → known here: any, event, form, rule, segment, segment_left, time
    ");
    assert_snapshot!(errors_of("offset = \"-1d\", time = \"10:00\" }", "offset = \"-500d\" }"), @"
    line 182: journey.birthday.enter.time
         missing
       → write time = …
    ");
    assert_snapshot!(changed(|campaign| {
        let journey = campaign.journeys.get_mut("monthly").unwrap();
        let Trigger::Schedule(schedule) = &mut journey.enter else { panic!() };
        schedule.segment = "nobody".to_owned();
        let enter = journey.enter.clone();
        journey.goal = Some(Trigger::Any(vec![enter.clone()]));
        journey.exit = Some(enter);
    }), @"
    journey.monthly.enter.segment: there is no segment `nobody`; known here: engaged, rest
    journey.monthly.exit: a date or schedule can start a journey, not end one
    journey.monthly.exit.segment: there is no segment `nobody`; known here: engaged, rest
    journey.monthly.goal.any[1]: must not be inside an `any`
    ");
}

#[test]
fn once_per_needs_a_custom_event_trigger() {
    let enter = "[journey.revive]\nenter = { segment = \"engaged\" }";
    let with = |other: &str| errors_of(enter, &format!("[journey.revive]\n{other}"));
    assert_snapshot!(with("enter = { segment = \"engaged\" }\nonce_per = \"order_id\""), @r#"
    line 139: journey.revive.once_per
         needs a journey that starts with a custom event
       → enter = { event = "order.completed" }
    line 171: journey.renew.step[5].enroll
         starts once per value of an event, so no step can start it
    "#);
    assert_snapshot!(with("enter = { event = \"message.clicked\" }\nonce_per = \"url\""), @r#"
    line 139: journey.revive.once_per
         needs a journey that starts with a custom event
       → enter = { event = "order.completed" }
    line 171: journey.renew.step[5].enroll
         starts once per value of an event, so no step can start it
    "#);
    assert_snapshot!(with(
        "enter = { event = \"bought\" }\nonce_per = \"id\"\nre_entry = \"always\"",
    ), @"
    line 139: journey.revive.once_per
         a journey has either `once_per` or `re_entry`
    ");
    assert_snapshot!(with("enter = { event = \"bought\" }\nonce_per = \"order_id\""), @"
    line 171: journey.renew.step[5].enroll
         starts once per value of an event, so no step can start it
    ");
}

#[test]
fn limit_is_people_per_hour() {
    let limit = |text: &str| errors_of("limit = { people = 500, per = \"hour\" }", text);
    assert_snapshot!(limit("limit = { people = 0, per = \"hour\" }"), @"
    line 198: journey.ordered.limit.people
         must be from 1 to 300000 people
    ");
    assert_snapshot!(limit("limit = { people = 5, per = \"second\" }"), @"
    line 198: journey.ordered.limit.per
         `second` is not a known value
       → known here: hour
    ");
    assert_snapshot!(limit("limit = { per = \"hour\" }"), @"
    line 198: journey.ordered.limit.people
         missing
       → write people = …
    ");
}

#[test]
fn webhook_url_must_be_public_https() {
    let calls = |url: &str| errors_of("https://crm.example.com/hooks/renewals?from=dripline", url);
    assert_snapshot!(calls("http://crm.example.com/hooks"), @"
    line 166: journey.renew.step[4].webhook
         `http://crm.example.com/hooks` does not begin with https://
       → write a public address without port or user, such as https://hooks.example.com/path
    ");
    for private in [
        "https://localhost/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://10.0.0.8/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://crm/x",
        "https://crm.internal/x",
        "https://printer.local/x",
        "https://crm.example.com:8443/x",
        "https://a@crm.example.com/x",
        "https://crm.example.com./x",
        "https://127.0.0.1.nip.io@localhost/x",
        "https://",
    ] {
        let said = calls(private);
        assert!(said.contains("is not the address of a public host"), "{private}: {said}");
    }
    for public in ["https://example.com", "https://crm.example.com/a/b?c=d&e=%20f"] {
        assert_eq!(calls(public), "all good", "{public}");
    }
}

#[test]
fn step_cannot_set_an_unknown_time_zone() {
    assert_snapshot!(journey("id = 'a'; update = { set = { time_zone = 'Asia/Shangai' } }"), @"
    line 95: journey.j.step[1].update.set.time_zone
         `Asia/Shangai` is not a time zone of the IANA list
       → did you mean `Asia/Shanghai`?
    ");
    assert_snapshot!(journey("id = 'a'; wait = '3650d'"), @"
    line 95: journey.j.step[1].wait
         a duration is from 1s to below 3650d, not 3650d
    ");
}
