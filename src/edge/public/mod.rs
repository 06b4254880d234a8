//! What anybody reaches: pages, forms, the links of messages, webhooks of providers.

pub mod forms;
pub mod pages;
pub mod subscriptions;
pub mod tracking;
pub mod webhooks;
