//! Delivery reports of providers: in any order, repeated, early and late.

use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, history, number, rows, rows_of, submission, world};
use dripline::domain::base::primitives::{Channel, Ids, MessageId, Millis, Span};
use dripline::domain::contact::suppression::{Suppression, SuppressionReason};
use dripline::domain::engine::{DeliveryReport, DeliveryStatus, Input, Outcome};
use dripline::domain::inbound::bounce::{Bounce, BounceKind, BounceReason, classify};
use dripline::flows::commit::{Command, ContactRef, commit};
use dripline::flows::ingest::webhook::{Certificates, NotReceived, receive};
use dripline::flows::ingest::{consume, form};
use dripline::flows::ports::{Database, DatabaseError, Http};
use dripline::flows::tasks::{DeliveryReportTask, InboundSmsTask, Intake};
use dripline::native::sqlite::Sqlite;
use dripline::native::world::{World, block_on};
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use dripline::providers::webhooks::{Hook, Provider, Refusal, Secrets};
use dripline::store::statement::{Rows, Statement};
use dripline::store::write;
use proptest::prelude::*;
use serde_json::Value;
use std::cell::{OnceCell, RefCell};
use std::collections::VecDeque;

const JOURNEY: &str = r#"
    [journey.j]
    enter = { form = "f" }
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
    [[journey.j.step]]
    id = "rest"
    wait = "300d"
"#;

/// A world in which messages are queued and nothing is sent automatically.
fn office() -> World {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    let fields = [("email", "ann@x.example"), ("phone", "07400 123456"), ("consent", "on")];
    let submitted = submission(&mut world, &fields);
    let (db, ids) = (&world.db, &mut Ids::new(MONDAY, 7));
    block_on(form::submit(db, &world.catalog, &world.settings.keys, submitted, MONDAY, ids))
        .unwrap();
    world
}

/// The only message, set to a state as if a delivery had got that far.
fn message_in(world: &World, state: &str) -> MessageId {
    rows(&world.db, &format!("UPDATE messages SET state = '{state}'"));
    let found = rows(&world.db, "SELECT id FROM messages");
    MessageId::from(found[0]["id"].as_str().unwrap())
}

fn heard(news: DeliveryStatus, at: Millis) -> DeliveryReport {
    let source = "resend".to_owned();
    DeliveryReport {
        news,
        at,
        address: None,
        source,
        provider_id: Some("re-1".to_owned()),
        key: None,
        billed: None,
    }
}

fn bounce(kind: BounceKind) -> DeliveryStatus {
    DeliveryStatus::Bounced(Bounce {
        kind,
        reason: BounceReason::NoSuchAddress,
        status: "5.1.1".to_owned(),
        words: "no such user".to_owned(),
    })
}

fn tell(db: &Sqlite, world: &World, message: &MessageId, news: DeliveryStatus, at: Millis) {
    let report = DeliveryReportTask { message: Some(message.clone()), heard: heard(news, at) };
    take_in(db, world, report, at);
}

fn take_in(db: &Sqlite, world: &World, report: DeliveryReportTask, now: Millis) {
    let ids = &mut Ids::new(now, now.0 as u64);
    let task = vec![Intake::HeardV1(report)];
    block_on(consume::record(db, &world.catalog, &world.settings.keys, task, now, ids)).unwrap();
}

/// The provider's answer to the call that sent the message.
fn answer(db: &Sqlite, world: &World, message: &MessageId, at: Millis) {
    let contact = rows(db, "SELECT id FROM contacts")[0]["id"].as_str().unwrap().into();
    let outcome = Outcome::Accepted { provider_id: "re-1".to_owned(), arrived: false, spent: None };
    let happening = Input::Delivered { message: message.clone(), attempt: 1, outcome };
    let case = Command { who: ContactRef::Id(contact), happenings: vec![happening] };
    block_on(commit(db, &world.catalog, vec![case], at, &mut Ids::new(at, 1))).unwrap();
}

fn later(minutes: i64) -> Millis {
    MONDAY.plus(Span::minutes(minutes))
}

fn standing(db: &Sqlite) -> String {
    let sql = "SELECT state || '|' || reason AS line FROM messages";
    rows(db, sql)[0]["line"].as_str().unwrap().to_owned()
}

