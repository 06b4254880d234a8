//! A form body as received: names and values, parsed strictly but not yet validated against a form.

use crate::domain::base::language::Language;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The largest form body, in bytes. It has ample room for fifty fields and bounds memory.
pub const FORM_BODY_BYTES_MAX: usize = 64 * 1024;

/// The most name and value pairs of one body: twice the number of fields a form may have.
pub const FORM_PAIRS_MAX: usize = 100;

/// The names and values of one submission, as sent. A name may occur several times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FormData {
    values: BTreeMap<String, Vec<String>>,
}

/// Why a body cannot be parsed as a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyProblem {
    /// More than `FORM_BODY_BYTES_MAX`.
    TooLarge,
    /// More than `FORM_PAIRS_MAX` pairs.
    TooManyPairs,
    /// Not UTF-8.
    BrokenUtf8,
    /// A `%` without two hexadecimal digits.
    BrokenEscape,
    /// Not a JSON object.
    NotAnObject,
    /// The JSON value under this name is neither text, number, boolean, nor a list of texts.
    NotFlat(String),
    /// `multipart/form-data`, which carries files and is not supported.
    Multipart,
    /// Another content type.
    UnknownType,
}

impl FormData {
    /// Reads a body by its `Content-Type`. Without one it is parsed as a plain form post.
    pub fn from_body(content_type: &str, body: &[u8]) -> Result<Self, BodyProblem> {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "" | "application/x-www-form-urlencoded" => Self::from_urlencoded(body),
            "application/json" => Self::from_json(body),
            _ if kind.starts_with("multipart/") => Err(BodyProblem::Multipart),
            _ => Err(BodyProblem::UnknownType),
        }
    }

    /// Reads `application/x-www-form-urlencoded`.
    pub fn from_urlencoded(body: &[u8]) -> Result<Self, BodyProblem> {
        check_size(body)?;
        let mut answer = Self::default();
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        for (count, pair) in pairs.enumerate() {
            if count >= FORM_PAIRS_MAX {
                return Err(BodyProblem::TooManyPairs);
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            answer.push(name, value);
        }
        Ok(answer)
    }

    /// Reads a flat JSON object; `null` counts as not sent.
    pub fn from_json(body: &[u8]) -> Result<Self, BodyProblem> {
        check_size(body)?;
        let text = std::str::from_utf8(body).map_err(|_| BodyProblem::BrokenUtf8)?;
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(|_| BodyProblem::NotAnObject)?;
        let mut answer = Self::default();
        let mut pairs = 0;
        for (name, value) in object {
            let texts = match value {
                serde_json::Value::Array(items) => items
                    .into_iter()
                    .map(|item| match item {
                        serde_json::Value::String(text) => Ok(text),
                        _ => Err(BodyProblem::NotFlat(name.clone())),
                    })
                    .collect::<Result<Vec<_>, _>>()?,
                serde_json::Value::Null => Vec::new(),
                serde_json::Value::String(text) => vec![text],
                serde_json::Value::Bool(value) => vec![value.to_string()],
                serde_json::Value::Number(number) => vec![number.to_string()],
                serde_json::Value::Object(_) => return Err(BodyProblem::NotFlat(name)),
            };
            pairs += texts.len().max(1);
            if pairs > FORM_PAIRS_MAX {
                return Err(BodyProblem::TooManyPairs);
            }
            for text in texts {
                answer.push(name.clone(), text);
            }
        }
        Ok(answer)
    }

    /// Adds one value under a name.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.entry(name.into()).or_default().push(value.into());
    }

    /// Returns the first value under a name, as sent.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// Returns every value under a name, in the order sent.
    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}

impl BodyProblem {
    /// Returns the message for the person who sent it.
    pub fn message(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Self::TooLarge => ("The form is larger than 64 KiB.", "表单内容超过 64 KiB。"),
            Self::TooManyPairs => ("The form has more than 100 values.", "表单的值超过 100 个。"),
            Self::BrokenUtf8 => {
                ("The form is not valid UTF-8 text.", "表单不是有效的 UTF-8 文本。")
            }
            Self::BrokenEscape => (
                "The form has a % that is not followed by two hexadecimal digits.",
                "表单中的 % 后面缺少两位十六进制数字。",
            ),
            Self::NotAnObject => ("The body is not a JSON object.", "请求内容不是 JSON 对象。"),
            Self::NotFlat(name) => {
                return language.pick(
                    format!(
                        "The value of \"{name}\" must be a text, a number, true, false \
                         or a list of texts."
                    ),
                    format!("“{name}”的值必须是文本、数字、true、false 或文本列表。"),
                );
            }
            Self::Multipart => (
                "Files and multipart forms are not taken. \
                 Send application/x-www-form-urlencoded or application/json.",
                "不支持文件和 multipart 表单，\
                 请使用 application/x-www-form-urlencoded 或 application/json。",
            ),
            Self::UnknownType => (
                "Send application/x-www-form-urlencoded or application/json.",
                "请使用 application/x-www-form-urlencoded 或 application/json 提交。",
            ),
        };
        language.pick(english, chinese).to_owned()
    }
}

impl fmt::Display for BodyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(Language::English))
    }
}

