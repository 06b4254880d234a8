//! Redating: corrects dates in the future that a clock that was ahead has left on a contact.

use super::Decider;
use crate::domain::base::primitives::{CLOCKS_DIFFER_MAX, Millis};
use crate::domain::engine::change::Change;
use crate::domain::record::event::names;
use serde_json::json;

impl Decider<'_> {
    /// Corrects every date that is later than clocks may differ, so that no wait, limit or consent
    /// lasts for as long as the clock was ahead.
    pub(super) fn date_again(&mut self) {
        let now = self.now;
        let is_ahead = |at: &Millis| *at > now.plus(CLOCKS_DIFFER_MAX);
        let mut found = self.date_enrollments_again();
        let contact = &mut self.contact;
        let consents = contact.consents.iter_mut().map(|consent| &mut consent.at);
        let bounces = contact.soft_bounces.values_mut();
        let bounces = bounces.flat_map(|one| [&mut one.last_at, &mut one.arrived_at]);
        let touches = contact.touches.iter_mut();
        let touches = touches.flat_map(|touch| [&mut touch.at, &mut touch.fresh_at]);
        for at in consents.chain(bounces).chain(touches) {
            if is_ahead(at) {
                (*at, found) = (now, true);
            }
        }
        // One mail may be planned, at most a day ahead.
        let latest = now.plus(crate::domain::base::primitives::Span::days(1));
        let mails = contact.confirmation_mails.len();
        contact.confirmation_mails.retain(|at| *at <= latest);
        found |= contact.confirmation_mails.len() < mails;
        for (segment, entered_at) in &mut contact.segments {
            if is_ahead(entered_at) {
                (*entered_at, found) = (now, true);
                self.changes.push(Change::EnterSegment(segment.clone(), now));
            }
        }
        if found {
            self.record(names::CONTACT_REDATED, None, json!({}));
        }
    }

    /// Keeps each wait as long as it was when it began.
    fn date_enrollments_again(&mut self) -> bool {
        let (now, mut found) = (self.now, false);
        for index in self.active() {
            let enrollment = &mut self.contact.enrollments[index];
            if enrollment.since <= now.plus(CLOCKS_DIFFER_MAX) {
                continue;
            }
            let ahead = enrollment.since.0 - now.0;
            enrollment.due_at = enrollment.due_at.map(|due_at| Millis(due_at.0 - ahead));
            enrollment.since = now;
            enrollment.entered_at = enrollment.entered_at.min(now);
            let enrollment = enrollment.clone();
            self.changes.push(Change::Enrollment(enrollment));
            found = true;
        }
        found
    }
}
