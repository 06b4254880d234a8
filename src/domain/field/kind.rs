//! The types of field, with their settings.

use super::options::Choice;
use super::table::Column;
use serde::{Deserialize, Serialize};

/// The types of field. Their JSON is the one of published forms, whose thirteen types are among
/// them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// One line of text, at most 255 characters.
    Text,
    /// Several lines of text, at most 5,000 characters.
    Textarea,
    /// Text with headings, lists, links and emphasis, kept as clean HTML.
    RichText,
    /// An e-mail address.
    Email,
    /// A phone number, kept as E.164.
    Tel {
        /// The ISO 3166 country in which a number without `+` is read, such as `CN`.
        region: Option<String>,
    },
    /// An http or https URL.
    Url,
    /// A number, within the bounds if there are any.
    Number { min: Option<f64>, max: Option<f64> },
    /// A percentage, kept as what is written before the sign: 12.5.
    Percent { min: Option<f64>, max: Option<f64> },
    /// A number of stars, from 1 to this.
    Rating { max: u8 },
    /// An amount, kept as whole minor units, and written as an amount everywhere else.
    Money {
        /// ISO 4217, upper case.
        currency: String,
    },
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A time of day without a zone, `09:30`.
    Time,
    /// An instant, kept as RFC 3339 in UTC, in whole seconds.
    #[serde(rename = "datetime")]
    DateTime,
    /// A length of time, kept in milliseconds, whole seconds.
    Duration,
    /// Two days and all between them, kept as `2026-03-01/2026-03-31`.
    DateRange,
    /// One of the options, in a drop-down list.
    Select(Vec<Choice>),
    /// One of the options, as buttons.
    Radio(Vec<Choice>),
    /// Any number of the options, kept as a list in their order.
    MultiSelect(Vec<Choice>),
    /// Yes or no.
    Checkbox,
    /// An ISO 3166 country code.
    Country,
    /// A region; see `region`.
    Region,
    /// A postal address, kept as an object; see `postal`.
    Address,
    /// A contact, by its id.
    Person,
    /// A member of the team that works with the records, by its id.
    Member,
    /// A team, by its path: `sales/east`.
    Team,
    /// A record, by its id.
    Link {
        /// The kind of record.
        to: String,
    },
    /// Several records, kept as a list of ids.
    Links {
        /// The kind of record.
        to: String,
    },
    /// A list of lines, kept as a list of objects.
    Table { columns: Vec<Column> },
    /// A number that is computed from other fields; see `formula`.
    Formula {
        expression: String,
        /// The currency, if the result is an amount; it is kept as those are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        currency: Option<String>,
    },
    /// A number given to each new record, written by a pattern; see `auto_number`.
    AutoNumber { pattern: String },
    /// The https address of a picture.
    Image,
    /// The https address of a file.
    File,
    /// One line of text, kept encrypted; see `sealed`.
    Sealed,
    /// Not shown on a public form, where it has this value unless the page's URL has a parameter of
    /// the field's name. Elsewhere it is one line of text.
    Hidden {
        /// The value if the URL has none.
        value: String,
    },
}

impl FieldType {
    /// Returns the name of the type in files and documents.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Textarea => "textarea",
            Self::RichText => "rich-text",
            Self::Email => "email",
            Self::Tel { .. } => "tel",
            Self::Url => "url",
            Self::Number { .. } => "number",
            Self::Percent { .. } => "percent",
            Self::Rating { .. } => "rating",
            Self::Money { .. } => "money",
            Self::Date => "date",
            Self::Time => "time",
            Self::DateTime => "datetime",
            Self::Duration => "duration",
            Self::DateRange => "date-range",
            Self::Select(_) => "select",
            Self::Radio(_) => "radio",
            Self::MultiSelect(_) => "multi-select",
            Self::Checkbox => "checkbox",
            Self::Country => "country",
            Self::Region => "region",
            Self::Address => "address",
            Self::Person => "person",
            Self::Member => "member",
            Self::Team => "team",
            Self::Link { .. } => "link",
            Self::Links { .. } => "links",
            Self::Table { .. } => "table",
            Self::Formula { .. } => "formula",
            Self::AutoNumber { .. } => "auto-number",
            Self::Image => "image",
            Self::File => "file",
            Self::Sealed => "sealed",
            Self::Hidden { .. } => "hidden",
        }
    }

    /// Returns the options of a type that has some.
    pub fn choices(&self) -> Option<&[Choice]> {
        match self {
            Self::Select(choices) | Self::Radio(choices) | Self::MultiSelect(choices) => {
                Some(choices)
            }
            _ => None,
        }
    }

    /// Returns whether what is kept is in other units than what people write, or nothing for them:
    /// the API and pages then have the text of `export`.
    pub fn is_written(&self) -> bool {
        use FieldType::{Duration, Formula, Money, Sealed};
        matches!(self, Money { .. } | Duration | Formula { .. } | Sealed)
    }

    /// Returns whether the system gives the value, and nobody types it.
    pub fn is_computed(&self) -> bool {
        matches!(self, Self::Formula { .. } | Self::AutoNumber { .. })
    }

    /// Returns whether what is kept is a number.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Number { .. }
                | Self::Percent { .. }
                | Self::Rating { .. }
                | Self::Money { .. }
                | Self::Duration
                | Self::Formula { .. }
        )
    }

    /// Returns whether an index of the database can hold the value, so that lists are sorted and
    /// found by it.
    pub fn is_indexable(&self) -> bool {
        !matches!(
            self,
            Self::Textarea
                | Self::RichText
                | Self::Address
                | Self::Table { .. }
                | Self::Sealed
                | Self::Image
                | Self::File
        )
    }

    /// Returns whether only one record can be required to have a value: the type has one value that
    /// is typed or given, and two that look the same are the same.
    pub fn may_be_unique(&self) -> bool {
        let is_list = matches!(self, Self::MultiSelect(_) | Self::Links { .. });
        self.is_indexable() && !is_list && !matches!(self, Self::Checkbox | Self::Formula { .. })
    }

    /// Returns whether a table may have a column of the type: a simple value that is typed.
    pub fn may_be_column(&self) -> bool {
        let is_list = matches!(self, Self::MultiSelect(_) | Self::Links { .. });
        let is_plain = self.is_indexable() && !is_list && !self.is_computed();
        is_plain && !matches!(self, Self::Hidden { .. })
    }
}
