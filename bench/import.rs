//! Measures an import of contacts on one core: the real flow over SQLite, in a file. Run it with
//! `make bench-import`; the last line is its report. `ROWS=20000` makes it short.

#[path = "../tests/native/support/fixtures.rs"]
#[allow(dead_code, reason = "shared with the tests and the other benchmarks")]
mod fixtures;

use dripline::domain::base::primitives::{Actor, Ids};
use dripline::domain::base::token::Keyring;
use dripline::domain::import::settings::{State, Verb};
use dripline::domain::publication::catalog::Catalog;
use dripline::flows::import::{Importer, PART_BYTES_MAX, run};
use dripline::flows::ports::Database;
use dripline::flows::tasks::Work;
use dripline::native::clock::Stopwatch;
use dripline::native::sqlite::Sqlite;
use dripline::native::table_file::decode_gb18030;
use dripline::native::world::block_on;
use dripline::store::statement::Statement;
use fixtures::{Counted, MONDAY};
use serde_json::{Value, json};
use std::error::Error;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Every hundredth row cannot be used.
fn row(n: usize) -> String {
    let mail = if n % 100 == 99 { "no address".to_owned() } else { format!("p{n}@example.com") };
    format!("{mail},Person {n},Larkspan {},+4420{:08},\"new, fair\"\n", n % 5_000, n)
}

fn first<T: serde::de::DeserializeOwned>(db: &Sqlite, sql: &'static str) -> Outcome<T> {
    let rows = block_on(db.batch(vec![Statement::new(sql, Vec::new())]));
    let rows = rows.map_err(|error| error.to_string())?;
    Ok(rows[0].first::<T>()?.ok_or("no row")?)
}

fn changes(db: &Sqlite) -> Outcome<u64> {
    #[derive(serde::Deserialize)]
    struct Row {
        n: u64,
    }
    Ok(first::<Row>(db, "SELECT total_changes() AS n")?.n)
}

/// Uploads a file part by part, and never holds more than one.
fn upload(importer: &Importer<'_, Counted<Sqlite>>, rows: usize, ids: &mut Ids) -> Outcome<String> {
    let settings = serde_json::from_value(json!({ "kind": "contact", "file": "bench.csv" }))?;
    let failed = |error| format!("{error:?}");
    let by = Actor::from("token:bench");
    let created = block_on(importer.create(settings, &by, ids)).map_err(failed)?;
    let (mut part, mut bytes) = (1, b"email,name,company,phone,tags\n".to_vec());
    for n in 0..=rows {
        let is_last = n == rows;
        if !is_last {
            bytes.extend(row(n).into_bytes());
        }
        if is_last || bytes.len() > PART_BYTES_MAX - 1_000 {
            let import = block_on(importer.one(&created.id)).map_err(failed)?;
            block_on(importer.put(&import, part, &bytes)).map_err(failed)?;
            part += 1;
            bytes.clear();
        }
    }
    Ok(created.id)
}

/// Does an import to its end. Returns the number of tasks.
fn finish(importer: &Importer<'_, Counted<Sqlite>>, id: &str, ids: &mut Ids) -> Outcome<u64> {
    let import = block_on(importer.one(id)).map_err(|error| format!("{error:?}"))?;
    let work = block_on(importer.act(&import, Verb::Start, None));
    let (mut work, mut tasks) = (work.map_err(|error| format!("{error:?}"))?, 0);
    while let Some(Work::ImportV1 { import }) = work.pop() {
        tasks += 1;
        let more = block_on(run::work(importer, &import, ids));
        work = more.map_err(|error| error.to_string())?;
    }
    Ok(tasks)
}

fn measured(rows: usize) -> Outcome<Value> {
    let file = env::temp_dir().join(format!("dripline-bench-import-{}.sqlite", std::process::id()));
    let _ = fs::remove_file(&file);
    let db = Counted::new(Sqlite::create(&file)?);
    let (catalog, keys) = (Catalog::default(), Keyring::new("a secret of the benchmark", None));
    let importer =
        Importer { db: &db, catalog: &catalog, keys: &keys, decoder: &decode_gb18030, now: MONDAY };
    let mut ids = Ids::new(MONDAY, 1);
    let watch = Stopwatch::start();
    let id = upload(&importer, rows, &mut ids)?;
    let upload_seconds = watch.elapsed().as_secs_f64();
    let (statements, round_trips) = (db.statements.get(), db.round_trips.get());
    let written = changes(&db.db)?;
    let watch = Stopwatch::start();
    let tasks = finish(&importer, &id, &mut ids)?;
    let seconds = watch.elapsed().as_secs_f64();
    let done = block_on(importer.one(&id)).map_err(|error| format!("{error:?}"))?;
    assert_eq!((done.state, done.counts.rows), (State::Done, rows as u64));
    assert_eq!(done.counts.refused, rows as u64 / 100);
    assert_eq!(done.counts.made + done.counts.refused, rows as u64);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb: f64 = peak.and_then(|text| text.split_whitespace().next()).unwrap_or("0").parse()?;
    let each = |count: u64| (count as f64 / rows as f64 * 1_000.0).round() / 1_000.0;
    let size = fs::metadata(&file)?.len();
    fs::remove_file(&file)?;
    let report = json!({
        "rows": rows, "upload_seconds": upload_seconds, "seconds": seconds, "tasks": tasks,
        "rows_per_second": (rows as f64 / seconds) as u64,
        "rows_written_per_row": each(changes_after(written, &db.db)?),
        "statements_per_row": each(db.statements.get() - statements),
        "round_trips_per_row": each(db.round_trips.get() - round_trips),
        "largest_batch_kb": db.bytes_max.get() / 1_000, "database_mb": size / 1_000_000,
        "peak_mb": (kb / 102.4).round() / 10.0,
    });
    eprintln!("{report}");
    Ok(report)
}

fn changes_after(before: u64, db: &Sqlite) -> Outcome<u64> {
    Ok(changes(db)? - before)
}

fn main() -> Outcome<()> {
    let most = env::var("ROWS").ok().map_or(Ok(1_000_000), |text| text.parse())?;
    // Ascending, because the peak memory of a process never falls.
    let sizes = [most / 10, most];
    let runs = sizes.into_iter().map(measured).collect::<Outcome<Vec<_>>>()?;
    println!("{}", json!({ "benchmark": "import", "runs": runs }));
    Ok(())
}
