//! Parses templates, with readable error messages, and limits the work of rendering them.

use super::dialect::{self, SECTION};
use super::{TEMPLATE_BYTES_MAX, TemplateError, foreign};
use handlebars::Template;
use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use std::collections::BTreeMap;

/// The most nested partials.
const PARTIAL_DEPTH_MAX: usize = 20;
/// The most elements visited in one rendering, where a list counts as 100 items: well under a
/// second.
const WORK_MAX: u64 = 200_000;
/// The assumed number of items of a list: as many as a field may have options.
const LIST_ITEMS: u64 = 100;

/// Parses one template, or returns an error with its line.
pub(in crate::domain) fn parse(name: &str, source: &str) -> Result<Template, TemplateError> {
    let refuse = |line, message| TemplateError { template: name.to_owned(), line, message };
    if source.len() > TEMPLATE_BYTES_MAX {
        let message = format!("{} bytes; the limit is {TEMPLATE_BYTES_MAX}", source.len());
        return Err(refuse(None, message));
    }
    let read = dialect::read(source).map_err(|(line, message)| refuse(Some(line), message))?;
    let mut template = Template::compile_with_name(&read, name.to_owned()).map_err(|error| {
        let (line, column) = error.pos().unwrap_or((1, 1));
        let tag = tag_at((source, &read), line, column);
        let hint = foreign::hint(&tag).map(|hint| format!("; {hint}")).unwrap_or_default();
        refuse(Some(line), format!("`{tag}` is not a Handlebars tag{hint}"))
    })?;
    dialect::without_marks(&mut template);
    Ok(template)
}

/// Returns the tag of the source at or before a position of the rewritten source: the one at the
/// same relative position in its line.
fn tag_at((source, read): (&str, &str), line: usize, column: usize) -> String {
    let [text, read] = [source, read].map(|text| text.lines().nth(line - 1).unwrap_or_default());
    let at = read.char_indices().nth(column - 1).map_or(read.len(), |(at, _)| at);
    let before = read[..at].matches("{{").count().saturating_sub(1);
    let start = text.match_indices("{{").nth(before).map_or(0, |(at, _)| at);
    let end = text[start..].find("}}").map_or(text.len(), |end| start + end + 2);
    text[start..end].chars().take(80).collect()
}

/// Returns whether a name in the registry belongs to a page or message rather than to a partial.
pub(in crate::domain) fn is_message(name: &str) -> bool {
    ["pages/", "emails/", "sms/"].iter().any(|folder| name.starts_with(folder))
}

/// Refuses a template that includes itself, or that exceeds the limit of work.
pub(in crate::domain) fn bound(
    name: &str,
    parsed: &BTreeMap<String, Template>,
) -> Result<(), TemplateError> {
    let folder = if is_message(name) { "" } else { "partials/" };
    let refuse =
        |message| TemplateError { template: format!("{folder}{name}"), line: None, message };
    let work = parsed
        .get(name)
        .map_or(Ok(0), |template| work(template, parsed, &mut vec![name.to_owned()]));
    match work {
        Err(ring) => Err(refuse(format!("includes itself: {}", ring.join(" → ")))),
        Ok(work) if work > WORK_MAX => {
            Err(refuse("makes too much work: lists within lists, or too many partials".to_owned()))
        }
        Ok(_) => Ok(()),
    }
}

fn work(
    template: &Template,
    parsed: &BTreeMap<String, Template>,
    path: &mut Vec<String>,
) -> Result<u64, Vec<String>> {
    let mut sum = 0_u64;
    for element in &template.elements {
        let more = match element {
            TemplateElement::HelperBlock(block) => block_work(block, parsed, path)?,
            TemplateElement::PartialExpression(partial)
            | TemplateElement::PartialBlock(partial) => {
                let name = partial.name.as_name().unwrap_or_default();
                let Some(template) = parsed.get(name) else { continue };
                let seen = path.iter().any(|other| other == name);
                path.push(name.to_owned());
                if seen || path.len() > PARTIAL_DEPTH_MAX {
                    return Err(path.clone());
                }
                let included = work(template, parsed, path)?;
                path.pop();
                included
            }
            _ => 1,
        };
        sum = sum.saturating_add(more);
        if sum > WORK_MAX {
            break; // The limit is exceeded, and a chain of partials could take exponential time.
        }
    }
    Ok(sum)
}

fn block_work(
    block: &HelperTemplate,
    parsed: &BTreeMap<String, Template>,
    path: &mut Vec<String>,
) -> Result<u64, Vec<String>> {
    let mut sum = 1_u64;
    for (template, times) in [(&block.template, items(block)), (&block.inverse, 1)] {
        let Some(template) = template else { continue };
        sum = sum.saturating_add(work(template, parsed, path)?.max(1).saturating_mul(times));
    }
    Ok(sum)
}

fn items(block: &HelperTemplate) -> u64 {
    match &block.name {
        Parameter::Name(name) if name == "each" || name == SECTION => LIST_ITEMS,
        _ => 1,
    }
}
