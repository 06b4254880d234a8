//! Campaign files: TOML text becomes a checked `Campaign`, or a list of everything that is wrong
//! with the file. Not here: the checks that clients of the API need too
//! (`domain/publication/validate.rs`), and templates.

mod amounts;
mod broadcasts;
mod forms;
mod journeys;
mod kinds;
mod messages;
mod pacing;
mod rules;
mod slips;
mod table;
#[cfg(test)]
pub(crate) mod tests;

pub use kinds::read_kind;

use crate::domain::base::diagnostic::Problem;
use crate::domain::base::primitives::{CampaignId, KindId, Money, Span, minor_digits};
use crate::domain::campaign::journey::{Action, Step};
use crate::domain::campaign::{Campaign, Cost, Goal, Page, Segment, Variant};
use crate::domain::pacing::Pacing;
use crate::domain::publication::validate::check;
use crate::domain::segment::Rule;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use table::{Node, Problems, Table};

use toml::de::{DeTable, DeValue};

/// The largest campaign file, in bytes: several times the size of 50 ordinary pages, forms and
/// journeys.
pub const FILE_BYTES_MAX: usize = 256 * 1024;

/// The beginnings of problems that may only follow from consents that could not be read.
const ECHOES: [&str; 3] =
    ["would never be sent by", "there is no form that asks for", "no form of this campaign asks"];

/// The largest filter, in bytes of JSON, and the most levels of one.
const FILTER_BYTES_MAX: usize = 20_000;
const FILTER_DEPTH_MAX: usize = 60;

/// The campaign of a filter, which has none.
const FILTER_HEAD: &str = r#"
[campaign]
id = "filter"
name = "Filter"
time_zone = "UTC"
currency = "EUR"
owner = "owner@house.example"
postal_address = "-"
goal = { event = "goal", within = "1d" }
"#;

/// The most characters of a line that an error quotes.
const LINE_CHARS_MAX: usize = 40;

/// A problem in a file, with its position.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    /// The name of the file as given, such as `campaigns/spring.toml`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The dotted key, such as `journey.nurture.step[2].timeout`; empty if no key is concerned.
    pub key: String,
    pub message: String,
    /// How to fix it, if that can be guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

/// Reads and checks a campaign file, without its templates.
pub fn read(file_name: &str, text: &str) -> Result<Campaign, Vec<Diagnostic>> {
    read_located(file_name, text).map(|(campaign, _)| campaign)
}

/// Reads and checks a campaign file, and returns the positions of its keys too.
pub fn read_located(file_name: &str, text: &str) -> Result<(Campaign, Lines), Vec<Diagnostic>> {
    let mut lines = Lines::new(file_name, text);
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes; the limit is {FILE_BYTES_MAX}", text.len());
        return Err(vec![lines.locate(Problem::new("", message))]);
    }
    if text.trim().is_empty() {
        let problem = Problem::new("", "the file is empty");
        let advice = "a campaign begins with [campaign]; docs/campaign-files.md shows one";
        return Err(vec![lines.locate(problem.help(advice))]);
    }
    let (tree, errors) = DeTable::parse_recoverable(text);
    if let Some(error) = errors.first() {
        return Err(sorted(not_toml(text, error, &lines)));
    }
    lines.learn("", tree.get_ref());
    let (campaign, problems) = campaign(tree.get_ref(), file_stem(file_name));
    if problems.is_empty() {
        return Ok((campaign, lines));
    }
    Err(sorted(problems.into_iter().map(|problem| lines.locate(problem)).collect()))
}

/// Reads a rule about records of a kind, in the language of campaign files but as JSON:
/// `{"attribute": "city", "is": "Bonn"}`. Segments and journeys of campaigns cannot be named.
pub fn filter(of: &KindId, rule: &Json) -> Result<Rule, Vec<Problem>> {
    let text = rule.to_string();
    if text.len() > FILTER_BYTES_MAX {
        let message =
            format!("the filter has {} bytes; the limit is {FILTER_BYTES_MAX}", text.len());
        return Err(vec![Problem::new("filter", message)]);
    }
    let Some(rule) = inline(rule, FILTER_DEPTH_MAX) else {
        let message = "the filter has a null, or too many levels";
        return Err(vec![Problem::new("filter", message)]);
    };
    let text =
        format!("{FILTER_HEAD}[segment.filter]\nof = {}\nrule = {rule}\n", Json::from(of.as_str()));
    let (tree, errors) = DeTable::parse_recoverable(&text);
    let (mut campaign, problems) = campaign(tree.get_ref(), None);
    let own = |problem: &Problem| problem.key.starts_with("segment.filter");
    let mut problems: Vec<Problem> = problems.into_iter().filter(own).collect();
    for problem in &mut problems {
        problem.key = problem.key.replacen("segment.filter.rule", "filter", 1);
    }
    match campaign.segments.remove("filter") {
        Some(segment) if problems.is_empty() && errors.is_empty() => Ok(segment.rule),
        _ if problems.is_empty() => Err(vec![Problem::new("filter", "cannot be read")]),
        _ => Err(problems),
    }
}

