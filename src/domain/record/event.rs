//! An event: a dated fact about a contact, numbered within the contact's own log.

use crate::domain::base::primitives::{CampaignId, Millis};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub type Properties = Map<String, Value>;

/// The property with the value of an event, as an amount of a currency.
pub const VALUE: &str = "value";
/// The property with the same value in minor units.
pub const VALUE_MINOR: &str = "value_minor";
/// The property with the currency of the value (ISO 4217).
pub const CURRENCY: &str = "currency";

/// The names of the events that dripline itself records. The API adds others.
pub mod names {
    pub const FORM_SUBMITTED: &str = "form.submitted";
    pub const MESSAGE_SENT: &str = "message.sent";
    pub const MESSAGE_DELIVERED: &str = "message.delivered";
    pub const MESSAGE_RECEIVED: &str = "message.received";
    pub const MESSAGE_BOUNCED: &str = "message.bounced";
    pub const MESSAGE_CHARGED: &str = "message.charged";
    pub const MESSAGE_COMPLAINED: &str = "message.complained";
    pub const MESSAGE_UNSUBSCRIBED: &str = "message.unsubscribed";
    pub const MESSAGE_OPENED: &str = "message.opened";
    pub const MESSAGE_CLICKED: &str = "message.clicked";
    pub const MESSAGE_RECLASSIFIED: &str = "message.rejudged";
    pub const MESSAGE_SKIPPED: &str = "message.skipped";
    pub const MESSAGE_FAILED: &str = "message.failed";
    pub const MESSAGE_UNKNOWN: &str = "message.unknown";
    pub const MESSAGE_TEST_REQUESTED: &str = "message.test_asked";
    pub const MESSAGE_TESTED: &str = "message.tested";
    pub const CONSENT_GRANTED: &str = "consent.granted";
    pub const CONSENT_CONFIRMED: &str = "consent.confirmed";
    pub const CONSENT_WITHDRAWN: &str = "consent.withdrawn";
    pub const CONSENT_PREFERENCES: &str = "consent.preferences";
    pub const CONTACT_SUPPRESSED: &str = "contact.suppressed";
    pub const CONTACT_RELEASED: &str = "contact.released";
    pub const CONTACT_RESPELLED: &str = "contact.respelled";
    pub const SEGMENT_ENTERED: &str = "segment.entered";
    pub const SEGMENT_LEFT: &str = "segment.left";
    pub const LIST_JOINED: &str = "list.joined";
    pub const LIST_LEFT: &str = "list.left";
    pub const JOURNEY_ENTERED: &str = "journey.entered";
    pub const JOURNEY_MOVED: &str = "journey.moved";
    pub const JOURNEY_MIGRATED: &str = "journey.migrated";
    pub const JOURNEY_RESCHEDULED: &str = "journey.rescheduled";
    pub const JOURNEY_COMPLETED: &str = "journey.completed";
    pub const JOURNEY_EXITED: &str = "journey.exited";
    pub const JOURNEY_FAILED: &str = "journey.failed";
    pub const GOAL_REACHED: &str = "goal.reached";
    pub const BROADCAST_QUEUED: &str = "broadcast.queued";
    pub const BROADCAST_SKIPPED: &str = "broadcast.skipped";
    pub const BROADCAST_CONVERTED: &str = "broadcast.converted";
    pub const CONTACT_NAMED: &str = "contact.named";
    pub const CONTACT_UPDATED: &str = "contact.updated";
    pub const CONTACT_REPORT_REFUSED: &str = "contact.report_refused";
    pub const CONTACT_ERASED: &str = "contact.erased";
    pub const CONTACT_MERGED: &str = "contact.merged";
    pub const CONTACT_REDATED: &str = "contact.redated";
    pub const RECORD_CREATED: &str = "record.created";
    pub const RECORD_EDITED: &str = "record.edited";
    pub const RECORD_ERASED: &str = "record.erased";
    pub const RECORD_REDATED: &str = "record.redated";
    pub const RECORD_MERGED: &str = "record.merged";
    pub const COMPANY_JOINED: &str = "company.joined";
    pub const COMPANY_CHANGED: &str = "company.changed";
    pub const COMPANY_LEFT: &str = "company.left";

