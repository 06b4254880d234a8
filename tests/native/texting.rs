//! SMS as sent: signature, short links, segments and cost; and messages without tracking.

use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, campaign, join, number, rows};
use dripline::domain::base::primitives::{CampaignId, Span};
use dripline::domain::campaign::Compiled;
use dripline::domain::contact::message::CapturedMessage;
use dripline::domain::sms::encoding::Sms;
use dripline::domain::sms::settings::SmsPreview;
use dripline::domain::template::{TemplateSource, mark_links};
use dripline::flows::contact::subscription_links;
use dripline::flows::send::preview::{MessageRequest, preview};
use dripline::native::world::{World, block_on};
use dripline::store::short_links;

const SMS: &str = r#"
    sms = { signature = "砺川", opt_out = "拒收请回复R", segments_max = 2, price = { "+86" = "0.045", "+" = "0.0799" } }
"#;
const JOURNEY: &str = r#"
    [journey.j]
    enter = { form = "f" }
    [[journey.j.step]]
    id = "text"
    send = "sms/text"
"#;
const CHINA: &str = "+8613800138000";
const BRITAIN: &str = "+447400123456";

/// A campaign with this SMS text and these keys of `[campaign]`.
fn texting(keys: &str, text: &str) -> World {
    let compiled = campaign(&format!("{keys}\n{FORM}{JOURNEY}"));
    world_of(compiled, ("sms/text", TemplateSource::Sms(text.to_owned())))
}

fn world_of(mut compiled: Compiled, (name, source): (&str, TemplateSource)) -> World {
    compiled.templates.insert(name.to_owned(), source);
    World::new(MONDAY, 1, vec![compiled]).unwrap()
}

fn sent_to(world: &mut World, phone: &str) -> CapturedMessage {
    world.submit("/p", &[("phone", phone), ("consent", "on")]).unwrap();
    world.inbox(phone).remove(0)
}

#[test]
fn sms_has_signature_opt_out_and_cost() {
    let mut world = texting(SMS, "您好，周四见");
    let mail = sent_to(&mut world, CHINA);
    assert_eq!(mail.text, "【砺川】您好，周四见拒收请回复R");
    assert_eq!(sent_to(&mut world, BRITAIN).text, "您好，周四见拒收请回复R");
    let sql =
        "SELECT properties ->> 'sms_segments' || ' ' || (properties ->> 'cost_micros') AS took
                 FROM events WHERE name = 'message.sent' ORDER BY at, 1";
    let took: Vec<_> = rows(&world.db, sql).iter().map(|row| row["took"].clone()).collect();
    assert_eq!(took, ["1 45000", "1 79900"]);
    assert_sound(&world.db, Some(world.now()));
    let report = world.report("c").unwrap().unwrap();
    let texts = report.messages[0].figures;
    assert_eq!((texts.segments, texts.cost_micros), (2, 124_900));
    // Twelve and a half pence.
    assert_eq!(report.total.cost_minor, 12);
    let channel = report.by_channel.iter().find(|row| row.channel == "sms").unwrap();
    assert_eq!(channel.figures.cost_minor, 12);
}

#[test]
fn sms_with_too_many_segments_fails() {
    let mut world = texting(SMS, &"长".repeat(135));
    world.submit("/p", &[("phone", CHINA), ("consent", "on")]).unwrap();
    assert_eq!(world.captured_messages(), []);
    let kept = rows(&world.db, "SELECT state, reason FROM messages");
    assert_eq!(kept[0]["state"], "failed");
    assert_eq!(kept[0]["reason"], "the text takes 3 segments; the most is 2");
}

#[test]
fn sms_links_are_shortened_and_clicks_count() {
    let text =
        "去https://shop.example/sale?utm_content=own，或 {{base_url}}/more 或 {{base_url}}/u/x";
    let utm = "tracking = { utm = true }";
    let mut world = texting(utm, text);
    let message = sent_to(&mut world, BRITAIN);
    let codes: Vec<String> = message
        .text
        .split("https://go.example/s/")
        .skip(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect())
        .collect();
    let [first, second] = &codes[..] else { panic!("{}", message.text) };
    let expected = format!(
        "去https://go.example/s/{first}，或 https://go.example/s/{second} 或 https://go.example/u/x"
    );
    assert_eq!((message.text, first.len()), (expected, 11));
    let find =
        |code: &str, at| block_on(subscription_links::short_link(&world.db, code, at)).unwrap();
    let now = world.now();
    assert_eq!(
        find(first, now).unwrap().rest,
        "https://shop.example/sale?utm_content=own&utm_source=sms&utm_medium=sms&utm_campaign=c"
    );
    let link = find(second, now).unwrap();
    assert!(
        link.rest.ends_with("/more?utm_source=sms&utm_medium=sms&utm_campaign=c&utm_content=text")
    );
    assert_eq!(find("0000000000a", now), None);
    assert_eq!(find(first, now.plus(short_links::LINK_AGE_MAX)), None);
    world.follow(dripline::domain::base::token::Purpose::Click, link).unwrap();
    let clicked = "SELECT sum(value) FROM counters WHERE metric = 'clicked'";
    assert_eq!(number(&world.db, clicked), 1);
    assert_sound(&world.db, Some(world.now()));
}

