//! Formulas: what they compute, when they have no value, and which are refused.

use super::super::formula::{Formula, FormulaLoop, NoValue, compute, sorted};
use super::*;
use std::collections::BTreeMap;

fn field(name: &str, kind: FieldType) -> Field {
    let json = json!({ "name": name, "kind": "text" });
    Field { kind, ..serde_json::from_value(json).unwrap() }
}

fn fields() -> Vec<Field> {
    let number = || FieldType::Number { min: None, max: None };
    let money = || FieldType::Money { currency: "CNY".into() };
    vec![
        field("a", number()),
        field("b", number()),
        field("nothing", number()),
        field("amount", money()),
        field("rate", FieldType::Percent { min: None, max: None }),
        field("ok", FieldType::Checkbox),
        field("stars", FieldType::Rating { max: 5 }),
        field("words", FieldType::Text),
        field("lines", FieldType::Table { columns: columns() }),
    ]
}

fn kept() -> BTreeMap<String, Value> {
    let values = json!({ "a": 2.5, "b": -3, "amount": 50_000_000, "rate": 12.5, "ok": true,
        "stars": 4, "words": "x",
        "lines": [{ "item": "x", "amount": 100_050 }, { "item": "y" },
            { "amount": 50, "count": 2 }] });
    serde_json::from_value(values).unwrap()
}

fn value(expression: &str) -> Result<Value, NoValue> {
    let mut fields = fields();
    fields.push(field("result", formula(expression)));
    assert_eq!(
        check("fields", &fields[..]).iter().filter(|p| !p.key.ends_with("expression")).count(),
        0
    );
    compute(&fields, &kept()).unwrap().remove("result").unwrap()
}

#[test]
fn formulas_compute_exact_decimals() {
    for (expression, expected) in [
        ("1 + 2 * 3", json!(7)),
        ("(1 + 2) * 3", json!(9)),
        ("0.1 + 0.2", json!(0.3)),
        ("10 - 4 - 3", json!(3)),
        ("2 * -3", json!(-6)),
        ("--2", json!(2)),
        ("1 / 3", json!(0.3333)),
        ("2 / 3", json!(0.6667)),
        ("-2 / 3", json!(-0.6667)),
        ("a * b", json!(-7.5)),
        ("（１＋２）＊３", json!(9)),
        ("amount * (1 - rate)", json!(437_500)),
        ("sum(lines.amount)", json!(1001)),
        ("sum(lines.amount, lines.count, 5)", json!(1008)),
        ("sum(a, nothing)", json!(2.5)),
        ("min(a, b, 7)", json!(-3)),
        ("max(a, b)", json!(2.5)),
        ("round(2.5)", json!(3)),
        ("round(-2.5)", json!(-3)),
        ("round(1.23456 * 1, 2)", json!(1.23)),
        ("if(ok, 1, 1 / 0)", json!(1)),
        ("if(a > b, stars, nothing)", json!(4)),
        ("if(a = 2.5, 1, 0) + if(a != 2.5, 1, 0)", json!(1)),
        ("(a <= 2.5) + (a < 2.5) + (a >= 2.5) + (a <> b)", json!(3)),
    ] {
        if expression.contains("1.23456") {
            assert!(Formula::parse(expression).is_err(), "five decimals");
            continue;
        }
        assert_eq!(value(expression), Ok(expected), "{expression}");
    }
}

#[test]
fn formula_without_value_says_why() {
    for (expression, reason) in [
        ("a / 0", NoValue::DividedByZero),
        ("a / (b + 3)", NoValue::DividedByZero),
        ("a + nothing", NoValue::Empty("nothing".into())),
        ("900000000000 * 2", NoValue::TooGreat),
        ("900000000000 + 1", NoValue::TooGreat),
        ("900000000000 / 0.0001", NoValue::TooGreat),
        ("words * 2", NoValue::NotANumber("words".into())),
        ("unknown * 2", NoValue::NotANumber("unknown".into())),
        ("sum(lines.item)", NoValue::NotANumber("lines.item".into())),
        ("sum(a / 0, 1)", NoValue::DividedByZero),
    ] {
        assert_eq!(value(expression), Err(reason), "{expression}");
    }
    let empty = NoValue::Empty("amount".into());
    assert_eq!(empty.message(Language::Chinese), "amount 为空。");
}

#[test]
fn amount_of_a_formula_is_kept_as_amounts_are() {
    let total = |currency: &str, expression: &str| {
        let currency = Some(currency.to_owned());
        let kind = FieldType::Formula { expression: expression.into(), currency };
        let mut fields = fields();
        fields.push(field("total", kind));
        fields.push(field("double", formula("total * 2")));
        compute(&fields, &kept()).unwrap()
    };
    let computed = total("CNY", "amount * 0.12345 / 1.2345 * 10");
    assert!(computed["total"].is_err(), "five decimals");
    let computed = total("CNY", "sum(lines.amount) / 3");
    assert_eq!(computed["total"], Ok(json!(33_367)), "333.6667 yuan");
    assert_eq!(computed["double"], Ok(json!(667.34)), "of what is kept");
    assert_eq!(total("JPY", "7 / 2")["total"], Ok(json!(4)));
    assert_eq!(total("KWD", "7 / 2")["total"], Ok(json!(3_500)));
}

