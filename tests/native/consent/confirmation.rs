//! One confirmation mail for all pending consents, within limits.

use super::*;

#[test]
fn one_confirmation_mail_covers_two_forms_and_journeys() {
    let mut world = two_forms();
    world.submit("/p", &ANN).unwrap();
    world.submit("/q", &ANN).unwrap();
    assert_eq!(subjects(&world), [QUESTION]);
    let question = questions(&world).remove(0);
    let link = world.links(&question, Purpose::Confirm).next().unwrap();
    let asked = block_on(subscription_links::question(&world.db, &link, world.now())).unwrap();
    let asked_for = |purpose: &str, words: &str| (purpose.to_owned(), words.to_owned());
    assert_eq!(asked.consents, [asked_for("news", "Write!"), asked_for("offers", "Offers!")]);
    assert!(!asked.is_answered);

    world.confirm(&question).unwrap();
    assert_eq!(subjects(&world), [QUESTION, "emails/offer", "emails/welcome"]);
    let answered = block_on(subscription_links::question(&world.db, &link, world.now())).unwrap();
    assert!(answered.is_answered && answered.consents.is_empty());
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
    let asked: Vec<Millis> = questions(&world).iter().map(|message| message.at).collect();
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
            let (version, form) = world.catalog.form(&form_id).unwrap();
            let (settings, now) = (&world.settings, MONDAY.plus(Span::seconds(10)));
            match form::check(version, &form_id, form, &answer, "o", settings, now) {
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
        let asked: Vec<i64> = questions(&world).iter().map(|message| message.at.0).collect();
        for (first, at) in asked.iter().enumerate() {
            let within = |span: i64| asked[first..].iter().filter(|a| **a < at + span).count();
            prop_assert!(within(86_400_000) <= CONFIRMATION_MAILS_A_DAY, "{:?}", asked);
            prop_assert!(within(3_600_000) <= 1, "{:?}", asked);
        }
        assert_sound(&world.db, None);
    }
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
        join(world, email);
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
    assert_eq!(number(&world.db, sql), 8, "an erased contact keeps no address");
    assert_sound(&world.db, Some(world.now()));
}
