//! Which templates are accepted, what they render, and that none of them can do harm.

mod dialect;
mod harm;
mod lint;
mod links;
mod values;

use super::helpers::{HELPERS, WITHDRAWN};
use super::*;
use crate::domain::base::diagnostic::Problem;
use crate::domain::campaign::{Campaign, Compiled};
use crate::domain::campaign_file::{read, tests::SAMPLE};
use crate::domain::publication::lint::{Lint, LintCode};
use crate::domain::publication::validate::check_templates;
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;
use std::sync::LazyLock;

const BODY: &str = "<a href=\"{{unsubscribe_url}}\">退订</a>";

fn campaign() -> Campaign {
    static READ: LazyLock<Campaign> = LazyLock::new(|| {
        let interests = "[[form.download.fields]]\nname = 'interests'\ntype = 'multi-select'\n\
                         options = ['甲', '乙']\n[form.download.consent]";
        let text = SAMPLE.replace("[form.download.consent]", interests);
        read("white-paper.toml", &text).unwrap()
    });
    READ.clone()
}

fn page(text: &str) -> TemplateSource {
    TemplateSource::Page(text.to_owned())
}

fn email(subject: &str, html: &str, text: &str) -> TemplateSource {
    let [subject, html, text] = [subject, html, text].map(str::to_owned);
    TemplateSource::Email { subject, preheader: String::new(), html, text }
}

/// Compiles the sample with valid templates and these changes.
fn compiled(changes: Vec<(&str, TemplateSource)>) -> Compiled {
    let mut templates = BTreeMap::new();
    for name in ["pages/white-paper", "pages/white-paper-b", "pages/thanks"] {
        templates.insert(name.to_owned(), page("<title>{{title}}</title>{{{form}}}"));
    }
    templates.insert("emails/welcome".to_owned(), email("你好", BODY, "{{first_name}}"));
    templates
        .insert("sms/nudge".to_owned(), TemplateSource::Sms("{{first_name}}，您好".to_owned()));
    templates.extend(changes.into_iter().map(|(name, source)| (name.to_owned(), source)));
    Compiled { campaign: campaign(), templates }
}

/// Returns the problems of templates: place, problem and remedy.
fn errors_in(changes: Vec<(&str, TemplateSource)>) -> String {
    let tell = |problem: &Problem| {
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        let help = problem.help.iter().map(|help| format!("   → {help}\n")).collect::<String>();
        format!("{}{line}\n     {}\n{help}", problem.key, problem.message)
    };
    match check_templates(&compiled(changes)) {
        problems if problems.is_empty() => "all good".to_owned(),
        problems => problems.iter().map(tell).collect(),
    }
}

fn errors_of_page(text: &str) -> String {
    errors_in(vec![("pages/thanks", page(text))])
}

fn errors_of_text(text: &str) -> String {
    errors_in(vec![("emails/welcome", email("你好", BODY, text))])
}

fn errors_of_html(html: &str) -> String {
    errors_in(vec![("emails/welcome", email("你好", &format!("{BODY}{html}"), "好"))])
}

fn partial(text: &str) -> (&'static str, TemplateSource) {
    ("partials/footer", TemplateSource::Partial(text.to_owned()))
}

#[test]
fn every_variable_is_known() {
    let known = "first_name last_name email phone locale time_zone external_id score role \
                 employees company plan campaign.name campaign.postal_address base_url \
                 unsubscribe_url \
                 @root.first_name campaign/name ./first_name ~first_name~";
    for known in known.split_whitespace() {
        assert_eq!(errors_of_text(&format!("{{{{{known}}}}}")), "all good", "{known}");
    }
}

