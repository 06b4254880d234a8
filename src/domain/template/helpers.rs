//! The built-in helpers in addition to Handlebars' `if`, `unless` and `each`.
//!
//! A value that is absent, or that a helper cannot read, renders as nothing; `default` can wrap
//! anything that may be empty. A tag without arguments is always a variable, so an attribute may
//! have the name of a helper.

use super::dialect::{INVERTED, LENGTH, SECTION, SHOW};
use crate::domain::template::locale_format::{FormatOptions, Forms, number_of};
use handlebars::{
    BlockContext, BlockParams, Context, Handlebars, Helper, HelperDef, HelperResult, Output,
    RenderContext, RenderError, Renderable, ScopedJson, Template,
};
use serde_json::{Number, Value, json};
use std::cmp::Ordering;

/// The key, in a message's data, of the options for formatting values. No attribute can have this
/// name.
const FORMAT: &str = "@format";
/// The URL schemes that `url` accepts: none of them can run code.
pub(in crate::domain) const SCHEMES: &[&str] = &["https://", "http://", "mailto:", "tel:"];

/// One helper: its arguments and its function.
pub(in crate::domain) struct Spec {
    pub name: &'static str,
    /// The minimum and maximum number of values.
    pub values: (usize, usize),
    /// The named arguments that it takes.
    pub named: &'static [&'static str],
    /// Whether it is a block: `{{#if role}}…{{/if}}`.
    pub is_block: bool,
    /// Its function; `None` for blocks, which the engine implements.
    work: Option<fn(&Call) -> Option<Value>>,
}

const fn plain(
    name: &'static str,
    values: (usize, usize),
    named: &'static [&'static str],
    work: fn(&Call) -> Option<Value>,
) -> Spec {
    Spec { name, values, named, is_block: false, work: Some(work) }
}

const fn block(name: &'static str, named: &'static [&'static str]) -> Spec {
    Spec { name, values: (1, 1), named, is_block: true, work: None }
}

/// All helpers, in the order in which problem messages list them.
pub(in crate::domain) const HELPERS: &[Spec] = &[
    plain("default", (2, 2), &[], default),
    plain("upper", (1, 1), &[], |call| Some(call.text(0).to_uppercase().into())),
    plain("lower", (1, 1), &[], |call| Some(call.text(0).to_lowercase().into())),
    plain("capitalize", (1, 1), &[], capitalize),
    plain("date", (1, 2), &["zone"], date),
    plain("time", (1, 1), &["zone"], |call| {
        Some(call.manner().time(call.value(0)?, call.named("zone")?)?.into())
    }),
    plain("number", (1, 2), &[], |call| {
        Some(call.manner().number(call.number(0)?, call.places()?)?.into())
    }),
    plain("money", (1, 2), &[], |call| {
        let currency = call.value(1).and_then(Value::as_str);
        Some(call.manner().money(call.number(0)?, currency)?.into())
    }),
    plain("percent", (1, 2), &[], |call| {
        Some(call.manner().percent(call.number(0)?, call.places()?)?.into())
    }),
    plain("plural", (3, 3), &["few", "many"], plural),
    plain("url", (1, 1), &[], |call| safe_url(&call.text(0)).map(Value::from)),
    plain("encode", (1, 1), &[], |call| Some(percent_encoded(&call.text(0), |_| false).into())),
    plain("eq", (2, 2), &[], |call| Some(call.is_same().into())),
    plain("ne", (2, 2), &[], |call| Some((!call.is_same()).into())),
    plain("gt", (2, 2), &[], |call| call.ordered(&[Ordering::Greater])),
    plain("gte", (2, 2), &[], |call| call.ordered(&[Ordering::Greater, Ordering::Equal])),
    plain("lt", (2, 2), &[], |call| call.ordered(&[Ordering::Less])),
    plain("lte", (2, 2), &[], |call| call.ordered(&[Ordering::Less, Ordering::Equal])),
    plain("and", (2, 8), &[], |call| Some(call.values.iter().all(|v| is_true(v)).into())),
    plain("or", (2, 8), &[], |call| Some(call.values.iter().any(|v| is_true(v)).into())),
    plain("not", (1, 1), &[], |call| Some((!call.values.iter().any(|v| is_true(v))).into())),
    plain("lookup", (2, 2), &[], lookup),
    block("if", &["includeZero"]),
    block("unless", &["includeZero"]),
    block("each", &[]),
    block("with", &[]),
];

pub(in crate::domain) fn spec(name: &str) -> Option<&'static Spec> {
    HELPERS.iter().find(|spec| spec.name == name)
}

/// The engine's helpers that we do not offer: they would shadow attributes of that name.
pub(super) const WITHDRAWN: &[&str] = &["lookup", "raw", "log", "len"];

