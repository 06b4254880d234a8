//! The public area: pages, forms, the links of messages, provider webhooks.

pub mod forms;
pub mod pages;
pub mod subscriptions;
pub mod tracking;
pub mod webhooks;
