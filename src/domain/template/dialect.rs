//! Rewrites Handlebars as handlebars.js understands it into what the engine understands. It also
//! matches tags, because the engine reports lines far from the mistake, and unlimited nesting would
//! exhaust its stack. Every line keeps its number.
//!
//! | written | what the engine gets |
//! |---|---|
//! | `{{~! x ~}}` | an inclusion of nothing, which `without_marks` makes a comment |
//! | `{{#list}}…{{/list}}` | `{{#:section list}}…{{/:section}}` |
//! | `{{^list}}…{{/list}}` | `{{#:inverted list}}…{{/:inverted}}` |
//! | `{{.}}`, `{{..}}` | `{{this}}`, `{{../this}}` |
//! | `"a\b"` | the same text as a JSON string: the only escape in a template is `\"` |
//! | `list.length` | `(:length list)`, inserted by `shown` after parsing |

use super::helpers;
use handlebars::template::{HelperTemplate, Parameter, Subexpression, TemplateElement};
use handlebars::{Path, PathSeg, Template};
use std::collections::HashMap;

/// The most nested blocks: more than a person can follow.
const BLOCK_DEPTH_MAX: usize = 20;
/// The most nested parentheses within a tag, such as `{{#if (eq (lower role) "manager")}}`.
const TAG_DEPTH_MAX: usize = 5;
/// The block over a value: renders once for each item of a list, and once for any other value that
/// is present. No author's tag can have this name.
pub(in crate::domain) const SECTION: &str = ":section";
/// The block for a value that is absent.
pub(in crate::domain) const INVERTED: &str = ":inverted";
/// The helper that writes a value as handlebars.js does.
pub(super) const SHOW: &str = ":show";
/// The helper that counts the items of a list, or the characters of a text.
pub(super) const LENGTH: &str = ":length";
/// The partial that stands for a comment.
const NOTHING: &str = "@nothing";

/// A syntax error: its line, from 1, and a message.
type Slip = (usize, String);

/// Returns the source in the engine's dialect, or its first syntax error.
pub(super) fn read(source: &str) -> Result<String, Slip> {
    let mut reader = Reader { out: String::with_capacity(source.len() + 64), open: Vec::new() };
    let mut at = 0;
    while let Some(start) = source[at..].find("{{").map(|offset| at + offset) {
        let line = 1 + source[..start].matches('\n').count();
        let rest = &source[start..];
        reader.out.push_str(&source[at..start]);
        if is_escaped(source, start) {
            at = start + rest.len() - rest.trim_start_matches('{').len();
            reader.out.push_str(&source[start..at]);
        } else if is_comment(rest) {
            let length = comment_length(rest);
            let length = length.ok_or((line, "this comment is never closed".to_owned()))?;
            at = start + length;
            reader.comment(&source[start..at]);
        } else if rest.starts_with("{{{{") {
            let message = "raw blocks {{{{…}}}} are not offered: write \\{{ for braces";
            return Err((line, message.to_owned()));
        } else {
            let inside = tag_inside(rest).map_err(|message| (line, message))?;
            at = start + 2 + inside.len() + 2;
            reader.tag(inside, line)?;
        }
    }
    reader.out.push_str(&source[at..]);
    match reader.open.pop() {
        Some(block) => Err((block.line, format!("{{{{#{}}}}} is never closed", block.name))),
        None => Ok(reader.out),
    }
}

/// Returns whether the braces are literal text. `\{{` is; `\\{{` is a backslash before a tag.
pub(super) fn is_escaped(source: &str, start: usize) -> bool {
    let before = &source[..start];
    before.ends_with('\\') && !before.ends_with("\\\\")
}

fn is_comment(rest: &str) -> bool {
    rest.starts_with("{{!") || rest.starts_with("{{~!")
}

fn comment_length(rest: &str) -> Option<usize> {
    let begins = rest.find('!')? + 1;
    let body = &rest[begins..];
    let end = |close: &str| body.find(close).map(|at| begins + at + close.len());
    match body.starts_with("--") {
        true => [end("--}}"), end("--~}}")].into_iter().flatten().min(),
        false => end("}}"),
    }
}

/// Returns the end of the tag that begins here; the end of the source if it is never closed.
pub(in crate::domain) fn tag_end(source: &str, start: usize) -> usize {
    let rest = &source[start..];
    let length = match is_comment(rest) {
        true => comment_length(rest),
        false => tag_inside(rest).ok().map(|inside| {
            let end = inside.len() + 4;
            // `{{{raw}}}` has one more.
            end + usize::from(rest.starts_with("{{{") && rest[end..].starts_with('}'))
        }),
    };
    start + length.unwrap_or(rest.len())
}

