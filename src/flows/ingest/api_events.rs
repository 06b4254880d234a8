//! Validates the events that a customer's own system sends through the API.
//!
//! Either all events of a request are valid and go to the intake queue, or none is taken and the
//! response names each invalid one. Where events have ids of their own, it is checked whether an id
//! already belongs to different content. `commit` checks again, because events that wait in the
//! queue are in no database yet.

use crate::domain::base::diagnostic::brief;
use crate::domain::base::primitives::{Ids, Millis, Money, RecordId, Span, currency_meant};
use crate::domain::base::token::sha256_hex;
use crate::domain::contact::address::{read_email, read_phone};
use crate::domain::inbound::custom_event::{API_KEY, CustomEvent};
use crate::domain::record::event::{CURRENCY, Properties, VALUE, VALUE_MINOR, names};
use crate::flows::ports::Database;
use crate::flows::tasks::Intake;
use crate::store::contacts::{self, KeyRow};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most events in one request: the size of one batch of the intake queue.
pub const EVENTS_PER_REQUEST_MAX: usize = 100;
/// The largest body of a request, in bytes.
pub const EVENTS_BODY_BYTES_MAX: usize = 256 * 1024;
/// The most bytes of one event's properties, as JSON.
pub const PROPERTIES_BYTES_MAX: usize = 8 * 1024;
/// How far a client's clock may be ahead of ours.
pub const CLOCK_AHEAD_MAX: Span = Span::minutes(5);

/// An event as the API accepts it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiEvent {
    /// The idempotency key: two events with the same id are the same event.
    id: Option<String>,
    name: String,
    /// RFC 3339; now if absent.
    at: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    external_id: Option<String>,
    contact_id: Option<String>,
    /// A decimal number as text, such as "199.00"; needs `currency`.
    value: Option<String>,
    currency: Option<String>,
    #[serde(default)]
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    events: Vec<Value>,
}

/// A problem with one event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventProblem {
    /// The location: `events[2].at`.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Reads a request's body, `{ "events": [ … ] }`.
pub fn read(body: &[u8], now: Millis, ids: &mut Ids) -> Result<Vec<Intake>, Vec<EventProblem>> {
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        vec![problem("body", format!("not {{\"events\": […]}}: {}", brief(&error)))]
    })?;
    if body.events.is_empty() || body.events.len() > EVENTS_PER_REQUEST_MAX {
        let message = format!("send 1 to {EVENTS_PER_REQUEST_MAX} events in one request");
        return Err(vec![problem("events", message)]);
    }
    let mut tasks = Vec::new();
    let mut problems = Vec::new();
    for (index, event) in body.events.into_iter().enumerate() {
        match read_one(event, now, ids) {
            Ok(task) => tasks.push(task),
            Err((key, message)) => {
                let dot = if key.is_empty() { "" } else { "." };
                problems.push(problem(&format!("events[{index}]{dot}{key}"), message));
            }
        }
    }
    if problems.is_empty() { Ok(tasks) } else { Err(problems) }
}

/// Returns a problem for each event whose id belongs to different content, in the same request or
/// in the log. If the database does not answer, the events are accepted anyway and `commit` detects
/// the conflict: losing a fact is worse than reporting a conflict late.
pub async fn conflicts<D: Database>(db: &D, facts: &[Intake]) -> Vec<EventProblem> {
    let reports = facts.iter().enumerate().filter_map(|(index, fact)| match fact {
        Intake::CustomEventV1 { event, .. } => Some((index, event)),
        _ => None,
    });
    let named: Vec<_> = reports.filter(|(_, event)| event.content.is_some()).collect();
    if named.is_empty() {
        return Vec::new();
    }
    let keys: Vec<String> = named.iter().map(|(_, event)| event.key.clone()).collect();
    let rows = db.batch(vec![contacts::known_keys(&keys)]).await.unwrap_or_default();
    let known = rows.first().and_then(|rows| rows.all::<KeyRow>().ok()).unwrap_or_default();
    let mut known: BTreeMap<String, Option<String>> =
        known.into_iter().map(|row| (row.key, row.content)).collect();
    let mut found = Vec::new();
    for (index, event) in named {
        match known.get(&event.key) {
            Some(known) if event.contradicts(known.as_ref()) => {
                let id = event.key.strip_prefix(API_KEY).unwrap_or_default();
                let message = format!(
                    "the id `{}` stands for an event with other content; send the same event \
                     again, or give this one an id of its own",
                    brief(&id)
                );
                found.push(problem(&format!("events[{index}].id"), message));
            }
            Some(_) => {}
            None => _ = known.insert(event.key.clone(), event.content.clone()),
        }
    }
    found
}

/// Returns a hash of the parsed content of an event, without its id, so that different spellings of
/// the same content have the same hash. A time is compared only if the event has one.
fn fingerprint(
    event: &ApiEvent,
    at: Millis,
    email: &Option<String>,
    phone: &Option<String>,
) -> String {
    let ApiEvent { name, external_id, contact_id, value, currency, properties, .. } = event;
    let at = event.at.as_ref().map(|_| at);
    let all = json!([name, at, email, phone, external_id, contact_id, value, currency, properties]);
    sha256_hex(&all.to_string())[..32].to_owned()
}

