//! What kept values become when their field gets another type.

use super::*;
use FieldReason::*;

fn convert(from: &FieldType, kept: Value, to: &FieldType) -> Converted {
    to.convert(from, &kept, &Reading { zone: "Asia/Shanghai", ..Reading::default() })
}

#[test]
fn value_is_kept_converted_or_refused() {
    let number = FieldType::Number { min: None, max: None };
    let small = FieldType::Number { min: None, max: Some(10.0) };
    let money = |currency: &str| FieldType::Money { currency: currency.into() };
    let (text, area, rich) = (FieldType::Text, FieldType::Textarea, FieldType::RichText);
    let (one, several) = (FieldType::Select(choices()), FieldType::MultiSelect(choices()));
    let link = FieldType::Link { to: "x".into() };
    let links = FieldType::Links { to: "x".into() };
    let to = |value: Value| Converted::To(value);
    let cannot = Converted::Cannot;
    let same = || Converted::Same;
    for (from, kept, into, expected) in [
        (&text, json!("a"), &area, same()),
        (&area, json!("a\nb"), &text, cannot(ControlCharacter)),
        (&area, json!("a<b\nc"), &rich, to(json!("a&lt;b<br>c"))),
        (&rich, json!("<p>a &amp; b</p>"), &text, to(json!("a & b"))),
        (&rich, json!("<strong>a</strong>"), &text, cannot(LosesFormat)),
        (&text, json!("1,234.5"), &number, to(json!(1234.5))),
        (&text, json!("1万"), &number, cannot(ShortNumber)),
        (&number, json!(12), &small, cannot(TooGreat(10.0))),
        (&number, json!(500), &money("CNY"), to(json!(50_000))),
        (&number, json!(0.125), &money("CNY"), cannot(TooManyDecimals(2))),
        (&money("CNY"), json!(50_000), &number, to(json!(500))),
        (&money("CNY"), json!(50_000), &text, to(json!("500.00"))),
        (&money("CNY"), json!(50_000), &money("USD"), cannot(OtherCurrency("USD".into()))),
        (&money("CNY"), json!(50_000), &money("CNY"), same()),
        (&text, json!("2026/3/1"), &FieldType::Date, to(json!("2026-03-01"))),
        (&text, json!("3/1/2026"), &FieldType::Date, cannot(AmbiguousDay)),
        (
            &FieldType::Date,
            json!("2026-03-01"),
            &FieldType::DateTime,
            to(json!("2026-02-28T16:00:00Z")),
        ),
        (
            &FieldType::DateTime,
            json!("2026-02-28T16:00:00Z"),
            &FieldType::Date,
            to(json!("2026-03-01")),
        ),
        (&FieldType::DateTime, json!("2026-02-28T16:30:00Z"), &FieldType::Date, cannot(NotADay)),
        (&text, json!("成交"), &one, to(json!("won"))),
        (&text, json!("old"), &one, same()),
        (&text, json!("lost"), &one, cannot(NotAnOption)),
        (&one, json!("won"), &several, to(json!(["won"]))),
        (&several, json!(["new", "won"]), &one, cannot(SeveralValues)),
        (&several, json!(["won"]), &one, to(json!("won"))),
        (&several, json!(["new", "won"]), &text, to(json!("new; won"))),
        (&link, json!(UUID), &links, to(json!([UUID]))),
        (&links, json!([UUID]), &link, to(json!(UUID))),
        (&text, json!("是"), &FieldType::Checkbox, to(json!(true))),
        (&text, json!("Acme-7"), &FieldType::AutoNumber { pattern: "A-{n}".into() }, same()),
        (&text, json!("5"), &formula("1"), cannot(Computed)),
        (
            &text,
            json!("江苏路 1 号"),
            &FieldType::Address,
            to(json!({ "street": ["江苏路 1 号"] })),
        ),
        (&number, json!(5), &FieldType::Address, cannot(NotAPostalAddress)),
        (&text, json!("110101199003078515"), &FieldType::Sealed, cannot(NoKey)),
        (&number, json!(90), &FieldType::Duration, cannot(NotADuration)),
    ] {
        let found = convert(from, kept.clone(), into);
        assert_eq!(found, expected, "{} {kept} to {}", from.word(), into.word());
    }
}

#[test]
fn secret_never_becomes_readable() {
    let kept = read(&FieldType::Sealed, "110101199003078515").unwrap().unwrap();
    for (to, _, _) in examples() {
        let expected = match to {
            FieldType::Sealed => Converted::Same,
            _ => Converted::Cannot(Masked),
        };
        assert_eq!(convert(&FieldType::Sealed, kept.clone(), &to), expected, "{}", to.word());
    }
}

#[test]
fn own_type_keeps_every_value() {
    for (kind, _, kept) in examples() {
        if !matches!(kind, FieldType::Formula { .. } | FieldType::Sealed) {
            assert_eq!(convert(&kind, kept, &kind), Converted::Same, "{}", kind.word());
        }
    }
}
