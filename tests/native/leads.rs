//! No lead is lost and no contact is taken over: what a token, a key and a form stand for.

use super::invariants::assert_sound;
use super::support::{FORM, number, rows, submission, world};
use dripline::domain::base::language::Language;
use dripline::domain::base::primitives::{Ids, Millis, QualifiedId, Span};
use dripline::domain::base::token::Purpose;
use dripline::domain::contact::message::CapturedMessage;
use dripline::domain::engine::Submitted;
use dripline::domain::form::form_data::FormData;
use dripline::domain::form::{FILL_TIME_MIN, FieldProblem, FieldReason, TOKEN_FIELD};
use dripline::domain::inbound::sms::InboundSms;
use dripline::flows::contact::explain::{Question, explain};
use dripline::flows::contact::subscription_links::{self, Confirmation, Link};
use dripline::flows::ingest::api_events;
use dripline::flows::ingest::form::{Checked, check};
use dripline::flows::tasks::Intake;
use dripline::native::world::{Sent, World, block_on};
use serde_json::{Value, json};

const JOURNEY: &str = r#"
    [journey.j]
    purpose = "news"
    enter = { form = "f" }
    re_entry = "always"
    [[journey.j.step]]
    id = "welcome"
    send = "emails/welcome"
    [[journey.j.step]]
    id = "pause"
    wait = "1d"
    [[journey.j.step]]
    id = "text"
    send = "sms/text"
"#;

const ANN: (&str, &str) = ("email", "ann@x.example");
const AGREES: (&str, &str) = ("consent", "on");
const HERS: (&str, &str) = ("phone", "07400 123456");
const HIS: (&str, &str) = ("phone", "07400 999999");
const QUESTION: &str = "Please confirm your e-mail address – dripline";

/// A form without double opt-in.
fn single() -> World {
    world(&format!("{FORM}{JOURNEY}"))
}

/// The same with double opt-in.
fn double() -> World {
    let form = FORM.replace("text = \"Write to me.\"", "text = \"Write!\", double_opt_in = true");
    world(&format!("{form}{JOURNEY}"))
}

/// Each contact on one line: e-mail, phone, name.
fn people(world: &World) -> Vec<String> {
    let sql = "SELECT coalesce(email, '-') || ' ' || coalesce(phone, '-') || ' '
                      || coalesce(attributes ->> 'first_name', '-') AS line
                 FROM contacts WHERE merged_into IS NULL ORDER BY 1";
    rows(&world.db, sql).iter().map(|row| row["line"].as_str().unwrap().to_owned()).collect()
}

/// Ann's consents: `email granted`, with `waits` for one that counts only once confirmed.
fn standing(world: &World) -> Vec<String> {
    let sql = "SELECT (k.value ->> 'channel') || ' ' || (k.value ->> 'state')
                      || iif(k.value ->> 'state' = 'granted' AND k.value ->> 'double_opt_in',
                             ', waits', '') AS line
                 FROM contacts c, json_each(c.consents) k
                WHERE c.email = 'ann@x.example' ORDER BY 1";
    rows(&world.db, sql).iter().map(|row| row["line"].as_str().unwrap().to_owned()).collect()
}

fn questions(world: &World) -> Vec<CapturedMessage> {
    let all = world.inbox(ANN.1).into_iter();
    all.filter(|message| message.subject == QUESTION).collect()
}

fn texts(world: &World) -> Vec<String> {
    let all = world.captured_messages().into_iter();
    all.filter(|message| message.channel == "sms").map(|message| message.address).collect()
}

fn accepted_events(world: &mut World, body: &Value) -> Vec<Intake> {
    let mut ids = Ids::new(world.now(), 77);
    api_events::read(body.to_string().as_bytes(), world.now(), &mut ids).unwrap()
}

fn send_event(world: &mut World, body: &Value) {
    let facts = accepted_events(world, body);
    world.take_in(facts).unwrap();
}

