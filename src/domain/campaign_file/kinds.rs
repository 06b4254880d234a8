//! Files of kinds: `kinds/<id>.toml` becomes a checked `Kind`, or a list of everything that is
//! wrong with it.

use super::rules::rule;
use super::table::{Node, Problems, Table};
use super::{Diagnostic, FILE_BYTES_MAX, Lines, file_stem, not_toml, sorted};
use crate::domain::base::diagnostic::Problem;
use crate::domain::base::language::Language;
use crate::domain::base::primitives::KindId;
use crate::domain::field::{Choice, Column, Field, FieldType, Labels, Sensitivity};
use crate::domain::kind::{Kind, Section, check};
use toml::de::DeTable;

/// The names of the field types.
const TYPES: &[(&str, &str)] = &[
    ("text", "text"),
    ("textarea", "textarea"),
    ("rich-text", "rich-text"),
    ("email", "email"),
    ("tel", "tel"),
    ("url", "url"),
    ("number", "number"),
    ("percent", "percent"),
    ("rating", "rating"),
    ("money", "money"),
    ("date", "date"),
    ("time", "time"),
    ("datetime", "datetime"),
    ("duration", "duration"),
    ("date-range", "date-range"),
    ("select", "select"),
    ("radio", "radio"),
    ("multi-select", "multi-select"),
    ("checkbox", "checkbox"),
    ("country", "country"),
    ("region", "region"),
    ("address", "address"),
    ("person", "person"),
    ("member", "member"),
    ("team", "team"),
    ("link", "link"),
    ("links", "links"),
    ("table", "table"),
    ("formula", "formula"),
    ("auto-number", "auto-number"),
    ("image", "image"),
    ("file", "file"),
    ("sealed", "sealed"),
    ("hidden", "hidden"),
];

/// What types are called elsewhere, and ours.
const OTHER_TYPES: &[(&str, &str)] = &[
    ("amount", "money"),
    ("boolean", "checkbox"),
    ("checkboxes", "multi-select"),
    ("currency", "money"),
    ("dropdown", "select"),
    ("html", "rich-text"),
    ("integer", "number"),
    ("longtext", "textarea"),
    ("lookup", "link"),
    ("mobile", "tel"),
    ("multiselect", "multi-select"),
    ("phone", "tel"),
    ("reference", "link"),
    ("string", "text"),
    ("timestamp", "datetime"),
    ("user", "member"),
];

const CLASSES: &[(&str, Sensitivity)] = &[
    ("public", Sensitivity::Public),
    ("internal", Sensitivity::Internal),
    ("confidential", Sensitivity::Confidential),
    ("personal", Sensitivity::Personal),
];

/// The settings of field types, and the types that have each.
const SETTINGS: &[(&str, &[&str])] = &[
    ("options", &["select", "radio", "multi-select"]),
    ("region", &["tel"]),
    ("min", &["number", "percent"]),
    ("max", &["number", "percent", "rating"]),
    ("currency", &["money", "formula"]),
    ("to", &["link", "links"]),
    ("columns", &["table"]),
    ("expression", &["formula"]),
    ("pattern", &["auto-number"]),
    ("value", &["hidden"]),
];

/// Reads and checks the file of a kind.
pub fn read_kind(file_name: &str, text: &str) -> Result<Kind, Vec<Diagnostic>> {
    let mut lines = Lines::new(file_name, text);
    if text.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes; the limit is {FILE_BYTES_MAX}", text.len());
        return Err(vec![lines.locate(Problem::new("", message))]);
    }
    let (tree, errors) = DeTable::parse_recoverable(text);
    if let Some(error) = errors.first() {
        return Err(sorted(not_toml(text, error, &lines)));
    }
    lines.learn("", tree.get_ref());
    let problems = Problems::none(tree.get_ref());
    let kind = kind(tree.get_ref(), &problems);
    let mut found = problems.into_inner();
    if found.is_empty() {
        found = check(&kind);
        if file_stem(file_name).is_some_and(|stem| stem != kind.id.as_str()) {
            let message = format!("the file of this kind is called {}.toml", kind.id);
            found.push(Problem::new("kind.id", message).help("rename one of the two"));
        }
    }
    match found.is_empty() {
        true => Ok(kind),
        false => Err(sorted(found.into_iter().map(|problem| lines.locate(problem)).collect())),
    }
}

fn kind(tree: &DeTable<'_>, problems: &Problems) -> Kind {
    let mut root = Table::root(tree, problems);
    let mut kind = Kind {
        id: KindId::from(""),
        label: Labels::default(),
        plural: Labels::default(),
        title: None,
        stage: None,
        value: None,
        search: false,
        sections: Vec::new(),
        fields: Vec::new(),
    };
    root.need("kind", |node| {
        let mut table = node.table();
        kind.id = KindId(table.need("id", Node::text));
        kind.label = table.need("label", labels);
        kind.plural = table.get("plural", labels).unwrap_or_default();
        kind.title = table.get("title", Node::text);
        kind.stage = table.get("stage", Node::text);
        kind.value = table.get("value", Node::text);
        kind.search = table.get("search", Node::boolean).unwrap_or(false);
        Some(())
    });
    kind.sections = root.get("section", |node| node.list(section)).unwrap_or_default();
    kind.fields = root.get("field", |node| node.list(field)).unwrap_or_default();
    kind
}

