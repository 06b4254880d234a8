//! A form: its fields, its consent texts, and the validation of one visitor's submission. Not here:
//! what a submission changes about a contact (`domain/engine/mod.rs`).

pub mod form_data;
pub mod traffic_source;
pub mod visitor_text;

use crate::domain::base::language::Language;
use crate::domain::base::primitives::{Channel, Span};
use crate::domain::base::token::sha256_hex;
use crate::domain::contact::address::{self, AddressProblem, half_width, is_forbidden_control};
use crate::domain::contact::consent::LawfulBasis;
use crate::domain::contact::country;
use crate::domain::form::form_data::FormData;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name of the checkbox that gives the form's consent.
pub const CONSENT_FIELD: &str = "consent";

/// A field that people do not see and most bots fill in. A submission with a value in it is not
/// trusted.
pub const HONEYPOT_FIELD: &str = "website_url_confirm";

/// Names that no field of a campaign may have.
pub const RESERVED_FIELD_NAMES: [&str; 2] = [CONSENT_FIELD, HONEYPOT_FIELD];

/// The hidden input that carries the submission token.
pub const TOKEN_FIELD: &str = "_token";

/// The minimum time between rendering a page and a person's submission: even if the browser fills
/// in the form, somebody has to look at it and press the button.
pub const FILL_TIME_MIN: Span = Span::seconds(2);

/// The longest one-line text, in characters.
pub const TEXT_CHARS_MAX: usize = 255;

/// The longest text of several lines, in characters.
pub const TEXTAREA_CHARS_MAX: usize = 5_000;

/// The longest URL, in characters: what browsers and servers commonly accept.
pub const URL_CHARS_MAX: usize = 2_048;

/// A form as a campaign file describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// The fields, in the order they are shown.
    pub fields: Vec<Field>,
    /// The consents that the visitor may give, one checkbox each. Without any, no marketing may be
    /// sent.
    #[serde(rename = "consent", default, with = "boxes")]
    pub consents: Vec<ConsentCheckbox>,
    /// The page shown after a submission (a page's name in the same campaign).
    pub thanks: Option<String>,
    /// The label of the button; a built-in default in the campaign's language if absent.
    pub submit_label: Option<String>,
    /// Other sites that may send this form with JavaScript: exact origins, `https://example.com`.
    pub origins: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The name in the form body and, for most types, the attribute that it sets.
    pub name: String,
    /// The label shown beside it; made from the name if absent.
    pub label: Option<String>,
    /// A hint below the field.
    pub help: Option<String>,
    pub kind: FieldKind,
    /// Whether an empty value is refused.
    pub required: bool,
}

/// The types of field (`type` in a campaign file), with their settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text, at most 255 characters.
    Text,
    /// Several lines of text, at most 5,000 characters.
    Textarea,
    /// An e-mail address; sets the contact's address.
    Email,
    /// A phone number, kept as E.164; sets the contact's phone.
    Tel {
        /// The ISO 3166 country in which a number without `+` is read, such as `CN`.
        region: Option<String>,
    },
    /// A number, within the bounds if there are any.
    Number {
        /// The minimum value.
        min: Option<f64>,
        /// The maximum value.
        max: Option<f64>,
    },
    /// An http or https URL.
    Url,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// One of the options, in a drop-down list.
    Select(Vec<FieldOption>),
    /// One of the options, as buttons.
    Radio(Vec<FieldOption>),
    /// Yes or no.
    Checkbox,
    /// Any number of the options.
    MultiSelect(Vec<FieldOption>),
    /// An ISO 3166 country code.
    Country,
    /// Not shown. It has this value unless the page's URL has a parameter of the field's name.
    Hidden {
        /// The value if the URL has none.
        value: String,
    },
}

impl FieldKind {
    /// Returns whether the value is free text: typed by the visitor or taken from a URL, and not
    /// one of given options.
    pub fn is_typed(&self) -> bool {
        match self {
            Self::Text | Self::Textarea | Self::Email | Self::Tel { .. } | Self::Url => true,
            Self::Hidden { .. } => true,
            Self::Number { .. } | Self::Date | Self::Checkbox | Self::Country => false,
            Self::Select(_) | Self::Radio(_) | Self::MultiSelect(_) => false,
        }
    }
}

