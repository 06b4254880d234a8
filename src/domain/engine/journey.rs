//! Running journeys: how enrollments begin, move from step to step, wait and end.

use super::{Decidable, Decider};
use crate::domain::base::bucketing;
use crate::domain::base::primitives::{EnrollmentId, MessageId, Millis, QualifiedId, Span};
use crate::domain::campaign::journey::{
    Action, EventPattern, Journey, Next, ReEntry, RunState, Schedule, Step, Trigger, WaitFor,
};
use crate::domain::contact::message_source::{MessageSource, StepContent, StepSource};
use crate::domain::engine::change::Change;
use crate::domain::import::row::RESTS;
use crate::domain::publication::catalog::PublishedVersion;
use crate::domain::record::enrollment::{
    Enrollment, EnrollmentState, GOAL_REASON, HourlyQuota, first_key, following_key,
    occurrence_key, value_key,
};
use crate::domain::record::event::{Event, names};
use crate::domain::segment::{Scalar, Subject};
use crate::domain::time::calendar;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::rc::Rc;

/// How long a missed date or schedule is made up for: after a day it is too late.
const CATCH_UP: Span = Span::days(1);

/// The exit reason of an enrollment that a rule of its journey ended.
const RULE_REASON: &str = "rule";

/// Returns whether an event starts no journey, because an import that brought it rests.
pub(super) fn rests(event: &Event) -> bool {
    event.properties.contains_key(RESTS)
}