fn section(node: Node<'_>) -> Option<Section> {
    let mut table = node.table();
    let name = table.need("name", Node::text);
    Some(Section { name, label: table.need("label", labels) })
}

/// Reads a label for both languages, or one for each: `{ en = "…", zh-CN = "…" }`.
fn labels(node: Node<'_>) -> Option<Labels> {
    if node.is_text() {
        return node.text().map(|text| Labels::same(&text));
    }
    let key = node.clone();
    let mut named = node.named(Node::text)?;
    let english = named.remove(Language::English.tag());
    let chinese = named.remove(Language::Chinese.tag());
    match named.into_keys().next() {
        Some(other) => key.error(format!("`{other}` is neither en nor zh-CN")),
        None => Some(Labels { english, chinese }),
    }
}

fn field(node: Node<'_>) -> Option<Field> {
    let mut table = node.table();
    let name = table.need("name", Node::text);
    let label = table.get("label", labels).unwrap_or_default();
    let help = table.get("help", labels).unwrap_or_default();
    let required = table.get("required", Node::boolean).unwrap_or(false);
    let unique = table.get("unique", Node::boolean).unwrap_or(false);
    let indexed = table.get("indexed", Node::boolean).unwrap_or(false);
    let search = table.get("search", Node::boolean).unwrap_or(false);
    let class = table.get("class", |node| node.one_of(CLASSES)).unwrap_or_default();
    let show_if = table.get("show_if", rule);
    let section = table.get("section", Node::text);
    let word = table.need("type", |node| node.one_of_known(TYPES, OTHER_TYPES));
    let kind = field_type(word, &mut table)?;
    Some(Field {
        name,
        label,
        help,
        kind,
        required,
        unique,
        indexed,
        search,
        class,
        show_if,
        section,
    })
}

fn column(node: Node<'_>) -> Option<Column> {
    let mut table = node.table();
    let name = table.need("name", Node::text);
    let label = table.get("label", labels).unwrap_or_default();
    let required = table.get("required", Node::boolean).unwrap_or(false);
    let word = table.need("type", |node| node.one_of_known(TYPES, OTHER_TYPES));
    Some(Column { name, label, kind: field_type(word, &mut table)?, required })
}

/// Reads the settings of a field type. A setting of another type is an error.
fn field_type(word: &str, table: &mut Table<'_>) -> Option<FieldType> {
    for (setting, types) in SETTINGS {
        if !types.contains(&word)
            && let Some(node) = table.node(setting)
            && !word.is_empty()
        {
            node.error::<()>(format!("a field of type `{word}` has no `{setting}`"));
        }
    }
    let bounds =
        |table: &mut Table<'_>| (table.get("min", Node::number), table.get("max", Node::number));
    Some(match word {
        "text" => FieldType::Text,
        "textarea" => FieldType::Textarea,
        "rich-text" => FieldType::RichText,
        "email" => FieldType::Email,
        "tel" => FieldType::Tel { region: table.get("region", Node::text) },
        "url" => FieldType::Url,
        "number" => {
            let (min, max) = bounds(table);
            FieldType::Number { min, max }
        }
        "percent" => {
            let (min, max) = bounds(table);
            FieldType::Percent { min, max }
        }
        "rating" => {
            let max = table.get("max", Node::count).unwrap_or(5);
            FieldType::Rating { max: u8::try_from(max).unwrap_or(u8::MAX) }
        }
        "money" => FieldType::Money { currency: table.need("currency", Node::text) },
        "date" => FieldType::Date,
        "time" => FieldType::Time,
        "datetime" => FieldType::DateTime,
        "duration" => FieldType::Duration,
        "date-range" => FieldType::DateRange,
        "select" => FieldType::Select(table.need("options", choices)),
        "radio" => FieldType::Radio(table.need("options", choices)),
        "multi-select" => FieldType::MultiSelect(table.need("options", choices)),
        "checkbox" => FieldType::Checkbox,
        "country" => FieldType::Country,
        "region" => FieldType::Region,
        _ => return other_type(word, table),
    })
}

fn other_type(word: &str, table: &mut Table<'_>) -> Option<FieldType> {
    Some(match word {
        "address" => FieldType::Address,
        "person" => FieldType::Person,
        "member" => FieldType::Member,
        "team" => FieldType::Team,
        "link" => FieldType::Link { to: table.need("to", Node::text) },
        "links" => FieldType::Links { to: table.need("to", Node::text) },
        "table" => FieldType::Table { columns: table.need("columns", |node| node.list(column)) },
        "formula" => FieldType::Formula {
            expression: table.need("expression", Node::text),
            currency: table.get("currency", Node::text),
        },
        "auto-number" => FieldType::AutoNumber { pattern: table.need("pattern", Node::text) },
        "image" => FieldType::Image,
        "file" => FieldType::File,
        "sealed" => FieldType::Sealed,
        "hidden" => FieldType::Hidden { value: table.need("value", Node::text) },
        _ => return None,
    })
}

fn choices(node: Node<'_>) -> Option<Vec<Choice>> {
    node.list(|option| {
        if option.is_text() {
            let value = option.text()?;
            return Some(Choice { value, label: Labels::default(), retired: false });
        }
        let mut table = option.table();
        Some(Choice {
            value: table.need("value", Node::text),
            label: table.get("label", labels).unwrap_or_default(),
            retired: table.get("retired", Node::boolean).unwrap_or(false),
        })
    })
}
