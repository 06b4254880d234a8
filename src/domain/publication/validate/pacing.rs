//! Checks that a campaign's pacing lets messages leave at all.

use super::Check;
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{Channel, Millis};
use crate::domain::time::hours::{Hours, TimeWindow, opening};
use jiff::tz::TimeZone;

/// The most frequency caps of one campaign: each costs a count per message.
const CAPS_MAX: usize = 10;

impl Check<'_> {
    pub(super) fn pacing(&mut self) {
        let pacing = &self.campaign.pacing;
        for (channel, quiet) in &pacing.quiet {
            if quiet.from == quiet.to {
                let key = format!("pacing.quiet.{}", channel.as_str());
                self.advise(&key, "covers the whole day, so nothing would ever be sent", ENDLESS);
            }
        }
        self.count("pacing.caps", pacing.caps.len(), CAPS_MAX, "caps");
        for (index, cap) in pacing.caps.iter().enumerate() {
            if let Some((key, wrong)) = cap.wrong() {
                self.error(format!("pacing.caps[{}].{key}", index + 1), wrong);
            }
        }
        if let Some(span) = pacing.give_up_after {
            self.span("pacing.give_up_after", span);
        }
        if let Some((key, wrong)) = pacing.warm_up.as_ref().and_then(|warm_up| warm_up.wrong()) {
            self.error(format!("pacing.warm_up.{key}"), wrong);
        }
        if let Some(window) = &pacing.window {
            self.send_hours("pacing.window", window);
        }
    }

    /// Checks for a window that is empty, or that is within the quiet hours of every channel.
    pub(super) fn send_hours(&mut self, key: &str, window: &Hours) {
        if window.from == window.to {
            self.advise(key, "is empty, because it ends when it begins", ENDLESS);
            return;
        }
        for channel in [Channel::Email, Channel::Sms] {
            let Some(quiet) = self.campaign.pacing.quiet.get(&channel) else { continue };
            let quiet = Hours { from: quiet.from, to: quiet.to, weekdays: Vec::new() };
            if quiet.from == quiet.to {
                continue;
            }
            let gate = |hours: &Hours, opens| TimeWindow { hours: hours.clone(), opens, zone: UTC };
            // With a single clock, any day is representative.
            if opening(Millis(0), &[gate(window, true), gate(&quiet, false)]).is_none() {
                let channel = channel.as_str();
                let message = format!(
                    "is within the quiet hours of {channel}, {} to {}: nothing would be sent",
                    quiet.from, quiet.to
                );
                self.advise(key, &message, "choose hours outside them");
            }
        }
    }

    fn advise(&mut self, key: &str, message: &str, advice: &str) {
        self.problems.push(Problem::new(key, message).help(advice));
    }
}

const UTC: TimeZone = TimeZone::UTC;
const ENDLESS: &str = "give `from` and `to` two different times of day";
