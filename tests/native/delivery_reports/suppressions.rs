//! Which address a bounce or a complaint suppresses, and for how long.

use super::*;

#[test]
fn hard_bounce_suppresses_address_permanently() {
    let world = office();
    let message = message_in(&world, "sending");
    answer(&world.db, &world, &message, later(1));
    deliver_report(&world.db, &world, &message, bounce(BounceKind::Hard), later(2));
    assert_eq!(standing(&world.db), "bounced|5.1.1 no such user");
    let kept =
        "SELECT channel || ' ' || address || ' ' || reason || ' ' || source || ' ' || at || ' '
                       || coalesce(until, 'for good') AS line FROM suppressions";
    let line = "email ann@x.example bounced resend 1772442120000 for good";
    assert_eq!(rows(&world.db, kept)[0]["line"], line);
    let events = history(&world.db, "ann@x.example");
    assert_eq!(events[events.len() - 2..], ["message.bounced", "contact.suppressed"]);
    assert_sound(&world.db, None);
}

#[test]
fn blocked_message_does_not_suppress_address() {
    let world = office();
    let message = message_in(&world, "sending");
    deliver_report(&world.db, &world, &message, bounce(BounceKind::Block), later(2));
    assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 0);
    assert_eq!(standing(&world.db), "bounced|5.1.1 no such user");
    let counted = rows(&world.db, "SELECT metric FROM counters WHERE metric LIKE '%bounced'");
    assert_eq!(counted.len(), 1, "not a hard one: {counted:?}");
    let blocked = "SELECT value FROM counters WHERE metric = 'blocked'";
    assert_eq!(number(&world.db, blocked), 1, "the campaign's brake counts it");
    assert_sound(&world.db, None);
}

#[test]
fn complaint_suppresses_address_and_withdraws_consent() {
    let world = office();
    let message = message_in(&world, "sending");
    deliver_report(&world.db, &world, &message, DeliveryStatus::Complained, later(2));
    let kept = "SELECT reason = 'complained' AND until IS NULL FROM suppressions";
    assert_eq!(number(&world.db, kept), 1);
    let last = "SELECT channel || ' ' || state || ' ' || source AS line FROM consents
                 ORDER BY seq DESC LIMIT 1";
    assert_eq!(rows(&world.db, last)[0]["line"], "email withdrawn resend");
    assert_sound(&world.db, None);
}

/// Reports an event about a message and an address, as a provider would.
fn report_about(
    world: &World,
    message: &MessageId,
    address: &str,
    status: DeliveryStatus,
    minute: i64,
) {
    let address = Some(address.to_owned());
    let report = DeliveryReport { address, ..reported(status, later(minute)) };
    take_in(&world.db, world, Some(message), report, later(minute));
}

#[test]
fn report_about_another_address_changes_nothing() {
    let all = [
        bounce(BounceKind::Hard),
        DeliveryStatus::Complained,
        DeliveryStatus::Unsubscribed,
        DeliveryStatus::Delivered,
    ];
    for sent_to in ["'ann@x.example'", "NULL"] {
        for news in all.clone() {
            let world = office();
            let message = message_in(&world, "sent");
            rows(&world.db, &format!("UPDATE messages SET address = {sent_to}"));
            let before = number(&world.db, "SELECT max(seq) FROM events");
            for other in ["somebody@else.example", "ann@x.example.evil.example", "+447400123456"] {
                report_about(&world, &message, other, news.clone(), 2);
            }
            assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 0, "{news:?}");
            assert_eq!(number(&world.db, "SELECT max(seq) FROM events"), before, "{news:?}");
            assert_eq!(standing(&world.db), "sent|");
            // A report about the message's own address is accepted, however the address is written.
            report_about(&world, &message, "ann@x.example", news.clone(), 3);
            assert!(number(&world.db, "SELECT max(seq) FROM events") > before, "{news:?}");
        }
    }
}

#[test]
fn bounce_suppresses_the_address_the_message_went_to() {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    join(&mut world, "ann@x.example");
    let sent = "SELECT id, address FROM messages";
    let row = rows(&world.db, sent)[0].clone();
    assert_eq!(row["address"], "ann@x.example", "it is written down when it is sent");
    rows(&world.db, "UPDATE contacts SET email = 'new@x.example'");
    let message = MessageId::from(row["id"].as_str().unwrap());
    let hard = || bounce(BounceKind::Hard);
    report_about(&world, &message, "new@x.example", hard(), 2_000);
    assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 0);
    report_about(&world, &message, "ann@x.example", hard(), 2_001);
    assert_eq!(rows(&world.db, "SELECT address FROM suppressions")[0]["address"], "ann@x.example");
}

#[test]
fn unclear_bounce_suppresses_only_twice_in_a_row() {
    let world = office();
    let first = message_in(&world, "sending");
    let refused = || DeliveryStatus::Bounced(classify("554 5.0.0 no"));
    let suppressed = "SELECT count(*) FROM suppressions WHERE until IS NULL";
    deliver_report(&world.db, &world, &copy(&world, &first, 1), refused(), later(1));
    assert_eq!(number(&world.db, suppressed), 0);
    deliver_report(
        &world.db,
        &world,
        &copy(&world, &first, 2),
        DeliveryStatus::Delivered,
        later(2),
    );
    deliver_report(&world.db, &world, &copy(&world, &first, 3), refused(), later(3));
    assert_eq!(number(&world.db, suppressed), 0, "one has arrived in between");
    let sender = DeliveryStatus::Bounced(classify("550 5.7.1 spam"));
    for n in 4..9 {
        deliver_report(&world.db, &world, &copy(&world, &first, n), sender.clone(), later(n));
    }
    assert_eq!(number(&world.db, suppressed), 0, "the sender's fault counts for nothing");
    let last = copy(&world, &first, 9);
    deliver_report(&world.db, &world, &last, refused(), later(9));
    deliver_report(&world.db, &world, &last, refused(), later(10));
    assert_eq!(number(&world.db, suppressed), 1);
    assert_sound(&world.db, None);
}

