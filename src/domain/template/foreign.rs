//! Tags in the syntax of other systems, such as `*|FNAME|*` or `{{ contact.first_name | default:
//! "x" }}`, and their equivalents here.

use super::dialect::{self, Token};
use std::collections::BTreeSet;

/// How tags of other systems begin and end, and whether that is unambiguous.
const MARKS: &[(&str, &str, bool)] = &[
    ("*|", "|*", true),
    ("%%", "%%", true),
    ("[[", "]]", true),
    ("{%", "%}", true),
    ("{$", "}", true),
    ("${", "}", true),
    ("<%=", "%>", true),
    ("｛｛", "｝｝", true),
    ("«", "»", false),
    ("<<", ">>", false),
    ("{", "}}", false),
    ("{", "}", false),
    ("[", "]", false),
    ("%", "%", false),
];
/// The longest tag that is recognised, in characters.
const TAG_CHARS_MAX: usize = 80;
/// Names of other systems, without punctuation and in lower case, and our names.
const NAMES: &[(&str, &str)] = &[
    ("fname", "first_name"),
    ("firstname", "first_name"),
    ("givenname", "first_name"),
    ("lname", "last_name"),
    ("lastname", "last_name"),
    ("surname", "last_name"),
    ("familyname", "last_name"),
    ("email", "email"),
    ("emailaddress", "email"),
    ("phone", "phone"),
    ("phonenumber", "phone"),
    ("mobile", "phone"),
    ("unsub", "unsubscribe_url"),
    ("unsubscribe", "unsubscribe_url"),
    ("unsubscribelink", "unsubscribe_url"),
    ("unsubscribeurl", "unsubscribe_url"),
    ("optout", "unsubscribe_url"),
    ("listaddress", "campaign.postal_address"),
    ("companyaddress", "campaign.postal_address"),
];
/// Comparison operators of other systems, and our helpers.
const SIGNS: &[(&str, &str)] = &[
    ("==", "eq"),
    ("!=", "ne"),
    (">=", "gte"),
    ("<=", "lte"),
    ("&&", "and"),
    ("||", "or"),
    (">", "gt"),
    ("<", "lt"),
];

/// Returns our name for a name of another system: `contact.FIRSTNAME` is `first_name`.
fn ours(name: &str) -> Option<&'static str> {
    let last = name.trim().trim_end_matches(':').rsplit(['.', ':', '$']).next()?;
    let plain: String = last.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect();
    let plain = plain.to_lowercase();
    NAMES.iter().find(|(other, _)| *other == plain).map(|(_, ours)| *ours)
}

/// Guesses what a variable of a tag was meant to be, among the known variables.
pub(in crate::domain) fn meaning(name: &str, known: &BTreeSet<String>) -> Option<String> {
    if name.contains(['“', '”', '‘', '’', '「', '＂', '＇']) {
        return Some("a text stands in straight quotes: \"…\" or '…'".to_owned());
    }
    if matches!(name, "elseif" | "elsif" | "elif") {
        return Some("write {{else if …}}".to_owned());
    }
    if matches!(name, "endif" | "end" | "endfor" | "endunless") {
        return Some("a block ends with {{/if}}, {{/unless}} or {{/each}}".to_owned());
    }
    let own = ours(name).map(str::to_owned);
    let last = || name.rsplit('.').next().filter(|last| *last != name).map(str::to_owned);
    let meant = own.or_else(last).filter(|meant| known.contains(meant))?;
    Some(format!("did you mean `{meant}`?"))
}

/// Guesses what a tag with a syntax error was meant to be.
pub(super) fn hint(tag: &str) -> Option<String> {
    let inside = tag.trim_matches(['{', '}', '~', ' ']);
    if let Some((sign, helper)) = SIGNS.iter().find(|(sign, _)| inside.contains(sign)) {
        let (before, after) = inside.split_once(sign)?;
        let words = before.split_whitespace().collect::<Vec<_>>();
        let a = words.last().copied().unwrap_or("a").trim_start_matches('(');
        let b = after.trim().trim_end_matches(')');
        let b = if b.is_empty() { "b" } else { b };
        return Some(format!("write {{{{#if ({helper} {a} {b})}}}}…{{{{/if}}}}"));
    }
    let (value, filter) = inside.split_once('|')?;
    let value = value.trim();
    let value = ours(value).unwrap_or(value.rsplit('.').next().unwrap_or(value));
    let quoted = dialect::tokens(filter).into_iter().find_map(|token| match token {
        Token::Quoted(quoted) => Some(quoted.to_owned()),
        _ => None,
    });
    let fallback = quoted.unwrap_or_else(|| "\"…\"".to_owned());
    Some(format!("a fallback is written {{{{default {value} {fallback}}}}}"))
}

