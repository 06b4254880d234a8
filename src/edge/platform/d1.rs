//! D1 behind the `Database` port. Many statements go in one `batch()` call, and all their rows come
//! back as one string, because building row objects across the JavaScript boundary is expensive.

use crate::flows::ports::{Database, DatabaseError};
use crate::store::statement::{INTEGER_MAX, Rows, Statement, Value};
use js_sys::{Array, JSON, Promise, futures::JsFuture};
use serde_json::value::RawValue;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{D1Database, Env};

// The crate's own `D1Database` returns rows only as objects, one by one. These bind the same three
// JavaScript methods without that.
#[wasm_bindgen]
extern "C" {
    type Binding;
    #[wasm_bindgen(method, catch)]
    fn prepare(this: &Binding, sql: &str) -> Result<Prepared, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn batch(this: &Binding, statements: Vec<Prepared>) -> Result<Promise, JsValue>;

    type Prepared;
    #[wasm_bindgen(method, catch, variadic)]
    fn bind(this: &Prepared, values: Vec<JsValue>) -> Result<Prepared, JsValue>;

    type Outcome;
    #[wasm_bindgen(method, getter)]
    fn results(this: &Outcome) -> JsValue;
}

/// The D1 database bound as `DB`.
pub struct D1(Binding);

impl D1 {
    /// Opens the binding. Fails only if the worker is configured without it.
    pub fn new(env: &Env) -> worker::Result<Self> {
        let database: D1Database = env.d1("DB")?;
        Ok(Self(JsValue::from(database).unchecked_into()))
    }

    fn prepare(&self, statement: &Statement) -> Result<Prepared, DatabaseError> {
        let prepared = self.0.prepare(&statement.sql).map_err(failure)?;
        let values = statement.params.iter().map(bound).collect::<Result<Vec<_>, _>>()?;
        prepared.bind(values).map_err(failure)
    }
}

impl Database for D1 {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let prepared =
            statements.iter().map(|one| self.prepare(one)).collect::<Result<Vec<_>, _>>()?;
        let answer = self.0.batch(prepared).map_err(failure)?;
        let outcomes = JsFuture::from(answer).await.map_err(failure)?;
        let results = Array::new();
        for outcome in outcomes.unchecked_into::<Array>() {
            results.push(&outcome.unchecked_into::<Outcome>().results());
        }
        split(&String::from(JSON::stringify(&results).map_err(failure)?))
    }
}

/// Splits `[[rows of the first], [rows of the second], …]` into one text per statement.
fn split(text: &str) -> Result<Vec<Rows>, DatabaseError> {
    let each: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| DatabaseError::Fault(format!("rows of a batch: {error}")))?;
    Ok(each.into_iter().map(|rows| Rows(rows.get().to_owned())).collect())
}

/// Converts a parameter for D1, which accepts neither `undefined` nor `BigInt`.
fn bound(value: &Value) -> Result<JsValue, DatabaseError> {
    match value {
        Value::Null => Ok(JsValue::NULL),
        Value::Int(n) if n.unsigned_abs() > INTEGER_MAX.unsigned_abs() => {
            Err(DatabaseError::Fault(format!("{n} is too large to be bound exactly")))
        }
        Value::Int(n) => Ok(JsValue::from_f64(*n as f64)),
        Value::Real(x) => Ok(JsValue::from_f64(*x)),
        Value::Text(text) => Ok(JsValue::from_str(text)),
    }
}

/// Classifies a D1 exception by its message; drops the JavaScript stack.
fn failure(thrown: JsValue) -> DatabaseError {
    let message = match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => thrown.as_string().unwrap_or_else(|| "not an error object".to_owned()),
    };
    classify(message.lines().next().unwrap_or_default())
}

/// Sorts D1's messages into the four kinds that a flow can act upon. The texts are from D1's
/// documentation ("Debug D1", error list) and from SQLite.
fn classify(message: &str) -> DatabaseError {
    const REFUSALS: [&str; 2] = ["UNIQUE constraint failed: ", "CHECK constraint failed: "];
    const OVERLOADED: [&str; 3] = ["overloaded", "queued for too long", "too many requests"];
    const LOST: [&str; 6] = [
        "network connection lost",
        "caused object to be reset",
        "reset because its code was updated",
        "transient issue",
        "internal error",
        "object was reset",
    ];
    if let Some((_, rest)) = REFUSALS.iter().find_map(|refusal| message.split_once(refusal)) {
        let columns = rest.split(": SQLITE").next().unwrap_or(rest);
        return DatabaseError::Conflict(columns.to_owned());
    }
    let lower = message.to_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    if says(&OVERLOADED) {
        DatabaseError::Overloaded(message.to_owned())
    } else if says(&LOST) {
        DatabaseError::Lost(message.to_owned())
    } else {
        DatabaseError::Fault(message.to_owned())
    }
}
