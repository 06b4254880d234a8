//! Single contacts: finding, explaining, erasing and merging them, their subscription links and
//! preferences, and the consents and suppressions that operators audit and maintain. Not here: what
//! reaches a contact from outside (`ingest`), and sending (`send`).

pub mod find;
pub mod subscription_links;
pub mod preferences;
pub mod consent_ledger;
pub mod erase;
pub mod merge;
pub mod scope;
pub mod explain;
pub mod suppressions;
