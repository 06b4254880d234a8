//! Records of any kind: their kinds, editing, reading, erasing and merging. Contacts have flows of
//! their own for what only persons have (`flows/contact`).

pub mod edit;
pub mod erase;
pub mod export;
pub mod kinds;
pub mod read;