/// Submits a filled-in form with the token of another.
fn send_with(
    world: &mut World,
    token: &(QualifiedId, FormData),
    fields: &[(&str, &str)],
) -> Result<Sent, String> {
    let mut answer = FormData::default();
    let (form, first) = token;
    answer.push(TOKEN_FIELD, first.first(TOKEN_FIELD).unwrap_or_default());
    fields.iter().for_each(|(name, value)| answer.push(*name, *value));
    world.send(form, &answer).map_err(|error| error.to_string())
}

#[test]
fn same_token_with_other_answers_is_another_submission() {
    let mut world = single();
    let token = world.fill_in("/p", "", &[]).unwrap();
    world.after(FILL_TIME_MIN).unwrap();
    let bo = ("email", "bo@x.example");
    for fields in [
        &[ANN, AGREES][..],
        &[AGREES, ANN],
        &[bo, AGREES],
        &[bo, AGREES],
        &[bo],
        &[bo, AGREES, ("first_name", "Bo")],
        &[ANN, AGREES],
    ] {
        assert_eq!(send_with(&mut world, &token, fields), Ok(Sent::Thanks));
    }
    assert_eq!(people(&world), ["ann@x.example - -", "bo@x.example - Bo"]);
    let submitted = "SELECT count(*) FROM events WHERE name = 'form.submitted'";
    assert_eq!(number(&world.db, submitted), 4, "Ann once, Bo three times");
    assert_sound(&world.db, None);
}

#[test]
fn queued_submission_is_deduplicated_by_key() {
    let mut world = single();
    let now = submission(&mut world, &[ANN, AGREES]);
    let before = Submitted { key: "form:of-an-older-deployment".to_owned(), ..now };
    for _ in 0..2 {
        let task = Intake::SubmissionV1(Box::new(before.clone()));
        world.take_in(vec![task]).unwrap();
    }
    assert_eq!(number(&world.db, "SELECT count(*) FROM events WHERE key LIKE 'form:%'"), 1);
}

fn order(id: &str, value: &str) -> Value {
    json!({ "id": id, "name": "order.completed", "email": ANN.1, "value": value,
            "currency": "GBP" })
}

#[test]
fn event_id_stands_for_one_content() {
    let mut world = single();
    send_event(&mut world, &json!({ "events": [order("o-1", "10.00")] }));
    let mut asked = |events: Value| {
        let facts = accepted_events(&mut world, &json!({ "events": events }));
        let found = block_on(api_events::conflicts(&world.db, &facts));
        found.into_iter().map(|problem| problem.key).collect::<Vec<_>>()
    };
    let none = Vec::<String>::new();
    assert_eq!(asked(json!([order("o-1", "10.00")])), none, "the same again");
    assert_eq!(asked(json!([order("o-2", "1.00"), order("o-1", "11.00")])), ["events[1].id"]);
    let mut to_bo = order("o-1", "10.00");
    to_bo["email"] = "bo@x.example".into();
    assert_eq!(asked(json!([to_bo])), ["events[0].id"]);
    let mut in_capitals = order("o-1", "10.00");
    in_capitals["email"] = "ANN@X.EXAMPLE".into();
    assert_eq!(asked(json!([in_capitals])), none, "the same address");
    let two = json!([order("o-3", "1.00"), order("o-3", "2.00"), order("o-3", "1.00")]);
    assert_eq!(asked(two), ["events[1].id"], "within one request");
    let mut nameless = order("", "1.00");
    nameless.as_object_mut().unwrap().remove("id");
    assert_eq!(asked(json!([nameless, nameless])), none, "without an id all are different");
}

