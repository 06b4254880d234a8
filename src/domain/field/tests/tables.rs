//! Tables of lines.

use super::*;
use FieldReason::*;

fn table() -> FieldType {
    FieldType::Table { columns: columns() }
}

#[test]
fn lines_are_read_by_the_types_of_their_columns() {
    let lines = json!([
        { "item": "减速机", "count": "1,000", "amount": 500000, "state": "成交" },
        {},
        { "item": " ", "count": null },
        { "item": "b" },
    ]);
    let kept = json!([
        { "item": "减速机", "count": 1000, "amount": 50_000_000, "state": "won" },
        { "item": "b" },
    ]);
    assert_eq!(read_json(&table(), lines), Ok(Some(kept.clone())));
    assert_eq!(
        table().show(&kept, &viewer(Language::Chinese)),
        "减速机 · 1,000 · ¥500,000.00 · 成交\nb"
    );
    assert_eq!(read_json(&table(), json!([])), Ok(None));
    assert_eq!(read_json(&table(), json!([{}])), Ok(None));
}

#[test]
fn refused_cell_is_named_by_line_and_column() {
    for (lines, reason) in [
        (json!([{ "item": "a" }, { "item": "b", "amount": "1万" }]), ShortNumber.at("[2].amount")),
        (json!([{ "count": 1 }]), Missing.at("[1].item")),
        (json!([{ "item": "a", "price": 1 }]), UnknownPart.at("[1].price")),
        (json!([{ "item": ["a"] }]), WrongJson.at("[1].item")),
        (json!([{ "item": "a", "state": "old" }]), RetiredOption.at("[1].state")),
        (json!(["a"]), NotATable.at("[1]")),
        (json!({ "item": "a" }), NotATable),
    ] {
        assert_eq!(read_json(&table(), lines.clone()), Err(reason), "{lines}");
    }
    assert_eq!(read(&table(), "[{\"item\":"), Err(NotATable));
    let message = ShortNumber.at("[2].amount").message(Language::English);
    assert_eq!(message, "[2].amount: Write all digits of the number, such as 10000.");
}

#[test]
fn retired_option_stays_in_a_line() {
    let kept = json!([{ "item": "a", "state": "old" }]);
    assert_eq!(read_typed(&table(), &Typed::Kept(&kept), Some(&kept)), Ok(Some(kept.clone())));
    assert_eq!(read_typed(&table(), &Typed::Kept(&kept), None), Ok(Some(kept.clone())));
    let edited = json!([{ "item": "b", "state": "old" }]);
    assert_eq!(read_typed(&table(), &Typed::Json(&edited), Some(&kept)), Ok(Some(edited)));
}

#[test]
fn table_has_limits() {
    let lines = |n: usize| Value::from(vec![json!({ "item": "a" }); n]);
    assert!(read_json(&table(), lines(200)).is_ok());
    assert_eq!(read_json(&table(), lines(201)), Err(TooMany(200)));
    let columns: Vec<Column> =
        (0..20).map(|n| Column { name: format!("c{n}"), ..columns().remove(0) }).collect();
    let line: Value = (0..20).map(|n| (format!("c{n}"), json!("字".repeat(255)))).collect();
    let wide = FieldType::Table { columns };
    assert_eq!(read_json(&wide, Value::from(vec![line; 200])), Err(TooLong(200_000)));
}