/// Writes JSON as TOML in one line; `None` for `null`, which TOML does not have. Texts are written
/// in the same way in both.
fn inline(json: &Json, depth: usize) -> Option<String> {
    let deeper = depth.checked_sub(1)?;
    Some(match json {
        Json::Null => return None,
        Json::Array(items) => {
            let items = items.iter().map(|item| inline(item, deeper));
            format!("[{}]", items.collect::<Option<Vec<_>>>()?.join(", "))
        }
        Json::Object(entries) => {
            let entries = entries.iter().map(|(name, value)| {
                Some(format!("{} = {}", Json::from(name.as_str()), inline(value, deeper)?))
            });
            format!("{{{}}}", entries.collect::<Option<Vec<_>>>()?.join(", "))
        }
        one => one.to_string(),
    })
}

/// Returns what is wrong with a text that is not TOML: the known mistakes found in it, or else the
/// parser's first error.
fn not_toml(text: &str, error: &toml::de::Error, lines: &Lines) -> Vec<Diagnostic> {
    let slips = slips::find(text).into_iter();
    let mut found: Vec<Diagnostic> = slips
        .map(|slip| lines.at(slip.at, Problem::new("", slip.message).help(slip.help)))
        .collect();
    if found.is_empty() {
        let start = error.span().map_or(0, |span| span.start);
        found.push(lines.at(start, unread(text, start, error.message())));
    }
    found
}

/// Returns the parser's error for a text without a known mistake.
fn unread(text: &str, start: usize, message: &str) -> Problem {
    let is_twice =
        ["duplicate key", "cannot extend", "redefine"].map(|word| message.contains(word));
    if is_twice.contains(&true) {
        let help = "a key or table may be defined once: join the two, or rename one";
        return Problem::new("", "this is already in the file, in another form").help(help);
    }
    let line = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let line = text[line..].lines().next().unwrap_or_default().trim();
    let shown: String = line.chars().take(LINE_CHARS_MAX).collect();
    let message = match shown.is_empty() {
        true => "the line before this one is not finished".to_owned(),
        false => format!("`{shown}` cannot be read"),
    };
    let help = "a line is key = value, [table] or # a comment; text is in \"…\"";
    Problem::new("", message).help(help)
}

fn sorted(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort();
    diagnostics.dedup();
    diagnostics
}

fn file_stem(file_name: &str) -> Option<&str> {
    file_name.rsplit(['/', '\\']).next()?.strip_suffix(".toml")
}

/// The position of each key of a file.
pub struct Lines {
    file: String,
    line_starts: Vec<usize>,
    text: String,
    starts: BTreeMap<String, usize>,
}

impl Lines {
    fn new(file: &str, text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { file: file.to_owned(), line_starts, text: text.to_owned(), starts: BTreeMap::new() }
    }

    fn learn(&mut self, key: &str, table: &DeTable<'_>) {
        for (name, value) in table.iter() {
            let dot = if key.is_empty() { "" } else { "." };
            let key = format!("{key}{dot}{}", name.get_ref());
            self.starts.insert(key.clone(), name.span().start);
            self.learn_value(&key, value.get_ref());
        }
    }

    fn learn_value(&mut self, key: &str, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) => self.learn(key, table),
            DeValue::Array(array) => {
                for (index, element) in array.iter().enumerate() {
                    let key = format!("{key}[{}]", index + 1);
                    self.starts.insert(key.clone(), element.span().start);
                    self.learn_value(&key, element.get_ref());
                }
            }
            _ => {}
        }
    }

    /// Returns the problem at the line of its key, or of the nearest enclosing key in the file.
    pub fn locate(&self, problem: Problem) -> Diagnostic {
        let mut key = problem.key.as_str();
        let start = loop {
            match (self.starts.get(key), key.rfind(['.', '['])) {
                (Some(start), _) => break *start,
                (None, Some(cut)) => key = &key[..cut],
                (None, None) => break 0,
            }
        };
        self.at(start, problem)
    }

    fn at(&self, start: usize, problem: Problem) -> Diagnostic {
        let line = self.line_starts.partition_point(|line_start| *line_start <= start);
        let before = self.text.get(self.line_starts[line - 1]..start).unwrap_or_default();
        Diagnostic {
            file: self.file.clone(),
            line,
            column: before.chars().count() + 1,
            key: problem.key,
            message: problem.message,
            help: problem.help,
        }
    }
}

