//! Links that an author wrote are found, whatever they look like; those of values are not.

use super::*;

/// Returns every link found in the HTML of a mail, and the mail with each replaced by `<n>`.
fn found_in(html: &str, data: &Value, is_marked: bool) -> (Vec<String>, String) {
    let mut source = email("s", html, "t");
    if is_marked {
        mark_links(&mut source);
    }
    let templates = Templates::new(&[("emails/m".to_owned(), source)].into()).unwrap();
    let mut found = Vec::new();
    let rendered = templates.render_email_through("emails/m", data, &mut |url| {
        found.push(url.to_owned());
        Some(format!("[{}]", found.len()))
    });
    (found, rendered.unwrap().html)
}

fn text_links(text: &str, data: &Value) -> (Vec<String>, String) {
    let mut source = TemplateSource::Sms(text.to_owned());
    mark_links(&mut source);
    let templates = Templates::new(&[("sms/m".to_owned(), source)].into()).unwrap();
    let mut found = Vec::new();
    let rendered = templates.render_sms_through("sms/m", data, &mut |url| {
        found.push(url.to_owned());
        Some(format!("[{}]", found.len()))
    });
    (found, rendered.unwrap())
}

#[test]
fn links_are_found_in_every_notation() {
    let data = json!({ "id": "a b&c", "base_url": "https://us.example", "yes": true, "list": [1, 2],
                       "site": "https://evil.example/" });
    for (html, wanted) in [
        ("<A HREF=\"https://a.example/\">x</A>", "https://a.example/"),
        ("<a class=x href='https://a.example/it'>x</a>", "https://a.example/it"),
        ("<a href=https://a.example/x>x</a>", "https://a.example/x"),
        ("<a\nhref = \"\n  https://a.example/x \t\"\n>x</a>", "https://a.example/x"),
        ("<a href=\"https://a.example/\n  x\">x</a>", "https://a.example/%20%20x"),
        ("<a href=\"HTTPS://a.example/x\">x</a>", "https://a.example/x"),
        (
            "<a href=\"https://a.example/?a=1&amp;b=2&copy=3\">x</a>",
            "https://a.example/?a=1&b=2&copy=3",
        ),
        ("<a href=\"https://a.example/?a=1&b=&eacute;\">x</a>", "https://a.example/?a=1&b=%C3%A9"),
        ("<a href=\"https&#58;//a.example/\">x</a>", "https://a.example/"),
        (
            "<a href=\"https://a.example/产品?关键词=电机\">x</a>",
            "https://a.example/%E4%BA%A7%E5%93%81?%E5%85%B3%E9%94%AE%E8%AF%8D=%E7%94%B5%E6%9C%BA",
        ),
        ("<a href=\"https://müller.example/ü\">x</a>", "https://xn--mller-kva.example/%C3%BC"),
        ("<a href=\"https://例子.测试/\">x</a>", "https://xn--fsqu00a.xn--0zwm56d/"),
        ("<map><area shape=rect href=\"https://a.example/m\"></map>", "https://a.example/m"),
        (
            "<!--[if mso]><v:roundrect href='https://a.example/v'></v:roundrect><![endif]-->",
            "https://a.example/v",
        ),
        (
            "<!--[if !mso]><!--><a href=\"https://a.example/n\">x</a><!--<![endif]-->",
            "https://a.example/n",
        ),
        (
            "<a href=\"https://a.example/?id={{encode id}}&amp;z=1\">x</a>",
            "https://a.example/?id=a%20b%26c&z=1",
        ),
        ("<a href=\"{{base_url}}/x\">x</a>", "https://us.example/x"),
        ("<a href='{{url site}}'>x</a>", "https://evil.example/"),
        (
            "{{#if yes}}<a href='https://a.example/1'>x</a>{{else}}<a href='https://b'>{{/if}}",
            "https://a.example/1",
        ),
        (
            "<a href=\"{{#if yes}}https://a.example/{{else}}https://b.example/{{/if}}c\">x</a>",
            "https://a.example/c",
        ),
        (
            "<a {{#if yes}}href='https://a.example/1'{{else}}href='https://b.example'{{/if}}>x</a>",
            "https://a.example/1",
        ),
        (
            "{{#each list}}<a href=\"https://a.example/{{this}}\">x</a>{{/each}}",
            "https://a.example/1 https://a.example/2",
        ),
        (
            "<a title=\"{{default id \"a > b\"}}\" href=\"https://a.example/q\">x</a>",
            "https://a.example/q",
        ),
        (
            "<a href=\"{{default (url nothing) \"https://a.example/d\"}}\">x</a>",
            "https://a.example/d",
        ),
    ] {
        let (found, rendered) = found_in(html, &data, true);
        assert_eq!(found.join(" "), wanted, "{html}");
        assert!(rendered.contains("[1]"), "{rendered}");
        assert!(!rendered.chars().any(|c| c < '\t'), "{rendered}");
    }
}

