//! Publication: what a campaign must be to be published, its published versions, and what a new
//! version changes. Not here: what a campaign is (`campaign`), and how its file is read
//! (`campaign_file`).

pub mod catalog;
pub mod diff;
pub mod lint;
pub mod unpublished;
pub mod validate;