/// Reads the tree and checks the result. Parts that could not be read are not checked.
fn campaign(tree: &DeTable<'_>, stem: Option<&str>) -> (Campaign, Vec<Problem>) {
    let problems = Problems::none(tree);
    let mut root = Table::root(tree, &problems);
    let mut campaign = head(&mut root, stem);
    campaign.pages = section(&mut root, "page", page);
    campaign.forms = section(&mut root, "form", forms::form);
    let locale = campaign.locale.clone();
    campaign.purposes = section(&mut root, "purpose", |node| forms::purpose(node, &locale));
    campaign.segments = section(&mut root, "segment", |node| {
        let mut table = node.table();
        let rule = table.need("rule", |node| rules::rule(node).map(Some));
        let rule = rule.unwrap_or(Rule::All(Vec::new()));
        Some(Segment { of: table.get("of", Node::kind).unwrap_or_else(KindId::contact), rule })
    });
    campaign.journeys = section(&mut root, "journey", journeys::journey);
    campaign.pacing = root.get("pacing", pacing::pacing).unwrap_or_default();
    campaign.broadcasts = section(&mut root, "broadcast", broadcasts::broadcast);
    drop(root);
    fill_purposes(&mut campaign, &problems);
    let mut problems = problems.into_inner();
    if problems.iter().all(|problem| problem.key.contains('.')) {
        let mut broken: BTreeSet<String> = problems.iter().map(|p| section_of(&p.key)).collect();
        broken.extend(problems.iter().filter_map(misspelt).map(|key| section_of(&key)));
        let sound = |problem: &Problem| !broken.contains(&section_of(&problem.key));
        // The consents that the forms ask for are then unknown; problems that follow from this are
        // not reported.
        let is_unasked = problems.iter().any(|p| is_of_consent(&p.key));
        let is_echo = |problem: &Problem| {
            is_unasked && ECHOES.iter().any(|echo| problem.message.starts_with(echo))
        };
        problems.extend(check(&campaign).into_iter().filter(|p| sound(p) && !is_echo(p)));
    }
    (campaign, problems)
}

/// Returns whether a key belongs to a form's consents.
fn is_of_consent(key: &str) -> bool {
    key.strip_prefix("form.").and_then(|rest| rest.split('.').nth(1)).is_some_and(|word| {
        word.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '[' | ']')) == "consent"
    })
}

/// Returns the correct spelling of an unknown key. Its placeholder value is not reported as a
/// separate problem.
fn misspelt(problem: &Problem) -> Option<String> {
    let meant = problem.help.as_deref()?.strip_prefix("did you mean `")?.strip_suffix("`?")?;
    let (table, _) = problem.key.rsplit_once('.')?;
    (problem.message == "unknown key").then(|| format!("{table}.{meant}"))
}

/// Returns `journey.nurture` for `journey.nurture.step[2].timeout`.
fn section_of(key: &str) -> String {
    key.split(['.', '[']).take(2).collect::<Vec<_>>().join(".")
}

