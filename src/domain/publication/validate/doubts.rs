//! Conditions on data that nothing in the campaign provides. The data may come through the API, but
//! more often the condition is a mistake, so these are warnings.

use crate::domain::base::diagnostic::nearest;
use crate::domain::base::language::Language;
use crate::domain::campaign::Campaign;
use crate::domain::campaign::journey::{Action, Trigger};
use crate::domain::contact::country;
use crate::domain::form::{FieldKind, FieldOption};
use crate::domain::publication::lint::{Lint, LintCode};
use crate::domain::segment::{Operator, Rule, Scalar};
use std::collections::BTreeSet;

/// The attributes that every contact may have.
const CONTACT: &[&str] = &[
    "email", "phone", "external_id", "locale", "time_zone", "score", "first_name", "last_name",
    "full_name",
];

/// Returns the doubtful conditions of all rules of a campaign, each with its key.
pub fn doubts(campaign: &Campaign) -> Vec<Lint> {
    let mut doubts = Doubts { campaign, attributes: attributes(campaign), found: Vec::new() };
    doubts.purposes();
    for (name, segment) in &campaign.segments {
        doubts.rule(&format!("segment.{name}.rule"), &segment.rule);
    }
    for (name, journey) in &campaign.journeys {
        for (word, trigger) in [("goal", &journey.goal), ("exit", &journey.exit)] {
            for rule in trigger.iter().flat_map(Trigger::rules) {
                doubts.rule(&format!("journey.{name}.{word}.rule"), rule);
            }
        }
        for (index, step) in journey.steps.iter().enumerate() {
            let Action::Branch { paths, .. } = &step.action else { continue };
            for (path, (rule, _)) in paths.iter().enumerate() {
                let key = format!("journey.{name}.step[{}].branch[{}].when", index + 1, path + 1);
                doubts.rule(&key, rule);
            }
        }
    }
    doubts.found
}

/// Returns the attributes that the campaign sets or declares.
fn attributes(campaign: &Campaign) -> BTreeSet<&str> {
    let mut known: BTreeSet<&str> = CONTACT.iter().copied().collect();
    known.extend(campaign.attributes.iter().map(String::as_str));
    let fields = campaign.forms.values().flat_map(|form| &form.fields);
    known.extend(fields.map(|field| field.name.as_str()));
    for step in campaign.journeys.values().flat_map(|journey| &journey.steps) {
        if let Action::Update { set, .. } = &step.action {
            known.extend(set.iter().map(|(name, _)| name.as_str()));
        }
    }
    known
}

fn countries() -> impl Iterator<Item = &'static str> {
    country::all(Language::English).into_iter().map(|country| country.code)
}

struct Doubts<'c> {
    campaign: &'c Campaign,
    attributes: BTreeSet<&'c str>,
    found: Vec<Lint>,
}

impl<'c> Doubts<'c> {
    fn add(&mut self, key: String, code: LintCode, name: &str, meant: Option<&str>) {
        let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        self.found.push(Lint { code, key, line: None, detail: format!("`{name}`{meant}") });
    }

    /// Finds purposes that visitors are asked about and that have no description; each once.
    fn purposes(&mut self) {
        let mut seen = BTreeSet::new();
        for (name, form) in &self.campaign.forms {
            for (index, ask) in form.consents.iter().enumerate() {
                let purpose = ask.purpose.as_str();
                let is_described = self.campaign.purposes.contains_key(purpose);
                if !purpose.is_empty() && !is_described && seen.insert(purpose) {
                    let box_of = match form.consents.len() {
                        1 => String::new(),
                        _ => format!("[{}]", index + 1),
                    };
                    let key = format!("form.{name}.consent{box_of}.purpose");
                    self.add(key, LintCode::UnnamedPurpose, purpose, None);
                }
            }
        }
    }

    fn rule(&mut self, key: &str, rule: &Rule) {
        match rule {
            Rule::All(parts) => self.parts(&format!("{key}.all"), parts),
            Rule::Any(parts) => self.parts(&format!("{key}.any"), parts),
            Rule::Not(part) => self.rule(&format!("{key}.not"), part),
            Rule::Attribute { attribute, test } => {
                if !self.attributes.contains(&**attribute) {
                    let meant = nearest(attribute, self.attributes.iter().copied());
                    let key = format!("{key}.attribute");
                    return self.add(key, LintCode::UnknownAttribute, attribute, meant);
                }
                self.test(key, attribute, test);
            }
            Rule::Consent { purpose, .. } => {
                let asks = self.campaign.forms.values().flat_map(|form| &form.consents);
                let mut known: BTreeSet<&str> = asks.map(|ask| ask.purpose.as_str()).collect();
                known.extend(self.campaign.purposes.keys().map(String::as_str));
                if !known.contains(&**purpose) {
                    let meant = nearest(purpose, known);
                    let key = format!("{key}.consent");
                    self.add(key, LintCode::UnknownPurpose, purpose, meant);
                }
            }
            _ => {}
        }
    }

    fn parts(&mut self, key: &str, parts: &[Rule]) {
        for (index, part) in parts.iter().enumerate() {
            self.rule(&format!("{key}[{}]", index + 1), part);
        }
    }

    /// Checks that the values in a condition can be chosen. A field may occur in several forms.
    fn test(&mut self, key: &str, attribute: &str, test: &Operator) {
        let (word, asked) = match test {
            Operator::Is(value) => ("is", std::slice::from_ref(value)),
            Operator::IsNot(value) => ("is_not", std::slice::from_ref(value)),
            Operator::In(values) => ("in", values.as_slice()),
            Operator::NotIn(values) => ("not_in", values.as_slice()),
            _ => return,
        };
        let Some(options) = self.options(attribute) else { return };
        for (index, value) in asked.iter().enumerate() {
            let text = match value {
                Scalar::Text(text) if options.contains(&&**text) => continue,
                Scalar::Text(text) => text.clone(),
                Scalar::Number(number) => number.to_string(),
                Scalar::Bool(value) => value.to_string(),
            };
            let meant = nearest(&text, options.iter().copied());
            let key = match word {
                "in" | "not_in" => format!("{key}.{word}[{}]", index + 1),
                _ => format!("{key}.{word}"),
            };
            self.add(key, LintCode::UnknownOption, &text, meant);
        }
    }

    /// Returns the possible values of an attribute, if only fields with options set it.
    fn options(&self, attribute: &str) -> Option<BTreeSet<&'c str>> {
        if self.campaign.attributes.iter().any(|name| name == attribute) {
            return None;
        }
        let mut options: BTreeSet<&'c str> = BTreeSet::new();
        let fields = self.campaign.forms.values().flat_map(|form| &form.fields);
        let mut fields = fields.filter(|field| field.name == attribute).peekable();
        fields.peek()?;
        for field in fields {
            match &field.kind {
                FieldKind::Select(choices)
                | FieldKind::Radio(choices)
                | FieldKind::MultiSelect(choices) => {
                    options.extend(choices.iter().map(|FieldOption { value, .. }| value.as_str()));
                }
                FieldKind::Country => options.extend(countries().map(|code| -> &'c str { code })),
                _ => return None,
            }
        }
        let steps = self.campaign.journeys.values().flat_map(|journey| &journey.steps);
        for step in steps {
            let Action::Update { set, .. } = &step.action else { continue };
            for (_, value) in set.iter().filter(|(name, _)| name == attribute) {
                match value {
                    Scalar::Text(text) => options.insert(text),
                    _ => return None,
                };
            }
        }
        Some(options)
    }
}