#[test]
fn conflicting_event_id_in_queue_is_recorded_once() {
    let mut world = single();
    let (first, other) = (order("o-1", "10.00"), order("o-1", "11.00"));
    let mut to_bo = order("o-1", "10.00");
    to_bo["email"] = "bo@x.example".into();
    // Together in one batch, again, and once more when everything is known.
    for events in [json!([first, other, to_bo]), json!([other]), json!([first, to_bo])] {
        send_event(&mut world, &json!({ "events": events }));
    }
    let logged = rows(
        &world.db,
        "SELECT c.email, e.name, e.properties ->> 'id' AS id
           FROM events e JOIN contacts c ON c.id = e.contact_id ORDER BY 1, 2",
    );
    let refused = "contact.report_refused";
    let event =
        |email: &str, name: &str, id: Value| json!({ "email": email, "name": name, "id": id });
    let all = [
        event(ANN.1, refused, "o-1".into()),
        event(ANN.1, "order.completed", Value::Null),
        event("bo@x.example", refused, "o-1".into()),
    ];
    assert_eq!(logged, all);
    let question = Question { contact: ANN.1.to_owned(), ..Question::default() };
    let flow = explain(&world.db, &world.catalog, &question, world.now(), Language::English);
    let one = block_on(flow).unwrap().set_aside.remove(0);
    assert_eq!((&*one.name, &*one.by), ("o-1", "order.completed"));
    assert_eq!(one.state, "id_used_for_another_event");
    assert_sound(&world.db, None);
    world.erase(ANN.1).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM events WHERE content IS NOT NULL"), 0);
}

#[test]
fn event_id_without_stored_content_is_a_duplicate() {
    let mut world = single();
    send_event(&mut world, &json!({ "events": [order("o-1", "10.00")] }));
    rows(&world.db, "UPDATE events SET content = NULL");
    let again = json!({ "events": [order("o-1", "11.00")] });
    let facts = accepted_events(&mut world, &again);
    assert_eq!(block_on(api_events::conflicts(&world.db, &facts)), []);
    world.take_in(facts).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM events"), 1);
}

/// The source of a name and phone.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// A form alone.
    Form,
    /// A form, followed by the link of the confirmation mail.
    Owner,
    /// The API.
    Api,
}

/// What is stored about Ann after Eve, or Ann herself, gave another name and phone.
fn kept(known: &[(&str, &str)], by: By) -> String {
    let mut world = if by == By::Owner { double() } else { single() };
    if !known.is_empty() {
        world.submit("/p", known).unwrap();
    }
    world.after(Span::hours(2)).unwrap();
    match by {
        By::Api => send_event(
            &mut world,
            &json!({ "events": [{ "name": "seen", "email": ANN.1, "phone": "+447400999999",
                                  "external_id": "crm-1" }] }),
        ),
        By::Form | By::Owner => {
            world.submit("/p", &[ANN, HIS, AGREES, ("first_name", "Eve")]).unwrap();
        }
    }
    if by == By::Owner {
        let question = questions(&world).pop().unwrap();
        world.confirm(&question).unwrap();
    }
    assert_sound(&world.db, None);
    people(&world).remove(0)
}

/// The table in docs/consent.md, cell by cell.
#[test]
fn name_and_phone_trust_depends_on_source() {
    let hers = "ann@x.example +447400123456 Ann";
    let his = "ann@x.example +447400999999 Eve";
    let unknown = &[][..];
    let blank = &[ANN][..];
    let set = &[ANN, HERS, ("first_name", "Ann")][..];
    for (known, by, wanted) in [
        (unknown, By::Form, his),
        (unknown, By::Owner, his),
        (unknown, By::Api, "ann@x.example +447400999999 -"),
        (blank, By::Form, "ann@x.example - Eve"),
        (blank, By::Owner, his),
        (blank, By::Api, "ann@x.example +447400999999 -"),
        (set, By::Form, hers),
        (set, By::Owner, his),
        (set, By::Api, hers),
    ] {
        assert_eq!(kept(known, by), wanted, "{known:?}");
    }
}

