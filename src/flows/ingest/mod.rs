//! What comes in: forms, events from the customer's own systems, provider webhooks, and the intake
//! queue on which they wait. Not here: what a contact becomes by it (`domain/engine`).

pub mod form;
pub mod api_events;
pub mod webhook;
pub mod consume;
pub mod resolve;
