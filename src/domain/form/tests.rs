//! Which values each type of field accepts, and which it refuses.

use super::FieldReason::*;
use super::*;
use crate::domain::base::language::Language;
use crate::domain::contact::address::AddressProblem;
use serde_json::{Value, json};

fn field(kind: FieldKind, required: bool) -> Field {
    Field { name: "x".into(), label: None, help: None, kind, required, names_company: false }
}

fn form(fields: Vec<Field>) -> Form {
    let (thanks, submit_label, list) = (None, None, None);
    Form { fields, consents: vec![], thanks, submit_label, list, origins: vec![] }
}

fn choices() -> Vec<FieldOption> {
    ["engineer", "manager", "其他"]
        .map(|value| FieldOption { value: value.into(), label: value.to_uppercase() })
        .to_vec()
}

/// Checks how one optional field reads the values.
fn check(kind: FieldKind, values: &[&str], expected: Result<Option<Value>, FieldReason>) {
    let values: Vec<String> = values.iter().map(|value| value.to_string()).collect();
    assert_eq!(read_field(&field(kind.clone(), false), &values), expected, "{kind:?} {values:?}");
}

#[test]
fn text_fields_are_validated() {
    let long = "字".repeat(255);
    let longer = "字".repeat(256);
    for (typed, expected) in [
        (" Ada  Lovelace ", Ok(Some(json!("Ada  Lovelace")))),
        ("　林黛玉　", Ok(Some(json!("林黛玉")))),
        ("<script>", Ok(Some(json!("<script>")))),
        ("a\tb", Ok(Some(json!("a b")))),
        ("   ", Ok(None)),
        (&long, Ok(Some(json!(long)))),
        (&longer, Err(TooLong(255))),
        ("a\nb", Err(ControlCharacter)),
        ("a\r\nBcc: b", Err(ControlCharacter)),
        ("a\0", Err(ControlCharacter)),
        ("a\u{7f}", Err(ControlCharacter)),
        ("a\u{85}b", Err(ControlCharacter)),
        ("a\u{2028}b", Err(ControlCharacter)),
    ] {
        check(FieldKind::Text, &[typed], expected);
    }
    check(FieldKind::Text, &["a", "b"], Err(SeveralValues));
    check(FieldKind::Text, &["", "b"], Ok(Some(json!("b"))));
    let lines = "字".repeat(5_001);
    for (typed, expected) in [
        ("a\r\nb\rc\nd", Ok(Some(json!("a\nb\nc\nd")))),
        ("a\u{1b}[31m", Err(ControlCharacter)),
        (&lines, Err(TooLong(5_000))),
    ] {
        check(FieldKind::Textarea, &[typed], expected);
    }
}

#[test]
fn number_fields_are_validated() {
    let kind = FieldKind::Number { min: Some(-2.5), max: Some(1_000.0) };
    for (typed, expected) in [
        ("12", Ok(Some(json!(12)))),
        ("１２", Ok(Some(json!(12)))),
        ("12.0", Ok(Some(json!(12)))),
        ("-2.5", Ok(Some(json!(-2.5)))),
        ("1e3", Ok(Some(json!(1000)))),
        ("-2.6", Err(TooSmall(-2.5))),
        ("1000.1", Err(TooGreat(1000.0))),
        ("1,000", Err(NotANumber)),
        ("twelve", Err(NotANumber)),
        ("NaN", Err(NotANumber)),
        ("inf", Err(NotANumber)),
        ("1e999", Err(NotANumber)),
        ("0x10", Err(NotANumber)),
        ("1 2", Err(NotANumber)),
    ] {
        check(kind.clone(), &[typed], expected);
    }
    let any = FieldKind::Number { min: None, max: None };
    check(any, &["9007199254740993"], Ok(Some(json!(9007199254740992.0))));
}

#[test]
fn url_fields_are_validated() {
    let long = format!("https://example.com/{}", "a".repeat(2_048));
    for (typed, expected) in [
        ("https://example.com", Ok(Some(json!("https://example.com")))),
        ("HTTP://Example.com:8080/a?b=c#d", Ok(Some(json!("http://Example.com:8080/a?b=c#d")))),
        ("https://例子.中国/路径", Ok(Some(json!("https://例子.中国/路径")))),
        ("example.com", Err(NotAUrl)),
        ("javascript:alert(1)", Err(NotAUrl)),
        ("javascript://example.com/%0aalert(1)", Err(NotAUrl)),
        ("data:text/html,x", Err(NotAUrl)),
        ("ftp://example.com", Err(NotAUrl)),
        ("https://", Err(NotAUrl)),
        ("https:///path", Err(NotAUrl)),
        ("https://user@example.com", Err(NotAUrl)),
        ("https://a..b", Err(NotAUrl)),
        ("https://example.com:99999", Err(NotAUrl)),
        ("https://example.com/a b", Err(NotAUrl)),
        ("https://example.com/\"><script>", Err(NotAUrl)),
        ("https://example.com/\n", Ok(Some(json!("https://example.com/")))),
        ("https://example.com/\nx", Err(ControlCharacter)),
        (&long, Err(TooLong(2_048))),
    ] {
        check(FieldKind::Url, &[typed], expected);
    }
}

