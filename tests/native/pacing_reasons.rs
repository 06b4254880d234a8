//! Why a message waits or is not sent, as `explain` says it in both languages; each reason arises
//! as it does in practice.

use super::pacing::{campaign, deployment, send_form};
use super::support::{number, rows};
use dripline::domain::base::language::Language::{self, Chinese, English};
use dripline::domain::campaign::journey::RunState;
use dripline::domain::report::explain::MessageExplained;
use dripline::flows::contact::explain::{Question, explain};
use dripline::native::world::{World, block_on};
use insta::assert_snapshot;

/// Ann submits the form in this world and gets two e-mails, each in its own call.
fn meet(mut world: World) -> World {
    world.settings.providers.batch_max = 1;
    send_form(&mut world, "ann@x.example", "");
    world
}

/// The same with these pacing rules of the campaign and of the deployment.
fn paced(pacing: &str, deployment_rules: &str) -> World {
    let mut world = campaign(pacing, 2);
    world.settings.pacing = deployment(deployment_rules);
    meet(world)
}

/// Two e-mails that wait for a provider until something has happened.
fn after(pacing: &str, happens: impl FnOnce(&mut World)) -> World {
    let mut world = campaign(pacing, 2);
    let senders = std::mem::take(&mut world.settings.providers.email);
    let mut world = meet(world);
    rows(&world.db, "UPDATE messages SET send_at = 0");
    world.settings.providers.email = senders;
    happens(&mut world);
    world.tick().unwrap();
    world
}

/// A world whose campaign is auto-paused before Ann submits the form.
fn auto_paused(pacing: &str) -> World {
    let mut world = campaign(pacing, 2);
    let day = world.now().utc_day();
    for (metric, value) in [("sent", 1_000), ("complained", 30)] {
        let row = format!("('c', '{metric}', 'email', 'emails/old', '{day}', {value})");
        rows(&world.db, &format!("INSERT INTO counters VALUES {row}"));
    }
    world.tick().unwrap();
    meet(world)
}

fn messages(world: &World, language: Language) -> Vec<MessageExplained> {
    let ann = rows(&world.db, "SELECT id FROM contacts")[0]["id"].as_str().unwrap().to_owned();
    let question = Question { contact: ann, ..Question::default() };
    let explained = explain(&world.db, &world.catalog, &question, world.now(), language);
    block_on(explained).unwrap().messages
}

/// The explanations of all unsent messages, without duplicates.
fn explanations(worlds: impl IntoIterator<Item = World>) -> String {
    let mut lines = Vec::new();
    for world in worlds {
        let english = messages(&world, English).into_iter();
        for (english, chinese) in english.zip(messages(&world, Chinese)) {
            let line = format!("{}\n  {}\n  {}", english.reason, english.words, chinese.words);
            if english.words != "delivered" && lines.last() != Some(&line) {
                lines.push(line);
            }
        }
    }
    lines.join("\n")
}

