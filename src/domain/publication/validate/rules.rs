//! Validates rules.

use super::{
    ANNIVERSARY_DAYS_MAX, Check, OPTIONS_MAX, PATTERN_BYTES_MAX, RULE_BYTES_MAX, RULE_DATES_MAX,
    RULE_DEPTH_MAX, RULE_LEAVES_MAX, SECTION_ENTRIES_MAX, TEXT_CHARS_MAX, rule_bytes,
};
use crate::domain::access::role::is_line;
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{KindId, QualifiedId, Span};
use crate::domain::campaign::segments_in_order;
use crate::domain::contact::position::ROLE_CHARS_MAX;
use crate::domain::kind::COMPANY;
use crate::domain::record::event::CURRENCY;
use crate::domain::segment::{
    Comparison, DateTest, Events, JourneyState, MOMENT_FORMS, Measure, Moment, Operator, Relative,
    Rule, Scalar, TimeTest,
};

impl Check<'_> {
    /// Checks a whole rule: its size, and each condition in it.
    pub(super) fn rule(&mut self, key: &str, rule: &Rule) {
        let (depth, leaves) = size(rule);
        if depth > RULE_DEPTH_MAX {
            return self.error(key, format!("{depth} levels deep; the limit is {RULE_DEPTH_MAX}"));
        }
        self.count(key, leaves, RULE_LEAVES_MAX, "questions");
        let bytes = rule_bytes(rule);
        if bytes > RULE_BYTES_MAX {
            let message = format!(
                "it comes to about {bytes} bytes of SQL; the limit is {RULE_BYTES_MAX}, which the \
                 database takes at once"
            );
            self.problems.push(Problem::new(key, message).help(
                "make a part of it a segment of its own, and ask about that with \
                 { segment = \"…\" }; or test fewer properties in `where`",
            ));
        }
        let mut dates = 0;
        rule.walk(&mut |part| {
            let test = if let Rule::Attribute { test, .. } = part { Some(test) } else { None };
            dates +=
                usize::from(matches!(test, Some(Operator::Date(_) | Operator::Relative { .. })));
        });
        self.count(key, dates, RULE_DATES_MAX, "conditions on dates");
        self.part(key, rule);
    }

    fn part(&mut self, key: &str, rule: &Rule) {
        match rule {
            Rule::All(parts) => self.parts(&format!("{key}.all"), parts),
            Rule::Any(parts) => self.parts(&format!("{key}.any"), parts),
            Rule::Not(part) => self.part(&format!("{key}.not"), part),
            Rule::Attribute { attribute, test } => {
                self.attribute(&format!("{key}.attribute"), attribute);
                self.test(key, test);
            }
            Rule::Tag(tag) => self.tag(&format!("{key}.tag"), tag),
            Rule::Consent { purpose, .. } => {
                let key = format!("{key}.consent");
                let message = "only contacts give consent";
                self.ensure(self.of.is_contact(), &key, message);
                self.name(&key, purpose);
            }
            Rule::Score(comparison) => self.comparison(&format!("{key}.score"), *comparison),
            Rule::Event { events, count, within } => {
                self.comparison(&format!("{key}.count"), *count);
                self.events(key, events, *within);
            }
            Rule::Amount { events, measure, property, result, within } => {
                let word = match measure {
                    Measure::Sum => "sum",
                    Measure::Average => "average",
                };
                self.event(&format!("{key}.{word}.property"), property);
                self.comparison(&format!("{key}.{word}"), *result);
                self.events(key, events, *within);
            }
            Rule::EventTime { events, at, within, .. } => {
                if let TimeTest::InLast(span) = at {
                    self.span(&format!("{key}.in_last"), *span);
                }
                self.events(key, events, *within);
            }
            Rule::Sequence { first, then, span, within } => {
                self.span(&format!("{key}.span"), *span);
                self.events(&format!("{key}.sequence[1]"), first, None);
                self.events(&format!("{key}.sequence[2]"), then, None);
                self.window(key, *within);
            }
            Rule::Segment(segment) => self.other_segment(&format!("{key}.segment"), segment),
            Rule::List(list) => self.name(&format!("{key}.list"), list.as_str()),
            Rule::Journey { journey, state, step } => {
                self.journey_state(key, journey, *state, step.as_deref());
            }
            Rule::Sample(sample) => {
                let percent = sample.percent;
                let fits = (0.01..100.0).contains(&percent);
                let message = "a sample must be from 0.01 to 99.99 percent";
                self.ensure(fits, &format!("{key}.sample.percent"), message);
                self.line(&format!("{key}.sample.seed"), &sample.seed);
            }
            Rule::Company { rule, role } => self.company(key, rule, role.as_deref()),
        }
    }

    /// Checks a condition on the companies of a contact. It asks only what is read of a company
    /// with each of its people, and nothing that time alone changes.
    fn company(&mut self, key: &str, rule: &Rule, role: Option<&str>) {
        let inner = format!("{key}.company");
        self.ensure(self.of.is_contact(), &inner, "only contacts work at companies");
        if let Some(role) = role {
            let fits = is_line(role, ROLE_CHARS_MAX);
            let message = format!("a role is one line of at most {ROLE_CHARS_MAX} characters");
            self.ensure(fits, &format!("{key}.role"), &message);
        }
        let mut wrong = None;
        rule.walk(&mut |part| {
            wrong = wrong.or(match part {
                Rule::All(_) | Rule::Any(_) | Rule::Not(_) | Rule::Tag(_) | Rule::Score(_) => None,
                Rule::Attribute { test: Operator::Relative { .. }, .. } => Some("the present date"),
                Rule::Attribute { .. } | Rule::Segment(_) => None,
                Rule::Company { .. } => Some("companies of companies"),
                Rule::Consent { .. } => Some("consent"),
                Rule::Sample(_) => Some("samples"),
                Rule::Journey { .. } => Some("journeys"),
                _ => Some("events"),
            });
        });
        if let Some(what) = wrong {
            let problem = Problem::new(&inner, format!("asks about {what} of a company"));
            let help =
                "make a segment of companies of it, and ask { company = { segment = \"…\" } }";
            return self.problems.push(problem.help(help));
        }
        let contact = std::mem::replace(&mut self.of, KindId::from(COMPANY));
        self.part(&inner, rule);
        self.of = contact;
    }

    fn events(&mut self, key: &str, events: &Events, within: Option<Span>) {
        self.event(&format!("{key}.event"), &events.event);
        self.filter(&format!("{key}.where"), &events.filter);
        self.count(&format!("{key}.where"), events.numbers.len(), 10, "properties");
        for (name, comparison) in &events.numbers {
            self.event(&format!("{key}.where.{name}"), name);
            self.comparison(&format!("{key}.where.{name}"), *comparison);
        }
        self.window(key, within);
    }

    fn window(&mut self, key: &str, within: Option<Span>) {
        if let Some(within) = within {
            self.span(&format!("{key}.within"), within);
        }
    }

    /// Checks that a segment in a rule belongs to the campaign.
    fn other_segment(&mut self, key: &str, segment: &QualifiedId) {
        let campaign = self.campaign;
        let name = self.own_name(segment);
        if !name.is_some_and(|name| campaign.segments.contains_key(name)) {
            let known = campaign.segments.keys().map(String::as_str);
            self.unknown_reference(key, "segment", name.unwrap_or(segment.as_str()), known);
        }
        self.same_kind(
            key,
            "segment",
            name.and_then(|name| Some(&campaign.segments.get(name)?.of)),
        );
    }

    /// Checks that a journey in a rule, and its step, belong to the campaign.
    fn journey_state(
        &mut self,
        key: &str,
        journey: &QualifiedId,
        state: JourneyState,
        step: Option<&str>,
    ) {
        let campaign = self.campaign;
        let name = self.own_name(journey);
        let Some(found) = name.and_then(|name| campaign.journeys.get(name)) else {
            let known = campaign.journeys.keys().map(String::as_str);
            let name = name.unwrap_or(journey.as_str());
            return self.unknown_reference(&format!("{key}.journey"), "journey", name, known);
        };
        self.same_kind(&format!("{key}.journey"), "journey", Some(&found.of));
        let Some(step) = step else { return };
        let key = format!("{key}.step");
        if state == JourneyState::Never {
            self.error(key, "a contact that was never in a journey cannot be at a step of it");
        } else if found.step(step).is_none() {
            let known = found.steps.iter().map(|step| step.id.as_str());
            self.unknown_reference(&key, "step", step, known);
        }
    }

    /// Checks that what a rule, a journey or a broadcast refers to is of the same kind of record.
    pub(super) fn same_kind(&mut self, key: &str, what: &str, of: Option<&KindId>) {
        if let Some(other) = of.filter(|other| **other != self.of) {
            let message = format!("the {what} is of the kind `{other}`, not `{}`", self.of);
            self.error(key, message);
        }
    }

    /// Returns the name within this campaign; `None` if it belongs to another.
    fn own_name<'i>(&self, id: &'i QualifiedId) -> Option<&'i str> {
        let (campaign, name) = id.0.split_once('.')?;
        (campaign == self.campaign.id.as_str()).then_some(name)
    }

    /// Checks that no segment depends on itself, directly or through others.
    pub(super) fn segment_cycles(&mut self) {
        let is_bounded = self.campaign.segments.len() <= SECTION_ENTRIES_MAX;
        if is_bounded && let Err(cycle) = segments_in_order(self.campaign) {
            let key = format!("segment.{}.rule", cycle[0]);
            let path = cycle.join(" → ");
            let problem = Problem::new(key, format!("it depends on itself: {path}"));
            self.problems.push(problem.help("remove the reference from one of them"));
        }
    }

    fn parts(&mut self, key: &str, parts: &[Rule]) {
        for (index, part) in parts.iter().enumerate() {
            self.part(&format!("{key}[{}]", index + 1), part);
        }
    }

    fn test(&mut self, key: &str, test: &Operator) {
        match test {
            Operator::Is(value) => self.scalar(&format!("{key}.is"), value),
            Operator::IsNot(value) => self.scalar(&format!("{key}.is_not"), value),
            Operator::In(values) => self.scalars(&format!("{key}.in"), values),
            Operator::NotIn(values) => self.scalars(&format!("{key}.not_in"), values),
            Operator::Contains(text) => self.needle(&format!("{key}.contains"), text),
            Operator::StartsWith(text) => self.needle(&format!("{key}.starts_with"), text),
            Operator::Matches(pattern) => self.wildcards(&format!("{key}.matches"), pattern),
            Operator::Number(comparison) => self.comparison(key, *comparison),
            Operator::Between(from, to) => {
                let key = format!("{key}.between");
                self.ensure(from.is_finite() && to.is_finite(), &key, "is not a number");
                self.ensure(from <= to, &key, "the first is larger than the second");
            }
            Operator::Date(test) => self.date_test(key, test),
            Operator::Relative { relative, zone } => self.relative(key, *relative, zone),
            Operator::Set(_) => {}
        }
    }

    fn wildcards(&mut self, key: &str, pattern: &str) {
        let escaped = pattern.chars().filter(|c| "%_\\".contains(*c)).count();
        let bytes = pattern.len() + escaped;
        self.ensure(!pattern.is_empty(), key, "must not be empty");
        if bytes > PATTERN_BYTES_MAX {
            let message = format!("{bytes} bytes; the limit is {PATTERN_BYTES_MAX}");
            let advice = "`%`, `_` and `\\` count twice; a Chinese character has three bytes";
            self.problems.push(Problem::new(key, message).help(advice));
        }
        let all = pattern.chars().all(|c| c == '*');
        if all && !pattern.is_empty() {
            let problem = Problem::new(key, "matches every text");
            self.problems.push(problem.help("write { attribute = …, set = true }"));
        }
    }

    fn date_test(&mut self, key: &str, test: &DateTest) {
        let mut date = |word: &str, date: &String| {
            let moment = Moment::read(date);
            if moment.is_none() {
                let message = format!("`{date}` is not a date: {MOMENT_FORMS}");
                self.error(format!("{key}.{word}"), message);
            }
            moment
        };
        match test {
            DateTest::Before(bound) => _ = date("before", bound),
            DateTest::After(bound) => _ = date("after", bound),
            DateTest::Between(from, to) => {
                let ends = date("between", from).zip(date("between", to));
                if ends.is_some_and(|(from, to)| from.written > to.last().written) {
                    self.error(format!("{key}.between"), "the first is later than the second");
                }
            }
        }
    }

    fn relative(&mut self, key: &str, relative: Relative, zone: &str) {
        match relative {
            Relative::InLast(span) => self.span(&format!("{key}.in_last"), span),
            Relative::InNext(span) => self.span(&format!("{key}.in_next"), span),
            Relative::Anniversary(days) => {
                let message = format!("must be from 0 (today) to {ANNIVERSARY_DAYS_MAX} days");
                let fits = days <= ANNIVERSARY_DAYS_MAX;
                self.ensure(fits, &format!("{key}.anniversary"), &message);
            }
        }
        let is_own = zone == self.campaign.time_zone;
        self.ensure(is_own, key, "its zone is not the campaign's");
    }

    fn needle(&mut self, key: &str, text: &str) {
        self.ensure(!text.is_empty(), key, "must not be empty");
        self.text(key, text);
    }

    fn scalars(&mut self, key: &str, values: &[Scalar]) {
        self.ensure(!values.is_empty(), key, "must not be empty");
        self.count(key, values.len(), OPTIONS_MAX, "values");
        for value in values {
            self.scalar(key, value);
        }
    }

    /// Checks a single value: numbers must be finite, and texts short enough to be bound many
    /// times.
    pub(super) fn scalar(&mut self, key: &str, value: &Scalar) {
        let fits = match value {
            Scalar::Bool(_) => true,
            Scalar::Number(number) => number.is_finite(),
            Scalar::Text(text) => text.chars().count() <= TEXT_CHARS_MAX,
        };
        self.ensure(fits, key, "is too large");
    }

    fn comparison(&mut self, key: &str, comparison: Comparison) {
        let (Comparison::Eq(number)
        | Comparison::Gt(number)
        | Comparison::Gte(number)
        | Comparison::Lt(number)
        | Comparison::Lte(number)) = comparison;
        self.ensure(number.is_finite(), key, "is not a number");
    }

    /// Checks properties of an event and their required values.
    pub(super) fn filter(&mut self, key: &str, filter: &[(String, Scalar)]) {
        // The currency of an amount is added to these.
        let counted = filter.iter().filter(|(name, _)| name != CURRENCY).count();
        self.count(key, counted, 10, "properties");
        for (name, value) in filter {
            self.event(&format!("{key}.{name}"), name);
            self.scalar(&format!("{key}.{name}"), value);
        }
    }
}

/// Returns the depth of a rule and the number of its conditions.
fn size(rule: &Rule) -> (usize, usize) {
    let all = |parts: &[Rule]| {
        let sizes = parts.iter().map(size);
        sizes.fold((0, 0), |(depth, leaves), (d, l)| (depth.max(d), leaves + l))
    };
    let (depth, leaves) = match rule {
        Rule::All(parts) | Rule::Any(parts) => all(parts),
        Rule::Not(part) => size(part),
        // Its SQL has two more SELECTs.
        Rule::Company { rule, .. } => {
            let (depth, leaves) = size(rule);
            (depth + 2, leaves)
        }
        _ => (0, 1),
    };
    (depth + 1, leaves)
}