/// How the message ends about a tag that is never closed. All that follows counts as part of it, so
/// other problems of its file are consequences.
pub const NEVER_CLOSED: &str = "is never closed with }}";

/// Returns where the first tag begins that is never closed, and says so.
pub(super) fn unclosed(source: &str) -> Option<(usize, String)> {
    let mut at = 0;
    while let Some(found) = source[at..].find("{{") {
        let start = at + found;
        let rest = &source[start..];
        if is_escaped(source, start) {
            at = start + 2;
            continue;
        }
        if !is_comment(rest)
            && let Err(message) = tag_inside(rest)
        {
            return Some((start, message));
        }
        at = tag_end(source, start);
    }
    None
}

/// Returns the text between `{{` and its closing `}}`, skipping strings.
fn tag_inside(rest: &str) -> Result<&str, String> {
    let (mut depth, mut at) = (0_usize, 2);
    while let Some(char) = rest[at..].chars().next() {
        match char {
            '"' | '\'' => at += quoted_length(&rest[at..]) - 1,
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '}' if rest[at..].starts_with("}}") => return Ok(&rest[2..at]),
            '{' if at > 2 && rest[at..].starts_with("{{") => break,
            _ => {}
        }
        if depth > TAG_DEPTH_MAX {
            return Err(format!("parentheses nest deeper than {TAG_DEPTH_MAX}"));
        }
        at += char.len_utf8();
    }
    let begin: String = rest.lines().next().unwrap_or_default().chars().take(40).collect();
    Err(format!("`{begin}` {NEVER_CLOSED}"))
}

/// Returns the length of the string that begins here, including its quotes; the length of the rest
/// if it never ends.
fn quoted_length(text: &str) -> usize {
    let quote = text.as_bytes().first().copied();
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        if Some(byte) == quote {
            return at + 1;
        }
        if byte == b'\\' {
            bytes.next();
        }
    }
    text.len()
}

/// A token inside a tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::domain) enum Token<'t> {
    Gap(&'t str),
    /// A name, a path or a number; may contain brackets.
    Word(&'t str),
    /// A string with its quotes.
    Quoted(&'t str),
    /// One of `( ) = |`.
    Mark(&'t str),
}

impl<'t> Token<'t> {
    pub fn text(self) -> &'t str {
        match self {
            Self::Gap(text) | Self::Word(text) | Self::Quoted(text) | Self::Mark(text) => text,
        }
    }
}

pub(in crate::domain) fn tokens(text: &str) -> Vec<Token<'_>> {
    let is_mark = |c: char| matches!(c, '(' | ')' | '=' | '|');
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let token = match char {
            '"' | '\'' => Token::Quoted(&rest[..quoted_length(rest)]),
            c if is_mark(c) => Token::Mark(&rest[..1]),
            c if c.is_whitespace() => {
                let end = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
                Token::Gap(&rest[..end])
            }
            _ => {
                let mut is_inside = false;
                let ends = |c: char| {
                    is_inside = (is_inside || c == '[') && c != ']';
                    let ends = c.is_whitespace() || is_mark(c) || matches!(c, '"' | '\'');
                    !is_inside && ends
                };
                Token::Word(&rest[..rest.find(ends).unwrap_or(rest.len())])
            }
        };
        rest = &rest[token.text().len()..];
        tokens.push(token);
    }
    tokens
}

/// An open block: its name in the source and for the engine, and its line.
struct Open<'s> {
    name: &'s str,
    engine: &'s str,
    line: usize,
}

struct Reader<'s> {
    out: String,
    open: Vec<Open<'s>>,
}

impl<'s> Reader<'s> {
    /// Rewrites a comment: the engine does not support `~` there.
    fn comment(&mut self, comment: &str) {
        let (left, right) = (comment.starts_with("{{~"), comment.ends_with("~}}"));
        if !left && !right {
            return self.out.push_str(comment);
        }
        let breaks = "\n".repeat(comment.matches('\n').count());
        let tilde = |is_there| if is_there { "~" } else { "" };
        let (left, right) = (tilde(left), tilde(right));
        self.out.push_str(&format!("{{{{{left}> {NOTHING} {breaks}{right}}}}}"));
    }

