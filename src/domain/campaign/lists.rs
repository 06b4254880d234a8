//! The lists that a campaign names, and where.

use super::Campaign;
use super::broadcast::Target;
use super::journey::{Action, Journey, Trigger};
use crate::domain::base::primitives::ListId;
use crate::domain::segment::Rule;

/// A list, and the key of the file at which it is named.
pub type ListUse<'c> = (&'c ListId, String);

/// Returns the lists that a campaign names, each with its key: in forms, rules, steps and
/// broadcasts.
pub fn lists_of(campaign: &Campaign) -> Vec<ListUse<'_>> {
    let mut found = Vec::new();
    for (name, form) in &campaign.forms {
        found.extend(form.list.iter().map(|list| (list, format!("form.{name}.list"))));
    }
    for (name, segment) in &campaign.segments {
        in_rule(&segment.rule, &format!("segment.{name}.rule"), &mut found);
    }
    for (name, journey) in &campaign.journeys {
        in_journey(journey, &format!("journey.{name}"), &mut found);
    }
    for (name, broadcast) in &campaign.broadcasts {
        if let Target::List(list) = &broadcast.target {
            found.push((list, format!("broadcast.{name}.list")));
        }
    }
    found
}

/// Adds the lists that a rule asks about.
pub fn in_rule<'r>(rule: &'r Rule, key: &str, found: &mut Vec<ListUse<'r>>) {
    rule.walk(&mut |part| {
        if let Rule::List(list) = part {
            found.push((list, key.to_owned()));
        }
    });
}

fn in_journey<'j>(journey: &'j Journey, key: &str, found: &mut Vec<ListUse<'j>>) {
    for (word, trigger) in [("exit", &journey.exit), ("goal", &journey.goal)] {
        let rules = trigger.iter().flat_map(Trigger::rules);
        rules.for_each(|rule| in_rule(rule, &format!("{key}.{word}"), found));
    }
    for step in &journey.steps {
        let key = format!("{key}.step.{}", step.id);
        match &step.action {
            Action::AddToList(list) | Action::RemoveFromList(list) => found.push((list, key)),
            Action::Branch { paths, .. } => {
                paths.iter().for_each(|(rule, _)| in_rule(rule, &key, found));
            }
            _ => {}
        }
    }
}
