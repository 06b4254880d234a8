//! Reads a TOML tree key by key. A key that was never requested is unknown, and a required key that
//! is absent is missing. Both are reported once a table has been read.

use crate::domain::base::diagnostic::{Problem, nearest};
use crate::domain::base::primitives::{CampaignId, KindId, Millis, QualifiedId, Span};
use crate::domain::campaign::broadcast;
use crate::domain::segment::{MOMENT_FORMS, Moment, Scalar};
use crate::domain::time::calendar;
use std::cell::RefCell;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// The largest integer that D1 stores exactly: its numbers are 64-bit floats.
const INTEGER_MAX: i64 = 1 << 53;

/// What keys are called elsewhere, and ours.
const OTHER_KEYS: &[(&str, &str)] = &[
    ("begins_with", "starts_with"),
    ("equal", "is"),
    ("equals", "is"),
    ("exists", "set"),
    ("greater_than", "gt"),
    ("is_in", "in"),
    ("is_set", "set"),
    ("less_than", "lt"),
    ("ne", "is_not"),
    ("not_equal", "is_not"),
    ("not_equals", "is_not"),
    ("one_of", "in"),
    ("timezone", "time_zone"),
];

/// How to add a campaign's goal.
const GOAL: &str = r#"write goal = { event = "order.completed", within = "30d" }"#;

/// The problems found while the tree is read, and values of `[campaign]` that other parts need.
pub(super) struct Problems {
    found: RefCell<Vec<Problem>>,
    campaign: CampaignId,
    time_zone: String,
    currency: String,
}

impl Problems {
    /// Creates an empty list for a file whose `[campaign]` is in this tree.
    pub fn none(tree: &DeTable<'_>) -> Self {
        let head = tree.get("campaign").and_then(|head| head.get_ref().as_table());
        let text = |name| Some(head?.get(name)?.get_ref().as_str()?.to_owned());
        Self {
            found: RefCell::default(),
            campaign: CampaignId(text("id").unwrap_or_default()),
            time_zone: text("time_zone").unwrap_or_default(),
            currency: text("currency").unwrap_or_default(),
        }
    }

    pub fn push(&self, problem: Problem) {
        self.found.borrow_mut().push(problem);
    }

    pub fn into_inner(self) -> Vec<Problem> {
        self.found.into_inner()
    }
}

/// A value in the file with its key.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub key: String,
    value: &'a DeValue<'a>,
    problems: &'a Problems,
}

impl<'a> Node<'a> {
    /// Reports that this value is wrong.
    pub fn error<T>(&self, message: impl Into<String>) -> Option<T> {
        self.report(Problem::new(&self.key, message))
    }

    /// Reports a problem. Returns `None`, which is what the reader of an invalid value returns.
    pub fn report<T>(&self, problem: Problem) -> Option<T> {
        self.problems.push(problem);
        None
    }

