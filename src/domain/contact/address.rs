//! Addresses of contacts: which ones are accepted, how they are normalized, why one is refused.
//!
//! Each address has one normal form, whatever its spelling was. This form is stored, compared,
//! suppressed and given to providers.

mod counted;
#[cfg(test)]
mod tests;

pub use counted::{counted_mailbox, counted_network, other_mailbox};

use super::phone::{self, Plan};
use crate::domain::base::language::Language;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest e-mail address that can be a recipient, in bytes (RFC 5321 with erratum 1690).
pub const EMAIL_BYTES_MAX: usize = 254;

/// The longest local part (before the @), in bytes (RFC 5321 section 4.5.3.1.1).
pub const EMAIL_LOCAL_BYTES_MAX: usize = 64;

/// The longest phone number that is parsed, in characters as typed: 15 digits with room for
/// separators. It bounds the input of the number patterns.
pub const PHONE_TYPED_CHARS_MAX: usize = 32;

/// Why an address was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressProblem {
    Empty,
    /// Longer than any address that can be delivered to.
    TooLong,
    /// A line break, NUL or another control character, as used to forge mail headers.
    ControlCharacter,
    /// More than a bare address: a display name, brackets, quotes or a list.
    NotBare,
    /// No @.
    NoAt,
    /// More than one @.
    SeveralAts,
    /// The part before the @ is not a valid local part.
    LocalPart,
    /// The part after the @ is not a domain name.
    Domain,
    /// A phone number with a character that is neither a digit nor a separator.
    PhoneCharacter,
    /// A national number without a country to read it in.
    PhoneWithoutCountry,
    /// The number cannot exist in its country.
    PhoneNumber,
}

/// Reads an e-mail address and returns its normal form, in ASCII.
///
/// The domain is normalized by UTS 46 without transitional processing: `Müller.example`, its
/// decomposed and its `xn--` spelling, circled and full-width letters and a final dot give the same
/// domain. The local part goes through the same mapping and must then be ASCII, because providers
/// accept nothing else. All letters become lower case: mailboxes whose names differ only by case
/// are in practice the same, and each person must be one contact.
pub fn read_email(typed: &str) -> Result<String, AddressProblem> {
    if typed.chars().any(is_forbidden_control) {
        return Err(AddressProblem::ControlCharacter);
    }
    let address: String = trimmed(typed).chars().map(half_width).collect();
    if address.is_empty() {
        return Err(AddressProblem::Empty);
    }
    // Counts characters, because normalization may reduce the number of bytes.
    if address.chars().count() > EMAIL_BYTES_MAX {
        return Err(AddressProblem::TooLong);
    }
    let is_extra =
        |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '(' | ')' | ',' | ';' | ':');
    if address.contains(is_extra) {
        return Err(AddressProblem::NotBare);
    }
    let (local, domain) = address.split_once('@').ok_or(AddressProblem::NoAt)?;
    if domain.contains('@') {
        return Err(AddressProblem::SeveralAts);
    }
    let kept = format!("{}@{}", read_local_part(local)?, read_domain(domain)?);
    if kept.len() > EMAIL_BYTES_MAX { Err(AddressProblem::TooLong) } else { Ok(kept) }
}

/// Reads a sender (an address or `Name <address>`) and returns it with the address normalized.
pub fn read_sender(typed: &str) -> Result<String, AddressProblem> {
    if typed.chars().any(is_forbidden_control) {
        return Err(AddressProblem::ControlCharacter);
    }
    match typed.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => Ok(format!("{name}<{}>", read_email(address)?)),
        None => read_email(typed),
    }
}

/// Returns an address for display, with the domain in Unicode.
pub fn shown(address: &str) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else { return address.to_owned() };
    let (domain, read) = Uts46::new().to_unicode(domain.as_bytes(), STRICT, Hyphens::Allow);
    if read.is_ok() { format!("{local}@{domain}") } else { address.to_owned() }
}

