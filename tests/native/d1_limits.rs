//! Native SQLite refuses what D1 refuses: the same statements as in `tests/e2e/d1_limits.test.mjs`.

use super::support::{FORM, world};
use dripline::flows::ports::Database;
use dripline::native::sqlite::{OneRun, STATEMENTS_PER_RUN_MAX, Sqlite};
use dripline::native::world::block_on;
use dripline::store::statement::{Statement, Value};
use serde_json::Value as Json;

fn statement(case: &Json) -> Statement {
    let text = |key: &str| case["sql"][key].as_str().unwrap_or_default();
    let sql = match &case["sql"] {
        Json::String(sql) => sql.clone(),
        repeated => {
            let times = repeated["times"].as_u64().unwrap();
            let parts = (1..=times).map(|number| text("part").replace('#', &number.to_string()));
            let parts = parts.collect::<Vec<_>>().join(text("between"));
            format!("{}{parts}{}", text("before"), text("after"))
        }
    };
    let params = case["params"].as_array().into_iter().flatten().flat_map(|param| {
        let times = param["times"].as_u64().unwrap() as usize;
        match param["letter"].as_str() {
            Some(letter) => vec![Value::Text(letter.repeat(times))],
            None => vec![Value::Int(param["number"].as_i64().unwrap()); times],
        }
    });
    Statement { sql: sql.into(), params: params.collect() }
}

#[test]
fn native_sqlite_refuses_what_d1_refuses() {
    let table: Json = serde_json::from_str(include_str!("../fixtures/d1_limits.json")).unwrap();
    let db = Sqlite::in_memory().unwrap();
    for case in table["statements"].as_array().unwrap() {
        let answer = block_on(db.batch(vec![statement(case)]));
        let refused = case["refused"].as_bool().unwrap();
        assert_eq!(answer.is_err(), refused, "{}: {answer:?}", case["name"]);
    }
}

#[test]
fn database_copy_keeps_the_d1_limits() {
    let copy = Sqlite::in_memory().unwrap().copy().unwrap();
    let deep = format!("SELECT {}", vec!["1"; 101].join("+"));
    assert!(block_on(copy.batch(vec![Statement { sql: deep.into(), params: vec![] }])).is_err());
}

#[test]
fn statements_per_run_are_limited() {
    let world = world(FORM);
    let run = OneRun::new(&world.db);
    let some = |count| vec![Statement::new("SELECT 1", Vec::new()); count];
    block_on(run.batch(some(STATEMENTS_PER_RUN_MAX - 1))).unwrap();
    assert!(block_on(run.batch(some(2))).is_err());
    block_on(run.batch(some(1))).unwrap();
    assert!(block_on(run.batch(some(1))).is_err());
    block_on(OneRun::new(&world.db).batch(some(1))).unwrap();
}