    fn expected<T>(&self, what: &str) -> Option<T> {
        let found = match self.value {
            DeValue::String(text) => {
                let problem = Problem::new(&self.key, format!("expected {what}, not `{text}`"));
                return self.report(match unquoted(what, text) {
                    Some(meant) => problem.help(format!("write it without quotes: {meant}")),
                    None => problem,
                });
            }
            DeValue::Integer(number) => format!("the number {number}"),
            DeValue::Float(number) => format!("the number {number}"),
            DeValue::Boolean(value) => value.to_string(),
            DeValue::Datetime(moment) if moment.time.is_some() => "a date and time".to_owned(),
            DeValue::Datetime(_) => "a date".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
        };
        let problem = Problem::new(&self.key, format!("expected {what}, not {found}"));
        self.report(match self.value {
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_)
                if what.starts_with("text") =>
            {
                let written = found.trim_start_matches("the number ");
                problem.help(format!("write \"{written}\""))
            }
            DeValue::Datetime(moment) if what.starts_with("text") => {
                problem.help(format!("write \"{moment}\""))
            }
            DeValue::Table(_) if what.starts_with("a list") => {
                problem.help(format!("write [{{ … }}], or [[{}]] above each table", self.key))
            }
            DeValue::Array(_) if what.starts_with("a table") && !self.key.contains('[') => {
                problem.help(format!("one table is written [{}]", self.key))
            }
            _ => problem,
        })
    }

    pub fn is_text(&self) -> bool {
        self.value.is_str()
    }

    pub fn is_table(&self) -> bool {
        self.value.as_table().is_some()
    }

    /// Returns the number of elements if the value is a list.
    pub fn length(&self) -> Option<usize> {
        self.value.as_array().map(|list| list.len())
    }

    /// Returns whether the value is a list that begins with a number.
    pub fn is_list_of_numbers(&self) -> bool {
        let first = self.value.as_array().and_then(|list| list.first());
        first.is_some_and(|v| matches!(v.get_ref(), DeValue::Integer(_) | DeValue::Float(_)))
    }

    /// Reads the name of a kind of record.
    pub fn kind(self) -> Option<KindId> {
        self.text().map(KindId)
    }

    /// Reads text in quotes.
    pub fn text(self) -> Option<String> {
        match self.value {
            DeValue::String(text) => Some(text.clone().into_owned()),
            _ => self.expected("text in quotes"),
        }
    }

    /// Reads `true` or `false`.
    pub fn boolean(self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.expected("true or false"))
    }

    /// Reads a finite number; an integer must be one that D1 stores exactly.
    pub fn number(self) -> Option<f64> {
        let number = match self.value {
            DeValue::Integer(_) => return self.integer().map(|n| n as f64),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        number.filter(|n: &f64| n.is_finite()).or_else(|| self.expected("a number"))
    }

    /// Reads an integer of at most 53 bits.
    pub fn integer(self) -> Option<i64> {
        let number = self.value.as_integer();
        number
            .and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok())
            .filter(|n| n.abs() <= INTEGER_MAX)
            .or_else(|| self.expected("a whole number of at most 53 bits"))
    }

    /// Reads an integer from 0 to 4,294,967,295.
    pub fn count(self) -> Option<u32> {
        let node = self.clone();
        self.integer()?.try_into().ok().or_else(|| node.expected("a whole number, 0 or more"))
    }

    /// Reads a span of time.
    pub fn span(self) -> Option<Span> {
        let text = self.value.as_str().unwrap_or_default();
        if let Some(span) = Span::parse(text) {
            return Some(span);
        }
        if let Some(meant) = Span::meant(text) {
            let problem = Problem::new(&self.key, format!("`{text}` is not a duration"));
            return self.report(problem.help(format!("write \"{meant}\"")));
        }
        self.expected("a duration such as \"90s\", \"30m\", \"12h\", \"3d\" or \"2w\"")
    }

    /// Reads a day, as a TOML date or as text.
    pub fn day(self) -> Option<String> {
        match self.value {
            DeValue::Datetime(moment) if moment.time.is_none() => Some(moment.to_string()),
            DeValue::String(text) => Some(text.clone().into_owned()),
            _ => self.expected("a day such as 2026-03-01"),
        }
    }

    /// Reads a day with a time of day, without a zone: as a TOML date or as text.
    pub fn local_time(self) -> Option<String> {
        let text = match self.value {
            DeValue::Datetime(moment) if moment.offset.is_some() => {
                let problem = Problem::new(&self.key, format!("`{moment}` has an offset"));
                let local = toml::value::Datetime { offset: None, ..*moment };
                return self.report(problem.help(format!("the campaign has a time zone: {local}")));
            }
            DeValue::Datetime(moment) => moment.to_string(),
            DeValue::String(text) => text.clone().into_owned(),
            _ => String::new(),
        };
        let minutes = text.strip_suffix(":00").filter(|minutes| minutes.len() == 16);
        let minutes = minutes.unwrap_or(&text);
        match broadcast::local(minutes) {
            Some(_) => Some(minutes.to_owned()),
            None => self.expected("a day and a time without a zone, such as 2026-03-02T09:00:00"),
        }
    }

    /// Reads a date in one of the forms that attributes have, as a TOML date or as text.
    pub fn moment(self) -> Option<String> {
        let text = match self.value {
            DeValue::Datetime(moment) => moment.to_string(),
            DeValue::String(text) => text.clone().into_owned(),
            _ => return self.expected(&format!("a date: {MOMENT_FORMS}")),
        };
        match Moment::read(&text) {
            Some(_) => Some(text),
            None => self.expected(&format!("a date: {MOMENT_FORMS}")),
        }
    }

    /// Returns the first and the last instant of a date in the campaign's time zone.
    pub fn instants(self) -> Option<(Millis, Millis)> {
        let zone = calendar::zone(&[Some(&self.problems.time_zone)]);
        let moment = Moment::read(&self.moment()?)?;
        let instant = |moment: Moment| match moment.offset {
            Some(ahead) => Some(Millis(moment.written - ahead)),
            None => calendar::moments_showing(moment.written, &zone).first().copied(),
        };
        let after = Moment { written: moment.last().written + 1_000, ..moment };
        let last = if moment.is_day { Millis(instant(after)?.0 - 1) } else { instant(moment)? };
        Some((instant(moment)?, last))
    }

    /// Reads the name of an item of the same campaign.
    pub fn qualified(self) -> Option<QualifiedId> {
        let campaign = &self.problems.campaign;
        self.text().map(|name| QualifiedId::new(campaign, &name))
    }

    /// Returns the campaign's time zone.
    pub fn time_zone(&self) -> String {
        self.problems.time_zone.clone()
    }

    /// Returns the campaign's currency.
    pub fn currency(&self) -> String {
        self.problems.currency.clone()
    }

    /// Returns a decimal as written, given as text or as a number.
    pub fn digits(&self) -> Option<String> {
        match self.value {
            DeValue::String(text) => Some(text.clone().into_owned()),
            DeValue::Integer(_) => self.clone().integer().map(|number| number.to_string()),
            DeValue::Float(number) => Some(number.as_str().to_owned()),
            _ => self.expected("an amount such as \"100.00\""),
        }
    }

    /// Reads a single value of an attribute or property.
    pub fn scalar(self) -> Option<Scalar> {
        match self.value {
            DeValue::String(text) => Some(Scalar::Text(text.clone().into_owned())),
            DeValue::Boolean(value) => Some(Scalar::Bool(*value)),
            DeValue::Integer(_) | DeValue::Float(_) => self.number().map(Scalar::Number),
            _ => self.expected("text, a number, true or false"),
        }
    }

    /// Reads one of a few words and returns its meaning.
    pub fn one_of<T: Copy>(self, words: &[(&str, T)]) -> Option<T> {
        self.one_of_known(words, &[])
    }

    /// Does the same. `others` are what words are called elsewhere, each with ours.
    pub fn one_of_known<T: Copy>(self, words: &[(&str, T)], others: &[(&str, &str)]) -> Option<T> {
        let node = self.clone();
        let text = self.text()?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*meaning);
        }
        let problem = Problem::new(&node.key, format!("`{text}` is not a known value"));
        node.report(match others.iter().find(|(other, _)| text.eq_ignore_ascii_case(other)) {
            Some((_, ours)) => problem.help(format!("did you mean `{ours}`?")),
            None => problem.suggest(&text, words.iter().map(|(word, _)| *word)),
        })
    }

    /// Reads a list. Elements that cannot be read are reported and left out.
    pub fn list<T>(self, read: impl Fn(Node<'a>) -> Option<T>) -> Option<Vec<T>> {
        let Some(array) = self.value.as_array() else { return self.expected("a list: […]") };
        let element = |(index, value): (usize, &'a toml::Spanned<DeValue<'a>>)| {
            let key = format!("{}[{}]", self.key, index + 1);
            read(Node { key, value: value.get_ref(), problems: self.problems })
        };
        Some(array.iter().enumerate().filter_map(element).collect())
    }

    /// Reads a table whose keys are names chosen by the author.
    pub fn named<T>(self, read: impl Fn(Node<'a>) -> Option<T>) -> Option<BTreeMap<String, T>> {
        let Some(table) = self.value.as_table() else { return self.expected("a table") };
        let entry = |(name, value): (&toml::Spanned<_>, &'a toml::Spanned<DeValue<'a>>)| {
            let name: &std::borrow::Cow<'_, str> = name.get_ref();
            let key = format!("{}.{name}", self.key);
            let value = Node { key, value: value.get_ref(), problems: self.problems };
            Some((name.to_string(), read(value)?))
        };
        Some(table.iter().filter_map(entry).collect())
    }

    /// Reads a table of names and single values, in the order of the names.
    pub fn scalars(self) -> Option<Vec<(String, Scalar)>> {
        self.named(Node::scalar).map(|named| named.into_iter().collect())
    }

    /// Reads a table with fixed keys. Anything else is reported and reads as an empty table.
    pub fn table(self) -> Table<'a> {
        let table = self.value.as_table();
        if table.is_none() {
            self.expected::<()>("a table: { … }");
        }
        Table::new(self.key, table, self.problems)
    }
}

