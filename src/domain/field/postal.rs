//! Postal addresses: country, region, city, street and postal code as one JSON object.

use super::reason::FieldReason;
use super::{region, text};
use crate::domain::base::language::Language;
use crate::domain::contact::address::half_width;
use crate::domain::contact::country;
use serde_json::{Map, Value};

/// The most lines of a street, as envelopes and carriers have room for.
pub const STREET_LINES_MAX: usize = 5;

/// The longest postal code, in characters: those of all countries have at most ten.
pub const POSTAL_CODE_CHARS_MAX: usize = 12;

/// The largest address as JSON text, in bytes: every part at its limit, in four-byte characters.
const ADDRESS_BYTES_MAX: usize = 16 * 1_024;

/// The keys of an address, in the order of a form's inputs. Further inputs are lines of the street.
const PARTS: [&str; 4] = ["country", "region", "city", "postal_code"];

/// Reads the texts of a form: country, region, city, postal code and lines of the street, in this
/// order; any may be blank. A single text is JSON, or else an address as written in one line, which
/// is kept as the street. `None` if all are blank.
pub fn of_texts<S: AsRef<str>>(typed: &[S]) -> Result<Option<Value>, FieldReason> {
    let [first, ..] = typed else { return Ok(None) };
    if typed.len() > 1 {
        if typed.len() > PARTS.len() + STREET_LINES_MAX {
            return Err(FieldReason::TooMany(STREET_LINES_MAX).at("street"));
        }
        let (parts, street) = typed.split_at(typed.len().min(PARTS.len()));
        let named = PARTS.iter().zip(parts).map(|(name, text)| (*name, text.as_ref().into()));
        let street: Vec<Value> = street.iter().map(|line| line.as_ref().into()).collect();
        let street = std::iter::once(("street", Value::from(street)));
        return of_parts(named.chain(street));
    }
    let one = text::trimmed(first.as_ref());
    if one.is_empty() {
        return Ok(None);
    }
    if !one.starts_with('{') {
        return of_parts([("street", Value::from(one))].into_iter());
    }
    if one.len() > ADDRESS_BYTES_MAX {
        return Err(FieldReason::TooLong(ADDRESS_BYTES_MAX));
    }
    let json: Value = serde_json::from_str(one).map_err(|_| FieldReason::NotAPostalAddress)?;
    of_json(&json)
}

/// Reads a JSON object with some of the keys `country`, `region`, `city`, `street` (a text or a
/// list of lines) and `postal_code`.
pub fn of_json(json: &Value) -> Result<Option<Value>, FieldReason> {
    let object = json.as_object().ok_or(FieldReason::WrongJson)?;
    of_parts(object.iter().map(|(key, part)| (key.as_str(), part.clone())))
}

/// Writes an address in one line: from the street to the country in English, the other way round in
/// Chinese.
pub fn shown(kept: &Value, language: Language) -> String {
    let part = |name: &str| kept.get(name).and_then(Value::as_str);
    let country = part("country").and_then(country::find).map(|it| it.name(language).to_owned());
    let region = part("region").filter(|region| region.contains('-'));
    let region = region.map(|kept| region::shown(kept, language));
    let city = part("city").map(str::to_owned);
    let code = part("postal_code").map(str::to_owned);
    let lines = kept.get("street").and_then(Value::as_array).into_iter().flatten();
    let street: Vec<&str> = lines.filter_map(Value::as_str).collect();
    let street = |mark: &str| Some(street.join(mark)).filter(|street| !street.is_empty());
    let (parts, mark) = match language {
        Language::English => ([street(", "), city, region, code, country], ", "),
        Language::Chinese => ([country, region, city, street(" "), code], " "),
    };
    parts.into_iter().flatten().collect::<Vec<_>>().join(mark)
}

fn of_parts<'k>(
    parts: impl Iterator<Item = (&'k str, Value)>,
) -> Result<Option<Value>, FieldReason> {
    let mut kept = Map::new();
    for (name, value) in parts {
        let read = part(name, &value).map_err(|reason| reason.at(name))?;
        if let Some(value) = read {
            kept.insert(name.to_owned(), value);
        }
    }
    let text = |name: &str| kept.get(name).and_then(Value::as_str);
    match (text("country"), text("region").map(region::country_of)) {
        (Some(country), Some(other)) if country != other => {
            return Err(FieldReason::NotARegion.at("region"));
        }
        (None, Some(country)) => {
            let country = Value::from(country);
            kept.insert("country".to_owned(), country);
        }
        _ => {}
    }
    Ok((!kept.is_empty()).then_some(Value::Object(kept)))
}

/// Reads one part; `None` if it is blank.
fn part(name: &str, value: &Value) -> Result<Option<Value>, FieldReason> {
    if name == "street" {
        return street(value);
    }
    let typed = match value {
        Value::Null => return Ok(None),
        Value::String(typed) => text::trimmed(typed),
        _ => return Err(FieldReason::WrongJson),
    };
    if typed.is_empty() {
        return Ok(None);
    }
    let read = match name {
        "country" => super::country(typed)?.to_owned(),
        "region" => region::read(typed)?,
        "city" => text::line(typed)?,
        "postal_code" => postal_code(typed)?,
        _ => return Err(FieldReason::UnknownPart),
    };
    Ok(Some(read.into()))
}

fn street(value: &Value) -> Result<Option<Value>, FieldReason> {
    let lines: Vec<&str> = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.lines().collect(),
        Value::Array(lines) => {
            let texts = lines.iter().map(|line| line.as_str().ok_or(FieldReason::WrongJson));
            texts.collect::<Result<_, _>>()?
        }
        _ => return Err(FieldReason::WrongJson),
    };
    let filled: Vec<&str> =
        lines.into_iter().map(text::trimmed).filter(|line| !line.is_empty()).collect();
    if filled.len() > STREET_LINES_MAX {
        return Err(FieldReason::TooMany(STREET_LINES_MAX));
    }
    let kept = filled.into_iter().map(text::line).collect::<Result<Vec<_>, _>>()?;
    Ok((!kept.is_empty()).then(|| kept.into()))
}

fn postal_code(typed: &str) -> Result<String, FieldReason> {
    let code: String = typed.chars().map(half_width).collect::<String>().to_ascii_uppercase();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-');
    let is_short = code.len() <= POSTAL_CODE_CHARS_MAX;
    if is_short && code.chars().all(is_plain) { Ok(code) } else { Err(FieldReason::NotAPostalCode) }
}
