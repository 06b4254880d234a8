//! Checks that templates are safe for every contact: each variable is known, each helper exists,
//! nothing is unescaped.

mod references;

pub use references::{partials_of, references};

use crate::domain::base::diagnostic::{Problem, nearest};
use crate::domain::campaign::broadcast::AbMetric;
use crate::domain::campaign::{Campaign, Compiled, Page};
use crate::domain::form::FieldKind;
use crate::domain::template::dialect::{INVERTED, SECTION};
use crate::domain::template::foreign;
use crate::domain::template::helpers::{self, HELPERS, SCHEMES};
use crate::domain::template::html_context::HtmlContext;
use crate::domain::template::locale_format::{DATE_STYLES, PLACES_MAX};
use crate::domain::template::translations::{is_language, parent};
use crate::domain::template::{
    Markup, TEMPLATES_MAX, TemplateSource, part_name, partial_name, syntax,
};
use crate::domain::time::calendar::is_zone;
use handlebars::template::{
    BlockParam, DecoratorTemplate, HelperTemplate, Parameter, TemplateElement,
};
use handlebars::{Path, Template};
use std::collections::{BTreeMap, BTreeSet};

/// The variables that every contact has.
const CONTACT: &[&str] =
    &["first_name", "last_name", "email", "phone", "locale", "time_zone", "external_id", "score"];
/// The variables that every template may use.
const CAMPAIGN: &[&str] = &["campaign.name", "campaign.postal_address"];
/// The additional variables of a page.
const PAGE: &[&str] = &["title", "description", "lang", "form"];
/// The variables that contain URLs of our own, and so may begin a link.
const ADDRESSES: &[&str] = &["base_url", "unsubscribe_url", "preferences_url"];
/// Returns all problems of a campaign's templates: missing ones, syntax errors, and uses of
/// something that will not exist.
pub fn check_templates(compiled: &Compiled) -> Vec<Problem> {
    let count = compiled.templates.len();
    if count > TEMPLATES_MAX {
        let message = format!("{count} templates; the limit is {TEMPLATES_MAX}");
        return vec![Problem::new("templates", message)];
    }
    let mut problems = missing(compiled);
    problems.extend(unclickable(compiled));
    let sources = compiled.sources();
    let mut parsed = BTreeMap::new();
    for (name, source) in sources.iter() {
        problems.extend(kind_matches(name, source));
        problems.extend(empty(name, source));
        problems.extend(stray_version(name, compiled));
        for (part, text, _) in source.parts() {
            let full = part_name(name, part);
            let template = syntax::parse(&full, text).unwrap_or_else(|error| {
                let problem = Problem::new(error.template, error.message);
                problems.push(Problem { line: error.line, ..problem });
                Template::default() // Do not blame the templates that include it.
            });
            let is_partial = matches!(source, TemplateSource::Partial(_));
            let key = if is_partial { partial_name(name).to_owned() } else { full };
            parsed.insert(key, template);
        }
    }
    let boundless = boundless(&parsed);
    if !boundless.is_empty() {
        problems.extend(boundless);
        return problems;
    }
    let ticks = ticks(&compiled.campaign);
    for (name, source) in sources.iter() {
        for (part, _, markup) in source.parts() {
            let full = part_name(name, part);
            if let (Some(template), false) =
                (parsed.get(&full), matches!(source, TemplateSource::Partial(_)))
            {
                let known = variables(&compiled.campaign, source, part);
                let walk = Walk {
                    file: full,
                    is_page: matches!(source, TemplateSource::Page(_)),
                    is_email_html: part == "html",
                    markup,
                    known: &known,
                    ticks: &ticks,
                    parsed: &parsed,
                    levels: Vec::new(),
                    floor: 0,
                    given: BTreeMap::new(),
                    place: HtmlContext::text(),
                    used: BTreeSet::new(),
                    problems: Vec::new(),
                };
                let found = walk.run(template);
                if !found.1.contains("form") {
                    problems.extend(formless(name, &compiled.campaign));
                }
                problems.extend(found.0);
            }
        }
    }
    let at_subject = |problem: Problem| match subject_key(&compiled.campaign, &problem.key) {
        Some(key) => Problem { key, line: None, ..problem },
        None => problem,
    };
    dedup(problems.into_iter().map(at_subject).collect())
}