/// Returns the number or boolean that a text contains, if that is what was expected.
fn unquoted(what: &str, text: &str) -> Option<String> {
    let text = text.trim();
    match what.starts_with("true or false") {
        true => match text.to_lowercase().as_str() {
            "true" | "yes" | "y" | "on" | "1" | "是" => Some("true".to_owned()),
            "false" | "no" | "n" | "off" | "0" | "否" => Some("false".to_owned()),
            _ => None,
        },
        false if what.contains("number") => {
            text.parse::<f64>().ok().filter(|n| n.is_finite()).map(|_| text.to_owned())
        }
        false => None,
    }
}

/// A table being read. Dropping it reports its unknown and missing keys.
pub(super) struct Table<'a> {
    pub key: String,
    unread: BTreeMap<&'a str, &'a DeValue<'a>>,
    asked: Vec<&'static str>,
    present: Vec<&'static str>,
    missing: Vec<&'static str>,
    readable: bool,
    problems: &'a Problems,
}

impl<'a> Table<'a> {
    /// Returns the table of the whole file.
    pub fn root(table: &'a DeTable<'a>, problems: &'a Problems) -> Self {
        Self::new(String::new(), Some(table), problems)
    }

    fn new(key: String, table: Option<&'a DeTable<'a>>, problems: &'a Problems) -> Self {
        let entries = table.into_iter().flat_map(|table| table.iter());
        let unread =
            entries.map(|(key, value)| (key.get_ref().as_ref(), value.get_ref())).collect();
        let (asked, present, missing) = (Vec::new(), Vec::new(), Vec::new());
        Self { key, unread, asked, present, missing, readable: table.is_some(), problems }
    }

