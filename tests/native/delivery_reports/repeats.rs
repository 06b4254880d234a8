//! Reports that arrive twice, late, in any order, or about an unknown message.

use super::*;

#[test]
fn duplicate_bounce_counts_once() {
    let world = office();
    let message = message_in(&world, "sending");
    for minute in 1..4 {
        deliver_report(
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
    status: DeliveryStatus,
    minute: i64,
) {
    let key = Some(format!("hook:mailgun:{token}#{minute}"));
    let provider_id = message.map(|_| "mg-1".to_owned());
    let report = DeliveryReport { key, provider_id, ..reported(status, later(minute)) };
    take_in(&world.db, world, message, report, later(minute));
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
        DeliveryReport { key, ..reported(DeliveryStatus::Complained, later(minute)) }
    };
    rows(&world.db, "INSERT INTO hook_tokens VALUES ('hook:mailgun:tok', 'one arrival', 9e12)");
    take_in(&world.db, &world, Some(&message), report(1), later(1));
    assert_eq!(standing(&world.db), "complained|");
    rows(&world.db, "UPDATE hook_tokens SET until = 5");
    with_token(&world, None, "next", DeliveryStatus::Sent, 2);
    let left = rows(&world.db, "SELECT token FROM hook_tokens");
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["token"], "hook:mailgun:next");
}

#[test]
fn report_about_unknown_message_changes_nothing() {
    let world = office();
    message_in(&world, "sending");
    let before = number(&world.db, "SELECT max(seq) FROM events");
    deliver_report(
        &world.db,
        &world,
        &MessageId::from("nobody.1"),
        DeliveryStatus::Complained,
        later(2),
    );
    assert_eq!(number(&world.db, "SELECT max(seq) FROM events"), before);
}

#[test]
fn skipped_message_stays_skipped() {
    let world = office();
    let message = message_in(&world, "skipped");
    deliver_report(&world.db, &world, &message, DeliveryStatus::Delivered, later(2));
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
    let complain =
        || deliver_report(&world.db, &world, &message, DeliveryStatus::Complained, later(2));
    let db = Meanwhile { db: &world.db, meddle: &complain };
    let report = reported(DeliveryStatus::Sent, later(1));
    let task = vec![Intake::DeliveryReportV1 { message: Some(message.clone()), report }];
    let ids = &mut Ids::new(later(2), 1);
    let keys = &world.settings.keys;
    block_on(consume::record(&db, &world.catalog, keys, task, later(2), ids)).unwrap();
    assert_eq!(standing(&world.db), "complained|");
    assert_eq!(rows(&world.db, "SELECT provider_id FROM messages")[0]["provider_id"], "re-1");
    assert_sound(&world.db, None);
}

#[test]
fn unsubscribe_link_counts_once_per_message() {
    let mut world = world(&format!("{FORM}{JOURNEY}"));
    join(&mut world, "ann@x.example");
    let message = world.inbox("ann@x.example").remove(0);
    for _ in 0..2 {
        world.unsubscribe(&message).unwrap();
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
enum Arrival {
    Answer,
    DeliveryStatus(DeliveryStatus, i64),
}

fn some_arrivals() -> impl Strategy<Value = (Vec<Arrival>, Vec<Arrival>)> {
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
        let news = news.map(|(news, at)| Arrival::DeliveryStatus(news, at));
        let each = news.chain([Arrival::Answer]).zip(times);
        each.flat_map(|(arrival, times)| vec![arrival; times]).collect::<Vec<_>>()
    });
    all.prop_flat_map(|arrivals| (Just(arrivals.clone()), Just(arrivals).prop_shuffle()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn report_order_does_not_change_the_result(
        (arrivals, shuffled) in some_arrivals(),
        state in proptest::sample::select(vec!["sending", "unknown"]),
    ) {
        thread_local! {
            static OFFICE: OnceCell<World> = OnceCell::default();
        }
        OFFICE.with(|kept| {
            let world = kept.get_or_init(office);
            let message = message_in(world, state);
            let end_of = |arrivals: &[Arrival]| {
                let db = world.db.copy().unwrap();
                for arrival in arrivals {
                    match arrival {
                        Arrival::Answer => answer(&db, world, &message, later(9)),
                        Arrival::DeliveryStatus(status, at) => {
                            let report = reported(status.clone(), later(*at));
                            take_in(&db, world, Some(&message), report, later(9));
                        }
                    }
                }
                assert_sound(&db, None);
                traces(&db)
            };
            prop_assert_eq!(end_of(&arrivals), end_of(&shuffled));
            Ok(())
        })?;
    }
}
