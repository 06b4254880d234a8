//! Validates journeys: every step leads somewhere, and none loops without waiting.

use super::{Check, LINE_CHARS_MAX, STEPS_MAX, WEIGHT_MAX};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::Channel;
use crate::domain::campaign::journey::{
    Action, EventPattern, Journey, Migration, Next, ReEntry, Step, Trigger, WaitFor,
};
use crate::domain::record::event::names;
use crate::domain::segment::Scalar;
use crate::domain::time::calendar::{DateMoment, LocalTime};
use std::collections::{BTreeMap, BTreeSet};

/// The most that one step may add to the lead score, so that sums stay exact.
const SCORE_MAX: i64 = 1_000_000;
/// Data that identifies a contact, or that a step sets with a key of its own.
const OWN: &[&str] = &["email", "phone", "external_id", "score"];
/// The most entries of a migration map: twice the number of steps of a journey.
const MIGRATIONS_MAX: usize = 2 * STEPS_MAX;
/// The most paths of a branch, and tags and attributes of an update: with more, an author loses the
/// overview.
const PARTS_MAX: usize = 50;
/// The largest offset from a date in days: a year, so that two anniversaries never cross.
const OFFSET_DAYS_MAX: i32 = 365;
/// The most contacts that may enter a journey per hour. The scheduler processes no more, so that a
/// larger value would be no limit.
const PEOPLE_MAX: u32 = 300_000;
/// The most triggers in one `any`.
const ANY_MAX: usize = 10;