    /// Returns the dotted key of an entry of this table.
    pub fn key_of(&self, name: &str) -> String {
        if self.key.is_empty() { name.to_owned() } else { format!("{}.{name}", self.key) }
    }

    /// Returns the value of a key, if present.
    pub fn node(&mut self, name: &'static str) -> Option<Node<'a>> {
        self.asked.push(name);
        let value = self.unread.remove(name)?;
        self.present.push(name);
        Some(Node { key: self.key_of(name), value, problems: self.problems })
    }

    /// Reads an optional key.
    pub fn get<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Node<'a>) -> Option<T>,
    ) -> Option<T> {
        self.node(name).and_then(read)
    }

    /// Reads a required key. If it is absent, a default is returned so that reading can continue.
    pub fn need<T: Default>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Node<'a>) -> Option<T>,
    ) -> T {
        match self.node(name) {
            Some(node) => read(node).unwrap_or_default(),
            None => {
                self.missing.push(name);
                T::default()
            }
        }
    }

    /// Reads a required key that must be a table. If it is not, the table reads as empty.
    pub fn need_table(&mut self, name: &'static str) -> Table<'a> {
        match self.node(name) {
            Some(node) => node.table(),
            None => {
                self.missing.push(name);
                Table::new(self.key_of(name), None, self.problems)
            }
        }
    }

    /// Returns whether a key is present, already read or not.
    pub fn has(&self, name: &str) -> bool {
        self.present.contains(&name) || self.unread.contains_key(name)
    }

    /// Records keys that are allowed here, so that they can be suggested.
    pub fn know(&mut self, names: &[&'static str]) {
        self.asked.extend(names);
    }

    /// Reports that one of these keys is required, unless a misspelt one explains its absence.
    pub fn need_one_of(&mut self, names: &'static [&'static str], lack: &str) {
        self.asked.extend(names);
        let misspelt = self.unread.keys().any(|unknown| {
            !names.contains(unknown)
                && self.meant(unknown).is_some_and(|meant| names.contains(&meant))
        });
        if !misspelt && self.readable {
            let problem = Problem::new(&self.key, lack);
            self.report(problem.help(format!("give it one of {}", names.join(", "))));
        }
    }

    /// Reports that the table as a whole is wrong.
    pub fn error(&self, message: impl Into<String>) {
        self.report(Problem::new(&self.key, message));
    }

    pub fn report(&self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Returns the key that an unknown one probably means. Absent keys are preferred.
    fn meant(&self, unknown: &str) -> Option<&'static str> {
        let known = OTHER_KEYS.iter().find(|(other, _)| unknown.eq_ignore_ascii_case(other));
        if let Some((_, ours)) = known.filter(|(_, ours)| self.asked.contains(ours)) {
            return Some(ours);
        }
        let absent = self.asked.iter().copied().filter(|name| !self.has(name));
        nearest(unknown, absent).or_else(|| nearest(unknown, self.asked.iter().copied()))
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        if !self.readable {
            return;
        }
        self.asked.sort_unstable();
        self.asked.dedup();
        let mut explained = Vec::new();
        for unknown in self.unread.keys() {
            let problem = Problem::new(self.key_of(unknown), "unknown key");
            let meant = self.meant(unknown);
            explained.extend(meant);
            self.report(match meant {
                Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                None => problem.suggest(unknown, self.asked.iter().copied()),
            });
        }
        for name in self.missing.iter().filter(|name| !explained.contains(name)) {
            let problem = Problem::new(self.key_of(name), "missing");
            self.report(problem.help(match *name {
                "goal" => GOAL.to_owned(),
                name => format!("write {name} = …"),
            }));
        }
    }
}
