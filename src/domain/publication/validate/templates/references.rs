//! The templates that a campaign refers to, and the partials that a template includes.

use crate::domain::campaign::Campaign;
use crate::domain::campaign::journey::Action;
use crate::domain::template::{TemplateSource, syntax};
use handlebars::Template;
use handlebars::template::TemplateElement;
use std::collections::BTreeSet;

/// Returns the templates that a campaign refers to, each with the key of the reference.
pub fn references(campaign: &Campaign) -> Vec<(String, String)> {
    let mut references = Vec::new();
    for (name, page) in &campaign.pages {
        for (index, variant) in page.variants.iter().enumerate() {
            let key = match page.variants.len() {
                1 => format!("page.{name}.template"),
                _ => format!("page.{name}.variants[{}].template", index + 1),
            };
            references.push((key, variant.template.clone()));
        }
    }
    for (name, journey) in &campaign.journeys {
        for (index, step) in journey.steps.iter().enumerate() {
            if let Action::Send { template } = &step.action {
                let key = format!("journey.{name}.step[{}].send", index + 1);
                references.push((key, template.clone()));
            }
        }
    }
    for (name, broadcast) in &campaign.broadcasts {
        for (index, variant) in broadcast.variants.iter().enumerate() {
            let key = match broadcast.variants.len() {
                1 => format!("broadcast.{name}.send"),
                _ => format!("broadcast.{name}.ab.variants[{}].send", index + 1),
            };
            references.push((key, variant.template.clone()));
        }
    }
    references
}

/// Returns the partials that a template's own text includes, by name.
pub fn partials_of(source: &TemplateSource) -> BTreeSet<String> {
    let parts = source.parts().into_iter();
    let parsed = parts.filter_map(|(part, text, _)| syntax::parse(part, text).ok());
    let mut names = BTreeSet::new();
    for template in parsed {
        collect_partials(&template, &mut names);
    }
    names
}

fn collect_partials(template: &Template, names: &mut BTreeSet<String>) {
    for element in &template.elements {
        match element {
            TemplateElement::PartialExpression(partial) => {
                names.extend(partial.name.as_name().map(str::to_owned));
            }
            TemplateElement::HelperBlock(block) => {
                for inner in [&block.template, &block.inverse].into_iter().flatten() {
                    collect_partials(inner, names);
                }
            }
            _ => {}
        }
    }
}
