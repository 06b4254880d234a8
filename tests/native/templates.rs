//! Templates from files to messages: layouts, partials, languages, and the place of a mistake.

use super::invariants::assert_sound;
use super::support::{FORM, MONDAY, history, join, rows, world};
use dripline::domain::base::primitives::{CampaignId, Ids, Span};
use dripline::domain::campaign::Compiled;
use dripline::domain::template::TemplateSource;
use dripline::flows::error::FlowError;
use dripline::flows::send;
use dripline::flows::send::preview::{MessageRequest, preview, send_test};
use dripline::flows::tasks::Work;
use dripline::native::project;
use dripline::native::world::{World, block_on};
use insta::assert_snapshot;
use std::fs;
use std::path::PathBuf;

const CAMPAIGN: &str = r#"
[campaign]
id = "c"
name = "Test"
time_zone = "Europe/London"
currency = "GBP"
owner = "owner@house.example"
postal_address = "1 Test Road"
goal = { event = "order.completed", within = "30d" }
attributes = ["spent", "since"]
"#;

const JOURNEY: &str = r#"
[journey.j]
enter = { form = "f" }
[[journey.j.step]]
id = "set"
update = { set = { spent = 1234, since = "2026-03-02T08:30:00Z" } }
[[journey.j.step]]
id = "rest"
wait = "1h"
[[journey.j.step]]
id = "mail"
send = "emails/hello"
[[journey.j.step]]
id = "text"
send = "sms/hello"
"#;

const BODY: &str = "{{#> layouts/brand title=\"Hello\"}}\n\
    <mj-text>Hello {{default first_name \"there\"}}, since {{date since}}</mj-text>\n\
    {{> button label=\"Go on\" href=base_url}}\n\
    {{/layouts/brand}}\n";

const LAYOUT: &str = "<mjml><mj-head><mj-title>{{title}}</mj-title></mj-head><mj-body>\n\
    <mj-section><mj-column>\n\
    {{> @partial-block}}\n\
    <mj-text><a href=\"{{unsubscribe_url}}\">Stop</a> {{> sign label=title}}</mj-text>\n\
    </mj-column></mj-section></mj-body></mjml>\n";

const FILES: [(&str, &str); 13] = [
    ("templates/pages/p.hbs", "<html lang=\"en\"><body>{{{form}}}</body></html>"),
    ("templates/layouts/brand.mjml.hbs", LAYOUT),
    (
        "templates/partials/button.mjml.hbs",
        "<mj-button href=\"{{href}}/go\">{{label}}</mj-button>\n",
    ),
    ("templates/partials/sign.hbs", "{{label}} from {{campaign.name}}"),
    ("templates/emails/hello/subject.hbs", "Hello {{first_name}}"),
    ("templates/emails/hello/preheader.hbs", "You spent {{money spent}}\n"),
    ("templates/emails/hello/body.mjml.hbs", BODY),
    ("templates/emails/hello/zh-CN/subject.hbs", "{{first_name}}，您好"),
    ("templates/emails/hello/zh-CN/preheader.hbs", "消费 {{money spent}}"),
    ("templates/emails/hello/zh-CN/body.mjml.hbs", BODY),
    ("templates/emails/hello/zh-CN/text.hbs", "自 {{date since}} 起，{{unsubscribe_url}}"),
    ("templates/sms/hello.hbs", "Hello at {{time since}}"),
    ("templates/sms/hello/zh-CN.hbs", "您好，{{time since}}"),
];

/// A project in the temporary folder, removed at the end.
struct Project(PathBuf);