#[test]
fn phone_given_by_stranger_gets_no_sms() {
    for known in [&[ANN, HERS, AGREES][..], &[ANN, AGREES], &[ANN]] {
        let mut world = single();
        world.submit("/p", known).unwrap();
        world.submit("/p", &[ANN, HIS, AGREES]).unwrap();
        world.after(Span::days(3)).unwrap();
        assert!(!texts(&world).contains(&"+447400999999".to_owned()), "{known:?}");
        assert_sound(&world.db, None);
    }
}

#[test]
fn phone_confirmed_by_owner_gets_sms() {
    let mut world = single();
    world.submit("/p", &[ANN]).unwrap();
    world.submit("/p", &[ANN, HIS, AGREES]).unwrap();
    assert_eq!(standing(&world), ["email granted", "sms granted, waits"]);
    let question = questions(&world).remove(0);
    world.confirm(&question).unwrap();
    assert_eq!(standing(&world), ["email granted", "sms confirmed"]);
    world.after(Span::days(3)).unwrap();
    assert!(texts(&world).contains(&"+447400999999".to_owned()));
    assert_eq!(
        number(&world.db, "SELECT count(*) FROM messages WHERE template = 'emails/welcome'"),
        1,
        "the confirmation begins no journey again"
    );
    assert_sound(&world.db, None);
}

#[test]
fn submission_is_assigned_to_the_right_contact() {
    let mail = ("email", "bo@x.example");
    for (known, sent, wanted) in [
        // A contact with only a phone gets no e-mail address.
        (&[HERS][..], &[HERS, ("first_name", "Eve")][..], &["- +447400123456 Eve"][..]),
        (&[HERS], &[HERS, mail], &["- +447400123456 -", "bo@x.example - -"]),
        // A contact with only an e-mail address gets no phone.
        (&[ANN], &[ANN, HIS], &["ann@x.example - -"]),
        // Her phone stays hers when it is submitted with another e-mail address.
        (&[ANN, HERS], &[HERS, mail], &["ann@x.example +447400123456 -", "bo@x.example - -"]),
        (&[ANN, HERS], &[HERS, ("first_name", "Eve")], &["ann@x.example +447400123456 Eve"]),
    ] {
        let mut world = single();
        world.submit("/p", known).unwrap();
        world.submit("/p", sent).unwrap();
        assert_eq!(people(&world), wanted, "{known:?} {sent:?}");
        assert_sound(&world.db, None);
    }
    // The e-mail address of one contact and the phone of another.
    let mut world = single();
    world.submit("/p", &[ANN]).unwrap();
    world.submit("/p", &[("email", "bo@x.example"), HERS]).unwrap();
    world.submit("/p", &[ANN, HERS, AGREES, ("first_name", "Ann")]).unwrap();
    assert_eq!(people(&world), ["ann@x.example - Ann", "bo@x.example +447400123456 -"]);
    // The API is trusted: its caller holds a token.
    let mut world = single();
    world.submit("/p", &[HERS]).unwrap();
    send_event(
        &mut world,
        &json!({ "events": [{ "name": "seen", "email": ANN.1,
                                           "phone": "+447400123456" }] }),
    );
    assert_eq!(people(&world), ["ann@x.example +447400123456 -"]);
}

#[test]
fn consent_for_unnamed_address_waits_for_its_owner() {
    let mut world = single();
    world.submit("/p", &[ANN, HERS]).unwrap();
    world.submit("/p", &[HERS, AGREES]).unwrap();
    assert_eq!(standing(&world), ["email granted, waits", "sms granted"]);
    let question = questions(&world).remove(0);
    world.confirm(&question).unwrap();
    assert_eq!(standing(&world), ["email confirmed", "sms granted"]);
}

fn link(world: &World, message: &CapturedMessage) -> Link {
    world.links(message, Purpose::Confirm).next().unwrap()
}