impl Check<'_> {
    pub(super) fn journey(&mut self, key: &str, journey: &Journey) {
        self.kind(&format!("{key}.of"), &journey.of);
        self.trigger(&format!("{key}.enter"), &journey.enter);
        let endings = [("exit", &journey.exit), ("goal", &journey.goal)];
        for (word, ending) in endings {
            if let Some(ending) = ending {
                let at = format!("{key}.{word}");
                let message = "a date or schedule can start a journey, not end one";
                self.ensure(!ending.is_of_time(), &at, message);
                self.trigger(&at, ending);
            }
        }
        let asks = journey.enter.rules().next().is_some();
        self.ensure(
            !asks,
            &format!("{key}.enter"),
            "a rule can end a journey, not start one; use a segment",
        );
        match &journey.re_entry {
            ReEntry::After(span) => self.span(&format!("{key}.re_entry"), *span),
            ReEntry::OncePer(property) => {
                self.once_per(&format!("{key}.once_per"), property, journey)
            }
            ReEntry::Never | ReEntry::Always => {}
        }
        if let Some(people) = journey.entries_per_hour {
            let fits = (1..=PEOPLE_MAX).contains(&people);
            let message = format!("must be from 1 to {PEOPLE_MAX} people");
            self.ensure(fits, &format!("{key}.limit.people"), &message);
        }
        if let Some(window) = &journey.window {
            self.send_hours(&format!("{key}.window"), window);
        }
        self.ensure(!journey.steps.is_empty(), key, "needs at least one step");
        self.count(&format!("{key}.step"), journey.steps.len(), STEPS_MAX, "steps");
        let mut indexes = BTreeMap::new();
        for (index, step) in journey.steps.iter().enumerate() {
            let at = step_key(key, index);
            self.name(&format!("{at}.id"), &step.id);
            self.ensure(
                step.id != "end",
                &format!("{at}.id"),
                "`end` is reserved for the end of a journey",
            );
            if let Some(first) = indexes.insert(step.id.as_str(), index) {
                let message = format!("step[{}] has the same id", first + 1);
                self.error(format!("{at}.id"), message);
            }
        }
        for (index, step) in journey.steps.iter().enumerate() {
            if let Some(window) = &step.window {
                self.send_hours(&format!("{}.window", step_key(key, index)), window);
            }
            self.step(&step_key(key, index), step, journey, &indexes);
        }
        self.purpose(key, journey);
        self.migrate(&format!("{key}.migrate"), journey);
        let graph = Graph { journey, indexes };
        if graph.is_whole() {
            self.unreachable(key, &graph);
            self.loops(key, &graph);
        }
    }

    fn trigger(&mut self, key: &str, trigger: &Trigger) {
        match trigger {
            Trigger::Form(form) if !self.campaign.forms.contains_key(form) => {
                let known = self.campaign.forms.keys().map(String::as_str);
                self.unknown_reference(&format!("{key}.form"), "form", form, known);
            }
            Trigger::Form(_) => {
                let message = "only a contact sends a form";
                self.ensure(self.of.is_contact(), &format!("{key}.form"), message);
            }
            Trigger::Segment(segment) => self.segment_named(&format!("{key}.segment"), segment),
            Trigger::SegmentLeft(segment) => {
                self.segment_named(&format!("{key}.segment_left"), segment);
            }
            Trigger::Event(pattern) => self.pattern(key, pattern),
            Trigger::Rule(rule) => self.rule(&format!("{key}.rule"), rule),
            Trigger::Date(moment) => self.date_moment(key, moment),
            Trigger::Schedule(schedule) => {
                self.segment_named(&format!("{key}.segment"), &schedule.segment);
            }
            Trigger::Any(parts) => {
                let at = format!("{key}.any");
                self.ensure(!parts.is_empty(), &at, "must not be empty");
                self.count(&at, parts.len(), ANY_MAX, "triggers");
                for (index, part) in parts.iter().enumerate() {
                    let at = format!("{at}[{}]", index + 1);
                    match part {
                        Trigger::Any(_) => {
                            self.error(at, "an `any` must not contain another `any`")
                        }
                        part if part.is_of_time() => self.error(at, "must not be inside an `any`"),
                        part => self.trigger(&at, part),
                    }
                }
            }
        }
    }

    /// Checks that the property belongs to an event that the customer's own systems report.
    fn once_per(&mut self, key: &str, property: &str, journey: &Journey) {
        self.event(key, property);
        let is_own = |part: &Trigger| match part {
            Trigger::Event(pattern) => {
                !names::RESERVED.iter().any(|family| pattern.event.starts_with(family))
            }
            _ => false,
        };
        if !journey.enter.parts().iter().all(is_own) {
            let message = "needs a journey that starts with a custom event";
            let advice = "enter = { event = \"order.completed\" }";
            self.problems.push(Problem::new(key, message).help(advice));
        }
    }

    fn segment_named(&mut self, key: &str, segment: &str) {
        if !self.campaign.segments.contains_key(segment) {
            let known = self.campaign.segments.keys().map(String::as_str);
            self.unknown_reference(key, "segment", segment, known);
        }
        let of = self.campaign.segments.get(segment).map(|segment| segment.of.clone());
        self.same_kind(key, "segment", of.as_ref());
    }

    /// Checks that a journey named by a step of another exists and is not the same.
    fn other_journey(&mut self, key: &str, name: &str, own: &Journey, advice: &str) {
        match self.campaign.journeys.get(name) {
            None => {
                let known = self.campaign.journeys.keys().map(String::as_str);
                self.unknown_reference(key, "journey", name, known);
            }
            Some(found) if std::ptr::eq(found, own) => {
                let message = format!("`{name}` is the journey itself");
                self.problems.push(Problem::new(key, message).help(advice));
            }
            Some(found) => self.same_kind(key, "journey", Some(&found.of.clone())),
        }
    }

    /// Checks that no journeys enroll into each other in a loop without waiting in one of them.
    pub(super) fn enrollments(&mut self) {
        let journeys = &self.campaign.journeys;
        let leads = |name: &str| {
            let journey = journeys.get(name);
            journey.map(|journey| enrolls_at_once(journey)).unwrap_or_default()
        };
        for name in journeys.keys() {
            let mut ring = vec![name.as_str()];
            let mut open: Vec<(usize, &str)> = leads(name).into_iter().map(|to| (1, to)).collect();
            let mut seen = BTreeSet::new();
            while let Some((depth, to)) = open.pop() {
                ring.truncate(depth);
                ring.push(to);
                if to == name {
                    // Report each loop once, at its alphabetically first journey.
                    if ring.iter().min() == Some(&name.as_str()) {
                        let message =
                            format!("enrolls in a loop without waiting: {}", ring.join(" → "));
                        let advice = "put a wait before one of the `enroll` steps";
                        let key = format!("journey.{name}");
                        self.problems.push(Problem::new(key, message).help(advice));
                    }
                    break;
                }
                if seen.insert(to) {
                    open.extend(leads(to).into_iter().map(|next| (depth + 1, next)));
                }
            }
        }
    }

    fn pattern(&mut self, key: &str, pattern: &EventPattern) {
        self.event(&format!("{key}.event"), &pattern.event);
        self.filter(&format!("{key}.where"), &pattern.filter);
    }

    /// Refuses the steps that write to somebody, or about a contact, in a journey of another kind.
    fn only_contacts(&mut self, key: &str, action: &Action) {
        let word = match action {
            Action::Send { .. } => "send",
            Action::Notify { .. } => "notify",
            Action::Webhook { .. } => "webhook",
            _ => return,
        };
        let message = "only a journey of contacts has this step";
        self.ensure(self.of.is_contact(), &format!("{key}.{word}"), message);
    }

    fn step(&mut self, key: &str, step: &Step, journey: &Journey, indexes: &BTreeMap<&str, usize>) {
        for (at, next) in leads(step) {
            if let Next::Step(id) = next
                && !indexes.contains_key(id.as_str())
            {
                let known = indexes.keys().copied().chain(["end"]);
                self.unknown_reference(&format!("{key}.{at}"), "step", id, known);
            }
        }
        self.only_contacts(key, &step.action);
        match &step.action {
            Action::Send { template } => {
                self.template(&format!("{key}.send"), template, &["emails", "sms"]);
            }
            Action::Wait(span) => self.span(&format!("{key}.wait"), *span),
            Action::WaitUntil(time) => self.local_time(&format!("{key}.wait_until"), time),
            Action::WaitUntilDate { moment, .. } => {
                self.date_moment(&format!("{key}.wait_until"), moment);
            }
            Action::WaitFor(wait) => self.wait_for(key, wait, journey),
            Action::Branch { paths, .. } => {
                self.ensure(!paths.is_empty(), &format!("{key}.branch"), "has no path");
                self.count(&format!("{key}.branch"), paths.len(), PARTS_MAX, "paths");
                for (index, (rule, _)) in paths.iter().enumerate() {
                    self.rule(&format!("{key}.branch[{}].when", index + 1), rule);
                }
            }
            Action::Webhook { url } => self.webhook(&format!("{key}.webhook"), url),
            Action::Split { paths } => self.split(&format!("{key}.split"), paths),
            Action::Enroll { journey: other } => {
                let advice = "to start again, use `then` with an earlier step";
                let at = format!("{key}.enroll");
                self.other_journey(&at, other, journey, advice);
                let found = self.campaign.journeys.get(other);
                let by_value = |found: &Journey| matches!(found.re_entry, ReEntry::OncePer(_));
                let message = "starts once per value of an event, so no step can start it";
                self.ensure(!found.is_some_and(by_value), &at, message);
            }
            Action::Leave { journey: other, reason } => {
                self.line(&format!("{key}.leave.reason"), reason);
                if let Some(other) = other {
                    let advice = "to leave this journey, remove `journey`";
                    self.other_journey(&format!("{key}.leave.journey"), other, journey, advice);
                }
            }
            Action::Update { .. } => self.update(&format!("{key}.update"), &step.action),
            Action::AddToList(list) => self.name(&format!("{key}.add_to_list"), list.as_str()),
            Action::RemoveFromList(list) => {
                self.name(&format!("{key}.remove_from_list"), list.as_str());
            }
            Action::Notify { note } => {
                self.text(&format!("{key}.note"), note.as_deref().unwrap_or_default());
            }
            Action::End => {}
        }
    }

    fn wait_for(&mut self, key: &str, wait: &WaitFor, journey: &Journey) {
        let at = format!("{key}.wait_for");
        self.span(&format!("{key}.timeout"), wait.timeout);
        let single = wait.any.len() == 1;
        self.ensure(!wait.any.is_empty(), &at, "waits for nothing");
        self.count(&format!("{at}.any"), wait.any.len(), ANY_MAX, "triggers");
        for (index, awaited) in wait.any.iter().enumerate() {
            let at = if single { at.clone() } else { format!("{at}.any[{}]", index + 1) };
            match awaited {
                Trigger::Event(pattern) => {
                    self.pattern(&at, pattern);
                    if let Some(sender) = &pattern.step {
                        self.sender_step(&format!("{at}.step"), sender, journey);
                    }
                }
                Trigger::Segment(_) | Trigger::SegmentLeft(_) => self.trigger(&at, awaited),
                _ => self.error(at, "only events and segments can be waited for"),
            }
        }
    }

    /// Checks that a webhook's URL leads to the public internet: HTTPS, a public host name.
    fn webhook(&mut self, key: &str, url: &str) {
        let advice =
            "write a public address without port or user, such as https://hooks.example.com/path";
        let Some(rest) = url.strip_prefix("https://") else {
            let problem = Problem::new(key, format!("`{url}` does not begin with https://"));
            return self.problems.push(problem.help(advice));
        };
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let plain = |c: char| c.is_ascii_graphic() && !"#\\<>\"{}`".contains(c);
        let fits = url.chars().all(plain) && url.len() <= LINE_CHARS_MAX;
        if !fits || !is_public_name(host) {
            let problem = Problem::new(key, format!("`{url}` is not the address of a public host"));
            self.problems.push(problem.help(advice));
        }
    }

    fn split(&mut self, key: &str, paths: &[(u32, Next)]) {
        self.ensure(paths.len() >= 2, key, "needs at least two paths");
        self.count(key, paths.len(), PARTS_MAX, "paths");
        for (index, (weight, _)) in paths.iter().enumerate() {
            let weighs = (1..=WEIGHT_MAX).contains(weight);
            let message = format!("a weight must be from 1 to {WEIGHT_MAX}");
            self.ensure(weighs, &format!("{key}[{}].weight", index + 1), &message);
        }
    }

    fn date_moment(&mut self, key: &str, moment: &DateMoment) {
        self.attribute(&format!("{key}.date"), &moment.date);
        let on_the_clock = moment.hour < 24 && moment.minute < 60;
        self.ensure(on_the_clock, &format!("{key}.time"), "is not a time of day");
        if moment.offset_days.abs() > OFFSET_DAYS_MAX {
            let message = format!("{} days; the limit is {OFFSET_DAYS_MAX}", moment.offset_days);
            self.error(format!("{key}.offset"), message);
        }
    }

    /// Checks that the step whose message is waited for exists and sends one.
    fn sender_step(&mut self, key: &str, id: &str, journey: &Journey) {
        let sends = |step: &&Step| matches!(step.action, Action::Send { .. });
        let senders = || journey.steps.iter().filter(sends).map(|step| step.id.as_str());
        match journey.steps.iter().find(|step| step.id == id) {
            None => self.unknown_reference(key, "step", id, senders()),
            Some(step) if !sends(&step) => self.error(key, format!("step `{id}` sends nothing")),
            Some(_) => {}
        }
    }

    fn local_time(&mut self, key: &str, time: &LocalTime) {
        let on_the_clock = time.hour < 24 && time.minute < 60;
        self.ensure(on_the_clock, &format!("{key}.time"), "is not a time of day");
        let days = time.weekdays.iter().all(|day| (1..=7).contains(day));
        self.ensure(days, &format!("{key}.weekdays"), "a weekday is from 1 to 7");
    }

    fn update(&mut self, key: &str, action: &Action) {
        let Action::Update { set, add_tags, remove_tags, score } = action else { return };
        let changes = !set.is_empty() || !add_tags.is_empty() || !remove_tags.is_empty();
        self.ensure(changes || *score != 0, key, "changes nothing");
        let parts = set.len().max(add_tags.len()).max(remove_tags.len());
        self.count(key, parts, PARTS_MAX, "changes of one kind");
        for (name, value) in set {
            self.attribute(&format!("{key}.set.{name}"), name);
            let own = OWN.contains(&name.as_str());
            let message = "identifies a contact, so a step cannot set it";
            self.ensure(!own, &format!("{key}.set.{name}"), message);
            self.scalar(&format!("{key}.set.{name}"), value);
            if let ("time_zone", Scalar::Text(zone)) = (name.as_str(), value) {
                self.time_zone(&format!("{key}.set.{name}"), zone);
            }
        }
        for (word, tags) in [("add_tags", add_tags), ("remove_tags", remove_tags)] {
            for (index, tag) in tags.iter().enumerate() {
                self.tag(&format!("{key}.{word}[{}]", index + 1), tag);
            }
        }
        let small = score.abs() <= SCORE_MAX;
        self.ensure(small, &format!("{key}.score"), "is more than 1000000");
    }

    /// Checks that the target steps of a migration exist. The steps it leads away from belong to
    /// older versions; publishing compares those.
    fn migrate(&mut self, key: &str, journey: &Journey) {
        self.count(key, journey.migrate.len(), MIGRATIONS_MAX, "steps");
        for (old, migration) in &journey.migrate {
            let at = format!("{key}.{old}");
            self.name(&at, old);
            match migration {
                Migration::Leave(reason) => self.line(&format!("{at}.leave"), reason),
                Migration::Move(to) if to == "end" => {
                    let problem = Problem::new(at, "`end` is not a step");
                    self.problems
                        .push(problem.help("to end their enrollments, write { leave = \"…\" }"));
                }
                Migration::Move(to) if journey.step(to).is_none() => {
                    let known = journey.steps.iter().map(|step| step.id.as_str());
                    self.unknown_reference(&at, "step", to, known);
                }
                Migration::Move(_) => {}
            }
        }
    }

    /// Checks the purpose: everything that is sent needs one that contacts can have consented to on
    /// that channel.
    fn purpose(&mut self, key: &str, journey: &Journey) {
        let sends = journey.steps.iter().enumerate().filter_map(|(index, step)| {
            let Action::Send { template } = &step.action else { return None };
            let is_sms = template.starts_with("sms/");
            Some((index, if is_sms { Channel::Sms } else { Channel::Email }))
        });
        let sends: Vec<(usize, Channel)> = sends.collect();
        let purpose = format!("{key}.purpose");
        if journey.purpose.is_empty() {
            let message = "missing; messages need a purpose that contacts have agreed to";
            return self.ensure(sends.is_empty(), &purpose, message);
        }
        self.name(&purpose, &journey.purpose);
        let asks: Vec<_> = self.campaign.forms.values().flat_map(|form| &form.consents).collect();
        let same: Vec<_> = asks.iter().filter(|ask| ask.purpose == journey.purpose).collect();
        // The contacts consent elsewhere, in another campaign or through the API; or the purposes
        // of the forms are invalid.
        if asks.is_empty() || !self.asks_by_name() {
            return;
        }
        if same.is_empty() {
            let known = asks.iter().map(|ask| ask.purpose.as_str());
            return self.unknown_reference(&purpose, "form that asks for", &journey.purpose, known);
        }
        for (index, channel) in sends {
            let agreed = same.iter().any(|ask| ask.channels.contains(&channel));
            if !agreed {
                let at = format!("{}.send", step_key(key, index));
                let message = format!("would never be sent by {}", channel.as_str());
                let advice = format!("no form asks for `{}` on that channel", journey.purpose);
                self.problems.push(Problem::new(at, message).help(advice));
            }
        }
    }

    fn unreachable(&mut self, key: &str, graph: &Graph<'_>) {
        let reached = graph.reach(0, |_| true);
        for (index, step) in graph.journey.steps.iter().enumerate().skip(1) {
            if !reached.contains(&index) {
                let message = format!("nothing leads to step `{}`", step.id);
                let problem = Problem::new(step_key(key, index), message);
                self.problems.push(problem.help("refer to it from another step, or delete it"));
            }
        }
    }

    fn loops(&mut self, key: &str, graph: &Graph<'_>) {
        if let Some(ring) = graph.ring(|step| !waits(step)) {
            let names = graph.names(&ring);
            let problem = format!("loops without waiting: {names}");
            self.error(step_key(key, ring[0]), problem);
            return;
        }
        for (index, step) in graph.journey.steps.iter().enumerate() {
            let Action::WaitFor(wait) = &step.action else { continue };
            for sender in wait.senders() {
                let passes =
                    |other: &Step| other.id != *sender && (other.id == step.id || !waits(other));
                let Some(ring) = graph.ring_through(index, passes) else { continue };
                let message = format!("loops without waiting: {}", graph.names(&ring));
                let reason = format!(
                    "what `{}` waits for may have happened, and nothing in the loop sends \
                     `{sender}` again",
                    step.id
                );
                self.problems.push(Problem::new(step_key(key, index), message).help(reason));
            }
        }
    }
}

