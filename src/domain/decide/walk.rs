//! Walking: how enrollments begin, move from step to step, wait and end.

use super::Decider;
use crate::domain::calendar;
use crate::domain::catalog::Edition;
use crate::domain::change::Change;
use crate::domain::event::{Event, names};
use crate::domain::journey::{
    Action, Enrollment, EnrollmentState, EventPattern, Next, ReEntry, RunState, Step, Trigger,
};
use crate::domain::message::{Class, Message, house};
use crate::domain::primitives::{EnrollmentId, MessageId, Millis, QualifiedId};
use crate::domain::rule::Scalar;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::rc::Rc;

impl Decider<'_> {
    /// Starts every journey that the event triggers and the contact may enter.
    pub(super) fn enter_journeys(&mut self, event: &Event) {
        let catalog = self.catalog;
        for edition in catalog.live() {
            for (name, journey) in &edition.compiled.campaign.journeys {
                let runs = || catalog.run_state(edition.id(), name) == RunState::Running;
                if triggers(&journey.enter, edition, event)
                    && runs()
                    && self.may_enter(edition, name)
                {
                    self.enter(edition, name);
                }
            }
        }
    }

    fn may_enter(&self, edition: &Edition, name: &str) -> bool {
        let Some(journey) = edition.journey(name) else { return false };
        let Some(last) = self.contact.last_passage(edition.id(), name) else { return true };
        // The strict comparison is what bounds a decision: no journey twice in one instant.
        let ended_before = !last.is_active() && last.entered_at < self.now;
        match journey.re_entry {
            ReEntry::Never => false,
            ReEntry::Always => ended_before,
            ReEntry::After(span) => ended_before && last.entered_at.plus(span) <= self.now,
        }
    }

    fn enter(&mut self, edition: &Rc<Edition>, name: &str) {
        let Some(first) = edition.journey(name).and_then(|j| j.steps.first()) else { return };
        let enrollment = Enrollment {
            id: EnrollmentId(self.ids.uuid()),
            campaign: edition.id().clone(),
            version: edition.version,
            journey: name.to_owned(),
            step: first.id.clone(),
            steps_taken: 0,
            sent: <_>::default(),
            state: EnrollmentState::Active,
            reason: String::new(),
            entered_at: self.now,
            since: self.now,
            due_at: None,
        };
        let properties = json!({ "journey": name, "enrollment": enrollment.id,
                                 "version": edition.version });
        self.record(names::JOURNEY_ENTERED, Some(edition.id()), properties);
        self.contact.enrollments.push(enrollment);
        let index = self.contact.enrollments.len() - 1;
        self.walk(index, Next::Step(first.id.clone()));
    }

    /// Ends every enrollment whose exit rule the event meets.
    pub(super) fn exit_journeys(&mut self, event: &Event) {
        for index in self.active() {
            let Some(edition) = self.edition_of(index) else { continue };
            let exit = edition
                .journey(&self.contact.enrollments[index].journey)
                .and_then(|journey| journey.exit.as_ref());
            if exit.is_some_and(|exit| triggers(exit, &edition, event)) {
                self.end(index, EnrollmentState::Exited, &event.name);
            }
        }
    }

    /// Moves on every enrollment that stands waiting for this event.
    pub(super) fn resume_journeys(&mut self, event: &Event) {
        for index in self.active() {
            let Some(step) = self.step_of(index) else { continue };
            if let Action::WaitFor { pattern, step: sent_by, .. } = &step.action
                && self.runs(&self.contact.enrollments[index])
                && self.is_awaited(index, pattern, sent_by.as_deref(), event)
            {
                self.move_on(index, step.then.clone());
            }
        }
    }

    /// Takes every step that has fallen due: a wait leads on, a wait for something timed out.
    pub(super) fn take_due_steps(&mut self) {
        for index in self.active() {
            let enrollment = &self.contact.enrollments[index];
            let is_due = enrollment.due_at.is_some_and(|due_at| due_at <= self.now);
            if !is_due || !self.runs(enrollment) {
                continue;
            }
            match self.step_of(index) {
                Some(Step { action: Action::WaitFor { on_timeout, .. }, .. }) => {
                    self.move_on(index, on_timeout);
                }
                Some(step) => self.move_on(index, step.then),
                None => self.end(index, EnrollmentState::Failed, "its version is gone"),
            }
        }
    }

    /// Leaves the step it stood at, and says so in the log.
    pub(super) fn move_on(&mut self, index: usize, next: Next) {
        let enrollment = &self.contact.enrollments[index];
        let campaign = enrollment.campaign.clone();
        let to = match &next {
            Next::Step(id) => Value::from(id.clone()),
            Next::End => Value::Null,
        };
        let properties = json!({ "journey": enrollment.journey, "enrollment": enrollment.id,
                                 "from": enrollment.step, "to": to });
        self.record(names::JOURNEY_MOVED, Some(&campaign), properties);
        self.walk(index, next);
    }

    /// Takes steps until one of them waits or the journey ends, and writes the enrollment down.
    /// This ends, for a step that would be taken a second time waits for something new: what it
    /// looks back to has moved it on already.
    pub(super) fn walk(&mut self, index: usize, mut next: Next) {
        let mut looked_back = BTreeSet::new();
        loop {
            let Next::Step(id) = next else {
                return self.end(index, EnrollmentState::Completed, "");
            };
            let enrollment = &mut self.contact.enrollments[index];
            enrollment.step = id;
            enrollment.since = self.now;
            enrollment.due_at = None;
            enrollment.steps_taken += 1;
            let Some(step) = self.step_of(index) else {
                return self.end(index, EnrollmentState::Failed, "the step does not exist");
            };
            let may_look_back = looked_back.insert(step.id.clone());
            match self.take(index, &step, may_look_back) {
                Taken::Goes(to) => next = to,
                Taken::WaitsUntil(due_at) => {
                    let enrollment = &mut self.contact.enrollments[index];
                    enrollment.due_at = Some(due_at);
                    self.changes.push(Change::Enrollment(enrollment.clone()));
                    return;
                }
            }
        }
    }

    /// Does what one step says.
    fn take(&mut self, index: usize, step: &Step, may_look_back: bool) -> Taken {
        match &step.action {
            Action::Send { template } => self.send(index, step, template),
            Action::Notify { note } => self.notify(index, step, note.as_deref()),
            Action::Wait(span) => return Taken::WaitsUntil(self.now.plus(*span)),
            Action::WaitUntil(time) => {
                let campaign_zone = self
                    .edition_of(index)
                    .map(|edition| edition.compiled.campaign.time_zone.clone());
                let own = self.contact.time_zone.as_deref();
                let zone = calendar::zone(&[own, campaign_zone.as_deref()]);
                return Taken::WaitsUntil(calendar::next_local_time(self.now, time, &zone));
            }
            Action::WaitFor { pattern, step: sent_by, timeout, .. } => {
                let sent_by = sent_by.as_deref();
                let already = may_look_back
                    && sent_by.is_some()
                    && self
                        .contact
                        .history
                        .iter()
                        .any(|event| self.is_awaited(index, pattern, sent_by, event));
                if !already {
                    return Taken::WaitsUntil(self.now.plus(*timeout));
                }
            }
            Action::Branch { paths, otherwise } => {
                let holds = |rule: &&(_, _)| {
                    let (rule, _): &(crate::domain::rule::Rule, Next) = rule;
                    rule.verdict(&self.contact, self.now).holds
                };
                let path = paths.iter().find(holds);
                return Taken::Goes(path.map_or(otherwise, |(_, next)| next).clone());
            }
            Action::Update { set, add_tags, remove_tags, score } => {
                self.update(set, add_tags, remove_tags, *score);
            }
            Action::End => return Taken::Goes(Next::End),
        }
        Taken::Goes(step.then.clone())
    }

    fn send(&mut self, index: usize, step: &Step, template: &str) {
        self.queue(index, step, (Class::Marketing, template), "");
        let enrollment = &mut self.contact.enrollments[index];
        enrollment.sent.insert(step.id.clone(), enrollment.steps_taken);
    }

    fn notify(&mut self, index: usize, step: &Step, note: Option<&str>) {
        self.queue(index, step, (Class::Internal, house::NOTIFY), note.unwrap_or_default());
    }

    fn queue(&mut self, index: usize, step: &Step, kind: (Class, &str), note: &str) {
        let enrollment = &self.contact.enrollments[index];
        let purpose = self.edition_of(index).and_then(|edition| {
            edition.journey(&enrollment.journey).map(|journey| journey.purpose.clone())
        });
        let id = enrollment.message_id(enrollment.steps_taken);
        let edition = (enrollment.campaign.clone(), enrollment.version);
        let message = Message::queue(id, self.contact.id.clone(), edition, kind, self.now);
        self.changes.push(Change::Queue(Message {
            enrollment: Some(enrollment.id.clone()),
            journey: enrollment.journey.clone(),
            step: step.id.clone(),
            purpose: purpose.unwrap_or_default(),
            note: note.to_owned(),
            ..message
        }));
    }

    fn update(&mut self, set: &[(String, Scalar)], add: &[String], remove: &[String], score: i64) {
        for (name, value) in set {
            self.contact.set_attribute(name, value.to_json());
        }
        self.contact.tags.extend(add.iter().cloned());
        self.contact.tags.retain(|tag| !remove.contains(tag));
        self.contact.score += score;
    }

    /// Ends an enrollment, in the log and in its row.
    pub(super) fn end(&mut self, index: usize, state: EnrollmentState, reason: &str) {
        let enrollment = &mut self.contact.enrollments[index];
        enrollment.state = state;
        enrollment.reason = reason.to_owned();
        enrollment.due_at = None;
        let enrollment = enrollment.clone();
        let name = match state {
            EnrollmentState::Exited => names::JOURNEY_EXITED,
            EnrollmentState::Failed => names::JOURNEY_FAILED,
            EnrollmentState::Completed | EnrollmentState::Active => names::JOURNEY_COMPLETED,
        };
        let properties = json!({ "journey": enrollment.journey, "enrollment": enrollment.id,
                                 "step": enrollment.step, "reason": reason });
        self.record(name, Some(&enrollment.campaign), properties);
        self.changes.push(Change::Enrollment(enrollment));
    }

    /// Whether `event` is what the enrollment waits for. With a send step named, the event must
    /// be about the message that step sent last, and may have come before the wait began.
    pub(super) fn is_awaited(
        &self,
        index: usize,
        pattern: &EventPattern,
        sent_by: Option<&str>,
        event: &Event,
    ) -> bool {
        let enrollment = &self.contact.enrollments[index];
        pattern.matches(event)
            && sent_by.is_none_or(|step| {
                let message: Option<MessageId> =
                    enrollment.sent.get(step).map(|n| enrollment.message_id(*n));
                message.is_some_and(|id| event.has("message", id.as_str()))
            })
    }

    /// The indices of the enrollments that are under way.
    pub(super) fn active(&self) -> Vec<usize> {
        let enrollments = self.contact.enrollments.iter().enumerate();
        enrollments.filter(|(_, e)| e.is_active()).map(|(index, _)| index).collect()
    }

    /// The version an enrollment is pinned to.
    fn edition_of(&self, index: usize) -> Option<Rc<Edition>> {
        let enrollment = &self.contact.enrollments[index];
        self.catalog.edition(&enrollment.campaign, enrollment.version)
    }

    /// The step an enrollment stands at.
    pub(super) fn step_of(&self, index: usize) -> Option<Step> {
        let enrollment = &self.contact.enrollments[index];
        self.edition_of(index)?.journey(&enrollment.journey)?.step(&enrollment.step).cloned()
    }
}

/// What taking a step led to.
enum Taken {
    /// On to the next.
    Goes(Next),
    /// To a wait that ends then.
    WaitsUntil(Millis),
}

/// Whether an event of a contact is the one that a trigger of this campaign names.
pub(in crate::domain) fn triggers(trigger: &Trigger, edition: &Edition, event: &Event) -> bool {
    let qualified = |name: &str| QualifiedId::new(edition.id(), name).0;
    match trigger {
        Trigger::Form(form) => {
            let is_pending = event.properties.get("pending") == Some(&Value::Bool(true));
            let submitted = event.name == names::FORM_SUBMITTED && !is_pending;
            (submitted || event.name == names::CONSENT_CONFIRMED)
                && event.has("form", &qualified(form))
        }
        Trigger::Segment(segment) => {
            event.name == names::SEGMENT_ENTERED && event.has("segment", &qualified(segment))
        }
        Trigger::Event(pattern) => pattern.matches(event),
    }
}
