//! Addresses a contact is written to: what is taken, in what form it is kept, why it is refused.

use super::language::Language;
use super::phone::{self, Plan};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest e-mail address that can be a recipient, in bytes (RFC 5321 with erratum 1690).
pub const EMAIL_BYTES_MAX: usize = 254;

/// The longest part before the @, in bytes (RFC 5321 section 4.5.3.1.1).
pub const EMAIL_LOCAL_BYTES_MAX: usize = 64;

/// The longest label of a domain, in bytes (RFC 1035 section 2.3.4).
const DOMAIN_LABEL_BYTES_MAX: usize = 63;

/// The longest phone number looked at as typed, in characters: 15 digits with room for signs
/// between them. It bounds what the number patterns are run over.
pub const PHONE_TYPED_CHARS_MAX: usize = 32;

/// Why an address was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressProblem {
    /// There is nothing in it.
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
    /// The part before the @ cannot be one.
    LocalPart,
    /// The part after the @ is no domain name.
    Domain,
    /// A phone number with something in it that is no digit or separator.
    PhoneCharacter,
    /// A national number, and no country to read it in.
    PhoneWithoutCountry,
    /// No such number can exist in its country.
    PhoneNumber,
}

/// Reads an e-mail address. It is trimmed, full-width signs become plain ones, and all letters
/// become small: a mailbox whose name differs only by case is in practice the same, and each
/// person must be one contact. Domains may have non-ASCII labels and stay as typed.
pub fn read_email(typed: &str) -> Result<String, AddressProblem> {
    if typed.chars().any(is_forbidden_control) {
        return Err(AddressProblem::ControlCharacter);
    }
    let address: String = typed.trim().chars().map(half_width).collect();
    if address.is_empty() {
        return Err(AddressProblem::Empty);
    }
    if address.len() > EMAIL_BYTES_MAX {
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
    check_local_part(local)?;
    // U+3002 and U+FF61 separate labels too (RFC 3490 section 3.1); Chinese keyboards type them.
    let domain = domain.replace(['。', '｡'], ".").to_lowercase();
    check_domain(&domain)?;
    let kept = format!("{}@{domain}", local.to_ascii_lowercase());
    if kept.len() > EMAIL_BYTES_MAX { Err(AddressProblem::TooLong) } else { Ok(kept) }
}

/// Reads a phone number and returns it as E.164, such as `+8613800138000`. A number without a
/// leading `+` or `00` is read in `region`, an ISO 3166 code. Letters and extensions are refused:
/// a message could not reach them.
pub fn read_phone(typed: &str, region: Option<&str>) -> Result<String, AddressProblem> {
    if typed.chars().any(is_forbidden_control) {
        return Err(AddressProblem::ControlCharacter);
    }
    let typed: String = typed.trim().chars().map(half_width).collect();
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
    /// What to tell the person who typed it.
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

/// The plain form of a full-width character (U+FF01 to U+FF5E, and the wide space).
pub(super) fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

/// Control characters, and the two Unicode line breaks that are not among them.
pub(super) fn is_forbidden_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// A dot-atom (RFC 5321 section 4.1.2). Quoted local parts exist on paper only, and non-ASCII
/// ones are refused by the services that send for us.
fn check_local_part(local: &str) -> Result<(), AddressProblem> {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    if local.len() > EMAIL_LOCAL_BYTES_MAX {
        return Err(AddressProblem::TooLong);
    }
    let atoms_ok = local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom));
    if atoms_ok { Ok(()) } else { Err(AddressProblem::LocalPart) }
}

/// At least two labels of letters, digits and inner hyphens, the last of them not a number.
fn check_domain(domain: &str) -> Result<(), AddressProblem> {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= DOMAIN_LABEL_BYTES_MAX
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    let is_sane = domain.contains('.')
        && domain.split('.').all(is_label)
        && top.chars().count() >= 2
        && !top.chars().all(|c| c.is_ascii_digit());
    if is_sane { Ok(()) } else { Err(AddressProblem::Domain) }
}

/// The digits of a typed number, with one leading `+` if it has one or begins with `00`.
fn dialled(typed: &str) -> Result<String, AddressProblem> {
    let mut digits = String::with_capacity(typed.len());
    for (i, c) in typed.chars().enumerate() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if digits.is_empty() && i <= 1 => digits.push('+'),
            ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{2010}'..='\u{2015}' => {}
            _ => return Err(AddressProblem::PhoneCharacter),
        }
    }
    match digits.strip_prefix("00") {
        Some(rest) => Ok(format!("+{rest}")),
        None => Ok(digits),
    }
}

#[cfg(test)]
mod tests {
    use super::AddressProblem::*;
    use super::*;

    #[test]
    fn emails_that_are_taken() {
        for (typed, kept) in [
            ("ada@example.com", "ada@example.com"),
            ("  Ada.Lovelace+News@Example.COM ", "ada.lovelace+news@example.com"),
            ("o'brien@sub.example.co.uk", "o'brien@sub.example.co.uk"),
            ("user@例子.中国", "user@例子.中国"),
            ("user@BÜCHER.example", "user@bücher.example"),
            ("user@xn--fiqs8s.xn--fiqs8s", "user@xn--fiqs8s.xn--fiqs8s"),
            ("ｌｉｎａ＠example。com", "lina@example.com"),
            ("　12345678@qq.com　", "12345678@qq.com"),
        ] {
            assert_eq!(read_email(typed).as_deref(), Ok(kept), "{typed}");
        }
        let longest = format!("{}@{}.com", "a".repeat(64), "b".repeat(63));
        assert_eq!(read_email(&longest), Ok(longest.clone()));
    }

