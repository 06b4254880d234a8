//! The commands as their users see them: files and standard input in, text and a status out.

use super::*;
use crate::domain::campaign_file::tests::SAMPLE;
use crate::native::project::load;
use clap::Parser;
use insta::assert_snapshot;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

const NUDGE: &str = "【砺川】{{first_name}}，白皮书。退订回T\n";
const PAGE: &str = "<!doctype html>\n<title>{{title}}</title>\n{{> footer}}\n{{{form}}}\n";
const BODY: &str = "<mjml><mj-head><mj-raw>\
    <meta name=\"color-scheme\" content=\"light dark\" /></mj-raw></mj-head>\n<mj-body>\n\
    <mj-section background-color=\"#ffffff\"><mj-column>\n\
    <mj-text>{{default first_name \"朋友\"}}，您好</mj-text>\n\
    <mj-text><a href=\"{{unsubscribe_url}}\">退订</a> {{campaign.postal_address}}</mj-text>\n\
    </mj-column></mj-section>\n</mj-body>\n</mjml>\n";

/// A project in a folder of its own, removed when the test is over.
struct Project(PathBuf);

impl Project {
    /// One campaign, `white-paper`, whose templates are all good.
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("dripline-test-{}-{number}", std::process::id());
        let project = Self(std::env::temp_dir().join(name));
        for (file, text) in [
            ("campaigns/white-paper.toml", SAMPLE),
            ("templates/pages/white-paper.hbs", PAGE),
            ("templates/pages/white-paper-b.hbs", PAGE),
            ("templates/pages/thanks.hbs", "<title>{{title}}</title>\n"),
            ("templates/partials/footer.hbs", "<p>{{campaign.name}}</p>\n"),
            ("templates/partials/unused.hbs", "<p>没人用</p>\n"),
            ("templates/emails/welcome/subject.hbs", "{{default first_name \"朋友\"}}，白皮书\n"),
            ("templates/emails/welcome/preheader.hbs", "白皮书在这里\n"),
            ("templates/emails/welcome/body.mjml.hbs", BODY),
            ("templates/emails/welcome/text.hbs", "你好 {{first_name}}\n{{unsubscribe_url}}\n"),
            ("templates/sms/nudge.hbs", NUDGE),
        ] {
            project.write(file, text);
        }
        project
    }

    fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts one text in place of another in a file.
    fn change(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.0.join(file)).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        self.write(file, text.replace(from, to));
    }

    fn remove(&self, file: &str) {
        fs::remove_file(self.0.join(file)).unwrap();
    }

    /// Runs a command line in which `@` stands for the project's folder; what it says, and how
    /// it ended.
    fn run(&self, line: &str, input: &str) -> String {
        #[derive(Parser)]
        enum Cli {
            Check(check::Args),
            Render(render::Args),
            Inspect(inspect::Args),
        }
        let root = self.0.display().to_string();
        let words = line.split(' ').map(|word| word.replace('@', &root));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let input = input.replace('@', &root);
        let mut terminal = Terminal { input: &mut input.as_bytes(), out: &mut out, err: &mut err };
        let exit = match Cli::parse_from(["dripline".to_owned()].into_iter().chain(words)) {
            Cli::Check(args) => check::run(&args, &mut terminal),
            Cli::Render(args) => render::run(&args, &mut terminal),
            Cli::Inspect(args) => inspect::run(&args, &mut terminal),
        };
        let mut said = String::from_utf8([out, err].concat()).unwrap();
        if line.contains("--json") {
            said = said.replace(",\"", ",\n  \"");
        }
        format!("{}[{:?}]", said.replace(&root, "@"), exit.unwrap())
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn valid_project_is_summarized() {
    let project = Project::new();
    assert_snapshot!(project.run("check @/campaigns", ""), @"
    @/campaigns/white-paper.toml
         67:1  unnamed-purpose: `newsletter` has no description, so contacts would see this key on their preference page
               describe it: [purpose.…] with name and description, in en and zh-CN
        76:33  unknown-option: no contact has this value: the field has no option `other`
               write the option's `value` as in the form
        79:25  unknown-option: no contact has this value: the field has no option `x`
               write the option's `value` as in the form
        80:43  unknown-option: no contact has this value: the field has no option `2`
               write the option's `value` as in the form
        81:35  unknown-option: no contact has this value: the field has no option `true`
               write the option's `value` as in the form
        208:5  unknown-attribute: no form, journey or `attributes` of this campaign sets `renewal`
               also in lines 209, 210, 211, 212
               correct the name; if it comes through the API, list it in campaign.attributes
        213:5  unknown-attribute: no form, journey or `attributes` of this campaign sets `birthday`
               correct the name; if it comes through the API, list it in campaign.attributes

    @/templates/partials/unused.hbs
          1:1  unused-template: no campaign uses it: unused.hbs
               use it in a campaign or a template, or delete it

    1 campaign, 2 pages, 1 form, 2 segments, 6 journeys, 1 e-mail, 1 SMS: 12 warnings
    [Ok]
    ");
    assert_snapshot!(project.run("check @/campaigns/white-paper.toml --json", ""), @r#"
    {"campaigns":1,
      "emails":1,
      "forms":1,
      "journeys":6,
      "ok":true,
      "pages":2,
      "problems":[],
      "segments":2,
      "sms":1,
      "warnings":[{"code":"unnamed-purpose",
      "file":"@/campaigns/white-paper.toml",
      "help":"describe it: [purpose.…] with name and description, in en and zh-CN",
      "line":67,
      "message":"`newsletter` has no description, so contacts would see this key on their preference page"},{"code":"unknown-option",
      "file":"@/campaigns/white-paper.toml",
      "help":"write the option's `value` as in the form",
      "line":76,
      "message":"no contact has this value: the field has no option `other`"},{"code":"unknown-option",
      "file":"@/campaigns/white-paper.toml",
      "help":"write the option's `value` as in the form",
      "line":79,
      "message":"no contact has this value: the field has no option `x`"},{"code":"unknown-option",
      "file":"@/campaigns/white-paper.toml",
      "help":"write the option's `value` as in the form",
      "line":80,
      "message":"no contact has this value: the field has no option `2`"},{"code":"unknown-option",
      "file":"@/campaigns/white-paper.toml",
      "help":"write the option's `value` as in the form",
      "line":81,
      "message":"no contact has this value: the field has no option `true`"},{"code":"unknown-attribute",
      "file":"@/campaigns/white-paper.toml",
      "help":"correct the name; if it comes through the API, list it in campaign.attributes",
      "line":208,
      "message":"no form, journey or `attributes` of this campaign sets `renewal`"},{"code":"unknown-attribute",
      "file":"@/campaigns/white-paper.toml",
      "help":"correct the name; if it comes through the API, list it in campaign.attributes",
      "line":209,
      "message":"no form, journey or `attributes` of this campaign sets `renewal`"},{"code":"unknown-attribute",
      "file":"@/campaigns/white-paper.toml",
      "help":"correct the name; if it comes through the API, list it in campaign.attributes",
      "line":210,
      "message":"no form, journey or `attributes` of this campaign sets `renewal`"},{"code":"unknown-attribute",
      "file":"@/campaigns/white-paper.toml",
      "help":"correct the name; if it comes through the API, list it in campaign.attributes",
      "line":211,
      "message":"no form, journey or `attributes` of this campaign sets `renewal`"},{"code":"unknown-attribute",
      "file":"@/campaigns/white-paper.toml",
      "help":"correct the name; if it comes through the API, list it in campaign.attributes",
      "line":212,
      "message":"no form, journey or `attributes` of this campaign sets `renewal`"},{"code":"unknown-attribute",
      "file":"@/campaigns/white-paper.toml",
      "help":"correct the name; if it comes through the API, list it in campaign.attributes",
      "line":213,
      "message":"no form, journey or `attributes` of this campaign sets `birthday`"},{"code":"unused-template",
      "file":"@/templates/partials/unused.hbs",
      "help":"use it in a campaign or a template, or delete it",
      "line":1,
      "message":"no campaign uses it: unused.hbs"}]}
    [Ok]
    "#);
}

#[test]
fn file_given_twice_is_checked_once() {
    let twice = "check @/campaigns @/campaigns/../campaigns/white-paper.toml";
    assert!(Project::new().run(twice, "").matches("1 campaign, ").count() == 1);
}

#[test]
fn problems_are_grouped_by_file() {
    let project = Project::new();
    project.change("campaigns/white-paper.toml", "timeout = \"3d\"\n", "timeoout = \"3d\"\n");
    project.write("campaigns/two.toml", SAMPLE.replace("\"white-paper\"", "\"two\""));
    project.change("templates/pages/thanks.hbs", "title", "titel");
    project.change("templates/emails/welcome/text.hbs", "{{first_name}}", "\n{{#if role}}");
    project.change("templates/emails/welcome/body.mjml.hbs", "</mj-text>\n</mj", "</mj-txt>\n</mj");
    project.change("templates/partials/footer.hbs", "campaign.name", "compaign.name");
    assert_snapshot!(project.run("check @/campaigns", ""), @"
    @/campaigns/white-paper.toml
        107:1  journey.nurture.step[3].timeoout: unknown key
               did you mean `timeout`?

    @/templates/emails/welcome/body.mjml.hbs
          5:1  there is no element <mj-txt>; did you mean <mj-text>?

    @/templates/emails/welcome/text.hbs
          2:1  {{#if}} is never closed

    @/templates/pages/thanks.hbs
          1:1  unknown variable `titel`
               did you mean `title`?

    @/templates/partials/footer.hbs
          1:1  unknown variable `compaign.name`
               did you mean `campaign.name`?

    5 problems in 5 files
    [Wrong]
    ");
}

#[test]
fn problems_are_printed_as_json() {
    let project = Project::new();
    project.change("templates/pages/thanks.hbs", "title", "titel");
    assert_snapshot!(project.run("check @/campaigns --json", ""), @r#"
    {"ok":false,
      "problems":[{"column":1,
      "file":"@/templates/pages/thanks.hbs",
      "help":"did you mean `title`?",
      "key":"",
      "line":1,
      "message":"unknown variable `titel`"}]}
    [Wrong]
    "#);
}

#[test]
fn missing_files_are_reported_with_suggestion() {
    let project = Project::new();
    assert_snapshot!(project.run("check @/nowhere", ""), @"
    dripline: @/nowhere: no such file or folder
    [Usage]
    ");
    assert_snapshot!(project.run("check @/templates", ""), @"
    dripline: @/templates: holds no campaign: a campaign is a file <id>.toml
    [Usage]
    ");
    project.remove("templates/sms/nudge.hbs");
    project.write("templates/sms/nudgee.hbs", "");
    project.remove("templates/emails/welcome/subject.hbs");
    project.change("templates/pages/white-paper.hbs", "> footer", "> fotter");
    project.write("templates/pages/thanks.hbs", b"ok\n\xff\xfe");
    assert_snapshot!(project.run("check @/campaigns", ""), @"
    @/campaigns/white-paper.toml
        122:1  journey.nurture.step[6].send: there is no template @/templates/sms/nudge.hbs
               did you mean `sms/nudgee`?

    @/templates/emails/welcome/subject.hbs
          1:1  is missing

    @/templates/pages/thanks.hbs
          2:1  is not UTF-8; it seems to be windows-1254
               save it as UTF-8 in your editor, or: iconv -f windows-1254 -t UTF-8 thanks.hbs > new && mv new thanks.hbs

    @/templates/pages/white-paper.hbs
          3:1  there is no partial `fotter`
               did you mean `footer`?

    4 problems in 4 files
    [Wrong]
    ");
}

#[test]
fn tag_that_is_never_closed_is_the_only_problem_of_its_file() {
    let project = Project::new();
    project.change(
        "templates/emails/welcome/body.mjml.hbs",
        "{{unsubscribe_url}}",
        "{{unsubscribe_url}",
    );
    assert_snapshot!(project.run("check @/campaigns", ""), @r#"
    @/templates/emails/welcome/body.mjml.hbs
          5:1  `{{unsubscribe_url}">退订</a> {{campaign.po` is never closed with }}

    1 problem in 1 file
    [Wrong]
    "#);
}

#[test]
fn two_campaigns_cannot_share_a_path() {
    let project = Project::new();
    let other = SAMPLE.replace("\"white-paper\"", "\"zwei\"").replace("/白皮书", "/免费白皮书");
    project.write("campaigns/zwei.toml", other);
    assert_snapshot!(project.run("check @/campaigns", ""), @"
    @/campaigns/zwei.toml
         29:1  page.thanks.path: `/white-paper/thanks` is already a path of campaign `white-paper`

    1 problem in 1 file
    [Wrong]
    ");
}

#[test]
fn line_endings_do_not_change_compiled_bytes() {
    let (unix, windows) = (Project::new(), Project::new());
    for file in ["templates/pages/thanks.hbs", "templates/emails/welcome/body.mjml.hbs"] {
        windows.change(file, "\n", "\r\n");
    }
    windows.write("templates/sms/nudge.hbs", format!("\u{feff}{NUDGE}"));
    let bytes = |project: &Project| {
        let compiled = load(&project.0).unwrap();
        let names: Vec<&String> = compiled[0].templates.keys().collect();
        assert!(!names.iter().any(|name| name.contains("unused")), "{names:?}");
        serde_json::to_string(&compiled).unwrap()
    };
    assert_eq!(bytes(&unix), bytes(&windows));
    assert!(bytes(&unix).contains("<!doctype html>") && !bytes(&unix).contains("mj-text"));
}

#[test]
fn template_is_rendered_from_files_or_stdin() {
    let project = Project::new();
    project.write(
        "data.json",
        r#"{"title": "<谢谢>", "campaign": {"name": "R&D"}, "form": "<form>"}"#,
    );
    let page = "render @/templates/pages/white-paper.hbs";
    assert_snapshot!(project.run(&format!("{page} @/data.json"), ""), @"
    <!doctype html>
    <title>&lt;谢谢&gt;</title>
    <p>R&amp;D</p>
    <form>
    [Ok]
    ");
    assert_snapshot!(project.run(page, ""), @"
    <!doctype html>
    <title></title>
    <p></p>

    [Ok]
    ");
    let sms = "render @/templates/sms/nudge.hbs -";
    assert_snapshot!(project.run(sms, r#"{"first_name": "O'Neil & 林"}"#), @"
    【砺川】O'Neil & 林，白皮书。退订回T
    to +8613812345678: UCS-2, 23 units, 1 segment, 47 free; no price is set
    [Ok]
    ");
    let both = r#"{"template": "{{upper a}} {{b}}", "data": {"a": "é", "b": "<"}}"#;
    assert_snapshot!(project.run("render", both), @"
    É &lt;
    [Ok]
    ");
    assert_snapshot!(project.run("render --plain --json", both), @r#"
    {"ok":true,
      "output":"É <"}
    [Ok]
    "#);
    let mail = "render @/templates/emails/welcome/body.mjml.hbs --out @/mail.html";
    assert_snapshot!(project.run(mail, ""), @"[Ok]");
    let html = fs::read_to_string(project.0.join("mail.html")).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("朋友，您好"), "{html}");
}

#[test]
fn failed_render_explains_why() {
    let project = Project::new();
    project.write("bad.hbs", "你好\n{{#if a}}");
    project.write("bad.mjml", "<mjml>\n<mj-bdy></mj-bdy></mjml>");
    project.write("bad.json", "{");
    assert_snapshot!(project.run("render @/bad.hbs", ""), @"
    @/bad.hbs:2: {{#if}} is never closed
    [Wrong]
    ");
    assert_snapshot!(project.run("render @/bad.mjml --json", ""), @r#"
    {"ok":false,
      "problem":"@/bad.mjml:2: there is no element <mj-bdy>; did you mean <mj-body>?"}
    [Wrong]
    "#);
    assert_snapshot!(project.run("render @/bad.hbs @/bad.json", ""), @"
    @/bad.json: not JSON: EOF while parsing an object at line 1 column 1
    [Wrong]
    ");
    assert_snapshot!(project.run("render @/none.hbs", ""), @"
    dripline: @/none.hbs: no such file
    [Usage]
    ");
    assert_snapshot!(project.run("render", "{}"), @r#"
    standard input: not {"template", "data"}: missing field `template` at line 1 column 2
    [Wrong]
    "#);
}

#[test]
fn inspection_explains_refusals() {
    let project = Project::new();
    let (thanks, footer) = ("@/templates/pages/thanks.hbs", "@/templates/partials/footer.hbs");
    assert_snapshot!(project.run(&format!("inspect template {thanks} {footer}"), ""), @"
    @/templates/pages/thanks.hbs: accepted, used by white-paper
    @/templates/partials/footer.hbs: accepted, used by white-paper
    [Ok]
    ");
    assert_snapshot!(project.run("inspect campaign @/campaigns/white-paper.toml", ""), @"
    @/campaigns/white-paper.toml: accepted with 2 pages, 1 form, 2 segments, 6 journeys, 1 e-mail, 1 SMS
    [Ok]
    ");
    project.change("templates/pages/thanks.hbs", "title", "titel");
    project.change("templates/partials/footer.hbs", "<p>", "\n{{#if}}");
    let piped = format!("{thanks}\n\n{footer}\n@/none.hbs\n");
    assert_snapshot!(project.run("inspect template", &piped), @"
    @/templates/pages/thanks.hbs: refused
      @/templates/pages/thanks.hbs:1: unknown variable `titel`; did you mean `title`?
    @/templates/partials/footer.hbs: refused
      @/templates/partials/footer.hbs:2: {{#if}} is never closed
    @/none.hbs: refused
      @/none.hbs:1: is missing
    3 looked at, 3 refused
    [Wrong]
    ");
    assert_snapshot!(project.run("inspect template --json", thanks), @r#"
    {"input":"@/templates/pages/thanks.hbs",
      "ok":false,
      "problems":[{"column":1,
      "file":"@/templates/pages/thanks.hbs",
      "help":"did you mean `title`?",
      "key":"",
      "line":1,
      "message":"unknown variable `titel`"}]}
    1 looked at, 1 refused
    [Wrong]
    "#);
    assert_snapshot!(project.run("inspect campaign @/campaigns/white-paper.toml", ""), @"
    @/campaigns/white-paper.toml: refused
      @/templates/pages/thanks.hbs:1: unknown variable `titel`; did you mean `title`?
      @/templates/partials/footer.hbs:2: {{#if}} is never closed
    [Wrong]
    ");
    assert_snapshot!(project.run("inspect template", ""), @"
    dripline: nothing to look at: give an argument, or lines on standard input
    [Usage]
    ");
}
