//! The options of select, radio and multi-select fields, and how an answer finds its option.

use super::labels::Labels;
use super::reason::FieldReason;
use crate::domain::base::language::Language;
use serde::{Deserialize, Serialize};

/// The most options of one field. A list of them is sent with every page that shows the field, and
/// nobody finds an entry in a longer one.
pub const OPTIONS_MAX: usize = 1_000;

/// What separates the options of a multi-select field in one cell, in the order in which they are
/// tried.
const CELL_MARKS: [&[char]; 2] = [&[';', '；', '\n'], &[',', '，', '、', '|']];

/// One option. Records keep its value; its labels may change at any time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The value kept, which never changes.
    pub value: String,
    /// The labels shown; the value if there is none.
    #[serde(default)]
    pub label: Labels,
    /// Whether it can no longer be chosen. It is still shown where it is kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

impl Choice {
    /// Creates an option whose label in both languages is `label`.
    pub fn new(value: &str, label: &str) -> Self {
        Self { value: value.to_owned(), label: Labels::same(label), retired: false }
    }

    /// Returns the label in a language, or the value.
    pub fn shown(&self, language: Language) -> &str {
        self.label.pick(language).unwrap_or(&self.value)
    }
}

/// Returns the value among `values` that was sent, exactly.
pub fn by_value<'a>(
    mut values: impl Iterator<Item = &'a str>,
    sent: &str,
) -> Result<&'a str, FieldReason> {
    values.find(|value| value.trim() == sent).ok_or(FieldReason::NotAnOption)
}

/// Returns every value among `values` that was sent, exactly; each once, in their order.
pub fn all_by_value<'a>(
    values: impl Iterator<Item = &'a str> + Clone,
    sent: &[String],
) -> Result<Vec<&'a str>, FieldReason> {
    let sent = sent.iter().map(|value| value.trim()).filter(|value| !value.is_empty());
    let chosen =
        sent.map(|value| by_value(values.clone(), value)).collect::<Result<Vec<_>, _>>()?;
    Ok(values.filter(|value| chosen.contains(value)).collect())
}

/// Returns the value of the option that was typed: by its value, or else by a label that only one
/// option has. A retired option is accepted only if its value is among `present`.
pub fn choose<'a>(
    choices: &'a [Choice],
    typed: &str,
    present: &[&str],
) -> Result<&'a str, FieldReason> {
    let has_label = |choice: &Choice| choice.label.all().any(|label| label.trim() == typed);
    let by_label = || {
        let mut labelled = choices.iter().filter(|choice| has_label(choice));
        labelled.next().filter(|_| labelled.next().is_none())
    };
    let found = choices.iter().find(|choice| choice.value.trim() == typed).or_else(by_label);
    match found {
        None => Err(FieldReason::NotAnOption),
        Some(choice) if choice.retired && !present.contains(&choice.value.as_str()) => {
            Err(FieldReason::RetiredOption)
        }
        Some(choice) => Ok(&choice.value),
    }
}

/// Returns the values of the options that were typed, each once, in the order of the options. One
/// text may name several, separated by semicolons or commas, or be a JSON list.
pub fn choose_several<'a, S: AsRef<str>>(
    choices: &'a [Choice],
    typed: &[S],
    present: &[&str],
) -> Result<Vec<&'a str>, FieldReason> {
    let typed = typed.iter().map(|text| super::text::trimmed(text.as_ref()));
    let typed: Vec<&str> = typed.filter(|text| !text.is_empty()).collect();
    if typed.len() > OPTIONS_MAX {
        return Err(FieldReason::TooMany(OPTIONS_MAX));
    }
    let choose_all = |parts: Vec<&str>| {
        parts.into_iter().map(|part| choose(choices, part, present)).collect::<Result<Vec<_>, _>>()
    };
    let chosen = match typed.as_slice() {
        [one] => match choose(choices, one, present) {
            Ok(value) => Ok(vec![value]),
            Err(reason) => cell(choices, one, present).unwrap_or(Err(reason)),
        },
        _ => choose_all(typed),
    }?;
    let ordered = choices.iter().map(|choice| choice.value.as_str());
    Ok(ordered.filter(|value| chosen.contains(value)).collect())
}

/// Writes several values as one cell, which `choose_several` reads.
pub fn joined(values: &[&str]) -> String {
    let is_plain = |value: &&str| !value.contains([';', '；', '\n']) && !value.starts_with('[');
    match values.iter().all(is_plain) {
        true => values.join("; "),
        false => serde_json::Value::from(values.to_vec()).to_string(),
    }
}

type Chosen<'a> = Result<Vec<&'a str>, FieldReason>;

/// Reads a cell that names several options; `None` if it names one only.
fn cell<'a>(choices: &'a [Choice], text: &str, present: &[&str]) -> Option<Chosen<'a>> {
    let choose_all = |parts: &mut dyn Iterator<Item = &str>| -> Chosen<'a> {
        let mut chosen = Vec::new();
        for (index, part) in parts.map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            if index >= OPTIONS_MAX {
                return Err(FieldReason::TooMany(OPTIONS_MAX));
            }
            chosen.push(choose(choices, part, present)?);
        }
        Ok(chosen)
    };
    if text.starts_with('[')
        && let Ok(list) = serde_json::from_str::<Vec<String>>(text)
    {
        return Some(choose_all(&mut list.iter().map(String::as_str)));
    }
    let marks = CELL_MARKS.iter().filter(|marks| text.contains(**marks));
    let mut read = marks.map(|marks| choose_all(&mut text.split(*marks)));
    let first = read.next()?;
    Some(if first.is_ok() { first } else { read.find(Result::is_ok).unwrap_or(first) })
}
