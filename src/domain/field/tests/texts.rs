//! Texts, rich text, web addresses, and cells for spreadsheets.

use super::*;
use FieldReason::*;

#[test]
fn links_to_files_are_https_only() {
    for kind in [FieldType::Image, FieldType::File] {
        check_texts(
            &kind,
            &[
                ("https://example.com/图.png", Ok(json!("https://example.com/图.png"))),
                ("http://example.com/a.png", Err(NotHttps)),
                ("javascript:alert(1)", Err(NotAUrl)),
                ("data:image/png;base64,AA", Err(NotAUrl)),
                ("//example.com/a.png", Err(NotAUrl)),
            ],
        );
    }
}

#[test]
fn rich_text_keeps_the_allowed_elements_only() {
    for (typed, kept) in [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<h1>T</h1><div class=x onclick=y>a<br/>b</div>", "<h2>T</h2><p>a<br>b</p>"),
        ("<ul> <li>a<li><b>b</ul>c", "<ul><li>a</li><li><strong>b</strong></li></ul>c"),
        ("<ul>a</ul>", "<ul><li>a</li></ul>"),
        ("<li>a</li>", "a"),
        ("<script>alert(1)</script>a", "a"),
        ("<ScRiPt>alert(1)</sCrIpT\n>a", "a"),
        ("a<style>p{}</style><svg><script>x</script></svg>b", "ab"),
        ("a<!-- <script>x</script> -->b<!-->c", "abc"),
        ("<img src=x onerror=alert(1)>a", "a"),
        ("<b onmouseover=alert(1)>a</b>", "<strong>a</strong>"),
        ("<iframe src=javascript:alert(1)>x</iframe>a", "a"),
        ("<scr<script>ipt>alert(1)</script>", "ipt&gt;alert(1)"),
        ("<a href=\"javascript:alert(1)\">a</a>", "a"),
        ("<a href='java\nscript:alert(1)'>a</a>", "a"),
        ("<a href=\"&#106;avascript:alert(1)\">a</a>", "a"),
        (
            "<a href=\"https://x.example/\" onclick=\"y\">a</a>",
            "<a href=\"https://x.example/\" rel=\"noopener nofollow\">a</a>",
        ),
        (
            "<a x href=https://x.example/?a=1&amp;b=2>a</a>",
            "<a href=\"https://x.example/?a=1&amp;b=2\" rel=\"noopener nofollow\">a</a>",
        ),
        (
            "<a href=\"mailto:Lin@example.com\">a</a>",
            "<a href=\"mailto:lin@example.com\" rel=\"noopener nofollow\">a</a>",
        ),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("&amp;lt;", "&amp;lt;"),
        ("&unknown; &copy;", "&amp;unknown; ©"),
        ("<strong>a</em>b", "<strong>ab</strong>"),
        ("\"x\" <", "&quot;x&quot; &lt;"),
        ("<p>a</p><a", "<p>a</p>&lt;a"),
    ] {
        let read = rich_text::read(typed).unwrap();
        assert_eq!(read.as_deref(), Some(kept), "{typed}");
        assert_eq!(rich_text::read(kept).unwrap().as_deref(), Some(kept), "{kept}");
    }
    for blank in ["<p></p>", "<p><br></p>", "&nbsp;", "<script>x</script>", "<p>\u{200b}</p>"] {
        assert_eq!(rich_text::read(blank), Ok(None), "{blank}");
    }
    for hidden in ["a&#0;b", "a&#27;b", "<b>a&#x1b;</b>"] {
        assert_eq!(rich_text::read(hidden), Err(ControlCharacter), "{hidden}");
    }
    assert_eq!(rich_text::plain("<p>a &lt;</p><ul><li>b</li></ul>"), "a <\nb");
}

proptest! {
    #[test]
    fn rich_text_is_clean_whatever_is_typed(
        typed in "(<[a-z]{1,10}|</|[a-z]{1,3}|[\"'=<>&;! /-]|on[a-z]{3}=|javascript:|&#x?[0-9]{2};|\
                  <script|</script>|<ul><li>|<a href=){0,30}"
    ) {
        let Ok(Some(clean)) = rich_text::read(&typed) else { return Ok(()) };
        let allowed = ["p", "br", "hr", "h2", "h3", "h4", "strong", "em", "u", "s", "ul", "ol",
            "li", "blockquote", "pre", "code"];
        for tag in clean.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap().trim_start_matches('/');
            let is_link = tag.starts_with("a href=\"http")
                && tag.ends_with(" rel=\"noopener nofollow\"");
            prop_assert!(allowed.contains(&tag) || tag == "a" || is_link, "{} from {}", tag, typed);
        }
        let again = rich_text::read(&clean).unwrap();
        prop_assert_eq!(again.as_deref(), Some(&*clean));
    }

    #[test]
    fn guarded_cells_are_no_formulas_and_read_back(text in "['=+@\\-\t＝]{0,4}\\PC{0,8}") {
        let cell = cell::guarded(&text);
        prop_assert_eq!(cell::unguarded(&cell), &text);
        let is_negative = cell.strip_prefix('-').is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit())
        });
        prop_assert!(!cell.starts_with(['=', '+', '@', '＝', '\t']), "{}", cell);
        prop_assert!(!cell.starts_with('-') || is_negative, "{}", cell);
    }
}

#[test]
fn formulas_of_spreadsheets_are_guarded_in_cells_only() {
    let typed = "=HYPERLINK(\"https://evil.example\",\"x\")";
    assert_eq!(read(&FieldType::Text, typed), Ok(Some(json!(typed))));
    assert_eq!(cell::guarded(typed), format!("'{typed}"));
    for (text, cell) in
        [("-12.5", "-12.5"), ("-2+3", "'-2+3"), ("+8613800138000", "'+8613800138000")]
    {
        assert_eq!(cell::guarded(text), cell);
    }
    assert_eq!(cell::unguarded("'tis"), "'tis");
}
