//! Records of any kind: their kinds, editing, reading, erasing and merging. Contacts have flows of
//! their own for what only persons have (`flows/contact`).

pub mod companies;
pub mod edit;
pub mod erase;
pub mod explain;
pub mod export;
pub mod kinds;
pub mod merge;
pub mod named_companies;
pub mod read;
pub mod search;