/// One option of a select, radio or multi-select field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldOption {
    /// The stored value.
    pub value: String,
    /// The label shown.
    pub label: String,
}

/// A consent that a visitor is asked for, with a checkbox that starts empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsentCheckbox {
    /// The purpose of the messages, such as `newsletter`.
    pub purpose: String,
    pub channels: Vec<Channel>,
    /// The exact words beside the checkbox; they are kept with each consent.
    pub text: String,
    /// Whether the form is refused without it.
    pub required: bool,
    /// Whether e-mail waits until the owner of the address confirms it.
    pub double_opt_in: bool,
    #[serde(default, skip_serializing_if = "is_consent")]
    pub basis: LawfulBasis,
    /// Whether the text is a separate consent to a transfer of data abroad (PIPL Art. 39).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cross_border: bool,
}

impl ConsentCheckbox {
    /// Returns the value that a page with exactly this text submits: `yes-` and a hash of the text.
    pub fn shown(&self) -> String {
        let hash = sha256_hex(&self.text);
        format!("yes-{}", &hash[..16])
    }

    /// Returns whether the submitted values mean ticked. A visitor who was shown another text has
    /// agreed to that one: a page may stay open across a publish.
    pub fn tick(&self, values: &[String]) -> Result<bool, FieldReason> {
        match single(values)? {
            Some(shown) if shown.starts_with("yes-") => match shown == self.shown() {
                true => Ok(true),
                false => Err(FieldReason::ConsentTextChanged),
            },
            _ => tick(values),
        }
    }
}

/// The stored form of checkboxes: nothing, one, or a list. Forms from before several were possible
/// have one.
pub(crate) mod boxes {
    use super::ConsentCheckbox;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Boxes {
        One(ConsentCheckbox),
        Several(Vec<ConsentCheckbox>),
    }

    pub fn serialize<S: Serializer>(
        asks: &[ConsentCheckbox],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match asks {
            [] => serializer.serialize_none(),
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        read: D,
    ) -> Result<Vec<ConsentCheckbox>, D::Error> {
        Ok(match Option::<Boxes>::deserialize(read)? {
            None => Vec::new(),
            Some(Boxes::One(ask)) => vec![ask],
            Some(Boxes::Several(asks)) => asks,
        })
    }
}

fn is_consent(basis: &LawfulBasis) -> bool {
    *basis == LawfulBasis::Consent
}

/// A valid submission.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Submission {
    /// The address of the first e-mail field that was filled in.
    pub email: Option<String>,
    /// The number of the first phone field that was filled in, as E.164.
    pub phone: Option<String>,
    /// All other values by field name. Empty fields are absent, so that they overwrite nothing. An
    /// e-mail field named `email` and a phone field named `phone` are not repeated here.
    pub attributes: BTreeMap<String, serde_json::Value>,
    /// The checkboxes that were ticked.
    pub agreed: Vec<ConsentCheckbox>,
    /// The number of submitted names that the form does not know; they are dropped.
    pub ignored: usize,
}

/// An invalid value of one field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The name of the field or of the consent checkbox.
    pub field: String,
    pub reason: FieldReason,
}

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldReason {
    /// Required, and empty.
    Missing,
    /// A checkbox that must be ticked is not.
    NotTicked,
    /// Neither an e-mail address nor a phone number was given, and one of them is needed.
    NoAddress,
    /// Several values where only one is allowed.
    SeveralValues,
    /// More characters than this.
    TooLong(usize),
    ControlCharacter,
    /// Not a possible e-mail address or phone number.
    Address(AddressProblem),
    /// Not a number.
    NotANumber,
    /// Less than this.
    TooSmall(f64),
    /// Greater than this.
    TooGreat(f64),
    /// Not a complete http or https URL.
    NotAUrl,
    /// Not a valid calendar day.
    NotADay,
    /// Not among the options.
    NotAnOption,
    /// Not a country.
    NotACountry,
    /// Neither ticked nor unticked.
    NotYesOrNo,
    /// The text beside the checkbox has changed since it was shown.
    ConsentTextChanged,
    /// The values are valid, but the form must be submitted again: it came sooner than a person
    /// fills it in, or long after it was shown. This concerns the whole form, not a field.
    SendAgain,
}