#[test]
fn hard_bounce_suppresses_address_permanently() {
    let world = office();
    let message = message_in(&world, "sending");
    answer(&world.db, &world, &message, later(1));
    tell(&world.db, &world, &message, bounce(BounceKind::Hard), later(2));
    assert_eq!(standing(&world.db), "bounced|5.1.1 no such user");
    let kept =
        "SELECT channel || ' ' || address || ' ' || reason || ' ' || source || ' ' || at || ' '
                       || coalesce(until, 'for good') AS line FROM suppressions";
    let line = "email ann@x.example bounced resend 1772442120000 for good";
    assert_eq!(rows(&world.db, kept)[0]["line"], line);
    let told = history(&world.db, "ann@x.example");
    assert_eq!(told[told.len() - 2..], ["message.bounced", "contact.suppressed"]);
    assert_sound(&world.db, None);
}

#[test]
fn blocked_message_does_not_suppress_address() {
    let world = office();
    let message = message_in(&world, "sending");
    tell(&world.db, &world, &message, bounce(BounceKind::Block), later(2));
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
    tell(&world.db, &world, &message, DeliveryStatus::Complained, later(2));
    let kept = "SELECT reason = 'complained' AND until IS NULL FROM suppressions";
    assert_eq!(number(&world.db, kept), 1);
    let last = "SELECT channel || ' ' || state || ' ' || source AS line FROM consents
                 ORDER BY seq DESC LIMIT 1";
    assert_eq!(rows(&world.db, last)[0]["line"], "email withdrawn resend");
    assert_sound(&world.db, None);
}

/// Reports an event about a message and an address, as a provider would.
fn reported(world: &World, message: &MessageId, address: &str, news: DeliveryStatus, minute: i64) {
    let heard = DeliveryReport { address: Some(address.to_owned()), ..heard(news, later(minute)) };
    let report = DeliveryReportTask { message: Some(message.clone()), heard };
    take_in(&world.db, world, report, later(minute));
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
                reported(&world, &message, other, news.clone(), 2);
            }
            assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 0, "{news:?}");
            assert_eq!(number(&world.db, "SELECT max(seq) FROM events"), before, "{news:?}");
            assert_eq!(standing(&world.db), "sent|");
            // A report about the message's own address is accepted, however the address is written.
            reported(&world, &message, "ann@x.example", news.clone(), 3);
            assert!(number(&world.db, "SELECT max(seq) FROM events") > before, "{news:?}");
        }
    }
}

#[test]
fn bounce_suppresses_the_address_the_message_went_to() {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    world.submit("/p", &[("email", "ann@x.example"), ("consent", "on")]).unwrap();
    let sent = "SELECT id, address FROM messages";
    let row = rows(&world.db, sent)[0].clone();
    assert_eq!(row["address"], "ann@x.example", "it is written down when it is sent");
    rows(&world.db, "UPDATE contacts SET email = 'new@x.example'");
    let message = MessageId::from(row["id"].as_str().unwrap());
    let hard = || bounce(BounceKind::Hard);
    reported(&world, &message, "new@x.example", hard(), 2_000);
    assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 0);
    reported(&world, &message, "ann@x.example", hard(), 2_001);
    assert_eq!(rows(&world.db, "SELECT address FROM suppressions")[0]["address"], "ann@x.example");
}

#[test]
fn unclear_bounce_suppresses_only_twice_in_a_row() {
    let world = office();
    let first = message_in(&world, "sending");
    let refused = || DeliveryStatus::Bounced(classify("554 5.0.0 no"));
    let suppressed = "SELECT count(*) FROM suppressions WHERE until IS NULL";
    tell(&world.db, &world, &copy(&world, &first, 1), refused(), later(1));
    assert_eq!(number(&world.db, suppressed), 0);
    tell(&world.db, &world, &copy(&world, &first, 2), DeliveryStatus::Delivered, later(2));
    tell(&world.db, &world, &copy(&world, &first, 3), refused(), later(3));
    assert_eq!(number(&world.db, suppressed), 0, "one has arrived in between");
    let sender = DeliveryStatus::Bounced(classify("550 5.7.1 spam"));
    for n in 4..9 {
        tell(&world.db, &world, &copy(&world, &first, n), sender.clone(), later(n));
    }
    assert_eq!(number(&world.db, suppressed), 0, "the sender's fault counts for nothing");
    let last = copy(&world, &first, 9);
    tell(&world.db, &world, &last, refused(), later(9));
    tell(&world.db, &world, &last, refused(), later(10));
    assert_eq!(number(&world.db, suppressed), 1);
    assert_sound(&world.db, None);
}