#[test]
fn date_fields_are_validated() {
    for (typed, expected) in [
        ("2024-02-29", Ok(Some(json!("2024-02-29")))),
        ("２０２４-02-29", Ok(Some(json!("2024-02-29")))),
        ("2023-02-29", Err(NotADay)),
        ("2100-02-29", Err(NotADay)),
        ("2026-13-01", Err(NotADay)),
        ("2026-00-10", Err(NotADay)),
        ("2026-04-31", Err(NotADay)),
        ("20260401", Err(NotADay)),
        ("2026-4-1", Err(NotADay)),
        ("01/04/2026", Err(NotADay)),
        ("2026-04-01T00:00", Err(NotADay)),
    ] {
        check(FieldKind::Date, &[typed], expected);
    }
}

#[test]
fn choice_fields_are_validated() {
    check(FieldKind::Select(choices()), &["其他"], Ok(Some(json!("其他"))));
    check(FieldKind::Radio(choices()), &["engineer"], Ok(Some(json!("engineer"))));
    check(FieldKind::Select(choices()), &["ENGINEER"], Err(NotAnOption));
    check(FieldKind::Radio(choices()), &["<script>"], Err(NotAnOption));
    check(FieldKind::Select(choices()), &["engineer", "manager"], Err(SeveralValues));
    check(FieldKind::Select(choices()), &[""], Ok(None));
    let several = FieldKind::MultiSelect(choices());
    let both = json!(["engineer", "manager"]);
    check(several.clone(), &["manager", "engineer", "manager"], Ok(Some(both)));
    check(several.clone(), &["manager", "boss"], Err(NotAnOption));
    check(several.clone(), &[], Ok(None));
    assert_eq!(read_field(&field(several, true), &[]), Err(Missing));
    for (values, expected) in [
        (&[][..], Ok(Some(json!(false)))),
        (&["on"], Ok(Some(json!(true)))),
        (&["TRUE"], Ok(Some(json!(true)))),
        (&["0"], Ok(Some(json!(false)))),
        (&["maybe"], Err(NotYesOrNo)),
    ] {
        check(FieldKind::Checkbox, values, expected);
    }
    assert_eq!(read_field(&field(FieldKind::Checkbox, true), &[]), Err(NotTicked));
    check(FieldKind::Country, &["cn"], Ok(Some(json!("CN"))));
    check(FieldKind::Country, &["XX"], Err(NotACountry));
    check(FieldKind::Country, &["China"], Err(NotACountry));
    check(FieldKind::Hidden { value: "a".into() }, &[], Ok(Some(json!("a"))));
    check(FieldKind::Hidden { value: "a".into() }, &["b"], Ok(Some(json!("b"))));
    check(FieldKind::Hidden { value: "".into() }, &["b\u{1}"], Err(ControlCharacter));
}

fn signup() -> Form {
    let named = |name: &str, kind, required| Field { name: name.into(), ..field(kind, required) };
    let mut form = form(vec![
        named("first_name", FieldKind::Text, true),
        named("email", FieldKind::Email, false),
        named("mobile", FieldKind::Tel { region: Some("CN".into()) }, false),
    ]);
    form.consents = vec![ConsentCheckbox {
        purpose: "newsletter".into(),
        channels: vec![Channel::Email],
        text: "Write to me.".into(),
        required: false,
        double_opt_in: true,
        basis: LawfulBasis::Consent,
        cross_border: false,
    }];
    form
}

#[test]
fn whole_submission_is_read() {
    let body = "first_name=%E6%9E%97&email=Lin%40Example.com&mobile=138+0013+8000&consent=yes\
                &_token=t&website_url_confirm=&utm_source=x&other=1";
    let answer = FormData::from_urlencoded(body.as_bytes()).unwrap();
    let submission = read(&signup(), &answer).unwrap();
    assert_eq!(submission.email.as_deref(), Some("lin@example.com"));
    assert_eq!(submission.phone.as_deref(), Some("+8613800138000"));
    let attributes = json!({ "first_name": "林", "mobile": "+8613800138000" });
    assert_eq!(json!(submission.attributes), attributes);
    assert_eq!(submission.agreed, signup().consents);
    assert_eq!(submission.ignored, 2);
}