/// Registers exactly these helpers with an engine.
pub(super) fn register(engine: &mut Handlebars<'static>) {
    for name in WITHDRAWN {
        engine.unregister_helper(name);
    }
    for spec in HELPERS {
        if let Some(work) = spec.work {
            engine.register_helper(spec.name, Box::new(BuiltIn { name: spec.name, work }));
        }
    }
    engine.register_helper(SHOW, Box::new(Own(|value| written(value).into())));
    engine.register_helper(LENGTH, Box::new(Own(length)));
    engine.register_helper(SECTION, Box::new(Section { is_inverted: false }));
    engine.register_helper(INVERTED, Box::new(Section { is_inverted: true }));
}

/// Internal helpers that no author can call: `SHOW` writes a value as handlebars.js does, `LENGTH`
/// counts.
struct Own(fn(&Value) -> Value);

impl HelperDef for Own {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let value = helper.param(0).map_or(&Value::Null, |param| param.value());
        Ok(ScopedJson::Derived(self.0(value)))
    }
}

/// Returns the number of items of a list or of UTF-16 units of a text; for an object, its member
/// `length`.
fn length(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.len().into(),
        Value::String(text) => text.encode_utf16().count().into(),
        Value::Object(members) => members.get("length").cloned().unwrap_or_default(),
        _ => Value::Null,
    }
}

/// Converts a value to text like JavaScript's `String`; an absent value becomes empty.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number_text(number),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(written).collect::<Vec<_>>().join(","),
        Value::Object(_) => "[object Object]".to_owned(),
    }
}

/// Converts a number to text by ECMA-262, `Number::toString`.
fn number_text(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    match float.abs() {
        0.0 => "0".to_owned(),
        size if (1e-6..1e21).contains(&size) => float.to_string(),
        _ => {
            let text = format!("{float:e}");
            if text.contains("e-") { text } else { text.replace('e', "e+") }
        }
    }
}

/// `{{#list}}…{{/list}}` and `{{^list}}…{{/list}}`. For a list, renders the block once per item;
/// for any other value that is present, once; for a value that is absent, `false` or empty, the
/// other part.
struct Section {
    is_inverted: bool,
}

impl HelperDef for Section {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        engine: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let (mut there, mut absent) = (helper.template(), helper.inverse());
        if self.is_inverted {
            std::mem::swap(&mut there, &mut absent);
        }
        let Some(param) = helper.param(0) else { return Ok(()) };
        let mut part = |part: Option<&'rc Template>, render: &mut RenderContext<'reg, 'rc>| {
            part.map_or(Ok(()), |part| part.render(engine, context, render, out))
        };
        let items = match param.value() {
            Value::Null | Value::Bool(false) => return part(absent, render),
            Value::Bool(true) => return part(there, render),
            Value::Array(items) if items.is_empty() => return part(absent, render),
            Value::Array(items) => items.iter().map(Some).collect(),
            _ => vec![None],
        };
        for (index, item) in items.iter().enumerate() {
            let mut block = BlockContext::new();
            block.set_base_value(item.unwrap_or(param.value()).clone());
            if item.is_some() {
                block.set_local_var("index", index.into());
                block.set_local_var("key", index.into());
                block.set_local_var("first", (index == 0).into());
                block.set_local_var("last", (index + 1 == items.len()).into());
            } else if let Some(outer) = render.block() {
                *block.local_variables_mut() = outer.local_variables().clone();
            }
            let names = helper.block_param().map(|name| (name, None));
            let names = names.or(helper.block_param_pair().map(|(name, key)| (name, Some(key))));
            if let Some((name, key)) = names {
                let mut params = BlockParams::new();
                params.add_value(name, item.unwrap_or(param.value()).clone())?;
                if let Some(key) = key {
                    params.add_value(key, index.into())?;
                }
                block.set_block_params(params);
            }
            render.push_block(block);
            let rendered = part(there, render);
            render.pop_block();
            rendered?;
        }
        Ok(())
    }
}

/// Returns the reader's formatting options, which helpers need, as a member of the message's data.
pub fn format_data(manner: &FormatOptions) -> (String, Value) {
    let FormatOptions { locale, zone, currency } = manner;
    (FORMAT.to_owned(), json!({ "locale": locale, "zone": zone, "currency": currency }))
}

/// Returns whether a value is truthy in a template: not absent, false, zero or empty.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// A helper as the engine calls it.
struct BuiltIn {
    name: &'static str,
    work: fn(&Call) -> Option<Value>,
}

/// The arguments of a helper.
struct Call<'c> {
    values: Vec<&'c Value>,
    named: Vec<(&'c str, &'c Value)>,
    data: &'c Value,
}

