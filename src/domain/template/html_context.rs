//! The context of a template tag in HTML or MJML: text, an attribute, the beginning of a URL, or a
//! script. It is fed the text around the tags, in order.

/// The attributes whose value is a URL.
const ADDRESSES: &[&str] =
    &["href", "src", "action", "formaction", "background", "background-url", "poster", "srcset"];
/// Elements whose content is code, not text.
const CODE: &[&str] = &["script", "style", "mj-style"];

/// A position in markup.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::domain) struct HtmlContext {
    state: State,
    element: String,
    attribute: String,
    /// Whether the enclosing element is one of `CODE`.
    is_code: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Text,
    /// Within `<!-- … -->`; the number of closing characters seen.
    Comment(u8),
    /// After `<`, in the element's name.
    Name,
    /// Between attributes.
    Tag,
    Attribute,
    /// After an attribute's name.
    AfterName,
    /// After `=`.
    BeforeValue,
    /// In a value, and whether it has begun.
    Value {
        quote: Option<char>,
        is_begun: bool,
    },
}

impl HtmlContext {
    /// Returns the context at the beginning of a document, or of a fragment that is included in
    /// text.
    pub fn text() -> Self {
        Self {
            state: State::Text,
            element: String::new(),
            attribute: String::new(),
            is_code: false,
        }
    }

    /// Returns whether the next character would be the first of a URL.
    pub fn begins_address(&self) -> bool {
        let begins =
            matches!(self.state, State::BeforeValue | State::Value { is_begun: false, .. });
        begins && ADDRESSES.iter().any(|name| self.attribute.ends_with(name))
    }

    /// Returns whether a value here could add attributes: in an unquoted attribute value, or
    /// elsewhere within the tag.
    pub fn is_unquoted(&self) -> bool {
        matches!(
            self.state,
            State::BeforeValue
                | State::Value { quote: None, .. }
                | State::Name
                | State::Tag
                | State::Attribute
                | State::AfterName
        )
    }

    /// Returns whether this position is in code: a script, a style sheet, or an event handler.
    pub fn is_code(&self) -> bool {
        let in_value = matches!(self.state, State::BeforeValue | State::Value { .. });
        let is_handler = self.attribute.starts_with("on") && self.attribute.len() > 2;
        (self.is_code && self.state == State::Text) || (in_value && is_handler)
    }

    /// Advances over an inserted value.
    pub fn feed_value(&mut self) {
        self.state = match self.state {
            State::BeforeValue => State::Value { quote: None, is_begun: true },
            State::Value { quote, .. } => State::Value { quote, is_begun: true },
            other => other,
        };
    }

    /// Advances over text of the template.
    pub fn feed(&mut self, text: &str) {
        for char in text.chars() {
            self.state = self.step(char);
        }
    }

    fn step(&mut self, char: char) -> State {
        match (self.state, char) {
            (State::Text, '<') => {
                self.element.clear();
                self.attribute.clear();
                State::Name
            }
            (State::Text, _) => State::Text,
            (State::Comment(2..), '>') => State::Text,
            (State::Comment(seen), '-') => State::Comment((seen + 1).min(2)),
            (State::Comment(_), _) => State::Comment(0),
            (State::Name, '>') => self.close(),
            (State::Name, c) if c.is_whitespace() && self.element.is_empty() => State::Text,
            (State::Name, c) if c.is_whitespace() => State::Tag,
            (State::Name, c) => {
                self.element.extend(c.to_lowercase());
                if self.element == "!--" { State::Comment(0) } else { State::Name }
            }
            (State::Tag | State::AfterName, '>') => self.close(),
            (State::Tag, c) if c.is_whitespace() || c == '/' => State::Tag,
            (State::Tag, c) => self.begin_attribute(c),
            (State::Attribute | State::AfterName, '=') => State::BeforeValue,
            (State::Attribute, '>') => self.close(),
            (State::Attribute, c) if c.is_whitespace() => State::AfterName,
            (State::Attribute, c) => {
                self.attribute.extend(c.to_lowercase());
                State::Attribute
            }
            (State::AfterName, c) if c.is_whitespace() => State::AfterName,
            (State::AfterName, c) => self.begin_attribute(c),
            (State::BeforeValue, '"' | '\'') => State::Value { quote: Some(char), is_begun: false },
            (State::BeforeValue, '>') => self.close(),
            (State::BeforeValue, c) if c.is_whitespace() => State::BeforeValue,
            (State::BeforeValue, _) => State::Value { quote: None, is_begun: true },
            (State::Value { quote: Some(quote), .. }, c) if c == quote => State::Tag,
            (State::Value { quote: None, .. }, '>') => self.close(),
            (State::Value { quote: None, .. }, c) if c.is_whitespace() => State::Tag,
            // Browsers drop white space before a URL.
            (State::Value { quote, is_begun: false }, c) if c.is_whitespace() => {
                State::Value { quote, is_begun: false }
            }
            (State::Value { quote, .. }, _) => State::Value { quote, is_begun: true },
        }
    }

    fn begin_attribute(&mut self, first: char) -> State {
        self.attribute = first.to_lowercase().collect();
        State::Attribute
    }

    fn close(&mut self) -> State {
        let name = self.element.trim_end_matches('/');
        match name.strip_prefix('/') {
            Some(_) => self.is_code = false,
            None => self.is_code = CODE.contains(&name),
        }
        self.attribute.clear();
        State::Text
    }
}