impl Form {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Returns the consent checkboxes, each with the name it is submitted by. A single one is
    /// `consent`. If there are several, each name says what it asks for, such as
    /// `consent.offers.email.sms`, so that a page left open across a change of the form never
    /// agrees to a checkbox other than the ticked one.
    pub fn boxes(&self) -> impl Iterator<Item = (String, &ConsentCheckbox)> {
        let is_alone = self.consents.len() == 1;
        self.consents.iter().map(move |ask| {
            let words = [CONSENT_FIELD, &*ask.purpose].into_iter();
            let words = words.chain(ask.channels.iter().map(|channel| channel.as_str()));
            let named = || words.collect::<Vec<_>>().join(".");
            (if is_alone { CONSENT_FIELD.to_owned() } else { named() }, ask)
        })
    }
}

/// Validates a submission strictly. Returns either all values or every invalid field once.
pub fn read(form: &Form, answer: &FormData) -> Result<Submission, Vec<FieldProblem>> {
    let mut submission = Submission::default();
    let mut problems = Vec::new();
    for field in &form.fields {
        match read_field(field, answer.all(&field.name)) {
            Ok(Some(value)) => keep(&mut submission, field, value),
            Ok(None) => {}
            Err(reason) => problems.push(FieldProblem { field: field.name.clone(), reason }),
        }
    }
    for (field, ask) in form.boxes() {
        match ask.tick(answer.all(&field)) {
            Ok(false) if ask.required => {
                problems.push(FieldProblem { field, reason: FieldReason::NotTicked });
            }
            Ok(true) => submission.agreed.push(ask.clone()),
            Ok(false) => {}
            Err(reason) => problems.push(FieldProblem { field, reason }),
        }
    }
    if problems.is_empty() && submission.email.is_none() && submission.phone.is_none() {
        let first =
            form.fields.iter().find(|f| matches!(f.kind, FieldKind::Email | FieldKind::Tel { .. }));
        let field = first.map(|field| field.name.clone()).unwrap_or_default();
        problems.push(FieldProblem { field, reason: FieldReason::NoAddress });
    }
    submission.ignored = answer.names().filter(|name| !is_known(form, name)).count();
    if problems.is_empty() { Ok(submission) } else { Err(problems) }
}

impl FieldProblem {
    /// Returns the message for the person who filled in the form.
    pub fn message(&self, language: Language) -> String {
        let (english, chinese) = match &self.reason {
            FieldReason::Missing => ("Fill this in.", "请填写此项。"),
            FieldReason::NotTicked => ("Please tick this box to continue.", "请勾选此项后继续。"),
            FieldReason::NoAddress => (
                "Give an e-mail address or a phone number, so that we can answer.",
                "请填写邮箱或电话，以便我们与您联系。",
            ),
            FieldReason::SeveralValues => ("Give one answer only.", "此项只能有一个答案。"),
            FieldReason::TooLong(max) => {
                return language.pick(
                    format!("Shorten this to {max} characters."),
                    format!("请缩短到 {max} 个字以内。"),
                );
            }
            FieldReason::ControlCharacter => (
                "This holds invisible characters. Type it again.",
                "内容含有不可见字符，请重新输入。",
            ),
            FieldReason::Address(problem) => return problem.message(language).to_owned(),
            FieldReason::NotANumber => ("Enter a number, such as 12.5.", "请输入数字，例如 12.5。"),
            FieldReason::TooSmall(min) => {
                return language
                    .pick(format!("Enter {min} or more."), format!("请输入不小于 {min} 的数字。"));
            }
            FieldReason::TooGreat(max) => {
                return language
                    .pick(format!("Enter {max} or less."), format!("请输入不大于 {max} 的数字。"));
            }
            FieldReason::NotAUrl => (
                "Enter a whole web address, such as https://example.com.",
                "请输入完整网址，例如 https://example.com。",
            ),
            FieldReason::NotADay => {
                ("Enter a day such as 2026-03-31.", "请输入日期，例如 2026-03-31。")
            }
            FieldReason::NotAnOption => ("Choose one of the options.", "请从选项中选择。"),
            FieldReason::NotACountry => ("Choose a country.", "请选择国家或地区。"),
            FieldReason::NotYesOrNo => ("Tick the box, or leave it empty.", "请勾选或留空。"),
            FieldReason::ConsentTextChanged => (
                "These words have changed. Please read them, and tick the box if you agree.",
                "这段文字已有更改。请阅读，同意请勾选。",
            ),
            FieldReason::SendAgain => (
                "All your answers are still here, and nothing is wrong with them. Send the form \
                 once more.",
                "您填写的内容都已保留，没有错误。请再提交一次。",
            ),
        };
        language.pick(english, chinese).to_owned()
    }
}

