//! Granting and withdrawing consent: one confirmation mail for all pending consents, limits,
//! proofs, preferences and undo.

mod boxes;
mod confirmation;
mod preferences;
mod withdrawal;

use super::interleave::{InTurns, Task, together};
use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, agrees, history, join, number, rows, world};
use dripline::domain::base::language::Language;
use dripline::domain::base::primitives::{Ids, Millis, Span};
use dripline::domain::base::token::Purpose;
use dripline::domain::contact::Contact;
use dripline::domain::contact::consent::{CONFIRMATION_MAILS_A_DAY, with_proofs};
use dripline::domain::contact::message::CapturedMessage;
use dripline::domain::form::form_data::FormData;
use dripline::domain::preferences::{fingerprint, preferences};
use dripline::flows::contact::preferences as choosing;
use dripline::flows::contact::preferences::{Saved, Submission};
use dripline::flows::contact::subscription_links::{self, Confirmation, Link};
use dripline::flows::ingest::form::{self, Checked};
use dripline::native::world::{World, block_on};
use dripline::views::preferences::{
    PreferencesDone, PreferencesView, preferences as preferences_page,
};
use insta::assert_snapshot;
use proptest::prelude::*;

/// A second form for another purpose, and a journey for each; both need confirmation.
const OFFERS: &str = r#"
    [page.q]
    path = "/q"
    template = "pages/q"
    title = "Q"
    form = "g"
    [form.g]
    fields = [{ name = "email", type = "email" }, { name = "phone", type = "tel", region = "GB" }]
    consent = { purpose = "offers", channels = ["email", "sms"], text = "Offers!", double_opt_in = true }
    [purpose.offers]
    name = { en = "Special offers", zh-CN = "优惠信息" }
    description = { en = "Twice a month.", zh-CN = "每月两次。" }
    [journey.j]
    purpose = "news"
    enter = { form = "f" }
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
    [[journey.j.step]]
    id = "rest"
    wait = "90d"
    [journey.k]
    purpose = "offers"
    enter = { form = "g" }
    [[journey.k.step]]
    id = "offer"
    send = "emails/offer"
"#;

const ANN: [(&str, &str); 2] = agrees("ann@x.example");

fn two_forms() -> World {
    let form = FORM.replace("text = \"Write to me.\"", "text = \"Write!\", double_opt_in = true");
    world(&format!("{form}{OFFERS}"))
}

fn subjects(world: &World) -> Vec<String> {
    let mut subjects: Vec<String> =
        world.inbox("ann@x.example").into_iter().map(|message| message.subject).collect();
    subjects.sort_unstable();
    subjects
}

const QUESTION: &str = "Please confirm your e-mail address – dripline";

fn questions(world: &World) -> Vec<CapturedMessage> {
    let all = world.inbox("ann@x.example").into_iter();
    all.filter(|message| message.subject == QUESTION).collect()
}

/// `channel purpose state`, one per line.
fn standing(world: &World) -> String {
    let sql = "SELECT group_concat((k.value ->> 'channel') || ' ' || (k.value ->> 'purpose') || ' '
                      || (k.value ->> 'state'), char(10) ORDER BY 1) AS line
                 FROM contacts c, json_each(c.consents) k";
    let all = rows(&world.db, sql)[0]["line"].as_str().unwrap_or_default().to_owned();
    let mut lines: Vec<&str> = all.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// The recipient of a message unsubscribes from everything.
fn stop(world: &mut World, mail: &CapturedMessage) {
    choose(world, mail, &[("do", "stop")]);
}

/// The preference link of a message's recipient.
fn link(world: &World, mail: &CapturedMessage) -> Link {
    let purposes = [Purpose::Unsubscribe, Purpose::Confirm];
    let found = purposes.into_iter().find_map(|purpose| world.links(mail, purpose).next());
    Link { rest: "email".to_owned(), ..found.unwrap() }
}

fn choose(world: &mut World, message: &CapturedMessage, fields: &[(&str, &str)]) -> Saved {
    let mut answer = FormData::default();
    fields.iter().for_each(|(name, value)| answer.push(*name, *value));
    let (link, now) = (link(world, message), world.now());
    let mut ids = Ids::new(now, 99);
    let language = Language::English;
    let submission = Submission { link: &link, answer: &answer, language, origin_hash: "o" };
    let flow = choosing::save(&world.db, &world.catalog, &submission, now, &mut ids);
    block_on(flow).unwrap()
}

/// A contact that consented to news without confirmation, and its welcome mail.
fn subscriber() -> (World, CapturedMessage) {
    let mut world = world(&format!("{FORM}{OFFERS}"));
    world.submit("/p", &[ANN[0], ("phone", "07400 123456"), ANN[1]]).unwrap();
    let welcome = world.inbox("ann@x.example").remove(0);
    (world, welcome)
}

fn suppress(world: &World, reason: &str) {
    let sql = format!(
        "INSERT INTO suppressions (channel, address, reason, at)
         VALUES ('email', 'ann@x.example', '{reason}', 0)"
    );
    rows(&world.db, &sql);
}
