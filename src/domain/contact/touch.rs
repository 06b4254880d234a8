//! Attribution: the source that a contact, and later its conversions, are credited to.
//!
//! The model is last landing: the newest form submission that brought the contact to the campaign
//! determines channel, page and variant. A click in a message keeps that touch fresh (the goal's
//! window counts from it) but gets no credit, because a message has no acquisition cost.

use crate::domain::base::primitives::{CampaignId, Millis, Span};
use serde::{Deserialize, Serialize};

/// An interaction with a source that brought a contact to a campaign.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Touch {
    pub campaign: String,
    /// The name of the landing page.
    pub page: String,
    /// The variant of the page that was shown.
    pub variant: String,
    /// The source: `utm_source`, or else a class of referrer (`search`, `social`, `referral`,
    /// `direct`).
    pub channel: String,
    pub medium: String,
    pub utm_campaign: String,
    pub term: String,
    pub content: String,
    /// The page that linked here.
    pub referrer: String,
    /// The path first visited.
    pub landing_path: String,
    /// When the contact landed.
    pub at: Millis,
    /// The last interaction, including a click in a message.
    pub fresh_at: Millis,
}

impl Touch {
    /// Returns `<page>/<variant>`, the key of the counters.
    pub fn part(&self) -> String {
        format!("{}/{}", self.page, self.variant)
    }
}

/// The number of campaigns whose touches a contact keeps; the oldest is dropped first.
pub const TOUCHES_MAX: usize = 50;

/// Replaces the contact's earlier touch with the same campaign.
pub fn remember(touches: &mut Vec<Touch>, touch: Touch) {
    touches.retain(|known| known.campaign != touch.campaign);
    touches.push(touch);
    if touches.len() > TOUCHES_MAX {
        touches.remove(0);
    }
}

/// Returns the touch that a goal event at `at` is credited to: the campaign's touch, unless it is
/// older than `within`.
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
