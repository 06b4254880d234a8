//! Measures the throughput of the engine on one core: the real flows over SQLite. Run it with `make
//! bench-engine`; the last line is its report, as one JSON object. `PEOPLE_MAX=1000 HOURS=4` makes
//! it short.

#[path = "../tests/native/support/fixtures.rs"]
#[allow(dead_code, reason = "shared with the tests and the other benchmarks")]
mod fixtures;

use dripline::domain::base::primitives::{Ids, Millis, Span};
use dripline::domain::base::token::Keyring;
use dripline::domain::campaign::Compiled;
use dripline::domain::campaign_file;
use dripline::domain::inbound::custom_event::CustomEvent;
use dripline::domain::publication::catalog::Catalog;
use dripline::flows::campaign::publish;
use dripline::flows::ingest::consume;
use dripline::flows::schedule::due;
use dripline::flows::tasks::{Intake, Work};
use dripline::native::clock::Stopwatch;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::{self, block_on};
use fixtures::{CAMPAIGN, Counted, MONDAY};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The number of contacts per task.
const BATCH: usize = 100;

/// How many times each contact is due, unless `HOURS` is set.
const HOURS: u64 = 40;

/// Each time a contact is due, it takes three steps: an update, a branch, a wait.
const BUSY: &str = r#"
    [[journey.j.step]]
    id = "count"
    update = { score = 1 }
    [[journey.j.step]]
    id = "which"
    branch = [{ when = { score = { gte = 1000000 } }, then = "done" }]
    otherwise = "rest"
    [[journey.j.step]]
    id = "rest"
    wait = "1h"
    then = "count"
    [[journey.j.step]]
    id = "done"
    end = true
"#;

/// Each time a contact is due, it takes one step: the next wait.
const PLAIN: &str = r#"
    [[journey.j.step]]
    id = "one"
    wait = "1h"
    [[journey.j.step]]
    id = "two"
    wait = "1h"
    then = "one"
"#;

/// A campaign with one journey, and contacts in it.
struct Bench {
    db: Counted<Sqlite>,
    catalog: Catalog,
    ids: Ids,
    now: Millis,
}

impl Bench {
    fn new(db: Sqlite, steps: &str, people: usize) -> Outcome<Self> {
        let journey = r#"
            [segment.keen]
            rule = { all = [{ score = { gte = 10 } }, { event = "joined", within = "30d" }] }
            [journey.j]
            enter = { event = "joined" }
        "#;
        let campaign = campaign_file::read("c.toml", &format!("{CAMPAIGN}{journey}{steps}"))
            .map_err(|problems| format!("{problems:?}"))?;
        let db = Counted::new(db);
        let compiled = Compiled { campaign, templates: BTreeMap::new() };
        block_on(publish::publish(&db, compiled, MONDAY)).map_err(|why| format!("{why:?}"))?;
        let catalog = block_on(publish::live(&db)).map_err(|error| error.to_string())?;
        let mut bench = Self { db, catalog, ids: Ids::new(MONDAY, 1), now: MONDAY };
        for first in (0..people).step_by(BATCH) {
            let batch = (first..people.min(first + BATCH)).map(joins).collect();
            let (db, catalog, ids) = (&bench.db, &bench.catalog, &mut bench.ids);
            let keys = Keyring::new("a secret of the benchmark", None);
            block_on(consume::record(db, catalog, &keys, batch, MONDAY, ids))
                .map_err(|error| error.to_string())?;
        }
        Ok(bench)
    }

    /// Advances the clock by an hour, so that each contact is due once. Returns how many were.
    fn hour(&mut self) -> Outcome<u64> {
        self.now = self.now.plus(Span::hours(1));
        let mut due = 0;
        loop {
            let (db, catalog, now) = (&self.db, &self.catalog, self.now);
            let work = block_on(world::due(db, now)).map_err(|error| error.to_string())?;
            if work.is_empty() {
                return Ok(due);
            }
            for work in work {
                let Work::DueV1 { contacts } = work else { continue };
                due += contacts.len() as u64;
                block_on(due::run(db, catalog, contacts, now, &mut self.ids))
                    .map_err(|error| error.to_string())?;
            }
        }
    }
}

fn joins(number: usize) -> Intake {
    Intake::CustomEventV1 {
        email: Some(format!("p{number}@example.com")),
        phone: None,
        external_id: None,
        contact_id: None,
        event: CustomEvent {
            name: "joined".to_owned(),
            at: MONDAY,
            properties: serde_json::Map::new(),
            key: format!("join:{number}"),
            content: None,
        },
    }
}

/// Measures steps per second and statements per step, with 1,000 contacts in memory.
fn speed(steps: &str, steps_a_wake: u64, hours: u64) -> Outcome<Value> {
    let mut bench = Bench::new(Sqlite::in_memory()?, steps, 1_000)?;
    bench.hour()?;
    let (statements, batches) = (bench.db.statements.get(), bench.db.round_trips.get());
    let watch = Stopwatch::start();
    let wakes = (0..hours).map(|_| bench.hour()).sum::<Outcome<u64>>()?;
    let seconds = watch.elapsed().as_secs_f64();
    assert_eq!(wakes, 1_000 * hours, "everybody is due once an hour");
    let steps = wakes * steps_a_wake;
    let each = |count: u64| count as f64 / steps as f64;
    Ok(json!({
        "steps": steps,
        "steps_per_second": (steps as f64 / seconds) as u64,
        "statements_per_step": each(bench.db.statements.get() - statements),
        "round_trips_per_step": each(bench.db.round_trips.get() - batches),
        "microseconds_per_person": seconds * 1e6 / wakes as f64,
    }))
}

/// Measures the peak memory of this process, in MB, after each of this many contacts was due twice;
/// the database is a file.
fn memory(people: usize) -> Outcome<Value> {
    let file = env::temp_dir().join(format!("dripline-bench-{}.sqlite", std::process::id()));
    let _ = fs::remove_file(&file);
    let mut bench = Bench::new(Sqlite::create(&file)?, BUSY, people)?;
    let wakes = bench.hour()? + bench.hour()?;
    assert_eq!(wakes, 2 * people as u64, "everybody is due once an hour");
    fs::remove_file(&file)?;
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb: f64 = peak.and_then(|text| text.split_whitespace().next()).unwrap_or("0").parse()?;
    eprintln!("{people} people: {wakes} were due, at most {:.1} MB", kb / 1024.0);
    Ok(json!({ "people": people, "peak_mb": (kb / 102.4).round() / 10.0 }))
}

/// Reads a number from the environment.
fn asked(name: &str, otherwise: u64) -> Outcome<u64> {
    Ok(env::var(name).ok().map_or(Ok(otherwise), |text| text.parse())?)
}

fn main() -> Outcome<()> {
    let (most, hours) = (asked("PEOPLE_MAX", 100_000)?, asked("HOURS", HOURS)?);
    // Ascending, because the peak memory of a process never falls.
    let sizes = [1_000, 10_000, 100_000].into_iter().filter(|size| *size <= most as usize);
    let memory = sizes.map(memory).collect::<Outcome<Vec<_>>>()?;
    let busy = speed(BUSY, 3, hours)?;
    eprintln!("update, branch, wait: {busy}");
    let plain = speed(PLAIN, 1, hours)?;
    eprintln!("wait after wait: {plain}");
    let report = json!({
        "benchmark": "engine", "batch": BATCH, "update_branch_wait": busy, "wait_after_wait": plain,
        "memory": memory,
    });
    println!("{report}");
    Ok(())
}