    /// The prefixes of event names that only dripline may record.
    pub const RESERVED: [&str; 11] = [
        "form.", "message.", "consent.", "contact.", "segment.", "journey.", "goal.", "broadcast.",
        "record.", "company.", "list.",
    ];

    /// The names that begin with one of `RESERVED`.
    pub const OWN: &[&str] = &[
        FORM_SUBMITTED, MESSAGE_SENT, MESSAGE_DELIVERED, MESSAGE_RECEIVED, MESSAGE_BOUNCED,
        MESSAGE_CHARGED, MESSAGE_COMPLAINED, MESSAGE_UNSUBSCRIBED, MESSAGE_OPENED, MESSAGE_CLICKED,
        MESSAGE_RECLASSIFIED, MESSAGE_SKIPPED, MESSAGE_FAILED, MESSAGE_UNKNOWN,
        MESSAGE_TEST_REQUESTED, MESSAGE_TESTED, CONSENT_GRANTED, CONSENT_CONFIRMED,
        CONSENT_WITHDRAWN, CONSENT_PREFERENCES, CONTACT_SUPPRESSED, CONTACT_RELEASED,
        CONTACT_RESPELLED, SEGMENT_ENTERED, SEGMENT_LEFT, LIST_JOINED, LIST_LEFT, JOURNEY_ENTERED,
        JOURNEY_MOVED, JOURNEY_MIGRATED, JOURNEY_RESCHEDULED, JOURNEY_COMPLETED, JOURNEY_EXITED,
        JOURNEY_FAILED, GOAL_REACHED, BROADCAST_QUEUED, BROADCAST_SKIPPED, BROADCAST_CONVERTED,
        CONTACT_NAMED, CONTACT_UPDATED, CONTACT_REPORT_REFUSED, CONTACT_ERASED, CONTACT_MERGED,
        CONTACT_REDATED, RECORD_CREATED, RECORD_EDITED, RECORD_ERASED, RECORD_REDATED,
        RECORD_MERGED, COMPANY_JOINED, COMPANY_CHANGED, COMPANY_LEFT,
    ];
}

/// The events that say which positions a contact has had. Who reads a contact with them also gets
/// its positions.
pub const POSITION_EVENTS: [&str; 2] = [names::COMPANY_JOINED, names::COMPANY_LEFT];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The number in the contact's log, from 1.
    pub seq: i64,
    pub at: Millis,
    pub name: String,
    /// The campaign it belongs to, if any.
    pub campaign: Option<CampaignId>,
    pub properties: Properties,
}

impl Event {
    /// Returns whether the property `name` equals `value`.
    pub fn has(&self, name: &str, value: &str) -> bool {
        self.properties.get(name).and_then(Value::as_str) == Some(value)
    }

    /// Returns whether a person did this, as far as we can tell. A bot's event is recorded too,
    /// with `machine: true`. It has no effect, except where a rule or trigger sets `machines`.
    pub fn is_human(&self) -> bool {
        self.properties.get("machine") != Some(&Value::Bool(true))
    }
}

#[cfg(test)]
mod tests {
    use super::names::{OWN, RESERVED};

    #[test]
    fn every_own_name_is_listed() {
        let source = include_str!("event.rs");
        let literals = source.lines().filter(|line| line.trim().starts_with("pub const "));
        let names = literals.filter_map(|line| line.split('"').nth(1));
        let own: Vec<&str> =
            names.filter(|name| RESERVED.iter().any(|family| name.starts_with(family))).collect();
        assert_eq!(own, OWN);
    }
}
