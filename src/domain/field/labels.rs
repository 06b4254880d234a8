//! Labels in the two languages.

use crate::domain::base::diagnostic::brief;
use crate::domain::base::language::Language;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

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
#[serde(untagged)]
enum Written {
    Same(String),
    /// By the tags of their languages.
    Each(BTreeMap<String, String>),
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (&self.english, &self.chinese) {
            (None, None) => serializer.serialize_none(),
            (Some(english), Some(chinese)) if english == chinese => english.serialize(serializer),
            (english, chinese) => {
                let label = |language: Language, text: &Option<String>| {
                    text.as_ref().map(|text| (language.tag().to_owned(), text.clone()))
                };
                let labels = [label(Language::English, english), label(Language::Chinese, chinese)];
                Written::Each(labels.into_iter().flatten().collect()).serialize(serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::<Written>::deserialize(deserializer)? {
            None => Self::default(),
            Some(Written::Same(text)) => Self::same(&text),
            Some(Written::Each(mut labels)) => {
                let english = labels.remove(Language::English.tag());
                let chinese = labels.remove(Language::Chinese.tag());
                if let Some((tag, _)) = labels.first_key_value() {
                    let message = format!("`{}` is neither en nor zh-CN", brief(tag));
                    return Err(D::Error::custom(message));
                }
                Self { english, chinese }
            }
        })
    }
}
