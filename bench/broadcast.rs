//! Measures the cost of a broadcast on one core: the real flow over SQLite, in a file. Run it with
//! `make bench-broadcast`; the last line is its report, as one JSON object. It delivers nothing.
//! `PEOPLE_MAX=1000` makes it short.

use dripline::domain::base::primitives::{Ids, Millis, QualifiedId};
use dripline::domain::campaign::Compiled;
use dripline::domain::campaign::broadcast::BroadcastVerb;
use dripline::domain::campaign_file;
use dripline::domain::template::TemplateSource;
use dripline::flows::broadcast::{control, run};
use dripline::flows::campaign::publish;
use dripline::flows::ports::{Database, DatabaseError};
use dripline::flows::tasks::Work;
use dripline::native::clock::Stopwatch;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use dripline::store::statement::{Rows, Statement, Value as Bound};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::error::Error;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Monday, 2 March 2026, 09:00 UTC.
const START: Millis = Millis(1_772_442_000_000);

const CAMPAIGN: &str = r#"
    [campaign]
    id = "c"
    name = "Bench"
    time_zone = "Europe/London"
    currency = "GBP"
    owner = "owner@house.example"
    postal_address = "1 Test Road"
    goal = { event = "order.completed", within = "30d" }
    [segment.readers]
    rule = { consent = "news", channel = "email" }
    [broadcast.news]
    segment = "readers"
    send = "emails/news"
    purpose = "news"
"#;

/// A database that counts statements, round trips and the largest batch.
struct Counted {
    db: Sqlite,
    statements: Cell<u64>,
    batches: Cell<u64>,
    bytes_max: Cell<usize>,
}

impl Database for Counted {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        self.statements.set(self.statements.get() + statements.len() as u64);
        self.batches.set(self.batches.get() + 1);
        let texts = statements.iter().flat_map(|statement| &statement.params);
        let bytes = texts.map(|value| if let Bound::Text(text) = value { text.len() } else { 8 });
        self.bytes_max.set(self.bytes_max.get().max(bytes.sum()));
        self.db.batch(statements).await
    }
}

/// Inserts the given number of contacts with consent, each with the event of its number.
const CONTACTS: [&str; 2] = [
    "INSERT INTO contacts (id, seq, email, attributes, tags, score, consents, touches, created_at,
                           updated_at)
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     SELECT printf('%08x-0000-7000-8000-000000000000', i), 1, 'p' || i || '@example.com',
            '{\"first_name\":\"Ann\"}', '[]', 0,
            '[{\"channel\":\"email\",\"purpose\":\"news\",\"state\":\"granted\",
               \"double_opt_in\":false,\"form\":null,\"at\":0}]', '[]', 0, 0 FROM n",
    "INSERT INTO events (contact_id, seq, at, name, properties)
     SELECT id, 1, 0, 'joined', '{}' FROM contacts WHERE ?1 > 0",
];

/// Measures a broadcast to this many contacts.
fn broadcast(people: usize) -> Outcome<Value> {
    let file = env::temp_dir().join(format!("dripline-bench-{}.sqlite", std::process::id()));
    let _ = fs::remove_file(&file);
    let campaign =
        campaign_file::read("c.toml", CAMPAIGN).map_err(|problems| format!("{problems:?}"))?;
    let news = TemplateSource::Email {
        subject: "News".to_owned(),
        preheader: String::new(),
        html: "<a href=\"{{unsubscribe_url}}\">Stop</a>".to_owned(),
        text: "{{unsubscribe_url}}".to_owned(),
    };
    let templates = BTreeMap::from([("emails/news".to_owned(), news)]);
    let db = Counted {
        db: Sqlite::create(&file)?,
        statements: Cell::default(),
        batches: Cell::default(),
        bytes_max: Cell::default(),
    };
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    for sql in CONTACTS {
        let statement = Statement::new(sql, vec![Bound::Int(people as i64)]);
        block_on(db.batch(vec![statement])).map_err(|error| failed(&error))?;
    }
    block_on(publish::publish(&db, Compiled { campaign, templates }, START))
        .map_err(|why| format!("{why:?}"))?;
    let catalog = block_on(publish::live(&db)).map_err(|error| failed(&error))?;
    let id = QualifiedId::from("c.news");
    let watch = Stopwatch::start();
    let preview = block_on(control::preview(&db, &id, START));
    let preview = preview.map_err(|why| format!("{why:?}"))?;
    let preview_seconds = watch.elapsed().as_secs_f64();
    block_on(control::steer(&db, &id, BroadcastVerb::Start, START))
        .map_err(|why| format!("{why:?}"))?;
    db.statements.set(0);
    db.batches.set(0);
    db.bytes_max.set(0);
    let (watch, mut ids, mut tasks, mut messages) =
        (Stopwatch::start(), Ids::new(START, 1), 0_u64, 0_usize);
    loop {
        let work = block_on(run::run(&db, &catalog, &id, START, &mut ids))
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
        "round_trips_per_recipient": each(db.batches.get()),
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
    println!("{}", json!({ "benchmark": "broadcast", "bite": run::BITE, "runs": runs }));
    Ok(())
}
