//! Reading: what was typed becomes what is kept, or a reason why not.

use super::kind::FieldType;
use super::reason::FieldReason;
use super::sealed::{self, Sealing};
use super::{ids, number, options, postal, region, rich_text, table, text, time};
use crate::domain::contact::address::{self, AddressProblem};
use serde_json::Value;
use std::borrow::Cow;

/// The most texts of one field: those of the longest list there is, a multi-select field.
const TEXTS_MAX: usize = options::OPTIONS_MAX;

/// The longest phone number as typed, in bytes: invisible characters that came with it included.
const TEL_BYTES_MAX: usize = 1_000;

/// A value as it arrives.
#[derive(Clone, Copy, Debug)]
pub enum Typed<'a> {
    /// The texts that a form has under the field's name, or the one text of a cell in a file.
    Strings(&'a [String]),
    /// A JSON value from the API. An amount is a text or a number in whole units of its currency.
    Json(&'a Value),
    /// A value that was kept before. An amount is in minor units, a length of time in milliseconds.
    Kept(&'a Value),
}

/// What reading one value of one field depends on besides the value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading<'a> {
    /// The IANA time zone in which a time without an offset is read; UTC if it is unknown.
    pub zone: &'a str,
    /// The value kept now. What cannot be typed newly may stay as it is: a retired option, a masked
    /// secret, a computed number.
    pub kept: Option<&'a Value>,
    /// How a secret is sealed; without it, none is accepted.
    pub sealing: Option<Sealing<'a>>,
}

impl FieldType {
    /// Reads a value and returns it as it is kept; `None` if it is empty. What was kept reads as
    /// itself. An unticked box of a form sends nothing, so a page that shows the box passes `off`
    /// when nothing came.
    pub fn read(
        &self,
        typed: &Typed<'_>,
        reading: &Reading<'_>,
    ) -> Result<Option<Value>, FieldReason> {
        match (self, typed) {
            (_, Typed::Json(Value::Null) | Typed::Kept(Value::Null)) => Ok(None),
            (Self::Table { columns }, _) => table::read(columns, typed, reading),
            (Self::Address, Typed::Strings(texts)) => postal::of_texts(texts),
            (Self::Address, Typed::Json(Value::String(text))) => {
                postal::of_texts(std::slice::from_ref(text))
            }
            (Self::Address, Typed::Json(json) | Typed::Kept(json)) => postal::of_json(json),
            (Self::Formula { .. }, Typed::Kept(kept)) => self.read_kept(kept),
            (_, Typed::Kept(kept)) if !kept.is_string() && !kept.is_array() => self.read_kept(kept),
            (Self::Region, Typed::Kept(Value::String(kept))) if region::is_kept(kept) => {
                Ok(Some(kept.as_str().into()))
            }
            (Self::AutoNumber { .. }, Typed::Kept(Value::String(kept))) => {
                text::line(kept).map(|text| Some(text.into()))
            }
            (Self::DateRange, Typed::Json(Value::Object(range))) => {
                let day = |name| range.get(name).and_then(Value::as_str);
                let (Some(from), Some(to), 2) = (day("from"), day("to"), range.len()) else {
                    return Err(FieldReason::NotARange);
                };
                time::date_range(&[from, to]).map(|range| Some(range.into()))
            }
            _ => {
                let kept_now = reading.kept;
                let reading = match typed {
                    Typed::Kept(kept) => {
                        Reading { kept: Some(kept_now.unwrap_or(kept)), ..*reading }
                    }
                    _ => *reading,
                };
                self.read_texts(&self.texts(typed)?, &reading)
            }
        }
    }

    /// Reads a kept value that is no text and no list.
    fn read_kept(&self, kept: &Value) -> Result<Option<Value>, FieldReason> {
        let read = match self {
            Self::Money { .. } => number::minor_units(kept)?,
            Self::Formula { currency: Some(_), .. } => number::minor_units(kept)?,
            Self::Formula { currency: None, .. } if kept.is_number() => kept.clone(),
            Self::Duration => {
                let is_kept = |ms: &i64| *ms % 1_000 == 0 && (0..=time::DURATION_MAX).contains(ms);
                kept.as_i64().filter(is_kept).ok_or(FieldReason::NotADuration)?.into()
            }
            Self::Checkbox if kept.is_boolean() => kept.clone(),
            Self::Number { .. } | Self::Percent { .. } | Self::Rating { .. } => {
                return self.read(&Typed::Json(kept), &Reading::default());
            }
            Self::Sealed if sealed::is_sealed(kept) => kept.clone(),
            _ => return Err(FieldReason::WrongJson),
        };
        Ok(Some(read))
    }

    /// Returns the texts of a value: JSON numbers, booleans and lists become texts where the type
    /// takes them.
    fn texts<'a>(&self, typed: &Typed<'a>) -> Result<Vec<Cow<'a, str>>, FieldReason> {
        let takes_list = matches!(self, Self::MultiSelect(_) | Self::Links { .. });
        let json = match typed {
            Typed::Strings(texts) if texts.len() > TEXTS_MAX => {
                return Err(FieldReason::TooMany(TEXTS_MAX));
            }
            Typed::Strings(texts) => {
                return Ok(texts.iter().map(|text| Cow::Borrowed(text.as_str())).collect());
            }
            Typed::Json(json) | Typed::Kept(json) => *json,
        };
        match (self, json) {
            (_, Value::String(text)) => Ok(vec![Cow::Borrowed(text)]),
            (Self::Duration, Value::Number(_)) => Err(FieldReason::NotADuration),
            (_, Value::Number(number)) if self.is_number() => {
                Ok(vec![Cow::Owned(number.to_string())])
            }
            (Self::Checkbox, Value::Bool(ticked)) => Ok(vec![Cow::Owned(ticked.to_string())]),
            (_, Value::Array(items)) if takes_list && items.len() > TEXTS_MAX => {
                Err(FieldReason::TooMany(TEXTS_MAX))
            }
            (_, Value::Array(items)) if takes_list => items
                .iter()
                .map(|item| item.as_str().map(Cow::Borrowed).ok_or(FieldReason::WrongJson))
                .collect(),
            _ => Err(FieldReason::WrongJson),
        }
    }

    fn read_texts(
        &self,
        texts: &[Cow<'_, str>],
        reading: &Reading<'_>,
    ) -> Result<Option<Value>, FieldReason> {
        match self {
            Self::MultiSelect(choices) => {
                let chosen = options::choose_several(choices, texts, &present(reading.kept))?;
                return Ok((!chosen.is_empty()).then(|| chosen.into()));
            }
            Self::Links { .. } => {
                let read = ids::ids(texts)?;
                return Ok((!read.is_empty()).then(|| read.into()));
            }
            Self::DateRange => {
                let filled: Vec<&Cow<'_, str>> =
                    texts.iter().filter(|text| !text::trimmed(text).is_empty()).collect();
                return match filled.as_slice() {
                    [] => Ok(None),
                    filled => time::date_range(filled).map(|range| Some(range.into())),
                };
            }
            _ => {}
        }
        let Some(typed) = text::single(texts)? else { return Ok(None) };
        if self.is_computed() {
            let is_unchanged = reading.kept.is_some_and(|kept| self.export(kept) == typed);
            return match reading.kept.filter(|_| is_unchanged) {
                Some(kept) => self.read(&Typed::Kept(kept), &Reading::default()),
                None => Err(FieldReason::Computed),
            };
        }
        match self {
            Self::RichText => Ok(rich_text::read(typed)?.map(Value::from)),
            Self::Sealed => read_secret(typed, reading).map(Some),
            _ => self.read_one(typed, reading).map(Some),
        }
    }

    /// Reads one text that is not blank.
    fn read_one(&self, typed: &str, reading: &Reading<'_>) -> Result<Value, FieldReason> {
        Ok(match self {
            Self::Textarea => text::lines(typed)?.into(),
            Self::Email => address::read_email(typed).map_err(FieldReason::Address)?.into(),
            // Before each of its characters is looked up among the digits of all scripts.
            Self::Tel { .. } if typed.len() > TEL_BYTES_MAX => {
                return Err(FieldReason::Address(AddressProblem::TooLong));
            }
            Self::Tel { region } => {
                address::read_phone(typed, region.as_deref()).map_err(FieldReason::Address)?.into()
            }
            Self::Url => text::url(typed)?.into(),
            Self::Image | Self::File => text::https_url(typed)?.into(),
            Self::Number { min, max } => number::number(typed, *min, *max)?,
            Self::Percent { min, max } => number::percent(typed, *min, *max)?,
            Self::Rating { max } => number::rating(typed, *max)?,
            Self::Money { currency } => number::money(typed, currency)?,
            Self::Date => time::day(typed)?.to_string().into(),
            Self::Time => time::written_time(time::time(typed)?).into(),
            Self::DateTime => time::date_time(typed, reading.zone)?.into(),
            Self::Duration => time::duration(typed)?.into(),
            Self::Select(choices) | Self::Radio(choices) => {
                options::choose(choices, typed, &present(reading.kept))?.into()
            }
            Self::Checkbox => yes_or_no(typed)?.into(),
            Self::Country => super::country(typed)?.into(),
            Self::Region => region::read(typed)?.into(),
            Self::Person | Self::Member | Self::Link { .. } => ids::id(typed)?.into(),
            Self::Team => ids::team(typed)?.into(),
            _ => text::line(typed)?.into(),
        })
    }
}