#[test]
fn waiting_reasons_are_explained_in_both_languages() {
    let one_a_day = r#"{ "caps": [{ "messages": 1, "within": "1d" }] }"#;
    let slow = r#"{ "rates": { "mailbox": { "calls": 1, "per": "1h" } } }"#;
    assert_snapshot!(explanations([
        paced(r#"quiet = { email = { from = "08:30", to = "10:00" } }"#, "{}"),
        paced(r#"window = { from = "10:00", to = "12:00" }"#, "{}"),
        paced("", one_a_day),
        paced("", slow),
        paced("warm_up = { start = 2026-03-02, days = [1] }", "{}"),
        auto_paused(""),
        after("", |world| {
            rows(&world.db, "INSERT INTO senders VALUES ('mailbox', 9, 1, 4000000000000, 'gone')");
        }),
        after("", |world| world.settings.providers.email.clear()),
        after("", |world| drop(world.set_journey_state("c.j0", RunState::Paused).unwrap())),
    ]), @"
    quiet_hours
      waits to be sent: quiet hours in the contact's time zone
      等待发送：联系人所在地正值免打扰时段
    outside_window
      waits to be sent: outside its send window
      等待发送：不在发送时段内
    capped
      waits to be sent: the contact has reached the frequency cap
      等待发送：联系人收到的消息已达上限
    rate_limited
      waits to be sent: waits for the provider's rate limit
      等待发送：发送服务限速，正在排队
    warm_up
      waits to be sent: the sending domain is warming up, and today's limit is reached
      等待发送：发信域名处于预热期，当日额度已满
    braked
      waits to be sent: the campaign was auto-paused because of complaints or bounces
      等待发送：活动因投诉或退信过多已自动暂停
    sender_out_of_order
      waits to be sent: the provider is unavailable at the moment
      等待发送：发送服务商暂时不可用
    no sender is configured for this channel
      waits to be sent: no provider is configured for this channel
      等待发送：该渠道未配置发送服务
    no sender is configured for this channel
      waits until its journey is resumed
      等待旅程恢复
    ");
}

#[test]
fn lateness_reasons_are_explained_in_both_languages() {
    let late = |rule: &str| format!("give_up_after = \"30m\"\n{rule}");
    let window = r#"window = { from = "10:00", to = "12:00" }"#;
    let dropping = r#"quiet = { email = { from = "08:30", to = "10:00", else = "drop" } }"#;
    let night = r#"{ "quiet": { "email": { "from": "09:30", "to": "13:00" } } }"#;
    assert_snapshot!(explanations([
        paced(dropping, "{}"),
        paced(&late(r#"quiet = { email = { from = "08:30", to = "10:00" } }"#), "{}"),
        paced(&late(window), "{}"),
        paced(&late(r#"caps = [{ messages = 1, within = "1d" }]"#), "{}"),
        paced(&late(""), r#"{ "rates": { "mailbox": { "calls": 1, "per": "1h" } } }"#),
        paced(&late("warm_up = { start = 2026-03-02, days = [1] }"), "{}"),
        auto_paused(&late("")),
        after(&late(""), |world| {
            rows(&world.db, "UPDATE messages SET queued_at = queued_at - 3600000");
        }),
        paced(window, night),
    ]), @"
    quiet_hours
      deliberately not sent: quiet hours in the contact's time zone
      有意未发送：联系人所在地正值免打扰时段
    late_quiet_hours
      deliberately not sent: quiet hours would have held it until it expired
      有意未发送：免打扰时段会拖过有效期
    late_outside_window
      deliberately not sent: its send window would have begun after it expired
      有意未发送：下一个发送时段已过有效期
    late_capped
      deliberately not sent: the frequency cap would have held it until it expired
      有意未发送：联系人收到的消息已达上限，等到可发时已过有效期
    late_rate_limited
      deliberately not sent: the rate limit would have held it until it expired
      有意未发送：排到发送服务时已过有效期
    late_warm_up
      deliberately not sent: the warm-up limit would have held it until it expired
      有意未发送：预热额度用尽，等到可发时已过有效期
    late_braked
      deliberately not sent: the campaign was auto-paused until it expired
      有意未发送：活动自动暂停期间已过有效期
    late
      deliberately not sent: it had expired
      有意未发送：已过有效期
    never_open
      deliberately not sent: no time within two weeks allows it
      有意未发送：两周内没有可发送的时段
    ");
}

#[test]
fn skip_reasons_are_explained_in_both_languages() {
    let change = |sql: &'static str| after("", move |world| drop(rows(&world.db, sql)));
    assert_snapshot!(explanations([
        change("UPDATE contacts SET consents = '[]'"),
        change("UPDATE enrollments SET state = 'exited'"),
        change("UPDATE contacts SET email = NULL"),
        after("", |world| drop(world.set_journey_state("c.j0", RunState::Archived).unwrap())),
    ]), @"
    no_consent
      deliberately not sent: the contact has not consented, or has not confirmed the consent
      有意未发送：联系人未同意接收，或尚未确认
    left_journey
      deliberately not sent: the contact had left the journey
      有意未发送：联系人已离开旅程
    no_address
      deliberately not sent: the contact has no address on this channel
      有意未发送：联系人没有该渠道的地址
    archived
      deliberately not sent: the journey is archived
      有意未发送：旅程已归档
    ");
    let world = after("", |_| ());
    assert_eq!(number(&world.db, "SELECT count(*) FROM messages WHERE state = 'delivered'"), 2);
}