fn read_one(event: Value, now: Millis, ids: &mut Ids) -> Result<Intake, (&'static str, String)> {
    check_texts(&event)?;
    let event: ApiEvent = serde_json::from_value(event).map_err(|error| ("", brief(&error)))?;
    check_name(&event.name)?;
    let at = read_time(event.at.as_deref(), now)?;
    let email = event.email.as_deref().map(read_email).transpose();
    let phone = event.phone.as_deref().map(|phone| read_phone(phone, None)).transpose();
    let (email, phone) = (
        email.map_err(|problem| ("email", problem.to_string()))?,
        phone.map_err(|problem| ("phone", problem.to_string()))?,
    );
    let content = event.id.is_some().then(|| fingerprint(&event, at, &email, &phone));
    let external_id = event.external_id;
    if external_id.as_ref().is_some_and(|id| !is_id(id)) {
        return Err(("external_id", ID_LIMITS.to_owned()));
    }
    let addresses = [&email, &phone, &external_id, &event.contact_id];
    if addresses.iter().all(|address| address.is_none()) {
        let message = "identify the contact: give email, phone, external_id or contact_id";
        return Err(("", message.to_owned()));
    }
    let mut properties = event.properties;
    if serde_json::to_string(&properties).map_or(0, |text| text.len()) > PROPERTIES_BYTES_MAX {
        let message = format!("shorten them to {PROPERTIES_BYTES_MAX} bytes of JSON");
        return Err(("properties", message));
    }
    add_value(&mut properties, event.value, event.currency)?;
    let id = event.id.unwrap_or_else(|| ids.uuid());
    if !is_id(&id) {
        return Err(("id", ID_LIMITS.to_owned()));
    }
    Ok(Intake::CustomEventV1 {
        email,
        phone,
        external_id,
        contact_id: event.contact_id.map(RecordId),
        event: CustomEvent {
            name: event.name,
            at,
            properties,
            key: format!("{API_KEY}{id}"),
            content,
        },
    })
}

const ID_LIMITS: &str = "give 1 to 200 bytes, without control characters";

fn is_id(id: &str) -> bool {
    (1..=200).contains(&id.len()) && !id.chars().any(char::is_control)
}

/// The keys whose values are text.
const TEXTS: [&str; 9] =
    ["id", "name", "at", "email", "phone", "external_id", "contact_id", "value", "currency"];

fn check_texts(event: &Value) -> Result<(), (&'static str, String)> {
    for key in TEXTS {
        match event.get(key) {
            None | Some(Value::Null | Value::String(_)) => {}
            Some(number @ Value::Number(_)) => {
                return Err((key, format!("write it as text, in quotes: \"{number}\"")));
            }
            Some(_) => return Err((key, "write it as text, in quotes".to_owned())),
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), (&'static str, String)> {
    let is_word =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > 100 || !name.bytes().all(is_word) {
        let message = "use 1 to 100 of a-z, 0-9, dot, underscore and hyphen: order.completed";
        return Err(("name", message.to_owned()));
    }
    if names::RESERVED.iter().any(|family| name.starts_with(family)) {
        return Err(("name", format!("`{name}` is reserved for dripline; choose another name")));
    }
    Ok(())
}

fn read_time(text: Option<&str>, now: Millis) -> Result<Millis, (&'static str, String)> {
    let Some(text) = text else { return Ok(now) };
    let at: jiff::Timestamp = text
        .parse()
        .map_err(|_| ("at", "give RFC 3339 with a zone: 2026-03-01T09:00:00Z".to_owned()))?;
    let at = Millis(at.as_millisecond());
    if at > now.plus(CLOCK_AHEAD_MAX) {
        let advice = "report an event after it happened";
        return Err(("at", format!("`{text}` is in the future; {advice}")));
    }
    if at.0 < 0 {
        return Err(("at", format!("`{text}` is before 1970")));
    }
    Ok(at)
}

/// Puts the value of the event into its properties, in minor units.
fn add_value(
    properties: &mut Properties,
    value: Option<String>,
    currency: Option<String>,
) -> Result<(), (&'static str, String)> {
    if properties.contains_key(VALUE) {
        let message = "`value` is what the event is worth: write it beside `properties`, as text \
                       with its currency; call any other number something else";
        return Err(("properties", message.to_owned()));
    }
    for reserved in [VALUE_MINOR, CURRENCY] {
        if properties.contains_key(reserved) {
            let message = format!("`{reserved}` is set from value and currency; leave it out");
            return Err(("properties", message));
        }
    }
    let Some(value) = value else { return Ok(()) };
    let Some(currency) = currency else {
        return Err(("currency", "a value needs a currency such as \"CNY\"".to_owned()));
    };
    if let Err(meant) = currency_meant(&currency) {
        let remedy = format!("write `{}`", meant.unwrap_or("an ISO 4217 code, such as CNY"));
        return Err(("currency", format!("`{}` is no currency: {remedy}", brief(&currency))));
    }
    let Some(money) = Money::parse(&value, &currency) else {
        return Err((
            "value",
            format!("`{}` is not an amount of {currency}, such as \"199.00\"", brief(&value)),
        ));
    };
    properties.insert(VALUE_MINOR.to_owned(), money.minor.into());
    properties.insert(CURRENCY.to_owned(), money.currency.into());
    Ok(())
}

fn problem(key: &str, message: String) -> EventProblem {
    EventProblem { key: key.to_owned(), message }
}