impl Project {
    fn new(name: &str) -> Self {
        let name = format!("dripline-templates-{}-{name}", std::process::id());
        let project = Self(std::env::temp_dir().join(name));
        project.write("campaigns/c.toml", &format!("{CAMPAIGN}{FORM}{JOURNEY}"));
        for (file, text) in FILES {
            project.write(file, text);
        }
        project
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn compiled(&self) -> Compiled {
        let root = format!("{}/", self.0.display());
        let loaded = project::load(&self.0);
        loaded.map_err(|d| format!("{d:#?}").replace(&root, "")).unwrap().remove(0)
    }

    /// The problems after a file gets this text: where, and what.
    fn said_of(&self, file: &str, text: &str) -> String {
        let before = FILES.iter().find(|(name, _)| *name == file);
        self.write(file, text);
        let root = format!("{}/", self.0.display());
        let said = match project::load(&self.0) {
            Ok(_) => "all good".to_owned(),
            Err(found) => {
                let line = |d: &dripline::domain::campaign_file::Diagnostic| {
                    let file = d.file.replace(&format!("{root}templates/"), "");
                    format!("{file}:{}\n    {}\n", d.line, d.message)
                };
                found.iter().map(line).collect()
            }
        };
        match before {
            Some((_, text)) => self.write(file, text),
            None => fs::remove_file(self.0.join(file)).unwrap(),
        }
        said
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn message_is_assembled_at_publish() {
    let compiled = Project::new("whole").compiled();
    let names: Vec<&str> = compiled.templates.keys().map(String::as_str).collect();
    assert_snapshot!(names.join("\n"), @"
    emails/hello
    emails/hello/zh-CN
    pages/p
    partials/sign
    sms/hello
    sms/hello/zh-CN
    ");
    let TemplateSource::Email { html, text, preheader, .. } = &compiled.templates["emails/hello"]
    else {
        panic!("no e-mail");
    };
    assert_eq!(preheader, "You spent {{money spent}}");
    assert!(html.contains("mso-hide:all\">You spent {{money spent}}"), "{html}");
    assert!(html.contains("<title>Hello</title>"), "{html}");
    assert_snapshot!(text, @r#"
    Hello {{default first_name "there"}}, since {{date since}}

    Go on ({{base_url}}/go)

    Stop ({{unsubscribe_url}}) {{> sign label="Hello"}}
    "#);
}

#[test]
fn template_mistake_names_its_file_and_line() {
    let project = Project::new("slips");
    let body = "templates/emails/hello/body.mjml.hbs";
    assert_snapshot!(project.said_of(body, &BODY.replace("first_name", "frst_name")), @"
    emails/hello/body.mjml.hbs:2
        unknown variable `frst_name`
    ");
    assert_snapshot!(project.said_of(body, &BODY.replace("</mj-text>", "</mj-txt>")), @"
    emails/hello/body.mjml.hbs:2
        there is no element <mj-txt>; did you mean <mj-text>?
    ");
    assert_snapshot!(project.said_of(body, &BODY.replace("{{> button", "{{> buton")), @"
    emails/hello/body.mjml.hbs:3
        there is no partial `buton`
    ");
    assert_snapshot!(project.said_of(body, &BODY.replace("> layouts/brand", "> layouts/brnd")), @"
    emails/hello/body.mjml.hbs:1
        there is no layout `layouts/brnd`; did you mean `layouts/brand`?
    ");
    let layout = "templates/layouts/brand.mjml.hbs";
    assert_snapshot!(project.said_of(layout, &LAYOUT.replace("unsubscribe_url", "unsubscribe")), @"
    emails/hello/body.mjml.hbs:1
        has no unsubscribe link
    emails/hello/zh-CN/body.mjml.hbs:1
        has no unsubscribe link
    layouts/brand.mjml.hbs:4
        a link must not begin with `{{unsubscribe}}`
    layouts/brand.mjml.hbs:4
        unknown variable `unsubscribe`
    ");
    assert_snapshot!(project.said_of(layout, &LAYOUT.replace("</mj-column>", "")), @"
    layouts/brand.mjml.hbs:5
        </mj-section> comes while <mj-column> of line 2 is open
    ");
    let button = "templates/partials/button.mjml.hbs";
    assert_snapshot!(project.said_of(button, "\n<mj-text>{{hrf}}\n<mj-x></mj-text>"), @"
    partials/button.mjml.hbs:2
        unknown variable `hrf`
    partials/button.mjml.hbs:3
        there is no element <mj-x>; did you mean <mjml>?
    ");
    assert_snapshot!(project.said_of(button, "<mj-button href=\"{{first_name}}\">x</mj-button>"), @"
    partials/button.mjml.hbs:1
        a link must not begin with `{{first_name}}`
    ");
    assert_snapshot!(project.said_of("templates/emails/hello/preheder.hbs", "x"), @"
    emails/hello/preheder.hbs:1
        `preheder.hbs` is no part of an e-mail
    ");
    assert_snapshot!(project.said_of("templates/emails/hello/zh_CN/text.hbs", "x"), @"
    emails/hello/zh_CN/body.mjml.hbs:1
        is missing
    emails/hello/zh_CN/subject.hbs:1
        is missing
    ");
    assert_snapshot!(
        project.said_of(body, &BODY.replace("<mj-text>", "<mj-preview>x</mj-preview><mj-text>")), @"
    emails/hello/body.mjml.hbs:2
        there is a preheader already: <mj-preview>, and the file preheader.hbs
    "
    );
}

/// A world with that project live, in which a contact with this locale has submitted the form.
fn written_to(name: &str, locale: &str) -> World {
    let mut world = World::new(MONDAY, 1, vec![Project::new(name).compiled()]).unwrap();
    let fields = [
        ("email", "lin@x.example"),
        ("phone", "07400 123456"),
        ("first_name", "Lin"),
        ("consent", "on"),
    ];
    world.submit("/p", &fields).unwrap();
    let sql = format!("UPDATE contacts SET locale = '{locale}', time_zone = 'Asia/Shanghai'");
    let set = dripline::store::statement::Statement { sql: sql.into(), params: Vec::new() };
    world.rows(set).unwrap();
    world.after(Span::minutes(70)).unwrap();
    world
}

#[test]
fn message_uses_the_contacts_language_and_formats() {
    let lines_in = |locale: &str| {
        let world = written_to(&format!("locale-{locale}"), locale);
        let messages = world.captured_messages();
        let lines = messages.iter().map(|message| {
            let text = message.text.lines().next().unwrap_or_default();
            let text = text.split("http").next().unwrap_or_default();
            let at = message.html.find("mso-hide:all\">").map(|at| at + 14);
            let preheader = at.map_or("", |at| message.html[at..].split('\u{34f}').next().unwrap());
            format!("{} | {} | {preheader} | {text}\n", message.channel, message.subject)
        });
        lines.collect::<String>()
    };
    assert_snapshot!(lines_in("zh-CN"), @"
    email | Lin，您好 | 消费 £1,234.00 | 自 2026年3月2日 起，
    sms |  |  | 您好，16:30
    ");
    assert_snapshot!(lines_in("en-US"), @"
    email | Hello Lin | You spent £1,234.00 | Hello Lin, since March 2, 2026
    sms |  |  | Hello at 4:30 PM
    ");
    assert_snapshot!(lines_in("de-DE"), @"
    email | Hello Lin | You spent £1,234.00 | Hello Lin, since 2 March 2026
    sms |  |  | Hello at 16:30
    ");
}

#[test]
fn confirmation_mail_uses_the_contacts_language() {
    let form = FORM.replace("text = \"Write to me.\"", "text = \"x\", double_opt_in = true");
    let journey =
        "[journey.j]\nenter = { form = \"f\" }\n[[journey.j.step]]\nid = \"a\"\nwait = \"1d\"\n";
    let mut world = world(&format!("{form}{journey}"));
    world.submit("/p", &[("email", "lin@x.example")]).unwrap();
    let sql = "UPDATE contacts SET locale = 'zh-CN'";
    let set = dripline::store::statement::Statement { sql: sql.into(), params: Vec::new() };
    world.rows(set).unwrap();
    join(&mut world, "lin@x.example");
    world.after(Span::minutes(2)).unwrap();
    assert_eq!(world.captured_messages()[0].subject, "请确认您的邮箱地址 – dripline");
}

// --- Previews and test sends ------------------------------------------------------------------

fn ask(
    template: &str,
    contact: Option<&str>,
    locale: Option<&str>,
    to: Option<&str>,
) -> MessageRequest {
    MessageRequest {
        template: template.to_owned(),
        contact: contact.map(str::to_owned),
        locale: locale.map(str::to_owned),
        to: to.map(str::to_owned),
    }
}

fn refusal(error: FlowError) -> String {
    match error {
        FlowError::Rejected(refusal) => format!("Rejected {refusal}").replace("; ", "\n    "),
        error => format!("{error:?}"),
    }
}

/// What a preview shows: the version, the subject, the preheader and the first line of the text.
fn shown(world: &World, asked: &MessageRequest) -> String {
    let version = world.catalog.live_version(&CampaignId::from("c")).unwrap();
    match block_on(preview(&world.db, version, &world.settings, asked, world.now())) {
        Ok(shown) => {
            assert!(!shown.html.contains("/c/"), "links lead where they were written to");
            let line = shown.text.lines().next().unwrap_or_default().to_owned();
            format!("{} | {} | {} | {line}", shown.template, shown.subject, shown.preheader)
        }
        Err(error) => refusal(error),
    }
}

#[test]
fn preview_uses_contact_or_sample_data() {
    let world = written_to("preview", "zh-CN");
    assert_snapshot!(shown(&world, &ask("emails/hello", None, None, None)), @"
    emails/hello | Hello Robin | You spent £12.00 | Hello Robin, since 2 March 2026
    ");
    assert_snapshot!(shown(&world, &ask("emails/hello", Some("lin@x.example"), None, None)), @"
    emails/hello/zh-CN | Lin，您好 | 消费 £1,234.00 | 自 2026年3月2日 起，https://go.example/u/test
    ");
    let american = ask("emails/hello", Some("+447400123456"), Some("en-US"), None);
    assert_snapshot!(shown(&world, &american), @"
    emails/hello | Hello Lin | You spent £1,234.00 | Hello Lin, since March 2, 2026
    ");
    assert_snapshot!(shown(&world, &ask("emails/hello/zh-CN", None, None, None)), @"
    emails/hello/zh-CN | Robin，您好 | 消费 £12.00 | 自 2026年3月2日 起，https://go.example/u/test
    ");
    assert_snapshot!(shown(&world, &ask("sms/hello", Some("lin@x.example"), None, None)), @"
    sms/hello/zh-CN |  |  | 您好，16:30
    ");
    assert_snapshot!(shown(&world, &ask("emails/helo", None, None, None)), @"
    Rejected template: there is no message `emails/helo`
        did you mean `emails/hello`?
    ");
    assert_snapshot!(shown(&world, &ask("pages/p", None, None, None)), @"
    Rejected template: there is no message `pages/p`
        known here: emails/hello, sms/hello
    ");
    assert_snapshot!(shown(&world, &ask("sms/hello", Some("no@x.example"), None, None)), @"
    Rejected contact: there is no such contact
        give its id, your own id of it, its e-mail address, or its number with +
    ");
}

/// Requests a test send and delivers it.
fn tested(world: &mut World, asked: &MessageRequest) -> String {
    let mut ids = Ids::new(world.now(), 77);
    let campaign = CampaignId::from("c");
    let flow = send_test(
        &world.db,
        &world.catalog,
        &campaign,
        &world.settings,
        asked,
        world.now(),
        &mut ids,
    );
    match block_on(flow) {
        Err(error) => refusal(error),
        Ok((tested, work)) => {
            let row = rows(&world.db, "SELECT state FROM messages WHERE class = 'internal'");
            assert_eq!(row[0]["state"], "queued", "the row is there before the message leaves");
            for task in work {
                let Work::DeliverV1 { messages: wanted } = task else { panic!("{task:?}") };
                let flow = send::deliver(
                    &world.db,
                    &world.mail_catcher,
                    &world.catalog,
                    &world.settings,
                    wanted,
                    world.now(),
                    &mut ids,
                );
                block_on(flow).unwrap();
            }
            tested.to
        }
    }
}

#[test]
fn test_send_is_marked_and_not_counted() {
    let mut world = written_to("test-send", "en-GB");
    world.take_messages();
    let counted = |world: &World| rows(&world.db, "SELECT * FROM counters ORDER BY 1, 2, 3, 4, 5");
    let before = counted(&world);
    let asked = ask("emails/hello", Some("lin@x.example"), None, None);
    assert_eq!(tested(&mut world, &asked), "owner@house.example");
    let mails = world.take_messages();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].address, "owner@house.example");
    assert_eq!(mails[0].subject, "[Test] Hello Lin");
    assert_eq!(mails[0].headers, "{}");
    assert!(mails[0].html.contains("https://go.example/go"), "{}", mails[0].html);
    assert!(mails[0].html.contains("https://go.example/u/test"));
    assert!(!mails[0].html.contains("/o/") && !mails[0].html.contains("/c/"));
    assert_eq!(counted(&world), before);
    let events = history(&world.db, "lin@x.example");
    assert_eq!(events[events.len() - 2..], ["message.test_asked", "message.tested"]);
    assert_sound(&world.db, None);
}

#[test]
fn test_send_without_contact_uses_sample_data() {
    let mut world = written_to("test-alone", "en-GB");
    world.take_messages();
    let asked = ask("emails/hello", None, None, None);
    assert_eq!(tested(&mut world, &asked), "owner@house.example");
    let messages = world.take_messages();
    let previewed = shown(&world, &ask("emails/hello", None, None, None));
    let subject = previewed.split(" | ").nth(1).unwrap();
    assert_eq!(messages[0].subject, format!("[Test] {subject}"));
    assert_sound(&world.db, None);
}

#[test]
fn test_send_to_outsiders_is_refused() {
    let mut world = written_to("test-contact", "en-GB");
    let mut to =
        |to: &str| tested(&mut world, &ask("emails/hello", Some("lin@x.example"), None, Some(to)));
    assert_eq!(to("Mei@GO.example"), "mei@go.example");
    assert_snapshot!(to("stranger@x.example"), @"
    Rejected to: tests go only to your own team
        send it to the campaign's owner, or to an address of the domain that mail is from
    ");
    for stranger in
        ["a@go.example.evil.example", "a@evil.example>@go.example", "x", "a@sub.go.example"]
    {
        assert!(to(stranger).starts_with("Rejected"), "{stranger}");
    }
    let without = |template: &str| ask(template, None, None, None);
    assert_snapshot!(tested(&mut world, &without("sms/hello")), @"
    Rejected template: an SMS is looked at, and not sent as a test
        ask for its preview
    ");
    let erased = ask("emails/hello", Some("lin@x.example"), None, None);
    world.erase("lin@x.example").unwrap();
    assert!(tested(&mut world, &erased).contains("there is no such contact"));
}