/// Returns the pairs of a URL's query string. URLs come from anywhere, so nothing is an error: a
/// part that cannot be decoded stays as it is.
pub fn query_pairs(query: &str) -> Vec<(String, String)> {
    let lenient = |text: &str| decode(text.as_bytes()).unwrap_or_else(|_| text.to_owned());
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .take(FORM_PAIRS_MAX)
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (lenient(name), lenient(value)))
        .collect()
}

fn check_size(body: &[u8]) -> Result<(), BodyProblem> {
    if body.len() > FORM_BODY_BYTES_MAX { Err(BodyProblem::TooLarge) } else { Ok(()) }
}

/// Decodes the `%XX` of a URL's path; `None` if the result is not UTF-8.
pub fn percent_decode(path: &str) -> Option<String> {
    // In a path, unlike in a form, `+` is literal.
    decode(path.replace('+', "%2B").as_bytes()).ok()
}

/// Encodes a text for use as one value in a query string.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Decodes `+` and `%XX`.
fn decode(text: &[u8]) -> Result<String, BodyProblem> {
    let digit = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => (high * 16 + low) as u8,
                _ => return Err(BodyProblem::BrokenEscape),
            },
            byte => *byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| BodyProblem::BrokenUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urlencoded_body_is_parsed() {
        let answer =
            FormData::from_urlencoded("a=1&b=x+y%26z&a=2&&empty=&bare&姓名=%E6%9E%97".as_bytes())
                .unwrap();
        assert_eq!(answer.all("a"), ["1", "2"]);
        assert_eq!(answer.first("b"), Some("x y&z"));
        assert_eq!(answer.first("empty"), Some(""));
        assert_eq!(answer.first("bare"), Some(""));
        assert_eq!(answer.first("姓名"), Some("林"));
        assert_eq!(answer.first("none"), None);
        assert_eq!(FormData::from_urlencoded(b"").unwrap(), FormData::default());
    }

    #[test]
    fn invalid_urlencoded_body_is_refused() {
        let many = "a=1&".repeat(101);
        let large = vec![b'a'; FORM_BODY_BYTES_MAX + 1];
        for (body, problem) in [
            (&b"a=%ff%fe"[..], BodyProblem::BrokenUtf8),
            (b"a=\xff", BodyProblem::BrokenUtf8),
            (b"a=%E6%9E", BodyProblem::BrokenUtf8),
            (b"a=%", BodyProblem::BrokenEscape),
            (b"a=%4", BodyProblem::BrokenEscape),
            (b"a=%zz", BodyProblem::BrokenEscape),
            (b"%+1=x", BodyProblem::BrokenEscape),
            (many.as_bytes(), BodyProblem::TooManyPairs),
            (&large, BodyProblem::TooLarge),
        ] {
            assert_eq!(FormData::from_urlencoded(body), Err(problem));
        }
        assert!(FormData::from_urlencoded("a=1&".repeat(100).as_bytes()).is_ok());
        assert!(FormData::from_urlencoded(&large[1..]).is_ok());
    }

    #[test]
    fn json_body_is_parsed() {
        let body = r#"{"email":"林@x","n":3,"f":1.5,"yes":true,"tags":["a","b"],"none":null}"#;
        let answer = FormData::from_json(body.as_bytes()).unwrap();
        assert_eq!(answer.first("email"), Some("林@x"));
        assert_eq!((answer.first("n"), answer.first("f")), (Some("3"), Some("1.5")));
        assert_eq!(answer.first("yes"), Some("true"));
        assert_eq!(answer.all("tags"), ["a", "b"]);
        assert_eq!(answer.first("none"), None);
    }

    #[test]
    fn invalid_json_body_is_refused() {
        let many = format!("{{\"a\":[{}\"x\"]}}", "\"x\",".repeat(100));
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(500), "]".repeat(500));
        for (body, problem) in [
            (&b""[..], BodyProblem::NotAnObject),
            (b"[]", BodyProblem::NotAnObject),
            (b"{\"a\":1", BodyProblem::NotAnObject),
            (b"{\"a\":{\"b\":1}}", BodyProblem::NotFlat("a".into())),
            (b"{\"a\":[1]}", BodyProblem::NotFlat("a".into())),
            (b"{\"a\":\"\xff\"}", BodyProblem::BrokenUtf8),
            (many.as_bytes(), BodyProblem::TooManyPairs),
            (deep.as_bytes(), BodyProblem::NotAnObject),
            (&[b' '; FORM_BODY_BYTES_MAX + 1], BodyProblem::TooLarge),
        ] {
            assert_eq!(FormData::from_json(body), Err(problem));
        }
    }

    #[test]
    fn content_type_selects_the_parser() {
        for (kind, expected) in [
            ("application/x-www-form-urlencoded; charset=UTF-8", None),
            ("", None),
            ("Multipart/Form-Data; boundary=x", Some(BodyProblem::Multipart)),
            ("text/plain", Some(BodyProblem::UnknownType)),
            ("application/json", Some(BodyProblem::NotAnObject)),
        ] {
            assert_eq!(FormData::from_body(kind, b"a=1").err(), expected, "{kind}");
        }
    }
}
