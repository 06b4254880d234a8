//! How helpers format values, present and absent.

use super::*;
use crate::domain::template::locale_format::FormatOptions;

/// Renders a text for a reader of this locale in Shanghai, in a campaign whose currency is the
/// yuan.
fn said_to(locale: &str, source: &str, data: Value) -> String {
    let manner = FormatOptions { locale, zone: "Asia/Shanghai", currency: "CNY" };
    let mut data = data;
    data.as_object_mut().unwrap().extend([format_data(&manner)]);
    text(source, data)
}

#[test]
fn helpers_format_for_the_locale() {
    let data = || {
        json!({ "start": "2026-03-02T08:30:00Z", "day": "2026-03-02", "total": "1234.5",
                "seats": 3, "rate": 0.125, "city": "bristol" })
    };
    for (source, english, chinese) in [
        ("{{date start}}", "2 March 2026", "2026年3月2日"),
        ("{{date day \"full\"}}", "Monday 2 March 2026", "2026年3月2日星期一"),
        ("{{time start}}", "16:30", "16:30"),
        ("{{time start zone=\"Europe/London\"}}", "08:30", "08:30"),
        ("{{number total}}", "1,234.5", "1,234.5"),
        ("{{number total 2}}", "1,234.50", "1,234.50"),
        ("{{money total}}", "CN¥1,234.50", "¥1,234.50"),
        ("{{money total \"USD\"}}", "$1,234.50", "US$1,234.50"),
        ("{{percent rate 1}}", "12.5%", "12.5%"),
        ("{{seats}} {{plural seats \"seat\" \"seats\"}}", "3 seats", "3 seats"),
        ("{{capitalize city}}", "Bristol", "Bristol"),
        (
            "{{encode total}}/{{encode \"a b&c/中\"}}",
            "1234.5/a%20b%26c%2F%E4%B8%AD",
            "1234.5/a%20b%26c%2F%E4%B8%AD",
        ),
    ] {
        assert_eq!(said_to("en-GB", source, data()), english, "{source}");
        assert_eq!(said_to("zh-CN", source, data()), chinese, "{source}");
    }
    // Without information about the reader, as in `dripline render`: English, UTC.
    assert_eq!(text("{{date start}} {{time start}}", data()), "2 March 2026 08:30");
}

#[test]
fn absent_values_render_empty_and_default_applies() {
    for tag in ["date x", "time x", "number x", "money x", "percent x", "url x"] {
        for data in [json!({}), json!({ "x": null }), json!({ "x": "" }), json!({ "x": [] })] {
            assert_eq!(text(&format!("[{{{{{tag}}}}}]"), data), "[]", "{tag}");
        }
    }
    assert_eq!(text("[{{plural x \"a\" \"b\"}}{{date y}}]", json!({ "y": "soon" })), "[]");
    assert_eq!(text("{{default (date x) \"soon\"}}", json!({})), "soon");
}

#[test]
fn comparisons_respect_numbers_and_dates() {
    let data = || json!({ "score": 9, "limit": "10", "day": "2026-03-02", "no": "", "yes": "x" });
    for (test, answer) in [
        ("(lt score limit)", "yes"),
        ("(gt score limit)", "no"),
        ("(gte score 9)", "yes"),
        ("(lte score 8.5)", "no"),
        ("(lt day \"2026-10-01\")", "yes"),
        ("(gt nothing 1)", "no"),
        ("(not (lt nothing 1))", "yes"),
        ("(gt yes 1)", "no"),
        ("(ne score 8)", "yes"),
        ("(and yes score)", "yes"),
        ("(and yes no)", "no"),
        ("(or no nothing yes)", "yes"),
        ("(or no 0 nothing)", "no"),
        ("(not no)", "yes"),
        ("(and (gt score 3) (not (eq yes \"y\")))", "yes"),
    ] {
        let source = format!("{{{{#if {test}}}}}yes{{{{else}}}}no{{{{/if}}}}");
        assert_eq!(text(&source, data()), answer, "{test}");
    }
}