impl<S: Decidable> Decider<'_, S> {
    /// Starts every journey that the event triggers and the contact may enter.
    pub(super) fn enter_journeys(&mut self, event: &Event) {
        if rests(event) {
            return;
        }
        let catalog = self.catalog;
        let kind = self.subject.kind.clone();
        for published in catalog.live() {
            for (name, journey) in published.journeys_of(&kind) {
                if triggers(&journey.enter, published, event) {
                    self.enter(published, name, journey, Cause::Event(event));
                }
            }
        }
    }

    /// Returns the key under which the contact may enter the journey; `None` if it may not.
    fn admission(
        &self,
        published: &PublishedVersion,
        name: &str,
        journey: &Journey,
        cause: &Cause<'_>,
    ) -> Option<String> {
        if self.catalog.run_state(published.id(), name) != RunState::Running {
            return None;
        }
        if journey.ending_rules().any(|rule| rule.evaluate(&self.subject, self.now).holds) {
            return None; // It would end at once.
        }
        let is_free = |key: &String| {
            let mut enrollments = self.subject.enrollments.iter();
            !enrollments.any(|e| e.is_of(published.id(), name) && e.entry_key.as_ref() == Some(key))
        };
        if let ReEntry::OncePer(property) = &journey.re_entry {
            let Cause::Event(event) = cause else { return None };
            return value_key(event.properties.get(property)?).filter(is_free);
        }
        let last = self.subject.last_enrollment(published.id(), name);
        // The strict comparison bounds a decision: no journey is entered twice in one instant.
        let ended_before = last.is_none_or(|e| !e.is_active() && e.entered_at < self.now);
        let may_follow = match (&journey.re_entry, last) {
            (_, None) => true,
            (ReEntry::Never, _) => false,
            (ReEntry::After(span), Some(last)) => last.entered_at.plus(*span) <= self.now,
            (ReEntry::Always | ReEntry::OncePer(_), _) => true,
        };
        let key = match (cause, last) {
            (Cause::Time(clock), _) => occurrence_key(clock),
            (_, None) => first_key(),
            (_, Some(last)) => following_key(last),
        };
        (ended_before && may_follow).then_some(key).filter(is_free)
    }

    /// Enters a journey, if the contact may.
    pub(super) fn enter(
        &mut self,
        published: &Rc<PublishedVersion>,
        name: &str,
        journey: &Journey,
        cause: Cause<'_>,
    ) {
        let Some(entry_key) = self.admission(published, name, journey, &cause) else { return };
        let Some(first) = journey.steps.first() else { return };
        let enrollment = Enrollment {
            id: EnrollmentId(self.ids.uuid()),
            campaign: published.id().clone(),
            version: published.version,
            journey: name.to_owned(),
            step: first.id.clone(),
            steps_taken: 0,
            sent: <_>::default(),
            state: EnrollmentState::Active,
            reason: String::new(),
            entry_key: Some(entry_key),
            entered_at: self.now,
            since: self.now,
            due_at: None,
        };
        let properties = json!({ "journey": name, "enrollment": enrollment.id,
                                 "version": published.version });
        self.record(names::JOURNEY_ENTERED, Some(published.id()), properties);
        self.subject.enrollments.push(enrollment);
        let index = self.subject.enrollments.len() - 1;
        let people = journey.entries_per_hour;
        let begins = people.map(|people| self.reserve_slot(published, name, people));
        match begins.filter(|begins| *begins > self.now) {
            None => self.advance(index, Next::Step(first.id.clone())),
            Some(begins) => {
                let enrollment = &mut self.subject.enrollments[index];
                enrollment.due_at = Some(begins);
                self.changes.push(Change::Enrollment(enrollment.clone()));
            }
        }
    }

    /// Reserves the next free start of a limited journey; returns when the enrollment begins.
    fn reserve_slot(&mut self, published: &PublishedVersion, name: &str, people: u32) -> Millis {
        let journey = QualifiedId::new(published.id(), name);
        let newest = self.hourly_quotas.get(&journey).copied();
        let (quota, begins) = HourlyQuota::take(newest, people, self.now);
        self.hourly_quotas.insert(journey.clone(), quota);
        self.changes.push(Change::ReserveSlot { journey, quota, people });
        begins
    }

    /// Enters the journeys that `enroll` steps named, where the contact may.
    pub(super) fn enter_enrolled(&mut self) {
        while let Some((campaign, name)) = self.enrolled.pop_front() {
            let Some(published) = self.catalog.live_version(&campaign) else { continue };
            if let Some(journey) = published.journey(&name) {
                self.enter(published, &name, journey, Cause::Enrolled);
            }
        }
    }

    /// Starts the journeys whose date or schedule has come. Only the last occurrence counts, and
    /// only if no enrollment has begun since: missed occurrences are made up for once, and not if
    /// too old.
    pub(super) fn enter_by_time(&mut self) {
        let catalog = self.catalog;
        let kind = self.subject.kind.clone();
        for published in catalog.live() {
            for (name, journey) in published.journeys_of(&kind) {
                let Some(came) = self.last_occurrence(published, &journey.enter) else { continue };
                let last = self.subject.last_enrollment(published.id(), name);
                if last.is_none_or(|last| last.entered_at < came) {
                    let clock = calendar::clock(came, &zone_of(&self.subject, published));
                    self.enter(published, name, journey, Cause::Time(clock));
                }
            }
        }
    }

    /// Returns the last time a date or schedule came for this contact since the version was
    /// published.
    fn last_occurrence(&self, published: &PublishedVersion, trigger: &Trigger) -> Option<Millis> {
        let since = self.now.minus(CATCH_UP).max(published.published_at);
        match trigger {
            Trigger::Date(moment) => {
                let date = self.subject.attribute(&moment.date);
                let zone = zone_of(&self.subject, published);
                let came = calendar::last_date(self.now, moment, date.as_ref(), &zone);
                came.filter(|came| *came >= since)
            }
            Trigger::Schedule(Schedule { recurrence, segment }) => {
                let segment = QualifiedId::new(published.id(), segment);
                let since = since.max(*self.subject.segments.get(&segment)?);
                recurrence.last(since, self.now, &zone_of(&self.subject, published))
            }
            _ => None,
        }
    }

    /// Ends every enrollment whose goal the event reaches, or whose exit it meets.
    pub(super) fn end_journeys(&mut self, event: &Event) {
        self.end_by(self.active(), event);
    }

    /// Does the same among these enrollments.
    pub(super) fn end_by(&mut self, among: Vec<usize>, event: &Event) {
        self.end_where(among, &event.name, |_, published, trigger| {
            triggers(trigger, published, event)
        });
    }

    /// Ends every enrollment whose goal or exit contains a rule that has become true.
    pub(super) fn apply_ending_rules(&mut self) {
        self.end_where(self.active(), RULE_REASON, |decider, _, trigger| {
            let mut rules = trigger.rules();
            rules.any(|rule| rule.evaluate(&decider.subject, decider.now).holds)
        });
    }

    /// Ends enrollments by their goal or exit. The goal is checked first: an event that meets both
    /// completes the journey.
    fn end_where(
        &mut self,
        among: Vec<usize>,
        reason: &str,
        meets: impl Fn(&Self, &PublishedVersion, &Trigger) -> bool,
    ) {
        for index in among {
            let Some(published) = self.version_of(index) else { continue };
            let name = &self.subject.enrollments[index].journey;
            let Some(Journey { goal, exit, .. }) = published.journey(name) else { continue };
            let is_met = |trigger: &Option<Trigger>| {
                trigger.as_ref().is_some_and(|trigger| meets(self, &published, trigger))
            };
            if is_met(goal) {
                self.end(index, EnrollmentState::Completed, GOAL_REASON);
            } else if is_met(exit) {
                self.end(index, EnrollmentState::Exited, reason);
            }
        }
    }

    /// Moves on every enrollment that waits for this event.
    pub(super) fn resume_journeys(&mut self, event: &Event) {
        for index in self.active() {
            // A step of another enrollment may have ended this one meanwhile.
            let enrollment = &self.subject.enrollments[index];
            if !enrollment.is_active() || !enrollment.has_begun() || !self.runs(enrollment) {
                continue;
            }
            let (Some(published), Some(step)) = (self.version_of(index), self.step_of(index))
            else {
                continue;
            };
            if let Action::WaitFor(wait) = &step.action
                && wait.any.iter().any(|awaited| self.is_awaited(index, awaited, &published, event))
            {
                self.move_on(index, step.then.clone());
            }
        }
    }

    /// Takes every step that has fallen due: a wait is over, or a wait for an event has timed out.
    pub(super) fn take_due_steps(&mut self) {
        for index in self.active() {
            let enrollment = &self.subject.enrollments[index];
            let Some(due_at) = enrollment.due_at.filter(|_| self.runs(enrollment)) else {
                continue;
            };
            let is_due = due_at <= self.now;
            if !is_due && !self.waits_by_the_clock(index) {
                continue;
            }
            match self.step_of(index) {
                None => self.end(index, EnrollmentState::Failed, "its version is gone"),
                Some(step) if !is_due => self.reschedule(index, &step, due_at),
                Some(step) if !self.subject.enrollments[index].has_begun() => {
                    self.move_on(index, Next::Step(step.id));
                }
                Some(Step { action: Action::WaitFor(wait), .. }) => {
                    self.move_on(index, wait.on_timeout);
                }
                Some(step) => self.move_on(index, step.then),
            }
        }
    }

    /// Returns whether an enrollment is at a wait for a time on the contact's own clock.
    fn waits_by_the_clock(&self, index: usize) -> bool {
        let enrollment = &self.subject.enrollments[index];
        let published = self.version_of(index);
        let journey =
            published.as_ref().and_then(|published| published.journey(&enrollment.journey));
        let step = journey.and_then(|journey| journey.step(&enrollment.step));
        let is_clock = |step: &Step| {
            matches!(step.action, Action::WaitUntil(_) | Action::WaitUntilDate { .. })
        };
        enrollment.has_begun() && step.is_some_and(is_clock)
    }

    /// Reschedules a wait for a time on the contact's own clock, after the contact's time zone or
    /// date has changed.
    fn reschedule(&mut self, index: usize, step: &Step, due_at: Millis) {
        let otherwise = match &step.action {
            Action::WaitUntilDate { otherwise, .. } => otherwise.clone(),
            Action::WaitUntil(_) => step.then.clone(),
            _ => return,
        };
        let Some(moment) = self.clock_moment(index, &step.action) else {
            return self.move_on(index, otherwise);
        };
        if moment == due_at {
            return;
        }
        let enrollment = &mut self.subject.enrollments[index];
        enrollment.due_at = Some(moment);
        let enrollment = enrollment.clone();
        let properties = json!({ "journey": enrollment.journey, "enrollment": enrollment.id,
                                 "step": enrollment.step, "due_at": moment.rfc3339() });
        self.record(names::JOURNEY_RESCHEDULED, Some(&enrollment.campaign), properties);
        self.changes.push(Change::Enrollment(enrollment));
    }

    /// Returns the time after now until which a step waits on the contact's clock; `None` if there
    /// is none.
    fn clock_moment(&self, index: usize, action: &Action) -> Option<Millis> {
        let published = self.version_of(index)?;
        let zone = zone_of(&self.subject, &published);
        match action {
            Action::WaitUntil(time) => Some(calendar::next_local_time(self.now, time, &zone)),
            Action::WaitUntilDate { moment, .. } => {
                let date = self.subject.attribute(&moment.date);
                calendar::next_date(self.now, moment, date.as_ref(), &zone)
            }
            _ => None,
        }
    }

    /// Leaves the current step for the next, and records that.
    pub(super) fn move_on(&mut self, index: usize, next: Next) {
        let enrollment = &self.subject.enrollments[index];
        let campaign = enrollment.campaign.clone();
        let from = enrollment.has_begun().then(|| enrollment.step.clone());
        let to = match &next {
            Next::Step(id) => Value::from(id.clone()),
            Next::End => Value::Null,
        };
        let properties = json!({ "journey": enrollment.journey, "enrollment": enrollment.id,
                                 "from": from, "to": to });
        self.record(names::JOURNEY_MOVED, Some(&campaign), properties);
        self.advance(index, next);
    }

    /// Takes steps until one of them waits or the journey ends, and writes the enrollment. This
    /// terminates: a wait that is reached a second time does not look back again, so it waits for a
    /// new event.
    pub(super) fn advance(&mut self, index: usize, mut next: Next) {
        let mut looked_back = BTreeSet::new();
        while !self.exceeds_step_limit() {
            let Next::Step(id) = next else {
                return self.end(index, EnrollmentState::Completed, "");
            };
            self.steps += 1;
            let enrollment = &mut self.subject.enrollments[index];
            enrollment.step = id;
            enrollment.since = self.now;
            enrollment.due_at = None;
            enrollment.steps_taken += 1;
            let Some(step) = self.step_of(index) else {
                return self.end(index, EnrollmentState::Failed, "the step does not exist");
            };
            let may_look_back = looked_back.insert(step.id.clone());
            match self.execute_step(index, &step, may_look_back) {
                StepResult::Goes(to) => next = to,
                StepResult::Leaves(reason) => {
                    return self.end(index, EnrollmentState::Exited, &reason);
                }
                StepResult::WaitsUntil(due_at) => {
                    let enrollment = &mut self.subject.enrollments[index];
                    enrollment.due_at = Some(due_at);
                    self.changes.push(Change::Enrollment(enrollment.clone()));
                    return;
                }
            }
        }
    }

    /// Executes one step.
    fn execute_step(&mut self, index: usize, step: &Step, may_look_back: bool) -> StepResult {
        match &step.action {
            Action::Send { template } => self.send(index, step, template),
            Action::Notify { note } => self.notify(index, step, note.as_deref()),
            Action::Webhook { url } => {
                self.queue(index, step, StepContent::Webhook { url: url.clone() });
            }
            Action::Wait(span) => return StepResult::WaitsUntil(self.now.plus(*span)),
            Action::WaitUntil(_) | Action::WaitUntilDate { .. } => {
                return match (self.clock_moment(index, &step.action), &step.action) {
                    (Some(moment), _) => StepResult::WaitsUntil(moment),
                    (None, Action::WaitUntilDate { otherwise, .. }) => {
                        StepResult::Goes(otherwise.clone())
                    }
                    (None, _) => StepResult::Goes(step.then.clone()),
                };
            }
            Action::WaitFor(wait) => {
                if !may_look_back || !self.has_happened(index, wait) {
                    return StepResult::WaitsUntil(self.now.plus(wait.timeout));
                }
            }
            Action::Branch { paths, otherwise } => {
                let holds = |rule: &&(_, _)| {
                    let (rule, _): &(crate::domain::segment::Rule, Next) = rule;
                    rule.evaluate(&self.subject, self.now).holds
                };
                let path = paths.iter().find(holds);
                return StepResult::Goes(path.map_or(otherwise, |(_, next)| next).clone());
            }
            Action::Update { set, add_tags, remove_tags, score } => {
                self.update(set, add_tags, remove_tags, *score);
            }
            Action::AddToList(list) => {
                let (campaign, source) = self.listing_of(index);
                self.join_list(list, &source, Some(&campaign));
            }
            Action::RemoveFromList(list) => {
                let (campaign, source) = self.listing_of(index);
                self.leave_list(list, &source, Some(&campaign));
            }
            Action::Split { paths } => return StepResult::Goes(self.path_of(index, step, paths)),
            Action::Enroll { journey } => {
                let campaign = self.subject.enrollments[index].campaign.clone();
                self.enrolled.push_back((campaign, journey.clone()));
            }
            Action::Leave { journey: None, reason } => return StepResult::Leaves(reason.clone()),
            Action::Leave { journey: Some(other), reason } => self.leave(index, other, reason),
            Action::End => return StepResult::Goes(Next::End),
        }
        StepResult::Goes(step.then.clone())
    }

    /// Returns whether something that the wait looks back to has already happened.
    fn has_happened(&self, index: usize, wait: &WaitFor) -> bool {
        wait.patterns().filter(|pattern| pattern.step.is_some()).any(|pattern| {
            self.subject.history.iter().any(|event| self.is_about_step(index, pattern, event))
        })
    }

    /// Returns the path of a split for this contact, which is always the same.
    fn path_of(&self, index: usize, step: &Step, paths: &[(u32, Next)]) -> Next {
        let enrollment = &self.subject.enrollments[index];
        let (campaign, journey) = (&enrollment.campaign, &enrollment.journey);
        let key = format!("{campaign}/{journey}/{}/{}", step.id, self.subject.id);
        let weights = paths.iter().map(|(weight, _)| *weight);
        let path = bucketing::weighted_bucket(&key, weights).and_then(|chosen| paths.get(chosen));
        path.map_or(Next::End, |(_, next)| next.clone())
    }

    /// Ends the enrollments in another journey of the campaign.
    fn leave(&mut self, index: usize, other: &str, reason: &str) {
        let campaign = self.subject.enrollments[index].campaign.clone();
        for left in self.active() {
            let enrollment = &self.subject.enrollments[left];
            if left != index && enrollment.campaign == campaign && enrollment.journey == other {
                self.end(left, EnrollmentState::Exited, reason);
            }
        }
    }

    fn send(&mut self, index: usize, step: &Step, template: &str) {
        self.queue(index, step, StepContent::Template(template.to_owned()));
        let enrollment = &mut self.subject.enrollments[index];
        enrollment.sent.insert(step.id.clone(), enrollment.steps_taken);
    }

    fn notify(&mut self, index: usize, step: &Step, note: Option<&str>) {
        let note = note.unwrap_or_default().to_owned();
        self.queue(index, step, StepContent::Notice { note });
    }

    fn queue(&mut self, index: usize, step: &Step, content: StepContent) {
        let enrollment = &self.subject.enrollments[index];
        let purpose = self.version_of(index).and_then(|published| {
            published.journey(&enrollment.journey).map(|journey| journey.purpose.clone())
        });
        let id = enrollment.message_id(enrollment.steps_taken);
        let (campaign, version) = (enrollment.campaign.clone(), enrollment.version);
        let source = MessageSource::Step(StepSource {
            enrollment: enrollment.id.clone(),
            journey: enrollment.journey.clone(),
            step: step.id.clone(),
            purpose: purpose.unwrap_or_default(),
            content,
        });
        self.queue_message(id, campaign, version, source);
    }

    fn update(&mut self, set: &[(String, Scalar)], add: &[String], remove: &[String], score: i64) {
        for (name, value) in set {
            self.subject.set_attribute(name, value.to_json());
        }
        self.subject.tags.extend(add.iter().cloned());
        self.subject.tags.retain(|tag| !remove.contains(tag));
        self.subject.score += score;
    }

    /// Ends an enrollment, in the log and in its row.
    pub(super) fn end(&mut self, index: usize, state: EnrollmentState, reason: &str) {
        let enrollment = &mut self.subject.enrollments[index];
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

    /// Returns whether `event` is what the enrollment waits for.
    pub(super) fn is_awaited(
        &self,
        index: usize,
        awaited: &Trigger,
        published: &PublishedVersion,
        event: &Event,
    ) -> bool {
        match awaited {
            Trigger::Event(pattern) if pattern.step.is_some() => {
                self.is_about_step(index, pattern, event)
            }
            _ => triggers(awaited, published, event),
        }
    }

    /// Returns whether `event` matches and is about the last message of the pattern's send step.
    fn is_about_step(&self, index: usize, pattern: &EventPattern, event: &Event) -> bool {
        let enrollment = &self.subject.enrollments[index];
        let sent = pattern.step.as_ref().and_then(|step| enrollment.sent.get(step));
        let message: Option<MessageId> = sent.map(|n| enrollment.message_id(*n));
        pattern.matches(event) && message.is_some_and(|id| event.has("message", id.as_str()))
    }

    /// Returns the indices of the active enrollments.
    pub(super) fn active(&self) -> Vec<usize> {
        let enrollments = self.subject.enrollments.iter().enumerate();
        enrollments.filter(|(_, e)| e.is_active()).map(|(index, _)| index).collect()
    }

    /// Returns the version an enrollment is pinned to.
    pub(super) fn version_of(&self, index: usize) -> Option<Rc<PublishedVersion>> {
        let enrollment = &self.subject.enrollments[index];
        self.catalog.version(&enrollment.campaign, enrollment.version)
    }

    /// Returns the step an enrollment is at.
    pub(super) fn step_of(&self, index: usize) -> Option<Step> {
        let enrollment = &self.subject.enrollments[index];
        self.version_of(index)?.journey(&enrollment.journey)?.step(&enrollment.step).cloned()
    }
}

