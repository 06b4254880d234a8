//! Rules as SQL: whether a rule holds for a contact `c`, and when it must be evaluated again.

mod dates;

use super::statement::Value;
use crate::domain::base::primitives::{KindId, Millis, QualifiedId, Span};
use crate::domain::kind::COMPANY;
use crate::domain::record::HISTORY_EVENTS_MAX;
use crate::domain::segment::{
    AMOUNT_MAX, AMOUNT_UNIT, COLUMNS, Comparison, Events, JourneyState, Measure, Occurrence,
    Operator, PRIME, Rule, Sample, Scalar, TAIL, TimeTest,
};
use crate::domain::time::calendar;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Display;

const DAY: i64 = 86_400_000;

/// The most arguments of one function (https://developers.cloudflare.com/d1/platform/limits/).
const ARGUMENTS_MAX: usize = 32;

/// Writes a rule as an expression over a contact `c`. Constants go into one JSON array, `?1` or
/// another parameter, so that a rule of any size stays within D1's 100 parameters and no text
/// becomes SQL.
///
/// An expression may be 100 levels deep on D1, and a nested SELECT continues the count. So the
/// depth here does not grow with the length of a rule: parts are the branches of one CASE, and
/// values are lists in `?1`. Only the nesting of the rule itself, at most 20 levels, adds depth.
pub(super) struct RuleSql {
    constants: Vec<Json>,
    /// The number of the parameter that they are bound to.
    slot: usize,
    /// The position of each constant, by its text, so that a repeated constant is stored once.
    places: BTreeMap<String, usize>,
    /// The kind of the records that the rule is about.
    of: KindId,
    now: Millis,
    /// Whether the expression uses the contact's own clock, `c.ahead`.
    needs_clock: bool,
}

/// A time that never comes: infinity, in few characters.
const NEVER: &str = "9e999";

/// An expression; where it has to be one, an SQL boolean that is never NULL.
type Sql = String;

impl RuleSql {
    pub fn new(of: &KindId, now: Millis) -> Self {
        Self::at(1, of, now)
    }

    /// Creates one whose constants are bound to the parameter with this number.
    pub fn at(slot: usize, of: &KindId, now: Millis) -> Self {
        let (constants, places) = Default::default();
        Self { constants, slot, places, of: of.clone(), now, needs_clock: false }
    }

    /// Returns the value that the parameter must be bound to.
    pub fn constants(&self) -> Value {
        Value::json(&self.constants)
    }

