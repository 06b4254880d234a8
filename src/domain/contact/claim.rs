//! Claims: what a form says of a contact that is known already, and that contradicts or adds an
//! address. Anybody can type anybody's address, so it stays with the event of the form until the
//! owner of the mailbox confirms it.

use super::event::{Event, names};
use crate::domain::base::primitives::{Millis, Span};
use crate::domain::contact::Contact;
use serde_json::{Map, Value};

/// What is claimed: attributes by name, and under `phone` a number in E.164.
pub type Claims = Map<String, Value>;

/// The claim of a number.
pub const PHONE: &str = "phone";

/// The property of `form.submitted` that has the claims.
pub const CLAIMS: &str = "claims";

/// The property of `contact.updated` that says which claims the owner has answered: those until
/// then.
pub const UNTIL: &str = "until";

/// How long a claim waits: as long as the link of a confirmation mail works.
pub const CLAIM_AGE_MAX: Span = Span::days(14);

/// The events that claims are read from.
pub const ASKED: [&str; 2] = [names::FORM_SUBMITTED, names::CONTACT_UPDATED];

/// The names of fields of the contact that no answer of this name sets.
const NOT_SET: [&str; 4] = ["email", "phone", "external_id", "score"];

/// Whether an answer has to wait for the owner: a known contact has another value already.
pub fn is_claim(contact: &Contact, name: &str, value: &Value) -> bool {
    let is_blank = |known: &Value| known.as_str().is_some_and(|text| text.trim().is_empty());
    let known = contact.attribute(name).filter(|known| !is_blank(known));
    !NOT_SET.contains(&name) && known.is_some_and(|known| known != *value)
}

/// The claims that wait for the owner, of those made until `shown_at`; of two about one thing the
/// newer. The contact must have been read with the events of `ASKED`.
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

/// The claims of an event. What was copied from another contact was claimed of that one.
pub fn of(event: &Event) -> impl Iterator<Item = (&String, &Value)> {
    let is_own = event.name == names::FORM_SUBMITTED && !event.properties.contains_key("copied");
    let claims = event.properties.get(CLAIMS).filter(|_| is_own);
    claims.and_then(Value::as_object).into_iter().flatten()
}
