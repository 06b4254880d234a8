//! MJML that becomes HTML.

use super::*;

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
    <mj-button> stands in <mj-text> of line 4:
    is </mj-text> missing? Or move it into <mj-column>
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