    /// Returns the FROM clause: the records of the kind, each with its `rowid` as `place`. Call it
    /// after the expressions have been written.
    pub fn records(&mut self) -> Sql {
        let kind = self.constant(self.of.0.clone());
        if !self.needs_clock {
            return format!("(SELECT rowid AS place, * FROM contacts WHERE kind = {kind}) c");
        }
        let offsets = self.list(&calendar::offsets(self.now));
        // LIMIT makes SQLite materialise the list and read it once; CAST lets it build an automatic
        // index.
        format!(
            "(SELECT k.rowid AS place, k.*, z.ahead
                FROM contacts k LEFT JOIN (SELECT CAST(value ->> 0 AS TEXT) AS name,
                                                  value ->> 1 AS ahead
                                             FROM {offsets} LIMIT -1) z
                             ON z.name = k.time_zone COLLATE NOCASE
               WHERE k.kind = {kind}) c"
        )
    }

    pub fn constant(&mut self, value: impl Into<Json>) -> Sql {
        let place = self.place(value.into());
        format!("(?{}->>{place})", self.slot)
    }

    /// Returns a list of constants as a table with the column `value`.
    pub fn list(&mut self, values: &impl Serialize) -> Sql {
        let place = self.place(json!(values));
        format!("json_each(?{}, '$[{place}]')", self.slot)
    }

    /// Returns the position of a constant in the parameter.
    fn place(&mut self, value: Json) -> usize {
        let next = self.constants.len();
        let place = *self.places.entry(value.to_string()).or_insert(next);
        if place == next {
            self.constants.push(value);
        }
        place
    }

    /// Returns the condition that the rule holds.
    pub fn holds(&mut self, rule: &Rule) -> Sql {
        self.answers(rule, true)
    }

    /// Returns the condition that the rule evaluates to `answer`. A CASE stops at the first part
    /// that decides.
    fn answers(&mut self, rule: &Rule, answer: bool) -> Sql {
        let (parts, decisive) = match rule {
            Rule::All(parts) => (parts, false),
            Rule::Any(parts) => (parts, true),
            Rule::Not(part) => return self.answers(part, !answer),
            question if answer => return self.question(question),
            question => return format!("(NOT {})", self.question(question)),
        };
        let (then, otherwise) = (i32::from(decisive == answer), i32::from(decisive != answer));
        case(self.decided(&in_order_of_cost(parts), decisive, then), otherwise)
    }

    /// Returns the branches of a CASE that are taken when one of the parts evaluates to `decisive`.
    fn decided(&mut self, parts: &[&Rule], decisive: bool, then: impl Display) -> Sql {
        let branch = |part: &&Rule| format!(" WHEN {} THEN {then}", self.answers(part, decisive));
        parts.iter().map(branch).collect()
    }

    /// Returns the condition of a rule without parts.
    fn question(&mut self, rule: &Rule) -> Sql {
        match rule {
            // These have parts.
            Rule::All(_) | Rule::Any(_) | Rule::Not(_) => self.holds(rule),
            Rule::Attribute { attribute, test } => self.attribute(attribute, test),
            Rule::Tag(tag) => {
                let tag = self.constant(tag.as_str());
                format!("EXISTS (SELECT 1 FROM json_each(c.tags) WHERE value = {tag})")
            }
            Rule::Consent { purpose, channel } => {
                let (purpose, channel) =
                    (self.constant(purpose.as_str()), self.constant(channel.as_str()));
                format!(
                    "EXISTS (SELECT 1 FROM json_each(c.consents)
                      WHERE value ->> 'purpose' = {purpose} AND value ->> 'channel' = {channel}
                        AND (value ->> 'state' = 'confirmed'
                             OR value ->> 'state' = 'granted' AND NOT value ->> 'double_opt_in'))"
                )
            }
            Rule::Score(comparison) => self.compare("c.score", *comparison),
            Rule::Event { events, count, within } => {
                let events = self.events("e", events, *within);
                self.compare(&format!("(SELECT count(*) {events})"), *count)
            }
            Rule::Amount { events, measure, property, result, within } => {
                self.amount(events, *measure, property, *result, *within)
            }
            Rule::EventTime { events, which, at, within } => {
                let events = self.events("e", events, *within);
                let function = match which {
                    Occurrence::First => "min",
                    Occurrence::Last => "max",
                };
                let (operator, bound) = match at {
                    TimeTest::Before(bound) => ("<", bound.0),
                    TimeTest::After(bound) => (">", bound.0),
                    TimeTest::InLast(span) => (">", self.now.minus(*span).0),
                };
                let bound = self.constant(bound);
                format!("((SELECT {function}(e.at) {events}) {operator} {bound} IS TRUE)")
            }
            Rule::Sequence { first, then, span, within } => {
                self.sequence(first, then, *span, *within)
            }
            Rule::Segment(segment) => {
                let segment = self.constant(segment.as_str());
                format!(
                    "EXISTS (SELECT 1 FROM segment_members s
                              WHERE s.contact_id = c.id AND s.segment_id = {segment})"
                )
            }
            Rule::List(list) => {
                let list = self.constant(list.as_str());
                format!(
                    "EXISTS (SELECT 1 FROM list_members l
                              WHERE l.record_id = c.id AND l.list = {list})"
                )
            }
            Rule::Journey { journey, state, step } => self.journey(journey, *state, step.as_ref()),
            Rule::Sample(sample) => self.sample(sample),
            Rule::Company { rule, role } => self.company(rule, role.as_deref()),
        }
    }

    /// Returns the number, from 1, of the first part of the rule that does not hold; 0 if the rule
    /// holds.
    pub fn failing(&mut self, rule: &Rule) -> Sql {
        let parts = parts_of(rule).into_iter().enumerate();
        case(parts.map(|(index, part)| self.decided(&[part], false, index + 1)).collect(), 0)
    }

    /// Returns when the rule must be evaluated again for the contact, because the passing of time
    /// alone may have changed the result: never later than the change, NULL if there is none.
    /// `c.failing` must be the value of `failing`: while a part fails, nothing changes before that
    /// part does.
    pub fn wakes(&mut self, rule: &Rule) -> Sql {
        let mut moments = Vec::new();
        for (index, part) in parts_of(rule).into_iter().enumerate() {
            if let Some(wake) = self.wake(part) {
                let number = index + 1;
                moments.push(format!("iif(c.failing IN (0, {number}), {wake}, {NEVER})"));
            }
        }
        earliest(moments).map_or_else(|| "NULL".to_owned(), |at| format!("nullif({at}, {NEVER})"))
    }

    /// Returns the time for one part, `NEVER` if there is none; `None` for a part whose result does
    /// not depend on time.
    fn wake(&mut self, rule: &Rule) -> Option<Sql> {
        let (parts, decides) = match rule {
            Rule::All(parts) => (parts, false),
            Rule::Any(parts) => (parts, true),
            Rule::Not(part) => return self.wake(part),
            _ => return self.wake_for(rule),
        };
        let (mut moments, mut lasting) = (Vec::new(), Vec::new());
        for part in in_order_of_cost(parts) {
            match self.wake(part) {
                Some(moment) => moments.push(moment),
                None => lasting.push(part),
            }
        }
        let earliest = earliest(moments)?;
        // A part that is permanently false decides an `All`; a permanently true one decides an
        // `Any`.
        Some(case(self.decided(&lasting, decides, NEVER), earliest))
    }

    fn wake_for(&mut self, rule: &Rule) -> Option<Sql> {
        let mut oldest = |events: &Events, span: Span| {
            let events = self.events("e", events, Some(span));
            let span = self.constant(span.0);
            format!("coalesce((SELECT min(e.at) + {span} {events}), {NEVER})")
        };
        match rule {
            Rule::Event { events, within: Some(within), .. }
            | Rule::Amount { events, within: Some(within), .. }
            | Rule::Sequence { first: events, within: Some(within), .. } => {
                Some(oldest(events, *within))
            }
            Rule::EventTime { events, at, within, .. } => {
                let aging = match at {
                    TimeTest::InLast(span) => Some(*span),
                    TimeTest::Before(_) | TimeTest::After(_) => None,
                };
                let spans = [*within, aging].into_iter().flatten();
                earliest(spans.map(|span| oldest(events, span)).collect())
            }
            Rule::Attribute { attribute, test: Operator::Relative { relative, zone } } => {
                let wake = self.relative_wake(attribute, *relative, zone);
                Some(format!("coalesce({wake}, {NEVER})"))
            }
            _ => None,
        }
    }

    fn compare(&mut self, value: &str, comparison: Comparison) -> Sql {
        let (operator, number) = match comparison {
            Comparison::Eq(n) => ("=", n),
            Comparison::Gt(n) => (">", n),
            Comparison::Gte(n) => (">=", n),
            Comparison::Lt(n) => ("<", n),
            Comparison::Lte(n) => ("<=", n),
        };
        format!("{value} {operator} {}", self.constant(number))
    }
}

