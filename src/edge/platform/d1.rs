//! D1 behind the `Database` port. All statements of a batch cross the JavaScript boundary as one
//! text, and so do all their rows: building a JavaScript value for each is expensive.

use super::{Env, answer, binding, message};
use crate::flows::ports::{Database, DatabaseError};
use crate::store::statement::{INTEGER_MAX, Rows, Statement, Value};
use js_sys::Promise;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    fn batch(database: &JsValue, statements: &str) -> Promise;
}

/// The D1 database bound as `DB`.
#[derive(Clone)]
pub struct D1(JsValue);

impl D1 {
    /// Opens the binding. Fails only if the worker is configured without it.
    pub fn new(env: &Env) -> Result<Self, String> {
        binding(env, "DB").map(Self)
    }
}

impl Database for D1 {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        statements.iter().flat_map(|one| &one.params).try_for_each(check)?;
        let statements = serde_json::to_string(&numbered(&statements))
            .map_err(|error| DatabaseError::Fault(format!("statements of a batch: {error}")))?;
        let rows = answer(batch(&self.0, &statements)).await.map_err(|thrown| failure(&thrown))?;
        split(&rows.as_string().unwrap_or_default())
    }
}

/// The most SQL texts that an isolate keeps under a number.
const NUMBERED_TEXTS_MAX: usize = 256;

/// Returns each statement as `batch` takes it: `[number, text, parameters]`. A text crosses the
/// boundary once; from then on, its number stands for it. Texts beyond the limit have no number.
fn numbered<'a>(statements: &'a [Statement]) -> Vec<(Option<usize>, Option<&'a str>, &'a [Value])> {
    thread_local! {
        static NUMBERS: RefCell<BTreeMap<Cow<'static, str>, usize>> = RefCell::default();
    }
    NUMBERS.with_borrow_mut(|numbers| {
        let mut number = |Statement { sql, params }: &'a Statement| match numbers.get(sql) {
            Some(number) => (Some(*number), None, params.as_slice()),
            None if numbers.len() < NUMBERED_TEXTS_MAX => {
                let number = numbers.len();
                numbers.insert(sql.clone(), number);
                (Some(number), Some(sql.as_ref()), params.as_slice())
            }
            None => (None, Some(sql.as_ref()), params.as_slice()),
        };
        statements.iter().map(&mut number).collect()
    })
}

/// Splits `[[rows of the first], [rows of the second], …]` into one text per statement.
fn split(text: &str) -> Result<Vec<Rows>, DatabaseError> {
    let each: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| DatabaseError::Fault(format!("rows of a batch: {error}")))?;
    Ok(each.into_iter().map(|rows| Rows(rows.get().to_owned())).collect())
}

/// Refuses a parameter that JavaScript's numbers, or JSON, would change.
fn check(value: &Value) -> Result<(), DatabaseError> {
    match value {
        Value::Int(n) if n.unsigned_abs() > INTEGER_MAX.unsigned_abs() => {
            Err(DatabaseError::Fault(format!("{n} is too large to be bound exactly")))
        }
        Value::Real(x) if !x.is_finite() => {
            Err(DatabaseError::Fault(format!("{x} cannot be bound")))
        }
        _ => Ok(()),
    }
}

/// Classifies a D1 exception by its message.
fn failure(thrown: &JsValue) -> DatabaseError {
    classify(message(thrown).lines().next().unwrap_or_default())
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