#[test]
fn every_invalid_field_is_reported_once() {
    let mut form = signup();
    form.consents[0].required = true;
    let answer = FormData::from_urlencoded(b"email=nobody&mobile=12").unwrap();
    let problems = read(&form, &answer).unwrap_err();
    let reasons: Vec<_> = problems.iter().map(|p| (p.field.as_str(), &p.reason)).collect();
    assert_eq!(
        reasons,
        [
            ("first_name", &Missing),
            ("email", &Address(AddressProblem::NoAt)),
            ("mobile", &Address(AddressProblem::PhoneNumber)),
            ("consent", &NotTicked),
        ]
    );
    assert_eq!(problems[0].message(Language::Chinese), "请填写此项。");
    let json = serde_json::to_value(&problems).unwrap();
    assert_eq!(json[1], json!({ "field": "email", "reason": { "address": "no_at" } }));
}

#[test]
fn submission_without_address_is_refused() {
    let answer = FormData::from_urlencoded(b"first_name=Ada").unwrap();
    let problems = read(&signup(), &answer).unwrap_err();
    assert_eq!(problems, [FieldProblem { field: "email".into(), reason: NoAddress }]);
}

#[test]
fn only_a_ticked_box_grants_consent() {
    let mut form = signup();
    for (body, given) in [("", false), ("&consent=", false), ("&consent=on", true)] {
        let body = format!("first_name=Ada&email=ada@example.com{body}");
        let answer = FormData::from_urlencoded(body.as_bytes()).unwrap();
        assert_eq!(read(&form, &answer).unwrap().agreed.len(), usize::from(given), "{body}");
    }
    form.consents.clear();
    let body = b"first_name=Ada&email=ada@example.com&consent=on";
    let answer = FormData::from_urlencoded(body).unwrap();
    assert!(read(&form, &answer).unwrap().agreed.is_empty(), "the form asks for none");
}

#[test]
fn consent_needs_the_text_that_was_shown() {
    let form = signup();
    let send = |shown: String| {
        let body = format!("first_name=Ada&email=ada@example.com&consent={shown}");
        read(&form, &FormData::from_urlencoded(body.as_bytes()).unwrap())
    };
    let ask = &form.consents[0];
    assert_eq!(send(ask.shown()).unwrap().agreed, form.consents);
    let before = ConsentCheckbox { text: "Write to me, and call me.".into(), ..ask.clone() };
    let problems = send(before.shown()).unwrap_err();
    let other_words = FieldReason::ConsentTextChanged;
    assert_eq!(problems, [FieldProblem { field: "consent".into(), reason: other_words }]);
}

#[test]
fn each_consent_box_is_read_by_its_own_name() {
    let mut form = signup();
    let one = serde_json::to_value(&form).unwrap();
    assert_eq!(one["consent"]["purpose"], "newsletter", "as forms of one box always were");
    let channels = vec![Channel::Email, Channel::Sms];
    let offers = ConsentCheckbox { purpose: "offers".into(), channels, ..form.consents[0].clone() };
    let abroad = ConsentCheckbox { purpose: "abroad".into(), required: true, ..offers.clone() };
    form.consents.extend([offers, abroad]);
    let names: Vec<String> = form.boxes().map(|(name, _)| name).collect();
    let [news, offers, abroad] =
        ["consent.newsletter.email", "consent.offers.email.sms", "consent.abroad.email.sms"];
    assert_eq!(names, [news, offers, abroad]);
    let read = |ticked: &[&str]| {
        let ticks: String = ticked.iter().map(|name| format!("&{name}=on")).collect();
        let body = format!("first_name=Ada&email=ada@example.com{ticks}");
        let read = read(&form, &FormData::from_urlencoded(body.as_bytes()).unwrap());
        let purposes = |s: Submission| s.agreed.into_iter().map(|ask| ask.purpose).collect();
        read.map(purposes).map_err(|problems| problems[0].field.clone())
    };
    assert_eq!(read(&[offers, abroad]), Ok(vec!["offers".to_owned(), "abroad".to_owned()]));
    assert_eq!(read(&[offers]), Err(abroad.to_owned()));
    assert_eq!(read(&["consent", abroad]), Ok(vec!["abroad".to_owned()]));
    for form in [form.clone(), signup(), Form { consents: vec![], ..form }] {
        let kept = serde_json::to_string(&form).unwrap();
        assert_eq!(serde_json::from_str::<Form>(&kept).unwrap(), form);
    }
}
