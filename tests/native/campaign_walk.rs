//! The sample campaigns, from form to revenue.

use super::support::{diary, history, number, order, rows, sample_world};
use dripline::domain::base::primitives::Span;
use dripline::domain::contact::message::CapturedMessage;
use dripline::domain::report::Report;
use dripline::native::world::{Sent, World};
use insta::assert_snapshot;

const ANN: [(&str, &str); 5] = [
    ("first_name", "Ann"),
    ("email", "Ann@Example.com"),
    ("role", "engineer"),
    ("country", "GB"),
    ("consent", "on"),
];

const BO: [(&str, &str); 5] = [
    ("first_name", "Bo"),
    ("email", "bo@example.com"),
    ("phone", "07400 123456"),
    ("role", "architect"),
    ("consent", "on"),
];

const WANG: [(&str, &str); 8] = [
    ("full_name", "王芳"),
    ("company", "晨光机械"),
    ("email", "wang@example.cn"),
    ("phone", "138 0013 8000"),
    ("role", "equipment"),
    ("machines", "200-1000"),
    ("equipment", "motor"),
    ("equipment", "pump"),
];

fn agreeing<'a>(fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [fields, &[("consent", "on")]].concat()
}

/// The only message to an address so far.
fn only_message(world: &World, address: &str) -> CapturedMessage {
    let mut inbox = world.inbox(address);
    assert_eq!(inbox.len(), 1, "{}", diary(&inbox));
    inbox.remove(0)
}