/// Returns how many contacts a statement may scan, given the number for a rule with few conditions
/// on events. It is lower for rules with more of them, because each reads a contact's events again,
/// and D1 gives a statement 30 seconds.
pub(super) fn at_once(rule: &Rule, most: usize) -> i64 {
    let mut questions = 0;
    rule.walk(&mut |part| {
        questions += match part {
            Rule::Event { .. } | Rule::Amount { .. } | Rule::EventTime { .. } => 1,
            Rule::Sequence { .. } => 2,
            _ => 0,
        };
    });
    (most * QUESTIONS_FEW / questions.max(QUESTIONS_FEW)) as i64
}

/// The number of conditions on events that counts as few.
const QUESTIONS_FEW: usize = 5;

/// Returns the parts that must all hold, the cheap ones first.
fn parts_of(rule: &Rule) -> Vec<&Rule> {
    match rule {
        Rule::All(parts) => in_order_of_cost(parts),
        one => vec![one],
    }
}

/// Returns a CASE of these branches, if there are any.
fn case(branches: Sql, otherwise: impl Display) -> Sql {
    if branches.is_empty() {
        return otherwise.to_string();
    }
    format!("CASE{branches} ELSE {otherwise} END")
}

/// Joins conditions that must all hold, as a balanced tree: a chain would be as deep as it is long.
/// There is at least one.
fn all_of(mut conditions: Vec<Sql>) -> Sql {
    if conditions.len() < 2 {
        return conditions.pop().unwrap_or_default();
    }
    let rest = conditions.split_off(conditions.len() / 2);
    format!("({} AND {})", all_of(conditions), all_of(rest))
}