/// Returns whether the values of a checkbox mean ticked. A plain form post sends nothing for an
/// empty one.
pub fn tick(values: &[String]) -> Result<bool, FieldReason> {
    let Some(value) = single(values)? else {
        return Ok(false);
    };
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(FieldReason::NotYesOrNo),
    }
}

fn is_known(form: &Form, name: &str) -> bool {
    name.starts_with('_')
        || RESERVED_FIELD_NAMES.contains(&name)
        || form.field(name).is_some()
        || form.boxes().any(|(field, _)| field == name)
}

/// Stores a valid value in the submission.
fn keep(submission: &mut Submission, field: &Field, value: serde_json::Value) {
    let (slot, own_name) = match field.kind {
        FieldKind::Email => (&mut submission.email, "email"),
        FieldKind::Tel { .. } => (&mut submission.phone, "phone"),
        _ => {
            submission.attributes.insert(field.name.clone(), value);
            return;
        }
    };
    if slot.is_none() {
        *slot = value.as_str().map(str::to_owned);
    }
    if field.name != own_name {
        submission.attributes.insert(field.name.clone(), value);
    }
}

/// Returns the value of one field; `None` if it is empty and optional.
fn read_field(field: &Field, values: &[String]) -> Result<Option<serde_json::Value>, FieldReason> {
    if let FieldKind::Checkbox = field.kind {
        let ticked = tick(values)?;
        let is_refused = field.required && !ticked;
        return if is_refused { Err(FieldReason::NotTicked) } else { Ok(Some(ticked.into())) };
    }
    if let FieldKind::MultiSelect(choices) = &field.kind {
        return read_choices(choices, field.required, values);
    }
    let Some(value) = single(values)? else {
        return match &field.kind {
            FieldKind::Hidden { value } if !value.is_empty() => Ok(Some(value.as_str().into())),
            _ if field.required => Err(FieldReason::Missing),
            _ => Ok(None),
        };
    };
    let read = match &field.kind {
        FieldKind::Text | FieldKind::Hidden { .. } => read_line(value)?.into(),
        FieldKind::Textarea => read_lines(value)?.into(),
        FieldKind::Email => address::read_email(value).map_err(FieldReason::Address)?.into(),
        FieldKind::Tel { region } => {
            address::read_phone(value, region.as_deref()).map_err(FieldReason::Address)?.into()
        }
        FieldKind::Number { min, max } => read_number(value, *min, *max)?,
        FieldKind::Url => read_url(value)?.into(),
        FieldKind::Date => read_day(value)?.into(),
        FieldKind::Select(choices) | FieldKind::Radio(choices) => choice(choices, value)?.into(),
        FieldKind::Country => country::find(value).ok_or(FieldReason::NotACountry)?.code.into(),
        FieldKind::Checkbox | FieldKind::MultiSelect(_) => return Ok(None),
    };
    Ok(Some(read))
}

/// Returns the single value that is not blank, trimmed. Trimming also removes invisible characters
/// that come with pasted text, such as direction marks around a copied number.
fn single(values: &[String]) -> Result<Option<&str>, FieldReason> {
    let is_margin = |c: char| c.is_whitespace() || visitor_text::is_invisible(c);
    let trimmed = values.iter().map(|value| value.trim_matches(is_margin));
    let mut filled = trimmed.filter(|value| !value.is_empty());
    let first = filled.next();
    if filled.next().is_some() { Err(FieldReason::SeveralValues) } else { Ok(first) }
}

/// Reads one line. A tab, as it comes with pasted cells, becomes a space.
fn read_line(value: &str) -> Result<String, FieldReason> {
    let text = value.replace('\t', " ");
    check_line(&text, TEXT_CHARS_MAX)?;
    Ok(text)
}

