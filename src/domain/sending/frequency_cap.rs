//! Frequency caps: when a contact may get another message.

use super::schedule::PacingCheck;
use crate::domain::base::primitives::{CampaignId, Channel, MessageId, Millis};
use crate::domain::contact::message::{Class, Message};
use crate::domain::pacing::Cap;
use serde::Deserialize;

/// A cap, and the campaign it is for; a cap of the deployment counts all campaigns together.
#[derive(Clone, Copy, Debug)]
pub struct ScopedCap<'a> {
    pub cap: &'a Cap,
    pub campaign: Option<&'a CampaignId>,
}

/// A reservation that a message made when it was allowed to leave.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SentMessage {
    /// The message; if it is taken up again, it keeps its reservation.
    pub message_id: MessageId,
    pub campaign_id: CampaignId,
    pub channel: Channel,
    pub class: Class,
    /// When it was last allowed to leave.
    pub at: Millis,
}

impl<'a> PacingCheck<'a> {
    /// Returns the caps that count this message.
    pub fn caps(&self) -> Vec<ScopedCap<'a>> {
        if self.is_free() {
            return Vec::new();
        }
        let own = self.pacing.caps.iter();
        let own = own.map(|cap| ScopedCap { cap, campaign: Some(&self.campaign.id) });
        let all = self.deployment.caps.iter().map(|cap| ScopedCap { cap, campaign: None });
        own.chain(all).filter(|scoped| scoped.counts(self.message)).collect()
    }
}

impl ScopedCap<'_> {
    /// Returns whether the cap counts a message.
    pub fn counts(&self, message: &Message) -> bool {
        self.covers(&message.campaign, message.channel(), message.class())
    }

    fn covers(&self, campaign: &CampaignId, channel: Channel, class: Class) -> bool {
        self.cap.channel.is_none_or(|only| only == channel)
            && self.cap.class.cover(class)
            && self.campaign.is_none_or(|only| only == campaign)
    }

    /// Returns the first time at which the other messages' reservations leave room.
    fn room_at(&self, others: &[&SentMessage], now: Millis) -> Millis {
        let counts = |p: &&&SentMessage| self.covers(&p.campaign_id, p.channel, p.class);
        let mut taken: Vec<Millis> = others.iter().filter(counts).map(|place| place.at).collect();
        taken.sort_unstable();
        // Once this one leaves the window, one reservation fewer than the cap is left in it.
        let blocking = taken.len().checked_sub(self.cap.messages as usize);
        let blocking = blocking.and_then(|index| taken.get(index));
        blocking.map_or(now, |at| now.max(at.plus(self.cap.within)))
    }
}

/// Returns the first time at which all these caps have room for a message, given the reservations
/// of the contact's other messages.
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