#[test]
fn non_links_are_left_alone() {
    let data =
        json!({ "name": "<a href=\"https://evil.example/\">", "base_url": "https://u.example" });
    for html in [
        "<link href=\"https://fonts.example/a.css\">",
        "<base href=\"https://a.example/\">",
        "<!-- <a href=\"https://a.example/\">x</a> -->",
        "<style>a[href=\"https://a.example/\"] { color: red }</style>",
        "<script>var x = '<a href=\"https://a.example/\">';</script>",
        "<title><a href=\"https://a.example/\"></title>",
        "<a title='href=\"https://a.example/\"'>x</a>",
        "<a href=\"mailto:a@a.example\">x</a><a href=\"tel:+44\">x</a><a href=\"#x\">x</a>",
        "<p>https://a.example/ {{name}}</p>",
        "<img src=\"https://a.example/a.png\" alt=\"\">",
        "<a name=x>https://a.example/</a>",
    ] {
        let marked = format!("{html}<a href=\"{{{{base_url}}}}\">y</a>");
        let (found, rendered) = found_in(&marked, &data, true);
        assert_eq!(found, ["https://u.example"], "{html}");
        let plain = TemplateSource::Page(format!("{html}<a href=\"[1]\">y</a>"));
        let plain = Templates::new(&[("pages/p".to_owned(), plain)].into()).unwrap();
        assert_eq!(rendered, plain.render_page("pages/p", &data).unwrap());
    }
}

#[test]
fn values_are_no_links_and_carry_no_marks() {
    let evil = "https://evil.example/p Jo \u{1}https://evil.example/\u{2} \
                \u{3}https://evil.example/q {{!url}}";
    let data = json!({ "name": evil, "o": { evil: evil }, "l": [evil] });
    let text = "Hi {{name}} {{#each l}}{{this}}{{/each}}, see https://a.example/x {{name}}";
    let (found, rendered) = text_links(text, &data);
    assert_eq!(found, ["https://a.example/x"]);
    assert!(!rendered.contains(['\u{1}', '\u{2}', '\u{3}']), "{rendered:?}");
    assert!(rendered.starts_with("Hi https://evil.example/p Jo https://evil.example/ "));
    let html = "<p>{{name}}</p><a href=\"https://a.example/{{encode name}}\">{{name}}</a>";
    let (found, rendered) = found_in(html, &data, true);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("https://a.example/https%3A%2F%2Fevil"), "{found:?}");
    assert!(!rendered.contains(['\u{1}', '\u{2}', '\u{3}']), "{rendered:?}");
}

#[test]
fn plain_text_links_end_where_readers_expect() {
    let data = json!({ "base_url": "https://us.example", "id": "7", "yes": true,
                       "u": "https://evil.example/" });
    for (text, links, rendered) in [
        (
            "去https://a.example/x?y=1。或 (http://b.example/z). No: ftp://c, https://",
            "https://a.example/x?y=1 http://b.example/z",
            "去[1]。或 ([2]). No: ftp://c, https://",
        ),
        ("{{base_url}}/x?id={{id}}, bye", "https://us.example/x?id=7", "[1], bye"),
        (
            "https://a.example/产品?关键词=电机，再见",
            "https://a.example/产品?关键词=电机",
            "[1]，再见",
        ),
        ("https://a.example/x查看", "https://a.example/x", "[1]查看"),
        ("见HTTPS://a.example", "HTTPS://a.example", "见[1]"),
        ("https://例子.测试/x 查看", "https://xn--fsqu00a.xn--0zwm56d/x", "[1] 查看"),
        (
            "{{#if yes}}https://a.example{{else}}https://b.example{{/if}}/path",
            "https://a.example/path",
            "[1]/path",
        ),
        (
            "https://a.example/?u=https://b.example/ x",
            "https://a.example/?u=https://b.example/",
            "[1] x",
        ),
        ("https://a.example/?u={{base_url}} x", "https://a.example/?u=https://us.example", "[1] x"),
        ("{{url u}} x", "https://evil.example/", "[1] x"),
        ("{{u}} https:/x http", "", "https://evil.example/ https:/x http"),
        ("“https://a.example/x”", "https://a.example/x", "“[1]”"),
        ("https://a.example/x...", "https://a.example/x", "[1]..."),
    ] {
        let (found, out) = text_links(text, &data);
        assert_eq!(found.join(" "), links, "{text}");
        assert_eq!(out, rendered.replace("[1]/path", "[1]"), "{text}");
    }
}