/// Finds the templates whose rendering might not terminate. A template that includes an unbounded
/// partial is not reported itself.
fn boundless(parsed: &BTreeMap<String, Template>) -> Vec<Problem> {
    let bounds = parsed.keys().filter_map(|name| syntax::bound(name, parsed).err());
    let mut found: Vec<Problem> =
        bounds.map(|error| Problem::new(error.template, error.message)).collect();
    let is_partial = |problem: &Problem| problem.key.starts_with("partials/");
    let own = found.iter().any(is_partial);
    found.retain(|problem| !own || is_partial(problem));
    found
}

/// Returns the key in the campaign of a subject that is not a template's own.
fn subject_key(campaign: &Campaign, name: &str) -> Option<String> {
    let (broadcast, variant) = name.strip_prefix("subjects/")?.split_once('/')?;
    let variants = &campaign.broadcasts.get(broadcast)?.variants;
    let index = variants.iter().position(|v| v.name == variant)?;
    Some(format!("broadcast.{broadcast}.ab.variants[{}].subject", index + 1))
}

/// Finds variants that are compared by clicks but have nothing to click on: SMS without a link. An
/// e-mail always has the unsubscribe link, and the linter checks the others.
fn unclickable(compiled: &Compiled) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, broadcast) in &compiled.campaign.broadcasts {
        let is_compared = broadcast.variants.len() > 1 && broadcast.metric == AbMetric::Clicked;
        for variant in broadcast.variants.iter().filter(|_| is_compared) {
            let Some(TemplateSource::Sms(text)) = compiled.templates.get(&variant.template) else {
                continue;
            };
            if !text.contains("://") && !text.contains("base_url") {
                let key = format!("broadcast.{name}.ab.metric");
                let message = format!("`{}` has no link to click", variant.template);
                problems.push(Problem::new(key, message).help("use `converted`, or add a link"));
            }
        }
    }
    problems
}

/// Removes duplicates: a partial's problem is found once for each template that includes it.
fn dedup(problems: Vec<Problem>) -> Vec<Problem> {
    let mut kept: Vec<Problem> = Vec::new();
    for problem in problems {
        if !kept.contains(&problem) {
            kept.push(problem);
        }
    }
    kept
}

/// Finds templates that the campaign refers to and that do not exist.
fn missing(compiled: &Compiled) -> Vec<Problem> {
    let is_missing = |(_, name): &(String, String)| !compiled.templates.contains_key(name);
    let references = references(&compiled.campaign).into_iter().filter(is_missing);
    let problem = |(key, name): (String, String)| {
        let folder = name.split('/').next().unwrap_or_default();
        let known = compiled.templates.keys().filter(|other| other.starts_with(folder));
        Problem::new(key, format!("there is no template `{name}`"))
            .suggest(&name, known.map(String::as_str))
    };
    references.map(problem).collect()
}

/// Checks that a template's kind matches its folder.
fn kind_matches(name: &str, source: &TemplateSource) -> Option<Problem> {
    let folder = match source {
        TemplateSource::Page(_) => "pages/",
        TemplateSource::Partial(_) => "partials/",
        TemplateSource::Email { .. } => "emails/",
        TemplateSource::Sms(_) => "sms/",
        TemplateSource::Subject(_) => "subjects/",
    };
    let message = format!("a template of this kind is named {folder}…");
    (!name.starts_with(folder)).then(|| Problem::new(name, message))
}

