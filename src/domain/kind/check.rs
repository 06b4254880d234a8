//! What may be wrong with a kind, from a file or from a client of the API.

use super::Kind;
use crate::domain::base::diagnostic::Problem;
use crate::domain::field::{self, FieldType};
use crate::domain::segment::COLUMNS;

/// The largest kind, in bytes of JSON: every worker keeps all kinds in memory.
pub const KIND_BYTES_MAX: usize = 200_000;

/// The longest id of a kind, in characters: it is part of addresses and of index keys.
const ID_CHARS_MAX: usize = 40;

/// The most sections of a page.
const SECTIONS_MAX: usize = 30;

/// The names that fields of contacts cannot have, because contacts have columns of that name.
const OF_CONTACTS: [&str; 7] =
    ["email", "phone", "external_id", "locale", "time_zone", "score", "owner"];

/// Returns everything that is wrong with a kind.
pub fn check(kind: &Kind) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut ensure = |holds: bool, key: &str, message: &str, help: &str| {
        if !holds {
            problems.push(Problem::new(key, message).help(help));
        }
    };
    let help = "use at most 40 lower-case letters, digits and hyphens; begin with a letter";
    ensure(is_id(kind.id.as_str()), "kind.id", "is not a name for a kind", help);
    let help = "write label = { en = \"Company\", zh-CN = \"公司\" }";
    ensure(!kind.label.is_empty(), "kind.label", "has no label", help);
    let is_contact = kind.id.is_contact();
    let help = "contacts are called by their names and addresses";
    let is_plain = kind.title.is_none() && kind.stage.is_none() && kind.value.is_none();
    ensure(!is_contact || is_plain, "kind", "contacts have no title, stage or value", help);
    let help = "name one of its fields: title = \"name\"";
    ensure(is_contact || kind.title.is_some(), "kind.title", "has no title", help);

    let is = |name: &Option<String>, fits: fn(&FieldType) -> bool| {
        let field = name.as_ref().map(|name| kind.field(name));
        field.is_none_or(|field| field.is_some_and(|field| fits(&field.kind)))
    };
    let is_text = |kind: &FieldType| {
        matches!(
            kind,
            FieldType::Text | FieldType::AutoNumber { .. } | FieldType::Email | FieldType::Url
        )
    };
    let help = "it names a field of type text, email, url or auto-number";
    ensure(is(&kind.title, is_text), "kind.title", "no field can be the title", help);
    let is_choice = |kind: &FieldType| matches!(kind, FieldType::Select(_) | FieldType::Radio(_));
    let help = "it names a field of type select or radio";
    ensure(is(&kind.stage, is_choice), "kind.stage", "no field can be the stage", help);
    let is_amount = |kind: &FieldType| {
        matches!(kind, FieldType::Money { .. } | FieldType::Formula { currency: Some(_), .. })
    };
    let help = "it names a field of type money, or a formula with a currency";
    ensure(is(&kind.value, is_amount), "kind.value", "no field can be the value", help);

    let numbers = kind.fields.iter().filter(|f| matches!(f.kind, FieldType::AutoNumber { .. }));
    let help = "a record has one number";
    ensure(numbers.count() <= 1, "field", "more than one field of type auto-number", help);
    let help = "put some of them together";
    ensure(kind.sections.len() <= SECTIONS_MAX, "section", "more than 30 sections", help);
    problems.extend(taken_names(kind));
    problems.extend(unsearchable(kind));
    problems.extend(unknown_sections(kind));
    problems.extend(field::check("field", &kind.fields));
    problems
}

/// Returns whether a text can be the id of a kind.
fn is_id(id: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.len() <= ID_CHARS_MAX
        && id.bytes().all(is_part)
}

fn taken_names(kind: &Kind) -> Vec<Problem> {
    let columns: &[&str] = if kind.id.is_contact() { &OF_CONTACTS } else { &COLUMNS };
    let fields = kind.fields.iter().enumerate();
    let taken = fields.filter(|(_, field)| columns.contains(&field.name.as_str()));
    let problem = |(index, field): (usize, &field::Field)| {
        let key = format!("field[{}].name", index + 1);
        let message = format!("every record has its own `{}`", field.name);
        Problem::new(key, message).help("choose another name")
    };
    taken.map(problem).collect()
}

fn unsearchable(kind: &Kind) -> Vec<Problem> {
    let fields = kind.fields.iter().enumerate().filter(|(_, field)| field.search);
    let problem = |(index, field): (usize, &field::Field)| {
        let key = format!("field[{}].search", index + 1);
        if !kind.search {
            let problem = Problem::new(key, "the kind itself is not searched");
            return Some(problem.help("write search = true in [kind], too"));
        }
        let help = "fields of type text, textarea, email, tel, url and auto-number can be, unless \
                    they are confidential";
        let problem = || Problem::new(key, "this field cannot be searched").help(help);
        (!field.is_searchable()).then(problem)
    };
    fields.filter_map(problem).collect()
}

fn unknown_sections(kind: &Kind) -> Vec<Problem> {
    let known = |name: &str| kind.sections.iter().any(|section| section.name == name);
    let fields = kind.fields.iter().enumerate();
    let named = fields.filter_map(|(index, field)| Some((index, field.section.as_ref()?)));
    let unknown = named.filter(|(_, section)| !known(section));
    let problem = |(index, section): (usize, &String)| {
        let key = format!("field[{}].section", index + 1);
        let names = kind.sections.iter().map(|section| section.name.as_str());
        Problem::new(key, format!("`{section}` is not a section")).suggest(section, names)
    };
    unknown.map(problem).collect()
}
