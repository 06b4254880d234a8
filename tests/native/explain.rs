//! Explanations: why a contact is where it is.

use super::support::{FORM, join, order, report, rows, world};
use dripline::domain::base::language::Language::{self, Chinese, English};
use dripline::domain::base::primitives::Span;
use dripline::domain::campaign::journey::RunState;
use dripline::domain::report::explain::{Explanation, JourneyExplained};
use dripline::flows::contact::explain::{Question, explain};
use dripline::flows::error::FlowError;
use dripline::native::world::{World, block_on};
use serde_json::json;

const CAMPAIGN: &str = r#"
    [segment.clickers]
    rule = { event = "message.clicked", within = "2d" }
    [journey.j]
    enter = { form = "f" }
    exit = { event = "order.completed" }
    re_entry = "after 30d"
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
    [[journey.j.step]]
    id = "clicked"
    wait_for = { event = "message.clicked", step = "welcome" }
    timeout = "2d"
    on_timeout = "end"
    [[journey.j.step]]
    id = "text"
    send = "sms/text"
    [journey.fans]
    enter = { segment = "clickers" }
    [[journey.fans.step]]
    id = "w"
    wait = "1d"
"#;

fn inhabited() -> World {
    let mut world = world(&format!("{FORM}{CAMPAIGN}"));
    join(&mut world, "ann@example.com");
    world
}

fn asked(world: &World, question: &Question, language: Language) -> Result<Explanation, FlowError> {
    block_on(explain(&world.db, &world.catalog, question, world.now(), language))
}

fn about(world: &World, contact: &str) -> Explanation {
    let question = Question { contact: contact.to_owned(), ..Question::default() };
    asked(world, &question, English).unwrap()
}

fn journey(explanation: &Explanation, name: &str) -> JourneyExplained {
    let mut journeys = explanation.journeys.iter();
    journeys.find(|j| j.journey.as_str() == name).unwrap().clone()
}

#[test]
fn suppression_is_explained_while_it_lasts() {
    let mut world = inhabited();
    let until = world.now().plus(Span::days(1)).0;
    let sql = format!(
        "INSERT INTO suppressions (channel, address, reason, source, until, at)
         VALUES ('email', 'ann@example.com', 'imported', 'mailchimp', {until}, 0)"
    );
    rows(&world.db, &sql);
    let all = about(&world, "ann@example.com");
    assert_eq!(all.suppressed[0].suppression.source, "mailchimp");
    assert_eq!(all.suppressed[0].words, "it was on the suppression list of another system");
    world.after(Span::hours(25)).unwrap();
    assert_eq!(about(&world, "ann@example.com").suppressed, []);
}

#[test]
fn enrollment_explains_its_entry_and_wait() {
    let world = inhabited();
    let all = about(&world, "ANN@example.com ");
    let j = journey(&all, "c.j");
    assert_eq!((&j.entry[..], &j.words[..]), ("inside", "is inside"));
    let enrollment = &j.enrollments[0];
    assert_eq!(enrollment.entered_by.as_deref(), Some("form.submitted"));
    assert_eq!(enrollment.step, "clicked");
    assert_eq!(enrollment.due_at, Some(enrollment.since.plus(Span::days(2))));
    let waits = "message.clicked about the message of step welcome, or until time is up";
    assert_eq!(enrollment.waits_for.as_deref(), Some(waits));
    let fans = journey(&all, "c.fans");
    assert_eq!((&fans.entry[..], fans.enrollments.len()), ("not_triggered", 0));
    assert_eq!(all.messages[0].words, "delivered");
    assert_eq!((all.segments[0].since, all.segments[0].why.holds), (None, false));
}

#[test]
fn segment_explains_since_when_and_next_change() {
    let mut world = inhabited();
    let mail = world.inbox("ann@example.com").remove(0);
    world.click(&mail, "").unwrap();
    let all = about(&world, "ann@example.com");
    let clickers = &all.segments[0];
    assert_eq!((clickers.since, clickers.why.holds), (Some(world.now()), true));
    assert!(clickers.why.changes_at > Some(world.now()));
    assert_eq!(
        journey(&all, "c.fans").enrollments[0].entered_by.as_deref(),
        Some("segment.entered")
    );
    let text = all.messages.iter().find(|m| m.template == "sms/text").unwrap();
    assert_eq!(text.words, "deliberately not sent: the contact has no address on this channel");
}

