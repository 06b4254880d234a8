//! Delivery reports of providers: in any order, repeated, early and late.

mod inbound_sms;
mod repeats;
mod sns_certificates;
mod suppressions;

use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, history, join, number, rows, rows_of, submission, world};
use dripline::domain::base::primitives::{Channel, Ids, MessageId, Millis, Span};
use dripline::domain::contact::suppression::{Suppression, SuppressionReason};
use dripline::domain::engine::{Input, Outcome};
use dripline::domain::inbound::bounce::{Bounce, BounceKind, BounceReason, classify};
use dripline::domain::inbound::delivery_report::{DeliveryReport, DeliveryStatus};
use dripline::domain::inbound::sms::InboundSms;
use dripline::flows::commit::{Command, RecordRef, commit};
use dripline::flows::ingest::webhook::{Certificates, WebhookError, receive};
use dripline::flows::ingest::{consume, form};
use dripline::flows::ports::{Database, DatabaseError, Http};
use dripline::flows::tasks::Intake;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::{World, block_on};
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use dripline::providers::webhooks::{Hook, Refusal, Secrets, WebhookProvider};
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

fn reported(status: DeliveryStatus, at: Millis) -> DeliveryReport {
    let source = "resend".to_owned();
    DeliveryReport {
        status,
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

fn deliver_report(
    db: &Sqlite,
    world: &World,
    message: &MessageId,
    status: DeliveryStatus,
    at: Millis,
) {
    take_in(db, world, Some(message), reported(status, at), at);
}

fn take_in(
    db: &Sqlite,
    world: &World,
    message: Option<&MessageId>,
    report: DeliveryReport,
    now: Millis,
) {
    let ids = &mut Ids::new(now, now.0 as u64);
    let task = vec![Intake::DeliveryReportV1 { message: message.cloned(), report }];
    block_on(consume::record(db, &world.catalog, &world.settings.keys, task, now, ids)).unwrap();
}

/// The provider's answer to the call that sent the message.
fn answer(db: &Sqlite, world: &World, message: &MessageId, at: Millis) {
    let contact = rows(db, "SELECT id FROM contacts")[0]["id"].as_str().unwrap().into();
    let outcome = Outcome::Accepted { provider_id: "re-1".to_owned(), arrived: false, spent: None };
    let input = Input::Delivered { message: message.clone(), attempt: 1, outcome };
    let case = Command { who: RecordRef::Id(contact), inputs: vec![input] };
    block_on(commit(db, &world.catalog, vec![case], at, &mut Ids::new(at, 1))).unwrap();
}

fn later(minutes: i64) -> Millis {
    MONDAY.plus(Span::minutes(minutes))
}

fn standing(db: &Sqlite) -> String {
    let sql = "SELECT state || '|' || reason AS line FROM messages";
    rows(db, sql)[0]["line"].as_str().unwrap().to_owned()
}
