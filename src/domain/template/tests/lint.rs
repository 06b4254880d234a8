//! Each warning, and cases that deserve none.

use super::*;

const FOOT: &str = "<mj-text><a href=\"{{unsubscribe_url}}\">Stop</a> {{campaign.postal_address}} \
    Enough words that nobody takes this for a mail of images: the letters of a mail are counted, \
    and here are more than eighty of them.</mj-text>";

/// Returns the warnings about an e-mail with this subject, head and body.
fn lints(subject: &str, head: &str, body: &str) -> String {
    let mjml = format!(
        "<mjml><mj-head><mj-raw><meta name=\"color-scheme\" content=\"light dark\" /></mj-raw>\
         {head}</mj-head><mj-body background-color=\"#eeeeee\"><mj-section><mj-column>\n{body}\n\
         {FOOT}</mj-column></mj-section></mj-body></mjml>"
    );
    lints_of(subject, "A preheader", &mjml, "")
}

fn lints_of(subject: &str, preheader: &str, mjml: &str, text: &str) -> String {
    let source = |html: &str, text: &str| TemplateSource::Email {
        subject: subject.to_owned(),
        preheader: preheader.to_owned(),
        html: html.to_owned(),
        text: text.to_owned(),
    };
    let html = compile_mjml(mjml).unwrap();
    let arriving = compiled(vec![("emails/welcome", source(&html, text))]);
    let templates = Templates::new(&arriving.templates).unwrap();
    let found = crate::domain::publication::lint::lint(
        "emails/welcome",
        &source(mjml, text),
        &templates,
        &arriving,
    );
    let line = |lint: &Lint| {
        let part = lint.key.trim_start_matches("emails/welcome/");
        let line = lint.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{part}{line} {} {}\n", lint.code.as_str(), lint.detail)
    };
    found.iter().map(line).collect::<String>().replace(" \n", "\n")
}

#[test]
fn good_email_has_no_warnings() {
    let body = "<mj-image src=\"https://a.example/x.png\" alt=\"\" />\
        <mj-button href=\"{{base_url}}/white-paper/thanks?role={{encode role}}\">Go</mj-button>\
        <mj-text><a href=\"mailto:a@b.example\">a@b.example</a> <a href=\"tel:+44\">call</a>\
        <a href=\"https://www.a.example/x\">a.example</a>\
        <a href=\"{{default (url company) base_url}}\">yours</a>\
        <p style=\"color:#111111;display:block\">e.g. 3.5 points; position: fixed</p></mj-text>";
    let style = "<mj-style>a:hover { color: #b93a10; } .x { display: block !important }</mj-style>";
    assert_eq!(lints("A plain subject, OK", style, body), "");
}