#[test]
fn duplicate_bounce_counts_once() {
    let world = office();
    let message = message_in(&world, "sending");
    for minute in 1..4 {
        tell(
            &world.db,
            &world,
            &message,
            DeliveryStatus::Bounced(classify("554 no")),
            later(minute),
        );
    }
    assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 0);
}

/// A webhook event whose token may be used once, arriving at this minute.
fn with_token(
    world: &World,
    message: Option<&MessageId>,
    token: &str,
    news: DeliveryStatus,
    minute: i64,
) {
    let key = Some(format!("hook:mailgun:{token}#{minute}"));
    let provider_id = message.map(|_| "mg-1".to_owned());
    let heard = DeliveryReport { key, provider_id, ..heard(news, later(minute)) };
    let report = DeliveryReportTask { message: message.cloned(), heard };
    take_in(&world.db, world, report, later(minute));
}

#[test]
fn replayed_webhook_token_is_used_once() {
    for first in [None, Some(DeliveryStatus::Sent), Some(DeliveryStatus::Delivered)] {
        for replayed in
            [bounce(BounceKind::Hard), DeliveryStatus::Complained, DeliveryStatus::Unsubscribed]
        {
            let world = office();
            let message = message_in(&world, "sent");
            let about = first.as_ref().map(|_| &message);
            with_token(&world, about, "tok", first.clone().unwrap_or(DeliveryStatus::Sent), 1);
            let before = number(&world.db, "SELECT max(seq) FROM events");
            with_token(&world, Some(&message), "tok", replayed.clone(), 2);
            assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 0, "{replayed:?}");
            assert_eq!(number(&world.db, "SELECT max(seq) FROM events"), before, "{replayed:?}");
            with_token(&world, Some(&message), "another", replayed, 3);
            assert!(number(&world.db, "SELECT max(seq) FROM events") > before);
            assert_sound(&world.db, None);
        }
    }
}

#[test]
fn retried_task_keeps_its_token_and_old_tokens_expire() {
    let world = office();
    let message = message_in(&world, "sent");
    let report = |minute: i64| {
        let key = Some("hook:mailgun:tok#one arrival".to_owned());
        let heard = DeliveryReport { key, ..heard(DeliveryStatus::Complained, later(minute)) };
        DeliveryReportTask { message: Some(message.clone()), heard }
    };
    rows(&world.db, "INSERT INTO hook_tokens VALUES ('hook:mailgun:tok', 'one arrival', 9e12)");
    take_in(&world.db, &world, report(1), later(1));
    assert_eq!(standing(&world.db), "complained|");
    rows(&world.db, "UPDATE hook_tokens SET until = 5");
    with_token(&world, None, "next", DeliveryStatus::Sent, 2);
    let left = rows(&world.db, "SELECT token FROM hook_tokens");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["token"], "hook:mailgun:next");
}

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

#[test]
fn report_about_unknown_message_changes_nothing() {
    let world = office();
    message_in(&world, "sending");
    let before = number(&world.db, "SELECT max(seq) FROM events");
    tell(&world.db, &world, &MessageId::from("nobody.1"), DeliveryStatus::Complained, later(2));
    assert_eq!(number(&world.db, "SELECT max(seq) FROM events"), before);
}

#[test]
fn skipped_message_stays_skipped() {
    let world = office();
    let message = message_in(&world, "skipped");
    tell(&world.db, &world, &message, DeliveryStatus::Delivered, later(2));
    assert_eq!(standing(&world.db), "skipped|");
    assert_sound(&world.db, None);
}

/// A database at which a complaint arrives while another report, with no news about the contact, is
/// being recorded.
struct Meanwhile<'a> {
    db: &'a Sqlite,
    meddle: &'a dyn Fn(),
}

impl Database for Meanwhile<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        if statements.iter().any(|one| one.sql.contains("UPDATE messages")) {
            (self.meddle)();
        }
        self.db.batch(statements).await
    }
}