/// A tag of another system in a text.
pub(in crate::domain) struct Foreign<'t> {
    /// The position where it begins, in bytes.
    pub at: usize,
    /// The tag as written.
    pub tag: &'t str,
    /// Our equivalent, if it can be guessed.
    pub ours: Option<String>,
}

/// Finds the tags of other systems in a source, ignoring valid Handlebars tags and comments.
pub(in crate::domain) fn in_text(source: &str) -> Vec<Foreign<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(char) = source[at..].chars().next() {
        let rest = &source[at..];
        if rest.starts_with("{{") && !dialect::is_escaped(source, at) {
            at = dialect::tag_end(source, at);
        } else if rest.starts_with("{{") {
            at += rest.len() - rest.trim_start_matches('{').len();
        } else if let Some((tag, ours)) = foreign(rest) {
            found.push(Foreign { at, tag, ours });
            at += tag.len();
        } else {
            at += char.len_utf8();
        }
    }
    found
}

/// Returns the tag that begins here, and our equivalent.
fn foreign(rest: &str) -> Option<(&str, Option<String>)> {
    let marks = MARKS.iter().filter(|(open, ..)| rest.starts_with(open));
    for (open, close, is_sure) in marks {
        let within = &rest[open.len()..];
        let Some(end) = within.find(close) else { continue };
        let inside = &within[..end];
        let is_name = |c: char| c.is_alphanumeric() || " _-.:|$'\"()".contains(c);
        let is_short = inside.chars().count() <= TAG_CHARS_MAX && !inside.trim().is_empty();
        let is_code = *open == "{%";
        // A brace is missing. Style sheets have a colon between such braces.
        let is_torn = (*open, *close) == ("{", "}}") && !inside.contains(':');
        let is_apart = *open != "%" || inside == inside.trim();
        if !is_short
            || !is_apart
            || inside.contains('\n')
            || !(is_code || inside.chars().all(is_name))
        {
            continue;
        }
        let name = inside.split('|').next().unwrap_or_default().trim();
        let ours = match ours(name) {
            _ if is_code => None,
            Some(ours) => Some(format!("{{{{{ours}}}}}")),
            None if *open == "｛｛" || is_torn => Some(format!("{{{{{name}}}}}")),
            None => None,
        };
        if *is_sure || ours.is_some() {
            return Some((&rest[..open.len() + end + close.len()], ours));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_merge_tags_are_found_with_replacement() {
        for (text, tag, meant) in [
            ("Hi *|FNAME|*,", "*|FNAME|*", Some("{{first_name}}")),
            ("%%emailaddr%%", "%%emailaddr%%", None),
            ("[[First Name]]", "[[First Name]]", Some("{{first_name}}")),
            ("{$subscriber.lname}", "{$subscriber.lname}", Some("{{last_name}}")),
            ("${firstName}", "${firstName}", Some("{{first_name}}")),
            ("{% if x == 1 %}", "{% if x == 1 %}", None),
            ("你好｛｛first_name｝｝", "｛｛first_name｝｝", Some("{{first_name}}")),
            ("｛｛公司｝｝", "｛｛公司｝｝", Some("{{公司}}")),
            ("<%= user.first_name %>", "<%= user.first_name %>", Some("{{first_name}}")),
            ("Hi {first_name}", "{first_name}", Some("{{first_name}}")),
            ("{company}}", "{company}}", Some("{{company}}")),
            ("{default city \"x\"}}", "{default city \"x\"}}", Some("{{default city \"x\"}}")),
            ("[unsubscribe]", "[unsubscribe]", Some("{{unsubscribe_url}}")),
            ("%FIRSTNAME%", "%FIRSTNAME%", Some("{{first_name}}")),
            ("«First Name»", "«First Name»", Some("{{first_name}}")),
        ] {
            let found = in_text(text);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!((found[0].tag, found[0].ours.as_deref()), (tag, meant));
        }
        for fine in [
            "{{first_name}} {{!-- *|FNAME|* --}} {{default x \"[[a]]\"}}",
            "a { color: red } b{margin:0} @media print{a{color:red}}",
            "<!--[if mso]>x<![endif]-->",
            "50% off, 20% more",
            "[1] [Test] {a, b} « non »",
            "\\{{first_name}}",
        ] {
            assert_eq!(in_text(fine).len(), 0, "{fine}");
        }
    }
}