#[test]
fn owner_sees_claims_and_may_drop_them() {
    let mut world = double();
    world.submit("/p", &[ANN, HERS, ("first_name", "Ann"), AGREES]).unwrap();
    let question = questions(&world).remove(0);
    let shown_at = world.now();
    world.submit("/p", &[ANN, HIS, ("first_name", "Eve")]).unwrap();
    let link = link(&world, &question);
    let claims = |world: &World, at: Millis| {
        block_on(subscription_links::claims(&world.db, &link, at)).unwrap()
    };
    assert_eq!(claims(&world, shown_at), json!({}).as_object().unwrap().clone());
    let claimed = json!({ "first_name": "Eve", "phone": "+447400999999" });
    assert_eq!(Value::Object(claims(&world, world.now())), claimed);

    // Claims made after the page was shown keep waiting.
    let (now, mut ids) = (world.now(), Ids::new(world.now(), 5));
    let mut answer = |shown_at: Millis, takes: bool| {
        let origin_hash = "o".to_owned();
        let confirmation =
            Confirmation { link: link.clone(), shown_at, takes_details: takes, origin_hash };
        let flow =
            subscription_links::confirm(&world.db, &world.catalog, confirmation, now, &mut ids);
        block_on(flow).unwrap();
        (people(&world).remove(0), claims(&world, now).len())
    };
    let hers = "ann@x.example +447400123456 Ann".to_owned();
    assert_eq!(answer(shown_at, true), (hers.clone(), 2));
    assert_eq!(answer(now, false), (hers.clone(), 0), "they are dropped for good");
    assert_eq!(answer(now, true), (hers, 0));
    assert_sound(&world.db, None);
}

#[test]
fn correction_by_returning_lead_waits_for_confirmation() {
    let mut world = double();
    world.submit("/p", &[ANN, ("first_name", "Anne"), AGREES]).unwrap();
    world.confirm(&questions(&world)[0]).unwrap();
    world.after(Span::days(1)).unwrap();
    world.submit("/p", &[ANN, ("first_name", "Ann"), AGREES]).unwrap();
    assert_eq!(people(&world), ["ann@x.example - Anne"]);
    let question = Question { contact: ANN.1.to_owned(), ..Question::default() };
    let flow = explain(&world.db, &world.catalog, &question, world.now(), Language::English);
    let one = block_on(flow).unwrap().set_aside.remove(0);
    assert_eq!((&*one.name, &one.value, &*one.state), ("first_name", &"Ann".into(), "claim_waits"));
    world.confirm(&questions(&world)[1]).unwrap();
    assert_eq!(people(&world), ["ann@x.example - Ann"]);
    let updated = "SELECT count(*) FROM events WHERE name = 'contact.updated'";
    assert_eq!(number(&world.db, updated), 1);
    assert_sound(&world.db, None);
}

#[test]
fn claimed_phone_of_another_contact_is_not_taken_over() {
    let mut world = double();
    world.submit("/p", &[ANN, AGREES]).unwrap();
    world.submit("/p", &[ANN, HIS, AGREES]).unwrap();
    world.submit("/p", &[("email", "bo@x.example"), HIS, AGREES]).unwrap();
    world.confirm(&questions(&world)[0]).unwrap();
    assert_eq!(people(&world), ["ann@x.example - -", "bo@x.example +447400999999 -"]);
    assert_eq!(standing(&world), ["email confirmed", "sms granted"]);
}

#[test]
fn withdrawn_consent_is_restored_by_its_owner_only() {
    let mut world = single();
    world.submit("/p", &[ANN, AGREES]).unwrap();
    let welcome = world.inbox(ANN.1).remove(0);
    world.unsubscribe(&welcome).unwrap();
    for _ in 0..3 {
        world.submit("/p", &[ANN, AGREES]).unwrap();
        assert_eq!(standing(&world), ["email granted, waits", "sms granted"]);
    }
    world.after(Span::days(2)).unwrap();
    assert_eq!(world.inbox(ANN.1).len(), 2, "the welcome, and one question");
    assert_eq!(number(&world.db, "SELECT count(*) FROM enrollments"), 1);
    world.confirm(&questions(&world)[0]).unwrap();
    assert_eq!(standing(&world), ["email confirmed", "sms granted"]);
    assert_eq!(world.inbox(ANN.1).len(), 3, "and her welcome");
    assert_sound(&world.db, None);
}

