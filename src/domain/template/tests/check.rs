//! What `check` says about templates.

use super::*;

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
