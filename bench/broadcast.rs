//! Measures the cost of a broadcast on one core: the real flow over SQLite, in a file. Run it with
//! `make bench-broadcast`; the last line is its report, as one JSON object. It delivers nothing.
//! `PEOPLE_MAX=1000` makes it short.

#[path = "../tests/native/support/fixtures.rs"]
#[allow(dead_code, reason = "shared with the tests and the other benchmarks")]
mod fixtures;

use dripline::domain::base::primitives::{Ids, QualifiedId};
use dripline::domain::campaign::Compiled;
use dripline::domain::campaign::broadcast::BroadcastVerb;
use dripline::domain::campaign_file;
use dripline::domain::template::TemplateSource;
use dripline::flows::broadcast::{control, run};
use dripline::flows::campaign::publish;
use dripline::flows::ports::Database;
use dripline::flows::tasks::Work;
use dripline::native::clock::Stopwatch;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use fixtures::{CAMPAIGN, Counted, MONDAY, insert_readers};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn Error>>;

const NEWS: &str = r#"
    [segment.readers]
    rule = { consent = "news", channel = "email" }
    [broadcast.news]
    segment = "readers"
    send = "emails/news"
    purpose = "news"
"#;

/// Measures a broadcast to this many contacts.
fn broadcast(people: usize) -> Outcome<Value> {
    let file = env::temp_dir().join(format!("dripline-bench-{}.sqlite", std::process::id()));
    let _ = fs::remove_file(&file);
    let campaign = campaign_file::read("c.toml", &format!("{CAMPAIGN}{NEWS}"))
        .map_err(|problems| format!("{problems:?}"))?;
    let news = TemplateSource::Email {
        subject: "News".to_owned(),
        preheader: String::new(),
        html: "<a href=\"{{unsubscribe_url}}\">Stop</a>".to_owned(),
        text: "{{unsubscribe_url}}".to_owned(),
    };
    let templates = BTreeMap::from([("emails/news".to_owned(), news)]);
    let db = Counted::new(Sqlite::create(&file)?);
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    block_on(db.batch(insert_readers(people))).map_err(|error| failed(&error))?;
    block_on(publish::publish(&db, Compiled { campaign, templates }, MONDAY))
        .map_err(|why| format!("{why:?}"))?;
    let catalog = block_on(publish::live(&db)).map_err(|error| failed(&error))?;
    let id = QualifiedId::from("c.news");
    let watch = Stopwatch::start();
    let preview = block_on(control::preview(&db, &id, MONDAY));
    let preview = preview.map_err(|why| format!("{why:?}"))?;
    let preview_seconds = watch.elapsed().as_secs_f64();
    block_on(control::apply_verb(&db, &id, BroadcastVerb::Start, MONDAY))
        .map_err(|why| format!("{why:?}"))?;
    let db = Counted::new(db.db);
    let (watch, mut ids, mut tasks, mut messages) =
        (Stopwatch::start(), Ids::new(MONDAY, 1), 0_u64, 0_usize);
    loop {
        let work = block_on(run::run(&db, &catalog, &id, MONDAY, &mut ids))
            .map_err(|error| failed(&error))?;
        tasks += 1;
        let carried =
            |work: &Work| if let Work::DeliverV1 { messages } = work { messages.len() } else { 0 };
        messages += work.iter().map(carried).sum::<usize>();
        if !work.iter().any(|work| matches!(work, Work::BroadcastV1 { .. })) {
            break;
        }
    }
    let seconds = watch.elapsed().as_secs_f64();
    assert_eq!(messages, people, "everybody is queued a message");
    fs::remove_file(&file)?;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb: f64 = peak.and_then(|text| text.split_whitespace().next()).unwrap_or("0").parse()?;
    let each = |count: u64| count as f64 / people as f64;
    let report = json!({
        "people": people, "previewed": preview.recipients, "preview_seconds": preview_seconds,
        "queued": messages, "tasks": tasks, "seconds": seconds,
        "recipients_per_second": (people as f64 / seconds) as u64,
        "statements_per_recipient": each(db.statements.get()),
        "round_trips_per_recipient": each(db.round_trips.get()),
        "largest_batch_kb": db.bytes_max.get() / 1_000, "peak_mb": (kb / 102.4).round() / 10.0,
    });
    eprintln!("{report}");
    Ok(report)
}

fn main() -> Outcome<()> {
    let most = env::var("PEOPLE_MAX").ok().map_or(Ok(100_000), |text| text.parse())?;
    // Ascending, because the peak memory of a process never falls.
    let sizes = [1_000, 10_000, 100_000].into_iter().filter(|size| *size <= most);
    let runs = sizes.map(broadcast).collect::<Outcome<Vec<_>>>()?;
    println!(
        "{}",
        json!({ "benchmark": "broadcast", "batch_size": run::BATCH_SIZE, "runs": runs })
    );
    Ok(())
}
