//! The changes that a publication makes to journeys, as lines of text.

use crate::domain::campaign::journey::Migration;
use crate::domain::publication::diff::{EnrollmentCount, JourneyDiff};

/// Formats the lines of all journeys, each with a line break.
pub fn lines(journeys: &[JourneyDiff]) -> String {
    journeys.iter().map(journey).collect()
}

fn journey(diff: &JourneyDiff) -> String {
    let mut text = format!("  journey {}\n", diff.journey);
    for (word, steps) in
        [("added", &diff.added), ("removed", &diff.removed), ("changed", &diff.changed)]
    {
        if !steps.is_empty() {
            text.push_str(&format!("    {word}: {}\n", steps.join(", ")));
        }
    }
    if diff.rules_changed {
        text.push_str("    begins, ends or is entered again by other rules\n");
    }
    diff.people.iter().for_each(|standing| text.push_str(&people(standing)));
    text
}

fn people(standing: &EnrollmentCount) -> String {
    let EnrollmentCount { version, step, people, migration, .. } = standing;
    let people = if *people == 1 { "1 person".to_owned() } else { format!("{people} people") };
    let fate = match migration {
        None => format!("stay on version {version}"),
        Some(Migration::Move(to)) => format!("move to {to}"),
        Some(Migration::Leave(reason)) => format!("leave: {reason}"),
    };
    format!("    {people} at {step} of version {version}: {fate}\n")
}
