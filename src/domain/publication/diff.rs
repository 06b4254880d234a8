//! What a new version changes in journeys: their steps, and what happens to the contacts in them.

use super::catalog::PublishedVersion;
use crate::domain::base::diagnostic::Problem;
use crate::domain::campaign::Compiled;
use crate::domain::campaign::journey::{Action, Journey, Migration, Step};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The difference between the live version of a journey and the one that replaces it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JourneyDiff {
    /// The journey's name.
    pub journey: String,
    pub added: Vec<String>,
    pub removed: Vec<String>,
    /// Steps that do something else, lead elsewhere, or send another text.
    pub changed: Vec<String>,
    /// Whether other rules than the steps changed: of entry, exit or re-entry.
    pub rules_changed: bool,
    /// The contacts per step, and what happens to them.
    pub people: Vec<EnrollmentCount>,
}

/// The number of contacts at a step of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnrollmentCount {
    /// The journey's name.
    #[serde(skip_serializing, default)]
    pub journey: String,
    /// The version they are on.
    pub version: u32,
    pub step: String,
    /// The number of contacts.
    pub people: i64,
    /// What the new version does with them; `None` if they stay on their version.
    #[serde(default)]
    pub migration: Option<Migration>,
}

/// Returns the journeys that change or that contacts are in, by name.
pub fn diff(before: &Compiled, after: &Compiled, standing: &[EnrollmentCount]) -> Vec<JourneyDiff> {
    let (old, new) = (&before.campaign.journeys, &after.campaign.journeys);
    let standing_in = standing.iter().map(|standing| &standing.journey);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).chain(standing_in).collect();
    let compare = |name: &String| {
        let (old, new) = (old.get(name), new.get(name));
        let inside = standing.iter().filter(|standing| standing.journey == *name);
        let migrate = |standing: &EnrollmentCount| EnrollmentCount {
            migration: new.and_then(|journey| journey.migrate.get(&standing.step)).cloned(),
            ..standing.clone()
        };
        let (old_steps, new_steps) = (steps(old), steps(new));
        let missing = |from: &BTreeMap<&str, &Step>, other: &BTreeMap<&str, &Step>| {
            from.keys().filter(|id| !other.contains_key(*id)).map(|id| (*id).to_owned()).collect()
        };
        let differs = |id: &&str| match (old_steps.get(*id), new_steps.get(*id)) {
            (Some(old), Some(new)) => old != new || sends_another_text(before, after, new),
            _ => false,
        };
        JourneyDiff {
            journey: name.clone(),
            added: missing(&new_steps, &old_steps),
            removed: missing(&old_steps, &new_steps),
            changed: new_steps.keys().copied().filter(differs).map(str::to_owned).collect(),
            rules_changed: old.map(without_steps) != new.map(without_steps),
            people: inside.map(migrate).collect(),
        }
    };
    let says_something = |diff: &JourneyDiff| {
        let nothing = JourneyDiff { journey: diff.journey.clone(), ..JourneyDiff::default() };
        *diff != nothing
    };
    names.into_iter().map(compare).filter(says_something).collect()
}

fn steps(journey: Option<&Journey>) -> BTreeMap<&str, &Step> {
    journey.into_iter().flat_map(|j| &j.steps).map(|step| (step.id.as_str(), step)).collect()
}

/// Returns a journey without its steps and its migration map.
fn without_steps(journey: &Journey) -> Journey {
    Journey { steps: Vec::new(), migrate: BTreeMap::new(), ..journey.clone() }
}

fn sends_another_text(before: &Compiled, after: &Compiled, step: &Step) -> bool {
    let Action::Send { template } = &step.action else { return false };
    before.templates.get(template) != after.templates.get(template)
}

/// Finds migrations away from steps that no older version has. The known steps are those of the
/// live version and of the versions that contacts are on, and those in the live version's own
/// migration map, which were known when it was published.
pub fn unknown_old_steps(
    live: &PublishedVersion,
    inhabited: &[Rc<PublishedVersion>],
    after: &Compiled,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, journey) in &after.campaign.journeys {
        let of = |published: &PublishedVersion| -> Vec<String> {
            let journey = published.journey(name);
            journey.into_iter().flat_map(|j| &j.steps).map(|step| step.id.clone()).collect()
        };
        let mut known: BTreeSet<String> = of(live).into_iter().collect();
        known.extend(inhabited.iter().flat_map(|published| of(published)));
        known.extend(live.journey(name).into_iter().flat_map(|j| j.migrate.keys().cloned()));
        for old in journey.migrate.keys().filter(|old| !known.contains(*old)) {
            let message = format!("no older version has a step `{old}`");
            let problem = Problem::new(format!("journey.{name}.migrate.{old}"), message);
            problems.push(problem.suggest(old, known.iter().map(String::as_str)));
        }
    }
    problems
}