#[test]
fn partial_links_are_marked_in_messages_not_pages() {
    let mut sources: BTreeMap<String, TemplateSource> = [
        (
            "partials/foot".to_owned(),
            TemplateSource::Partial(
                "<a href=\"https://a.example/f\">https://a.example/g</a>".to_owned(),
            ),
        ),
        (
            "partials/site".to_owned(),
            TemplateSource::Partial("https://a.example/{{id}}".to_owned()),
        ),
        (
            "emails/m".to_owned(),
            email("{{> site}}", "{{> foot}}<a href=\"{{> site}}\">x</a>", "{{> site}}"),
        ),
        ("sms/m".to_owned(), TemplateSource::Sms("Go: {{> site}}".to_owned())),
        ("pages/p".to_owned(), TemplateSource::Page("{{> foot}}".to_owned())),
    ]
    .into();
    sources.values_mut().for_each(mark_links);
    let templates = Templates::new(&sources).unwrap();
    let data = json!({ "id": "7" });
    let mut found = Vec::new();
    let mut through = |url: &str| {
        found.push(url.to_owned());
        Some("L".to_owned())
    };
    let mail = templates.render_email_through("emails/m", &data, &mut through).unwrap();
    assert_eq!(mail.html, "<a href=\"L\">https://a.example/g</a><a href=\"L\">x</a>");
    assert_eq!(
        (mail.subject.as_str(), mail.text.as_str()),
        ("https://a.example/7", "https://a.example/7")
    );
    assert_eq!(templates.render_sms_through("sms/m", &data, &mut through).unwrap(), "Go: L");
    assert_eq!(found, ["https://a.example/f", "https://a.example/7", "https://a.example/7"]);
    assert_eq!(
        templates.render_page("pages/p", &data).unwrap(),
        "<a href=\"https://a.example/f\">https://a.example/g</a>"
    );
}

#[test]
fn unmarked_old_versions_still_have_links() {
    let data = json!({ "name": "https://evil.example/", "base_url": "https://us.example" });
    let html = "<a class=\"x\" href=\"https://a.example/?a=1&amp;b={{name}}\">{{name}}</a>\
                <link href=\"https://f.example\"><a href=\"mailto:a@b.example\">x</a>\
                <a href=\"{{base_url}}/x\">y</a><a href=\"{x";
    let (found, _) = found_in(html, &data, false);
    assert_eq!(found, ["https://a.example/?a=1&b=https://evil.example/", "https://us.example/x"]);
    let old = TemplateSource::Sms("Hi {{name}}, https://a.example/x".to_owned());
    let templates = Templates::new(&[("sms/m".to_owned(), old)].into()).unwrap();
    let through = &mut |_: &str| Some("L".to_owned());
    let said = templates.render_sms_through("sms/m", &data, through).unwrap();
    assert_eq!(said, "Hi https://evil.example/, L");
}

#[test]
fn allowed_sites_are_those_authors_wrote() {
    let html = "<a href=\"https://A.example:8443/x\"><a href='https://shop-{{x}}/'>\
                {{> button href=\"https://b.example/\"}} https://c.example.";
    let templates =
        Templates::new(&[("emails/m".to_owned(), email("s", html, "t"))].into()).unwrap();
    for (url, is_ours) in [
        ("https://a.example:8443/?q", true),
        ("https://b.example", true),
        ("https://c.example/", true),
        ("https://a.example/", false),
        ("http://b.example/", false),
        ("https://shop-evil.example/", false),
        ("https://b.example.evil.example/", false),
        ("https://b.example@evil.example/", false),
        ("https://evil.example/https://b.example/", false),
    ] {
        assert_eq!(templates.leads_to(url), is_ours, "{url}");
    }
}

