//! Granting and withdrawing consent: one confirmation mail for all pending consents, limits,
//! proofs, preferences and undo.

use super::interleave::{InTurns, Task, together};
use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, history, number, rows, world};
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
use dripline::flows::contact::subscription_links::{self, Confirmation, Link, Question};
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

const ANN: [(&str, &str); 2] = [("email", "ann@x.example"), ("consent", "on")];

fn two_forms() -> World {
    let form = FORM.replace("text = \"Write to me.\"", "text = \"Write!\", double_opt_in = true");
    world(&format!("{form}{OFFERS}"))
}

fn subjects(world: &World) -> Vec<String> {
    let mut subjects: Vec<String> =
        world.inbox("ann@x.example").into_iter().map(|letter| letter.subject).collect();
    subjects.sort_unstable();
    subjects
}

const QUESTION: &str = "Please confirm your e-mail address – dripline";

fn questions(world: &World) -> Vec<CapturedMessage> {
    let all = world.inbox("ann@x.example").into_iter();
    all.filter(|letter| letter.subject == QUESTION).collect()
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

#[test]
fn one_confirmation_mail_covers_two_forms_and_journeys() {
    let mut world = two_forms();
    world.submit("/p", &ANN).unwrap();
    world.submit("/q", &ANN).unwrap();
    assert_eq!(subjects(&world), [QUESTION]);
    let question = questions(&world).remove(0);
    let link = world.links(&question, Purpose::Confirm).next().unwrap();
    let asked = block_on(subscription_links::question(&world.db, &link, world.now())).unwrap();
    let told = |purpose: &str, words: &str| (purpose.to_owned(), words.to_owned());
    assert_eq!(asked, Question::Asks(vec![told("news", "Write!"), told("offers", "Offers!")]));

    world.confirm(&question).unwrap();
    assert_eq!(subjects(&world), [QUESTION, "emails/offer", "emails/welcome"]);
    let answered = block_on(subscription_links::question(&world.db, &link, world.now())).unwrap();
    assert_eq!(answered, Question::Answered);
    assert_sound(&world.db, None);
}

#[test]
fn one_confirmation_starts_both_journeys_of_a_purpose() {
    let offers =
        OFFERS.replace("\"offers\"", "\"news\"").replace("[purpose.offers]", "[purpose.news]");
    let form = FORM.replace("text = \"Write to me.\"", "text = \"Write!\", double_opt_in = true");
    let mut world = world(&format!("{form}{offers}"));
    world.submit("/p", &ANN).unwrap();
    world.submit("/q", &ANN).unwrap();
    let question = questions(&world).remove(0);
    world.confirm(&question).unwrap();
    assert_eq!(subjects(&world), [QUESTION, "emails/offer", "emails/welcome"]);
    let confirmed = "SELECT count(*) FROM consents WHERE state = 'confirmed'";
    assert_eq!(number(&world.db, confirmed), 2, "the answer to each form is on record");
    assert_sound(&world.db, None);
}

#[test]
fn consent_asked_after_page_view_is_not_confirmed() {
    let mut world = two_forms();
    world.submit("/p", &ANN).unwrap();
    let question = questions(&world).remove(0);
    let shown_at = world.now();
    world.submit("/q", &ANN).unwrap();
    let link = world.links(&question, Purpose::Confirm).next().unwrap();
    let (now, mut ids) = (world.now(), Ids::new(world.now(), 5));
    let origin_hash = "o".to_owned();
    let confirmation = Confirmation { link, shown_at, takes_details: true, origin_hash };
    let flow = subscription_links::confirm(&world.db, &world.catalog, confirmation, now, &mut ids);
    block_on(flow).unwrap();
    assert_snapshot!(standing(&world), @r"
    email news confirmed
    email offers granted
    sms news granted
    sms offers granted
    ");
}

#[test]
fn confirmed_contact_is_asked_again_after_an_hour() {
    let mut world = two_forms();
    world.submit("/p", &ANN).unwrap();
    world.submit("/q", &ANN).unwrap();
    world.after(Span::hours(2)).unwrap();
    assert_eq!(questions(&world).len(), 1, "the first mail asks for both");

    let mut world = two_forms();
    world.submit("/p", &ANN).unwrap();
    let question = questions(&world).remove(0);
    world.confirm(&question).unwrap();
    world.submit("/q", &ANN).unwrap();
    assert_eq!(questions(&world).len(), 1);
    world.after(Span::hours(2)).unwrap();
    let asked: Vec<Millis> = questions(&world).iter().map(|letter| letter.at).collect();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].0 - asked[0].0 >= 3_600_000 && asked[1].0 - asked[0].0 < 3_700_000);
}