fn section<T>(
    root: &mut Table<'_>,
    name: &'static str,
    read: impl Fn(Node<'_>) -> Option<T>,
) -> BTreeMap<String, T> {
    root.get(name, |node| node.named(read)).unwrap_or_default()
}

/// Reads `[campaign]`; the sections it owns are still empty.
fn head(root: &mut Table<'_>, stem: Option<&str>) -> Campaign {
    let mut table = root.need_table("campaign");
    let id = table.need("id", Node::text);
    if let Some(stem) = stem.filter(|stem| !id.is_empty() && *stem != id) {
        let problem =
            Problem::new(table.key_of("id"), format!("the file name does not match the id `{id}`"));
        table.report(problem.help(format!("rename it to {id}.toml, or the campaign to `{stem}`")));
    }
    let currency = table.need("currency", Node::text);
    Campaign {
        id: CampaignId(id),
        name: table.need("name", Node::text),
        locale: table.get("locale", Node::text).unwrap_or_else(|| "en".to_owned()),
        time_zone: table.need("time_zone", Node::text),
        owner: table.need("owner", Node::text),
        from: table.get("from", Node::text),
        postal_address: table.need("postal_address", Node::text),
        goal: table.need("goal", |node| goal(node).map(Some)).unwrap_or_else(no_goal),
        costs: table.get("cost", |n| n.list(|n| cost(n, &currency))).unwrap_or_default(),
        attributes: table.get("attributes", |n| n.list(Node::text)).unwrap_or_default(),
        currency,
        sms: table.get("sms", messages::texting).unwrap_or_default(),
        tracking: table.get("tracking", messages::tracking).unwrap_or_default(),
        pages: BTreeMap::new(),
        forms: BTreeMap::new(),
        purposes: BTreeMap::new(),
        segments: BTreeMap::new(),
        journeys: BTreeMap::new(),
        pacing: Pacing::default(),
        broadcasts: BTreeMap::new(),
    }
}

/// A placeholder for an invalid goal; the file is refused anyway.
fn no_goal() -> Goal {
    Goal { event: String::new(), within: Span::default() }
}

fn goal(node: Node<'_>) -> Option<Goal> {
    let mut table = node.table();
    Some(Goal { event: table.need("event", Node::text), within: table.need("within", Node::span) })
}

fn cost(node: Node<'_>, currency: &str) -> Option<Cost> {
    let mut table = node.table();
    let channel = table.need("channel", Node::text);
    let day = table.need("day", Node::day);
    let amount: Option<Money> = table.need("amount", |node| {
        let text = node.clone().text()?;
        let money = Money::parse(&text, currency).map(Some);
        money.or_else(|| {
            let places = minor_digits(currency);
            let problem =
                Problem::new(&node.key, format!("`{text}` is not an amount of {currency}"));
            node.report(problem.help(format!("digits, with at most {places} decimals")))
        })
    });
    Some(Cost { channel, day, amount: amount? })
}

fn page(node: Node<'_>) -> Option<Page> {
    let mut table = node.table();
    let template = table.node("template");
    let variants = table.node("variants");
    if template.is_none() && variants.is_none() {
        table.need_one_of(&["template", "variants"], "the page has no content");
    }
    if let (Some(_), Some(variants)) = (&template, &variants) {
        variants.error::<()>("a page has either `template` or `variants`");
    }
    let single = template
        .and_then(Node::text)
        .map(|template| vec![Variant { name: "a".to_owned(), template, weight: 1 }]);
    let several = variants.and_then(|node| node.list(variant));
    Some(Page {
        path: table.need("path", Node::text),
        title: table.need("title", Node::text),
        description: table.get("description", Node::text).unwrap_or_default(),
        form: table.get("form", Node::text),
        variants: several.or(single).unwrap_or_default(),
    })
}

fn variant(node: Node<'_>) -> Option<Variant> {
    let mut table = node.table();
    Some(Variant {
        name: table.need("name", Node::text),
        template: table.need("template", Node::text),
        weight: table.get("weight", Node::count).unwrap_or(1),
    })
}

/// Gives each journey and broadcast without a purpose the purpose that the campaign's forms ask
/// for, if there is only one.
fn fill_purposes(campaign: &mut Campaign, problems: &Problems) {
    let asks = campaign.forms.values().flat_map(|form| &form.consents);
    let purposes: BTreeSet<&str> =
        asks.map(|ask| ask.purpose.as_str()).filter(|purpose| !purpose.is_empty()).collect();
    let sends = |step: &Step| matches!(step.action, Action::Send { .. });
    let journeys = campaign.journeys.iter_mut().filter(|(_, j)| j.steps.iter().any(sends));
    let journeys = journeys.map(|(name, j)| (format!("journey.{name}"), &mut j.purpose));
    let broadcasts = campaign.broadcasts.iter_mut();
    let broadcasts = broadcasts.map(|(name, b)| (format!("broadcast.{name}"), &mut b.purpose));
    for (key, purpose) in journeys.chain(broadcasts).filter(|(_, purpose)| purpose.is_empty()) {
        match purposes.iter().copied().collect::<Vec<_>>()[..] {
            [] => {} // `check` reports what is missing, for clients of the API too.
            [only] => *purpose = only.to_owned(),
            ref several => {
                let problem = Problem::new(format!("{key}.purpose"), "missing");
                let advice = format!("the forms ask for several: {}", several.join(", "));
                problems.push(problem.help(advice));
            }
        }
    }
}
