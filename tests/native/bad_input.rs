//! Invalid input is refused and never weakens consent; journeys with loops terminate.

use super::invariants::assert_sound;
use super::support::{
    FORM, WELCOME, agrees, campaign, diary, history, number, report, rows, submission, world,
};
use dripline::domain::base::primitives::{QualifiedId, Span};
use dripline::domain::base::token::{Purpose, TokenProblem};
use dripline::domain::form::form_data::FormData;
use dripline::domain::form::{
    FILL_TIME_MIN, FieldProblem, FieldReason, HONEYPOT_FIELD, TOKEN_FIELD,
};
use dripline::flows::campaign::landing_page;
use dripline::flows::ingest::form::{Checked, TOKEN_AGE_MAX, check};
use dripline::native::world::{Sent, World};
use serde_json::json;

const ANN: [(&str, &str); 2] = agrees("ann@x.example");

fn form_world() -> World {
    world(&format!("{FORM}{WELCOME}"))
}

/// A filled-in form with another token.
fn with_token(world: &mut World, token: impl Fn(&str) -> String) -> (QualifiedId, FormData) {
    let (form, answer) = world.fill_in("/p", "", &ANN).unwrap();
    let mut forged = FormData::default();
    for name in answer.names() {
        let value = answer.first(name).unwrap_or_default();
        let value = if name == TOKEN_FIELD { token(value) } else { value.to_owned() };
        forged.push(name, value);
    }
    (form, forged)
}

fn nothing_was_written(world: &World) {
    assert_eq!(number(&world.db, "SELECT count(*) FROM events"), 0);
    assert_eq!(world.captured_messages().len(), 0);
}

#[test]
fn foreign_or_malformed_form_token_is_refused() {
    let mut world = form_world();
    let keys = world.settings.keys.clone();
    let now = world.now();
    let signed = |purpose, payload: &str| keys.sign(purpose, payload);
    let stranger = dripline::domain::base::token::Keyring::new("another secret", None);
    let cases: [(String, TokenProblem); 8] = [
        (String::new(), TokenProblem::Malformed),
        ("x".to_owned(), TokenProblem::Malformed),
        (signed(Purpose::Form, "c.f|soon|id"), TokenProblem::Malformed),
        (signed(Purpose::Form, "c.f|1"), TokenProblem::Malformed),
        (signed(Purpose::Form, &format!("c.other|{}|id", now.0)), TokenProblem::WrongPurpose),
        (signed(Purpose::Click, &format!("c.f|{}|id", now.0)), TokenProblem::WrongPurpose),
        (stranger.sign(Purpose::Form, &format!("c.f|{}|id", now.0)), TokenProblem::Forged),
        ("1f".repeat(5_000), TokenProblem::Malformed),
    ];
    for (token, problem) in cases {
        let (form, answer) = with_token(&mut world, |_| token.clone());
        assert_eq!(world.send(&form, &answer).unwrap(), Sent::BadToken(problem), "{token}");
    }
    nothing_was_written(&world);
}

#[test]
fn truncated_or_altered_form_token_is_refused() {
    let mut world = form_world();
    let (_, answer) = world.fill_in("/p", "", &ANN).unwrap();
    let token = answer.first(TOKEN_FIELD).unwrap().to_owned();
    for length in 0..token.len() {
        let (form, answer) = with_token(&mut world, |_| token[..length].to_owned());
        assert!(matches!(world.send(&form, &answer).unwrap(), Sent::BadToken(_)), "{length}");
    }
    for index in 0..token.len() {
        let mut altered = token.clone().into_bytes();
        altered[index] = if altered[index] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        let (form, answer) = with_token(&mut world, |_| altered.clone());
        assert!(matches!(world.send(&form, &answer).unwrap(), Sent::BadToken(_)), "{altered}");
    }
    nothing_was_written(&world);
}

#[test]
fn honeypot_submission_is_thanked_and_discarded() {
    let mut world = form_world();
    let fields = [ANN[0], ANN[1], (HONEYPOT_FIELD, "https://spam.example")];
    assert_eq!(world.submit("/p", &fields).unwrap(), Sent::Thanks);
    nothing_was_written(&world);
}

