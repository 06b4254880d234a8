//! Numbers, percentages, ratings and amounts.

use super::*;
use FieldReason::*;

#[test]
fn numbers_are_read_as_written_in_english_and_chinese() {
    let kind = FieldType::Number { min: None, max: Some(1e12) };
    check_texts(
        &kind,
        &[
            ("１２３", Ok(json!(123))),
            ("1,234.50", Ok(json!(1234.5))),
            ("１，２３４", Ok(json!(1234))),
            ("-1,234,567", Ok(json!(-1_234_567))),
            ("−5", Ok(json!(-5))),
            ("1e3", Ok(json!(1000))),
            ("-0", Ok(json!(0))),
            ("1,23", Err(Grouping)),
            ("1.234,5", Err(Grouping)),
            ("12,3456", Err(Grouping)),
            ("1,0000", Err(Grouping)),
            (",123", Err(Grouping)),
            ("1万", Err(ShortNumber)),
            ("1.5 亿", Err(ShortNumber)),
            ("10k", Err(ShortNumber)),
            ("万", Err(NotANumber)),
            ("一百", Err(NotANumber)),
            ("NaN", Err(NotANumber)),
            ("inf", Err(NotANumber)),
            ("1e400", Err(NotANumber)),
            ("--1", Err(NotANumber)),
            ("1 2", Err(NotANumber)),
            ("0x10", Err(NotANumber)),
            ("1e13", Err(TooGreat(1e12))),
        ],
    );
    assert_eq!(read_json(&kind, json!(1e3)), Ok(Some(json!(1000))));
    assert_eq!(read_json(&kind, json!(true)), Err(WrongJson));
    assert_eq!(
        ShortNumber.message(Language::Chinese),
        "请写出完整数字，例如 10000，不要用“万”等单位。"
    );
}

#[test]
fn percentages_are_kept_as_written() {
    let kind = FieldType::Percent { min: Some(0.0), max: Some(100.0) };
    check_texts(
        &kind,
        &[
            ("12.5", Ok(json!(12.5))),
            ("１２．５０％", Ok(json!(12.5))),
            ("20 %", Ok(json!(20))),
            ("12.345%", Err(TooManyDecimals(2))),
            ("101%", Err(TooGreat(100.0))),
            ("-1", Err(TooSmall(0.0))),
            ("1e2", Err(NotANumber)),
        ],
    );
    assert_eq!(kind.show(&json!(12.5), &viewer(Language::English)), "12.5%");
}

#[test]
fn ratings_are_whole_stars() {
    let kind = FieldType::Rating { max: 5 };
    check_texts(
        &kind,
        &[
            ("５", Ok(json!(5))),
            ("4.0", Ok(json!(4))),
            ("0", Err(TooSmall(1.0))),
            ("6", Err(TooGreat(5.0))),
            ("3.5", Err(TooManyDecimals(0))),
        ],
    );
    assert_eq!(kind.show(&json!(3), &viewer(Language::Chinese)), "★★★☆☆");
    assert_eq!(kind.show(&json!(9), &viewer(Language::Chinese)), "★★★★★");
}

#[test]
fn amounts_are_kept_in_minor_units_of_the_fields_currency() {
    let yuan = FieldType::Money { currency: "CNY".into() };
    let other = || Err(OtherCurrency("CNY".into()));
    check_texts(
        &yuan,
        &[
            ("500000.00", Ok(json!(50_000_000))),
            ("￥1,234.5", Ok(json!(123_450))),
            ("¥ 1234.5", Ok(json!(123_450))),
            ("１２３４.５元", Ok(json!(123_450))),
            ("人民币 8", Ok(json!(800))),
            ("cny 8", Ok(json!(800))),
            ("8 CNY", Ok(json!(800))),
            ("-¥3.10", Ok(json!(-310))),
            ("-3.1000", Ok(json!(-310))),
            ("$8", other()),
            ("USD 8", other()),
            ("8€", other()),
            ("1.005", Err(TooManyDecimals(2))),
            ("50万", Err(ShortNumber)),
            ("50万元", Err(ShortNumber)),
            ("1.234,50", Err(Grouping)),
            ("90071992547409.93", Err(TooGreat(90_071_992_547_409.0))),
            ("1e3", Err(NotANumber)),
            ("¥", Err(NotANumber)),
            ("¥¥", Err(NotANumber)),
            ("--1", Err(NotANumber)),
        ],
    );
    for (currency, typed, kept) in
        [("JPY", "¥1,200", 1_200), ("KWD", "1.5", 1_500), ("USD", "$1", 100)]
    {
        let kind = FieldType::Money { currency: currency.into() };
        assert_eq!(read(&kind, typed), Ok(Some(json!(kept))), "{currency}");
    }
    let yen = FieldType::Money { currency: "JPY".into() };
    assert_eq!(read(&yen, "1.5"), Err(TooManyDecimals(0)));
}

#[test]
fn amount_has_one_unit_for_programs_and_another_where_it_is_kept() {
    let kind = FieldType::Money { currency: "CNY".into() };
    assert_eq!(read_json(&kind, json!(1234.5)), Ok(Some(json!(123_450))));
    assert_eq!(read_json(&kind, json!("1234.50")), Ok(Some(json!(123_450))));
    let kept = json!(123_450);
    assert_eq!(read_typed(&kind, &Typed::Kept(&kept), None), Ok(Some(kept.clone())));
    assert_eq!(kind.export(&kept), "1234.50");
    assert_eq!(kind.show(&kept, &viewer(Language::Chinese)), "¥1,234.50");
    assert_eq!(kind.show(&json!(-5), &viewer(Language::English)), "-CNY\u{a0}0.05");
    for wrong in [json!(1.5), json!(1_u64 << 60), json!([1]), json!({})] {
        assert!(read_typed(&kind, &Typed::Kept(&wrong), None).is_err(), "{wrong}");
    }
}
