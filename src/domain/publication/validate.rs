//! Validates a campaign: everything it refers to exists, and everything is within its limits.
//! Applies to every campaign, whether from a file or from a client of the API.

mod broadcasts;
mod doubts;
mod forms;
mod journeys;
mod messages;
mod pacing;
mod rule_size;
mod rules;
mod templates;
#[cfg(test)]
mod tests;

use crate::domain::base::primitives::KindId;
pub use doubts::doubts;
pub use templates::{check_templates, partials_of, references};

use crate::domain::base::diagnostic::{Problem, nearest};
use crate::domain::base::primitives::{Span, currency_meant};
use crate::domain::campaign::{Campaign, Page};
use crate::domain::contact::address::{read_email, read_sender};
use crate::domain::record::event::names;
use std::collections::BTreeMap;

pub use rule_size::rule_bytes;

/// The most pages, forms, segments and journeys, each: an admin page lists them all.
pub const SECTION_ENTRIES_MAX: usize = 50;
/// The most steps of a journey; a person can keep far fewer in mind.
pub const STEPS_MAX: usize = 100;
/// The most fields of a form: nobody fills in more.
pub const FIELDS_MAX: usize = 50;
/// The most options of a field; longer lists need another type of field.
pub const OPTIONS_MAX: usize = 100;
/// The most variants of a page: with more, none gets enough visitors for a comparison.
pub const VARIANTS_MAX: usize = 10;
/// The nesting depth of rules: SQLite's expressions may be 100 deep, and each level of a rule takes
/// up to 2.
pub const RULE_DEPTH_MAX: usize = 20;
/// The most conditions in one rule: each costs a subquery, and nobody understands a longer rule.
pub const RULE_LEAVES_MAX: usize = 100;
/// The most date conditions in one rule: each takes up to 3 kB of SQL.
pub const RULE_DATES_MAX: usize = 10;
/// The most bytes of SQL that a rule compiles to: D1's limit of a statement
/// (https://developers.cloudflare.com/d1/platform/limits/).
pub const RULE_BYTES_MAX: usize = 100_000;
/// The most bytes of a LIKE pattern (D1's limit): no pattern of that length is slow.
pub const PATTERN_BYTES_MAX: usize = 50;
/// How many days ahead an anniversary may be: within a year, it would always match.
pub const ANNIVERSARY_DAYS_MAX: u32 = 364;
/// The most days and channels with costs: ten channels for a year.
pub const COSTS_MAX: usize = 3_650;
/// The most attributes declared in addition to the forms' fields.
pub const ATTRIBUTES_MAX: usize = 200;
/// The most characters of an id or a name that is used in keys, URLs and columns.
pub const NAME_CHARS_MAX: usize = 40;
/// The most characters of a line for readers: a title, a label, an address.
pub const LINE_CHARS_MAX: usize = 300;
/// The most characters of a text for readers: a consent, a description.
pub const TEXT_CHARS_MAX: usize = 2_000;
/// The shortest span: the scheduler's resolution.
pub const SPAN_MIN: Span = Span::seconds(1);
/// Every span must be shorter than ten years: a longer one is a typing error.
pub const SPAN_MAX: Span = Span::days(3_650);
/// The largest weight of a variant; sums of weights cannot overflow.
pub const WEIGHT_MAX: u32 = 1_000;

/// The first path segments that are reserved for built-in pages.
const RESERVED: &[&str] = &[
    "f", "c", "s", "o", "u", "preferences", "confirm", "hooks", "api", "admin", "dev", "healthz",
    "readyz", "assets",
];
const LOCALES: &[&str] = &["en", "zh-CN"];

/// What people call China's time, which the IANA list names after Shanghai.
const CHINESE_TIMES: &[&str] = &[
    "beijing", "beijing_time", "peking", "china", "tianjin", "guangzhou", "shenzhen", "chengdu",
    "hangzhou", "nanjing", "wuhan", "xian", "中国", "北京", "北京时间", "上海", "广州", "深圳",
    "gmt+8", "utc+8", "gmt+08:00", "utc+08:00",
];