#[test]
fn exited_enrollment_explains_reason_and_re_entry() {
    let mut world = inhabited();
    let bought = order(&world, "ann@example.com", 100, "GBP", "o1");
    world.take_in(vec![bought]).unwrap();
    let j = journey(&about(&world, "ann@example.com"), "c.j");
    assert_eq!(j.entry, "too_soon");
    let enrollment = &j.enrollments[0];
    assert_eq!(j.enters_again_at, Some(enrollment.entered_at.plus(Span::days(30))));
    assert_eq!((&enrollment.words[..], &enrollment.waits_for), ("order.completed", &None));
    world.after(Span::days(40)).unwrap();
    assert_eq!(journey(&about(&world, "ann@example.com"), "c.j").entry, "next_time");
}

#[test]
fn submission_during_pause_is_explained_as_missed() {
    let mut world = inhabited();
    world.set_journey_state("c.j", RunState::Paused).unwrap();
    join(&mut world, "bo@example.com");
    assert_eq!(journey(&about(&world, "bo@example.com"), "c.j").entry, "paused");
    world.set_journey_state("c.j", RunState::Running).unwrap();
    assert_eq!(journey(&about(&world, "bo@example.com"), "c.j").entry, "missed");
}

#[test]
fn missing_confirmation_is_explained() {
    let form = FORM.replace("text = \"Write to me.\"", "text = \"Yes.\", double_opt_in = true");
    let mut world = world(&format!("{form}{CAMPAIGN}"));
    join(&mut world, "ann@example.com");
    assert_eq!(journey(&about(&world, "ann@example.com"), "c.j").entry, "pending");
}

#[test]
fn contact_is_found_by_id_phone_or_email() {
    let mut world = inhabited();
    world.submit("/p", &[("email", "bo@example.com"), ("phone", "07400 123456")]).unwrap();
    let task = report(world.now(), "cy@example.com", "x", json!({}), "k");
    world.take_in(vec![task]).unwrap();
    let sql = "SELECT id FROM contacts ORDER BY email";
    let ids: Vec<String> =
        rows(&world.db, sql).iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(about(&world, &ids[0]).record.as_str(), ids[0]);
    assert_eq!(about(&world, "+447400123456").record.as_str(), ids[1]);
    assert_eq!(about(&world, "cy@example.com").record.as_str(), ids[2]);
    let nobody = Question { contact: "nobody@example.com".into(), ..Question::default() };
    let Err(FlowError::NotFound(refusal)) = asked(&world, &nobody, English) else { panic!() };
    assert!(!refusal.to_string().contains("nobody@"), "an address stays out of errors");
}

#[test]
fn question_can_be_narrowed_and_answered_in_chinese() {
    let world = inhabited();
    let question = |journey: &str| Question {
        contact: "ann@example.com".into(),
        journey: Some(journey.into()),
        ..Question::default()
    };
    let one = asked(&world, &question("c.j"), Chinese).unwrap();
    assert_eq!((one.journeys.len(), one.messages.len(), one.segments.len()), (1, 0, 0));
    assert_eq!(one.journeys[0].words, "在旅程中");
    let Err(FlowError::NotFound(refusal)) = asked(&world, &question("c.jj"), English) else {
        panic!()
    };
    assert_eq!(refusal.problems[0].help.as_deref(), Some("did you mean `c.j`?"));
}

#[test]
fn message_of_paused_journey_is_explained_as_waiting() {
    let mut world = inhabited();
    world.set_journey_state("c.j", RunState::Paused).unwrap();
    rows(&world.db, "UPDATE messages SET state = 'queued'");
    let all = about(&world, "ann@example.com");
    assert_eq!(all.messages[0].words, "waits until its journey is resumed");
    world.set_journey_state("c.j", RunState::Running).unwrap();
    rows(&world.db, "UPDATE messages SET attempts = 2, reason = 'status 503'");
    let words = &about(&world, "ann@example.com").messages[0].words;
    assert_eq!(words, "could not be sent yet; it will be retried: status 503");
}
