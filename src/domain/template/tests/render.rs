//! What templates render to.

use super::*;

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
