//! Showing a kept value to people, and writing it to files.

use super::decimal::grouped;
use super::kind::FieldType;
use super::options::{self, Choice};
use super::{number, postal, region, rich_text, sealed, table, time};
use crate::domain::base::language::Language;
use crate::domain::contact::country;
use crate::domain::time::calendar;
use serde_json::Value;

/// What fills the stars that a rating does not have.
const EMPTY_STAR: &str = "☆";

/// Whom a value is shown to.
#[derive(Clone, Copy)]
pub struct Viewer<'a> {
    pub language: Language,
    /// The IANA time zone in which instants are shown; UTC if it is unknown.
    pub zone: &'a str,
    /// Returns the name of a record, member or team by its id, if it is known and may be seen.
    pub name_of: &'a dyn Fn(&str) -> Option<String>,
}

impl FieldType {
    /// Returns a kept value as text for people, in one line unless the value has several. A secret
    /// is masked. A value of another shape than the type's, as older definitions may have left, is
    /// shown as it is.
    pub fn show(&self, kept: &Value, viewer: &Viewer<'_>) -> String {
        let language = viewer.language;
        match (self, kept) {
            (Self::RichText, Value::String(html)) => rich_text::plain(html),
            (Self::Number { .. }, Value::Number(number)) => grouped(&number.to_string()),
            (Self::Formula { currency: None, .. }, Value::Number(number)) => {
                grouped(&number.to_string())
            }
            (Self::Percent { .. }, Value::Number(number)) => {
                format!("{}%", grouped(&number.to_string()))
            }
            (Self::Rating { max }, Value::Number(_)) => stars(kept, *max),
            (Self::Money { currency }, Value::Number(_)) => money(kept, currency, language),
            (Self::Formula { currency: Some(currency), .. }, Value::Number(_)) => {
                money(kept, currency, language)
            }
            (Self::DateTime, Value::String(instant)) => local(instant, viewer.zone),
            (Self::Duration, Value::Number(ms)) => {
                duration(ms.as_i64().unwrap_or_default(), language)
            }
            (Self::DateRange, Value::String(range)) => range.replacen('/', " – ", 1),
            (Self::Select(choices) | Self::Radio(choices), Value::String(value)) => {
                option(choices, value, language)
            }
            (Self::MultiSelect(choices), Value::Array(values)) => {
                let values = values.iter().filter_map(Value::as_str);
                let labels = values.map(|value| option(choices, value, language));
                labels.collect::<Vec<_>>().join(language.pick(", ", "、"))
            }
            (Self::Checkbox, Value::Bool(ticked)) => match ticked {
                true => language.pick("Yes", "是").to_owned(),
                false => language.pick("No", "否").to_owned(),
            },
            (Self::Country, Value::String(code)) => country::find(code)
                .map_or_else(|| code.clone(), |country| country.name(language).to_owned()),
            (Self::Region, Value::String(code)) => region::shown(code, language),
            (Self::Address, Value::Object(_)) => postal::shown(kept, language),
            (Self::Person | Self::Member | Self::Team | Self::Link { .. }, Value::String(id)) => {
                (viewer.name_of)(id).unwrap_or_else(|| id.clone())
            }
            (Self::Links { .. }, Value::Array(ids)) => {
                let ids = ids.iter().filter_map(Value::as_str);
                let names = ids.map(|id| (viewer.name_of)(id).unwrap_or_else(|| id.to_owned()));
                names.collect::<Vec<_>>().join(language.pick(", ", "、"))
            }
            (Self::Table { columns }, Value::Array(lines)) => {
                let shown = |line: &Value| {
                    let cells = columns.iter().filter_map(|column| {
                        Some(column.kind.show(line.get(&column.name)?, viewer))
                    });
                    cells.collect::<Vec<_>>().join(" · ")
                };
                lines.iter().map(shown).collect::<Vec<_>>().join("\n")
            }
            (Self::Sealed, _) => sealed::masked(kept),
            _ => as_is(kept),
        }
    }

    /// Returns a kept value as text for files and programs, which `read` accepts again. A secret is
    /// masked; its mask and a computed value read as what is kept, so that a file that was exported
    /// and imported changes nothing. Guard it with `cell::guarded` in a file for spreadsheets.
    pub fn export(&self, kept: &Value) -> String {
        match (self, kept) {
            (Self::Money { currency }, Value::Number(_))
            | (Self::Formula { currency: Some(currency), .. }, Value::Number(_)) => {
                number::amount(kept, currency).unwrap_or_else(|| as_is(kept))
            }
            (Self::Duration, Value::Number(ms)) => {
                time::written_duration(ms.as_i64().unwrap_or_default())
            }
            (Self::MultiSelect(_), Value::Array(values)) => {
                let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
                options::joined(&values)
            }
            (Self::Links { .. }, Value::Array(ids)) => {
                ids.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
            }
            (Self::Table { columns }, Value::Array(_)) => table::exported(columns, kept),
            (Self::Sealed, _) => sealed::masked(kept),
            _ => as_is(kept),
        }
    }
}

fn as_is(kept: &Value) -> String {
    match kept {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn option(choices: &[Choice], value: &str, language: Language) -> String {
    let found = choices.iter().find(|choice| choice.value == value);
    found.map_or(value, |choice| choice.shown(language)).to_owned()
}

fn stars(kept: &Value, max: u8) -> String {
    let full = kept.as_u64().unwrap_or_default().min(u64::from(max)) as usize;
    "★".repeat(full) + &EMPTY_STAR.repeat(usize::from(max) - full)
}

fn money(kept: &Value, currency: &str, language: Language) -> String {
    let Some(amount) = number::amount(kept, currency) else { return as_is(kept) };
    let amount = grouped(&amount);
    let (sign, digits) = amount.split_at(usize::from(amount.starts_with('-')));
    match (currency, language) {
        ("CNY", Language::Chinese) => format!("{sign}¥{digits}"),
        _ => format!("{sign}{currency}\u{a0}{digits}"),
    }
}

/// Writes an instant on the clock of a zone: `2026-03-01 17:30`.
fn local(instant: &str, zone: &str) -> String {
    let Ok(timestamp) = instant.parse::<jiff::Timestamp>() else { return instant.to_owned() };
    let local = timestamp.to_zoned(calendar::zone(&[Some(zone)]));
    format!("{} {}", local.date(), time::written_time(local.time()))
}

fn duration(ms: i64, language: Language) -> String {
    let units = language.pick([" d", " h", " min", " s"], ["天", "小时", "分钟", "秒"]);
    let parts = time::duration_parts(ms).into_iter().zip(units).filter(|(n, _)| *n > 0);
    let texts: Vec<String> = parts.map(|(n, unit)| format!("{n}{unit}")).collect();
    match texts.is_empty() {
        true => format!("0{}", units[3]),
        false => texts.join(language.pick(" ", "")),
    }
}