#[test]
fn already_answered_confirmation_is_skipped() {
    let mut world = two_forms();
    world.submit("/p", &ANN).unwrap();
    let question = questions(&world).remove(0);
    world.confirm(&question).unwrap();
    world.submit("/q", &ANN).unwrap();
    world.confirm(&question).unwrap();
    world.after(Span::hours(2)).unwrap();
    assert_eq!(questions(&world).len(), 1);
    let skipped = "SELECT count(*) FROM messages WHERE reason = 'nothing_to_confirm'";
    assert_eq!(number(&world.db, skipped), 1);
}

#[test]
fn concurrent_posts_send_one_confirmation_mail() {
    let mut world = two_forms();
    let posts: Vec<_> = ["/p", "/q", "/p", "/q"]
        .into_iter()
        .map(|path| {
            let (form_id, answer) = world.fill_in(path, "", &ANN).unwrap();
            let (edition, form) = world.catalog.form(&form_id).unwrap();
            let (settings, now) = (&world.settings, MONDAY.plus(Span::seconds(10)));
            match form::check(edition, &form_id, form, &answer, "o", settings, now) {
                Checked::Good(submitted) => *submitted,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    let db = InTurns(&world.db);
    let now = MONDAY.plus(Span::seconds(10));
    let post = |(index, submitted)| -> Task<'_, _> {
        let (db, catalog, keys) = (&db, &world.catalog, &world.settings.keys);
        Box::pin(async move {
            let mut ids = Ids::new(now, 70 + index as u64);
            form::submit(db, catalog, keys, submitted, now, &mut ids).await
        })
    };
    let answers = together(posts.into_iter().enumerate().map(post).collect());
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let asked = "SELECT count(*) FROM messages WHERE template = 'house/confirm'";
    assert_eq!(number(&world.db, asked), 1);
    assert_sound(&world.db, None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is submitted, confirmed and withdrawn within a week, no 24 hours contain more
    /// confirmation mails than the cap, and no hour contains more than one.
    #[test]
    fn confirmation_mails_never_exceed_the_cap(
        moves in prop::collection::vec((0..4_u8, 0..400_i64), 1..60)
    ) {
        let mut world = two_forms();
        for (what, minutes) in moves {
            world.after(Span::minutes(minutes)).unwrap();
            let newest = questions(&world).pop();
            match (what, newest) {
                (0, _) => drop(world.submit("/p", &ANN).unwrap()),
                (1, _) => drop(world.submit("/q", &ANN).unwrap()),
                (2, Some(question)) => drop(world.confirm(&question).unwrap()),
                (_, Some(question)) => stop(&mut world, &question),
                _ => {}
            }
        }
        world.after(Span::days(2)).unwrap();
        let asked: Vec<i64> = questions(&world).iter().map(|letter| letter.at.0).collect();
        for (first, at) in asked.iter().enumerate() {
            let within = |span: i64| asked[first..].iter().filter(|a| **a < at + span).count();
            prop_assert!(within(86_400_000) <= CONFIRMATION_MAILS_A_DAY, "{:?}", asked);
            prop_assert!(within(3_600_000) <= 1, "{:?}", asked);
        }
        assert_sound(&world.db, None);
    }
}

/// The recipient of a message unsubscribes from everything.
fn stop(world: &mut World, letter: &CapturedMessage) {
    choose(world, letter, &[("do", "stop")]);
}

/// The preference link of a message's recipient.
fn link(world: &World, letter: &CapturedMessage) -> Link {
    let purposes = [Purpose::Unsubscribe, Purpose::Confirm];
    let found = purposes.into_iter().find_map(|purpose| world.links(letter, purpose).next());
    Link { rest: "email".to_owned(), ..found.unwrap() }
}

fn choose(world: &mut World, letter: &CapturedMessage, fields: &[(&str, &str)]) -> Saved {
    let mut answer = FormData::default();
    fields.iter().for_each(|(name, value)| answer.push(*name, *value));
    let (link, now) = (link(world, letter), world.now());
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

fn words(world: &World, letter: &CapturedMessage) -> String {
    let link = link(world, letter);
    let contact = block_on(choosing::contact(&world.db, &link, world.now())).unwrap().unwrap();
    let shown = preferences(&world.catalog, &"c".into(), &contact, Language::English);
    fingerprint(&shown, Language::English)
}

#[test]
fn preference_page_confirms_consent_on_the_link_channel_only() {
    let (mut world, welcome) = subscriber();
    let words = words(&world, &welcome);
    let saved = choose(
        &mut world,
        &welcome,
        &[
            ("shown", "email.news sms.news"),
            ("agree", "email.news"),
            ("agree", "email.offers"),
            ("agree", "sms.offers"),
            ("words", &words),
            ("do_not_track", "1"),
            ("language", "zh-CN"),
        ],
    );
    let Saved::Yes(contact) = saved else { panic!("{saved:?}") };
    assert!(contact.refuses_tracking());
    assert_eq!(contact.locale.as_deref(), Some("zh-CN"));
    assert_snapshot!(standing(&world), @r"
    email news granted
    email offers confirmed
    sms news withdrawn
    sms offers granted
    ");
    let told = "SELECT text, source, length(text_hash) AS hash, message_id IS NOT NULL AS linked
                  FROM consents WHERE purpose = 'offers' AND channel = 'email'";
    let told = &rows(&world.db, told)[0];
    assert_eq!(told["text"], "Special offers · Twice a month. · E-mail");
    assert_eq!((&told["source"], &told["hash"]), (&"preference page".into(), &64.into()));
    assert_eq!(told["linked"], 1);
    assert_sound(&world.db, None);

    let before = history(&world.db, "ann@x.example");
    choose(
        &mut world,
        &welcome,
        &[("shown", "sms.news"), ("language", "zh-CN"), ("do_not_track", "1")],
    );
    assert_eq!(history(&world.db, "ann@x.example"), before, "said again, it changes nothing");
}

#[test]
fn stale_preference_page_grants_nothing() {
    let (mut world, welcome) = subscriber();
    world.unsubscribe(&welcome).unwrap();
    // The page was opened while the box was ticked, and is submitted with it.
    choose(&mut world, &welcome, &[("shown", "email.news sms.news"), ("agree", "email.news")]);
    assert_eq!(standing(&world), "email news withdrawn\nsms news withdrawn");
}

#[test]
fn changed_consent_text_must_be_shown_again() {
    let (mut world, welcome) = subscriber();
    let fields = [("shown", "email.news sms.news"), ("agree", "email.offers"), ("words", "old")];
    let saved = choose(&mut world, &welcome, &fields);
    assert!(matches!(saved, Saved::WordsChanged(_)), "{saved:?}");
    assert_eq!(standing(&world), "email news withdrawn\nsms news withdrawn");
}

#[test]
fn unsubscribe_all_ignores_what_the_page_showed() {
    let (mut world, welcome) = subscriber();
    choose(&mut world, &welcome, &[("do", "stop"), ("agree", "email.offers")]);
    assert_eq!(standing(&world), "email news withdrawn\nsms news withdrawn");
    assert!(history(&world.db, "ann@x.example").iter().all(|name| name != "consent.preferences"));
}

#[test]
fn withdrawing_consent_skips_its_queued_messages_at_once() {
    let (mut world, welcome) = subscriber();
    let queue = |id: &str, purpose: &str, uncertain: u8| {
        let sql = format!(
            "INSERT INTO messages (id, contact_id, campaign_id, version, enrollment_id, journey,
                    step, channel, class, purpose, template, note, state, reason, queued_at,
                    send_at, attempts, uncertain)
             SELECT enrollment_id || '.{id}', contact_id, campaign_id, version, enrollment_id,
                    journey, 'rest', channel, class, '{purpose}', template, note, 'queued', '',
                    queued_at, send_at + 864000000, {uncertain}, {uncertain}
               FROM messages WHERE step = 'welcome'"
        );
        rows(&world.db, &sql);
    };
    queue("later", "news", 0);
    queue("other", "offers", 0);
    queue("perhaps-sent", "news", 1);
    world.unsubscribe(&welcome).unwrap();
    let found = "SELECT group_concat(substr(id, 38) || ' ' || state || ' ' || reason, ', '
                                     ORDER BY id) AS line FROM messages";
    assert_eq!(
        rows(&world.db, found)[0]["line"],
        "1 delivered , later skipped no_consent, other queued , perhaps-sent queued "
    );
}

fn undo(world: &mut World, link: &Link) -> bool {
    let (now, mut ids) = (world.now(), Ids::new(world.now(), 7));
    block_on(subscription_links::undo(
        &world.db, &world.catalog, link, "Again!", "o", now, &mut ids,
    ))
    .unwrap()
}

fn unsubscribe(world: &World, letter: &CapturedMessage) -> Option<Link> {
    let link = world.links(letter, Purpose::Unsubscribe).next().unwrap();
    let (now, mut ids) = (world.now(), Ids::new(world.now(), 8));
    block_on(subscription_links::unsubscribe(&world.db, &world.catalog, link, "o", now, &mut ids))
        .unwrap()
}

#[test]
fn unsubscribe_can_be_undone_once_within_a_day() {
    let (mut world, welcome) = subscriber();
    let back = unsubscribe(&world, &welcome).expect("something was taken back");
    assert_eq!(unsubscribe(&world, &welcome), None, "the second time there is nothing to undo");
    assert!(undo(&mut world, &back));
    assert_eq!(standing(&world), "email news confirmed\nsms news granted");
    assert!(!undo(&mut world, &back));
    let text = "SELECT text FROM consents WHERE source = 'undo link'";
    assert_eq!(rows(&world.db, text)[0]["text"], "Again!");

    world.after(Span::minutes(1)).unwrap();
    let later = unsubscribe(&world, &welcome).unwrap();
    assert!(!undo(&mut world, &back), "what was refused anew stays refused");
    world.after(Span::hours(25)).unwrap();
    assert!(!undo(&mut world, &later), "too late");
    assert_eq!(standing(&world), "email news withdrawn\nsms news granted");
    assert_sound(&world.db, None);
}

fn suppress(world: &World, reason: &str) {
    let sql = format!(
        "INSERT INTO suppressions (channel, address, reason, at)
         VALUES ('email', 'ann@x.example', '{reason}', 0)"
    );
    rows(&world.db, &sql);
}

#[test]
fn confirming_lifts_unsubscribed_suppression_only() {
    let ended = |reason: &str| {
        let mut world = two_forms();
        suppress(&world, reason);
        world.submit("/p", &ANN).unwrap();
        let question = questions(&world).pop();
        if let Some(question) = &question {
            world.confirm(question).unwrap();
        }
        assert_sound(&world.db, None);
        let row = "SELECT coalesce(released_by, '-') AS by, until IS NOT NULL AS over
                     FROM suppressions";
        let row = &rows(&world.db, row)[0];
        (question.is_some(), row["by"].as_str().unwrap().to_owned(), subjects(&world).len())
    };
    assert_eq!(ended("unsubscribed"), (true, "confirmation link".to_owned(), 2));
    for reason in ["bounced", "complained", "erased", "manual", "imported"] {
        assert_eq!(ended(reason), (false, "-".to_owned(), 0), "{reason}");
    }
}

#[test]
fn grant_has_proof_unless_withdrawn_before() {
    let mut world = two_forms();
    world.submit("/p", &ANN).unwrap();
    let question = questions(&world).remove(0);
    stop(&mut world, &question);
    world.after(Span::hours(2)).unwrap();
    world.submit("/p", &ANN).unwrap();
    let question = questions(&world).remove(1);
    world.confirm(&question).unwrap();
    let link = world.links(&question, Purpose::Confirm).next().unwrap();
    let read = subscription_links::read_consents(&world.db, &link.contact, world.now());
    let (_, ledger) = block_on(read).unwrap().unwrap();
    let lines: Vec<String> = with_proofs(ledger)
        .iter()
        .filter(|entry| entry.record.channel.as_str() == "email")
        .map(|entry| {
            let proof =
                entry.proof.as_ref().map(|proof| proof.message == Some(link.message.clone()));
            format!("{} {} {proof:?}", entry.record.state.as_str(), entry.record.source)
        })
        .collect();
    assert_snapshot!(lines.join("\n"), @r"
    granted c.f None
    withdrawn preference page None
    granted c.f Some(true)
    confirmed confirmation link None
    ");
}

#[test]
fn merging_keeps_the_confirmation_mail_limit() {
    let mut world = two_forms();
    world.submit("/p", &ANN).unwrap();
    world.after(Span::minutes(2)).unwrap();
    assert_eq!(questions(&world).len(), 1);
    // A contact with a phone but no e-mail address is merged with Ann's.
    let bob = [("phone", "07400 123456"), ("consent", "on")];
    world.submit("/q", &bob).unwrap();
    world.merge("ann@x.example", "+447400123456").unwrap();
    world.submit("/q", &ANN).unwrap();
    world.after(Span::minutes(50)).unwrap();
    assert_eq!(questions(&world).len(), 1, "the one that is out asks for both");
    let sql = "SELECT json_array_length(confirmation_mails) FROM contacts WHERE email IS NOT NULL";
    assert_eq!(number(&world.db, sql), 1);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn address_aliases_share_the_confirmation_mail_limit() {
    let mut world = two_forms();
    let spelled = |world: &mut World, email: &str| {
        world.submit("/p", &[("email", email), ("consent", "on")]).unwrap();
        world.after(Span::minutes(90)).unwrap();
    };
    let asked = |world: &World| number(&world.db, "SELECT count(*) FROM messages");
    for number in 0..8 {
        spelled(&mut world, &format!("ann+{number}@x.example"));
    }
    assert_eq!(asked(&world), 3, "three a day");
    for other in ["bob+1@x.example", "ann+1@y.example"] {
        spelled(&mut world, other);
    }
    assert_eq!(asked(&world), 5, "others are not in the way");
    world.after(Span::hours(24)).unwrap();
    spelled(&mut world, "ann+9@x.example");
    assert_eq!(asked(&world), 6, "the next day is another");
    let sql = "SELECT count(*) FROM contacts WHERE mailbox = 'ann@x.example'";
    assert_eq!(number(&world.db, sql), 9, "each is a contact all the same");
    world.erase("ann+9@x.example").unwrap();
    assert_eq!(number(&world.db, sql), 8, "of whom is erased no address stays");
    assert_sound(&world.db, Some(world.now()));
}

/// A form with three boxes: two for purposes that need confirmation, and one for transfer abroad.
const BOXES: &str = r#"
    [page.p]
    path = "/p"
    template = "pages/p"
    title = "P"
    form = "f"
    [form.f]
    fields = [{ name = "email", type = "email" }, { name = "phone", type = "tel", region = "GB" }]
    [[form.f.consent]]
    purpose = "news"
    channels = ["email"]
    text = "News!"
    double_opt_in = true
    [[form.f.consent]]
    purpose = "offers"
    channels = ["email", "sms"]
    text = "Offers!"
    double_opt_in = true
    [[form.f.consent]]
    purpose = "abroad"
    cross_border = true
    text = "My data may go to Example Inc. in the US."
    [journey.j]
    purpose = "news"
    enter = { form = "f" }
    re_entry = "always"
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
"#;
const NEWS_BOX: &str = "consent.news.email";
const OFFERS_BOX: &str = "consent.offers.email.sms";
const ABROAD_BOX: &str = "consent.abroad.email.sms";

fn ledger(world: &World) -> String {
    let sql = "SELECT channel || ' ' || purpose || ' ' || state || ' ' || cross_border || ' '
                      || text AS line FROM consents ORDER BY seq, channel";
    let lines = rows(&world.db, sql);
    lines.iter().map(|row| format!("{}\n", row["line"].as_str().unwrap())).collect()
}

#[test]
fn each_consent_box_is_recorded_and_one_mail_confirms_all() {
    let mut world = world(BOXES);
    let email = ("email", "ann@x.example");
    let ticked = [email, (NEWS_BOX, "on"), (OFFERS_BOX, "on"), (ABROAD_BOX, "on")];
    world.submit("/p", &ticked).unwrap();
    world.after(Span::minutes(2)).unwrap();
    assert_eq!(subjects(&world), [QUESTION]);
    assert_snapshot!(ledger(&world), @"
    email news granted 0 News!
    email offers granted 0 Offers!
    sms offers granted 0 Offers!
    email abroad granted 1 My data may go to Example Inc. in the US.
    sms abroad granted 1 My data may go to Example Inc. in the US.
    ");
    let question = questions(&world).remove(0);
    let link = world.links(&question, Purpose::Confirm).next().unwrap();
    let asked = block_on(subscription_links::question(&world.db, &link, world.now())).unwrap();
    let told = |purpose: &str, words: &str| (purpose.to_owned(), words.to_owned());
    assert_eq!(asked, Question::Asks(vec![told("news", "News!"), told("offers", "Offers!")]));
    world.confirm(&question).unwrap();
    assert_eq!(subjects(&world), [QUESTION, "emails/welcome"], "the journey begins once");
    assert_snapshot!(standing(&world), @"
    email abroad granted
    email news confirmed
    email offers confirmed
    sms abroad granted
    sms offers granted
    ");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn unticked_box_grants_no_consent() {
    let mut world = world(BOXES);
    world
        .submit("/p", &[("email", "ann@x.example"), (ABROAD_BOX, "on"), ("consent", "on")])
        .unwrap();
    world.after(Span::minutes(2)).unwrap();
    assert_eq!(subjects(&world), [""; 0], "nothing is to be confirmed, and nothing may be sent");
    assert_snapshot!(standing(&world), @"
    email abroad granted
    sms abroad granted
    ");
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn time_zone_is_set_from_the_list_only() {
    let (mut world, welcome) = subscriber();
    let zone = |world: &World| {
        let row = rows(&world.db, "SELECT time_zone FROM contacts").remove(0);
        row["time_zone"].as_str().map(str::to_owned)
    };
    let all = ("shown", "email.news sms.news");
    let agree = [all, ("agree", "email.news"), ("agree", "sms.news")];
    let mut save = |value: &str| {
        choose(&mut world, &welcome, &[&agree[..], &[("time_zone", value)]].concat());
        zone(&world)
    };
    for wrong in ["", "Mars/Base", "asia/shanghai", "UTC", "../etc", "Asia/"] {
        assert_eq!(save(wrong), None, "{wrong}");
    }
    assert_eq!(save("Asia/Shanghai").as_deref(), Some("Asia/Shanghai"));
    assert_eq!(save("").as_deref(), Some("Asia/Shanghai"), "left as it is");
    let told = rows(
        &world.db,
        "SELECT properties ->> 'time_zone' AS zone FROM events
          WHERE name = 'consent.preferences'",
    );
    assert_eq!(told.len(), 1, "said again, it changes nothing");
    assert_eq!(told[0]["zone"], "Asia/Shanghai");
    let link = link(&world, &welcome);
    let contact = block_on(choosing::contact(&world.db, &link, world.now())).unwrap().unwrap();
    let page = page(&world, &contact, Language::Chinese);
    assert!(
        page.contains("<option value=\"Asia/Shanghai\" selected>北京、上海、深圳</option>"),
        "{page}"
    );
    assert!(page.contains("<optgroup label=\"亚洲\">") && !page.contains("与发送方相同"));
    assert_sound(&world.db, Some(world.now()));
}

fn page(world: &World, contact: &Contact, language: Language) -> String {
    preferences_page(&PreferencesView {
        language,
        token: "t",
        contact,
        preferences: &preferences(&world.catalog, &"c".into(), contact, language),
        done: PreferencesDone::Nothing,
        time_zone: "UTC",
        sender_name: "C",
        postal_address: "1 Test Road",
    })
}

/// Four forms with ten boxes each, on two channels.
fn forty_purposes() -> String {
    let forms = (0..4).map(|form| {
        let boxes = (0..10).map(|n| {
            format!(
                "[[form.f{form}.consent]]\npurpose = \"purpose-{form}-{n}\"\n\
                 channels = [\"email\", \"sms\"]\ntext = \"About {form} and {n}\"\n"
            )
        });
        let fields =
            "[{ name = \"email\", type = \"email\" }, { name = \"phone\", type = \"tel\" }]";
        format!(
            "[page.p{form}]\npath = \"/p{form}\"\ntemplate = \"pages/p\"\ntitle = \"P\"\n\
             form = \"f{form}\"\n[form.f{form}]\nfields = {fields}\n{}",
            boxes.collect::<String>()
        )
    });
    let journey = "[journey.j]\npurpose = \"purpose-0-0\"\nenter = { form = \"f0\" }\n\
                   [[journey.j.step]]\nid = \"welcome\"\nsend = \"emails/welcome\"\n";
    forms.collect::<String>() + journey
}

#[test]
fn forty_purposes_on_two_channels_fit_one_page() {
    let mut world = world(&forty_purposes());
    let fields = [
        ("email", "ann@x.example"),
        ("phone", "+447400123456"),
        ("consent.purpose-0-0.email.sms", "on"),
    ];
    world.submit("/p0", &fields).unwrap();
    let welcome = world.inbox("ann@x.example").remove(0);
    let link = link(&world, &welcome);
    let contact = block_on(choosing::contact(&world.db, &link, world.now())).unwrap().unwrap();
    let shown = preferences(&world.catalog, &"c".into(), &contact, Language::English);
    assert_eq!(shown.len(), 40);
    let html = page(&world, &contact, Language::English);
    assert_eq!(html.matches("type=\"checkbox\" name=\"agree\"").count(), 80);
    assert!(html.len() < 100_000, "{}", html.len());

    // What a browser sends when everything is ticked, and then when nothing is.
    let ticked = shown.iter().flat_map(|p| p.boxes.iter().map(|tick| p.value(tick)));
    let ticked: Vec<String> = ticked.collect();
    let send = |world: &mut World, shown_on: &str, ticked: &[String]| {
        let now_shown = fingerprint(&shown, Language::English);
        let ticks: String = ticked.iter().map(|value| format!("&agree={value}")).collect();
        let body = format!(
            "shown={}&words={now_shown}{ticks}&do_not_track=1&language=en&time_zone=Europe%2FParis",
            shown_on.replace(' ', "+")
        );
        let answer = FormData::from_urlencoded(body.as_bytes()).unwrap();
        let mut ids = Ids::new(world.now(), 98);
        let (language, now) = (Language::English, world.now());
        let submission = Submission { link: &link, answer: &answer, language, origin_hash: "o" };
        let flow = choosing::save(&world.db, &world.catalog, &submission, now, &mut ids);
        assert!(matches!(block_on(flow).unwrap(), Saved::Yes(_)));
    };
    let standing_so = |world: &World, state: &str| {
        number(
            &world.db,
            &format!(
                "SELECT count(*) FROM contacts c, json_each(c.consents) k
                  WHERE k.value ->> 'state' IN ({state})"
            ),
        )
    };
    send(&mut world, "email.purpose-0-0 sms.purpose-0-0", &ticked);
    assert_eq!(standing_so(&world, "'granted', 'confirmed'"), 80);
    world.after(Span::minutes(5)).unwrap();
    send(&mut world, &ticked.join(" "), &[]);
    assert_eq!(standing_so(&world, "'withdrawn'"), 80);
    assert_sound(&world.db, Some(world.now()));
}