/// Checks for an empty mail subject or an empty SMS. Nobody opens a mail without a subject, and
/// filters refuse it; every provider refuses an SMS without text, and some charge for it.
fn empty(name: &str, source: &TemplateSource) -> Option<Problem> {
    let (key, text, help) = match source {
        TemplateSource::Email { subject, .. } => {
            (part_name(name, "subject"), subject, "write what the mail is about")
        }
        TemplateSource::Sms(text) => (name.to_owned(), text, "write what the message says"),
        _ => return None,
    };
    text.trim().is_empty().then(|| Problem::new(key, "is empty").help(help))
}

/// Checks that a template below a message is its version in another language.
fn stray_version(name: &str, compiled: &Compiled) -> Option<Problem> {
    let (above, last) = parent(name)?;
    let is_message = name.starts_with("emails/") || name.starts_with("sms/");
    if !is_message || !compiled.templates.contains_key(above) || is_language(last) {
        return None;
    }
    let is_named = references(&compiled.campaign).iter().any(|(_, other)| other == name);
    let problem = Problem::new(name, format!("`{last}` is not a language"));
    (!is_named).then(|| problem.help("name a version after its language: zh-CN, de, pt-BR"))
}

/// Returns the variables that a template may use.
fn variables(campaign: &Campaign, source: &TemplateSource, part: &str) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = CAMPAIGN.iter().map(|name| (*name).to_owned()).collect();
    let mut add = |names: &[&str]| known.extend(names.iter().map(|name| (*name).to_owned()));
    if matches!(source, TemplateSource::Page(_)) {
        add(PAGE);
        return known;
    }
    add(CONTACT);
    add(&["base_url"]);
    if matches!(source, TemplateSource::Email { .. }) && part != "subject" {
        add(&["unsubscribe_url"]);
    }
    if part != "subject" {
        add(&["preferences_url"]);
    }
    let fields = campaign.forms.values().flat_map(|form| &form.fields);
    known.extend(fields.map(|field| field.name.clone()));
    known.extend(campaign.attributes.iter().cloned());
    known
}

/// Returns the fields that are checkboxes: a block over one does not change the meaning of names.
fn ticks(campaign: &Campaign) -> BTreeSet<String> {
    let fields = campaign.forms.values().flat_map(|form| &form.fields);
    let ticks = fields.filter(|field| matches!(field.kind, FieldKind::Checkbox));
    ticks.map(|field| field.name.clone()).collect()
}

/// Finds pages with a form whose template does not show it, so that nobody could fill it in.
fn formless(template: &str, campaign: &Campaign) -> Vec<Problem> {
    let shows = |page: &Page| page.variants.iter().any(|variant| variant.template == template);
    let pages = campaign.pages.iter().filter(|(_, page)| page.form.is_some() && shows(page));
    let problem = |(name, _): (&String, &Page)| {
        let message = format!("the form is not shown: `{template}` has no {{{{{{form}}}}}}");
        let advice = "put {{{form}}} into it, or remove `form` from the page";
        Problem::new(format!("page.{name}.form"), message).help(advice)
    };
    pages.map(problem).collect()
}

/// A block within which names refer to an item or a value.
#[derive(Clone)]
struct Level {
    /// The opening tag: `{{#each role}}`.
    opening: String,
    /// Whether there are several items, and so `@index`.
    is_list: bool,
    /// The names that the block gives to item and key.
    names: Vec<String>,
}