    #[test]
    fn emails_that_are_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}com", "bbbbbbbbb.".repeat(26));
        for (typed, problem) in [
            ("", Empty),
            ("   ", Empty),
            ("ada", NoAt),
            ("ada@@example.com", SeveralAts),
            ("ada@b@example.com", SeveralAts),
            ("@example.com", LocalPart),
            (".ada@example.com", LocalPart),
            ("a..b@example.com", LocalPart),
            ("阿达@example.com", LocalPart),
            ("ada\\@example.com", LocalPart),
            ("ada@example", Domain),
            ("ada@.com", Domain),
            ("ada@example..com", Domain),
            ("ada@-example.com", Domain),
            ("ada@exa_mple.com", Domain),
            ("ada@127.0.0.1", Domain),
            ("ada@[127.0.0.1]", Domain),
            ("ada@example.c", Domain),
            ("ada@example.com.", Domain),
            ("ada@ex\u{200b}ample.com", Domain),
            ("Ada <ada@example.com>", NotBare),
            ("ada@example.com, eve@example.com", NotBare),
            ("\"ada\"@example.com", NotBare),
            ("mailto:ada@example.com", NotBare),
            ("ada@example.com\r\nBcc: eve@example.com", ControlCharacter),
            ("ada@example.com\0", ControlCharacter),
            ("ada@example.com\u{2028}", ControlCharacter),
            (&long_local, TooLong),
            (&long, TooLong),
        ] {
            assert_eq!(read_email(typed), Err(problem), "{typed:?}");
        }
    }

    #[test]
    fn phones_that_are_taken() {
        for (typed, region, kept) in [
            ("13800138000", Some("CN"), "+8613800138000"),
            ("138 0013 8000", Some("cn"), "+8613800138000"),
            ("１３８００１３８０００", Some("CN"), "+8613800138000"),
            ("＋８６ 138-0013-8000", None, "+8613800138000"),
            ("0086 13800138000", None, "+8613800138000"),
            ("86 13800138000", Some("CN"), "+8613800138000"),
            ("19912345678", Some("CN"), "+8619912345678"),
            ("19212345678", Some("CN"), "+8619212345678"),
            ("16612345678", Some("CN"), "+8616612345678"),
            ("17712345678", Some("CN"), "+8617712345678"),
            ("010-62770334", Some("CN"), "+861062770334"),
            ("(650) 253-0000", Some("US"), "+16502530000"),
            ("+44 20 7031 3000", Some("CN"), "+442070313000"),
            ("020 7031 3000", Some("GB"), "+442070313000"),
            ("+39 06 698 12345", None, "+390669812345"),
            ("+852 2123 4567", None, "+85221234567"),
            ("+7 812 312-34-56", None, "+78123123456"),
            ("8 (812) 312-34-56", Some("RU"), "+78123123456"),
            ("+7 812 312-34-56", Some("RU"), "+78123123456"),
            ("+44 (0)20 7031 3000", None, "+442070313000"),
            ("+36 30 123 4567", None, "+36301234567"),
        ] {
            assert_eq!(read_phone(typed, region).as_deref(), Ok(kept), "{typed} {region:?}");
        }
    }

    #[test]
    fn phones_that_are_refused() {
        for (typed, region, problem) in [
            ("", Some("CN"), Empty),
            ("13800138000", None, PhoneWithoutCountry),
            ("13800138000", Some("ZZ"), PhoneWithoutCountry),
            ("1380013800", Some("CN"), PhoneNumber),
            ("138001380000", Some("CN"), PhoneNumber),
            ("12345", Some("CN"), PhoneNumber),
            ("+", None, PhoneNumber),
            ("+999 123 456 789", None, PhoneNumber),
            ("0800-FLOWERS", Some("US"), PhoneCharacter),
            ("+1 650 253 0000 ext 12", None, PhoneCharacter),
            ("tel:+16502530000", None, PhoneCharacter),
            ("1+650", Some("US"), PhoneCharacter),
            ("++16502530000", None, PhoneCharacter),
            ("+16502530000\n", None, ControlCharacter),
            ("1111111111111111111111111111111111", None, TooLong),
        ] {
            assert_eq!(read_phone(typed, region), Err(problem), "{typed:?} {region:?}");
        }
    }

    #[test]
    fn problems_have_words_in_both_languages() {
        assert_eq!(NoAt.message(Language::Chinese), "邮箱地址中应包含 @，例如 name@example.com。");
        assert_eq!(Empty.to_string(), "Fill this in.");
        assert_eq!(serde_json::to_string(&SeveralAts).unwrap(), "\"several_ats\"");
    }

    proptest::proptest! {
        // Each case runs the number patterns of four countries, unoptimised.
        #![proptest_config(proptest::test_runner::Config::with_cases(64))]
        #[test]
        fn nothing_typed_can_break_the_reading(typed in "\\PC{0,40}", digits in "[+]?[0-9]{7,14}") {
            for text in [&typed, &digits] {
                let _ = read_phone(text, None);
                for region in ["CN", "US", "IT", "AR"] {
                    if let Ok(kept) = read_phone(text, Some(region)) {
                        proptest::prop_assert_eq!(read_phone(&kept, None), Ok(kept.clone()));
                    }
                }
                if let Ok(kept) = read_email(text) {
                    proptest::prop_assert_eq!(read_email(&kept), Ok(kept.clone()));
                }
            }
        }
    }
}