#[test]
fn helper_arguments_are_checked_at_publish() {
    let good = "{{date score \"short\" zone=\"Asia/Tokyo\"}}{{money score \"EUR\"}}\
                {{number score 2}}\
                {{#if (and (gt score 3) (or role plan) (not (eq role \"x\")))}}{{/if}}\
                {{plural score \"one\" \"more\" few=\"a\" many=\"b\"}}{{date role plan}}";
    assert_eq!(errors_of_text(good), "all good");
    assert_snapshot!(errors_of_text(
        "{{date score \"shrt\"}}\n{{date score zone=\"Europe/Londn\"}}\n{{money score \"euro\"}}\n\
         {{number score 99}}\n{{#if (and role)}}{{/if}}\n{{date}}\n{{plural score \"one\"}}\n\
         {{#gt score 3}}{{/gt}}"
    ), @r#"
    emails/welcome/text:1
         `date` takes one of long, short, full, month, day, weekday, iso second, not "shrt"
    emails/welcome/text:2
         there is no time zone "Europe/Londn"
       → use a name of the IANA list: "Europe/London"
    emails/welcome/text:3
         `money` takes a currency such as "EUR" second, not "euro"
    emails/welcome/text:4
         `number` takes a number of decimal places, 8 at most second, not 99
    emails/welcome/text:5
         `and` takes 2 to 8 values, not 1
    emails/welcome/text:6
         `date` takes 1 to 2 values, not 0
    emails/welcome/text:7
         `plural` takes 3 values, not 2
    emails/welcome/text:8
         there is no block `gt`
       → write {{#if (gt …)}}…{{/if}}
    "#);
}

#[test]
fn preheader_is_checked_and_rendered() {
    let with = |preheader: &str| {
        let source = TemplateSource::Email {
            subject: "好".to_owned(),
            preheader: preheader.to_owned(),
            html: BODY.to_owned(),
            text: String::new(),
        };
        vec![("emails/welcome", source)]
    };
    assert_snapshot!(errors_in(with("{{first_nam}} {{unsubscribe_url}}")), @"
    emails/welcome/preheader:1
         unknown variable `first_nam`
       → did you mean `first_name`?
    ");
    let templates = templates(with("{{first_name}}\n您好"));
    let preheader = templates.render_preheader("emails/welcome", &json!({ "first_name": "林" }));
    assert_eq!(preheader.unwrap(), "林 您好");
    // Versions that were published before preheaders existed can still be read.
    let old = r#"{"email":{"subject":"a","html":"b","text":"c"}}"#;
    let read: TemplateSource = serde_json::from_str(old).unwrap();
    assert_eq!(read, email("a", "b", "c"));
    assert_eq!(serde_json::to_string(&read).unwrap(), old);
}

#[test]
fn partials_work_in_subject_text_and_body() {
    let mail = email("{{> footer}}", &format!("{BODY}{{{{> footer}}}}"), "{{> footer}}");
    let changes = || vec![("emails/welcome", mail.clone()), partial("{{upper first_name}}")];
    assert_eq!(errors_in(changes()), "all good");
    let rendered =
        templates(changes()).render_email("emails/welcome", &json!({ "first_name": "<a" }));
    let rendered = rendered.unwrap();
    assert_eq!(rendered.subject, "<A");
    assert_eq!(rendered.text, "<A");
    assert!(rendered.html.ends_with("&lt;A"), "{}", rendered.html);
}

#[test]
fn translations_are_checked_like_the_original() {
    let german = || ("emails/welcome/de", email("Hallo", BODY, "{{frst_name}}"));
    assert_snapshot!(errors_in(vec![german()]), @"
    emails/welcome/de/text:1
         unknown variable `frst_name`
       → did you mean `first_name`?
    ");
    assert_snapshot!(errors_in(vec![("emails/welcome/german", email("Hallo", BODY, ""))]), @"
    emails/welcome/german
         `german` is not a language
       → name a version after its language: zh-CN, de, pt-BR
    ");
    assert_snapshot!(errors_in(vec![("emails/welcome/de", email(" ", BODY, ""))]), @"
    emails/welcome/de/subject
         is empty
       → write what the mail is about
    ");
}
