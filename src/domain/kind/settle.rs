//! What follows from the values of a record: its number, the results of formulas, its title, stage
//! and value, and what the database's indexes of its fields hold.

use super::Kind;
use crate::domain::base::primitives::Millis;
use crate::domain::field::IndexKey;
use crate::domain::field::auto_number::Pattern;
use crate::domain::field::formula::compute;
use crate::domain::record::{PlainRecord, Record};
use serde_json::Value;
use std::collections::BTreeMap;

/// The numbers of a pattern with a year begin again each year: they are kept as the year times
/// this, plus the number.
const YEAR_FACTOR: i64 = 1_000_000_000;

/// An entry of an index: the field, what the index holds, and whether only one record may have it.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub struct Entry {
    pub field: String,
    pub key: IndexKey,
    pub is_unique: bool,
}

/// The entries that a decision adds to indexes and removes from them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    pub added: Vec<Entry>,
    pub removed: Vec<Entry>,
}

impl Settled {
    /// Compares the entries before and after.
    pub fn between(before: Vec<Entry>, after: Vec<Entry>) -> Self {
        let added = after.iter().filter(|entry| !before.contains(entry)).cloned().collect();
        let removed = before.into_iter().filter(|entry| !after.contains(entry)).collect();
        Self { added, removed }
    }

    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

impl Kind {
    /// Returns what the indexes hold for these values.
    pub fn entries(&self, values: &BTreeMap<String, Value>) -> Vec<Entry> {
        let fields = self.fields.iter().filter(|field| field.indexed || field.unique);
        let entries = fields.flat_map(|field| {
            let kept = values.get(&field.name).filter(|kept| !kept.is_null());
            let keys = kept.map(|kept| field.kind.index_keys(kept)).unwrap_or_default();
            let of = |is_unique: bool| {
                let keys = keys.clone().into_iter();
                keys.map(move |key| Entry { field: field.name.clone(), key, is_unique })
            };
            let (indexed, unique) =
                (field.indexed.then(|| of(false)), field.unique.then(|| of(true)));
            indexed.into_iter().flatten().chain(unique.into_iter().flatten()).collect::<Vec<_>>()
        });
        entries.chain(self.company_entries(values)).collect()
    }

    /// Returns the least number that a record made now can have, as `PlainRecord::number` keeps it.
    pub fn first_number(&self, now: Millis) -> Option<i64> {
        let (_, pattern) = self.numbered()?;
        let year = if pattern.is_yearly() { i64::from(Self::year(now)) } else { 0 };
        Some(year * YEAR_FACTOR + 1)
    }

    /// Returns a number that was written by the pattern, as `PlainRecord::number` keeps it.
    pub fn number_of(&self, pattern: &Pattern, text: &str) -> Option<i64> {
        let (year, n) = pattern.read(text)?;
        let n = i64::try_from(n).ok().filter(|n| (1..YEAR_FACTOR).contains(n))?;
        Some(i64::from(year.unwrap_or(0)) * YEAR_FACTOR + n)
    }

    /// Computes the formulas of a record. One that has no result clears its field.
    pub fn compute(&self, record: &mut Record) {
        // Publishing refuses formulas in a circle.
        let computed = compute(&self.fields, &record.attributes).unwrap_or_default();
        for (name, result) in computed {
            record.set_attribute(&name, result.unwrap_or_default());
        }
    }

    /// Brings everything that follows from the record's values up to date. `next` is the next free
    /// number of the kind.
    pub fn settle(&self, record: &mut PlainRecord, next: Option<i64>, now: Millis) {
        if let Some((field, pattern)) = self.numbered()
            && record.number.is_none()
            && let Some(number) = next.max(self.first_number(now))
        {
            record.number = Some(number);
            let n = u64::try_from(number % YEAR_FACTOR).unwrap_or_default();
            let text = pattern.write(Self::year(record.created_at), n);
            record.attributes.insert(field.name.clone(), text.into());
        }
        self.compute(record);
        let of = |name: &Option<String>| record.attributes.get(name.as_deref()?);
        let text = |name| of(name).and_then(Value::as_str).map(str::to_owned);
        let (title, stage) = (text(&self.title), text(&self.stage));
        let value = of(&self.value).and_then(Value::as_i64);
        record.title = title.unwrap_or_default();
        (record.stage, record.value) = (stage, value);
    }
}