#[test]
fn broken_and_misleading_links_are_warned() {
    assert_snapshot!(lints("好", "", "<mj-text>\n<a href=\"http://a.example\">x</a>\n\
        <a href=\"/pricing\">x</a>\n<a href=\"\">x</a>\n<a href=\"#\">x</a>\n\
        <a href=\"https//a.example\">x</a>\n<a href=\"https://a example/b\">x</a>\n\
        <a href=\"https://localhost/\">x</a>\n<a href=\"https://bit.ly/x\">x</a>\n\
        <a href=\"https://evil.example/\">www.bank.example</a>\n\
        <a href=\"https://evil.example/\">https://bank.example/login</a>\n\
        <a href=\"{{base_url}}/white-paper/thanks?r={{role}}\">x</a>\n</mj-text>"), @"
    html:3 insecure-link http://a.example
    html:4 relative-link /pricing
    html:5 empty-link
    html:6 empty-link #
    html:7 broken-link https//a.example
    html:8 broken-link https://a example/b
    html:9 broken-link https://localhost/
    html:10 shortened-link https://bit.ly/x
    html:11 misleading-link bank.example → evil.example
    html:12 misleading-link bank.example → evil.example
    html:13 unencoded-value role
    ");
}

#[test]
fn images_without_alt_are_warned() {
    assert_snapshot!(lints("好", "", "<mj-image src=\"https://a.example/x.png\" />\n\
        <mj-text><img src=\"data:image/png;base64,xx\" alt=\"a\"></mj-text>"), @"
    html:2 image-without-alt https://a.example/x.png
    html:3 data-image data:image/png;base64,xx
    ");
    let bare = "<mjml><mj-body><mj-section><mj-column><mj-image src=\"https://a.example/x.png\" \
        alt=\"\" /><mj-text><a href=\"{{unsubscribe_url}}\">x</a></mj-text></mj-column>\
        </mj-section></mj-body></mjml>";
    assert_snapshot!(lints_of("好", "", bare, "no way out"), @"
    html:1 no-color-scheme
    html text-without-background #000000
    html no-preheader
    text no-unsubscribe-in-text
    html no-postal-address
    html image-only
    ");
}

#[test]
fn unsupported_css_and_elements_are_warned() {
    let style = "\n<mj-style>\n@import url(x.css);\n.a, .b:hover {\n  color: red;\n  \
        display:flex; gap: 3px }\n@media (min-width:1px) { .c { position: fixed } }\n</mj-style>";
    assert_snapshot!(lints("好", style, "<mj-text>\n<p style=\"float:left;width:calc(1px)\">x</p>\n\
        <div style=\"background:url(https://a.example/x)\">x</div><video></video></mj-text>"), @"
    html:3 unsupported-css @import: Gmail, Outlook.com, Yahoo
    html:6 unsupported-css display:flex: Outlook for Windows
    html:6 unsupported-css gap: Outlook for Windows, Yahoo
    html:7 unsupported-css position:fixed: Gmail, Outlook for Windows
    html:10 unsupported-css float:left: Outlook for Windows
    html:10 unsupported-css calc(): Outlook, Yahoo
    html:11 unsupported-css background:url(): Outlook for Windows
    html:11 unsupported-element <video>: Gmail, Outlook, Yahoo
    ");
}

#[test]
fn unreadable_colours_are_warned() {
    let bare = FOOT.replace("<mj-text>", "<mj-text color=\"#000000\">");
    let mjml = format!(
        "<mjml><mj-body><mj-section><mj-column>{bare}</mj-column></mj-section></mj-body></mjml>"
    );
    assert_snapshot!(lints_of("好", "x", &mjml, ""), @"
    html:1 no-color-scheme
    html text-without-background #000000
    ");
    assert_snapshot!(lints("好", "", "<mj-text><b style=\"color:#EEEEEE\">sex</b></mj-text>"), @"
    html hidden-text #eeeeee
    ");
}

#[test]
fn long_and_spammy_subjects_are_warned() {
    let subject = |subject: &str| lints(subject, "", "");
    assert_eq!(subject(&"长".repeat(30)), "");
    assert_snapshot!(subject(&"长".repeat(31)), @"subject long-subject 62");
    assert_snapshot!(subject("BUY IT NOW RIGHT AWAY"), @"subject shouting-subject");
    assert_snapshot!(subject("Only now, {{first_name}}!!"), @"subject many-exclamations");
    assert_snapshot!(subject("Re: 您的订单"), @"subject false-reply");
    assert_eq!(subject("NASA & UNESCO answer"), "");
    let maybe = "{{#if first_name}}Hi {{first_name}}{{/if}}";
    assert_snapshot!(subject(maybe), @"subject empty-subject");
    assert_eq!(subject("{{default first_name \"Hello\"}}"), "");
    assert_eq!(subject("{{email}}"), "");
}

#[test]
fn email_size_includes_tracking_links() {
    let link = "<a href=\"{{base_url}}/white-paper/thanks\">a link</a>\n".repeat(380);
    assert_snapshot!(lints("好", "", &format!("<mj-text>{link}</mj-text>")), @"
    html too-large 116
    ");
    let link = "<a href=\"{{base_url}}/white-paper/thanks\">a link</a>\n".repeat(300);
    assert_eq!(lints("好", "", &format!("<mj-text>{link}</mj-text>")), "");
}

#[test]
fn every_warning_has_a_text_and_a_remedy() {
    let mjml = "<mjml><mj-body><mj-section><mj-column><mj-image src=\"http://x\" /></mj-column>\
        </mj-section></mj-body></mjml>";
    let source = email("X", mjml, "");
    let html = compile_mjml(mjml).unwrap();
    let arriving = compiled(vec![("emails/welcome", email("X", &html, "x"))]);
    let templates = Templates::new(&arriving.templates).unwrap();
    let found =
        crate::domain::publication::lint::lint("emails/welcome", &source, &templates, &arriving);
    let words = |lint: &Lint| {
        format!("{}\n  {}\n    {}\n", lint.code.as_str(), lint.message(), lint.remedy())
    };
    assert_snapshot!(found.iter().map(words).collect::<String>(), @r#"
    image-without-alt
      the image `http://x` has no text for people who do not see it
        write alt="…"; or alt="" for a decoration
    insecure-link
      `http://x` is not encrypted
        begin it with https://
    no-color-scheme
      does not declare support for dark mode, so clients change its colours
        put <mj-raw><meta name="color-scheme" content="light dark" /></mj-raw> into <mj-head>
    no-preheader
      has no preheader: mailboxes show the body's first words after the subject
        write preheader.hbs beside subject.hbs
    no-postal-address
      does not contain the sender's postal address
        put {{campaign.postal_address}} into the footer; US law requires it (16 CFR 316.5)
    image-only
      almost all of its content is in images, which many people do not see
        write the main points as text
    "#);
}

/// Returns the warnings about a template, as `code:line detail`.
fn of_source(name: &str, text: &str, change: impl FnOnce(&mut Compiled)) -> String {
    let source = match name.split('/').next() {
        Some("sms") => TemplateSource::Sms(text.to_owned()),
        Some("pages") => page(text),
        _ => TemplateSource::Partial(text.to_owned()),
    };
    let mut arriving = compiled(vec![(name, source.clone())]);
    change(&mut arriving);
    let templates = Templates::new(&arriving.templates).unwrap();
    let found = crate::domain::publication::lint::lint(name, &source, &templates, &arriving);
    let line = |lint: &Lint| {
        let line = lint.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line} {}\n", lint.code.as_str(), lint.detail)
    };
    found.iter().map(line).collect::<String>().replace(" \n", "\n")
}

#[test]
fn sms_without_opt_out_or_signature_is_warned() {
    let plain = |text: &str| of_source("sms/nudge", text, |_| {});
    assert_snapshot!(plain("{{first_name}}，您好"), @"
    no-opt-out
    no-signature
    ");
    assert_eq!(plain("【砺川】您好，拒收请回复R"), "");
    let errors_in = |c: &mut Compiled| {
        c.campaign.sms.opt_out = "拒收请回复R".to_owned();
        c.campaign.sms.signature = "砺川".to_owned();
    };
    assert_eq!(of_source("sms/nudge", "您好", errors_in), "");
    let abroad = |c: &mut Compiled| c.campaign.forms.clear();
    assert_eq!(of_source("sms/nudge", "Hi. Reply STOP to end", abroad), "");
    assert_eq!(of_source("sms/nudge", "Our one-stop shop", abroad), "no-opt-out\n");
}

#[test]
fn long_or_costly_sms_is_warned() {
    let abroad = |c: &mut Compiled| {
        c.campaign.forms.clear();
        c.campaign.sms.opt_out = "Reply STOP to end".to_owned();
        c.campaign.sms.segments_max = Some(1);
    };
    assert_eq!(of_source("sms/nudge", &"a".repeat(142), abroad), "");
    assert_eq!(of_source("sms/nudge", &"a".repeat(143), abroad), "long-text 2\n");
    // Links count with their length when sent, which is short.
    let link = format!("{{{{base_url}}}}/white-paper/thanks?x={} Hi", "a".repeat(140));
    assert_eq!(of_source("sms/nudge", &link, abroad), "");
    let long = |c: &mut Compiled| {
        abroad(c);
        c.campaign.sms.long_links = true;
    };
    assert_eq!(of_source("sms/nudge", &link, long), "long-text 2\n");
    assert_eq!(of_source("sms/nudge", "It’s on", abroad), "dear-characters `’` (U+2019)\n");
    assert_eq!(of_source("sms/nudge", "It’s 中", abroad), "");
    let links =
        "http://a.example/x, https://bit.ly/y?{{role}}\nhttps://b.example/{{encode role}}。";
    let roomy = |c: &mut Compiled| {
        abroad(c);
        c.campaign.sms.segments_max = None;
    };
    assert_snapshot!(of_source("sms/nudge", links, roomy), @"
    insecure-link:1 http://a.example/x
    shortened-link:1 https://bit.ly/y?{{role}}
    unencoded-value:1 role
    ");
}

#[test]
fn own_domain_links_must_lead_to_a_page() {
    let page = "<a href=\"/white-paper/thanks?a=b#c\">x</a>\n<a href=\"/white-paper/thank\">x</a>\n\
        <a href=\"//cdn.example/x\">x</a>\n<a href=\"#top\">x</a> <a href=\"/admin\">x</a>";
    assert_eq!(of_source("pages/thanks", page, |_| {}), "dead-page:2 /white-paper/thank\n");
    let text = "【川】拒收请回复R {{base_url}}/white-paper/thanks/ {{ base_url }}/gone?x，\n\
        {{base_url}}/{{role}} {{preferences_url}} {{base_url}}";
    assert_snapshot!(of_source("sms/nudge", text, |_| {}), @"
    dead-page:1 /gone
    dead-page:2 /
    ");
    let piece = "<a href=\"{{base_url}}/%E5%A5%BD\">x</a><a href=\"/%E5%9D%8F\">x</a>";
    let good = |c: &mut Compiled| {
        let mut page = c.campaign.pages["thanks"].clone();
        page.path = "/好".to_owned();
        c.campaign.pages.insert("good".to_owned(), page);
    };
    assert_eq!(of_source("partials/piece", piece, good), "dead-page:1 /坏\n");
    assert_snapshot!(lints("好", "", "<mj-text>\n<a href=\"{{base_url}}/lost\">x</a></mj-text>"), @"
    html:3 dead-page /lost
    ");
}

/// Returns a warning's remedy in English, by code.
fn remedy(code: LintCode) -> &'static str {
    let lint = Lint { code, key: String::new(), line: None, detail: String::new() };
    lint.remedy()
}

#[test]
fn every_remedy_removes_its_warning() {
    let text = |inside: &str| format!("<mj-text>{inside}</mj-text>");
    let link = |href: &str| text(&format!("<a href=\"{href}\">x</a>"));
    for (code, body, remedied) in [
        ("insecure-link", link("http://a.example"), link("https://a.example")),
        ("relative-link", link("/white-paper/thanks"), link("{{base_url}}/white-paper/thanks")),
        ("broken-link", link("https://a b.example"), link("https://ab.example")),
        ("broken-link", link("javascript:x()"), link("https://a.example")),
        ("empty-link", link(""), link("https://a.example")),
        ("shortened-link", link("https://bit.ly/x"), link("https://a.example/x")),
        (
            "misleading-link",
            text("<a href=\"https://a.example\">b.example</a>"),
            text("<a href=\"https://a.example\">Words</a>"),
        ),
        (
            "unencoded-value",
            link("https://a.example/?r={{role}}"),
            link("https://a.example/?r={{encode role}}"),
        ),
        (
            "image-without-alt",
            text("<img src=\"https://a.example/x.png\">"),
            text("<img src=\"https://a.example/x.png\" alt=\"A lathe\">"),
        ),
        ("unsupported-css", text("<p style=\"display:flex\">x</p>"), text("<p>x</p>")),
        ("foreign-tag", text("Hi *|FNAME|*"), text("Hi {{default first_name \"you\"}}")),
        ("foreign-tag", text("｛｛first_name｝｝"), text("{{first_name}}")),
        ("dead-page", link("{{base_url}}/gone"), link("{{base_url}}/white-paper/thanks")),
    ] {
        assert!(lints("好", "", &body).contains(code), "{code}: {body}");
        assert_eq!(lints("好", "", &remedied), "", "{remedied}");
    }
    // The example in the remedy itself, where there is one to copy.
    let head = remedy(LintCode::NoColorScheme);
    let head = head.strip_prefix("put ").and_then(|rest| rest.strip_suffix(" into <mj-head>"));
    let mail = |head: &str| {
        format!(
            "<mjml><mj-head>\n{head}</mj-head><mj-body background-color=\"#eeeeee\"><mj-section>\
             <mj-column>{FOOT}</mj-column></mj-section></mj-body></mjml>"
        )
    };
    assert_eq!(lints_of("好", "x", &mail(""), ""), "html:1 no-color-scheme\n");
    assert_eq!(lints_of("好", "x", &mail(head.unwrap()), ""), "");
    for (code, example) in [
        (LintCode::NoPostalAddress, "{{campaign.postal_address}}"),
        (LintCode::NoUnsubscribeInText, "{{unsubscribe_url}}"),
        (LintCode::ForeignTag, "{{default first_name \"…\"}}"),
        (LintCode::RelativeLink, "{{base_url}}"),
    ] {
        assert!(remedy(code).contains(example));
        assert_eq!(errors_of_text(example), "all good", "{example}");
    }
}

#[test]
fn good_links_have_no_warnings() {
    for href in [
        "https://a.example/?r={{encode role}}&c={{encode (default company \"a b\")}}",
        "https://a.example/{{#if role}}?r={{encode role}}{{/if}}",
        "https://a.example/?r={{~encode role~}}",
        "{{base_url}}/white-paper/thanks?r={{encode role}}",
        "sms:+447400123456",
        "sms:+447400123456?body=Yes%20please",
        "tel:+441172345678",
        "mailto:a@b.example?subject=Hello%20there",
        "whatsapp://send?text=Hi",
        "webcal://a.example/x.ics",
        "geo:51.45,-2.58",
    ] {
        let body = format!("<mj-text><a href=\"{}\">x</a></mj-text>", href.replace('"', "'"));
        assert_eq!(lints("好", "", &body), "", "{href}");
    }
    let roomy = |c: &mut Compiled| {
        c.campaign.forms.clear();
        c.campaign.sms.opt_out = "Reply STOP to end".to_owned();
    };
    let sms = "https://a.example/?r={{encode role}}&c={{encode (default company \"a b\")}} Hi";
    assert_eq!(of_source("sms/nudge", sms, roomy), "");
}

#[test]
fn blocked_content_on_pages_is_warned() {
    let source = "<script src=\"x.js\"></script>\n<b onclick=\"f()\">x</b>\n\
        <a href=\"javascript:f()\">x</a>\n\
        <link rel=\"stylesheet\" href=\"https://a.example/x.css\">\n\
        <iframe src=\"https://a.example\"></iframe>\n\
        <script type=\"application/ld+json\">{}</script><style>a{}</style>{{{form}}}";
    assert_snapshot!(of_source("pages/thanks", source, |_| {}), @r#"
    script-on-page:1 <script>
    script-on-page:2 onclick="…"
    script-on-page:3 href="…"
    blocked-on-page:4 <link href="https://a.example/x.css">
    blocked-on-page:5 <iframe>
    "#);
}

#[test]
fn page_with_a_form_must_show_it() {
    let with = |text: &str| {
        let landing = page(text);
        errors_in(vec![("pages/white-paper", landing.clone()), ("pages/white-paper-b", landing)])
    };
    assert_eq!(with("{{{form}}}"), "all good");
    assert!(!with("{{> footer}}{{#if title}}{{{form}}}{{/if}}").contains("form}}}"));
    let none = with("<h1>{{title}}</h1>");
    assert!(none.contains("the form is not shown") && none.contains("{{{form}}}"), "{none}");
    let two = with("{{form}}");
    assert!(two.contains("{{form}} shows the form's HTML as text"), "{two}");
    assert!(!two.contains("is not shown"), "one cause, one error: {two}");
}

#[test]
fn rule_on_unset_attribute_is_warned() {
    use crate::domain::publication::validate::doubts;
    let doubted = |rule: &str| {
        let text = format!("{SAMPLE}\n[segment.x]\nrule = {rule}\n");
        let campaign = read("white-paper.toml", &text).unwrap();
        let line = |lint: &Lint| format!("{} {} {}\n", lint.key, lint.code.as_str(), lint.detail);
        let of_x = |lint: &&Lint| lint.key.starts_with("segment.x");
        doubts(&campaign).iter().filter(of_x).map(line).collect::<String>()
    };
    for fine in [
        "{ attribute = 'role', is = '经理' }",
        "{ attribute = 'first_name', set = true }",
        "{ attribute = 'plan', is = 'whatever' }",
    ] {
        let found = doubted(fine);
        assert!(!found.contains("unknown-attribute"), "{fine}: {found}");
    }
    assert_eq!(
        doubted("{ all = [{ attribute = 'compny', is = 'x' }] }"),
        "segment.x.rule.all[1].attribute unknown-attribute `compny`; did you mean `company`?\n"
    );
}

#[test]
fn purpose_without_description_is_warned_once() {
    use crate::domain::publication::validate::doubts;
    let warnings = |text: &str| {
        let campaign = read("white-paper.toml", text).unwrap();
        let lints = doubts(&campaign).into_iter();
        let lints = lints.filter(|lint| lint.code == LintCode::UnnamedPurpose);
        lints.map(|lint| format!("{} {}", lint.key, lint.detail)).collect::<Vec<_>>()
    };
    let words = |purpose: &str| format!("[purpose.{purpose}]\nname = {{ en = \"News\" }}\n");
    let bare = warnings(SAMPLE);
    assert_eq!(bare.len(), 1, "{bare:?}");
    let (key, purpose) = bare[0].split_once(" `").unwrap();
    assert!(key.starts_with("form.download.consent"), "{key}");
    let described = format!("{SAMPLE}\n{}", words(purpose.trim_end_matches('`')));
    assert_eq!(warnings(&described), [] as [&str; 0]);
}
