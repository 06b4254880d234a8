//! The API: JSON for programs that hold a token. One file per resource.

pub mod audit;
pub mod broadcasts;
pub mod campaigns;
pub mod companies;
pub mod contacts;
pub mod dead_letters;
pub mod description;
pub mod events;
pub mod exports;
pub mod health;
pub mod imports;
pub mod journeys;
pub mod kinds;
pub mod lists;
pub mod members;
pub mod messages;
pub mod quarantine;
pub mod records;
pub mod reports;
pub mod restore;
pub mod roles;
pub mod search;
pub mod sessions;
pub mod suppressions;
pub mod tokens;