/// Why a journey is entered.
pub(super) enum Cause<'e> {
    /// This event.
    Event(&'e Event),
    /// Its date or schedule came, with this time on the contact's clock.
    Time(String),
    /// An `enroll` step of another journey.
    Enrolled,
}

/// The result of taking a step.
enum StepResult {
    /// Go on with this.
    Goes(Next),
    /// Wait until this time.
    WaitsUntil(Millis),
    /// Leave the journey, for this reason.
    Leaves(String),
}

/// Returns the record's own time zone, or else the campaign's.
pub(super) fn zone_of(subject: &dyn Subject, published: &PublishedVersion) -> TimeZone {
    let campaign = &published.compiled.campaign;
    calendar::zone(&[subject.time_zone(), Some(&campaign.time_zone)])
}

/// Returns when a date or schedule comes next for a contact; `None` if the journey starts in
/// another way, or would not let the contact in again.
pub(super) fn next_occurrence<S: Subject>(
    subject: &S,
    published: &PublishedVersion,
    name: &str,
    journey: &Journey,
    now: Millis,
) -> Option<Millis> {
    let is_past = || subject.last_enrollment(published.id(), name).is_some();
    if journey.enter.is_of_time() && journey.re_entry == ReEntry::Never && is_past() {
        return None;
    }
    match &journey.enter {
        Trigger::Date(moment) => {
            let date = subject.attribute(&moment.date)?;
            calendar::next_date(now, moment, Some(&date), &zone_of(subject, published))
        }
        Trigger::Schedule(Schedule { recurrence, segment }) => {
            subject.segments.get(&QualifiedId::new(published.id(), segment))?;
            recurrence.next(now, &zone_of(subject, published))
        }
        _ => None,
    }
}

/// Returns whether an event of a contact matches a trigger of this campaign.
pub(in crate::domain) fn triggers(
    trigger: &Trigger,
    published: &PublishedVersion,
    event: &Event,
) -> bool {
    let qualified = |name: &str| QualifiedId::new(published.id(), name).0;
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
        Trigger::SegmentLeft(segment) => {
            event.name == names::SEGMENT_LEFT && event.has("segment", &qualified(segment))
        }
        Trigger::Event(pattern) => pattern.matches(event),
        Trigger::Any(parts) => parts.iter().any(|part| triggers(part, published, event)),
        Trigger::Rule(_) | Trigger::Date(_) | Trigger::Schedule(_) => false,
    }
}
