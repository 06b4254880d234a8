//! Base: the small values that every other room is made of: ids, instants, money, languages, signed
//! tokens, web addresses, diagnostics. Nothing here knows a contact or a campaign.

pub mod primitives;
pub mod language;
pub mod diagnostic;
pub mod token;
pub mod bucketing;
pub mod web_address;
