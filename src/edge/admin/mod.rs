//! The web app: pages for people who are signed in, and the local mailbox. One file per resource.

mod page;
pub mod broadcasts;
pub mod campaigns;
pub mod dead_letters;
pub mod journeys;
pub mod mailbox;
pub mod messages;
pub mod quarantine;
pub mod sessions;
pub mod suppressions;