/// Another message like this one.
fn copy(world: &World, first: &MessageId, n: i64) -> MessageId {
    let id = MessageId(format!("{first}.{n}"));
    let columns = "contact_id, campaign_id, version, enrollment_id, journey, channel, class,
                   purpose, template, note, reason, queued_at, send_at, attempts, uncertain";
    rows(
        &world.db,
        &format!(
            "INSERT INTO messages (id, step, state, {columns})
             SELECT '{id}', 's{n}', 'sending', {columns} FROM messages WHERE id = '{first}'"
        ),
    );
    id
}

/// Consecutive soft bounces, each of a different message.
#[test]
fn consecutive_soft_bounces_suppress_for_longer() {
    let world = office();
    let first = message_in(&world, "sending");
    let mut days = Vec::new();
    for n in 1..=8 {
        deliver_report(
            &world.db,
            &world,
            &copy(&world, &first, n),
            bounce(BounceKind::Soft),
            later(n),
        );
        let kept = rows(&world.db, "SELECT until FROM suppressions");
        let until = kept.first().and_then(|row| row["until"].as_i64());
        days.push(until.map_or(0, |until| (until - later(n).0) / 86_400_000));
    }
    assert_eq!(days, [0, 0, 0, 0, 7, 30, 180, 180]);
    // A delivery before the last bounce does not reset the count; one after it does.
    deliver_report(
        &world.db,
        &world,
        &copy(&world, &first, 20),
        DeliveryStatus::Delivered,
        later(7),
    );
    let count = "SELECT soft_bounces ->> '$.email.count' FROM contacts";
    assert_eq!(number(&world.db, count), 8);
    deliver_report(
        &world.db,
        &world,
        &copy(&world, &first, 21),
        DeliveryStatus::Delivered,
        later(9),
    );
    assert_eq!(number(&world.db, count), 0);
    deliver_report(
        &world.db,
        &world,
        &copy(&world, &first, 22),
        bounce(BounceKind::Soft),
        later(9),
    );
    assert_eq!(number(&world.db, count), 0, "it came back before the other arrived");
    assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 1, "it stays all the same");
    assert_sound(&world.db, None);
}

#[test]
fn database_keeps_the_stricter_suppression() {
    let one = |reason, until: Option<i64>| Suppression {
        channel: Channel::Email,
        address: "ann@x.example".to_owned(),
        reason,
        until: until.map(Millis),
        source: String::new(),
        at: MONDAY,
    };
    let mut all: Vec<Suppression> =
        vec![one(SuppressionReason::Bounced, Some(5)), one(SuppressionReason::Bounced, Some(7))];
    all.extend(SuppressionReason::ALL.map(|reason| one(reason, None)));
    for first in &all {
        for second in &all {
            let db = Sqlite::in_memory().unwrap();
            for written in [first, second] {
                rows_of(&db, write::suppressions(std::slice::from_ref(written)).unwrap());
            }
            let stays = if second.is_stricter_than(first) { second } else { first };
            let kept = &rows(&db, "SELECT reason, until FROM suppressions")[0];
            assert_eq!(kept["reason"], stays.reason.as_str(), "{first:?} then {second:?}");
            assert_eq!(kept["until"].as_i64(), stays.until.map(|until| until.0));
        }
    }
}

#[test]
fn expired_suppression_does_not_block_messages() {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    let until = world.now().plus(Span::minutes(2)).0;
    let sql = "INSERT INTO suppressions (channel, address, reason, at, until)";
    for (name, until) in [("ann", until), ("bo", until + 86_400_000)] {
        let row = format!("VALUES ('email', '{name}@x.example', 'bounced', 0, {until})");
        rows(&world.db, &format!("{sql} {row}"));
    }
    world.after(Span::minutes(5)).unwrap();
    for email in ["ann@x.example", "bo@x.example"] {
        join(&mut world, email);
    }
    assert_eq!(world.inbox("ann@x.example").len(), 1);
    assert_eq!(world.inbox("bo@x.example").len(), 0);
}

#[test]
fn report_does_not_restore_an_erased_address() {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    join(&mut world, "ann@x.example");
    let id = rows(&world.db, "SELECT id FROM messages")[0]["id"].as_str().unwrap().to_owned();
    rows(&world.db, "UPDATE contacts SET email = NULL, erased_at = 1");
    let status = DeliveryStatus::Bounced(classify("550 5.1.1 <ann@x.example> no such user"));
    let address = Some("ann@x.example".to_owned());
    let report = DeliveryReport { address, ..reported(status, world.now()) };
    take_in(&world.db, &world, Some(&MessageId(id)), report, world.now());
    let sql = "SELECT count(*) FROM events WHERE name = 'message.bounced'";
    assert_eq!(number(&world.db, sql), 0);
    assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 0);
    assert_eq!(standing(&world.db), "delivered|");
}