#[test]
fn report_without_contact_news_does_not_write_the_contact() {
    let world = office();
    let message = message_in(&world, "sent");
    let complain = || tell(&world.db, &world, &message, DeliveryStatus::Complained, later(2));
    let db = Meanwhile { db: &world.db, meddle: &complain };
    let report = DeliveryReportTask {
        message: Some(message.clone()),
        heard: heard(DeliveryStatus::Sent, later(1)),
    };
    let (task, ids) = (vec![Intake::HeardV1(report)], &mut Ids::new(later(2), 1));
    let keys = &world.settings.keys;
    block_on(consume::record(&db, &world.catalog, keys, task, later(2), ids)).unwrap();
    assert_eq!(standing(&world.db), "complained|");
    assert_eq!(rows(&world.db, "SELECT provider_id FROM messages")[0]["provider_id"], "re-1");
    assert_sound(&world.db, None);
}

/// Another message like this one.
fn copy(world: &World, first: &MessageId, n: i64) -> MessageId {
    let id = MessageId(format!("{first}.{n}"));
    let columns = "contact_id, campaign_id, version, journey, channel, class, purpose,
                   template, note, reason, queued_at, send_at, attempts, uncertain";
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
        tell(&world.db, &world, &copy(&world, &first, n), bounce(BounceKind::Soft), later(n));
        let kept = rows(&world.db, "SELECT until FROM suppressions");
        let until = kept.first().and_then(|row| row["until"].as_i64());
        days.push(until.map_or(0, |until| (until - later(n).0) / 86_400_000));
    }
    assert_eq!(days, [0, 0, 0, 0, 7, 30, 180, 180]);
    // A delivery before the last bounce does not reset the count; one after it does.
    tell(&world.db, &world, &copy(&world, &first, 20), DeliveryStatus::Delivered, later(7));
    let count = "SELECT soft_bounces ->> '$.email.count' FROM contacts";
    assert_eq!(number(&world.db, count), 8);
    tell(&world.db, &world, &copy(&world, &first, 21), DeliveryStatus::Delivered, later(9));
    assert_eq!(number(&world.db, count), 0);
    tell(&world.db, &world, &copy(&world, &first, 22), bounce(BounceKind::Soft), later(9));
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
        world.submit("/p", &[("email", email), ("consent", "on")]).unwrap();
    }
    assert_eq!(world.inbox("ann@x.example").len(), 1);
    assert_eq!(world.inbox("bo@x.example").len(), 0);
}

#[test]
fn unsubscribe_link_counts_once_per_message() {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    world.submit("/p", &[("email", "ann@x.example"), ("consent", "on")]).unwrap();
    let letter = world.inbox("ann@x.example").remove(0);
    for _ in 0..2 {
        world.unsubscribe(&letter).unwrap();
    }
    let counted = "SELECT value FROM counters WHERE metric = 'unsubscribed'";
    assert_eq!(number(&world.db, counted), 1);
    let report = world.report("c").unwrap().unwrap();
    assert_eq!(report.messages_total().unsubscribed, 1);
    assert_sound(&world.db, None);
}

/// Everything that a set of reports may leave behind, except the order of the log.
fn traces(db: &Sqlite) -> Value {
    let tables = [
        "SELECT state, reason, delivered_at, bounced_at, complained_at, unsubscribed_at,
                provider_id FROM messages",
        "SELECT channel, address, reason, until, source FROM suppressions",
        "SELECT metric, part, sum(value) AS value FROM counters GROUP BY 1, 2",
        "SELECT consents ->> '$[0].state' AS email, consents ->> '$[1].state' AS sms,
                soft_bounces FROM contacts",
        "SELECT name, count(*) AS times FROM events WHERE name LIKE 'message.%' GROUP BY 1",
    ];
    tables.map(|sql| Value::from(rows(db, sql))).into_iter().collect()
}

/// Something that happens to a message: the provider's answer, or a report about it.
#[derive(Clone, Debug)]
enum Telling {
    Answer,
    DeliveryStatus(DeliveryStatus, i64),
}

