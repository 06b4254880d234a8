//! Forms with several boxes, and what each grants.

use super::*;

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
    let asked_for = |purpose: &str, words: &str| (purpose.to_owned(), words.to_owned());
    assert_eq!(asked.consents, [asked_for("news", "News!"), asked_for("offers", "Offers!")]);
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
