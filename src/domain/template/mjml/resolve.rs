//! Resolves the attributes of each element: those from `mj-attributes` and `mj-class`, those
//! inherited from an outer element, and those that the engine omits or treats differently.

use super::tree::Node;
use std::collections::BTreeMap;

/// Fonts that readers' devices have, including Chinese ones; nothing has to be loaded for them.
pub(super) const SYSTEM_FONTS: &str = "'Segoe UI', 'Helvetica Neue', Helvetica, Arial, \
    'PingFang SC', 'Hiragino Sans GB', 'Microsoft YaHei', 'Noto Sans SC', sans-serif";
/// The elements that have a font, and the attribute that names it.
const FONTS: &[(&str, &str)] = &[
    ("mj-accordion", "font-family"),
    ("mj-button", "font-family"),
    ("mj-navbar", "ico-font-family"),
    ("mj-navbar-link", "font-family"),
    ("mj-social", "font-family"),
    ("mj-social-element", "font-family"),
    ("mj-table", "font-family"),
    ("mj-text", "font-family"),
];
/// The attributes that an element passes to inner elements: its name, its attribute and theirs.
const GIVEN: &[(&str, &[&str])] = &[
    (
        "mj-social",
        &[
            "border", "border-radius", "color", "font-family", "font-size", "font-weight",
            "font-style", "icon-size", "icon-height", "icon-padding", "text-padding",
            "line-height", "text-decoration",
        ],
    ),
    (
        "mj-accordion",
        &[
            "border", "font-family", "icon-align", "icon-width", "icon-height", "icon-position",
            "icon-wrapped-url", "icon-wrapped-alt", "icon-unwrapped-url", "icon-unwrapped-alt",
        ],
    ),
    (
        "mj-accordion-element",
        &[
            "border", "font-family", "icon-align", "icon-width", "icon-height", "icon-position",
            "icon-wrapped-url", "icon-wrapped-alt", "icon-unwrapped-url", "icon-unwrapped-alt",
        ],
    ),
];
/// Defaults that an element passes on, or that differ in the engine.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("mj-image", "alt", ""),
    ("mj-image", "padding", "10px 25px"),
    ("mj-carousel-image", "alt", ""),
    ("mj-social-element", "alt", ""),
    ("mj-social-element", "border", "0"),
    ("mj-social", "border-radius", "3px"),
    ("mj-social", "color", "#333333"),
    ("mj-social", "font-size", "13px"),
    ("mj-social", "icon-size", "20px"),
    ("mj-social", "line-height", "22px"),
    ("mj-social", "text-decoration", "none"),
    ("mj-accordion", "border", "2px solid black"),
    ("mj-accordion", "icon-align", "middle"),
    ("mj-accordion", "icon-height", "32px"),
    ("mj-accordion", "icon-width", "32px"),
    ("mj-accordion", "icon-position", "right"),
];

type Attributes = Vec<(String, String)>;

/// The attributes defined in the head.
#[derive(Default)]
struct Head {
    all: Attributes,
    elements: BTreeMap<String, Attributes>,
    classes: BTreeMap<String, Attributes>,
    /// The attributes that a class defines for elements inside one that has it.
    within: BTreeMap<(String, String), Attributes>,
}

/// Sets all attributes of each element of the body, and removes those of the head.
pub(super) fn resolve(root: &mut Node) {
    let mut head = Head::default();
    for node in root.children.iter_mut().filter(|node| node.name == "mj-head") {
        for attributes in node.children.iter().filter(|node| node.name == "mj-attributes") {
            head.read(attributes);
        }
        node.children.retain(|node| node.name != "mj-attributes");
    }
    for node in root.children.iter_mut().filter(|node| node.name == "mj-body") {
        head.give(node, "", &Vec::new());
    }
}

impl Head {
    fn read(&mut self, node: &Node) {
        for child in &node.children {
            match (child.name.as_str(), child.attribute("name")) {
                ("mj-all", _) => add(&mut self.all, &child.attributes),
                ("mj-class", Some(name)) => {
                    let class = self.classes.entry(name.to_owned()).or_default();
                    let said = child.attributes.iter().filter(|(name, _)| name != "name");
                    add(class, &said.cloned().collect());
                    for inner in &child.children {
                        let key = (name.to_owned(), inner.name.clone());
                        add(self.within.entry(key).or_default(), &inner.attributes);
                    }
                }
                (element, _) => {
                    let element = self.elements.entry(element.to_owned()).or_default();
                    add(element, &child.attributes);
                }
            }
        }
    }

