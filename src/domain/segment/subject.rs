//! What a rule is evaluated for: a record, with what only contacts have.

use crate::domain::base::primitives::{Channel, RecordId};
use crate::domain::contact::Contact;
use crate::domain::contact::consent::Consent;
use crate::domain::contact::position::Position;
use crate::domain::record::{PlainRecord, Record};
use serde_json::Value;
use std::ops::{Deref, DerefMut};

/// A record of any kind, as rules and journeys see it.
pub trait Subject: DerefMut<Target = Record> {
    /// Returns the value of an attribute. The names include those of its own columns.
    fn attribute(&self, name: &str) -> Option<Value>;

    /// Sets an attribute, or one of the columns that a journey may set.
    fn set_attribute(&mut self, name: &str, value: Value);

    /// Returns its own time zone (IANA), if it has one.
    fn time_zone(&self) -> Option<&str>;

    /// Returns the consent for a purpose on a channel. Only contacts have any.
    fn consent(&self, channel: Channel, purpose: &str) -> Option<&Consent>;

    /// Returns where it works. Only contacts have positions.
    fn positions(&self) -> &[Position] {
        &[]
    }

    /// Returns whether it has named a company that is still to be found or made.
    fn names_company(&self) -> bool {
        false
    }
}

/// A record whose kind is known only when it is read.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyRecord {
    Contact(Box<Contact>),
    Plain(Box<PlainRecord>),
}

impl AnyRecord {
    /// Returns what a rule is evaluated for.
    pub fn subject(&self) -> &dyn Subject {
        match self {
            Self::Contact(contact) => &**contact,
            Self::Plain(record) => &**record,
        }
    }

    pub fn contact(&self) -> Option<&Contact> {
        match self {
            Self::Contact(contact) => Some(contact),
            Self::Plain(_) => None,
        }
    }

    pub fn into_contact(self) -> Option<Contact> {
        match self {
            Self::Contact(contact) => Some(*contact),
            Self::Plain(_) => None,
        }
    }

    /// Returns whether this is its id, or was the id of a record that was merged into it.
    pub fn is_known_as(&self, id: &RecordId) -> bool {
        match self {
            Self::Contact(contact) => contact.is_known_as(id),
            Self::Plain(record) => record.is_known_as(id),
        }
    }
}

impl Deref for AnyRecord {
    type Target = Record;

    fn deref(&self) -> &Record {
        match self {
            Self::Contact(contact) => contact,
            Self::Plain(record) => record,
        }
    }
}

impl From<Contact> for AnyRecord {
    fn from(contact: Contact) -> Self {
        Self::Contact(Box::new(contact))
    }
}

impl From<PlainRecord> for AnyRecord {
    fn from(record: PlainRecord) -> Self {
        Self::Plain(Box::new(record))
    }
}

impl Subject for Contact {
    fn attribute(&self, name: &str) -> Option<Value> {
        Self::attribute(self, name)
    }

    fn set_attribute(&mut self, name: &str, value: Value) {
        Self::set_attribute(self, name, value);
    }

    fn time_zone(&self) -> Option<&str> {
        self.time_zone.as_deref()
    }

    fn consent(&self, channel: Channel, purpose: &str) -> Option<&Consent> {
        Self::consent(self, channel, purpose)
    }

    fn positions(&self) -> &[Position] {
        &self.positions
    }

    fn names_company(&self) -> bool {
        self.named_company.is_some()
    }
}

/// The names of a plain record's columns that rules can ask about as if they were attributes.
pub const COLUMNS: [&str; 2] = ["score", "owner"];

impl Subject for PlainRecord {
    fn attribute(&self, name: &str) -> Option<Value> {
        match name {
            "score" => Some(Value::from(self.score)),
            "owner" => self.owner.as_ref().map(|owner| Value::from(owner.as_str())),
            _ => self.attributes.get(name).filter(|value| !value.is_null()).cloned(),
        }
    }

    fn set_attribute(&mut self, name: &str, value: Value) {
        if name != "score" {
            self.record.set_attribute(name, value);
        }
    }

    fn time_zone(&self) -> Option<&str> {
        None
    }

    fn consent(&self, _: Channel, _: &str) -> Option<&Consent> {
        None
    }
}