#[test]
fn form_sent_too_fast_or_too_late_must_be_resent() {
    let mut world = form_world();
    let (form_id, answer) = world.fill_in("/p", "", &ANN).unwrap();
    let (version, form) = world.catalog.form(&form_id).unwrap();
    let at = |span: Span| {
        let now = world.now().plus(span);
        check(version, &form_id, form, &answer, "o", &world.settings, now)
    };
    let problem = FieldProblem { field: String::new(), reason: FieldReason::SendAgain };
    let again = Checked::Problems(vec![problem]);
    assert_eq!(at(Span(FILL_TIME_MIN.0 - 1)), again);
    assert_eq!(at(Span(TOKEN_AGE_MAX.0 + 1)), again);
    assert!(matches!(at(FILL_TIME_MIN), Checked::Good(_)));
    assert!(matches!(at(TOKEN_AGE_MAX), Checked::Good(_)));
}

#[test]
fn every_rendered_form_has_its_own_token() {
    let mut world = form_world();
    let form = QualifiedId::from("c.f");
    let mut ids = dripline::domain::base::primitives::Ids::new(world.now(), 7);
    let mut token = || landing_page::form_token(&world.settings, &form, world.now(), &mut ids);
    assert_ne!(token(), token());
    let two = [submission(&mut world, &ANN), submission(&mut world, &ANN)];
    assert_ne!(two[0].key, two[1].key);
}

#[test]
fn phone_of_another_contact_is_not_taken_over() {
    let mut world = form_world();
    let phone = ("phone", "07400 123456");
    world.submit("/p", &[ANN[0], phone, ANN[1]]).unwrap();
    world.submit("/p", &[("email", "bo@x.example"), phone, ANN[1]]).unwrap();
    world.submit("/p", &[("email", "bo@x.example"), phone, ANN[1]]).unwrap();
    let found = rows(
        &world.db,
        "SELECT email, phone, attributes ->> 'phone_given' AS given FROM contacts ORDER BY email",
    );
    let number = "+447400123456";
    assert_eq!(found[0], json!({ "email": "ann@x.example", "phone": number, "given": null }));
    assert_eq!(found[1], json!({ "email": "bo@x.example", "phone": null, "given": number }));
    assert_sound(&world.db, None);
}

#[test]
fn form_alone_does_not_replace_a_phone() {
    let mut world = form_world();
    let phone = |world: &World| rows(&world.db, "SELECT phone FROM contacts")[0]["phone"].clone();
    world.submit("/p", &[ANN[0], ("phone", "07400 123456"), ANN[1]]).unwrap();
    world.submit("/p", &[ANN[0], ("phone", "07400 999999")]).unwrap();
    world.submit("/p", &[ANN[0], ("phone", "07400 999999"), ANN[1]]).unwrap();
    assert_eq!(phone(&world), "+447400123456");
}

