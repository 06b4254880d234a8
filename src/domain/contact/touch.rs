//! Attribution: which source a contact, and later its conversions, are credited to.
//!
//! The model is the last landing: the newest form submission that brought the contact to the
//! campaign gives its channel, page and variant. A click in a message keeps that touch fresh (the
//! goal's window counts from it) but takes no credit, since a message has no acquisition cost.

use crate::domain::base::primitives::{CampaignId, Millis, Span};
use serde::{Deserialize, Serialize};

/// An interaction with a source that brought a contact to a campaign.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Touch {
    /// The campaign.
    pub campaign: String,
    /// The page it landed on, by name.
    pub page: String,
    /// The page's variant that it saw.
    pub variant: String,
    /// The source: `utm_source`, or else a class of referrer (`search`, `social`, `referral`,
    /// `direct`).
    pub channel: String,
    /// `utm_medium`.
    pub medium: String,
    /// `utm_campaign`.
    pub utm_campaign: String,
    /// `utm_term`.
    pub term: String,
    /// `utm_content`.
    pub content: String,
    /// The page that linked here.
    pub referrer: String,
    /// The path first seen.
    pub landing_path: String,
    /// When it landed.
    pub at: Millis,
    /// When it last interacted, a click in a message included.
    pub fresh_at: Millis,
}

impl Touch {
    /// `<page>/<variant>`, the part that counters are kept by.
    pub fn part(&self) -> String {
        format!("{}/{}", self.page, self.variant)
    }
}

/// How many campaigns' touches a contact keeps; the oldest goes first.
pub const TOUCHES_MAX: usize = 50;

/// Puts a new touch in place of the contact's earlier one with the same campaign.
pub fn remember(touches: &mut Vec<Touch>, touch: Touch) {
    touches.retain(|known| known.campaign != touch.campaign);
    touches.push(touch);
    if touches.len() > TOUCHES_MAX {
        touches.remove(0);
    }
}

/// The touch that a goal event at `at` is credited to: the campaign's, if no older than
/// `within`.
pub fn credited<'a>(
    touches: &'a [Touch],
    campaign: &CampaignId,
    within: Span,
    at: Millis,
) -> Option<&'a Touch> {
    touches.iter().find(|touch| {
        CampaignId::from(touch.campaign.as_str()) == *campaign
            && touch.at <= at
            && at <= touch.fresh_at.plus(within)
    })
}
