//! Labels in the two languages.

use crate::domain::base::language::Language;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A label in English and Chinese; either may be absent. JSON has an object with the keys `en` and
/// `zh-CN`, or one text for both, as forms always had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    pub english: Option<String>,
    pub chinese: Option<String>,
}

impl Labels {
    /// Creates labels that are the same in both languages.
    pub fn same(text: &str) -> Self {
        Self { english: Some(text.to_owned()), chinese: Some(text.to_owned()) }
    }

    /// Returns the label in a language, or else that in the other one.
    pub fn pick(&self, language: Language) -> Option<&str> {
        let (english, chinese) = (self.english.as_deref(), self.chinese.as_deref());
        language.pick(english.or(chinese), chinese.or(english))
    }

    /// Returns the labels there are.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        [&self.english, &self.chinese].into_iter().filter_map(Option::as_deref)
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Both {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    en: Option<String>,
    #[serde(rename = "zh-CN", default, skip_serializing_if = "Option::is_none")]
    zh_cn: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Same(String),
    Both(Both),
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (&self.english, &self.chinese) {
            (None, None) => serializer.serialize_none(),
            (Some(english), Some(chinese)) if english == chinese => english.serialize(serializer),
            (english, chinese) => {
                Both { en: english.clone(), zh_cn: chinese.clone() }.serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::<Written>::deserialize(deserializer)? {
            None => Self::default(),
            Some(Written::Same(text)) => Self::same(&text),
            Some(Written::Both(both)) => Self { english: both.en, chinese: both.zh_cn },
        })
    }
}