/// Returns the minimum of some times; `None` if there are none.
fn earliest(mut moments: Vec<Sql>) -> Option<Sql> {
    match moments.len() {
        0 | 1 => moments.pop(),
        2..=ARGUMENTS_MAX => Some(format!("min({})", moments.join(", "))),
        _ => {
            let chunks = moments.chunks(ARGUMENTS_MAX);
            earliest(chunks.filter_map(|chunk| earliest(chunk.to_vec())).collect())
        }
    }
}

/// Sorts parts by cost, because SQLite stops at the first part that decides: the contact's own row
/// first, then dates, then other tables, and events last.
fn in_order_of_cost(parts: &[Rule]) -> Vec<&Rule> {
    fn cost(rule: &Rule) -> u8 {
        match rule {
            Rule::All(parts) | Rule::Any(parts) => parts.iter().map(cost).max().unwrap_or(0),
            Rule::Not(part) => cost(part),
            Rule::Attribute { test: Operator::Date(_) | Operator::Relative { .. }, .. } => 1,
            Rule::Segment(_) | Rule::List(_) | Rule::Journey { .. } | Rule::Company { .. } => 2,
            Rule::Event { .. } | Rule::Amount { .. } | Rule::EventTime { .. } => 3,
            Rule::Sequence { .. } => 4,
            _ => 0,
        }
    }
    let mut ordered: Vec<&Rule> = parts.iter().collect();
    ordered.sort_by_key(|part| cost(part));
    ordered
}

impl RuleSql {
    /// Returns `FROM events AS <name> WHERE …`.
    fn events(&mut self, alias: &str, events: &Events, within: Option<Span>) -> Sql {
        let name = self.constant(events.event.as_str());
        let mut conditions = vec![format!("{alias}.name = {name}")];
        if let Some(span) = within {
            let since = self.constant(self.now.minus(span).0);
            conditions.push(format!("{alias}.at > {since}"));
        }
        if !events.machines {
            let machine = format!("json_type({alias}.properties, '$.machine')");
            conditions.push(format!("{machine} IS NOT 'true'"));
        }
        for (property, value) in &events.filter {
            let (type_is, found) = self.property(alias, property, types_of(value));
            let equal = self.equal(&found, value);
            conditions.push(format!("{type_is}{equal}"));
        }
        for (property, comparison) in &events.numbers {
            let (type_is, found) = self.property(alias, property, NUMBERS);
            let compared = self.compare(&found, *comparison);
            conditions.push(format!("{type_is} AND {compared}"));
        }
        format!(
            "FROM events {alias} WHERE {alias}.contact_id = c.id
                AND {alias}.seq > c.seq - {HISTORY_EVENTS_MAX} AND {}",
            all_of(conditions)
        )
    }

    /// Returns the condition that a property has one of these types, and its value.
    fn property(&mut self, alias: &str, property: &str, types: &str) -> (Sql, Sql) {
        let path = self.constant(format!("$.\"{property}\""));
        let properties = format!("{alias}.properties");
        (
            format!("json_type({properties}, {path}) IN ({types})"),
            format!("{properties} ->> {path}"),
        )
    }

    fn amount(
        &mut self,
        events: &Events,
        measure: Measure,
        property: &str,
        result: Comparison,
        within: Option<Span>,
    ) -> Sql {
        let events = self.events("e", events, within);
        let (type_is, found) = self.property("e", property, NUMBERS);
        // `{:?}` keeps the decimal point of a whole float, which would be an integer without it.
        let sum = format!("sum(CAST(round({found} * {AMOUNT_UNIT:?}) AS INTEGER))");
        let value = match measure {
            Measure::Sum => format!("coalesce({sum}, 0) / {AMOUNT_UNIT:?}"),
            Measure::Average => format!("{sum} / {AMOUNT_UNIT:?} / count(*)"),
        };
        let in_range = format!("{found} BETWEEN -{AMOUNT_MAX:?} AND {AMOUNT_MAX:?}");
        let value = format!("(SELECT {value} {events} AND {type_is} AND {in_range})");
        format!("({} IS TRUE)", self.compare(&value, result))
    }

    fn sequence(&mut self, first: &Events, then: &Events, span: Span, within: Option<Span>) -> Sql {
        let first = self.events("e", first, within);
        let then = self.events("f", then, within);
        let span = self.constant(span.0);
        format!(
            "EXISTS (SELECT 1 {first} AND EXISTS (
                SELECT 1 {then} AND (f.at, f.seq) > (e.at, e.seq) AND f.at <= e.at + {span}))"
        )
    }
}