/// The top-level labels of names that are private or do not exist (RFC 6761, RFC 6762, RFC 9476,
/// and those that networks use).
const PRIVATE_DOMAINS: &[&str] = &[
    "localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "arpa",
    "onion", "alt", "test", "invalid",
];

/// Returns whether a host is a domain name that may exist in the public DNS. An IP address is not,
/// because its last label would be a number.
fn is_public_name(host: &str) -> bool {
    let label = |label: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    host.contains('.')
        && host.split('.').all(label)
        && last.starts_with(|c: char| c.is_ascii_alphabetic())
        && !PRIVATE_DOMAINS.contains(&last.as_str())
}

/// Returns the journeys that a contact in this one enters before it waits for anything.
fn enrolls_at_once(journey: &Journey) -> Vec<&str> {
    let ids = journey.steps.iter().enumerate().map(|(index, step)| (step.id.as_str(), index));
    let graph = Graph { journey, indexes: ids.collect() };
    if journey.steps.first().is_none_or(waits) {
        return Vec::new();
    }
    let reached = graph.reach(0, |step| !waits(step)).into_iter();
    let enrolls = |index: usize| match &journey.steps[index].action {
        Action::Enroll { journey } => Some(journey.as_str()),
        _ => None,
    };
    reached.filter_map(enrolls).collect()
}

