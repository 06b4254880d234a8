//! Redating: corrects dates in the future that a clock that was ahead has left on a contact.

use super::{Decidable, Decider};
use crate::domain::base::primitives::{CLOCKS_DIFFER_MAX, Millis};
use crate::domain::engine::change::Change;
use serde_json::json;

impl<S: Decidable> Decider<'_, S> {
    /// Corrects every date that is later than clocks may differ, so that no wait, limit or consent
    /// lasts for as long as the clock was ahead.
    pub(super) fn date_again(&mut self) {
        let now = self.now;
        let is_ahead = |at: &Millis| *at > now.plus(CLOCKS_DIFFER_MAX);
        let mut found = self.date_enrollments_again();
        found |= self.subject.date_again(now);
        for (segment, entered_at) in &mut self.subject.segments {
            if is_ahead(entered_at) {
                (*entered_at, found) = (now, true);
                self.changes.push(Change::EnterSegment(segment.clone(), now));
            }
        }
        if found {
            self.record(S::REDATED, None, json!({}));
        }
    }

    /// Keeps each wait as long as it was when it began.
    fn date_enrollments_again(&mut self) -> bool {
        let (now, mut found) = (self.now, false);
        for index in self.active() {
            let enrollment = &mut self.subject.enrollments[index];
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
