//! Measures the cost of sending a thousand mails: statements, round trips, provider calls and CPU,
//! both one mail and a hundred mails per call. It uses the real flows over SQLite, the mail of a
//! sample campaign, and a provider that accepts everything at once. Run it with `make bench-send`;
//! the last line is its report, as one JSON object.

#[path = "../tests/native/support/fixtures.rs"]
#[allow(dead_code, reason = "shared with the tests and the other benchmarks")]
mod fixtures;

use dripline::domain::base::primitives::{Ids, MessageId, Span};
use dripline::domain::pacing::Rate;
use dripline::flows::ingest::form;
use dripline::flows::ingest::form::Checked;
use dripline::flows::ports::Http;
use dripline::flows::send;
use dripline::flows::tasks::{MESSAGES_PER_TASK_MAX, Work};
use dripline::native::clock::Stopwatch;
use dripline::native::project;
use dripline::native::world::{World, block_on};
use dripline::providers::http::{HttpError, HttpRequest, HttpResponse};
use dripline::providers::{Provider, resend};
use fixtures::{Counted, MONDAY};
use serde_json::{Value, json};
use std::cell::Cell;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A fake of Resend that accepts everything at once and counts.
#[derive(Default)]
struct Taking {
    calls: Cell<u64>,
    mails: Cell<u64>,
    bytes: Cell<u64>,
}

impl Http for Taking {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.calls.set(self.calls.get() + 1);
        self.bytes.set(self.bytes.get() + request.body.len() as u64);
        // Each mail has one tag with its id.
        let mails = request.body.matches("\"dripline_message\"").count();
        self.mails.set(self.mails.get() + mails as u64);
        let body = match request.url.ends_with("/batch") {
            true => json!({ "data": vec![json!({ "id": "re-1" }); mails] }),
            false => json!({ "id": "re-1" }),
        };
        Ok(HttpResponse { status: 200, headers: Vec::new(), body: body.to_string() })
    }
}

/// Returns a world in which this many contacts wait for their first mail.
fn waiting(people: u64) -> Outcome<(World, Vec<MessageId>)> {
    let samples = project::load(Path::new(env!("CARGO_MANIFEST_DIR")));
    let samples = samples.map_err(|error| format!("{error:?}"))?;
    let samples = samples.into_iter().filter(|one| one.campaign.id.0 == "spring-webinar");
    let mut world = World::new(MONDAY, 1, samples.collect())?;
    world.settings.providers.email =
        vec![Provider::Resend(resend::Account { api_key: "re_1".to_owned() })];
    // The provider's own rate limit is not being measured.
    let rate = Rate { calls: 1_000_000, per: Span::seconds(1) };
    world.settings.pacing.rates.insert("resend".to_owned(), rate);
    let mut messages = Vec::new();
    for number in 0..people {
        let email = format!("p{number}@example.com");
        let fields = [
            ("email", email.as_str()),
            ("first_name", "Ann"),
            ("role", "engineer"),
            ("consent", "on"),
        ];
        let (form_id, answer) = world.fill_in("/webinar", "", &fields).ok_or("no form")?;
        let (version, form) = world.catalog.form(&form_id).ok_or("no form")?;
        let now = world.now().plus(Span::seconds(10));
        let checked = form::check(version, &form_id, form, &answer, "o", &world.settings, now);
        let Checked::Good(submitted) = checked else { Err(format!("{checked:?}"))? };
        let ids = &mut Ids::new(MONDAY, number + 2);
        let (db, keys) = (&world.db, &world.settings.keys);
        let post = form::submit(db, &world.catalog, keys, *submitted, MONDAY, ids);
        for work in block_on(post).map_err(|error| error.to_string())? {
            let Work::DeliverV1 { messages: queued } = work else { continue };
            messages.extend(queued);
        }
    }
    Ok((world, messages))
}

/// Returns the CPU time of this process, in nanoseconds.
fn processor_time() -> Outcome<f64> {
    let text = fs::read_to_string("/proc/self/schedstat")?;
    Ok(text.split_whitespace().next().unwrap_or("0").parse()?)
}

/// Sends to all contacts, `batch_max` per call, and returns the costs per thousand.
fn costs(people: u64, batch_max: usize) -> Outcome<Value> {
    let (mut world, messages) = waiting(people)?;
    world.settings.providers.batch_max = batch_max;
    let db = Counted::new(&world.db);
    let (http, ids) = (Taking::default(), &mut Ids::new(MONDAY, 1));
    let (watch, before) = (Stopwatch::start(), processor_time()?);
    for task in messages.chunks(MESSAGES_PER_TASK_MAX) {
        let (catalog, settings) = (&world.catalog, &world.settings);
        let task = send::deliver(&db, &http, catalog, settings, task.to_vec(), MONDAY, ids);
        block_on(task).map_err(|error| error.to_string())?;
    }
    let (cpu, seconds) = (processor_time()? - before, watch.elapsed().as_secs_f64());
    let sent = http.mails.get();
    if sent != messages.len() as u64 || sent == 0 {
        Err(format!("{sent} of {} messages were sent", messages.len()))?;
    }
    let per_thousand = |count: u64| count as f64 * 1_000.0 / sent as f64;
    Ok(json!({
        "batch": batch_max, "messages": sent,
        "statements_per_1000": per_thousand(db.statements.get()),
        "round_trips_per_1000": per_thousand(db.round_trips.get()),
        "provider_calls_per_1000": per_thousand(http.calls.get()),
        "cpu_ms_per_1000": (cpu / 1e6 * 1_000.0 / sent as f64).round(),
        "wall_ms_per_1000": (seconds * 1e6 / sent as f64).round(),
        "kb_per_mail": (http.bytes.get() as f64 / sent as f64 / 102.4).round() / 10.0,
    }))
}

fn main() -> Outcome<()> {
    let people = env::var("MESSAGES").ok().map_or(Ok(1_000), |text| text.parse())?;
    let single = costs(people, 1)?;
    eprintln!("one by one: {single}");
    let batch = costs(people, 100)?;
    eprintln!("a hundred a call: {batch}");
    println!("{}", json!({ "benchmark": "send", "sizes": [single, batch] }));
    Ok(())
}