    /// Rewrites a tag other than a comment; `inside` excludes the braces.
    fn tag(&mut self, inside: &'s str, line: usize) -> Result<(), Slip> {
        let body = inside.trim_start_matches(['~', ' ', '\t', '\n', '\r']);
        let lead = &inside[..inside.len() - body.len()];
        let trimmed = body.trim_end_matches(['~', ' ', '\t', '\n', '\r']);
        let trail = &body[trimmed.len()..];
        let first = trimmed.split(|c: char| c.is_whitespace() || c == '(').next();
        let first = first.unwrap_or_default();
        self.out.push_str("{{");
        self.out.push_str(lead);
        if let Some(opening) = trimmed.strip_prefix('#') {
            self.opening(opening, line)?;
        } else if let Some(closing) = trimmed.strip_prefix('/') {
            self.closing(closing.trim(), line)?;
        } else if matches!(first, "else" | "^") {
            if self.open.is_empty() {
                return Err((line, "{{else}} belongs inside a block".to_owned()));
            }
            self.out.push_str(first);
            self.chained(&trimmed[first.len()..]);
        } else if let Some(opening) = trimmed.strip_prefix('^') {
            self.inverted(opening, line)?;
        } else if let Some(partial) = trimmed.strip_prefix('>') {
            self.out.push('>');
            self.partial(partial);
        } else {
            self.words(trimmed);
        }
        self.out.push_str(trail);
        self.out.push_str("}}");
        Ok(())
    }

    fn enter(&mut self, name: &'s str, engine: &'s str, line: usize) -> Result<(), Slip> {
        self.open.push(Open { name, engine, line });
        match self.open.len() > BLOCK_DEPTH_MAX {
            true => Err((line, format!("blocks nest deeper than {BLOCK_DEPTH_MAX}"))),
            false => Ok(()),
        }
    }

    /// Rewrites `#if role`, `#list`, `#> layout`.
    fn opening(&mut self, opening: &'s str, line: usize) -> Result<(), Slip> {
        self.out.push('#');
        let words = opening.trim_start_matches(['>', '*', ' ']);
        let name = first_word(words);
        if words.len() < opening.trim_start().len() {
            self.words(opening);
            return self.enter(name, name, line);
        }
        match is_section(words) {
            true => {
                self.out.push_str(&format!("{SECTION} "));
                self.enter(name, SECTION, line)?;
            }
            false => self.enter(name, name, line)?,
        }
        self.words(opening);
        Ok(())
    }

    /// Rewrites `^list`, which opens a block for an absent value.
    fn inverted(&mut self, opening: &'s str, line: usize) -> Result<(), Slip> {
        let words = opening.trim_start();
        let name = first_word(words);
        let (engine, rest) = match name {
            "if" => ("unless", &words[name.len()..]),
            "unless" => ("if", &words[name.len()..]),
            _ if is_section(words) => (INVERTED, words),
            _ => {
                let message = format!("write {{{{#{name} …}}}}{{{{else}}}}…{{{{/{name}}}}}");
                return Err((line, format!("`{{{{^{words}}}}}` is not offered; {message}")));
            }
        };
        self.out.push_str(&format!("#{engine} "));
        self.words(rest);
        self.enter(name, engine, line)
    }

    fn closing(&mut self, closing: &str, line: usize) -> Result<(), Slip> {
        match self.open.pop() {
            Some(block) if block.name == closing => {
                self.out.push('/');
                self.out.push_str(block.engine);
                Ok(())
            }
            Some(Open { name, line: at, .. }) => {
                let message = format!(
                    "{{{{/{closing}}}}} closes nothing: {{{{#{name}}}}} of line {at} is still open"
                );
                Err((line, message))
            }
            None => Err((line, format!("{{{{/{closing}}}}} closes nothing"))),
        }
    }

    /// Rewrites what follows `else`: nothing, a block, or a value as in `{{else list}}`.
    fn chained(&mut self, rest: &str) {
        if is_section(rest.trim_start()) {
            self.out.push_str(&format!(" {SECTION}"));
        }
        self.words(rest);
    }

    /// Rewrites the name of a partial, which may be quoted.
    fn partial(&mut self, partial: &str) {
        let name = partial.trim_start();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
        if let Some(Token::Quoted(quoted)) = tokens(name).first() {
            let bare = quoted.trim_matches(['"', '\'']);
            if !bare.is_empty() && bare.chars().all(is_plain) {
                self.out.push_str(&partial[..partial.len() - name.len()]);
                self.out.push_str(bare);
                return self.words(&name[quoted.len()..]);
            }
        }
        self.words(partial);
    }

    fn words(&mut self, text: &str) {
        for token in tokens(text) {
            match token {
                Token::Quoted(quoted) => self.quoted(quoted),
                Token::Word(word) => self.word(word),
                other => self.out.push_str(other.text()),
            }
        }
    }