#[test]
fn unsubscribe_covers_every_purpose() {
    let other = r#"
        [page.q]
        path = "/q"
        template = "pages/q"
        title = "Q"
        form = "g"
        [form.g]
        fields = [{ name = "email", type = "email" }]
        consent = { purpose = "offers", channels = ["email"], text = "Offers!" }
    "#;
    let mut world = world(&format!("{FORM}{JOURNEY}{other}"));
    world.submit("/p", &[ANN, AGREES]).unwrap();
    world.unsubscribe(&world.inbox(ANN.1)[0]).unwrap();
    world.submit("/q", &[ANN, AGREES]).unwrap();
    assert_eq!(standing(&world), ["email granted, waits", "email withdrawn", "sms granted"]);
    world.confirm(&questions(&world)[0]).unwrap();
    assert_eq!(standing(&world), ["email confirmed", "email withdrawn", "sms granted"]);
}

#[test]
fn unsubscribed_address_asks_its_owner_again() {
    let mut world = single();
    let suppressed = "INSERT INTO suppressions (channel, address, reason, at)
                      VALUES ('email', 'ann@x.example', 'unsubscribed', 0)";
    rows(&world.db, suppressed);
    world.submit("/p", &[ANN]).unwrap();
    world.submit("/p", &[ANN, AGREES]).unwrap();
    assert_eq!(standing(&world), ["email granted, waits", "sms granted"]);
    world.confirm(&questions(&world)[0]).unwrap();
    let lifted = "SELECT count(*) FROM suppressions WHERE released_by = 'confirmation link'";
    assert_eq!(number(&world.db, lifted), 1);
}

fn texted(world: &mut World, said: &str, id: &str) {
    let report = InboundSms {
        from: "+447400123456".to_owned(),
        text: said.to_owned(),
        source: "twilio".to_owned(),
        id: id.to_owned(),
        at: world.now(),
        answers: false,
    };
    world.take_in(vec![Intake::InboundSmsV1(report)]).unwrap();
}

#[test]
fn sms_without_id_is_deduplicated_by_text() {
    let mut world = single();
    world.submit("/p", &[ANN, HERS, AGREES]).unwrap();
    texted(&mut world, "when does it end?", "");
    texted(&mut world, "when does it end?", "");
    texted(&mut world, "STOP", "");
    let received = "SELECT count(*) FROM events WHERE name = 'message.received'";
    assert_eq!(number(&world.db, received), 2);
    assert_eq!(standing(&world), ["email granted", "sms withdrawn"]);
}

#[test]
fn stopped_sms_needs_start_and_no_link_restores_it() {
    let mut world = double();
    world.submit("/p", &[ANN, HERS, AGREES]).unwrap();
    texted(&mut world, "STOP", "1");
    assert_eq!(standing(&world), ["email granted, waits", "sms withdrawn"]);
    world.submit("/p", &[ANN, HERS, AGREES]).unwrap();
    assert_eq!(standing(&world), ["email granted, waits", "sms granted, waits"]);
    world.confirm(&questions(&world)[0]).unwrap();
    assert_eq!(standing(&world), ["email confirmed", "sms granted, waits"]);
    let barred = "SELECT count(*) FROM suppressions WHERE channel = 'sms' AND until IS NULL";
    assert_eq!(number(&world.db, barred), 1);
    texted(&mut world, "START", "2");
    assert_eq!(standing(&world), ["email confirmed", "sms confirmed"]);
    assert_eq!(number(&world.db, barred), 0);
    assert_eq!(number(&world.db, "SELECT count(*) FROM enrollments"), 1);
    assert_sound(&world.db, None);
}