    /// Resolves a node. `outer` is the class of the enclosing element, `given` the attributes it
    /// passes on.
    fn give(&self, node: &mut Node, outer: &str, given: &Attributes) {
        let own = std::mem::take(&mut node.attributes);
        let class = own.iter().find(|(name, _)| name == "mj-class").map(|(_, class)| class.clone());
        let mut all = Attributes::new();
        let defaults = DEFAULTS.iter().filter(|(name, ..)| *name == node.name);
        let fonts = FONTS.iter().filter(|(name, _)| *name == node.name);
        add(&mut all, &defaults.map(|(_, name, value)| pair(name, value)).collect());
        add(&mut all, &fonts.map(|(_, name)| pair(name, SYSTEM_FONTS)).collect());
        add(&mut all, &self.all);
        add(&mut all, given);
        if let Some(said) = self.elements.get(&node.name) {
            add(&mut all, said);
        }
        self.classes_of(class.as_deref().unwrap_or_default(), &mut all);
        for name in outer.split_whitespace() {
            if let Some(said) = self.within.get(&(name.to_owned(), node.name.clone())) {
                add(&mut all, said);
            }
        }
        let own: Attributes = own.into_iter().filter(|(name, _)| name != "mj-class").collect();
        add(&mut all, &own);
        if node.name != "mj-raw" {
            all.retain(|(name, value)| name != "fluid-on-mobile" || value != "false");
            for (name, value) in &mut all {
                *value = with_units(name, &full_color(name, value));
            }
            node.attributes = all;
        }
        let class = class.as_deref().unwrap_or(outer);
        let given = given_by(node);
        node.children.iter_mut().for_each(|child| self.give(child, class, &given));
    }

    /// Merges the classes of one element: the last one wins, but their CSS classes are combined.
    fn classes_of(&self, names: &str, all: &mut Attributes) {
        let mut said = Attributes::new();
        for class in names.split_whitespace().filter_map(|name| self.classes.get(name)) {
            let before = said.iter().find(|(name, _)| name == "css-class").cloned();
            add(&mut said, class);
            let both = said.iter_mut().find(|(name, _)| name == "css-class");
            if let (Some((_, before)), Some((_, now))) = (before, both)
                && before != *now
            {
                *now = format!("{before} {now}");
            }
        }
        add(all, &said);
    }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Adds attributes, replacing those of the same name.
fn add(all: &mut Attributes, more: &Attributes) {
    for (name, value) in more {
        match all.iter_mut().find(|(other, _)| other == name) {
            Some((_, old)) => old.clone_from(value),
            None => all.push((name.clone(), value.clone())),
        }
    }
}

fn given_by(node: &Node) -> Attributes {
    let Some((_, names)) = GIVEN.iter().find(|(name, _)| *name == node.name) else {
        return Attributes::new();
    };
    let given = names.iter().filter_map(|name| Some(pair(name, node.attribute(name)?)));
    let mut given: Attributes = given.collect();
    if let (Some(padding), "mj-social") = (node.attribute("inner-padding"), node.name.as_str()) {
        given.push(pair("padding", padding));
    }
    given
}

/// Expands `#fff`: Outlook does not understand the short form.
fn full_color(name: &str, value: &str) -> String {
    match value.strip_prefix('#').filter(|digits| digits.len() == 3 && digits.is_ascii()) {
        Some(digits) if name.ends_with("color") => {
            let doubled = digits.chars().flat_map(|digit| [digit, digit]);
            std::iter::once('#').chain(doubled).collect()
        }
        _ => value.to_owned(),
    }
}

/// Adds units: the engine does not understand a padding with a bare `0` in it.
fn with_units(name: &str, value: &str) -> String {
    let is_padding = name == "padding" || name == "inner-padding" || name.starts_with("padding-");
    if !is_padding || value.contains("{{") {
        return value.to_owned();
    }
    let unit = |part| if part == "0" { "0px" } else { part };
    value.split_whitespace().map(unit).collect::<Vec<_>>().join(" ")
}
