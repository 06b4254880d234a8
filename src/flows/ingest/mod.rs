//! Input from outside: forms, events from the customer's own systems, provider webhooks, and the
//! intake queue that buffers them. Not here: what follows from it for a contact (`domain/engine`).

pub mod form;
pub mod api_events;
pub mod webhook;
pub mod consume;
pub mod resolve;
