//! Journeys that are paused or archived, and catching up on what happened during a pause.

use super::{Decidable, Decider};
use crate::domain::campaign::journey::{Action, RunState};
use crate::domain::publication::unpublished::UNPUBLISHED;
use crate::domain::record::enrollment::{Enrollment, EnrollmentState};

/// The exit reason of enrollments in an archived journey.
pub const ARCHIVED: &str = "archived";

impl<S: Decidable> Decider<'_, S> {
    /// Returns whether the journey of this enrollment runs.
    pub(super) fn runs(&self, enrollment: &Enrollment) -> bool {
        let Enrollment { campaign, journey, version, .. } = enrollment;
        self.catalog.run_state(campaign, journey) == RunState::Running
            && !self.catalog.waits(campaign, *version)
    }

    /// Ends every enrollment in an archived journey, and those that unpublishing has ended.
    pub(super) fn end_archived_journeys(&mut self) {
        for index in self.active() {
            let Enrollment { campaign, journey, entered_at, .. } = &self.subject.enrollments[index];
            if self.catalog.is_ended(campaign, *entered_at) {
                self.end(index, EnrollmentState::Exited, UNPUBLISHED);
            } else if self.catalog.run_state(campaign, journey) == RunState::Archived {
                self.end(index, EnrollmentState::Exited, ARCHIVED);
            }
        }
    }

    /// Moves on enrollments whose awaited event happened, before the timeout, during a pause or
    /// while a version could not be read.
    pub(super) fn catch_up_journeys(&mut self) {
        let catalog = self.catalog;
        for index in self.active() {
            let enrollment = &self.subject.enrollments[index];
            let resumed = catalog.resumed_at(&enrollment.campaign, &enrollment.journey);
            let outages = catalog.outages().iter();
            let outages = outages.filter(|outage| outage.campaign == enrollment.campaign);
            let resumed = outages.map(|outage| outage.until).chain(resumed).max();
            let (since, due_at) = (enrollment.since, enrollment.due_at);
            if resumed.is_none_or(|resumed| resumed <= since) {
                continue;
            }
            let (Some(published), Some(step)) = (self.version_of(index), self.step_of(index))
            else {
                continue;
            };
            let Action::WaitFor(wait) = &step.action else { continue };
            let in_time = |at| at > since && due_at.is_none_or(|due_at| at < due_at);
            let mut history = self.subject.history.iter().filter(|event| in_time(event.at));
            let mut is_awaited =
                |event| wait.any.iter().any(|one| self.is_awaited(index, one, &published, event));
            if history.any(&mut is_awaited) {
                self.move_on(index, step.then);
            }
        }
    }
}
