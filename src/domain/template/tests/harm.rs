//! What a hostile author, or a hostile value, cannot do.

use super::*;

#[test]
fn templates_reach_data_only() {
    let reaches = [
        "__proto__",
        "constructor",
        "this.constructor.constructor",
        "first_name.constructor",
        "[__proto__]",
        "@root",
        "@root.__proto__",
        "@format.locale",
        "@partial-block",
        "campaign",
        "campaign.owner",
        "campaign.id",
        "settings",
        "env",
        "API_TOKENS",
    ];
    for reach in reaches {
        let said = errors_of_text(&format!("{{{{{reach}}}}}"));
        assert_ne!(said, "all good", "{reach}");
        // Even if it were published without the check, it renders nothing.
        let source = format!("[{{{{{reach}}}}}]");
        if let Ok(templates) =
            Templates::new(&compiled(vec![("sms/nudge", sms(&source))]).templates)
        {
            let rendered = templates.render_sms("sms/nudge", &json!({ "x": 1 }));
            assert!(rendered.as_ref().is_ok_and(|r| r == "[]") || rendered.is_err(), "{reach}");
        }
    }
    for tag in [
        "{{lookup this \"constructor\"}}",
        "{{#each @root}}{{this}}{{/each}}",
        "{{#with x}}{{/with}}",
    ] {
        assert_ne!(errors_of_text(tag), "all good", "{tag}");
    }
}

fn sms(text: &str) -> TemplateSource {
    TemplateSource::Sms(text.to_owned())
}

#[test]
fn value_starts_a_link_only_through_url() {
    for good in [
        "<a href=\"{{url company}}\">",
        "<a href=\"{{default (url company) base_url}}\">",
        "<a href=\"{{#if role}}https://a.example/{{else}}{{base_url}}/{{/if}}{{encode company}}\">",
        "<a title=\"{{company}}\" href='{{base_url}}?a={{company}}'>{{company}}</a>",
        "<p>href=\"</p>{{company}}<!-- <a href=\" -->{{company}}",
    ] {
        assert_eq!(errors_of_html(good), "all good", "{good}");
    }
    for bad in [
        "<a href=\"{{company}}\">",
        "<a href=\"{{#if role}}{{company}}{{/if}}\">",
        "<a href=\"{{#if role}}{{/if}}{{company}}\">",
        "<a href=\"{{#if role}}https://a{{/if}}{{company}}\">",
        "<a href=\"\n {{company}}\">",
        "<a href=\"{{upper company}}\">",
        "<a href=\"{{default company base_url}}\">",
        "<a href=\"{{default (url company) \"javascript:x\"}}\">",
        "<a href=\"{{#each role}}{{this}}{{/each}}\">",
        "<img SRC = '{{company}}'>",
        "<td background=\"{{company}}\">",
    ] {
        let said = errors_of_html(bad);
        assert!(said.contains("a link must not begin with"), "{bad}: {said}");
    }
    let link = |given: &str| {
        let page = page(&format!("{{{{> footer href={given}}}}}"));
        errors_in(vec![("pages/thanks", page), partial("<a href=\"{{href}}\">x</a>")])
    };
    assert_eq!(link("\"https://a.example\""), "all good");
    assert!(link("title").contains("a link must not begin with `{{href}}`"));
    assert!(link("\"javascript:alert(1)\"").contains("a link must not begin with"));
}

#[test]
fn url_helper_blocks_scripts() {
    for (value, safe) in [
        ("https://a.example/x?y=1&z=ü", "https://a.example/x?y=1&z=%C3%BC"),
        ("  HTTP://a.example/\"><b>", "HTTP://a.example/%22%3E%3Cb%3E"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("tel:+441172345678", "tel:+441172345678"),
        ("javascript:alert(1)", ""),
        ("JaVaScRiPt:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        (" \u{1}javascript:alert(1)", ""),
        ("data:text/html,<script>", ""),
        ("//evil.example", ""),
        ("www.a.example", ""),
        ("https:evil", ""),
        ("中", ""),
    ] {
        assert_eq!(text("{{url x}}", json!({ "x": value })), safe, "{value}");
    }
}

#[test]
fn values_are_allowed_in_text_and_quotes_only() {
    assert_snapshot!(errors_of_html(
        "\n<script>{{company}}</script>\n<style>a { color: {{company}} }</style>\n\
         <b onclick=\"f('{{company}}')\">\n<b title={{company}}>\n<b {{company}}>\n\
         <b title='{{company}}'>{{company}}</b>"
    ), @"
    emails/welcome/html:2
         `{{company}}` must not stand in a script or a style sheet
    emails/welcome/html:3
         `{{company}}` must not stand in a script or a style sheet
    emails/welcome/html:4
         `{{company}}` must not stand in a script or a style sheet
    emails/welcome/html:5
         `{{company}}` is in an attribute without quotes
       → put the value in quotes
    emails/welcome/html:6
         `{{company}}` is in an attribute without quotes
       → put the value in quotes
    ");
}

#[test]
fn values_cannot_inject_headers() {
    let source = TemplateSource::Email {
        subject: "Hi {{first_name}}".to_owned(),
        preheader: "P {{first_name}}".to_owned(),
        html: BODY.to_owned(),
        text: String::new(),
    };
    let templates = templates(vec![("emails/welcome", source)]);
    let data = json!({ "first_name": "A\r\nBcc: x@example.com\u{0}\u{85}\u{2028}Y" });
    let rendered = templates.render_email("emails/welcome", &data).unwrap();
    assert_eq!(rendered.subject, "Hi A Bcc: x@example.com Y");
    let preheader = templates.render_preheader("emails/welcome", &data).unwrap();
    assert_eq!(preheader, "P A Bcc: x@example.com Y");
}

#[test]
fn values_are_never_parsed_as_template() {
    let data = json!({ "first_name": "{{score}}{{> footer}}", "score": 7 });
    assert_eq!(text("{{first_name}}", data), "{{score}}{{> footer}}");
}
