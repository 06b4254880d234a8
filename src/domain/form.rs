//! A form: its fields, its consent text, and the reading of one visitor's answer.

use super::primitives::Channel;
use serde::{Deserialize, Serialize};

/// A form as a campaign file describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// In the order they are shown.
    pub fields: Vec<Field>,
    /// What the visitor may agree to; `None` asks nothing, and then no marketing may be sent.
    pub consent: Option<ConsentAsk>,
    /// The page shown after a submission (a page's name in the same campaign).
    pub thanks: Option<String>,
    /// The label of the button; a house default in the campaign's language if absent.
    pub submit_label: Option<String>,
    /// Other sites that may send this form with JavaScript: exact origins, `https://example.com`.
    pub origins: Vec<String>,
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The name in the form body and, for most types, the attribute that it sets.
    pub name: String,
    /// What is shown beside it; made from the name if absent.
    pub label: Option<String>,
    /// A hint below the field.
    pub help: Option<String>,
    /// What kind of answer is taken.
    pub kind: FieldKind,
    /// Whether an empty answer is refused.
    pub required: bool,
}

/// The types of field (`type` in a campaign file), with what each of them needs.
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
        /// The ISO 3166 country a number without `+` is read in, such as `CN`.
        region: Option<String>,
    },
    /// A number, within the bounds if there are any.
    Number {
        /// The least value taken.
        min: Option<f64>,
        /// The greatest value taken.
        max: Option<f64>,
    },
    /// An http or https address.
    Url,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// One of the options, in a drop-down list.
    Select(Vec<Choice>),
    /// One of the options, as buttons.
    Radio(Vec<Choice>),
    /// Yes or no.
    Checkbox,
    /// Any number of the options.
    MultiSelect(Vec<Choice>),
    /// An ISO 3166 country code.
    Country,
    /// Sent along unseen, with this value unless the page's address has a parameter of its name.
    Hidden {
        /// The value when the address has none.
        value: String,
    },
}

/// One option of a select, radio or multi-select field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// What is kept.
    pub value: String,
    /// What is shown.
    pub label: String,
}

/// What a visitor is asked to agree to, with a checkbox that starts empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsentAsk {
    /// What the messages are for, such as `newsletter`.
    pub purpose: String,
    /// The channels agreed to.
    pub channels: Vec<Channel>,
    /// The exact words beside the checkbox; they are kept with each consent.
    pub text: String,
    /// Whether the form is refused without it.
    pub required: bool,
    /// Whether e-mail waits until the address is confirmed by its owner.
    pub double_opt_in: bool,
}
