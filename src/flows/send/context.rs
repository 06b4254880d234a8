//! The context of one wave of calls, and whether each of its messages may leave.

use crate::domain::base::primitives::{Millis, Span};
use crate::domain::contact::Contact;
use crate::domain::contact::message::Message;
use crate::domain::publication::catalog::Catalog;
use crate::domain::report::reason::UNREADABLE;
use crate::flows::send::eligibility::{HOLD, Rules, SendDecision, gate};
use crate::flows::send::results::{Disposition, failed, pause};
use crate::flows::send::snapshot::SendSnapshot;
use crate::flows::settings::Settings;

/// The maximum age of the snapshot when a call begins. Calls scheduled later read a new snapshot.
pub const FRESH: Span = Span::seconds(5);

/// How long before the first of its calls a new snapshot is read: enough time for the read, so that
/// no call is delayed.
pub const READ_AHEAD: Span = Span::seconds(1);

/// The context of one wave of calls.
pub struct Wave<'a, D, H> {
    pub db: &'a D,
    /// The client for calls to providers.
    pub http: &'a H,
    /// The published versions.
    pub catalog: &'a Catalog,
    pub settings: &'a Settings,
    /// When the delivery began.
    pub began: Millis,
    /// When the wave begins.
    pub at: Millis,
}

/// A message that may leave.
pub struct Passed<'t> {
    /// The versions whose rules apply to the message.
    pub rules: Rules,
    /// The recipient.
    pub contact: &'t Contact,
    /// The address to send to.
    pub to: String,
}

/// The result of the check of a message.
pub enum Checked<'t> {
    /// Another worker has claimed it.
    Others,
    /// It may leave.
    Passes(Passed<'t>),
    /// It may not leave, now or ever.
    Ends(Disposition),
}

/// Makes a message wait whose version this code cannot read.
fn unreadable(at: Millis) -> Disposition {
    Disposition::Untried { at: at.plus(HOLD), reason: UNREADABLE.to_owned() }
}

impl<D, H> Wave<'_, D, H> {
    /// Checks whether a message may leave at a given time.
    pub fn check<'t>(
        &self,
        message: &Message,
        snapshot: &'t SendSnapshot,
        at: Millis,
    ) -> Checked<'t> {
        if !snapshot.is_ours(message) {
            return Checked::Others;
        }
        // Newer code may be able to read it tomorrow.
        if self.catalog.waits(&message.campaign, message.version) {
            return Checked::Ends(unreadable(at));
        }
        let Some(rules) = self.rules(message) else {
            let gone = "its version is gone".to_owned();
            return Checked::Ends(Disposition::Over(failed(message, gone, false)));
        };
        if rules.published.templates().is_err() {
            return Checked::Ends(unreadable(at));
        }
        Checked::Ends(match gate(message, snapshot, &rules, &self.settings.pacing, at) {
            SendDecision::Open(contact, to) => {
                return Checked::Passes(Passed { rules, contact, to });
            }
            SendDecision::Closed(reason) => Disposition::held_back(message, reason),
            SendDecision::Later { at, reason } => {
                Disposition::Untried { at, reason: reason.to_owned() }
            }
            SendDecision::Broken(reason) => {
                let at = at.plus(pause(message.attempts, message.id.as_str()));
                Disposition::Again { at, reason, uncertain: false }
            }
        })
    }

    /// Returns the versions whose rules apply to a message; `None` if its version is gone.
    fn rules(&self, message: &Message) -> Option<Rules> {
        let published = self.catalog.version(&message.campaign, message.version)?;
        let live = self.catalog.live_version(&message.campaign).unwrap_or(&published).clone();
        Some(Rules { published, live })
    }
}
