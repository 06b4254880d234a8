//! Base: the small values that every other room is built from: ids, instants, money, languages,
//! signed tokens, web addresses, diagnostics. Nothing here depends on contacts or campaigns.

pub mod primitives;
pub mod language;
pub mod diagnostic;
pub mod token;
pub mod bucketing;
pub mod web_address;
