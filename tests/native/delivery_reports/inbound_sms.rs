//! Inbound SMS: STOP, START and HELP, and reports about an SMS.

use super::*;

#[test]
fn replayed_stop_does_not_withdraw_newer_consent() {
    let mut world = world_of_texts();
    let reached = "SELECT count(*) FROM suppressions WHERE until IS NULL OR until > 9e12";
    world.take_in(vec![text(ANNS, "STOP", "1", world.now())]).unwrap();
    world.after(Span::minutes(2)).unwrap();
    world.take_in(vec![text(ANNS, "START", "2", world.now())]).unwrap();
    assert_eq!(number(&world.db, reached), 0);
    world.after(Span::minutes(2)).unwrap();
    world.take_in(vec![text(ANNS, "STOP", "1", world.now())]).unwrap();
    assert_eq!(number(&world.db, reached), 0);
}

fn text(from: &str, said: &str, id: &str, at: Millis) -> Intake {
    Intake::InboundSmsV1(InboundSms {
        from: from.to_owned(),
        text: said.to_owned(),
        source: "vonage".to_owned(),
        id: id.to_owned(),
        at,
        answers: true,
    })
}

const ANNS: &str = "+447400123456";

/// A world in which Ann consented to SMS.
fn world_of_texts() -> World {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    let fields = [("email", "ann@x.example"), ("phone", "07400 123456"), ("consent", "on")];
    world.submit("/p", &fields).unwrap();
    world
}

#[test]
fn stop_ends_all_sms_and_is_answered_once() {
    let mut world = world_of_texts();
    for (said, id) in [("Please stop", "1"), ("Please stop", "1"), ("STOP", "2")] {
        world.take_in(vec![text(ANNS, said, id, world.now())]).unwrap();
    }
    world.after(Span::minutes(2)).unwrap();
    let texts = world.inbox(ANNS);
    assert_eq!(texts.len(), 1);
    insta::assert_snapshot!(texts[0].text, @"dripline: you have unsubscribed. You will get no more texts from us.");
    let last = "SELECT channel || ' ' || state AS line FROM consents ORDER BY seq DESC LIMIT 1";
    assert_eq!(rows(&world.db, last)[0]["line"], "sms withdrawn");
    let kept = "SELECT reason || coalesce(until, ' for good') AS line FROM suppressions
                 WHERE channel = 'sms'";
    assert_eq!(rows(&world.db, kept)[0]["line"], "unsubscribed for good");
    let received = "SELECT count(*) FROM events WHERE name = 'message.received'";
    assert_eq!(number(&world.db, received), 2);
    assert_sound(&world.db, None);
}

#[test]
fn stop_from_unknown_number_suppresses_without_contact() {
    let mut world = world_of_texts();
    world.take_in(vec![text("+447400000001", "退订", "1", world.now())]).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 1);
    let kept = "SELECT address || ' ' || reason AS line FROM suppressions";
    assert_eq!(rows(&world.db, kept)[0]["line"], "+447400000001 unsubscribed");
    assert_eq!(world.inbox("+447400000001").len(), 0);
}

#[test]
fn start_reverses_stop_but_no_other_suppression() {
    let standing = "SELECT group_concat(state || ' ' || source || ' ' || text, ', ' ORDER BY seq)
                        AS line FROM consents WHERE channel = 'sms'";
    let reached = "SELECT count(*) FROM suppressions WHERE until IS NULL OR until > 9e12";
    let mut world = world_of_texts();
    world.take_in(vec![text(ANNS, "STOP", "1", world.now())]).unwrap();
    world.after(Span::minutes(2)).unwrap();
    for id in ["2", "3"] {
        world.take_in(vec![text(ANNS, "START", id, world.now())]).unwrap();
    }
    let expected =
        "granted c.f Write to me., withdrawn text message , confirmed text message START";
    assert_eq!(rows(&world.db, standing)[0]["line"], expected);
    assert_eq!(number(&world.db, reached), 0);
    world.take_in(vec![text(ANNS, "STOP", "4", world.now())]).unwrap();
    assert_eq!(number(&world.db, reached), 1, "and may be refused again");
    rows(&world.db, "UPDATE suppressions SET reason = 'complained'");
    world.take_in(vec![text(ANNS, "START", "5", world.now())]).unwrap();
    assert_eq!(number(&world.db, reached), 1, "a complaint stays");
    assert_sound(&world.db, None);
}

#[test]
fn help_is_answered_once_per_hour_even_after_stop() {
    let mut world = world_of_texts();
    world.take_in(vec![text(ANNS, "STOP", "1", world.now())]).unwrap();
    let stranger = "+447400000001";
    for (from, id) in [(ANNS, "2"), (ANNS, "3"), (stranger, "4")] {
        world.take_in(vec![text(from, "help", id, world.now())]).unwrap();
    }
    world.after(Span::minutes(2)).unwrap();
    assert_eq!(world.inbox(ANNS).len(), 2, "the end, and the help");
    insta::assert_snapshot!(world.inbox(stranger).remove(0).text, @"dripline: news by text. More at https://go.example. Msg & data rates may apply. STOP to end.");
    assert_sound(&world.db, None);
}

#[test]
fn sms_without_keyword_is_recorded_only() {
    let mut world = world_of_texts();
    world.take_in(vec![text(ANNS, "when does it end?", "1", world.now())]).unwrap();
    let sql = "SELECT properties ->> 'text' || coalesce(properties ->> 'keyword', '') AS line
                  FROM events WHERE name = 'message.received'";
    assert_eq!(rows(&world.db, sql)[0]["line"], "when does it end?");
    assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 0);
    assert_eq!(world.inbox(ANNS).len(), 0);
}

#[test]
fn sms_report_matches_by_provider_id_and_phone() {
    let world = office();
    message_in(&world, "sending");
    rows(
        &world.db,
        "UPDATE messages SET channel = 'sms', template = 'sms/x', provider_id = 'te-1'",
    );
    let state_after = |phone: &str, provider_id: &str| {
        let report = DeliveryReport {
            address: Some(phone.to_owned()),
            provider_id: Some(provider_id.to_owned()),
            ..reported(DeliveryStatus::Delivered, later(2))
        };
        take_in(&world.db, &world, None, report, later(2));
        standing(&world.db)
    };
    // A call that carried several SMS has one id for all of them.
    assert_eq!(state_after("+447400000001", "te-1"), "sending|");
    assert_eq!(state_after(ANNS, "te-2"), "sending|");
    assert_eq!(state_after(ANNS, "te-1"), "delivered|");
}