    /// Rewrites a word: `.` is the current value, and `..` the enclosing one.
    fn word(&mut self, word: &str) {
        let ups = word.rfind("../").map_or(0, |at| at + 3);
        let (above, rest) = word.split_at(ups);
        self.out.push_str(above);
        self.out.push_str(match rest {
            "." => "this",
            ".." => "../this",
            "" if !above.is_empty() => "this",
            rest => rest,
        });
    }

    /// Rewrites a string: a backslash is literal, except before the quote.
    fn quoted(&mut self, quoted: &str) {
        self.out.push_str(&serde_json::Value::from(unquoted(quoted)).to_string());
        self.out.extend(quoted.matches('\n'));
    }
}

/// Returns the text of a string.
pub(super) fn unquoted(quoted: &str) -> String {
    let (quote, rest) = quoted.split_at(1);
    let inside = rest.strip_suffix(quote).unwrap_or(rest);
    inside.replace(&format!("\\{quote}"), quote)
}

fn first_word(words: &str) -> &str {
    match tokens(words).first() {
        Some(Token::Word(word)) => word,
        _ => "",
    }
}

/// Returns whether a block tag consists of a value alone: `list`, `list as |item|`, not `if role`.
fn is_section(words: &str) -> bool {
    let tokens = tokens(words);
    let mut tokens = tokens.iter().filter(|token| !matches!(token, Token::Gap(_)));
    let Some(Token::Word(name)) = tokens.next() else { return false };
    let is_block = helpers::spec(name).is_some_and(|spec| spec.is_block);
    !is_block && matches!(tokens.next(), None | Some(Token::Word("as")))
}

/// Turns the marks for comments in a parsed template back into comments.
pub(super) fn without_marks(template: &mut Template) {
    for element in &mut template.elements {
        match element {
            TemplateElement::PartialExpression(partial)
                if partial.name.as_name() == Some(NOTHING) =>
            {
                *element = TemplateElement::Comment(String::new());
            }
            TemplateElement::HelperBlock(block) => {
                [&mut block.template, &mut block.inverse]
                    .into_iter()
                    .flatten()
                    .for_each(without_marks);
            }
            TemplateElement::PartialBlock(partial) => {
                partial.template.iter_mut().for_each(without_marks);
            }
            _ => {}
        }
    }
}

/// Prepares a parsed template for rendering: writes variables as handlebars.js does, and gives
/// lists a `length`.
pub(super) fn shown(template: &mut Template) {
    for element in &mut template.elements {
        match element {
            TemplateElement::Expression(tag) | TemplateElement::HtmlExpression(tag) => {
                measured(tag);
                if tag.params.is_empty()
                    && tag.hash.is_empty()
                    && matches!(tag.name, Parameter::Path(_))
                {
                    let mut name =
                        std::mem::replace(&mut tag.name, Parameter::Name(SHOW.to_owned()));
                    measure(&mut name);
                    tag.params.push(name);
                }
            }
            TemplateElement::HelperBlock(block) => {
                measured(block);
                [&mut block.template, &mut block.inverse].into_iter().flatten().for_each(shown);
            }
            TemplateElement::PartialExpression(partial)
            | TemplateElement::PartialBlock(partial) => {
                partial.params.iter_mut().chain(partial.hash.values_mut()).for_each(measure);
                partial.template.iter_mut().for_each(shown);
            }
            _ => {}
        }
    }
}

/// Replaces each `list.length` among the values of a tag.
fn measured(tag: &mut HelperTemplate) {
    tag.params.iter_mut().chain(tag.hash.values_mut()).for_each(measure);
}

/// Replaces `list.length`: the engine does not support it, and stops with an error.
fn measure(value: &mut Parameter) {
    match value {
        Parameter::Subexpression(inner) => {
            if let TemplateElement::Expression(tag) = &mut *inner.element {
                measured(tag);
            }
        }
        Parameter::Path(path) => {
            if let Some(list) = list_of(path) {
                let name = Parameter::Name(LENGTH.to_owned());
                let inner = Subexpression::new(name, vec![Parameter::Path(list)], HashMap::new());
                *value = Parameter::Subexpression(inner);
            }
        }
        _ => {}
    }
}

/// Returns `list` for `list.length`.
fn list_of(path: &Path) -> Option<Path> {
    let Path::Relative((segments, raw)) = path else { return None };
    let (last, above) = segments.split_last()?;
    let list = [".length", "/length", ".[length]"].iter().find_map(|end| raw.strip_suffix(end))?;
    (*last == PathSeg::Named("length".to_owned()))
        .then(|| Path::Relative((above.to_vec(), list.to_owned())))
}
