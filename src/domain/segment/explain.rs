//! Explains why a rule holds or not: its tree of conditions, each with the value found and the
//! result.

use super::company::with_role;
use super::events::found;
use super::{
    Comparison, DateTest, Events, JourneyState, Measure, Occurrence, Operator, Relative, Rule,
    Sample, Scalar, Subject, TimeTest, newest_enrollment,
};
use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Millis, Money, Span};
use crate::domain::record::event::{CURRENCY, VALUE, VALUE_MINOR};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A rule, or a part of one, evaluated for one subject. The results are those of `Rule::evaluate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The condition in words.
    pub question: Words,
    /// The value found; `None` for a rule that consists of parts, `null` if nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Value>,
    /// The result.
    pub holds: bool,
    /// The earliest time at which time alone may change the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_at: Option<Millis>,
    /// The parts, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Explained>,
}

/// A text in both built-in languages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Words {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    pub zh: String,
}

impl Words {
    fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }

    /// Returns the text in one language.
    pub fn in_language(&self, language: Language) -> &str {
        language.pick(&self.en, &self.zh)
    }
}

impl Rule {
    /// Evaluates as `evaluate` does, and explains each part.
    pub fn explain(&self, subject: &dyn Subject, now: Millis) -> Explained {
        let evaluation = self.evaluate(subject, now);
        let parts = match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().map(|part| part.explain(subject, now)).collect()
            }
            Self::Not(part) => vec![part.explain(subject, now)],
            _ => Vec::new(),
        };
        Explained {
            question: self.question(),
            found: self.found(subject, now),
            holds: evaluation.holds,
            changes_at: evaluation.changes_at,
            parts,
        }
    }

    fn question(&self) -> Words {
        match self {
            Self::All(_) => Words::new("all of these", "以下全部成立"),
            Self::Any(_) => Words::new("any of these", "以下任一成立"),
            Self::Not(_) => Words::new("not this", "以下不成立"),
            Self::Attribute { attribute, test } => {
                let Words { en, zh } = test.question();
                Words::new(format!("{attribute} {en}"), format!("{attribute} {zh}"))
            }
            Self::Tag(tag) => Words::new(format!("has the tag {tag}"), format!("有标签 {tag}")),
            Self::Consent { purpose, channel } => {
                let channel = channel.as_str();
                Words::new(
                    format!("may be written to for {purpose} by {channel}"),
                    format!("同意通过 {channel} 接收 {purpose}"),
                )
            }
            Self::Score(comparison) => {
                let compared = comparison.symbols(plain);
                Words::new(format!("score {compared}"), format!("评分 {compared}"))
            }
            Self::Segment(segment) => {
                Words::new(format!("is in segment {segment}"), format!("属于人群 {segment}"))
            }
            Self::List(list) => {
                Words::new(format!("is on list {list}"), format!("在名单 {list} 中"))
            }
            Self::Journey { journey, state, step } => {
                let (state, at) = (state.question(), step.as_deref());
                let (en, zh) = at.map_or_else(<_>::default, |step| {
                    (format!(" at step {step}"), format!("（步骤 {step}）"))
                });
                Words::new(
                    format!("{} journey {journey}{en}", state.en),
                    format!("旅程 {journey}：{}{zh}", state.zh),
                )
            }
            Self::Sample(Sample { percent, seed }) => Words::new(
                format!("is in the random {percent} % of \"{seed}\""),
                format!("属于“{seed}”的 {percent}% 随机样本"),
            ),
            Self::Company { rule, role } => company_question(&rule.question(), role.as_deref()),
            Self::Event { events, count, within } => {
                let (what, compared) = (events.question(*within), count.symbols(plain));
                Words::new(
                    format!("number of {} {compared}", what.en),
                    format!("{}的次数 {compared}", what.zh),
                )
            }
            Self::Amount { events, measure, property, result, within } => {
                let currency = events.currency().filter(|_| property == VALUE_MINOR);
                let asked = events.narrowed(*within, currency.is_some());
                let (name, compared) = compared(property, *result, currency);
                measure.question(name, &asked, &compared)
            }
            Self::EventTime { events, which, at, within } => {
                which.question(&events.question(*within), &at.question())
            }
            Self::Sequence { first, then, span, within } => {
                let (first, then) = (first.question(*within), then.question(None));
                Words::new(
                    format!("{}, then {} no more than {span} later", first.en, then.en),
                    format!("{}，随后 {span} 内 {}", first.zh, then.zh),
                )
            }
        }
    }

    fn found(&self, subject: &dyn Subject, now: Millis) -> Option<Value> {
        match self {
            Self::All(_) | Self::Any(_) | Self::Not(_) => None,
            Self::Attribute { attribute, .. } => {
                Some(subject.attribute(attribute).unwrap_or_default())
            }
            Self::Tag(tag) => Some(subject.tags.contains(tag).into()),
            Self::Consent { purpose, channel } => {
                let consent = subject.consent(*channel, purpose);
                let state = consent.map(|consent| serde_json::to_value(consent.state));
                Some(state.and_then(Result::ok).unwrap_or_default())
            }
            Self::Score(_) => Some(subject.score.into()),
            Self::Event { events, within, .. } => {
                Some(found::count(&events.within(*within, subject, now)))
            }
            Self::Amount { events, measure, property, within, .. } => {
                let found =
                    found::amount(&events.within(*within, subject, now), *measure, property);
                let currency = events.currency().filter(|_| property == VALUE_MINOR);
                Some(match found.as_f64().zip(currency) {
                    Some((minor, currency)) => amount(minor, currency).into(),
                    None => found,
                })
            }
            Self::EventTime { events, which, within, .. } => {
                Some(found::time(&events.within(*within, subject, now), *which))
            }
            Self::Sequence { first, then, within, .. } => {
                let count = |events: &Events| found::count(&events.within(*within, subject, now));
                Some([count(first), count(then)].into_iter().collect())
            }
            Self::Segment(segment) => {
                Some(subject.segments.get(segment).map(|since| since.rfc3339()).into())
            }
            Self::List(list) => {
                let found = subject.lists.get(list);
                let found = found.map(|found| json!([found.since.rfc3339(), found.source]));
                Some(found.unwrap_or_default())
            }
            Self::Journey { journey, .. } => {
                let enrollment = newest_enrollment(subject, journey);
                let found = enrollment.map(|e| json!({ "state": e.state, "step": e.step }));
                Some(found.unwrap_or_default())
            }
            Self::Sample(sample) => Some(sample.has(subject.id.as_str()).into()),
            Self::Company { rule, role } => {
                let holding = with_role(subject, role.as_deref())
                    .filter(|position| rule.evaluate(&*position.company, now).holds);
                Some(holding.map(|position| position.company.title.clone()).collect())
            }
        }
    }
}

/// Describes a condition on companies. Of a rule with parts, only the kind is said: its parts are
/// not evaluated one by one, for each company has its own.
fn company_question(rule: &Words, role: Option<&str>) -> Words {
    let (en, zh) = role
        .map_or_else(<_>::default, |role| (format!(" as \"{role}\""), format!("（角色“{role}”）")));
    Words::new(
        format!("works{en} at a company: {}", rule.en),
        format!("任职的公司{zh}：{}", rule.zh),
    )
}

impl Operator {
    fn question(&self) -> Words {
        match self {
            Self::Is(value) => Words::new(format!("is {value}"), format!("等于 {value}")),
            Self::IsNot(value) => Words::new(format!("is not {value}"), format!("不等于 {value}")),
            Self::In(values) => {
                let values = listed(values);
                Words::new(format!("is one of {values}"), format!("是以下之一：{values}"))
            }
            Self::NotIn(values) => {
                let values = listed(values);
                Words::new(format!("is none of {values}"), format!("不是以下任一：{values}"))
            }
            Self::Contains(part) => {
                Words::new(format!("contains \"{part}\""), format!("包含“{part}”"))
            }
            Self::StartsWith(part) => {
                Words::new(format!("starts with \"{part}\""), format!("以“{part}”开头"))
            }
            Self::Matches(pattern) => {
                Words::new(format!("matches \"{pattern}\""), format!("符合“{pattern}”"))
            }
            Self::Number(comparison) => {
                Words::new(comparison.symbols(plain), comparison.symbols(plain))
            }
            Self::Between(from, to) => {
                Words::new(format!("is from {from} to {to}"), format!("在 {from} 到 {to} 之间"))
            }
            Self::Date(test) => test.question(),
            Self::Relative { relative, .. } => relative.question(),
            Self::Set(true) => Words::new("is set", "有值"),
            Self::Set(false) => Words::new("is not set", "没有值"),
        }
    }
}

impl DateTest {
    fn question(&self) -> Words {
        match self {
            Self::Before(date) => Words::new(format!("is before {date}"), format!("早于 {date}")),
            Self::After(date) => Words::new(format!("is after {date}"), format!("晚于 {date}")),
            Self::Between(from, to) => {
                Words::new(format!("is from {from} to {to}"), format!("在 {from} 到 {to} 之间"))
            }
        }
    }
}

impl Relative {
    fn question(self) -> Words {
        match self {
            Self::InLast(span) => {
                Words::new(format!("is in the last {span}"), format!("在过去 {span} 内"))
            }
            Self::InNext(span) => {
                Words::new(format!("is in the next {span}"), format!("在未来 {span} 内"))
            }
            Self::Anniversary(0) => Words::new("has its anniversary today", "周年日是今天"),
            Self::Anniversary(days) => Words::new(
                format!("has its anniversary today or within {days} days"),
                format!("周年日是今天或未来 {days} 天内"),
            ),
        }
    }
}

impl TimeTest {
    fn question(self) -> Words {
        match self {
            Self::Before(at) => {
                Words::new(format!("before {}", at.rfc3339()), format!("早于 {}", at.rfc3339()))
            }
            Self::After(at) => {
                Words::new(format!("after {}", at.rfc3339()), format!("晚于 {}", at.rfc3339()))
            }
            Self::InLast(span) => {
                Words::new(format!("in the last {span}"), format!("在过去 {span} 内"))
            }
        }
    }
}

impl Events {
    fn question(&self, within: Option<Span>) -> Words {
        self.narrowed(within, false)
    }

    /// Describes the events in words. If the condition is on an amount, the currency is shown with
    /// the amount instead.
    fn narrowed(&self, within: Option<Span>, is_measured: bool) -> Words {
        let currency = self.currency();
        let values = self.filter.iter().map(|(name, value)| (name, value.to_string()));
        let is_amount = |name: &str| name == VALUE_MINOR && currency.is_some();
        let has_amount = is_measured
            || self.filter.iter().any(|(name, _)| is_amount(name))
            || self.numbers.iter().any(|(name, _)| is_amount(name));
        let equal =
            values.filter(|(name, _)| !(has_amount && *name == CURRENCY)).map(|(name, value)| {
                match value.parse().ok().filter(|_| is_amount(name)).zip(currency) {
                    Some((minor, currency)) => format!("{VALUE} = {}", amount(minor, currency)),
                    None => format!("{name} = {value}"),
                }
            });
        let numbers = self.numbers.iter().map(|(name, comparison)| {
            let (name, compared) = compared(name, *comparison, currency);
            format!("{name} {compared}")
        });
        let narrowed = equal.chain(numbers).collect::<Vec<_>>().join(", ");
        let name = match narrowed.is_empty() {
            true => self.event.clone(),
            false => format!("{} ({narrowed})", self.event),
        };
        let en = within.map(|span| format!(" in the last {span}")).unwrap_or_default();
        let zh = within.map(|span| format!("过去 {span} 内 ")).unwrap_or_default();
        let (by_en, by_zh) =
            if self.machines { (", machines' too", "（含机器）") } else { ("", "") };
        Words::new(format!("{name}{by_en}{en}"), format!("{zh}{name}{by_zh}"))
    }

    /// Returns the currency that the events must have.
    fn currency(&self) -> Option<&str> {
        self.filter.iter().find_map(|(name, value)| match value {
            Scalar::Text(code) if name == CURRENCY => Some(code.as_str()),
            _ => None,
        })
    }
}

/// Returns a property and its comparison as people write them: an amount in whole units.
fn compared<'n>(name: &'n str, with: Comparison, currency: Option<&str>) -> (&'n str, String) {
    match currency.filter(|_| name == VALUE_MINOR) {
        Some(currency) => (VALUE, with.symbols(|minor| amount(minor, currency))),
        None => (name, with.symbols(plain)),
    }
}

/// Returns a number as it is.
fn plain(number: f64) -> String {
    number.to_string()
}

/// Returns an amount given in minor units: `199.00 EUR`.
fn amount(minor: f64, currency: &str) -> String {
    let money = Money { minor: minor.round() as i64, currency: currency.to_owned() };
    format!("{} {currency}", money.decimal())
}

impl Measure {
    fn question(self, property: &str, events: &Words, compared: &str) -> Words {
        let (en, zh) = match self {
            Self::Sum => ("sum", "总和"),
            Self::Average => ("average", "平均值"),
        };
        Words::new(
            format!("{en} of {property} over {} {compared}", events.en),
            format!("{}的 {property} {zh} {compared}", events.zh),
        )
    }
}

impl Occurrence {
    fn question(self, events: &Words, at: &Words) -> Words {
        let (en, zh) = match self {
            Self::First => ("first", "首次"),
            Self::Last => ("last", "最近一次"),
        };
        Words::new(
            format!("the {en} of {} was {}", events.en, at.en),
            format!("{}{zh}发生{}", events.zh, at.zh),
        )
    }
}

impl JourneyState {
    fn question(self) -> Words {
        match self {
            Self::Never => Words::new("has never been in", "从未进入"),
            Self::Active => Words::new("is in", "进行中"),
            Self::Completed => Words::new("has completed", "已完成"),
            Self::Exited => Words::new("has exited", "已退出"),
            Self::Failed => Words::new("has failed in", "已失败"),
        }
    }
}

fn listed(values: &[Scalar]) -> String {
    values.iter().map(Scalar::to_string).collect::<Vec<_>>().join(", ")
}

impl Comparison {
    /// Returns the comparison as people write it: `≥ 2`.
    fn symbols(self, written: impl Fn(f64) -> String) -> String {
        match self {
            Self::Eq(n) => format!("= {}", written(n)),
            Self::Gt(n) => format!("> {}", written(n)),
            Self::Gte(n) => format!("≥ {}", written(n)),
            Self::Lt(n) => format!("< {}", written(n)),
            Self::Lte(n) => format!("≤ {}", written(n)),
        }
    }
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "\"{text}\""),
        }
    }
}