#[test]
fn formulas_refer_to_formulas_in_any_order() {
    let mut fields = fields();
    for (name, expression) in
        [("z1", "y1 + 1"), ("y1", "x1 * 2"), ("x1", "a + 1"), ("w", "v"), ("v", "1/0")]
    {
        fields.push(field(name, formula(expression)));
    }
    let computed = compute(&fields, &kept()).unwrap();
    assert_eq!(computed["z1"], Ok(json!(8)));
    assert_eq!(computed["w"], Err(NoValue::DividedByZero), "the reason is passed on");
}

#[test]
fn stale_result_of_a_failing_formula_is_not_used() {
    let mut fields = fields();
    fields.push(field("p", formula("a / nothing")));
    fields.push(field("q", formula("sum(p, 1)")));
    let mut kept = kept();
    kept.insert("p".into(), json!(99));
    assert_eq!(compute(&fields, &kept).unwrap()["q"], Ok(json!(1)));
}

#[test]
fn loop_of_formulas_names_its_members() {
    let of = |pairs: &[(&str, &str)]| -> Vec<Field> {
        pairs.iter().map(|(name, text)| field(name, formula(text))).collect()
    };
    let circle = of(&[("a", "b + 1"), ("b", "c"), ("c", "a * 2"), ("d", "a")]);
    let found = sorted(&circle).unwrap_err();
    assert_eq!(found, FormulaLoop(vec!["a".into(), "b".into(), "c".into()]));
    let problems = check("fields", &circle);
    assert_eq!(problems[0].message, "formulas refer to each other in a circle: a -> b -> c -> a");
    assert!(compute(&circle, &BTreeMap::new()).is_err());
    let own = of(&[("a", "a")]);
    assert_eq!(sorted(&own).unwrap_err(), FormulaLoop(vec!["a".into()]));
    let diamond = of(&[("a", "b + c"), ("b", "d"), ("c", "d"), ("d", "1")]);
    let order: Vec<&str> = sorted(&diamond).unwrap().iter().map(|it| it.name.as_str()).collect();
    assert_eq!(order, ["d", "b", "c", "a"]);
    let names: Vec<(String, String)> =
        (0..10_000).map(|n| (format!("f{n}"), format!("f{}", n + 1))).collect();
    let chain: Vec<Field> = names.iter().map(|(name, next)| field(name, formula(next))).collect();
    assert_eq!(sorted(&chain).unwrap().len(), 10_000, "without a stack overflow");
}

#[test]
fn broken_formulas_are_refused_with_a_reason() {
    let deep = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let nested = format!("{}1{}", "(".repeat(33), ")".repeat(33));
    let minuses = format!("{}1", "-".repeat(900));
    let long = vec!["1"; 250].join("+");
    for (expression, part) in [
        ("", "missing at the end"),
        ("1 +", "missing at the end"),
        ("1 2", "not expected"),
        ("(1", "`)` is missing at the end"),
        ("1)", "`)` is not expected"),
        ("* 1", "missing before `*`"),
        ("1.23456", "at most 4 decimals"),
        ("1.2.3", "not a number"),
        ("1e3", "not a number"),
        ("A + 1", "has no meaning"),
        ("a.b + 1", "write sum(a.b)"),
        ("sum(lines.)", "is not the name"),
        ("sum()", "missing before"),
        ("abs(1)", "none of min"),
        ("if(1, 2)", "takes 3 arguments, not 2"),
        ("round(1, 5)", "from 0 to 4"),
        ("round(1, a)", "from 0 to 4"),
        ("1 < 2 < 3", "compare two numbers"),
        ("a; drop", "has no meaning"),
        ("\u{202e}1", "has no meaning"),
        (&deep, "longer than"),
        (&nested, "more than 32 levels"),
        (&minuses, "more than 32 levels"),
        (&long, "more than 200 parts"),
    ] {
        let message = Formula::parse(expression).unwrap_err();
        assert!(message.contains(part), "{expression:.40}: {message}");
    }
    assert!(Formula::parse(&vec!["1"; 100].join("+")).is_ok());
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in "[a-c0-9+*/().,<>=! -]{0,60}|\\PC{0,30}") {
        if let Ok(formula) = Formula::parse(&text) {
            prop_assert!(formula.references().len() <= 200);
            let _ = value(&text);
        }
    }

    #[test]
    fn sums_do_not_depend_on_the_order(parts in prop::collection::vec(-99_999_i64..99_999, 1..20)) {
        let written = |n: &i64| format!("{}.{:04}", n / 10_000, n.abs() % 10_000);
        let forth: Vec<String> = parts.iter().filter(|n| **n > 0).map(written).collect();
        let back: Vec<String> = forth.iter().rev().cloned().collect();
        prop_assume!(!forth.is_empty());
        let sum: i64 = parts.iter().filter(|n| **n > 0).sum();
        prop_assert_eq!(value(&forth.join("+")), value(&back.join("+")));
        let number = value(&forth.join("+")).unwrap();
        prop_assert_eq!((number.as_f64().unwrap() * 10_000.0).round() as i64, sum);
    }
}