/// Segments, journeys, samples.
impl RuleSql {
    fn journey(
        &mut self,
        journey: &QualifiedId,
        state: JourneyState,
        step: Option<&String>,
    ) -> Sql {
        let (campaign, name) = journey.0.split_once('.').unwrap_or_default();
        let (campaign, name) = (self.constant(campaign), self.constant(name));
        let enrollments = format!(
            "FROM enrollments p WHERE p.contact_id = c.id AND p.campaign_id = {campaign}
                AND p.journey = {name}"
        );
        let Some(state) = state.enrollment() else {
            return if step.is_some() {
                "false".into()
            } else {
                format!("(NOT EXISTS (SELECT 1 {enrollments}))")
            };
        };
        let state = self.constant(json!(state));
        let at = step.map(|step| format!(" AND step = {}", self.constant(step.as_str())));
        format!(
            "EXISTS (SELECT 1 FROM (
                SELECT p.state AS state, p.step AS step {enrollments}
                 ORDER BY p.state = 'active' DESC, p.entered_at DESC, p.id DESC LIMIT 1)
              WHERE state = {state}{})",
            at.unwrap_or_default()
        )
    }

    /// Returns the condition that the rule holds for a company where the contact has a position.
    /// The company is `c` within it, so that the rule is written as for any record; what is the
    /// contact's is written one level further in, where `c` is still the contact.
    fn company(&mut self, rule: &Rule, role: Option<&str>) -> Sql {
        let role = role.map(|role| format!(" AND p.role = {}", self.constant(role)));
        let contact = std::mem::replace(&mut self.of, KindId::from(COMPANY));
        let holds = self.holds(rule);
        self.of = contact;
        format!(
            "EXISTS (SELECT 1 FROM (SELECT p.company_id FROM positions p
                                     WHERE p.contact_id = c.id{}) AS own
                       JOIN contacts c ON c.id = own.company_id
                      WHERE c.erased_at IS NULL AND {holds})",
            role.unwrap_or_default()
        )
    }

    /// Computes the same sum and the same residues as `Sample::has`.
    fn sample(&mut self, sample: &Sample) -> Sql {
        let digit = |index: usize| {
            let code = format!("coalesce(unicode(substr(c.id, -{}, 1)), 0)", index + 1);
            format!("({code} & 63) * {}", 64_i64.pow(index as u32))
        };
        let sum: Vec<Sql> = (0..TAIL).map(digit).collect();
        let (factor, shift, below) = sample.constants();
        let (factor, shift, below) =
            (self.constant(factor), self.constant(shift), self.constant(below));
        format!(
            "((({}) % {PRIME} * {factor} + {shift}) % {PRIME} % 10000 < {below})",
            sum.join(" + ")
        )
    }
}

/// The columns of contacts that rules can ask about as if they were attributes.
const CONTACT_COLUMNS: [&str; 6] =
    ["email", "phone", "external_id", "locale", "time_zone", "score"];