fn some_tellings() -> impl Strategy<Value = (Vec<Telling>, Vec<Telling>)> {
    let kinds = [BounceKind::Hard, BounceKind::Soft, BounceKind::Block, BounceKind::Ignored];
    let all = (proptest::sample::select(kinds.to_vec()), proptest::collection::vec(0..3_usize, 6));
    let when = proptest::collection::vec(0..4_i64, 5);
    let all = (all, when).prop_map(|((kind, times), when)| {
        let news = [
            DeliveryStatus::Sent,
            DeliveryStatus::Delivered,
            bounce(kind),
            DeliveryStatus::Complained,
        ];
        let news = news.into_iter().chain([DeliveryStatus::Unsubscribed]).zip(when);
        let news = news.map(|(news, at)| Telling::DeliveryStatus(news, at));
        let each = news.chain([Telling::Answer]).zip(times);
        each.flat_map(|(telling, times)| vec![telling; times]).collect::<Vec<_>>()
    });
    all.prop_flat_map(|tellings| (Just(tellings.clone()), Just(tellings).prop_shuffle()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn report_order_does_not_change_the_result(
        (tellings, shuffled) in some_tellings(),
        state in proptest::sample::select(vec!["sending", "unknown"]),
    ) {
        thread_local! {
            static OFFICE: OnceCell<World> = OnceCell::default();
        }
        OFFICE.with(|kept| {
            let world = kept.get_or_init(office);
            let message = message_in(world, state);
            let end_of = |tellings: &[Telling]| {
                let db = world.db.copy().unwrap();
                for telling in tellings {
                    match telling {
                        Telling::Answer => answer(&db, world, &message, later(9)),
                        Telling::DeliveryStatus(news, at) => {
                            let report = DeliveryReportTask {
                                message: Some(message.clone()),
                                heard: heard(news.clone(), later(*at)),
                            };
                            take_in(&db, world, report, later(9));
                        }
                    }
                }
                assert_sound(&db, None);
                traces(&db)
            };
            prop_assert_eq!(end_of(&tellings), end_of(&shuffled));
            Ok(())
        })?;
    }
}

fn text(from: &str, said: &str, id: &str, at: Millis) -> Intake {
    Intake::TextV1(InboundSmsTask {
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
    let told = "granted c.f Write to me., withdrawn text message , confirmed text message START";
    assert_eq!(rows(&world.db, standing)[0]["line"], told);
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
    let told = "SELECT properties ->> 'text' || coalesce(properties ->> 'keyword', '') AS line
                  FROM events WHERE name = 'message.received'";
    assert_eq!(rows(&world.db, told)[0]["line"], "when does it end?");
    assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 0);
    assert_eq!(world.inbox(ANNS).len(), 0);
}

#[test]
fn sms_report_matches_by_provider_id_and_phone() {
    let world = office();
    message_in(&world, "sending");
    rows(&world.db, "UPDATE messages SET channel = 'sms', provider_id = 'te-1'");
    let told = |phone: &str, provider_id: &str| {
        let heard = DeliveryReport {
            address: Some(phone.to_owned()),
            provider_id: Some(provider_id.to_owned()),
            ..heard(DeliveryStatus::Delivered, later(2))
        };
        take_in(&world.db, &world, DeliveryReportTask { message: None, heard }, later(2));
        standing(&world.db)
    };
    // A call that carried several SMS has one id for all of them.
    assert_eq!(told("+447400000001", "te-1"), "sending|");
    assert_eq!(told(ANNS, "te-2"), "sending|");
    assert_eq!(told(ANNS, "te-1"), "delivered|");
}

#[test]
fn report_does_not_restore_an_erased_address() {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    world.submit("/p", &[("email", "ann@x.example"), ("consent", "on")]).unwrap();
    let id = rows(&world.db, "SELECT id FROM messages")[0]["id"].as_str().unwrap().to_owned();
    rows(&world.db, "UPDATE contacts SET email = NULL, erased_at = 1");
    let news = DeliveryStatus::Bounced(classify("550 5.1.1 <ann@x.example> no such user"));
    let heard =
        DeliveryReport { address: Some("ann@x.example".to_owned()), ..heard(news, world.now()) };
    take_in(
        &world.db,
        &world,
        DeliveryReportTask { message: Some(MessageId(id)), heard },
        world.now(),
    );
    let told = "SELECT count(*) FROM events WHERE name = 'message.bounced'";
    assert_eq!(number(&world.db, told), 0);
    assert_eq!(number(&world.db, "SELECT count(*) FROM suppressions"), 0);
    assert_eq!(standing(&world.db), "delivered|");
}

/// A fake SNS that records which addresses are fetched.
struct Sns {
    answers: RefCell<VecDeque<Result<HttpResponse, HttpError>>>,
    visited: RefCell<Vec<String>>,
}

impl Sns {
    fn new(answers: Vec<Result<HttpResponse, HttpError>>) -> Self {
        Self { answers: RefCell::new(answers.into()), visited: RefCell::default() }
    }
}

impl Http for Sns {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        assert_eq!(request.method, "GET");
        self.visited.borrow_mut().push(request.url);
        self.answers.borrow_mut().pop_front().expect("a call that the script does not know")
    }
}

fn ok(body: &str) -> Result<HttpResponse, HttpError> {
    Ok(HttpResponse { status: 200, headers: Vec::new(), body: body.to_owned() })
}

#[test]
fn sns_certificate_is_fetched_once() {
    let certificate = include_str!("../../src/providers/webhooks/fixtures/certificate.pem");
    const TOPIC: &str = "arn:aws:sns:eu-west-1:1:bounces";
    let get = |name: &str| match name {
        "SES_TOPIC_ARN" => Some(TOPIC.to_owned()),
        "SNS_ISSUERS" => {
            let issuer = include_str!("../../src/providers/webhooks/fixtures/issuer.pem");
            Some(issuer.to_owned())
        }
        _ => None,
    };
    let secrets = Secrets::read(get).unwrap();
    let certificates = Certificates::default();
    let receive_from = |sns: &Sns, body: &str| {
        let header = |_: &str| String::new();
        let body = body.as_bytes();
        let hook = Hook { url: String::new(), path_secret: "", header: &header, body, now: MONDAY };
        block_on(receive(sns, &certificates, Provider::Ses, &hook, &secrets))
    };
    let bounce = include_str!("../../src/providers/webhooks/fixtures/v2.json");
    let away = Sns::new(vec![Err(HttpError::TimedOut)]);
    assert!(matches!(receive_from(&away, bounce), Err(NotReceived::Away(_))));
    let page = format!("<html>{certificate}</html>");
    let poisoned = Sns::new(vec![ok(&page)]);
    let refused = receive_from(&poisoned, bounce);
    assert_eq!(refused, Err(NotReceived::Refused(Refusal::Unverified)), "and it is not kept");
    let sns = Sns::new(vec![ok(certificate), ok("<ConfirmSubscriptionResponse/>")]);
    assert_eq!(receive_from(&sns, bounce).unwrap().len(), 1);
    assert_eq!(receive_from(&sns, bounce).unwrap().len(), 1);
    let subscribe = include_str!("../../src/providers/webhooks/fixtures/sub.json");
    assert_eq!(receive_from(&sns, subscribe), Ok(Vec::new()));
    let forged = subscribe.replace("Token=t", "Token=u");
    let refused = receive_from(&sns, &forged);
    assert_eq!(refused, Err(NotReceived::Refused(Refusal::Unverified)));
    insta::assert_snapshot!(sns.visited.borrow().join("\n"), @r"
    https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem
    https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t
    ");
}

#[test]
fn unverified_requests_fetch_few_sns_certificates() {
    const TOPIC: &str = "arn:aws:sns:eu-west-1:1:bounces";
    let get = |name: &str| (name == "SES_TOPIC_ARN").then(|| TOPIC.to_owned());
    let secrets = Secrets::read(get).unwrap();
    let certificates = Certificates::default();
    let bounce = include_str!("../../src/providers/webhooks/fixtures/v2.json");
    let visits = |minutes: i64| {
        let sns = Sns::new(vec![ok("x"); 100]);
        for n in 0..100 {
            let body = bounce.replace("Service-1.pem", &format!("Service-{n:x}.pem"));
            let header = |_: &str| String::new();
            let (body, now) = (body.as_bytes(), MONDAY.plus(Span::minutes(minutes)));
            let hook = Hook { url: String::new(), path_secret: "", header: &header, body, now };
            let got = block_on(receive(&sns, &certificates, Provider::Ses, &hook, &secrets));
            assert!(got.is_err());
        }
        sns.visited.borrow().len()
    };
    assert_eq!([visits(0), visits(0), visits(2)], [5, 0, 5]);
}
