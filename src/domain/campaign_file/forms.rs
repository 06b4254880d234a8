//! Forms in a campaign file.

use super::rules::CHANNELS;
use super::table::{Node, Table};
use crate::domain::base::primitives::{Channel, ListId};
use crate::domain::campaign::{PurposeText, Texts};
use crate::domain::contact::consent::LawfulBasis;
use crate::domain::form::{ConsentCheckbox, Field, FieldKind, FieldOption, Form};

/// The names of the field types.
const TYPES: &[(&str, &str)] = &[
    ("text", "text"),
    ("textarea", "textarea"),
    ("email", "email"),
    ("tel", "tel"),
    ("number", "number"),
    ("url", "url"),
    ("date", "date"),
    ("select", "select"),
    ("radio", "radio"),
    ("checkbox", "checkbox"),
    ("multi-select", "multi-select"),
    ("country", "country"),
    ("hidden", "hidden"),
];

/// What types are called elsewhere, and ours.
const OTHER_TYPES: &[(&str, &str)] = &[
    ("checkboxes", "multi-select"),
    ("dropdown", "select"),
    ("integer", "number"),
    ("longtext", "textarea"),
    ("mobile", "tel"),
    ("multiselect", "multi-select"),
    ("phone", "tel"),
    ("string", "text"),
    ("telephone", "tel"),
    ("boolean", "checkbox"),
];

/// The names of the lawful bases.
const BASES: &[(&str, LawfulBasis)] = &[
    ("consent", LawfulBasis::Consent),
    ("contract", LawfulBasis::Contract),
    ("legitimate-interest", LawfulBasis::LegitimateInterest),
];

/// Reads `[form.<name>]`.
pub(super) fn form(node: Node<'_>) -> Option<Form> {
    let mut table = node.table();
    let fields = table.need("fields", |node| node.list(field));
    let mut consents = table.get("consent", consents).unwrap_or_default();
    let has = |kind: fn(&FieldKind) -> bool| fields.iter().any(|field| kind(&field.kind));
    let reached = [
        (Channel::Email, has(|kind| matches!(kind, FieldKind::Email))),
        (Channel::Sms, has(|kind| matches!(kind, FieldKind::Tel { .. }))),
    ];
    // The data that leaves the country is the addresses that the form asks for.
    for ask in consents.iter_mut().filter(|ask| ask.cross_border && ask.channels.is_empty()) {
        let there = reached.iter().filter(|(_, is_there)| *is_there);
        ask.channels = there.map(|(channel, _)| *channel).collect();
    }
    Some(Form {
        fields,
        consents,
        thanks: table.get("thanks", Node::text),
        list: table.get("list", Node::text).map(ListId),
        submit_label: table.get("submit", Node::text),
        origins: table.get("origins", |node| node.list(Node::text)).unwrap_or_default(),
    })
}

/// Reads one consent checkbox or a list of them.
fn consents(node: Node<'_>) -> Option<Vec<ConsentCheckbox>> {
    if node.is_table() {
        return Some(consent(node).into_iter().collect());
    }
    node.list(consent)
}

fn consent(node: Node<'_>) -> Option<ConsentCheckbox> {
    let mut table = node.table();
    let cross_border = table.get("cross_border", Node::boolean).unwrap_or(false);
    let channels = |node: Node<'_>| node.list(|channel| channel.one_of(CHANNELS));
    Some(ConsentCheckbox {
        purpose: table.need("purpose", Node::text),
        channels: match cross_border {
            true => table.get("channels", channels).unwrap_or_default(),
            false => table.need("channels", channels),
        },
        text: table.need("text", Node::text),
        required: table.get("required", Node::boolean).unwrap_or(false),
        double_opt_in: table.get("double_opt_in", Node::boolean).unwrap_or(false),
        basis: table.get("basis", |node| node.one_of(BASES)).unwrap_or_default(),
        cross_border,
    })
}

/// Reads `[purpose.<name>]`.
pub(super) fn purpose(node: Node<'_>, locale: &str) -> Option<PurposeText> {
    let mut table = node.table();
    let texts = |node: Node<'_>| texts(node, locale);
    Some(PurposeText {
        name: table.need("name", texts),
        description: table.get("description", texts).unwrap_or_default(),
    })
}

/// Reads a text in the campaign's language, or one for each language: `{ en = "…", zh-CN = "…" }`.
fn texts(node: Node<'_>, locale: &str) -> Option<Texts> {
    if node.is_text() {
        return node.text().map(|text| [(locale.to_owned(), text)].into());
    }
    node.named(Node::text)
}

fn field(node: Node<'_>) -> Option<Field> {
    let mut table = node.table();
    let name = table.need("name", Node::text);
    let label = table.get("label", Node::text);
    let help = table.get("help", Node::text);
    let required = table.get("required", Node::boolean).unwrap_or(false);
    let word = table.need("type", |node| node.one_of_known(TYPES, OTHER_TYPES));
    let company = table.get("company", |node| node.one_of(&[("name", true)]));
    let kind = kind(word, &mut table)?;
    let names_company = company.unwrap_or(false);
    Some(Field { name, label, help, kind, required, names_company })
}

/// Reads the settings of a field type. A key of another type is an error.
fn kind(word: &str, table: &mut Table<'_>) -> Option<FieldKind> {
    let own: &[&str] = match word {
        "tel" => &["region"],
        "number" => &["min", "max"],
        "select" | "radio" | "multi-select" => &["options"],
        "hidden" => &["value"],
        _ => &[],
    };
    for key in ["region", "min", "max", "options", "value"] {
        if !own.contains(&key)
            && let Some(node) = table.node(key)
            && !word.is_empty()
        {
            node.error::<()>(format!("a field of type `{word}` has no `{key}`"));
        }
    }
    Some(match word {
        "text" => FieldKind::Text,
        "textarea" => FieldKind::Textarea,
        "email" => FieldKind::Email,
        "tel" => FieldKind::Tel { region: table.get("region", Node::text) },
        "number" => FieldKind::Number {
            min: table.get("min", Node::number),
            max: table.get("max", Node::number),
        },
        "url" => FieldKind::Url,
        "date" => FieldKind::Date,
        "select" => FieldKind::Select(table.need("options", choices)),
        "radio" => FieldKind::Radio(table.need("options", choices)),
        "checkbox" => FieldKind::Checkbox,
        "multi-select" => FieldKind::MultiSelect(table.need("options", choices)),
        "country" => FieldKind::Country,
        "hidden" => FieldKind::Hidden { value: table.need("value", Node::text) },
        _ => return None,
    })
}

fn choices(node: Node<'_>) -> Option<Vec<FieldOption>> {
    node.list(|option| {
        if option.is_text() {
            let value = option.text()?;
            return Some(FieldOption { label: value.clone(), value });
        }
        let mut table = option.table();
        Some(FieldOption {
            value: table.need("value", Node::text),
            label: table.need("label", Node::text),
        })
    })
}
