//! One contact: found by a name, explained, erased, merged; what it says by the links of a message,
//! and what operators keep and audit about it.

pub mod find;
pub mod subscription_links;
pub mod preferences;
pub mod consent_ledger;
pub mod erase;
pub mod merge;
pub mod explain;
pub mod suppressions;