/// Returns all problems of a campaign, except those in the contents of its templates.
pub fn check(campaign: &Campaign) -> Vec<Problem> {
    let mut check = Check { campaign, of: KindId::contact(), problems: Vec::new() };
    check.head();
    check.costs();
    check.texting();
    check.tracking();
    check.section("page", &campaign.pages, Check::page);
    check.paths();
    check.section("form", &campaign.forms, Check::form);
    check.section("purpose", &campaign.purposes, Check::purpose_text);
    check.section("segment", &campaign.segments, |check, key, segment| {
        check.kind(&format!("{key}.of"), &segment.of);
        check.rule(&format!("{key}.rule"), &segment.rule);
    });
    check.segment_cycles();
    check.section("journey", &campaign.journeys, Check::journey);
    check.enrollments();
    check.pacing();
    check.section("broadcast", &campaign.broadcasts, Check::broadcast);
    check.problems
}

/// Normalizes the path of a page so that two paths can be compared.
pub fn normal_path(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    }
}

/// Returns whether a path is reserved for built-in pages.
pub fn is_reserved(path: &str) -> bool {
    let first = path.split('/').nth(1).unwrap_or_default();
    RESERVED.iter().any(|reserved| first.eq_ignore_ascii_case(reserved))
}

struct Check<'c> {
    campaign: &'c Campaign,
    /// The kind of the records that the part being checked is about.
    of: KindId,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn error(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(key, message));
    }

    /// Checks the name of a kind, which is then that of what is checked next.
    fn kind(&mut self, key: &str, kind: &KindId) {
        self.name(key, kind.as_str());
        self.of = kind.clone();
    }

    fn ensure(&mut self, holds: bool, key: &str, message: &str) {
        if !holds {
            self.error(key, message);
        }
    }

    /// Reports a reference to a missing name, and suggests the nearest one.
    fn unknown_reference<'k>(
        &mut self,
        key: &str,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        let problem = Problem::new(key, format!("there is no {what} `{name}`"));
        self.problems.push(problem.suggest(name, known));
    }

    fn head(&mut self) {
        let campaign = self.campaign;
        self.name("campaign.id", campaign.id.as_str());
        self.line("campaign.name", &campaign.name);
        self.line("campaign.postal_address", &campaign.postal_address);
        if !LOCALES.contains(&campaign.locale.as_str()) {
            let message = format!("`{}` is not a supported language", campaign.locale);
            let problem = Problem::new("campaign.locale", message);
            self.problems.push(problem.suggest(&campaign.locale, LOCALES.iter().copied()));
        }
        self.time_zone("campaign.time_zone", &campaign.time_zone);
        self.currency("campaign.currency", &campaign.currency);
        self.address("campaign.owner", &campaign.owner);
        if let Some(from) = &campaign.from {
            self.sender("campaign.from", from);
        }
        self.event("campaign.goal.event", &campaign.goal.event);
        self.span("campaign.goal.within", campaign.goal.within);
        self.count("campaign.attributes", campaign.attributes.len(), ATTRIBUTES_MAX, "attributes");
        for (index, attribute) in campaign.attributes.iter().enumerate() {
            self.attribute(&format!("campaign.attributes[{}]", index + 1), attribute);
        }
        let owned = campaign.pages.len() + campaign.journeys.len() + campaign.broadcasts.len();
        let message = "has no page, no journey and no broadcast";
        self.ensure(owned > 0, "campaign", message);
    }

    fn currency(&mut self, key: &str, code: &str) {
        let Err(meant) = currency_meant(code) else { return };
        let problem = Problem::new(key, format!("`{code}` is not a currency of ISO 4217"));
        self.problems.push(match meant {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => problem.help("three capital letters, such as CNY"),
        });
    }

    fn time_zone(&mut self, key: &str, name: &str) {
        let db = jiff::tz::db();
        let known = db.get(name).ok().and_then(|zone| zone.iana_name().map(str::to_owned));
        if known.as_deref() == Some(name) {
            return;
        }
        let zones: Vec<String> = db.available().map(|zone| zone.to_string()).collect();
        let problem = Problem::new(key, format!("`{name}` is not a time zone of the IANA list"));
        let zones = || zones.iter().map(String::as_str);
        let near = zone_of_city(name, zones()).or_else(|| nearest(name, zones()));
        self.problems.push(match near {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("for example Asia/Shanghai or Europe/London"),
        });
    }

    fn costs(&mut self) {
        let costs = &self.campaign.costs;
        self.count("campaign.cost", costs.len(), COSTS_MAX, "costs");
        let mut seen = BTreeMap::new();
        for (index, cost) in costs.iter().enumerate() {
            let key = format!("campaign.cost[{}]", index + 1);
            self.line(&format!("{key}.channel"), &cost.channel);
            let is_day = cost.day.parse::<jiff::civil::Date>().is_ok() && cost.day.len() == 10;
            self.ensure(is_day, &format!("{key}.day"), "expected a day such as 2026-03-01");
            let same = cost.amount.currency == self.campaign.currency;
            self.ensure(same, &format!("{key}.amount"), "not in the campaign's currency");
            let positive = cost.amount.minor >= 0;
            self.ensure(positive, &format!("{key}.amount"), "a cost must not be negative");
            if let Some(first) = seen.insert((&cost.channel, &cost.day), index + 1) {
                let message = format!("the same channel and day as cost[{first}]");
                self.problems.push(Problem::new(&key, message).help("add the two together"));
            }
        }
    }

    /// Checks the entries of one section: their number, their names, and each entry.
    fn section<T>(
        &mut self,
        section: &str,
        entries: &BTreeMap<String, T>,
        each: impl Fn(&mut Self, &str, &T),
    ) {
        self.count(section, entries.len(), SECTION_ENTRIES_MAX, &format!("{section}s"));
        for (name, entry) in entries {
            let key = format!("{section}.{name}");
            self.name(&key, name);
            each(self, &key, entry);
        }
    }

    fn page(&mut self, key: &str, page: &Page) {
        self.path(&format!("{key}.path"), &page.path);
        self.line(&format!("{key}.title"), &page.title);
        self.text(&format!("{key}.description"), &page.description);
        if let Some(form) = &page.form
            && !self.campaign.forms.contains_key(form)
        {
            let known = self.campaign.forms.keys().map(String::as_str);
            self.unknown_reference(&format!("{key}.form"), "form", form, known);
        }
        let variants = format!("{key}.variants");
        self.ensure(!page.variants.is_empty(), &variants, "a page needs at least one");
        self.count(&variants, page.variants.len(), VARIANTS_MAX, "variants");
        for (index, variant) in page.variants.iter().enumerate() {
            let single = page.variants.len() == 1;
            let at = format!("{variants}[{}]", index + 1);
            let template =
                if single { format!("{key}.template") } else { format!("{at}.template") };
            self.template(&template, &variant.template, &["pages"]);
            self.name(&format!("{at}.name"), &variant.name);
            let twin = page.variants[..index].iter().any(|other| other.name == variant.name);
            self.ensure(!twin, &format!("{at}.name"), "another variant has this name");
            let weighs = (1..=WEIGHT_MAX).contains(&variant.weight);
            let message = format!("a weight must be from 1 to {WEIGHT_MAX}");
            self.ensure(weighs, &format!("{at}.weight"), &message);
        }
    }

    fn path(&mut self, key: &str, path: &str) {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let plain = |c: char| c.is_alphanumeric() || "-_.~".contains(c);
        let is_plain = |s: &&str| !s.is_empty() && s.chars().all(plain) && !s.starts_with('.');
        let rooted = path.starts_with('/') && path.chars().count() <= LINE_CHARS_MAX;
        if !rooted || (path != "/" && !segments.iter().all(is_plain)) {
            let problem = Problem::new(key, format!("`{path}` is not a valid path"));
            let advice =
                "write / and letters or digits, joined by -, _, . or ~, without a / at the end";
            return self.problems.push(problem.help(advice));
        }
        if let Some(first) = segments.first().filter(|_| is_reserved(path)) {
            self.error(key, format!("/{first} is reserved; begin the path with another word"));
        }
    }

    /// Checks that no two pages of the campaign share a path.
    fn paths(&mut self) {
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, page) in &self.campaign.pages {
            if let Some(other) = taken.insert(normal_path(&page.path), name) {
                let message = format!("`{}` is already the path of page `{other}`", page.path);
                self.error(format!("page.{name}.path"), message);
            }
        }
    }
}

