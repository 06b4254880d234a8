//! Migrating: moves enrollments at steps of an older version as the live version's map says.

use super::{Decidable, Decider};
use crate::domain::base::primitives::Millis;
use crate::domain::campaign::journey::{Action, Migration, Next, RunState, Step};
use crate::domain::engine::change::Change;
use crate::domain::record::enrollment::{Enrollment, EnrollmentState};
use crate::domain::record::event::names;
use serde_json::json;

impl<S: Decidable> Decider<'_, S> {
    /// Migrates every enrollment whose step is in the migration map of the live version. This comes
    /// before all else, so that the inputs find the contact at its new step.
    pub(super) fn migrate_journeys(&mut self) {
        let catalog = self.catalog;
        for index in self.active() {
            let enrollment = &self.subject.enrollments[index];
            let Some(live) = catalog.live_version(&enrollment.campaign) else { continue };
            let state = catalog.run_state(&enrollment.campaign, &enrollment.journey);
            if live.version <= enrollment.version || state != RunState::Running {
                continue;
            }
            let journey = live.journey(&enrollment.journey);
            match journey.and_then(|journey| journey.migrate.get(&enrollment.step)) {
                Some(Migration::Leave(why)) => self.end(index, EnrollmentState::Exited, why),
                Some(Migration::Move(to)) => self.migrate(index, live.version, to),
                None => {}
            }
        }
    }

    /// Pins an enrollment to the live version, and takes the step that it is moved to, from its
    /// start. Only a wait that replaces one of the same kind continues it.
    fn migrate(&mut self, index: usize, version: u32, to: &str) {
        let before = self.subject.enrollments[index].clone();
        let left = self.step_of(index);
        let properties = json!({
            "journey": before.journey, "enrollment": before.id, "from": before.step, "to": to,
            "from_version": before.version, "version": version,
        });
        self.record(names::JOURNEY_MIGRATED, Some(&before.campaign), properties);
        self.subject.enrollments[index].version = version;
        self.advance(index, Next::Step(to.to_owned()));
        let after = &self.subject.enrollments[index];
        let stands_there = after.is_active() && after.steps_taken == before.steps_taken + 1;
        if let (Some(left), Some(step)) = (left, self.step_of(index))
            && stands_there
            && let Some(due_at) = due_of_wait(&left, &step, &before, after.due_at, self.now)
        {
            let enrollment = &mut self.subject.enrollments[index];
            enrollment.since = before.since;
            enrollment.due_at = Some(due_at);
            self.changes.push(Change::Enrollment(enrollment.clone()));
        }
    }
}

/// Returns when a wait that replaces another one of the same kind is due: when the old one was, or
/// now if the new one is shorter than the time already waited. `due_from_now` is when it would be
/// due if it began now.
fn due_of_wait(
    left: &Step,
    step: &Step,
    before: &Enrollment,
    due_from_now: Option<Millis>,
    now: Millis,
) -> Option<Millis> {
    let (due_at, due_from_now) = (before.due_at?, due_from_now?);
    if std::mem::discriminant(&left.action) != std::mem::discriminant(&step.action) {
        return None;
    }
    let has_length = matches!(step.action, Action::Wait(_) | Action::WaitFor(_));
    let is_over = has_length && due_from_now.0 - now.0 < now.0 - before.since.0;
    Some(if is_over { now.min(due_at) } else { due_at })
}