fn step_key(journey: &str, index: usize) -> String {
    format!("{journey}.step[{}]", index + 1)
}

/// Returns whether a step always waits. A wait for a date does not count: without a date, the
/// contact moves on at once.
fn waits(step: &Step) -> bool {
    matches!(step.action, Action::Wait(_) | Action::WaitUntil(_) | Action::WaitFor(_))
}

/// Returns where a step leads, with the key of each target.
fn leads(step: &Step) -> Vec<(String, &Next)> {
    match &step.action {
        Action::End | Action::Leave { journey: None, .. } => Vec::new(),
        Action::Branch { paths, otherwise } => {
            let path = |(index, (_, next))| (format!("branch[{}].then", index + 1), next);
            let paths = paths.iter().map(|(rule, next)| (rule, next)).enumerate().map(path);
            paths.chain([("otherwise".to_owned(), otherwise)]).collect()
        }
        Action::Split { paths } => {
            let path = |(index, (_, next))| (format!("split[{}].then", index + 1), next);
            paths.iter().map(|(weight, next)| (weight, next)).enumerate().map(path).collect()
        }
        Action::WaitFor(WaitFor { on_timeout, .. }) => {
            vec![("then".to_owned(), &step.then), ("on_timeout".to_owned(), on_timeout)]
        }
        Action::WaitUntilDate { otherwise, .. } => {
            vec![("then".to_owned(), &step.then), ("otherwise".to_owned(), otherwise)]
        }
        _ => vec![("then".to_owned(), &step.then)],
    }
}