#[test]
fn expired_short_links_are_removed_by_ticks() {
    let mut world = texting("", "{{base_url}}/more");
    sent_to(&mut world, BRITAIN);
    world.after(Span::days(399)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM short_links"), 1);
    world.after(Span::days(1)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM short_links"), 0);
}

#[test]
fn sms_links_stay_long_or_plain_if_configured() {
    let mut world = texting("sms = { links = \"long\" }", "{{base_url}}/more");
    assert!(sent_to(&mut world, BRITAIN).text.starts_with("https://go.example/c/1c"));
    for off in ["tracking = false", "tracking = { off_in = [\"GB\"] }"] {
        let mut world = texting(off, "{{base_url}}/more");
        assert_eq!(sent_to(&mut world, BRITAIN).text, "https://go.example/more");
        assert_eq!(number(&world.db, "SELECT count(*) FROM short_links"), 0);
    }
}

/// The HTML of Ann's e-mail, with these keys of the campaign and of the step.
fn mail(keys: &str, step: &str, before: impl FnOnce(&mut World)) -> String {
    let journey = format!(
        "[journey.j]\nenter = {{ form = 'f' }}\n[[journey.j.step]]\nid = 'soon'\nwait = '1h'\n\
         [[journey.j.step]]\nid = 'a'\nsend = 'emails/a'\n{step}\n"
    );
    let mut world =
        World::new(MONDAY, 1, vec![campaign(&format!("{keys}\n{FORM}{journey}"))]).unwrap();
    join(&mut world, "ann@x.example");
    before(&mut world);
    world.after(Span::hours(2)).unwrap();
    world.inbox("ann@x.example").remove(0).html
}

#[test]
fn email_is_tracked_unless_turned_off() {
    let is_followed = |html: &str| (html.contains("/c/1c"), html.contains("/o/1o"));
    assert_eq!(is_followed(&mail("", "", |_| {})), (true, true));
    let in_london = |world: &mut World| {
        rows(&world.db, "UPDATE contacts SET time_zone = 'Europe/London'");
    };
    let refusing = |world: &mut World| {
        rows(&world.db, r#"UPDATE contacts SET attributes = '{"do_not_track":true}'"#);
    };
    let unfollowed = [
        mail("tracking = false", "", |_| {}),
        mail("", "tracking = false", |_| {}),
        mail("tracking = { off_in = [\"Europe/\"] }", "", in_london),
        mail("", "", |world| world.settings.tracking_off_in = vec!["Europe/London".to_owned()]),
        mail("", "", refusing),
    ];
    let places = [(false, false), (false, false), (false, false), (true, true), (false, false)];
    for (html, followed) in unfollowed.iter().zip(places) {
        assert_eq!(is_followed(html), followed, "{html}");
        assert!(html.contains("/u/1u"), "a contact without tracking may still unsubscribe");
    }
}

#[test]
fn utm_tags_skip_unsubscribe_links() {
    let html = mail("tracking = { on = false, utm = { source = \"news\" } }", "", |_| {});
    assert!(html.contains(
        "/more?utm_source=news&amp;utm_medium=email&amp;utm_campaign=c&amp;utm_content=a\""
    ));
    let unsubscribe = html.split("/u/").nth(1).unwrap().split('"').next().unwrap();
    assert!(!unsubscribe.contains("utm"), "{unsubscribe}");
}

/// The preview of the campaign's SMS for a contact, or without one.
fn shown(world: &World, contact: Option<&str>) -> SmsPreview {
    let version = world.catalog.live_version(&CampaignId::from("c")).unwrap();
    let asked = MessageRequest {
        template: "sms/text".to_owned(),
        contact: contact.map(str::to_owned),
        ..MessageRequest::default()
    };
    let flow = preview(&world.db, version, &world.settings, &asked, world.now());
    let shown = block_on(flow).unwrap();
    let sms = shown.sms.unwrap();
    assert_eq!(shown.text, sms.text);
    sms
}

#[test]
fn sms_preview_matches_the_sent_sms() {
    let text = "您好 {{base_url}}/p?a=b 再见 {{preferences_url}}";
    let mut world = texting(&SMS.replace("segments_max = 2", "segments_max = 9"), text);
    let message = sent_to(&mut world, CHINA);
    let sms = shown(&world, Some(CHINA));
    let sent = Sms::of(&message.text);
    assert!(sms.text.starts_with("【砺川】您好 https://go.example/s/"), "{}", sms.text);
    assert!(sms.text.ends_with("拒收请回复R"), "{}", sms.text);
    assert_eq!((sms.units, sms.segments, sms.free), (sent.units, sent.segments.len(), sent.free));
    assert_eq!((sms.encoding.as_str(), sms.to.as_str()), ("UCS-2", CHINA));
    assert_eq!(sms.cost().as_deref(), Some("0.18 GBP"), "four segments");
    assert_eq!(sms.links.len(), 1);
    assert!(sms.text.contains(&format!("/s/{} ", sms.links[0].0)));
    assert_eq!(sms.links[0].1, "https://go.example/p?a=b");
    // The token in a preview is a placeholder that changes no preferences.
    let token = sms.text.split("/preferences/").nth(1).unwrap().trim_end_matches(" 拒收请回复R");
    assert!(token.chars().all(|c| c == 'x') && token.len() > 50, "{token}");
    // Without a contact, the preview has the same number of segments.
    assert_eq!(shown(&world, None).segments, sms.segments);
    let kept = number(&world.db, "SELECT count(*) AS n FROM short_links");
    assert_eq!(kept, 1, "only the one that left is kept");
}

#[test]
fn sms_preview_flags_too_many_segments() {
    let world = texting(SMS, &"长".repeat(200));
    let sms = shown(&world, None);
    assert!(sms.is_too_long);
    assert_eq!(sms.segments, 4);
    let plain = texting("", "Hi");
    assert_eq!(shown(&plain, None).cost(), None);
}

#[test]
fn visitor_input_never_becomes_a_short_link() {
    let mut world = texting("", "Hi {{first_name}}, see {{base_url}}/more or {{url first_name}}");
    let typed = "https://evil.example/p";
    let answers = [("phone", BRITAIN), ("first_name", typed), ("consent", "on")];
    world.submit("/p", &answers).unwrap();
    world.inbox(BRITAIN).remove(0);
    let targets = rows(&world.db, "SELECT target FROM short_links");
    assert_eq!(targets.len(), 1, "{targets:?}");
    assert_eq!(targets[0]["target"], "https://go.example/more");
}

#[test]
fn links_from_visitor_values_are_not_signed() {
    let mail = |html: &str| TemplateSource::Email {
        subject: "s".to_owned(),
        preheader: String::new(),
        html: format!("{html}<a href=\"{{{{unsubscribe_url}}}}\">Stop</a>"),
        text: "t".to_owned(),
    };
    let html = "<a href=\"{{url first_name}}\">a</a><A HREF='{{base_url}}/more'>b</A>\
                <a href=\" https://shop.example/产品 \">c</a>\
                <a href=\"https://shop.example{{first_name}}\">d</a>";
    let journey = JOURNEY.replace("sms/text", "emails/m");
    let sent_with = |is_marked: bool, name: &str| {
        let mut source = mail(html);
        if is_marked {
            mark_links(&mut source);
        }
        let compiled = campaign(&format!("{FORM}{journey}"));
        let mut world = world_of(compiled, ("emails/m", source));
        let answers = [("email", "a@b.example"), ("first_name", name), ("consent", "on")];
        world.submit("/p", &answers).unwrap();
        world.inbox("a@b.example").remove(0).html
    };
    let signed = |html: &str| html.matches("https://go.example/c/").count();
    let sent = sent_with(true, "https://evil.example/");
    // Visitor text is not sent to an unconfirmed address, so nothing is left of it.
    assert_eq!(signed(&sent), 3, "{sent}");
    assert!(!sent.contains("evil.example"), "{sent}");
    // Published before links were marked: only the lower-case link in double quotes is found.
    let sent = sent_with(false, "https://evil.example/");
    assert!(!sent.contains("evil.example"), "{sent}");
    assert!(sent.contains("<A HREF='https://go.example/more'>"), "{sent}");
    assert!(!sent_with(true, ".evil.example/").contains("evil.example"));
}