#[test]
fn unknown_variable_suggests_the_nearest() {
    assert_snapshot!(errors_of_text("你好\n{{frist_name}}"), @"
    emails/welcome/text:2
         unknown variable `frist_name`
       → did you mean `first_name`?
    ");
    assert_snapshot!(errors_of_text("{{公司}}"), @"
    emails/welcome/text:1
         unknown variable `公司`
       → declare it in campaign.attributes, or ask for it in a form
    ");
    assert_snapshot!(errors_of_text("{{campaign.nmae}}\n{{title}}"), @"
    emails/welcome/text:1
         unknown variable `campaign.nmae`
       → did you mean `campaign.name`?
    emails/welcome/text:2
         unknown variable `title`
       → declare it in campaign.attributes, or ask for it in a form
    ");
    assert_snapshot!(errors_of_text(
        "{{#if (eq rol \"经理\")}}\n{{default frst_name \"朋友\"}}{{/if}}"
    ), @"
    emails/welcome/text:1
         unknown variable `rol`
       → did you mean `role`?
    emails/welcome/text:2
         unknown variable `frst_name`
       → did you mean `first_name`?
    ");
    assert_snapshot!(errors_of_page("{{first_name}}\n{{unsubscribe_url}}\n{{titel}}"), @"
    pages/thanks:1
         unknown variable `first_name`
       → declare it in campaign.attributes, or ask for it in a form
    pages/thanks:2
         unknown variable `unsubscribe_url`
       → declare it in campaign.attributes, or ask for it in a form
    pages/thanks:3
         unknown variable `titel`
       → did you mean `title`?
    ");
    assert_snapshot!(errors_in(vec![("emails/welcome", email("{{unsubscribe_url}}", BODY, ""))]), @"
    emails/welcome/subject:1
         unknown variable `unsubscribe_url`
       → declare it in campaign.attributes, or ask for it in a form
    ");
    assert_snapshot!(errors_in(
        vec![("sms/nudge", TemplateSource::Sms("{{unsubscribe_url}}".into()))]
    ), @"
    sms/nudge:1
         unknown variable `unsubscribe_url`
       → declare it in campaign.attributes, or ask for it in a form
    ");
    assert_snapshot!(errors_of_text("{{../first_name}} {{this}} {{@index}} {{@root.x}}"), @"
    emails/welcome/text:1
         `../first_name` refers to something outside the template
    emails/welcome/text:1
         unknown variable `this`
       → declare it in campaign.attributes, or ask for it in a form
    emails/welcome/text:1
         `@index` is only available inside {{#each …}}
    emails/welcome/text:1
         unknown variable `@root.x`
       → declare it in campaign.attributes, or ask for it in a form
    ");
}

#[test]
fn names_inside_each_refer_to_items() {
    let text = "{{#each role}}{{this}} {{@index}} {{../first_name}} {{@root.score}}\
                {{else}}{{score}}{{/each}}";
    assert_eq!(errors_of_text(text), "all good");
    let text = "{{#each role as |item i|}}{{item}}{{i}}{{#if @last}}。{{/if}}{{/each}}";
    assert_eq!(errors_of_text(text), "all good");
    assert_eq!(
        errors_of_text("{{#if interests}}{{#each interests}}{{this}}{{/each}}{{/if}}"),
        "all good"
    );
    assert_eq!(errors_of_text("\n{{interests}}"), "all good", "a list is written with commas");
    assert_snapshot!(errors_of_text(
        "{{#each role}}\n{{first_name}} {{title}} {{../../score}}{{/each}}"
    ), @"
    emails/welcome/text:2
         `first_name` is not part of a list's item
       → inside {{#each role}} write {{@root.first_name}}
    emails/welcome/text:2
         `title` is not part of a list's item
       → the item itself is {{this}}
    emails/welcome/text:2
         `../../score` refers to something outside the template
    ");
}

#[test]
fn helper_names_and_arguments_are_checked() {
    let text = "{{upper (default company \"甲\")}}{{lower role}}\
                {{#unless (eq score 3)}}{{else if plan}}x{{/unless}}";
    assert_eq!(errors_of_text(text), "all good");
    assert_snapshot!(errors_of_text("\n{{uper first_name}}"), @"
    emails/welcome/text:2
         there is no helper `uper`
       → did you mean `upper`?
    ");
    assert_snapshot!(errors_of_text("{{default first_name}} {{upper}} {{eq a=1}}"), @"
    emails/welcome/text:1
         `default` takes 2 values, not 1
    emails/welcome/text:1
         `upper` takes 1 value, not 0
    emails/welcome/text:1
         `eq` takes 2 values, not 0
    emails/welcome/text:1
         `eq` has no option `a`
    ");
    assert_snapshot!(errors_of_text("{{lookup role 0}} {{log score}} {{len role}}"), @"
    emails/welcome/text:1
         there is no helper `log`
       → docs/templates.md lists the helpers
    emails/welcome/text:1
         there is no helper `len`
       → docs/templates.md lists the helpers
    ");
    assert_snapshot!(errors_of_text(
        "{{#with role}}x{{/with}}{{#role}}x{{/role}}{{#eq role 1}}x{{/eq}}"
    ), @"
    emails/welcome/text:1
         there is no block `eq`
       → write {{#if (eq …)}}…{{/if}}
    ");
    assert_snapshot!(errors_of_text(
        "{{if role}} {{#if role score}}x{{/if}} {{#if (eq role)}}x{{/if}}"
    ), @"
    emails/welcome/text:1
         `if` is a block: {{#if …}}…{{/if}}
    emails/welcome/text:1
         `if` takes 1 value, not 2
    emails/welcome/text:1
         `eq` takes 2 values, not 1
    ");
    assert_snapshot!(errors_of_text("{{(default score 1)}}"), @"
    emails/welcome/text:1
         a tag must begin with a variable or a helper
    ");
}

#[test]
fn syntax_error_is_reported_with_its_line() {
    assert_snapshot!(errors_of_text("你好\n{{first_name}"), @"
    emails/welcome/text:2
         `{{first_name}` is never closed with }}
    ");
    assert_snapshot!(errors_of_text("你好\n{{#if role}}\n\n您好"), @"
    emails/welcome/text:2
         {{#if}} is never closed
    ");
    assert_snapshot!(errors_of_text("{{#if role}}\n{{#each plan}}\n{{/if}}\n{{/each}}"), @"
    emails/welcome/text:3
         {{/if}} closes nothing: {{#each}} of line 2 is still open
    ");
    assert_snapshot!(errors_of_text("\n\n{{/if}}"), @"
    emails/welcome/text:3
         {{/if}} closes nothing
    ");
    assert_snapshot!(errors_of_text("\n{{else}}"), @"
    emails/welcome/text:2
         {{else}} belongs inside a block
    ");
    assert_snapshot!(errors_of_text("\n{{first name!}} x"), @"
    emails/welcome/text:2
         `{{first name!}}` is not a Handlebars tag
    ");
    assert_snapshot!(errors_of_text("\n{{ }} x"), @"
    emails/welcome/text:2
         `{{ }}` is not a Handlebars tag
    ");
    assert_snapshot!(errors_of_text("\n{{!-- 没完"), @"
    emails/welcome/text:2
         this comment is never closed
    ");
    assert_snapshot!(errors_of_text("\n{{{{raw}}}}x{{{{/raw}}}}"), @r"
    emails/welcome/text:2
         raw blocks {{{{…}}}} are not offered: write \{{ for braces
    ");
    assert_snapshot!(errors_of_text("\n{{default first_name \"没完}}"), @r#"
    emails/welcome/text:2
         `{{default first_name "没完}}` is never closed with }}
    "#);
    assert_eq!(
        errors_of_text("\\{{not a tag}} {{!-- {{nor this}} --}} {{! or this }}"),
        "all good"
    );
    assert_eq!(errors_of_text("{{default first_name \"}}\"}} { {} }}"), "all good");
}

#[test]
fn only_the_form_may_be_unescaped() {
    assert_snapshot!(errors_of_page("{{{form}}}\n{{{title}}}"), @"
    pages/thanks:2
         {{{title}}} would not be escaped
       → write {{title}}
    ");
    assert_snapshot!(errors_of_html("\n{{{first_name}}}\n{{& first_name}}"), @"
    emails/welcome/html:2
         {{{first_name}}} would not be escaped
       → write {{first_name}}
    emails/welcome/html:3
         {{{first_name}}} would not be escaped
       → write {{first_name}}
    ");
    assert_snapshot!(errors_of_text("{{{form}}}"), @"
    emails/welcome/text:1
         {{{form}}} would not be escaped
       → write {{form}}
    ");
}

#[test]
fn links_begin_with_base_url_or_a_scheme() {
    for good in ["{{base_url}}/x?r={{role}}", "https://example.com/{{role}}", "{{unsubscribe_url}}"]
    {
        assert_eq!(errors_of_html(&format!("<a href=\"{good}\">x</a>")), "all good", "{good}");
    }
    assert_snapshot!(errors_of_html("\n<a href = '{{company}}'>x</a>\n<img SRC={{role}}>"), @"
    emails/welcome/html:2
         a link must not begin with `{{company}}`
       → begin it with https:// or {{base_url}}, or write {{url …}}
    emails/welcome/html:3
         a link must not begin with `{{role}}`
       → begin it with https:// or {{base_url}}, or write {{url …}}
    ");
    assert_eq!(errors_of_text("href={{company}}"), "all good", "plain text has no links");
}

#[test]
fn partials_are_checked_where_included() {
    let with = |page_text: &str, text: &str| {
        errors_in(vec![("pages/thanks", page(page_text)), partial(text)])
    };
    assert_eq!(with("{{> footer label=\"好\"}}", "{{label}} {{title}}"), "all good");
    assert_eq!(with("{{#if title}}\n  {{> footer}}\n{{/if}}", "{{title}}"), "all good");
    assert_snapshot!(with("\n{{> fotter}}", ""), @"
    pages/thanks:2
         there is no partial `fotter`
       → did you mean `footer`?
    ");
    assert_snapshot!(with("\n{{> (lookup title)}}", ""), @"
    pages/thanks:2
         a partial must be named directly, not by a variable
    ");
    assert_snapshot!(with("{{> footer}}", "\n{{first_name}} {{{title}}}"), @"
    partials/footer:2
         unknown variable `first_name`
       → declare it in campaign.attributes, or ask for it in a form
    partials/footer:2
         {{{title}}} would not be escaped
       → write {{title}}
    ");
    assert_snapshot!(with("{{> footer}}", "{{> footer}}"), @"
    partials/footer
         includes itself: footer → footer
    ");
    assert_snapshot!(with("{{> pages/white-paper}}{{> footer title}}", ""), @r#"
    pages/thanks:1
         `pages/white-paper` is not a partial
    pages/thanks:1
         a partial takes values by name only: {{> name label="…"}}
    "#);
    assert_snapshot!(with("{{#> footer}}x{{/footer}}{{#*inline \"x\"}}{{/inline}}{{* x}}", ""), @"
    pages/thanks:1
         blocks around partials {{#> …}} are not supported here
       → layouts are for e-mail bodies: {{#> layouts/name}}
    pages/thanks:1
         {{* …}} and {{#*inline …}} are not supported
       → write it as partials/name.hbs, and include it by {{> name}}
    ");
}

#[test]
fn email_needs_an_unsubscribe_link() {
    assert_snapshot!(errors_in(
        vec![("emails/welcome", email("你好", "<p>你好</p>", "{{unsubscribe_url}}"))]
    ), @r#"
    emails/welcome/html
         has no unsubscribe link
       → put <a href="{{unsubscribe_url}}">…</a> into an <mj-text>
    "#);
    let by_partial = email("你好", "{{> footer}}", "");
    assert_eq!(errors_in(vec![("emails/welcome", by_partial), partial(BODY)]), "all good");
}

#[test]
fn referenced_templates_must_exist() {
    let mut compiled = compiled(vec![("emails/welcme", email("", BODY, ""))]);
    compiled.templates.remove("emails/welcome");
    compiled.templates.remove("sms/nudge");
    compiled.templates.insert("pages/x".to_owned(), TemplateSource::Sms(String::new()));
    let problems = check_templates(&compiled);
    let lines = |problem: &Problem| format!("{problem}\n").replace("; ", "\n   → ");
    assert_snapshot!(problems.iter().map(lines).collect::<String>(), @"
    journey.nurture.step[1].send: there is no template `emails/welcome`
       → did you mean `emails/welcme`?
    journey.nurture.step[6].send: there is no template `sms/nudge`
    emails/welcme/subject: is empty
       → write what the mail is about
    pages/x: a template of this kind is named sms/…
    pages/x: is empty
       → write what the message says
    ");
}

#[test]
fn template_work_and_size_are_bounded() {
    let deep = format!("{}{}", "{{#if role}}".repeat(21), "{{/if}}".repeat(21));
    assert_snapshot!(errors_of_text(&deep), @"
    emails/welcome/text:1
         blocks nest deeper than 20
    ");
    assert_snapshot!(errors_of_text(&format!("{{{{#if {}role}}}}", "(eq ".repeat(50_000))), @"
    emails/welcome/text:1
         parentheses nest deeper than 5
    ");
    let lists = format!("{}{}", "{{#each role}}".repeat(3), "{{/each}}".repeat(3));
    assert_snapshot!(errors_of_text(&lists), @"
    emails/welcome/text
         makes too much work: lists within lists, or too many partials
    ");
    assert_snapshot!(errors_of_text(&"长".repeat(TEMPLATE_BYTES_MAX / 3 + 1)), @"
    emails/welcome/text
         262146 bytes; the limit is 262144
    ");
    let doubling = |n: usize| match n {
        0 => page("{{> p1}}"),
        n => TemplateSource::Partial(format!("{{{{> p{0}}}}}{{{{> p{0}}}}}", n + 1)),
    };
    let mut sources = BTreeMap::from([("pages/x".to_owned(), doubling(0))]);
    sources.extend((1..19).map(|n| (format!("partials/p{n}"), doubling(n))));
    sources.insert("partials/p19".to_owned(), TemplateSource::Partial("x".to_owned()));
    assert_snapshot!(
        Templates::new(&sources).err().unwrap(),
        @"partials/p1: makes too much work: lists within lists, or too many partials"
    );
    let ring =
        |name: &str| TemplateSource::Partial(format!("{{{{#if a}}}}{{{{> {name}}}}}{{{{/if}}}}"));
    let sources = [("partials/a", ring("b")), ("partials/b", ring("a"))];
    let sources = sources.map(|(name, source)| (name.to_owned(), source)).into();
    assert_snapshot!(
        Templates::new(&sources).err().unwrap(),
        @"partials/a: includes itself: a → b → a"
    );
}

/// Returns the templates of the sample with these changes, ready to render.
fn templates(changes: Vec<(&str, TemplateSource)>) -> Templates {
    Templates::new(&compiled(changes).templates).unwrap()
}

#[test]
fn values_are_escaped_per_context() {
    let nasty =
        json!({ "first_name": "<b>\"O'Neil\" & 林</b>\r\nBcc: x@example.com", "title": "<i>" });
    let all = email("{{first_name}}", "<p title=\"{{first_name}}\">", "{{first_name}}");
    let templates = templates(vec![("emails/welcome", all)]);
    let rendered = templates.render_email("emails/welcome", &nasty).unwrap();
    assert_snapshot!(rendered.subject, @r#"<b>"O'Neil" & 林</b> Bcc: x@example.com"#);
    assert_snapshot!(
        rendered.html.replace("\r\n", "⏎"),
        @r#"<p title="&lt;b&gt;&quot;O&#x27;Neil&quot; &amp; 林&lt;/b&gt;⏎Bcc: x@example.com">"#
    );
    assert_snapshot!(
        rendered.text.replace("\r\n", "⏎"),
        @r#"<b>"O'Neil" & 林</b>⏎Bcc: x@example.com"#
    );
    let page_data = json!({ "title": "<i>", "form": "<form></form>" });
    assert_snapshot!(
        templates.render_page("pages/thanks", &page_data).unwrap(),
        @"<title>&lt;i&gt;</title><form></form>"
    );
    let sms = templates.render_sms("sms/nudge", &json!({ "first_name": "O'Neil & 林" }));
    assert_snapshot!(sms.unwrap(), @"O'Neil & 林，您好");
}

/// Renders a text.
fn text(source: &str, data: Value) -> String {
    let templates = templates(vec![("sms/nudge", TemplateSource::Sms(source.to_owned()))]);
    templates.render_sms("sms/nudge", &data).unwrap()
}

#[test]
fn helpers_render_values() {
    let greeting = "{{default first_name \"朋友\"}}";
    assert_eq!(text(greeting, json!({ "first_name": "林" })), "林");
    for nobody in [json!({}), json!({ "first_name": null }), json!({ "first_name": " " })] {
        assert_eq!(text(greeting, nobody), "朋友");
    }
    assert_eq!(text("{{first_name}}!", json!({})), "!");
    assert_eq!(text("{{upper a}} {{lower b}}", json!({ "a": "straße", "b": "ÀÉ" })), "STRASSE àé");
    let same = "{{#if (eq a b)}}yes{{else}}no{{/if}}";
    for (a, b, answer) in [
        (json!("经理"), json!("经理"), "yes"),
        (json!(3), json!(3.0), "yes"),
        (json!(3), json!("3"), "yes"),
        (json!(true), json!("true"), "yes"),
        (json!(null), json!("x"), "no"),
    ] {
        assert_eq!(text(same, json!({ "a": a, "b": b })), answer);
    }
    let list = "{{#each role}}{{this}}{{#unless @last}}、{{/unless}}{{else}}无{{/each}}";
    assert_eq!(text(list, json!({ "role": ["甲", "乙"] })), "甲、乙");
    assert_eq!(text(list, json!({ "role": [] })), "无");
    assert_eq!(text("{{#each r}}{{../x}}{{/each}}", json!({ "r": [1, 2], "x": "y" })), "yy");
}

#[test]
fn field_named_like_a_helper_is_a_field() {
    let helpers = HELPERS.iter().filter(|spec| !spec.is_block).map(|spec| spec.name);
    for name in helpers.chain(WITHDRAWN.iter().copied()) {
        assert_eq!(text(&format!("{{{{{name}}}}}"), json!({ name: "ok" })), "ok", "{name}");
    }
}

#[test]
fn output_is_bounded() {
    let templates = templates(vec![("pages/thanks", page("{{{form}}}{{{form}}}"))]);
    let half = json!({ "form": "长".repeat(OUTPUT_BYTES_MAX / 6) });
    assert!(templates.render_page("pages/thanks", &half).is_ok());
    let more = json!({ "form": "长".repeat(OUTPUT_BYTES_MAX / 6 + 1) });
    let error = templates.render_page("pages/thanks", &more).unwrap_err();
    assert_snapshot!(error, @"pages/thanks: renders to more than 524288 bytes");
    assert_snapshot!(
        templates.render_page("pages/none", &more).unwrap_err(),
        @"pages/none: Template not found pages/none"
    );
}

#[test]
fn mjml_becomes_html_and_keeps_handlebars() {
    let mjml = "<mjml><mj-body><mj-section><mj-column>\n\
                {{#if role}}<mj-text>{{default first_name \"朋友\"}}，你好 &amp; 再见</mj-text>{{/if}}\n\
                <mj-button href=\"{{base_url}}/白皮书?a=1&amp;b={{role}}\">下载</mj-button>\n\
                <mj-raw>{{> footer}}</mj-raw></mj-column></mj-section></mj-body></mjml>";
    let html = compile_mjml(mjml).unwrap();
    for kept in [
        "{{#if role}}",
        "{{default first_name \"朋友\"}}，你好 &amp; 再见",
        "{{/if}}",
        "href=\"{{base_url}}/白皮书?a=1&amp;b={{role}}\"",
        "{{> footer}}",
    ] {
        assert!(html.contains(kept), "{kept} is not in\n{html}");
    }
    assert_eq!(html, compile_mjml(mjml).unwrap());
}

#[test]
fn mjml_error_is_reported_with_its_line() {
    let body = |inner: &str| {
        let outer = |inner| format!("<mjml>\n<mj-body>\n<mj-section><mj-column>\n{inner}\n");
        compile_mjml(&format!("{}</mj-column></mj-section>\n</mj-body>\n</mjml>", outer(inner)))
            .map_or_else(|error| error.to_string().replace(": ", ":\n"), |_| "all good".to_owned())
    };
    assert_snapshot!(body("<mj-text>你好</mj-text>\n<mj-txt>再见</mj-txt>"), @"
    line 5:
    there is no element <mj-txt>; did you mean <mj-text>?
    ");
    assert_snapshot!(body("<mj-text>你好\n"), @"
    line 6:
    </mj-column> comes while <mj-text> of line 4 is open
    ");
    assert_snapshot!(body("<mj-text>你好</mj-button>"), @"
    line 4:
    </mj-button> comes while <mj-text> of line 4 is open
    ");
    assert_snapshot!(
        body("\n<mj-button href=\"{{default plan \"x\"}}\">好</mj-button>"),
        @"all good"
    );
    assert_snapshot!(body("\n<mj-image src=\"x>\n"), @"
    line 5:
    this tag does not end:
    a quote or a `>` is missing
    ");
    assert_snapshot!(body("\n<mj-include path=\"/etc/passwd\" />"), @"
    line 5:
    mj-include is not offered, partials {{> name}} are
    ");
    assert_snapshot!(body(&"<div>".repeat(40_000)), @"
    line 4:
    <div> must not stand in <mj-column>; put HTML into <mj-text>, or <mj-raw> between elements
    ");
    assert_snapshot!(body(&format!("<mj-text>{}", "<div>".repeat(40_000))), @"
    line 4:
    elements nest deeper than 1000
    ");
    assert_snapshot!(body("<mj-text>\n<mj-button href=\"x\">好</mj-button></mj-text>"), @"
    line 5:
    <mj-button> must not stand in <mj-text>, which holds HTML; put it into <mj-column>
    ");
    assert_snapshot!(body("</mj-column>\n<mj-text>好</mj-text>"), @"
    line 5:
    <mj-text> must not stand in <mj-section>; move it into <mj-column>
    ");
    assert_snapshot!(body("<mj-text>你好<br>再见<p>x</mj-text><mj-text/>"), @"all good");
    assert_snapshot!(body("<!-- <mj-x> --><mj-text css-class='a>b'>好</mj-text>"), @"all good");
    assert_snapshot!(body("</mj-column></mj-section></mj-body></mjml></mj-body>"), @"
    line 4:
    </mj-body> closes nothing
    ");
    assert_snapshot!(
        compile_mjml("你好").unwrap_err(),
        @"line 1: has no <mjml> element"
    );
    assert_snapshot!(compile_mjml("").unwrap_err(), @"line 1: has no <mjml> element");
    assert_snapshot!(
        compile_mjml("<mjml>\n<mj-head></mj-head></mjml>").unwrap_err(),
        @"line 1: has no <mj-body> element"
    );
}

#[test]
fn html_inside_mjml_is_unchanged() {
    let mjml = |head: &str, inner: &str| {
        compile_mjml(&format!(
            "<?xml version=\"1.0\"?><!doctype mjml><mjml version=\"4\"><mj-head>{head}</mj-head>\
             <mj-body><mj-section><mj-column>{inner}</mj-column></mj-section></mj-body></mjml>"
        ))
        .unwrap()
    };
    let links = "<a href=\"https://a.example/u\">Unsubscribe</a>\n  <a href='x'>Preferences</a>";
    assert!(mjml("", &format!("<mj-text>{links}</mj-text>")).contains(links));
    let odd = "&nbsp;a < b &copy; <br> <IMG src=x> <!-- [if x] --> {{#if a}}<p>{{/if}}";
    assert!(mjml("", &format!("<mj-text>\n{odd}\n</mj-text>")).contains(odd));
    let inline = "<mj-style inline=\"inline\">.n { color: #a04 } p { margin: 0 }</mj-style>";
    let text =
        "<mj-text css-class=\"n\">{{#each l}}<p style='top:0'>{{this}}</p>{{/each}}</mj-text>";
    let html = mjml(inline, text);
    assert!(html.contains("{{#each l}}<p style=\"margin: 0;top: 0"), "{html}");
    assert!(html.contains("color: #a04"), "{html}");
    let html = mjml("<mj-title>\"T\" & co</mj-title>", "<mj-text title='x'>{{a}}</mj-text>");
    assert!(html.contains("aria-label=\"&quot;T&quot; & co\""), "{html}");
    assert!(!html.contains("~aside-") && !html.contains("fonts.googleapis"), "{html}");
    let html = mjml(
        "<mj-font name=\"Lo\" href=\"https://f.example/lo\"></mj-font>",
        "<mj-text>x</mj-text>",
    );
    assert!(!html.contains("f.example"), "nothing is written in it: {html}");
    let html = mjml("", "<mj-text font-family=\"Roboto, sans-serif\">x</mj-text>");
    assert!(html.contains("fonts.googleapis.com/css?family=Roboto"), "{html}");
}

/// Pieces from which a careless author could build a template.
fn pieces() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{{", "}}", "{{{", "}}}", "{{#if ", "{{/if}}", "{{#each ", "{{/each}}", "{{else}}", "{{^",
        "{{else if ", "{{> ", "{{#> ", "{{~", "~}}", "{{!", "{{!--", "--}}", "{{&", "{{*", "(",
        ")", "[", "]", "\"", "'", "|", " as |x i|", "@index", "@root", "../", "this", "role", " ",
        "=", ".", "/", "eq ", "default ", "1", "-", "\\", "\n", "长", "x", "{{role}}",
        "<a href=\"", ":",
    ]);
    prop::collection::vec(pieces, 0..16).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Neither checking nor rendering panics, whatever a template contains; and every template that
    /// passes the check renders.
    #[test]
    fn templates_never_panic_and_accepted_ones_render(source in pieces()) {
        let name = "sms/nudge";
        let compiled = compiled(vec![(name, TemplateSource::Sms(source.clone())), partial("x")]);
        let accepted = check_templates(&compiled).is_empty();
        let data = json!({ "role": ["a", "b"], "x": {} });
        match Templates::new(&compiled.templates) {
            Ok(templates) => {
                let rendered = templates.render_sms(name, &data);
                prop_assert!(!accepted || rendered.is_ok(), "{source}: {rendered:?}");
            }
            Err(error) => prop_assert!(!accepted, "{source}: {error}"),
        }
    }

    #[test]
    fn mjml_never_panics(source in pieces(), element in "(<(mj-)?[a-z]{1,6}[ />]?){0,4}") {
        let _ = compile_mjml(&format!("<mjml><mj-body>{element}{source}</mj-body></mjml>"));
        let _ = compile_mjml(&format!("{element}{source}"));
    }
}

/// What the engine would drop, escape as Rust does, or hide in a comment for Outlook.
#[test]
fn odd_characters_and_raw_between_sections_survive() {
    let mail = |body: &str| compile_mjml(&format!("<mjml><mj-body>{body}</mj-body></mjml>"));
    let image = "<mj-image src=\"a.png\" alt=\"C:\\new\n👨\u{200d}👩 e\u{301}\" width=\"120px\"/>";
    let narrow = "<mj-section padding=\"0 20px 25px 20px\"><mj-column width=\"25%\">";
    let html = mail(&format!("{narrow}{image}</mj-column></mj-section>")).unwrap();
    assert!(html.contains("alt=\"C:\\new\n👨\u{200d}👩 e\u{301}\""), "{html}");
    // 600 less 40, a quarter of it, less the image's horizontal padding of 50.
    assert!(html.contains("width=\"90\""), "{html}");

    let section = "<mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section>";
    let between = "<mj-raw>{{#if a}}</mj-raw><mj-raw><p>seen</p></mj-raw><mj-raw>{{/if}}</mj-raw>";
    let wrapper = format!("<mj-wrapper gap=\"20px\">{section}{between}{section}</mj-wrapper>");
    let html = mail(&wrapper).unwrap();
    let mut is_hidden = false;
    let mut seen = String::new();
    for piece in html.split_inclusive("-->") {
        let (shown, comment) = piece.split_once("<!--").unwrap_or((piece, ""));
        seen.push_str(shown);
        is_hidden |= comment.contains("seen");
    }
    assert!(seen.contains("<p>seen</p>") && !is_hidden, "{html}");
    assert_eq!(seen.matches("height:20px;line-height:20px").count(), 1, "{seen}");
    let sizes = "<mj-image src=\"a.png\" srcset=\"b.png 2w,\n c.png 3w\" sizes=\"9px\" />";
    let html = mail(&format!("{narrow}{sizes}</mj-column></mj-section>")).unwrap();
    assert!(html.contains("srcset=\"b.png 2w,\n c.png 3w\" sizes=\"9px\""), "{html}");
    let refused = mail("<mj-section gap=\"20px\"></mj-section>").unwrap_err();
    assert!(refused.message.contains("`gap` is not offered"), "{refused}");
}