#[test]
fn merge_keeps_withdrawals() {
    let mut world = single();
    world.submit("/p", &[ANN, AGREES]).unwrap();
    world.unsubscribe(&world.inbox(ANN.1)[0]).unwrap();
    world.submit("/p", &[ANN, AGREES]).unwrap();
    world.submit("/p", &[("email", "ann@work.example"), AGREES]).unwrap();
    world.merge(ANN.1, "ann@work.example").unwrap();
    let allowed = "SELECT count(*) FROM contacts c, json_each(c.consents) k
                    WHERE k.value ->> 'channel' = 'email' AND k.value ->> 'state' = 'withdrawn'";
    assert_eq!(number(&world.db, allowed), 1);
    assert_sound(&world.db, None);
}

/// The greeting in the welcome mail of a contact with this name.
fn greeting(world: &mut World, name: &str) -> String {
    let (first, agrees) = (("first_name", name), AGREES);
    assert_eq!(world.submit("/p", &[ANN, first, agrees]).unwrap(), Sent::Thanks);
    let messages = world.inbox(ANN.1).into_iter();
    let mut welcome = messages.filter(|message| message.subject == "emails/welcome");
    let html = welcome.next_back().map(|message| message.html).unwrap_or_default();
    let greeting = html.split("<p>").nth(1).and_then(|rest| rest.split("</p>").next());
    greeting.unwrap_or_default().to_owned()
}

#[test]
fn form_text_cannot_be_abused_for_spam() {
    let spam = "Win 1.000 at https://evil.example/win?a=b or evil。example!";
    let greeted = greeting(&mut single(), spam);
    assert_eq!(greeted, "Win 1.000 at or");
    for name in ["欧阳娜娜", "O'Brien-Smith", "St. John", "Dr. No"] {
        assert_eq!(greeting(&mut single(), name).replace("&#x27;", "'"), name);
    }
    let long = greeting(&mut single(), &"buy now ".repeat(31));
    assert!(long.chars().count() < 70, "{long}");
}

#[test]
fn typed_name_is_shown_in_full_after_confirmation() {
    let mut world = double();
    let typed = "Ann of evil.example";
    greeting(&mut world, typed);
    assert_eq!(people(&world), [format!("ann@x.example - {typed}")]);
    world.confirm(&questions(&world)[0]).unwrap();
    let welcome = world.inbox(ANN.1).pop().unwrap();
    assert!(welcome.html.contains(typed), "{}", welcome.html);
}

#[test]
fn direction_controls_are_refused_or_trimmed() {
    let mut world = single();
    let problem = |field: &str, reason| FieldProblem { field: field.to_owned(), reason };
    for hidden in ["\u{202e}", "\u{2066}", "\u{61c}", "\u{0}", "\u{8}", "\u{2028}"] {
        let name = format!("A{hidden}nn");
        let sent = world.submit("/p", &[ANN, ("first_name", &name)]).unwrap();
        let refused = vec![problem("first_name", FieldReason::ControlCharacter)];
        assert_eq!(sent, Sent::Problems(refused), "{hidden:?}");
    }
    // As copied from a phone's contact list.
    let fields = [("phone", "\u{202a}07400 123456\u{202c}"), ("first_name", "\u{feff}Ann\u{200f}")];
    assert_eq!(world.submit("/p", &fields).unwrap(), Sent::Thanks);
    assert_eq!(people(&world), ["- +447400123456 Ann"]);
}

#[test]
fn submission_key_reveals_no_content() {
    let mut world = single();
    let (form_id, answer) = world.fill_in("/p", "", &[ANN, AGREES]).unwrap();
    let (version, form) = world.catalog.form(&form_id).unwrap();
    let now = world.now().plus(Span::seconds(10));
    let Checked::Good(one) = check(version, &form_id, form, &answer, "o", &world.settings, now)
    else {
        panic!("it is good")
    };
    let hash = one.key.strip_prefix("form:").unwrap();
    assert!(hash.len() == 36 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
}
