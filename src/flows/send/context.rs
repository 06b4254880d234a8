//! What one wave of calls works with, and whether each of its messages may leave.

use crate::domain::base::primitives::{Millis, Span};
use crate::domain::contact::Contact;
use crate::domain::contact::message::Message;
use crate::domain::publication::catalog::Catalog;
use crate::domain::report::reason::UNREADABLE;
use crate::flows::send::eligibility::{HOLD, Rules, SendDecision, gate};
use crate::flows::send::results::{Disposition, failed, pause};
use crate::flows::send::snapshot::SendSnapshot;
use crate::flows::settings::Settings;

/// How old the truth may be when a call begins. Calls whose turn at their sender comes later read
/// it anew when it does.
pub const FRESH: Span = Span::seconds(5);

/// How long before the first of their turns it is read anew: time enough for the reading, so that
/// no call comes later than it should.
pub const READ_AHEAD: Span = Span::seconds(1);

/// What one wave of calls works with.
pub struct Wave<'a, D, H> {
    /// The database.
    pub db: &'a D,
    /// The senders.
    pub http: &'a H,
    /// The versions.
    pub catalog: &'a Catalog,
    /// The settings.
    pub settings: &'a Settings,
    /// When the delivery began.
    pub began: Millis,
    /// When the wave begins.
    pub at: Millis,
}

/// What the gate lets pass.
pub struct Passed<'t> {
    /// What the message goes by.
    pub rules: Rules,
    /// Whom it is for.
    pub contact: &'t Contact,
    /// The address that it goes to.
    pub to: String,
}

/// What is said about a message.
pub enum Judged<'t> {
    /// Another worker has claimed it.
    Others,
    /// It may leave.
    Passes(Passed<'t>),
    /// It does not, now or at all.
    Ends(Disposition),
}

/// A message whose version this code cannot read waits.
fn unreadable(at: Millis) -> Disposition {
    Disposition::Untried { at: at.plus(HOLD), reason: UNREADABLE.to_owned() }
}

impl<D, H> Wave<'_, D, H> {
    /// Asks the gate about a message as of a moment.
    pub fn judge<'t>(&self, message: &Message, truth: &'t SendSnapshot, at: Millis) -> Judged<'t> {
        if !truth.is_ours(message) {
            return Judged::Others;
        }
        // What cannot be read today may be tomorrow, by newer code.
        if self.catalog.waits(&message.campaign, message.version) {
            return Judged::Ends(unreadable(at));
        }
        let Some(rules) = self.rules(message) else {
            let gone = "its version is gone".to_owned();
            return Judged::Ends(Disposition::Over(failed(message, gone, false)));
        };
        if rules.edition.templates().is_err() {
            return Judged::Ends(unreadable(at));
        }
        Judged::Ends(match gate(message, truth, &rules, &self.settings.pacing, at) {
            SendDecision::Open(contact, to) => {
                return Judged::Passes(Passed { rules, contact, to });
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

    /// What a message goes by; `None` if its version is gone.
    fn rules(&self, message: &Message) -> Option<Rules> {
        let edition = self.catalog.edition(&message.campaign, message.version)?;
        let live = self.catalog.live_edition(&message.campaign).unwrap_or(&edition).clone();
        Some(Rules { edition, live })
    }
}