/// Reads several lines. Browsers send line breaks as CR LF; only LF is kept.
fn read_lines(value: &str) -> Result<String, FieldReason> {
    let text = value.replace("\r\n", "\n").replace('\r', "\n").replace('\t', " ");
    check_text(&text, TEXTAREA_CHARS_MAX, |c| c == '\n')?;
    Ok(text)
}

/// Checks one line, in which characters that change the text direction are refused.
fn check_line(text: &str, chars_max: usize) -> Result<(), FieldReason> {
    if text.chars().any(visitor_text::is_bidi) {
        return Err(FieldReason::ControlCharacter);
    }
    check_text(text, chars_max, |_| false)
}

fn check_text(
    text: &str,
    chars_max: usize,
    is_allowed: impl Fn(char) -> bool,
) -> Result<(), FieldReason> {
    if text.chars().any(|c| is_forbidden_control(c) && !is_allowed(c)) {
        return Err(FieldReason::ControlCharacter);
    }
    if text.chars().count() > chars_max { Err(FieldReason::TooLong(chars_max)) } else { Ok(()) }
}

/// Reads a decimal number; whole numbers are kept as integers.
fn read_number(
    value: &str,
    min: Option<f64>,
    max: Option<f64>,
) -> Result<serde_json::Value, FieldReason> {
    let text: String = value.chars().map(half_width).collect();
    let is_plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    if !text.chars().all(is_plain) {
        return Err(FieldReason::NotANumber);
    }
    let number: f64 = text.parse().map_err(|_| FieldReason::NotANumber)?;
    if !number.is_finite() {
        return Err(FieldReason::NotANumber);
    }
    match (min, max) {
        (Some(min), _) if number < min => Err(FieldReason::TooSmall(min)),
        (_, Some(max)) if number > max => Err(FieldReason::TooGreat(max)),
        // Above 2^53 a float does not represent every whole number, so the value stays a float.
        _ if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 => {
            Ok((number as i64).into())
        }
        _ => Ok(number.into()),
    }
}

/// Reads an absolute http or https URL with a host and without user information.
fn read_url(value: &str) -> Result<String, FieldReason> {
    check_line(value, URL_CHARS_MAX)?;
    let (scheme, rest) = value.split_once("://").ok_or(FieldReason::NotAUrl)?;
    let scheme = scheme.to_ascii_lowercase();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    let is_good = (scheme == "http" || scheme == "https")
        && host.split('.').all(is_label)
        && port.parse::<u16>().is_ok()
        && !value
            .contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\\' | '`'));
    if is_good { Ok(format!("{scheme}://{rest}")) } else { Err(FieldReason::NotAUrl) }
}

/// Reads `YYYY-MM-DD`; the day must exist.
fn read_day(value: &str) -> Result<String, FieldReason> {
    let text: String = value.chars().map(half_width).collect();
    let bytes = text.as_bytes();
    let is_shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, byte)| match i {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !is_shaped {
        return Err(FieldReason::NotADay);
    }
    let day: jiff::civil::Date = text.parse().map_err(|_| FieldReason::NotADay)?;
    Ok(day.to_string())
}

fn choice<'a>(choices: &'a [FieldOption], value: &str) -> Result<&'a str, FieldReason> {
    let found = choices.iter().find(|choice| choice.value.trim() == value);
    found.map(|choice| choice.value.as_str()).ok_or(FieldReason::NotAnOption)
}

/// Reads several options, each once, in the form's order.
fn read_choices(
    choices: &[FieldOption],
    required: bool,
    values: &[String],
) -> Result<Option<serde_json::Value>, FieldReason> {
    let sent = values.iter().map(|value| value.trim()).filter(|value| !value.is_empty());
    let chosen = sent.map(|value| choice(choices, value)).collect::<Result<Vec<_>, _>>()?;
    let ordered: Vec<&str> = choices
        .iter()
        .map(|choice| choice.value.as_str())
        .filter(|value| chosen.contains(value))
        .collect();
    match ordered.is_empty() {
        true if required => Err(FieldReason::Missing),
        true => Ok(None),
        false => Ok(Some(ordered.into())),
    }
}

#[cfg(test)]
mod tests;
