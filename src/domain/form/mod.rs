//! A form: its fields, its consent texts, and the validation of one visitor's submission. Not here:
//! what a submission changes about a contact (`domain/engine/mod.rs`).

pub mod form_data;
pub mod traffic_source;
pub mod visitor_text;

use crate::domain::base::primitives::{Channel, ListId, Span};
use crate::domain::base::token::sha256_hex;
use crate::domain::contact::address::half_width;
use crate::domain::contact::consent::LawfulBasis;
use crate::domain::contact::country;
use crate::domain::field::text::single;
use crate::domain::field::{Choice, FieldType, Reading, Typed, options};
use crate::domain::form::form_data::FormData;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use crate::domain::field::text::{TEXT_CHARS_MAX, TEXTAREA_CHARS_MAX, URL_CHARS_MAX};
pub use crate::domain::field::{FieldProblem, FieldReason, tick};

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
    /// The list that a submission puts the contact on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<ListId>,
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
    /// Whether the answer names the visitor's company, which is found by its name or made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub names_company: bool,
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

impl FieldKind {
    /// Returns the type of a record's field that keeps the same values.
    pub fn field_type(&self) -> FieldType {
        match self {
            Self::Text => FieldType::Text,
            Self::Textarea => FieldType::Textarea,
            Self::Email => FieldType::Email,
            Self::Tel { region } => FieldType::Tel { region: region.clone() },
            Self::Number { min, max } => FieldType::Number { min: *min, max: *max },
            Self::Url => FieldType::Url,
            Self::Date => FieldType::Date,
            Self::Select(choices) => FieldType::Select(field_choices(choices)),
            Self::Radio(choices) => FieldType::Radio(field_choices(choices)),
            Self::Checkbox => FieldType::Checkbox,
            Self::MultiSelect(choices) => FieldType::MultiSelect(field_choices(choices)),
            Self::Country => FieldType::Country,
            Self::Hidden { value } => FieldType::Hidden { value: value.clone() },
        }
    }
}

fn field_choices(choices: &[FieldOption]) -> Vec<Choice> {
    choices.iter().map(|choice| Choice::new(&choice.value, &choice.label)).collect()
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
        let chosen = options::all_by_value(values_of(choices), values)?;
        return match chosen.is_empty() {
            true if field.required => Err(FieldReason::Missing),
            true => Ok(None),
            false => Ok(Some(chosen.into())),
        };
    }
    let Some(value) = single(values)? else {
        return match &field.kind {
            FieldKind::Hidden { value } if !value.is_empty() => Ok(Some(value.as_str().into())),
            _ if field.required => Err(FieldReason::Missing),
            _ => Ok(None),
        };
    };
    if let FieldKind::Select(choices) | FieldKind::Radio(choices) = &field.kind {
        return options::by_value(values_of(choices), value).map(|value| Some(value.into()));
    }
    check_spelling(&field.kind, value)?;
    field.kind.field_type().read(&Typed::Strings(values), &Reading::default())
}

fn values_of(choices: &[FieldOption]) -> impl Iterator<Item = &str> + Clone {
    choices.iter().map(|choice| choice.value.as_str())
}

/// Checks that a value is written as browsers' inputs write it. Fields of records accept further
/// spellings; programs that submit forms rely on these being refused.
fn check_spelling(kind: &FieldKind, value: &str) -> Result<(), FieldReason> {
    let half = || value.chars().map(half_width);
    let (is_good, reason) = match kind {
        FieldKind::Number { .. } => {
            let is_plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
            (half().all(is_plain), FieldReason::NotANumber)
        }
        FieldKind::Date => {
            let is_placed = |(at, c): (usize, char)| match at {
                4 | 7 => c == '-',
                _ => c.is_ascii_digit(),
            };
            let is_shaped = half().count() == 10 && half().enumerate().all(is_placed);
            (is_shaped, FieldReason::NotADay)
        }
        FieldKind::Country => (country::find(value).is_some(), FieldReason::NotACountry),
        _ => (true, FieldReason::Missing),
    };
    if is_good { Ok(()) } else { Err(reason) }
}

#[cfg(test)]
mod tests;