/// Returns the zone that somebody means by a city, whether or not the area before it is right.
fn zone_of_city<'z>(name: &str, mut zones: impl Iterator<Item = &'z str>) -> Option<&'z str> {
    let city = name.rsplit('/').next().unwrap_or_default().trim().replace(' ', "_").to_lowercase();
    if CHINESE_TIMES.contains(&city.as_str()) {
        return zones.find(|zone| *zone == "Asia/Shanghai");
    }
    let is_place = !city.contains(|char: char| char.is_ascii_digit());
    zones.find(|zone| {
        let place = zone.rsplit_once('/').map_or("", |(_, place)| place);
        is_place && place.eq_ignore_ascii_case(&city)
    })
}

/// Returns whether a text is a valid name.
pub fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    !name.is_empty()
        && name.len() <= NAME_CHARS_MAX
        && name.chars().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// The formats of simple values.
impl Check<'_> {
    fn count(&mut self, key: &str, count: usize, max: usize, what: &str) {
        if count > max {
            self.error(key, format!("{count} {what}; the limit is {max}"));
        }
    }

    /// Checks a name that an author chose; it is used in keys, URLs and columns.
    fn name(&mut self, key: &str, name: &str) {
        if !is_name(name) {
            let problem = Problem::new(key, format!("`{name}` is not a valid name"));
            let advice = format!("use a-z, 0-9, - and _, at most {NAME_CHARS_MAX} characters");
            self.problems.push(problem.help(advice));
        }
    }

    /// Checks the name of a contact's attribute.
    fn attribute(&mut self, key: &str, name: &str) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let fits = name.len() <= NAME_CHARS_MAX
            && name.chars().all(plain)
            && name.starts_with(|c: char| c.is_ascii_lowercase());
        if !fits {
            let problem = Problem::new(key, format!("`{name}` is not a valid attribute name"));
            let advice = format!(
                "begin with a letter, then use a-z, 0-9 and _; {NAME_CHARS_MAX} characters at most"
            );
            self.problems.push(problem.help(advice));
        }
    }

    fn event(&mut self, key: &str, name: &str) {
        let plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
        let length = name.chars().count();
        if !(1..=100).contains(&length) || !name.chars().all(plain) {
            let problem = Problem::new(key, format!("`{name}` is not a valid event name"));
            self.problems
                .push(problem.help("use letters, digits, ., _ and -, as in order.completed"));
        } else if names::RESERVED.iter().any(|family| name.starts_with(family)) {
            // Nobody else may report such an event, so a rule about another would never hold.
            if !names::OWN.contains(&name) {
                self.unknown_reference(key, "event", name, names::OWN.iter().copied());
            }
        }
    }

    fn tag(&mut self, key: &str, tag: &str) {
        let length = tag.chars().count();
        let fits = (1..=100).contains(&length) && !tag.chars().any(char::is_control);
        self.ensure(fits && tag.trim() == tag, key, "a tag must have 1 to 100 characters");
    }

    fn line(&mut self, key: &str, line: &str) {
        let length = line.chars().count();
        if line.trim().is_empty() {
            self.error(key, "must not be empty");
        } else if length > LINE_CHARS_MAX {
            self.error(key, format!("{length} characters; the limit is {LINE_CHARS_MAX}"));
        } else if line.chars().any(char::is_control) {
            self.error(key, "must be one line");
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        self.count(key, text.chars().count(), TEXT_CHARS_MAX, "characters");
    }

    fn span(&mut self, key: &str, span: Span) {
        if !(SPAN_MIN..SPAN_MAX).contains(&span) {
            self.error(key, format!("a duration is from {SPAN_MIN} to below 3650d, not {span}"));
        }
    }

    /// Checks the format of an e-mail address; whether it exists shows when mail is sent.
    fn address(&mut self, key: &str, address: &str) {
        if read_email(address).is_err() {
            self.error(key, format!("`{address}` is not an e-mail address"));
        }
    }

    /// Checks a sender: an address, or `Name <address>`.
    fn sender(&mut self, key: &str, sender: &str) {
        let message = format!("`{sender}` is not a valid sender; write Name <address@example.com>");
        self.ensure(read_sender(sender).is_ok(), key, &message);
    }

    /// Checks a template's name: its folder, a slash, its own name.
    fn template(&mut self, key: &str, template: &str, folders: &[&str]) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let fits = |template: &str| {
            template.split_once('/').is_some_and(|(folder, name)| {
                let segments = || name.split('/');
                folders.contains(&folder)
                    && segments().all(|segment| !segment.is_empty() && segment.chars().all(plain))
            })
        };
        if !fits(template) || template.len() > LINE_CHARS_MAX {
            let forms: Vec<String> = folders.iter().map(|f| format!("{f}/<name>")).collect();
            let problem = Problem::new(key, format!("`{template}` is not a template"));
            self.problems.push(match template.strip_prefix("templates/") {
                Some(meant) if fits(meant) => problem.help(format!("write {meant}")),
                _ => problem.help(format!("write {}", forms.join(" or "))),
            });
        }
    }
}
