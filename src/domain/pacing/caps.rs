//! Caps: how many messages one contact gets within a time, in any window of that length.

use super::{Classes, Paced};
use crate::domain::message::{Class, Message};
use crate::domain::primitives::{CampaignId, Channel, MessageId, Millis, Span};
use serde::{Deserialize, Serialize};

/// The longest time that a cap may look back: places that are older are forgotten.
pub const WITHIN_MAX: Span = Span::days(31);

/// So many messages within any such time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// On this channel; on all together if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Of these classes.
    #[serde(default)]
    pub class: Classes,
    /// How many.
    pub messages: u32,
    /// Within any time of this length.
    #[serde(deserialize_with = "super::span")]
    pub within: Span,
}

impl Cap {
    /// What is wrong with it: the key, and what to do.
    pub fn wrong(&self) -> Option<(&'static str, String)> {
        if self.messages == 0 {
            let message = "with none nothing is ever sent: give 1 or more, or no cap";
            return Some(("messages", message.to_owned()));
        }
        if self.within < Span::minutes(1) || self.within > WITHIN_MAX {
            return Some((
                "within",
                format!("give a span between 1m and {}", WITHIN_MAX.0 / DAY) + "d",
            ));
        }
        None
    }
}

const DAY: i64 = Span::days(1).0;

/// A cap, and of which campaign; of all together if it is the deployment's.
#[derive(Clone, Copy, Debug)]
pub struct Scoped<'a> {
    /// The cap.
    pub cap: &'a Cap,
    /// The campaign.
    pub campaign: Option<&'a CampaignId>,
}

/// A place that a message took when a delivery let it leave.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Place {
    /// The message; taken up again, it has the same place.
    pub message_id: MessageId,
    /// Its campaign.
    pub campaign_id: CampaignId,
    /// Its channel.
    pub channel: Channel,
    /// Its class.
    pub class: Class,
    /// When it was last let leave.
    pub at: Millis,
}

impl<'a> Paced<'a> {
    /// The caps that count this message.
    pub fn caps(&self) -> Vec<Scoped<'a>> {
        if self.is_free() {
            return Vec::new();
        }
        let own = self.pacing.caps.iter();
        let own = own.map(|cap| Scoped { cap, campaign: Some(&self.campaign.id) });
        let all = self.house.caps.iter().map(|cap| Scoped { cap, campaign: None });
        own.chain(all).filter(|scoped| scoped.counts(self.message)).collect()
    }
}

impl Scoped<'_> {
    /// Whether it counts a message.
    pub fn counts(&self, message: &Message) -> bool {
        self.covers(&message.campaign, message.channel, message.class)
    }

    fn covers(&self, campaign: &CampaignId, channel: Channel, class: Class) -> bool {
        self.cap.channel.is_none_or(|only| only == channel)
            && self.cap.class.cover(class)
            && self.campaign.is_none_or(|only| only == campaign)
    }

    /// The first moment at which there is room among places that others have taken.
    fn room_at(&self, others: &[&Place], now: Millis) -> Millis {
        let counts = |p: &&&Place| self.covers(&p.campaign_id, p.channel, p.class);
        let mut taken: Vec<Millis> = others.iter().filter(counts).map(|place| place.at).collect();
        taken.sort_unstable();
        // The last of so many: when it is out of the window, one fewer than allowed is left in it.
        let blocking = taken.len().checked_sub(self.cap.messages as usize);
        let blocking = blocking.and_then(|index| taken.get(index));
        blocking.map_or(now, |at| now.max(at.plus(self.cap.within)))
    }
}

/// The first moment at which all these caps have room for a message, beside the places that the
/// contact's others have taken.
pub fn room_at(message: &MessageId, caps: &[Scoped<'_>], taken: &[Place], now: Millis) -> Millis {
    let others: Vec<&Place> = taken.iter().filter(|place| place.message_id != *message).collect();
    caps.iter().map(|scoped| scoped.room_at(&others, now)).max().unwrap_or(now)
}
