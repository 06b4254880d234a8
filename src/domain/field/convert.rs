//! What a kept value becomes when its field gets another type or other settings.

use super::kind::FieldType;
use super::read::{Reading, Typed};
use super::reason::FieldReason;
use super::{rich_text, time};
use crate::domain::time::calendar;
use jiff::civil::Time;
use serde_json::Value;
use std::mem::discriminant;

/// What a kept value becomes under a new type.
#[derive(Clone, Debug, PartialEq)]
pub enum Converted {
    /// It stays as it is.
    Same,
    /// It becomes this.
    To(Value),
    /// It fits the new type in no way; it stays in the record's history.
    Cannot(FieldReason),
}

impl FieldType {
    /// Returns what a value that was kept by `from` becomes under this type. Nothing is lost: a
    /// value that would lose its time, its formatting or its currency cannot be converted. A secret
    /// never becomes a readable value.
    pub fn convert(&self, from: &FieldType, kept: &Value, reading: &Reading<'_>) -> Converted {
        let reading = Reading { kept: Some(kept), ..*reading };
        let read = match discriminant(self) == discriminant(from) {
            true => self.read_same(from, kept, &reading),
            false => self.read_other(from, kept, &reading),
        };
        match read {
            Ok(Some(value)) if value == *kept => Converted::Same,
            Ok(Some(value)) => Converted::To(value),
            Ok(None) => Converted::Cannot(FieldReason::Missing),
            Err(reason) => Converted::Cannot(reason),
        }
    }

    /// Reads a value of the same type with other settings.
    fn read_same(&self, from: &FieldType, kept: &Value, reading: &Reading<'_>) -> Read {
        match (self, from) {
            (Self::Money { currency }, Self::Money { currency: before }) if currency != before => {
                Err(FieldReason::OtherCurrency(currency.clone()))
            }
            (Self::Formula { .. }, _) => Err(FieldReason::Computed),
            _ => self.read(&Typed::Kept(kept), reading),
        }
    }

    /// Reads a value of another type, from its text.
    fn read_other(&self, from: &FieldType, kept: &Value, reading: &Reading<'_>) -> Read {
        let texts = match (self, from) {
            (_, Self::Sealed) => return Err(FieldReason::Masked),
            (Self::Formula { .. }, _) => return Err(FieldReason::Computed),
            // Numbers that were typed by hand so far stay; new records get theirs by the pattern.
            (Self::AutoNumber { .. }, Self::Text) => vec![from.export(kept)],
            (Self::AutoNumber { .. }, _) => return Err(FieldReason::Computed),
            (Self::RichText, Self::Text | Self::Textarea) => {
                vec![rich_text::of_plain(&from.export(kept))]
            }
            (_, Self::RichText) => vec![plain(kept)?],
            (Self::DateTime, Self::Date) => vec![format!("{} 00:00", from.export(kept))],
            (Self::Date, Self::DateTime) => vec![midnight(kept, reading.zone)?],
            (Self::Address, _) if !is_words(from) => return Err(FieldReason::NotAPostalAddress),
            (Self::Select(_) | Self::Radio(_) | Self::Link { .. }, _) => match kept {
                Value::Array(items) => {
                    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
                }
                _ => vec![from.export(kept)],
            },
            _ => vec![from.export(kept)],
        };
        match (self, texts.as_slice()) {
            (Self::AutoNumber { .. }, [text]) => {
                self.read(&Typed::Kept(&text.as_str().into()), reading)
            }
            _ => self.read(&Typed::Strings(&texts), reading),
        }
    }
}

type Read = Result<Option<Value>, FieldReason>;

/// Returns whether a type keeps words that people wrote.
fn is_words(kind: &FieldType) -> bool {
    matches!(kind, FieldType::Text | FieldType::Textarea | FieldType::Hidden { .. })
}

/// Returns the text of rich text without any formatting.
fn plain(kept: &Value) -> Result<String, FieldReason> {
    let html = kept.as_str().ok_or(FieldReason::WrongJson)?;
    let text = rich_text::plain(html);
    let is_plain = |html: &str| rich_text::of_plain(&text) == html;
    let inner = html.strip_prefix("<p>").and_then(|inner| inner.strip_suffix("</p>"));
    match is_plain(html) || inner.is_some_and(is_plain) {
        true => Ok(text),
        false => Err(FieldReason::LosesFormat),
    }
}

/// Returns the day of an instant that is midnight on a clock in the zone.
fn midnight(kept: &Value, zone: &str) -> Result<String, FieldReason> {
    let instant = kept.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let local = instant.ok_or(FieldReason::NotADay)?.to_zoned(calendar::zone(&[Some(zone)]));
    match local.time() == Time::midnight() {
        true => time::day(&local.date().to_string()).map(|day| day.to_string()),
        false => Err(FieldReason::NotADay),
    }
}