#[test]
fn inactive_lead_gets_nudge_and_story() {
    let mut world = sample_world("spring-webinar");
    assert_eq!(world.submit("/webinar", &ANN).unwrap(), Sent::Thanks);
    world.after(Span::days(30)).unwrap();
    assert_snapshot!(diary(&world.captured_messages()), @r"
    2026-03-02T09:00:02Z email ann@example.com | Ann, your seat is saved for Thursday
    2026-03-05T09:01:00Z email ann@example.com | Ten minutes now, a better Thursday
    2026-03-07T09:01:00Z email ann@example.com | They moved one table. Here is what broke.
    ");
    assert_snapshot!(history(&world.db, "ann@example.com").join("\n"), @r"
    form.submitted
    consent.granted
    journey.entered
    message.sent
    message.delivered
    journey.moved
    journey.moved
    message.sent
    message.delivered
    journey.moved
    message.sent
    message.delivered
    journey.moved
    journey.completed
    ");
}

#[test]
fn engaged_architect_notifies_owner_and_gets_sms() {
    let mut world = sample_world("spring-webinar");
    world.submit("/webinar", &BO).unwrap();
    world.after(Span::hours(3)).unwrap();
    let welcome = only_message(&world, "bo@example.com");
    assert!(world.click(&welcome, "/webinar/guide").unwrap());
    world.after(Span::days(20)).unwrap();
    assert_snapshot!(diary(&world.captured_messages()), @r"
    2026-03-02T09:00:02Z email bo@example.com | Bo, your seat is saved for Thursday
    2026-03-03T09:01:00Z email tom@larkspan.example | Worth a look: bo@example.com
    2026-03-05T09:01:00Z email bo@example.com | They moved one table. Here is what broke.
    2026-03-11T10:00:00Z sms +447400123456 | Larkspan: Bo, our session is on Thursday, 16:00 London time. Join: https://go.example/s/B1mqsWsJE0A Reply STOP to opt out
    ");
    let contact = "SELECT attributes ->> 'stage' = 'evaluating' AND score = 35
                      AND tags = '[\"decides\",\"read-guide\"]' FROM contacts";
    assert_eq!(number(&world.db, contact), 1);
}

#[test]
fn click_during_wait_for_advances_at_once() {
    let mut world = sample_world("spring-webinar");
    world.submit("/webinar", &ANN).unwrap();
    world.after(Span::hours(30)).unwrap();
    let welcome = only_message(&world, "ann@example.com");
    assert!(world.click(&welcome, "/webinar/guide").unwrap());
    world.after(Span::days(30)).unwrap();
    assert_snapshot!(diary(&world.captured_messages()), @r"
    2026-03-02T09:00:02Z email ann@example.com | Ann, your seat is saved for Thursday
    2026-03-05T15:01:00Z email ann@example.com | They moved one table. Here is what broke.
    ");
}

#[test]
fn wait_until_uses_the_contacts_time_zone() {
    let mut world = sample_world("spring-webinar");
    world.submit("/webinar", &BO).unwrap();
    let move_to_new_york = "UPDATE contacts SET time_zone = 'America/New_York'";
    rows(&world.db, move_to_new_york);
    world.after(Span::days(20)).unwrap();
    // 10:00 on a Wednesday, after summer time began on the 8th: 14:00 UTC.
    let text = world.inbox("+447400123456").remove(0);
    assert_eq!(text.at.rfc3339(), "2026-03-11T14:00:00Z");
}

#[test]
fn without_sms_consent_no_sms_is_sent() {
    let mut world = sample_world("spring-webinar");
    let without_the_box = world.submit("/webinar", &BO[..4]).unwrap();
    assert!(matches!(without_the_box, Sent::Problems(_)), "the form asks for it again");
    world.submit("/webinar", &BO).unwrap();
    let withdraw = "UPDATE contacts SET consents = (
        SELECT json_group_array(json(value)) FROM json_each(consents)
         WHERE value ->> 'channel' = 'email')";
    rows(&world.db, withdraw);
    world.after(Span::days(20)).unwrap();
    assert_eq!(world.captured_messages().len(), 3);
    assert!(world.captured_messages().iter().all(|message| message.channel == "email"));
}

#[test]
fn order_ends_journey_and_is_attributed() {
    let mut world = sample_world("spring-webinar");
    for (visitor, query) in [
        ("v1", "utm_source=linkedin"),
        ("v2", "utm_source=linkedin"),
        ("v3", "utm_source=devweekly"),
    ] {
        world.visit(visitor, "/webinar", query).unwrap();
        world.visit(visitor, "/webinar", query).unwrap();
    }
    world.submit_from("/webinar", "utm_source=linkedin", &ANN).unwrap();
    world.submit_from("/webinar", "utm_source=devweekly", &BO).unwrap();
    world.after(Span::days(1)).unwrap();
    let ann = order(&world, "ann@example.com", 300_000, "GBP", "order-1");
    world.take_in(vec![ann.clone()]).unwrap();
    world.take_in(vec![ann]).unwrap();
    let dollars = order(&world, "bo@example.com", 5_000, "USD", "order-2");
    world.take_in(vec![dollars]).unwrap();
    let stranger = order(&world, "nobody@example.com", 9_900, "GBP", "order-3");
    world.take_in(vec![stranger]).unwrap();
    world.after(Span::days(20)).unwrap();

    assert_eq!(world.inbox("ann@example.com").len(), 1, "the journey ended with the order");
    let ended = "SELECT count(*) FROM enrollments
                  WHERE state = 'exited' AND reason = 'order.completed' AND due_at IS NULL";
    assert_eq!(number(&world.db, ended), 2);
    assert_snapshot!(figures(&world.report("spring-webinar").unwrap().unwrap()), @r"
    total: 3 visitors, 2 leads, 2 contacts, 2 conversions, cost 340645, revenue 300000, roi -0.12
    devweekly: 1 visitors, 1 leads, 1 contacts, 1 conversions, cost 190000, revenue 0, roi -1.00
    linkedin: 2 visitors, 1 leads, 1 contacts, 1 conversions, cost 150645, revenue 300000, roi 0.99
    webinar/a: 2 visitors, 2 leads, 2 contacts, 2 conversions, cost 0, revenue 300000
    webinar/b: 1 visitors, 0 leads, 0 contacts, 0 conversions, cost 0, revenue 0
    ");
}

#[test]
fn order_outside_attribution_window_is_not_credited() {
    let mut world = sample_world("spring-webinar");
    world.submit("/webinar", &ANN).unwrap();
    world.after(Span::days(31)).unwrap();
    let late = order(&world, "ann@example.com", 300_000, "GBP", "order-1");
    world.take_in(vec![late]).unwrap();
    let total = world.report("spring-webinar").unwrap().unwrap().total;
    assert_eq!((total.conversions, total.revenue_minor), (0, 0));
}

#[test]
fn click_extends_the_attribution_window() {
    let mut world = sample_world("spring-webinar");
    world.submit("/webinar", &ANN).unwrap();
    let welcome = only_message(&world, "ann@example.com");
    world.after(Span::days(20)).unwrap();
    world.click(&welcome, "/webinar/guide").unwrap();
    world.after(Span::days(20)).unwrap();
    let late = order(&world, "ann@example.com", 300_000, "GBP", "order-1");
    world.take_in(vec![late]).unwrap();
    assert_eq!(world.report("spring-webinar").unwrap().unwrap().total.conversions, 1);
}

#[test]
fn double_opt_in_sends_only_confirmation_until_confirmed() {
    let mut world = sample_world("white-paper");
    let sent = world.submit_from("/white-paper", "utm_source=wechat-ads", &agreeing(&WANG));
    assert_eq!(sent.unwrap(), Sent::Thanks);
    world.after(Span::days(2)).unwrap();
    let question = only_message(&world, "wang@example.cn");
    assert!(question.html.contains("/confirm/"));
    assert!(history(&world.db, "wang@example.cn").iter().all(|name| name != "journey.entered"));

    assert!(world.confirm(&question).unwrap());
    world.after(Span::days(20)).unwrap();
    assert_snapshot!(diary(&world.captured_messages()), @r"
    2026-03-02T09:00:02Z email wang@example.cn | 请确认您的邮箱地址 – 砺川装备
    2026-03-04T09:00:02Z email wang@example.cn | 您要的《预测性维护落地指南》到了
    2026-03-08T09:01:00Z email wang@example.cn | （AD）五分钟，算清一次停机的账
    2026-03-08T09:01:00Z email zhou.min@lichuan.example | 值得跟进：wang@example.cn
    2026-03-10T09:01:00Z email wang@example.cn | （AD）三台空压机，九十天：一份试点记录
    2026-03-11T01:30:00Z sms +8613800138000 | 【砺川装备】王芳，您好！白皮书附的试点清单可直接打印： https://go.example/s/kNKUkFCoTcF 需要工程师上门诊断，请直接回复。拒收请回复R
    ");
}

#[test]
fn unconfirmed_lead_gets_no_further_messages() {
    let mut world = sample_world("white-paper");
    world.submit("/white-paper", &agreeing(&WANG)).unwrap();
    world.after(Span::days(60)).unwrap();
    assert_eq!(world.captured_messages().len(), 1);
}

#[test]
fn second_confirmation_changes_nothing() {
    let mut world = sample_world("white-paper");
    world.submit("/white-paper", &agreeing(&WANG)).unwrap();
    let question = only_message(&world, "wang@example.cn");
    world.confirm(&question).unwrap();
    let before = history(&world.db, "wang@example.cn");
    world.confirm(&question).unwrap();
    assert_eq!(history(&world.db, "wang@example.cn"), before);
}

#[test]
fn expired_confirmation_link_does_nothing() {
    let mut world = sample_world("white-paper");
    world.submit("/white-paper", &agreeing(&WANG)).unwrap();
    let question = only_message(&world, "wang@example.cn");
    world.after(Span::days(15)).unwrap();
    assert!(!world.confirm(&question).unwrap());
}

#[test]
fn lead_without_consent_only_notifies_owner() {
    let mut world = sample_world("white-paper");
    world.submit("/white-paper", &WANG).unwrap();
    world.after(Span::days(20)).unwrap();
    assert_snapshot!(diary(&world.captured_messages()), @"2026-03-06T09:01:00Z email zhou.min@lichuan.example | 值得跟进：wang@example.cn");
    let skipped = "SELECT count(*) FROM messages WHERE state = 'skipped' AND reason = 'no_consent'";
    assert_eq!(number(&world.db, skipped), 3);
}

#[test]
fn unsubscribing_stops_queued_emails_too() {
    let mut world = sample_world("spring-webinar");
    world.submit("/webinar", &BO).unwrap();
    let welcome = only_message(&world, "bo@example.com");
    // The nudge is queued but not delivered yet; then the reader unsubscribes.
    let queue =
        "INSERT INTO messages (id, contact_id, campaign_id, version, enrollment_id, journey, step,
                               channel, class, purpose, template, note, state, reason, queued_at,
                               send_at, attempts, uncertain)
         SELECT 'm.2', contact_id, campaign_id, version, enrollment_id,
        journey, 'nudge', channel, class, purpose, 'emails/webinar-nudge', note, 'queued', '',
        queued_at, send_at + 60000, 0, 0 FROM messages";
    rows(&world.db, queue);
    assert!(world.unsubscribe(&welcome).unwrap());
    world.after(Span::days(30)).unwrap();
    let emails = world.inbox("bo@example.com");
    assert_eq!(emails.len(), 1, "{}", diary(&emails));
    let held = "SELECT count(*) FROM messages WHERE id = 'm.2' AND state = 'skipped'";
    assert_eq!(number(&world.db, held), 1);
    let consents = "SELECT count(*) FROM consents WHERE state = 'withdrawn' AND channel = 'email'";
    assert_eq!(number(&world.db, consents), 1);
    world.unsubscribe(&welcome).unwrap();
    assert_eq!(number(&world.db, consents), 1, "twice is as good as once");
}

/// A report, one row per line.
fn figures(report: &Report) -> String {
    let mut lines = vec![line("total", &report.total)];
    lines.extend(report.by_channel.iter().map(|row| line(&row.channel, &row.figures)));
    let variants = report.by_variant.iter();
    lines.extend(variants.map(|row| line(&format!("{}/{}", row.page, row.variant), &row.figures)));
    lines.join("\n")
}

fn line(name: &str, f: &dripline::domain::report::Figures) -> String {
    let roi = f.roi().map(|roi| format!(", roi {roi:.2}")).unwrap_or_default();
    format!(
        "{name}: {} visitors, {} leads, {} contacts, {} conversions, cost {}, revenue {}{roi}",
        f.visitors, f.leads, f.contacts, f.conversions, f.cost_minor, f.revenue_minor
    )
}