#[test]
fn harmful_links_are_refused_at_publish() {
    let errors_in = |html: &str| {
        let problems = link_problems("emails/m/html", html, Markup::Html);
        problems.first().map_or_else(String::new, ToString::to_string)
    };
    for (html, wanted) in [
        ("<a href=\"javascript:alert(1)\">", "a link must not lead to `javascript:`"),
        ("<mj-button href=\" JAVA\nSCRIPT:alert(1)\">", "a link must not lead to `javascript:`"),
        ("<a href=\"java&#115;cript&colon;x\">", "a link must not lead to `javascript:`"),
        ("<a href='data:text/html,x'>", "a link must not lead to `data:`"),
        ("<v:rect href='vbscript:x'>", "a link must not lead to `vbscript:`"),
        ("<a href=\"{{#if x}}javascript:a{{/if}}\">", "a link must not lead to `javascript:`"),
        ("<a href=\"java{{x}}\">", "a link must not begin with `java` and a value"),
        ("<a href=\"https://a.example/\u{7}\">", "a link has the control character U+0007 in it"),
        ("<a href=\"https://a.example/&#1;\">", "a link has the control character U+0001 in it"),
        ("<a href=https://a.example/{{x}}>", "this link has a tag in it, and no quotes around it"),
        ("<a href=\"https://-ä-.a b.example/\">", "there can be no site"),
    ] {
        assert!(errors_in(html).contains(wanted), "{html:?}: {}", errors_in(html));
    }
    assert!(errors_in("<p>\n\n<a href='file:///x'>").contains("line 3"));
    for good in [
        "<a href=\"https://a.example/ü?x={{encode x}}\">",
        "<a href=\"{{url x}}\">",
        "<a href=''>",
        "<a href=\"mailto:a@b.example?subject=x\">",
        "<a href=\"#top\">",
        "<a href=\"sms:+44\">",
        "<a href=\"/path/{{x}}\">",
        "<a href=\"weixin://x\">",
        "<link href=\"data:text/css,x\">",
        "<mj-font href='{{x}}'>",
        "<a href=\"{{base_url}}{{path}}\">",
        "<a href=\"path\">",
    ] {
        assert_eq!(errors_in(good), "", "{good}");
    }
}

