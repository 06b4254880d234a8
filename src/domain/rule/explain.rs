//! Why a rule holds or not: the tree of its questions, each with the value found and the answer.

use super::{Comparison, Rule, Scalar, Test};
use crate::domain::contact::Contact;
use crate::domain::language::Language;
use crate::domain::primitives::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A rule, or a part of one, answered for one contact. The answers are those of `Rule::verdict`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The question in words.
    pub question: Words,
    /// What was found; `None` where parts decide, `null` where nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Value>,
    /// The answer.
    pub holds: bool,
    /// The earliest moment at which time alone may change the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_at: Option<Millis>,
    /// The parts that decide, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Explained>,
}

/// A text in both languages of the house.
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

    /// The text in one language.
    pub fn in_language(&self, language: Language) -> &str {
        language.pick(&self.en, &self.zh)
    }
}

impl Rule {
    /// Answers as `verdict` does, and says of each part what was asked and found.
    pub fn explain(&self, contact: &Contact, now: Millis) -> Explained {
        let verdict = self.verdict(contact, now);
        let parts = match self {
            Self::All(parts) | Self::Any(parts) => {
                parts.iter().map(|part| part.explain(contact, now)).collect()
            }
            Self::Not(part) => vec![part.explain(contact, now)],
            _ => Vec::new(),
        };
        Explained {
            question: self.question(),
            found: self.found(contact, now),
            holds: verdict.holds,
            changes_at: verdict.changes_at,
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
                let compared = comparison.symbols();
                Words::new(format!("score {compared}"), format!("分数 {compared}"))
            }
            Self::Event { event, count, within, .. } => {
                let compared = count.symbols();
                let en = within.map(|span| format!(" within {span}")).unwrap_or_default();
                let zh = within.map(|span| format!("（{span} 内）")).unwrap_or_default();
                Words::new(
                    format!("number of {event}{en} {compared}"),
                    format!("{event} 次数{zh} {compared}"),
                )
            }
        }
    }

    fn found(&self, contact: &Contact, _now: Millis) -> Option<Value> {
        match self {
            Self::All(_) | Self::Any(_) | Self::Not(_) => None,
            Self::Attribute { attribute, .. } => {
                Some(contact.attribute(attribute).unwrap_or_default())
            }
            Self::Tag(tag) => Some(contact.tags.contains(tag).into()),
            Self::Consent { purpose, channel } => {
                let consent = contact.consent(*channel, purpose);
                let state = consent.map(|consent| serde_json::to_value(consent.state));
                Some(state.and_then(Result::ok).unwrap_or_default())
            }
            Self::Score(_) => Some(contact.score.into()),
            Self::Event { .. } => Some(Value::Null),
        }
    }
}

impl Test {
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
            Self::Number(comparison) => Words::new(comparison.symbols(), comparison.symbols()),
            Self::Set(true) => Words::new("is set", "有值"),
            Self::Set(false) => Words::new("is not set", "没有值"),
        }
    }
}

fn listed(values: &[Scalar]) -> String {
    values.iter().map(Scalar::to_string).collect::<Vec<_>>().join(", ")
}

impl Comparison {
    /// The comparison as people write it: `≥ 2`.
    fn symbols(self) -> String {
        match self {
            Self::Eq(n) => format!("= {n}"),
            Self::Gt(n) => format!("> {n}"),
            Self::Gte(n) => format!("≥ {n}"),
            Self::Lt(n) => format!("< {n}"),
            Self::Lte(n) => format!("≤ {n}"),
        }
    }
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(truth) => truth.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => write!(f, "\"{text}\""),
        }
    }
}
