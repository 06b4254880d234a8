//! Campaigns: publishing and unpublishing, the published versions that a worker uses, landing
//! pages, and the state of journeys that operators set. Not here: their reports (`report`).

pub mod publish;
pub mod unpublish;
pub mod catalog_cache;
pub mod landing_page;
pub mod journey_control;
pub mod auto_pause;
pub mod reclassify;
pub mod backfill;
