//! Frequency caps: when one contact may get another message.

use super::schedule::PacingCheck;
use crate::domain::base::primitives::{CampaignId, Channel, MessageId, Millis};
use crate::domain::contact::message::{Class, Message};
use crate::domain::pacing::Cap;
use serde::Deserialize;

/// A cap, and of which campaign; of all together if it is the deployment's.
#[derive(Clone, Copy, Debug)]
pub struct ScopedCap<'a> {
    /// The cap.
    pub cap: &'a Cap,
    /// The campaign.
    pub campaign: Option<&'a CampaignId>,
}

/// A place that a message took when a delivery let it leave.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SentMessage {
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

impl<'a> PacingCheck<'a> {
    /// The caps that count this message.
    pub fn caps(&self) -> Vec<ScopedCap<'a>> {
        if self.is_free() {
            return Vec::new();
        }
        let own = self.pacing.caps.iter();
        let own = own.map(|cap| ScopedCap { cap, campaign: Some(&self.campaign.id) });
        let all = self.house.caps.iter().map(|cap| ScopedCap { cap, campaign: None });
        own.chain(all).filter(|scoped| scoped.counts(self.message)).collect()
    }
}

impl ScopedCap<'_> {
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
    fn room_at(&self, others: &[&SentMessage], now: Millis) -> Millis {
        let counts = |p: &&&SentMessage| self.covers(&p.campaign_id, p.channel, p.class);
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
pub fn room_at(
    message: &MessageId,
    caps: &[ScopedCap<'_>],
    taken: &[SentMessage],
    now: Millis,
) -> Millis {
    let others: Vec<&SentMessage> =
        taken.iter().filter(|place| place.message_id != *message).collect();
    caps.iter().map(|scoped| scoped.room_at(&others, now)).max().unwrap_or(now)
}