/// The consent states of the only contact, by channel.
fn consents(world: &World) -> Vec<String> {
    let sql = "SELECT (k.value ->> 'channel') || ' ' || (k.value ->> 'state') AS line
                 FROM contacts c, json_each(c.consents) k ORDER BY 1";
    rows(&world.db, sql).iter().map(|row| row["line"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn second_form_does_not_weaken_consent() {
    let mut world = form_world();
    world.submit("/p", &ANN).unwrap();
    world.submit("/p", &ANN[..1]).unwrap();
    assert_eq!(consents(&world), ["email granted", "sms granted"]);
}

#[test]
fn confirmed_consent_stays_confirmed_on_resubmission() {
    let mut world = double_opt_in_world();
    world.submit("/p", &ANN).unwrap();
    let question = world.inbox("ann@x.example").remove(0);
    world.confirm(&question).unwrap();
    world.after(Span::days(1)).unwrap();
    world.submit("/p", &ANN).unwrap();
    assert_eq!(consents(&world), ["email confirmed", "sms granted"]);
    assert_eq!(diary(&world.inbox("ann@x.example")).lines().count(), 2, "question and welcome");
}

#[test]
fn withdrawn_consent_can_be_given_again() {
    let mut world = form_world();
    world.submit("/p", &ANN).unwrap();
    let welcome = world.inbox("ann@x.example").remove(0);
    world.unsubscribe(&welcome).unwrap();
    assert_eq!(consents(&world), ["email withdrawn", "sms granted"]);
    world.submit("/p", &ANN[..1]).unwrap();
    assert_eq!(consents(&world), ["email withdrawn", "sms granted"], "only by saying so");
    world.submit("/p", &ANN).unwrap();
    let question = world.inbox("ann@x.example").pop().unwrap();
    assert_eq!(question.subject, "Please confirm your e-mail address – dripline");
    world.confirm(&question).unwrap();
    assert_eq!(consents(&world), ["email confirmed", "sms granted"]);
    let ledger = "SELECT group_concat(state, ' ' ORDER BY seq) AS line FROM consents
                   WHERE channel = 'email'";
    assert_eq!(rows(&world.db, ledger)[0]["line"], "granted withdrawn granted confirmed");
    assert_sound(&world.db, None);
}

fn double_opt_in_world() -> World {
    let form = FORM.replace("text = \"Write to me.\"", "text = \"Write!\", double_opt_in = true");
    world(&format!("{form}{WELCOME}"))
}

#[test]
fn old_confirmation_link_does_not_restore_withdrawn_consent() {
    let mut world = double_opt_in_world();
    world.submit("/p", &ANN).unwrap();
    let question = world.inbox("ann@x.example").remove(0);
    world.confirm(&question).unwrap();
    let welcome = world.inbox("ann@x.example").remove(1);
    world.unsubscribe(&welcome).unwrap();
    world.confirm(&question).unwrap();
    assert_eq!(consents(&world), ["email withdrawn", "sms granted"]);
    world.after(Span::hours(2)).unwrap();
    world.submit("/p", &ANN).unwrap();
    assert_eq!(consents(&world), ["email granted", "sms granted"]);
    assert_eq!(world.inbox("ann@x.example").len(), 3, "asked again");
}

#[test]
fn list_bombing_sends_one_confirmation_mail_per_hour() {
    let mut world = double_opt_in_world();
    for _ in 0..50 {
        world.submit("/p", &ANN).unwrap();
    }
    assert_eq!(world.captured_messages().len(), 1);
    world.after(Span::hours(1)).unwrap();
    world.submit("/p", &ANN).unwrap();
    assert_eq!(world.captured_messages().len(), 2);
}

#[test]
fn phone_only_lead_needs_no_confirmation() {
    let mut world = double_opt_in_world();
    world.submit("/p", &[("phone", "07400 123456"), ANN[1]]).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM enrollments"), 1);
    assert_eq!(number(&world.db, "SELECT count(*) FROM messages WHERE step = ''"), 0);
}

#[test]
fn future_event_is_dated_at_arrival() {
    let recent = "[segment.recent]\nrule = { event = \"seen\", within = \"1d\" }";
    let mut world = world(&format!("{FORM}{recent}"));
    let future = world.now().plus(Span::days(365));
    world.take_in(vec![report(future, "ann@x.example", "seen", json!({}), "k")]).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 1);
    world.after(Span::days(1)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 0);
}

#[test]
fn late_event_counts_from_its_own_time() {
    let recent = "[segment.recent]\nrule = { event = \"seen\", within = \"2d\" }";
    let mut world = world(&format!("{FORM}{recent}"));
    let yesterday = world.now().minus(Span::days(1));
    world.take_in(vec![report(yesterday, "ann@x.example", "seen", json!({}), "k")]).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 1);
    world.after(Span::days(1)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM segment_members"), 0);
}

/// The number of enrollments under this re-entry rule if the trigger happens daily for ten days.
fn enrollments(re_entry: &str) -> i64 {
    let journey = format!(
        r#"
        [journey.again]
        enter = {{ event = "seen" }}
        purpose = "news"
        {re_entry}
        [[journey.again.step]]
        id = "rest"
        wait = "36h"
        "#
    );
    let mut world = world(&format!("{FORM}{journey}"));
    for day in 0..10 {
        // Two at once: the second does not enroll.
        let seen =
            |n| report(world.now(), "ann@x.example", "seen", json!({}), &format!("{day}{n}"));
        world.take_in(vec![seen(1), seen(2)]).unwrap();
        world.after(Span::days(1)).unwrap();
    }
    assert_sound(&world.db, None);
    number(&world.db, "SELECT count(*) FROM enrollments")
}

#[test]
fn re_entry_rule_limits_enrollments() {
    assert_eq!(enrollments("re_entry = \"never\""), 1);
    assert_eq!(enrollments(""), 1);
    assert_eq!(
        enrollments("re_entry = \"always\""),
        5,
        "every other day, for it takes a day and a half"
    );
    assert_eq!(enrollments("re_entry = \"after 3d\""), 4);
}

#[test]
fn never_re_enter_holds_after_many_other_enrollments() {
    let journeys = r#"
        [journey.once]
        enter = { event = "seen" }
        purpose = "news"
        [[journey.once.step]]
        id = "mark"
        update = { score = 1 }
        [journey.often]
        enter = { event = "seen" }
        re_entry = "always"
        purpose = "news"
        [[journey.often.step]]
        id = "mark"
        update = { score = 100 }
    "#;
    let mut world = world(&format!("{FORM}{journeys}"));
    for n in 0..120 {
        let seen = report(world.now(), "ann@x.example", "seen", json!({}), &format!("k{n}"));
        world.take_in(vec![seen]).unwrap();
        world.after(Span::minutes(1)).unwrap();
    }
    assert_eq!(number(&world.db, "SELECT score FROM contacts"), 12_001);
}

const LOOP: &str = r#"
    [journey.loop]
    enter = { form = "f" }
    exit = { event = "order.completed" }
    [[journey.loop.step]]
    id = "tip"
    send = "emails/tip"
    [[journey.loop.step]]
    id = "clicked"
    wait_for = { event = "message.clicked", step = "tip" }
    timeout = "7d"
    on_timeout = "tip"
    [[journey.loop.step]]
    id = "score"
    update = { score = 5 }
    [[journey.loop.step]]
    id = "rest"
    wait = "1d"
    then = "tip"
"#;

#[test]
fn loop_repeats_until_exit_event() {
    let mut world = world(&format!("{FORM}{LOOP}"));
    world.submit("/p", &ANN).unwrap();
    world.after(Span::days(21)).unwrap();
    let inbox = world.inbox("ann@x.example");
    assert_eq!(inbox.len(), 3, "one a week:\n{}", diary(&inbox));
    // The step waits for a click on the newest tip; a click on an older one does not count.
    world.click(&inbox[0], "/more").unwrap();
    assert_eq!(number(&world.db, "SELECT score FROM contacts"), 0);
    world.click(&inbox[2], "/more").unwrap();
    assert_eq!(number(&world.db, "SELECT score FROM contacts"), 5);
    world.after(Span::days(2)).unwrap();
    assert_eq!(world.inbox("ann@x.example").len(), 4);
    assert_eq!(number(&world.db, "SELECT score FROM contacts"), 5);
    let order = report(world.now(), "ann@x.example", "order.completed", json!({}), "o");
    world.take_in(vec![order]).unwrap();
    world.after(Span::days(60)).unwrap();
    assert_eq!(world.inbox("ann@x.example").len(), 4);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn mutual_waits_on_one_message_terminate() {
    let journey = r#"
        [journey.j]
        enter = { form = "f" }
        [[journey.j.step]]
        id = "tip"
        send = "emails/tip"
        [[journey.j.step]]
        id = "one"
        wait_for = { event = "message.clicked", step = "tip" }
        timeout = "7d"
        on_timeout = "end"
        [[journey.j.step]]
        id = "two"
        wait_for = { event = "message.clicked", step = "tip" }
        timeout = "7d"
        on_timeout = "end"
        then = "one"
    "#;
    // Whether or not `check` accepts such a loop, the engine must terminate.
    let compiled = campaign(&format!("{FORM}{journey}"));
    let mut world = world(FORM);
    if world.publish(compiled).is_err() {
        return;
    }
    world.submit("/p", &ANN).unwrap();
    let tip = world.inbox("ann@x.example").remove(0);
    world.click(&tip, "/more").unwrap();
    world.after(Span::days(8)).unwrap();
    assert_eq!(history(&world.db, "ann@x.example").last().unwrap(), "journey.completed");
}

#[test]
fn enrollment_ends_on_its_own_version() {
    let version = |template: &str| {
        let journey = format!(
            r#"
            [journey.j]
            enter = {{ form = "f" }}
            [[journey.j.step]]
            id = "rest"
            wait = "2d"
            [[journey.j.step]]
            id = "tip"
            send = "emails/{template}"
            "#
        );
        campaign(&format!("{FORM}{journey}"))
    };
    let mut world = world(FORM);
    world.publish(version("one")).unwrap();
    world.submit("/p", &ANN).unwrap();
    world.after(Span::days(1)).unwrap();
    world.publish(version("two")).unwrap();
    world.submit("/p", &[("email", "bo@x.example"), ANN[1]]).unwrap();
    // A third version without the journey: enrollments in older versions still run to their end.
    world.publish(campaign(FORM)).unwrap();
    world.after(Span::days(5)).unwrap();
    let subjects = |address: &str| -> Vec<String> {
        world.inbox(address).into_iter().map(|message| message.subject).collect()
    };
    assert_eq!(subjects("ann@x.example"), ["emails/one"]);
    assert_eq!(subjects("bo@x.example"), ["emails/two"]);
    assert_sound(&world.db, Some(world.now()));
}
