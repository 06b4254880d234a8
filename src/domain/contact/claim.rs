//! Claims: values in a form submission that contradict what is known about a contact, or add an
//! address to it. Anybody can type anybody's address, so a claim stays with the form's event until
//! the owner of the mailbox confirms it.

use crate::domain::base::primitives::{Millis, Span};
use crate::domain::contact::Contact;
use crate::domain::record::event::{Event, names};
use serde_json::{Map, Value};

/// Claimed attributes by name, and a number in E.164 under `phone`.
pub type Claims = Map<String, Value>;

/// The key of a claimed number.
pub const PHONE: &str = "phone";

/// The property of `form.submitted` that holds the claims.
pub const CLAIMS: &str = "claims";

/// The property of `contact.updated` that holds a time: the owner has answered all claims up to it.
pub const UNTIL: &str = "until";

/// How long a claim stays open: as long as the link of a confirmation e-mail works.
pub const CLAIM_AGE_MAX: Span = Span::days(14);

/// The events that claims are read from.
pub const REQUIRED_HISTORY: [&str; 2] = [names::FORM_SUBMITTED, names::CONTACT_UPDATED];

/// The contact's own fields that a form field of the same name does not set.
const NOT_SET: [&str; 4] = ["email", "phone", "external_id", "score"];

/// Returns whether a submitted value must wait for the owner: the contact already has another
/// value.
pub fn is_claim(contact: &Contact, name: &str, value: &Value) -> bool {
    let is_blank = |known: &Value| known.as_str().is_some_and(|text| text.trim().is_empty());
    let known = contact.attribute(name).filter(|known| !is_blank(known));
    !NOT_SET.contains(&name) && known.is_some_and(|known| known != *value)
}

/// Returns the open claims among those made until `shown_at`. If two are about the same field, the
/// newer one counts. The contact must have been read with the events of `REQUIRED_HISTORY`.
pub fn open(contact: &Contact, shown_at: Millis) -> Claims {
    let answered = contact.history.iter().filter(|event| event.name == names::CONTACT_UPDATED);
    let answered = answered.filter_map(|event| event.properties.get(UNTIL)?.as_i64()).max();
    let since = Millis(answered.unwrap_or(0)).max(shown_at.minus(CLAIM_AGE_MAX));
    let is_open = |event: &&Event| event.at > since && event.at <= shown_at;
    let made = contact.history.iter().filter(is_open).flat_map(of);
    let mut open: Claims = made.map(|(name, value)| (name.clone(), value.clone())).collect();
    open.retain(|name, value| contact.attribute(name).as_ref() != Some(&*value));
    open
}

/// Returns the claims of an event. An event copied from another contact has none: its claims were
/// about that contact.
pub fn of(event: &Event) -> impl Iterator<Item = (&String, &Value)> {
    let is_own = event.name == names::FORM_SUBMITTED && !event.properties.contains_key("copied");
    let claims = event.properties.get(CLAIMS).filter(|_| is_own);
    claims.and_then(Value::as_object).into_iter().flatten()
}