/// Returns whether the values of a form's checkbox mean ticked. A plain form post sends nothing for
/// an empty one.
pub fn tick(values: &[String]) -> Result<bool, FieldReason> {
    let Some(value) = text::single(values)? else {
        return Ok(false);
    };
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(FieldReason::NotYesOrNo),
    }
}

/// Reads yes or no in the words of forms, and in those that people write in cells.
fn yes_or_no(typed: &str) -> Result<bool, FieldReason> {
    match typed.to_ascii_lowercase().as_str() {
        "是" | "y" | "t" | "√" | "✓" => Ok(true),
        "否" | "n" | "f" | "×" | "✗" => Ok(false),
        _ => tick(&[typed.to_owned()]),
    }
}

fn read_secret(typed: &str, reading: &Reading<'_>) -> Result<Value, FieldReason> {
    let is_same = |kept: &&Value| sealed::is_sealed(kept) && sealed::masked(kept) == typed;
    if let Some(kept) = reading.kept.filter(is_same) {
        return Ok(kept.clone());
    }
    if sealed::is_masked(typed) {
        return Err(FieldReason::Masked);
    }
    sealed::seal(typed, reading.sealing.as_ref().ok_or(FieldReason::NoKey)?)
}

/// Returns the texts of a kept value: itself, or the elements of a list.
fn present(kept: Option<&Value>) -> Vec<&str> {
    match kept {
        Some(Value::String(value)) => vec![value],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