/// A walk through one part of a template and the partials that it includes.
struct Walk<'t> {
    file: String,
    is_page: bool,
    is_email_html: bool,
    markup: Markup,
    known: &'t BTreeSet<String>,
    /// The known variables that are checkboxes.
    ticks: &'t BTreeSet<String>,
    parsed: &'t BTreeMap<String, Template>,
    /// The enclosing blocks within which names refer to something else.
    levels: Vec<Level>,
    /// The number of enclosing blocks outside of the partial, which it does not see.
    floor: usize,
    /// The values that the including tag passes to the partial, and whether each may begin a link.
    given: BTreeMap<String, bool>,
    /// The position in the markup.
    place: HtmlContext,
    used: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl<'t> Walk<'t> {
    /// Returns the problems and the variables used.
    fn run(mut self, template: &Template) -> (Vec<Problem>, BTreeSet<String>) {
        self.template(template, 1);
        if self.is_email_html && !self.used.contains("unsubscribe_url") {
            let problem = Problem::new(&self.file, "has no unsubscribe link");
            let advice = "put <a href=\"{{unsubscribe_url}}\">…</a> into an <mj-text>";
            self.problems.push(problem.help(advice));
        }
        (self.problems, self.used)
    }

    fn problem(&mut self, line: usize, message: impl Into<String>) -> &mut Problem {
        let at = self.problems.len();
        let problem = Problem { line: Some(line), ..Problem::new(&self.file, message) };
        self.problems.push(problem);
        &mut self.problems[at]
    }

    fn template(&mut self, template: &Template, line: usize) {
        for (index, element) in template.elements.iter().enumerate() {
            let line = template.mapping.get(index).map_or(line, |mapping| mapping.0);
            match element {
                TemplateElement::RawString(text) => self.place.feed(text),
                TemplateElement::Comment(_) => {}
                TemplateElement::Expression(tag) => {
                    self.stand(tag, line);
                    self.expression(tag, line);
                    self.place.feed_value();
                }
                TemplateElement::HtmlExpression(tag) => self.raw(tag, line),
                TemplateElement::HelperBlock(block) => self.block(block, line),
                TemplateElement::PartialExpression(partial) => self.partial(partial, line),
                TemplateElement::PartialBlock(_) => {
                    let message = "blocks around partials {{#> …}} are not supported here";
                    let problem = self.problem(line, message);
                    let advice = "layouts are for e-mail bodies: {{#> layouts/name}}";
                    problem.help = Some(advice.to_owned());
                }
                _ => {
                    let message = "{{* …}} and {{#*inline …}} are not supported";
                    let advice = "write it as partials/name.hbs, and include it by {{> name}}";
                    self.problem(line, message).help = Some(advice.to_owned());
                }
            }
        }
    }

    /// Reports what escaping does not make safe. A URL that begins with user input could be a
    /// `javascript:` URL; an unquoted value could add attributes; and scripts and style sheets are
    /// code.
    fn stand(&mut self, tag: &HelperTemplate, line: usize) {
        if self.markup != Markup::Html {
            return;
        }
        let name = tag.name.as_name().unwrap_or_default();
        if self.place.begins_address() {
            if !self.is_address(tag) {
                let message = format!("a link must not begin with `{{{{{name}}}}}`");
                let problem = self.problem(line, message);
                let advice = "begin it with https:// or {{base_url}}, or write {{url …}}";
                problem.help = Some(advice.to_owned());
            }
        } else if self.place.is_code() {
            let message = format!("`{{{{{name}}}}}` must not stand in a script or a style sheet");
            self.problem(line, message);
        } else if self.place.is_unquoted() {
            let message = format!("`{{{{{name}}}}}` is in an attribute without quotes");
            self.problem(line, message).help = Some("put the value in quotes".to_owned());
        }
    }

    /// Returns whether the value of a tag may begin a link.
    fn is_address(&self, tag: &HelperTemplate) -> bool {
        let name = tag.name.as_name().unwrap_or_default();
        match (tag.params.is_empty(), name) {
            (true, name) => {
                ADDRESSES.contains(&name) || self.given.get(name).copied().unwrap_or_default()
            }
            (false, "url") => true,
            // Both the value and the fallback may begin a link: `{{default (url site) base_url}}`.
            (false, "default") => tag.params.iter().all(|param| self.is_address_value(param)),
            _ => false,
        }
    }

    fn is_address_value(&self, param: &Parameter) -> bool {
        match param {
            Parameter::Literal(value) => {
                let text = value.as_str().unwrap_or_default();
                text.starts_with('#') || SCHEMES.iter().any(|scheme| text.starts_with(scheme))
            }
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(tag) => self.is_address(tag),
                _ => false,
            },
            other => {
                let name = other.as_name().unwrap_or_default();
                ADDRESSES.contains(&name) || self.given.get(name).copied().unwrap_or_default()
            }
        }
    }

    /// Checks `{{name}}` or `{{helper value …}}`.
    fn expression(&mut self, tag: &HelperTemplate, line: usize) {
        let Some(name) = tag.name.as_name() else {
            self.problem(line, "a tag must begin with a variable or a helper");
            return;
        };
        let spec = helpers::spec(name);
        let is_variable = self.known.contains(name) || self.given.contains_key(name);
        if tag.params.is_empty() && tag.hash.is_empty() && (spec.is_none() || is_variable) {
            if self.is_page && name == "form" && self.levels.is_empty() {
                self.used.insert("form".to_owned());
                let message = "{{form}} shows the form's HTML as text";
                self.problem(line, message).help = Some("write {{{form}}}".to_owned());
                return;
            }
            return self.variable(&tag.name, line);
        }
        if spec.is_some_and(|spec| spec.is_block) {
            let message = format!("`{name}` is a block: {{{{#{name} …}}}}…{{{{/{name}}}}}");
            self.problem(line, message);
            return;
        }
        self.helper(name, tag, line);
    }

    /// Checks that a helper exists and gets the right number and kinds of values.
    fn helper(&mut self, name: &str, tag: &HelperTemplate, line: usize) {
        let Some(spec) = helpers::spec(name) else {
            let near = nearest(name, HELPERS.iter().map(|spec| spec.name));
            let problem = self.problem(line, format!("there is no helper `{name}`"));
            problem.help = Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => "docs/templates.md lists the helpers".to_owned(),
            });
            return;
        };
        let (least, most) = spec.values;
        if !(least..=most).contains(&tag.params.len()) {
            let takes = match (least, most) {
                (1, 1) => "1 value".to_owned(),
                (least, most) if least == most => format!("{least} values"),
                (least, most) => format!("{least} to {most} values"),
            };
            let message = format!("`{name}` takes {takes}, not {}", tag.params.len());
            self.problem(line, message);
        }
        let strays = tag.hash.keys().filter(|key| !spec.named.contains(&key.as_str()));
        for stray in strays.collect::<BTreeSet<_>>() {
            self.problem(line, format!("`{name}` has no option `{stray}`"));
        }
        self.literals(name, tag, line);
        for param in tag.params.iter().chain(tag.hash.values()) {
            self.parameter(param, line);
        }
    }

    /// Checks literals when publishing: date styles, time zones, decimal places, currencies.
    fn literals(&mut self, name: &str, tag: &HelperTemplate, line: usize) {
        let literal = |param: Option<&Parameter>| match param {
            Some(Parameter::Literal(value)) => Some(value.clone()),
            _ => None,
        };
        let second = literal(tag.params.get(1));
        let is_wrong = second.as_ref().is_some_and(|value| match name {
            "date" => !value.as_str().is_some_and(|style| DATE_STYLES.contains(&style)),
            "number" | "percent" => value.as_u64().is_none_or(|n| n > PLACES_MAX as u64),
            "money" => !value.as_str().is_some_and(|code| {
                code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
            }),
            _ => false,
        });
        if is_wrong {
            let wanted = match name {
                "date" => format!("one of {}", DATE_STYLES.join(", ")),
                "money" => "a currency such as \"EUR\"".to_owned(),
                _ => format!("a number of decimal places, {PLACES_MAX} at most"),
            };
            let second = second.unwrap_or_default();
            self.problem(line, format!("`{name}` takes {wanted} second, not {second}"));
        }
        if let Some(zone) = literal(tag.hash.get("zone"))
            && !zone.as_str().is_some_and(is_zone)
        {
            let problem = self.problem(line, format!("there is no time zone {zone}"));
            problem.help = Some("use a name of the IANA list: \"Europe/London\"".to_owned());
        }
    }

    fn parameter(&mut self, param: &Parameter, line: usize) {
        match param {
            Parameter::Name(_) | Parameter::Path(_) => self.variable(param, line),
            Parameter::Subexpression(inner) => {
                if let TemplateElement::Expression(tag) = inner.as_element() {
                    self.expression(tag, line);
                }
            }
            _ => {} // A literal.
        }
    }

    fn raw(&mut self, tag: &HelperTemplate, line: usize) {
        let name = tag.name.as_name().unwrap_or_default();
        if self.is_page && name == "form" && tag.params.is_empty() && self.levels.is_empty() {
            self.used.insert("form".to_owned());
            return;
        }
        let message = format!("{{{{{{{name}}}}}}} would not be escaped");
        let problem = self.problem(line, message);
        problem.help = Some(format!("write {{{{{name}}}}}"));
    }

    fn block(&mut self, block: &HelperTemplate, line: usize) {
        let name = block.name.as_name().unwrap_or_default();
        let is_section = matches!(name, SECTION | INVERTED);
        if is_section {
            block.params.iter().for_each(|param| self.parameter(param, line));
        } else if !helpers::spec(name).is_some_and(|spec| spec.is_block) {
            let message = format!("there is no block `{name}`");
            let problem = self.problem(line, message);
            let advice = match helpers::spec(name) {
                Some(_) => format!("write {{{{#if ({name} …)}}}}…{{{{/if}}}}"),
                None => "did you mean {{#if …}}, {{#unless …}} or {{#each …}}?".to_owned(),
            };
            problem.help = Some(advice);
            return;
        } else {
            self.helper(name, block, line);
        }
        let level = self.level(name, block);
        let (inside, outside) = match name {
            INVERTED => (&block.inverse, &block.template),
            _ => (&block.template, &block.inverse),
        };
        let is_level = level.is_some();
        self.levels.extend(level);
        let before = self.place.clone();
        if let Some(template) = inside {
            self.template(template, line);
        }
        if is_level {
            self.levels.pop();
        }
        let after = std::mem::replace(&mut self.place, before);
        if let Some(template) = outside {
            self.template(template, line);
        }
        // Either branch may come before the rest; a URL that has not begun yet is the more
        // dangerous case.
        if !self.place.begins_address() {
            self.place = after;
        }
    }

    /// Returns the level of names that a block opens, if any.
    fn level(&self, name: &str, block: &HelperTemplate) -> Option<Level> {
        let value = block.params.first().and_then(Parameter::as_name).unwrap_or_default();
        let opening = match name {
            SECTION | INVERTED if self.ticks.contains(value) => return None,
            SECTION | INVERTED => format!("{{{{#{value}}}}}"),
            "each" | "with" => format!("{{{{#{name} {value}}}}}"),
            _ => return None,
        };
        let names = match &block.block_param {
            Some(BlockParam::Single(item)) => vec![item],
            Some(BlockParam::Pair((item, index))) => vec![item, index],
            _ => vec![],
        };
        let names = names.into_iter().filter_map(|name| Some(name.as_name()?.to_owned()));
        Some(Level { opening, is_list: name != "with", names: names.collect() })
    }

    fn partial(&mut self, partial: &DecoratorTemplate, line: usize) {
        let Parameter::Name(name) = &partial.name else {
            self.problem(line, "a partial must be named directly, not by a variable");
            return;
        };
        let Some(template) = self.parsed.get(name) else {
            let known =
                self.parsed.keys().filter(|key| !syntax::is_message(key)).map(String::as_str);
            let known: Vec<&str> = known.collect();
            let problem = self.problem(line, format!("there is no partial `{name}`"));
            *problem = problem.clone().suggest(name, known);
            return;
        };
        if syntax::is_message(name) {
            self.problem(line, format!("`{name}` is not a partial"));
            return;
        }
        if !partial.params.is_empty() {
            self.problem(line, "a partial takes values by name only: {{> name label=\"…\"}}");
        }
        for value in partial.hash.values() {
            self.parameter(value, line);
        }
        let is_address =
            |(name, value): (&String, &Parameter)| (name.clone(), self.is_address_value(value));
        let given = partial.hash.iter().map(is_address).collect();
        let outer_file = std::mem::replace(&mut self.file, format!("partials/{name}"));
        let outer_given = std::mem::replace(&mut self.given, given);
        // Within a list, a partial sees the item, but not the name that the list gives it.
        let inner = self.levels.last().map(|level| Level { names: Vec::new(), ..level.clone() });
        let outer_levels = std::mem::replace(&mut self.levels, inner.into_iter().collect());
        let outer_floor = std::mem::replace(&mut self.floor, self.levels.len());
        self.template(template, 1);
        (self.file, self.given) = (outer_file, outer_given);
        (self.levels, self.floor) = (outer_levels, outer_floor);
    }

    /// Checks that a variable is known here; inside a list, `this` and its names refer to the item.
    fn variable(&mut self, param: &Parameter, line: usize) {
        let raw = param.as_name().unwrap_or_default();
        let path = raw.trim_start_matches("./");
        let ups = path.matches("../").count();
        let plain = path.trim_start_matches("../");
        if matches!(param, Parameter::Path(Path::Local(_))) {
            let known = ["@index", "@first", "@last", "@key"];
            let is_list = self.levels.iter().any(|level| level.is_list);
            if !is_list || !known.contains(&plain.replace("../", "").as_str()) {
                self.problem(line, format!("`{raw}` is only available inside {{{{#each …}}}}"));
            }
            return;
        }
        let root = plain.strip_prefix("@root.").or_else(|| plain.strip_prefix("@root/"));
        let name = root.unwrap_or(plain).replace('/', ".").replace(['[', ']'], "");
        let depth = self.levels.len();
        if root.is_none() && ups > depth - self.floor {
            self.problem(line, format!("`{raw}` refers to something outside the template"));
            return;
        }
        if root.is_none() && ups < depth {
            return self.item(raw, &name, line);
        }
        let is_known = |name: &str| self.known.contains(name) || self.given.contains_key(name);
        let list = name.strip_suffix(".length").filter(|list| is_known(list));
        if is_known(&name) || list.is_some() {
            let name = list.unwrap_or(&name).to_owned();
            self.used.insert(name);
            return;
        }
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        let near = nearest(&name, known).map(|near| format!("did you mean `{near}`?"));
        let near = foreign::meaning(&name, self.known).or(near);
        let advice = "declare it in campaign.attributes, or ask for it in a form";
        let problem = self.problem(line, format!("unknown variable `{raw}`"));
        problem.help = near.or_else(|| Some(advice.to_owned()));
    }

    fn item(&mut self, raw: &str, name: &str, line: usize) {
        let names = self.levels.iter().flat_map(|level| &level.names);
        let is_here = |name: &str| {
            let is_named = names.clone().into_iter().any(|item| item == name);
            is_named || name == "this" || self.given.contains_key(name)
        };
        if is_here(name) || name.strip_suffix(".length").is_some_and(is_here) {
            return;
        }
        let known = self.known.contains(name);
        let opening = self.levels.last().map_or("", |level| &level.opening).to_owned();
        let problem = self.problem(line, format!("`{raw}` is not part of a list's item"));
        problem.help = Some(match known {
            true => format!("inside {opening} write {{{{@root.{name}}}}}"),
            false => "the item itself is {{this}}".to_owned(),
        });
    }
}