/// Links between ⟦ and ⟧ are followed; everything else stays the same, byte by byte.
#[test]
fn only_clickable_links_are_tracked() {
    let data = json!({ "id": "7" });
    for case in [
        "<p class=MsoNormal><span lang=EN-US style='mso-fareast-language:EN-US'>\
         <a href=\"⟦https://a.example/x⟧\"><span style='color:#0563C1'>x</span></a>\
         <o:p></o:p></span>",
        "<!--[if gte mso 9]><xml><o:AllowPNG/></xml><![endif]-->\
         <A HREF='⟦https://a.example/⟧'>x</A>",
        "<![if !supportLists]>·<![endif]><a href=⟦https://a.example/x?a=1⟧>x</a>",
        "<a name=\"_Hlk1\"></a>\
         <a style='mso-comment-reference:X_1' href=\"⟦https://a.example⟧\">x</a>",
        "<!--[if mso]><v:roundrect xmlns:v=\"urn:x\" href=\"⟦https://a.example/v⟧\"><w:anchorlock/>\
         <center>x</center></v:roundrect><![endif]--><!--[if !mso]><!-- -->\
         <a href=\"⟦https://a.example/n⟧\">x</a><!--<![endif]-->",
        "<!--[if (gte mso 9)|(IE)]><a href=\"⟦https://a.example/⟧\">x</a><![endif]-->",
        "<!--[if(mso)]><V:RECT HREF='⟦https://a.example/⟧'/><![endif]-->",
        "<!-- <a href=\"https://a.example/\">x</a> -->",
        "<!--[if mso]><!-- --><a href=\"⟦https://a.example/⟧\">x</a><!--<![endif]-->",
        "<a href=\"⟦https://a.example/1⟧\" href=\"https://a.example/2\">x</a>",
        "<a href=\"mailto:a@a.example\" href=\"https://a.example/2\">x</a>",
        "<a data-href=\"https://a.example/no\" href='⟦https://a.example/⟧'class=x>x</a>",
        "<a\n\thref\n=\n'⟦https://a.example/⟧'\n>x</a>",
        "<a/href=\"⟦https://a.example/⟧\"/>x</a>",
        "<a href=\"mailto:a@a.example?subject=https://a.example/\">x</a>",
        "<a href=\"tel:+44117\">x</a><a href=\"SMS:+44117?body=https://a.example\">x</a>",
        "<a href=\"#https://a.example/\">x</a><a href>x</a><a href=\"\">x</a>",
        "<a href=\"/x\">x</a><a href=\"x.html\">x</a><a href=\"?q\">x</a>\
         <a href=\"//a.example\">x</a>",
        "<a href=\"ftp://a.example/\">x</a><a href=\"weixin://dl/https://a.example/\">x</a>",
        "<a href=\"⟦https://a.example/产品/电机?关键词=伺服#图⟧\">x</a>",
        "<a href=\"⟦&#104;ttps://a.example/⟧\">x</a><a href=\"⟦HTTPS&colon;//a.example/⟧\">x</a>",
        "<map name=m><AREA SHAPE=rect HREF=⟦https://a.example/m⟧ ALT=x></map>",
        "<link rel=stylesheet href=\"https://a.example/a.css\"><base href=\"https://a.example/\">",
        "<STYLE>a[href=\"https://a.example/\"] { background: url(https://a.example/b) }</STYLE>",
        "<script>'<a href=\"https://a.example/\">'</script>",
        "<textarea><a href=\"https://a.example/\">x</a></textarea>",
        "<xmp><a href=\"https://a.example/\">x</a></xmp><title><a href=\"https://b\"></title>",
        "<NoScript><a href=\"⟦https://a.example/⟧\">x</a></NoScript>",
        "<noframes><a href=\"https://a.example/\">x</a></noframes>\
         <a href=\"⟦https://b.example⟧\">x</a>",
        "<template><a href=\"https://a.example/\">x</a></template>\
         <a href='⟦http://b.example⟧'>x</a>",
        "<form action=\"https://a.example/\"><input formaction=\"https://a.example/\"></form>",
        "<blockquote cite=\"https://a.example/\"><td background=\"https://a.example/b\">",
        "<img src=\"https://a.example/a.png\" usemap=\"#m\" longdesc=\"https://a.example/\">",
        "<a title='<a href=\"https://a.example/no\">' href=\"⟦https://a.example/⟧\">x</a>",
        "<p title=\"href='https://a.example/'\">https://a.example/ www.a.example</p>",
        "&lt;a href=\"https://a.example/\"&gt; < a href=\"https://a.example/\">",
        "<svg><a href=\"⟦https://a.example/⟧\"><text>x</text></a></svg>",
        "<![CDATA[<a href=\"https://a.example/\">]]><?xml href=\"https://a.example/\"?>",
        "<a href=\"⟦https://a.example/{{encode id}}/x?y={{encode id}}&amp;z⟧\">x</a>",
        "<a href='⟦https://a.example/?q=\"x\"⟧'>x</a><a href=\"⟦https://a.example/?q='x'⟧\">x</a>",
        "<a href=\"⟦https://a.example/x⟧\"><img src=\"https://a.example/i.png\"></a>",
        "</a href=\"https://a.example/\"><b href=\"https://a.example/\">x</b>",
        "<p>x<!-- <a href=\"https://a.example/\">x</a>",
    ] {
        let case = format!("<a href=\"⟦https://first.example/⟧\">x</a>{case}");
        let source = case.replace(['⟦', '⟧'], "");
        let (mut wanted, mut count) = (String::new(), 0);
        for (index, piece) in case.split(['⟦', '⟧']).enumerate() {
            if index % 2 == 1 {
                count += 1;
                wanted += &format!("[{count}]");
            } else {
                wanted += piece;
            }
        }
        let (found, rendered) = found_in(&source, &data, true);
        assert_eq!(rendered, wanted, "{case}");
        assert_eq!(found.len(), count, "{case}: {found:?}");
        assert!(found.iter().all(|url| url.starts_with("http") && url.is_ascii()), "{found:?}");
    }
}