/// The ASCII characters that host names must not contain (RFC 1123 section 2.1).
const STRICT: AsciiDenyList = AsciiDenyList::STD3;

/// Reads a phone number and returns it as E.164, such as `+8613800138000`. A number without a
/// leading `+` or `00` is read in `region`, an ISO 3166 code. Digits of any script are accepted.
/// Spaces, dashes and invisible characters of any kind are ignored. Letters and extensions are
/// refused, because a message could not reach them.
pub fn read_phone(typed: &str, region: Option<&str>) -> Result<String, AddressProblem> {
    if typed.chars().any(|c| is_forbidden_control(c) && c != '\t') {
        return Err(AddressProblem::ControlCharacter);
    }
    let visible = trimmed(typed).chars().filter(|c| !is_invisible(*c));
    let typed: String = visible.map(half_width).map(plain_digit).collect();
    if typed.is_empty() {
        return Err(AddressProblem::Empty);
    }
    if typed.chars().count() > PHONE_TYPED_CHARS_MAX {
        return Err(AddressProblem::TooLong);
    }
    let digits = dialled(&typed)?;
    let home = region.and_then(|code| Plan::of(&code.to_ascii_uppercase()));
    if home.is_none() && !digits.starts_with('+') {
        return Err(AddressProblem::PhoneWithoutCountry);
    }
    phone::to_e164(&digits, home).ok_or(AddressProblem::PhoneNumber)
}

impl AddressProblem {
    /// Returns the message for the person who typed the address.
    pub fn message(self, language: Language) -> &'static str {
        let (english, chinese) = match self {
            Self::Empty => ("Fill this in.", "请填写此项。"),
            Self::TooLong => ("This is too long to be an address.", "内容过长，请检查。"),
            Self::ControlCharacter => (
                "This holds invisible characters. Type it again.",
                "内容含有不可见字符，请重新输入。",
            ),
            Self::NotBare => (
                "Enter one address only, such as name@example.com.",
                "请只填写一个邮箱地址，例如 name@example.com。",
            ),
            Self::NoAt => (
                "An e-mail address has an @ in it, such as name@example.com.",
                "邮箱地址中应包含 @，例如 name@example.com。",
            ),
            Self::SeveralAts => {
                ("An e-mail address has only one @ in it.", "邮箱地址中只能有一个 @。")
            }
            Self::LocalPart => ("Check the part before the @.", "请检查 @ 前面的部分。"),
            Self::Domain => (
                "Check the part after the @, such as example.com.",
                "请检查 @ 后面的部分，例如 example.com。",
            ),
            Self::PhoneCharacter => (
                "A phone number has only digits, spaces and a leading +.",
                "电话号码只能包含数字、空格和开头的 +。",
            ),
            Self::PhoneWithoutCountry => (
                "Begin with + and the country code, such as +44.",
                "请以 + 和国家代码开头，例如 +86。",
            ),
            Self::PhoneNumber => {
                ("There is no such phone number. Check the digits.", "电话号码不正确，请检查。")
            }
        };
        language.pick(english, chinese)
    }
}

impl fmt::Display for AddressProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message(Language::English))
    }
}

/// Returns the plain form of a full-width character (U+FF01 to U+FF5E, and the wide space) or of
/// the small @ of Chinese typesetting.
pub(in crate::domain) fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        '\u{fe6b}' => '@',
        _ => c,
    }
}

