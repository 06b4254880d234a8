//! Campaigns: publishing and unpublishing them, the published versions a worker goes by, their
//! pages, and what an operator says about their journeys. Not here: their reports (`report`).

pub mod publish;
pub mod unpublish;
pub mod catalog_cache;
pub mod landing_page;
pub mod journey_control;
pub mod auto_pause;
pub mod reclassify;
pub mod backfill;
