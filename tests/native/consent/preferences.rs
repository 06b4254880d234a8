//! The preference page: what it shows, and what saving it changes.

use super::*;

fn words(world: &World, message: &CapturedMessage) -> String {
    let link = link(world, message);
    let contact = block_on(choosing::contact(&world.db, &link, world.now())).unwrap().unwrap();
    let shown = preferences(&world.catalog, &"c".into(), &contact, Language::English, world.now());
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
    let proof = "SELECT text, source, length(text_hash) AS hash, message_id IS NOT NULL AS linked
                  FROM consents WHERE purpose = 'offers' AND channel = 'email'";
    let proof = &rows(&world.db, proof)[0];
    assert_eq!(proof["text"], "Special offers · Twice a month. · E-mail");
    assert_eq!((&proof["source"], &proof["hash"]), (&"preference page".into(), &64.into()));
    assert_eq!(proof["linked"], 1);
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

fn page(world: &World, contact: &Contact, language: Language) -> String {
    preferences_page(&PreferencesView {
        language,
        token: "t",
        contact,
        preferences: &preferences(&world.catalog, &"c".into(), contact, language, world.now()),
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
    let shown = preferences(&world.catalog, &"c".into(), &contact, Language::English, world.now());
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

#[test]
fn preference_page_says_that_an_address_cannot_be_written_to() {
    for (reason, is_said) in [("manual", true), ("bounced", true), ("unsubscribed", false)] {
        let (mut world, welcome) = subscriber();
        let suppress = format!(
            "INSERT INTO suppressions (channel, address, reason, source, at)
             VALUES ('email', 'ann@x.example', '{reason}', 'ops', {})",
            world.now().0
        );
        rows(&world.db, &suppress);
        world.jump(world.now().plus(Span::minutes(1)));
        let link = link(&world, &welcome);
        let contact = block_on(choosing::contact(&world.db, &link, world.now())).unwrap().unwrap();
        let page = page(&world, &contact, Language::English);
        assert_eq!(
            page.contains("we cannot write to this address at present"),
            is_said,
            "{reason}"
        );
    }
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
    assert_eq!(save("sender"), None, "as for somebody who never chose");
    assert_eq!(save("Asia/Shanghai").as_deref(), Some("Asia/Shanghai"));
    let zones = rows(
        &world.db,
        "SELECT properties ->> 'time_zone' AS zone FROM events
          WHERE name = 'consent.preferences'",
    );
    let zones: Vec<&str> = zones.iter().filter_map(|row| row["zone"].as_str()).collect();
    assert_eq!(zones, ["Asia/Shanghai", "sender", "Asia/Shanghai"], "repeated, it changes nothing");
    let link = link(&world, &welcome);
    let contact = block_on(choosing::contact(&world.db, &link, world.now())).unwrap().unwrap();
    let page = page(&world, &contact, Language::Chinese);
    assert!(
        page.contains("<option value=\"Asia/Shanghai\" selected>北京、上海、深圳</option>"),
        "{page}"
    );
    assert!(page.contains("<optgroup label=\"亚洲\">") && page.contains("与发送方相同"));
    assert_sound(&world.db, Some(world.now()));
}