/// Returns whether `c` is a control character or one of the two Unicode line breaks that
/// `is_control` does not include.
pub(in crate::domain) fn is_forbidden_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Returns whether `c` is an invisible character that comes with pasted text: a soft hyphen, a
/// joiner, a direction mark, the byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Removes spaces and invisible characters at both ends.
fn trimmed(typed: &str) -> &str {
    typed.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// Reads the local part, which must be a dot-atom after the mapping of UTS 46 (RFC 5321 section
/// 4.1.2). Quoted local parts are refused: they are not used in practice.
fn read_local_part(local: &str) -> Result<String, AddressProblem> {
    let mapped = match local.is_ascii() {
        true => local.to_ascii_lowercase(),
        false => {
            let any = AsciiDenyList::EMPTY;
            let (mapped, read) = Uts46::new().to_unicode(local.as_bytes(), any, Hyphens::Allow);
            read.map_err(|_| AddressProblem::LocalPart)?;
            mapped.into_owned()
        }
    };
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    if mapped.len() > EMAIL_LOCAL_BYTES_MAX {
        return Err(AddressProblem::TooLong);
    }
    let atoms_ok = mapped.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom));
    if atoms_ok { Ok(mapped) } else { Err(AddressProblem::LocalPart) }
}

/// Reads the domain and returns it in ASCII. It needs at least two labels, and the last one must
/// not be a number.
fn read_domain(domain: &str) -> Result<String, AddressProblem> {
    let length = DnsLength::VerifyAllowRootDot;
    let read = Uts46::new().to_ascii(domain.as_bytes(), STRICT, Hyphens::CheckFirstLast, length);
    let ascii = read.map_err(|_| AddressProblem::Domain)?;
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    let top = ascii.rsplit_once('.').map_or("", |(_, top)| top);
    let is_sane = top.len() >= 2 && !top.bytes().all(|byte| byte.is_ascii_digit());
    if is_sane { Ok(ascii.to_owned()) } else { Err(AddressProblem::Domain) }
}

/// The zeros of the decimal digits of scripts in use and of the mathematical styles (Unicode,
/// general category Nd). The other nine digits follow each zero.
const NOUGHTS: &[u32] = &[
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0,
    0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0,
    0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// Returns the ASCII form of a digit of another script.
fn plain_digit(c: char) -> char {
    let nought = NOUGHTS.iter().rev().find(|nought| **nought <= u32::from(c));
    let digit = nought.map(|nought| u32::from(c) - nought).filter(|digit| *digit < 10);
    digit.and_then(|digit| char::from_digit(digit, 10)).unwrap_or(c)
}

/// Returns the digits of a typed number, with one leading `+` if it begins with `+` or `00`.
fn dialled(typed: &str) -> Result<String, AddressProblem> {
    let mut digits = String::with_capacity(typed.len());
    for (i, c) in typed.chars().enumerate() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if digits.is_empty() && i <= 1 => digits.push('+'),
            '-' | '.' | '(' | ')' | '[' | ']' | '/' | '~' => {}
            '\u{b7}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fb}' | '\u{30fc}' => {}
            _ if c.is_whitespace() => {}
            _ => return Err(AddressProblem::PhoneCharacter),
        }
    }
    match digits.strip_prefix("00") {
        Some(rest) => Ok(format!("+{rest}")),
        None => Ok(digits),
    }
}

/// Splits `Name <address>` or `"Name" <address>` into name and address. The name is empty if there
/// is none.
pub fn mailbox_parts(mailbox: &str) -> (String, &str) {
    let Some((name, rest)) = mailbox.rsplit_once('<') else {
        return (String::new(), mailbox.trim());
    };
    let name = name.trim();
    let name = match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        // In a quoted name a backslash escapes the next character (RFC 5322 section 3.2.4).
        Some(quoted) => {
            let mut is_escaped = false;
            quoted
                .chars()
                .filter(|c| {
                    is_escaped = *c == '\\' && !is_escaped;
                    !is_escaped
                })
                .collect()
        }
        None => name.to_owned(),
    };
    (name, rest.trim_end().trim_end_matches('>').trim())
}

/// Returns the sender's name as recipients see it: the name of the mailbox, or else the domain.
pub fn sender_name(mailbox: &str) -> String {
    let (name, address) = mailbox_parts(mailbox);
    if name.is_empty() { address.rsplit('@').next().unwrap_or_default().to_owned() } else { name }
}