impl HelperDef for BuiltIn {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        if helper.params().is_empty() && helper.hash().is_empty() {
            return render.evaluate(context, self.name);
        }
        let call = Call {
            values: helper.params().iter().map(|param| param.value()).collect(),
            named: helper.hash().iter().map(|(name, value)| (*name, value.value())).collect(),
            data: context.data(),
        };
        Ok(ScopedJson::Derived((self.work)(&call).unwrap_or(Value::Null)))
    }
}

impl<'c> Call<'c> {
    fn value(&self, at: usize) -> Option<&'c Value> {
        self.values.get(at).copied()
    }

    fn text(&self, at: usize) -> String {
        self.value(at).map(written).unwrap_or_default()
    }

    fn number(&self, at: usize) -> Option<f64> {
        number_of(self.value(at)?)
    }

    /// Returns the requested number of decimal places; `Some(None)` if none was given.
    fn places(&self) -> Option<Option<usize>> {
        let Some(value) = self.value(1) else { return Some(None) };
        Some(Some(usize::try_from(value.as_u64()?).ok()?))
    }

    /// Returns a named argument that is text; `None` if it is given but is not text.
    fn named(&self, name: &str) -> Option<Option<&'c str>> {
        match self.named.iter().find(|(other, _)| *other == name) {
            None => Some(None),
            Some((_, value)) => value.as_str().map(Some),
        }
    }

    fn manner(&self) -> FormatOptions<'c> {
        let format = |name: &str| self.data.get(FORMAT)?.get(name)?.as_str();
        FormatOptions {
            locale: format("locale").unwrap_or("en"),
            zone: format("zone").unwrap_or("UTC"),
            currency: format("currency").unwrap_or_default(),
        }
    }

    /// Returns whether two values are equal, or would be written equally.
    fn is_same(&self) -> bool {
        matches!(self.values[..], [a, b] if a == b || written(a) == written(b))
    }

    /// Returns whether the first value compares to the second as wanted: numbers as numbers, texts
    /// as texts (which covers ISO dates). Any other comparison is false.
    fn ordered(&self, wanted: &[Ordering]) -> Option<Value> {
        let [a, b] = self.values[..] else { return None };
        let order = match (number_of(a), number_of(b)) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => a.as_str().zip(b.as_str()).map(|(a, b)| a.cmp(b)),
        };
        Some(order.is_some_and(|order| wanted.contains(&order)).into())
    }
}

/// `{{default first_name "there"}}`: the value, or the fallback if it is absent or blank.
fn default(call: &Call) -> Option<Value> {
    let is_blank = call.text(0).trim().is_empty();
    call.value(usize::from(is_blank)).cloned()
}

/// `{{lookup list 0}}`: the item of a list, counted from 0, or the member of an object.
fn lookup(call: &Call) -> Option<Value> {
    let place = call.text(1);
    match call.value(0)? {
        value @ (Value::Array(_) | Value::String(_)) if place == "length" => Some(length(value)),
        Value::Array(items) => items.get(place.parse::<usize>().ok()?).cloned(),
        Value::Object(members) => members.get(&place).cloned(),
        _ => None,
    }
}

/// `{{capitalize city}}`: makes the first letter upper case and leaves the others unchanged.
fn capitalize(call: &Call) -> Option<Value> {
    let text = call.text(0);
    let mut chars = text.chars();
    let first: String = chars.next()?.to_uppercase().collect();
    Some(format!("{first}{}", chars.as_str()).into())
}

/// `{{date renewal "short"}}`.
fn date(call: &Call) -> Option<Value> {
    let style = call.value(1).map_or(Some("long"), Value::as_str)?;
    Some(call.manner().date(call.value(0)?, style, call.named("zone")?)?.into())
}

/// `{{plural seats "seat" "seats"}}`: the word without the number.
fn plural(call: &Call) -> Option<Value> {
    let (few, many) = (call.named("few")?, call.named("many")?);
    let (one, other) = (call.value(1)?.as_str()?, call.value(2)?.as_str()?);
    Some(call.manner().plural(call.number(0)?, Forms { one, few, many, other }).into())
}

/// Returns a URL that is safe as a link, percent-encoding any character that is not allowed in a
/// URL (RFC 3986); `None` for any other scheme.
fn safe_url(text: &str) -> Option<String> {
    let text = text.trim();
    let begins = |scheme: &&str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    SCHEMES.iter().find(|scheme| begins(scheme))?;
    Some(percent_encoded(text, |byte| b":/?#[]@!$&'()*+,;=%".contains(&byte)))
}

/// Percent-encodes every byte except the unreserved ones of RFC 3986 section 2.3 and those that are
/// `kept`.
fn percent_encoded(text: &str, kept: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte.into());
            }
            _ if kept(byte) => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
