//! The cost of SMS as it becomes known: by our own count when sent, by the provider's report
//! afterwards, in any order and however often.

use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, rows, submission, world};
use dripline::domain::base::primitives::{Ids, MessageId, Millis, Span};
use dripline::domain::contact::message::{ProviderCharge, SmsCost};
use dripline::domain::engine::{Input, Outcome};
use dripline::domain::inbound::delivery_report::{DeliveryReport, DeliveryStatus};
use dripline::flows::commit::{Command, RecordRef, commit};
use dripline::flows::ingest::{consume, form};
use dripline::flows::tasks::Intake;
use dripline::native::world::{World, block_on};

const TEXT: &str = r#"
    sms = { price = { "+44" = "0.04", "+" = "0.08" } }
"#;
const JOURNEY: &str = r#"
    [journey.j]
    enter = { form = "f" }
    [[journey.j.step]]
    id = "text"
    send = "sms/text"
"#;

/// A world in which nothing is sent automatically, with one SMS in this state.
struct Office {
    world: World,
    message: MessageId,
    minutes: i64,
}

impl Office {
    fn new(state: &str) -> Self {
        let mut world = world(&format!("{TEXT}\n{FORM}{JOURNEY}"));
        let submitted = submission(&mut world, &[("phone", "07400 123456"), ("consent", "on")]);
        let (db, ids) = (&world.db, &mut Ids::new(MONDAY, 7));
        let (catalog, keys) = (&world.catalog, &world.settings.keys);
        block_on(form::submit(db, catalog, keys, submitted, MONDAY, ids)).unwrap();
        rows(&world.db, &format!("UPDATE messages SET state = '{state}', attempts = 1"));
        let found = rows(&world.db, "SELECT id FROM messages");
        let message = MessageId::from(found[0]["id"].as_str().unwrap());
        Self { world, message, minutes: 0 }
    }

    fn later(&mut self) -> Millis {
        self.minutes += 1;
        MONDAY.plus(Span::minutes(self.minutes))
    }

    /// The delivery's own outcome.
    fn ends(&mut self, outcome: Outcome) -> String {
        let now = self.later();
        let db = &self.world.db;
        let contact = rows(db, "SELECT id FROM contacts")[0]["id"].as_str().unwrap().into();
        let input = Input::Delivered { message: self.message.clone(), attempt: 1, outcome };
        let case = Command { who: RecordRef::Id(contact), inputs: vec![input] };
        let ids = &mut Ids::new(now, 1);
        block_on(commit(db, &self.world.catalog, vec![case], now, ids)).unwrap();
        self.cost()
    }

    /// A report of the provider.
    fn report(&mut self, status: DeliveryStatus, billed: Option<ProviderCharge>) -> String {
        let now = self.later();
        let report = DeliveryReport {
            status,
            at: now,
            address: None,
            source: "vonage".to_owned(),
            provider_id: Some("vo-1".to_owned()),
            key: None,
            billed,
        };
        let message = Some(self.message.clone());
        let (world, ids) = (&self.world, &mut Ids::new(now, 2));
        let task = vec![Intake::DeliveryReportV1 { message, report }];
        block_on(consume::record(&world.db, &world.catalog, &world.settings.keys, task, now, ids))
            .unwrap();
        self.cost()
    }

    /// The state, the segments and cost in the report, and the events.
    fn cost(&self) -> String {
        let db = &self.world.db;
        assert_sound(db, None);
        let report = self.world.report("c").unwrap().unwrap();
        let figures = report.messages.first().map(|row| row.figures).unwrap_or_default();
        let sql = "SELECT group_concat(substr(name, 9) || ' ' ||
                          coalesce(properties ->> 'cost_micros', '-'), ', ' ORDER BY seq) AS charges
                     FROM events WHERE name IN ('message.sent', 'message.charged')";
        let charges = rows(db, sql)[0]["charges"].as_str().unwrap_or("nothing").to_owned();
        let state = rows(db, "SELECT state FROM messages")[0]["state"].as_str().unwrap().to_owned();
        format!("{state} {} {} | {charges}", figures.segments, figures.cost_micros)
    }
}

const OURS: Option<SmsCost> = Some(SmsCost { segments: 1, micros: 40_000 });

fn accepted(spent: Option<SmsCost>) -> Outcome {
    Outcome::Accepted { provider_id: "vo-1".to_owned(), arrived: false, spent }
}

fn bill(segments: Option<u32>, price: Option<(i64, &str)>) -> Option<ProviderCharge> {
    let (micros, currency) = price.unzip();
    Some(ProviderCharge { segments, micros, currency: currency.unwrap_or_default().to_owned() })
}

#[test]
fn lost_sms_is_charged_once_reported() {
    let mut office = Office::new("sending");
    let lost = Outcome::Unknown { reason: "no answer in time".to_owned(), spent: OURS };
    assert_eq!(office.ends(lost), "unknown 0 0 | nothing");
    assert_eq!(office.report(DeliveryStatus::Delivered, None), "delivered 1 40000 | sent 40000");
    assert_eq!(office.report(DeliveryStatus::Delivered, None), "delivered 1 40000 | sent 40000");
}

#[test]
fn differing_provider_count_is_corrected_once() {
    let mut office = Office::new("sending");
    assert_eq!(office.ends(accepted(OURS)), "sent 1 40000 | sent 40000");
    let two = bill(Some(2), None);
    let right = "sent 2 80000 | sent 40000, charged 40000";
    assert_eq!(office.report(DeliveryStatus::Sent, two.clone()), right);
    assert_eq!(office.report(DeliveryStatus::Sent, two), right);
    let one = office.report(DeliveryStatus::Delivered, bill(Some(1), None));
    assert_eq!(one, "delivered 1 40000 | sent 40000, charged 40000, charged -40000");
}

#[test]
fn only_prices_in_campaign_currency_count() {
    let mut office = Office::new("sending");
    office.ends(accepted(OURS));
    let euros = office.report(DeliveryStatus::Sent, bill(None, Some((33_300, "EUR"))));
    assert_eq!(euros, "sent 1 40000 | sent 40000");
    let both = office.report(DeliveryStatus::Sent, bill(Some(2), Some((66_600, "EUR"))));
    assert_eq!(both, "sent 2 80000 | sent 40000, charged 40000");
    let pounds = office.report(DeliveryStatus::Sent, bill(Some(2), Some((50_000, "GBP"))));
    assert_eq!(pounds, "sent 2 50000 | sent 40000, charged 40000, charged -30000");
}

#[test]
fn report_before_the_answer_loses_no_cost() {
    let mut office = Office::new("sending");
    assert_eq!(office.report(DeliveryStatus::Delivered, None), "delivered 0 0 | sent -");
    let paid = office.ends(accepted(OURS));
    assert_eq!(paid, "delivered 1 40000 | sent -, charged 40000");
    assert_eq!(office.ends(accepted(OURS)), paid);
    // Costs that were reported first are not replaced by our own count.
    let mut office = Office::new("sending");
    let charged = office.report(DeliveryStatus::Delivered, bill(Some(3), None));
    assert_eq!(charged, "delivered 3 120000 | sent -, charged 120000");
    assert_eq!(office.ends(accepted(OURS)), charged);
}

#[test]
fn failed_sms_costs_nothing() {
    let mut office = Office::new("failed");
    assert_eq!(
        office.report(DeliveryStatus::Delivered, bill(Some(2), None)),
        "failed 0 0 | nothing"
    );
}