impl RuleSql {
    /// Returns a table with the value of an attribute, or with the elements of a list.
    fn values(&mut self, attribute: &str) -> Sql {
        let is_column = match self.of.is_contact() {
            true => CONTACT_COLUMNS.contains(&attribute),
            false => COLUMNS.contains(&attribute),
        };
        match attribute {
            _ if is_column => format!("json_each(json_array(c.{attribute}))"),
            // Contacts may have an attribute of this name from before they had owners.
            "owner" => {
                "json_each(iif(c.owner IS NULL, c.attributes, json_object('owner', c.owner)),
                                  '$.owner')"
                    .to_owned()
            }
            _ => {
                let path = self.constant(format!("$.\"{attribute}\""));
                format!("json_each(c.attributes, {path})")
            }
        }
    }

    fn attribute(&mut self, name: &str, test: &Operator) -> Sql {
        let values = self.values(name);
        let any =
            |condition: Sql| format!("EXISTS (SELECT 1 FROM {values} AS a WHERE {condition})");
        let text = "a.type = 'text' AND";
        match test {
            Operator::Is(scalar) => any(self.is(scalar)),
            Operator::IsNot(scalar) => format!("(NOT {})", any(self.is(scalar))),
            Operator::In(scalars) => any(self.is_one_of(scalars)),
            Operator::NotIn(scalars) => format!("(NOT {})", any(self.is_one_of(scalars))),
            Operator::Contains(part) => {
                let part = self.constant(part.to_ascii_lowercase());
                any(format!("{text} instr(lower(a.value), {part}) > 0"))
            }
            Operator::StartsWith(part) => {
                let part = self.constant(part.to_ascii_lowercase());
                any(format!("{text} substr(lower(a.value), 1, length({part})) = {part}"))
            }
            Operator::Matches(pattern) => {
                let pattern = self.constant(like_pattern(pattern));
                any(format!("{text} a.value LIKE {pattern} ESCAPE '\\'"))
            }
            Operator::Number(comparison) => {
                let compared = self.compare("a.value", *comparison);
                any(format!("a.type IN ({NUMBERS}) AND {compared}"))
            }
            Operator::Between(from, to) => {
                let (from, to) = (self.constant(*from), self.constant(*to));
                any(format!("a.type IN ({NUMBERS}) AND a.value BETWEEN {from} AND {to}"))
            }
            Operator::Date(test) => {
                let condition = self.date(test);
                format!("EXISTS (SELECT 1 FROM {} WHERE {condition})", dates::dates(&values))
            }
            Operator::Relative { relative, zone } => self.relative(&values, *relative, zone),
            Operator::Set(true) => any("a.type <> 'null'".into()),
            Operator::Set(false) => format!("(NOT {})", any("a.type <> 'null'".into())),
        }
    }

    /// Returns ` AND <column> = <value>`; nothing for true and false, which are types of their own.
    fn equal(&mut self, column: &str, value: &Scalar) -> Sql {
        match value {
            Scalar::Bool(_) => Sql::new(),
            Scalar::Number(n) => format!(" AND {column} = {}", self.constant(*n)),
            Scalar::Text(text) => format!(" AND {column} = {}", self.constant(text.as_str())),
        }
    }

    fn is(&mut self, scalar: &Scalar) -> Sql {
        let equal = self.equal("a.value", scalar);
        format!("a.type IN ({}){equal}", types_of(scalar))
    }

    /// Any number of texts is one list, and any number of numbers another.
    fn is_one_of(&mut self, scalars: &[Scalar]) -> Sql {
        let booleans = [true, false].map(Scalar::Bool).into_iter();
        let booleans = booleans.filter(|boolean| scalars.contains(boolean));
        let mut kinds: Vec<Sql> = booleans.map(|boolean| self.is(&boolean)).collect();
        let texts = scalars.iter().filter(|scalar| matches!(scalar, Scalar::Text(_)));
        let numbers = scalars.iter().filter(|scalar| matches!(scalar, Scalar::Number(_)));
        let lists = [("'text'", texts.collect::<Vec<_>>()), (NUMBERS, numbers.collect())];
        for (types, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            let list = self.list(&list);
            kinds.push(format!("a.type IN ({types}) AND a.value IN (SELECT value FROM {list})"));
        }
        if kinds.is_empty() { "false".into() } else { kinds.join(" OR ") }
    }
}

const NUMBERS: &str = "'integer', 'real'";

/// Converts a pattern of `*` and `?` to one for LIKE.
fn like_pattern(pattern: &str) -> String {
    pattern.chars().fold(String::new(), |mut like, c| {
        match c {
            '*' => like.push('%'),
            '?' => like.push('_'),
            '%' | '_' | '\\' => like.extend(['\\', c]),
            _ => like.push(c),
        }
        like
    })
}

/// Returns the same SQL without line breaks, indentation and spaces around operators, which are
/// half of a large rule. String literals in it have none of these.
pub(super) fn compact(sql: &str) -> Sql {
    const BLANKS: [(&str, &str); 9] = [
        (", ", ","),
        ("( ", "("),
        (" )", ")"),
        (" = ", "="),
        (" > ", ">"),
        (" < ", "<"),
        (" >= ", ">="),
        (" <= ", "<="),
        (" ->> ", "->>"),
    ];
    let one_line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    BLANKS.iter().fold(one_line, |sql, (blanks, sign)| sql.replace(blanks, sign))
}

/// Returns the JSON types, as SQLite names them, that a value of this kind has.
fn types_of(value: &Scalar) -> &'static str {
    match value {
        Scalar::Bool(true) => "'true'",
        Scalar::Bool(false) => "'false'",
        Scalar::Number(_) => NUMBERS,
        Scalar::Text(_) => "'text'",
    }
}