/// A journey's steps and their targets, by index.
struct Graph<'j> {
    journey: &'j Journey,
    indexes: BTreeMap<&'j str, usize>,
}

impl Graph<'_> {
    /// Returns whether every step has a unique id and leads to existing steps.
    fn is_whole(&self) -> bool {
        let exists = |(_, next): (String, &Next)| match next {
            Next::Step(id) => self.indexes.contains_key(id.as_str()),
            Next::End => true,
        };
        let steps = &self.journey.steps;
        self.indexes.len() == steps.len() && steps.iter().flat_map(leads).all(exists)
    }

    fn next(&self, index: usize) -> Vec<usize> {
        let Some(step) = self.journey.steps.get(index) else { return Vec::new() };
        let target = |(_, next): (String, &Next)| match next {
            Next::Step(id) => self.indexes.get(id.as_str()).copied(),
            Next::End => None,
        };
        leads(step).into_iter().filter_map(target).collect()
    }

    /// Returns every step that can be reached from one through steps that pass.
    fn reach(&self, from: usize, passes: impl Fn(&Step) -> bool) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([from]);
        let mut open = vec![from];
        while let Some(index) = open.pop() {
            let steps = &self.journey.steps;
            let next = self.next(index).into_iter().filter(|next| passes(&steps[*next]));
            open.extend(next.filter(|next| reached.insert(*next)));
        }
        reached
    }

    /// Returns a loop of steps that all pass, if there is one.
    fn ring(&self, passes: impl Fn(&Step) -> bool) -> Option<Vec<usize>> {
        let steps = &self.journey.steps;
        let starts = (0..steps.len()).filter(|index| passes(&steps[*index]));
        starts.into_iter().find_map(|index| self.ring_through(index, &passes))
    }

    /// Returns the shortest loop through one step whose other steps all pass.
    fn ring_through(&self, start: usize, passes: impl Fn(&Step) -> bool) -> Option<Vec<usize>> {
        let mut from: BTreeMap<usize, usize> = BTreeMap::new();
        let mut open = std::collections::VecDeque::from([start]);
        while let Some(index) = open.pop_front() {
            let at_once = |next: &usize| !self.is_waited(index, *next, index == start);
            for next in self.next(index).into_iter().filter(at_once) {
                if next == start {
                    let mut ring = vec![index];
                    while let Some(last) = ring.last().filter(|last| **last != start) {
                        ring.push(from[last]);
                    }
                    ring.reverse();
                    return Some(ring);
                }
                if passes(&self.journey.steps[next]) && !from.contains_key(&next) {
                    from.insert(next, index);
                    open.push_back(next);
                }
            }
        }
        None
    }

    /// Returns whether a step leads to another only after waiting: on timeout, or once its date has
    /// come. A wait for something that may already have happened leads on at once, but only at the
    /// start of the loop; elsewhere it counts as a wait.
    fn is_waited(&self, index: usize, next: usize, is_start: bool) -> bool {
        let (step, next) = (&self.journey.steps[index], &self.journey.steps[next]);
        let is_next = |lead: &Next| *lead == Next::Step(next.id.clone());
        match &step.action {
            Action::WaitFor(_) => is_start && !is_next(&step.then),
            Action::WaitUntilDate { otherwise, .. } => !is_next(otherwise),
            _ => false,
        }
    }

    fn names(&self, ring: &[usize]) -> String {
        let ids = ring.iter().chain(ring.first()).map(|index| &self.journey.steps[*index].id);
        ids.map(String::as_str).collect::<Vec<_>>().join(" → ")
    }
}
