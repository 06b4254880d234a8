//! How companies are found: by a domain, and by a name as somebody typed it. Both are kept in the
//! index of fields, in one spelling, under names that no field can have.

use super::{COMPANY, Entry, Kind};
use crate::domain::base::primitives::KindId;
use crate::domain::contact::address::{half_width, read_email};
use crate::domain::field::{FieldType, IndexKey};
use serde_json::Value;
use std::collections::BTreeMap;

/// The field with the domain of a company.
pub const DOMAIN: &str = "domain";

/// The field with the parent of a record, if it is a link to the record's own kind.
pub const PARENT: &str = "parent";

/// The entry in the index for the domain in normal form.
pub const DOMAIN_KEY: &str = "~domain";

/// The entry in the index for the name without differences of spelling.
pub const NAME_KEY: &str = "~name";

impl Kind {
    /// Returns the name of the field that names the parent: a link `parent` to its own kind.
    pub fn parent(&self) -> Option<&str> {
        let field = self.field(PARENT)?;
        let is_own = matches!(&field.kind, FieldType::Link { to } if *to == self.id.0);
        is_own.then_some(PARENT)
    }

    /// Returns the name of the field by which people call a company, if they type it.
    pub fn typed_title(&self) -> Option<&str> {
        let title = self.title.as_deref()?;
        matches!(self.field(title)?.kind, FieldType::Text).then_some(title)
    }

    /// Returns the entries by which a company is found; none for other kinds.
    pub(super) fn company_entries(&self, values: &BTreeMap<String, Value>) -> Vec<Entry> {
        if self.id != KindId::from(COMPANY) {
            return Vec::new();
        }
        let text = |name: Option<&str>| values.get(name?).and_then(Value::as_str);
        let domain = text(self.domain()).and_then(normal_domain);
        let name = text(self.typed_title()).map(normal_name).filter(|name| !name.is_empty());
        let entry = |field: &str, key: Option<String>| {
            let field = field.to_owned();
            key.map(|key| Entry { field, key: IndexKey::Text(key), is_unique: false })
        };
        [entry(DOMAIN_KEY, domain), entry(NAME_KEY, name)].into_iter().flatten().collect()
    }

    /// Returns the entries by which companies are found that are the same as in another version of
    /// the kind.
    pub fn company_keys_kept(&self, before: &Self) -> Vec<&'static str> {
        let is_same = |name: fn(&Self) -> Option<&str>| name(self) == name(before);
        let kept = [(DOMAIN_KEY, is_same(Self::domain)), (NAME_KEY, is_same(Self::typed_title))];
        kept.into_iter().filter(|(_, is_kept)| *is_kept).map(|(key, _)| key).collect()
    }

    /// Returns the name of the field with the domain: a unique `domain` of text or a web address.
    fn domain(&self) -> Option<&str> {
        let field = self.field(DOMAIN).filter(|field| field.unique)?;
        matches!(field.kind, FieldType::Text | FieldType::Url).then_some(DOMAIN)
    }
}

/// Returns the normal form of a domain, as e-mail addresses have it, from a domain or a web address
/// as people type it.
pub fn normal_domain(typed: &str) -> Option<String> {
    let host = typed.trim().split_once("://").map_or(typed.trim(), |(_, rest)| rest);
    let host = host.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let host = host.strip_prefix("www.").or_else(|| host.strip_prefix("WWW.")).unwrap_or(host);
    let email = read_email(&format!("a@{}", host.trim_start_matches('@'))).ok()?;
    email.strip_prefix("a@").map(str::to_owned)
}

/// Returns a name without what people write in different ways: width and case of letters, and
/// blanks.
pub fn normal_name(typed: &str) -> String {
    let text: String = typed.chars().map(half_width).collect::<String>().to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_is_one_however_it_is_typed() {
        for typed in [
            "larkspan.example",
            "Larkspan.Example",
            "www.larkspan.example",
            " larkspan.example. ",
            "https://www.larkspan.example/about?x=1",
            "@larkspan.example",
        ] {
            assert_eq!(normal_domain(typed).as_deref(), Some("larkspan.example"), "{typed}");
        }
        assert_eq!(normal_domain("例子.公司").as_deref(), Some("xn--fsqu00a.xn--55qx5d"));
        for wrong in ["", "localhost two", "'; DROP TABLE contacts; --", "a@b@c"] {
            assert_eq!(normal_domain(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn name_is_one_whatever_the_width_and_the_blanks() {
        for typed in ["Lark Span GmbH", " lark  span gmbh", "ＬＡＲＫ Span　GmbH"] {
            assert_eq!(normal_name(typed), "lark span gmbh");
        }
        assert_eq!(normal_name("杭州云雀科技有限公司 "), "杭州云雀科技有限公司");
        assert_eq!(normal_name(" \u{3000} "), "");
    }
}
