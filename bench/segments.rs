//! Measures the speed of rules: evaluating one contact, and backfilling a segment. The last line is
//! the report.
//!
//! Run it with `make bench-segments`; `CONTACTS=100000 make bench-segments` uses a smaller
//! database.

#[path = "../tests/native/support/fixtures.rs"]
#[allow(dead_code, reason = "shared with the tests and the other benchmarks")]
mod fixtures;

use dripline::domain::base::primitives::{Ids, Millis, RecordId, Span};
use dripline::domain::campaign::Compiled;
use dripline::domain::campaign::Segment;
use dripline::domain::campaign_file;
use dripline::domain::contact::Contact;
use dripline::domain::engine::RecordInput;
use dripline::domain::engine::{DecisionInput, Input, decide};
use dripline::domain::publication::catalog::{Catalog, PublishedVersion};
use dripline::domain::record::event::Event;
use dripline::flows::campaign::backfill;
use dripline::flows::ports::Database;
use dripline::flows::schedule::due;
use dripline::native::clock::Stopwatch;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use dripline::store::segments::{self, FILL_CONTACTS_PER_STEP, FillRow};
use dripline::store::statement::Statement;
use fixtures::{CAMPAIGN, MONDAY};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::rc::Rc;

const JOURNEY: &str = r#"
    [journey.j]
    enter = { event = "never" }
    [[journey.j.step]]
    id = "done"
    end = true
"#;

/// Ten conditions, including relative dates and event counts.
const RULE: &str = r#"{ all = [
    { event = "message.clicked", count = { gte = 1 }, within = "30d" },
    { event = "order.completed", sum = { property = "value", gte = 100 }, within = "180d" },
    { event = "order.completed", last = { in_last = "90d" } },
    { attribute = "renewal", in_next = "60d" },
    { attribute = "signed_up", in_last = "365d" },
    { any = [{ score = { gte = 3 } }, { attribute = "birthday", anniversary = 30 }] },
    { attribute = "country", in = ["GB", "IE"] },
    { attribute = "team_size", between = [10, 500] },
    { not = { tag = "closed" } },
] }"#;

/// Returns fifty segments of five shapes.
fn fifty() -> String {
    let shape = |n: usize| match n % 5 {
        0 => format!("{{ event = 'message.clicked', count = {{ gte = {n} }}, within = '{n}d' }}"),
        1 => format!("{{ attribute = 'renewal', in_next = '{n}d' }}"),
        2 => format!(
            "{{ all = [{{ score = {{ gte = {n} }} }}, {{ attribute = 'country', is = 'GB' }}] }}"
        ),
        3 => format!(
            "{{ event = 'order.completed', sum = {{ property = 'value', gte = {n} }}, \
               within = '90d' }}"
        ),
        _ => format!("{{ any = [{{ tag = 't{n}' }}, {{ segment = 's{}' }}] }}", n - 1),
    };
    (1..=50).map(|n| format!("[segment.s{n}]\nrule = {}\n", shape(n))).collect()
}

fn published(parts: &str) -> Result<Rc<PublishedVersion>, Box<dyn Error>> {
    let campaign = campaign_file::read("c.toml", &format!("{CAMPAIGN}{JOURNEY}\n{parts}"));
    let campaign = campaign.map_err(|problems| format!("{problems:?}"))?;
    let compiled = Compiled { campaign, templates: BTreeMap::new() };
    Ok(Rc::new(PublishedVersion::new(1, MONDAY, compiled)))
}

/// Returns a contact with 200 events in the last hundred days.
fn busy_contact() -> Contact {
    let mut contact = Contact::unknown(RecordId::from("0198"), MONDAY);
    contact.attributes.insert("country".to_owned(), json!("GB"));
    contact.attributes.insert("renewal".to_owned(), json!("2026-03-20"));
    contact.time_zone = Some("America/New_York".to_owned());
    contact.score = 30;
    contact.history = (0..200)
        .map(|n| Event {
            seq: n + 1,
            at: MONDAY.minus(Span::hours((200 - n) * 12)),
            name: ["message.clicked", "order.completed", "message.opened"][n as usize % 3].into(),
            campaign: None,
            properties: json!({ "value_minor": n % 50 * 100, "currency": "GBP",
                                "url": "https://x.example/" })
            .as_object()
            .cloned()
            .unwrap_or_default(),
        })
        .collect();
    contact.seq = 200;
    contact
}

/// Measures, in microseconds, the evaluation of the fifty segments and a whole decision with them.
fn judging() -> Result<(f64, f64), Box<dyn Error>> {
    const ROUNDS: u32 = 5_000;
    let version = published(&fifty())?;
    let contact = busy_contact();
    let judge = |contact: &Contact| -> usize {
        version
            .segments_of(&contact.kind)
            .filter(|(_, rule)| rule.evaluate(contact, MONDAY).holds)
            .count()
    };
    let watch = Stopwatch::start();
    let held: usize = (0..ROUNDS).map(|_| judge(std::hint::black_box(&contact))).sum();
    let judged = watch.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS);
    assert!(held > 0, "some segment holds");

    let catalog = Catalog::new([version.clone()]);
    let mut ids = Ids::new(MONDAY, 1);
    let input =
        DecisionInput { inputs: vec![Input::Record(RecordInput::TimePassed)], ..<_>::default() };
    let settled = decide(&catalog, contact, input.clone(), MONDAY, &mut ids);
    let settled = settled.map_err(|endless| endless.to_string())?.subject;
    let copies: Vec<Contact> = vec![settled; ROUNDS as usize];
    let watch = Stopwatch::start();
    for contact in copies {
        let decision = decide(&catalog, contact, input.clone(), MONDAY, &mut ids);
        assert!(std::hint::black_box(decision).is_ok_and(|decision| decision.is_idle()));
    }
    Ok((judged, watch.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)))
}

fn run(db: &Sqlite, sql: String) -> Result<Vec<Value>, Box<dyn Error>> {
    let statement = Statement { sql: sql.into(), params: Vec::new() };
    let rows = block_on(db.batch(vec![statement])).map_err(|error| format!("{error:?}"))?;
    Ok(rows[0].all()?)
}

fn number(db: &Sqlite, sql: &str) -> Result<u64, Box<dyn Error>> {
    let rows = run(db, format!("SELECT ({sql}) AS n"))?;
    Ok(rows[0]["n"].as_u64().unwrap_or_default())
}

/// Inserts contacts. Every tenth one is in the segment; of the others, each tenth fails a different
/// condition.
fn populate(db: &Sqlite, contacts: u64) -> Result<(), Box<dyn Error>> {
    run(
        db,
        format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {contacts})
         INSERT INTO contacts (id, seq, email, attributes, tags, score, time_zone, consents,
                               touches, created_at, updated_at)
         SELECT printf('0198%04x-%04x-7000-8000-%012x', i / 65536, i % 65536, i), 4, 'p' || i || '@x.example',
                json_object('country', iif(i % 10 = 1, 'FR', 'GB'),
                            'team_size', iif(i % 10 = 2, 5, 50),
                            'renewal', iif(i % 10 = 3, '2027-01-05', '2026-04-0' || (i % 9 + 1)),
                            'signed_up', iif(i % 10 = 4, '2024-01-01', '2025-06-01T08:00:00Z'),
                            'birthday', '1990-' || iif(i % 10 = 5, '09-', '03-') || '15'),
                iif(i % 10 = 9, '[\"closed\"]', '[]'), iif(i % 10 = 5, 0, i % 7),
                CASE i % 4 WHEN 0 THEN 'Asia/Shanghai' WHEN 1 THEN 'America/New_York' END,
                '[]', '[]', 0, 0 FROM n"
        ),
    )?;
    run(
        db,
        format!(
            "INSERT INTO events (contact_id, seq, at, name, properties)
         SELECT n.id, k.value, {} - 86400000 * CASE k.value WHEN 1 THEN 5
                    WHEN 2 THEN iif(i % 10 = 8, 100, 20) WHEN 3 THEN 110 ELSE 1 END,
                CASE k.value WHEN 1 THEN iif(i % 10 = 6, 'seen', 'message.clicked')
                    WHEN 4 THEN 'seen' ELSE 'order.completed' END,
                json_object('value_minor', iif(i % 10 = 7, 1000, 6050), 'currency', 'GBP')
           FROM (SELECT id, CAST(substr(email, 2) AS INTEGER) AS i FROM contacts ORDER BY id) n,
                json_each('[1, 2, 3, 4]') k",
            MONDAY.0
        ),
    )?;
    Ok(())
}

/// The cost of a backfill.
struct Filled {
    /// Seconds of SQL in the first pass, which looks at every contact.
    first_wave: f64,
    /// Seconds of SQL in the second pass, which rechecks contacts that a concurrent change may have
    /// overtaken.
    second_wave: f64,
    /// Seconds of the longest step.
    longest_step: f64,
    /// Seconds of the decisions on the contacts that enter the segment.
    decisions: f64,
    members: u64,
}

/// Runs all steps of the backfills that are due. Returns the seconds in total and of the longest
/// step.
fn wave(db: &Sqlite, segment: &Segment, now: Millis) -> Result<(f64, f64), Box<dyn Error>> {
    let (mut sql, mut longest_step) = (0.0_f64, 0.0_f64);
    loop {
        let rows = block_on(db.batch(vec![segments::fills(now)])).map_err(|e| format!("{e:?}"))?;
        let Some(fill) = rows[0].first::<FillRow>()? else { return Ok((sql, longest_step)) };
        let watch = Stopwatch::start();
        let written = backfill::pass_window(fill.wave, fill.not_before);
        let step = segments::fill_step(&fill, segment, &written, now, due::DUE_PER_TICK_MAX);
        block_on(db.batch(step.to_vec())).map_err(|error| format!("{error:?}"))?;
        let took = watch.elapsed().as_secs_f64();
        (sql, longest_step) = (sql + took, longest_step.max(took));
    }
}

fn fill(contacts: u64) -> Result<Filled, Box<dyn Error>> {
    let parts = format!("[segment.big]\nrule = {RULE}\n");
    let catalog = Catalog::new([published(&parts)?]);
    let version = published(&parts)?;
    let segment = &version.compiled.campaign.segments["big"];
    let db = Sqlite::in_memory()?;
    populate(&db, contacts)?;
    let [first, second] = backfill::passes(MONDAY);
    block_on(db.batch(vec![segments::begin_fills(&["c.big".into()], [first, second])]))
        .map_err(|error| format!("{error:?}"))?;
    let (first_wave, longest_first) = wave(&db, segment, first)?;
    let woken = run(&db, format!("SELECT id FROM contacts WHERE wake_at <= {}", first.0))?;
    let woken: Vec<RecordId> =
        woken.iter().filter_map(|row| row["id"].as_str().map(RecordId::from)).collect();
    let mut ids = Ids::new(first, 1);
    let watch = Stopwatch::start();
    for batch in woken.chunks(100) {
        block_on(due::run(&db, &catalog, batch.to_vec(), first, &mut ids))
            .map_err(|error| format!("{error:?}"))?;
    }
    let decisions = watch.elapsed().as_secs_f64();
    let members = number(&db, "SELECT count(*) FROM segment_members")?;
    let asleep = "SELECT count(*) FROM contacts WHERE wake_at IS NOT NULL AND seq > 4";
    assert_eq!(members, number(&db, asleep)?);
    let (second_wave, longest_second) = wave(&db, segment, second)?;
    assert_eq!(number(&db, &format!("{asleep} AND wake_at > {}", second.0))?, members);
    let longest_step = longest_first.max(longest_second);
    Ok(Filled { first_wave, second_wave, longest_step, decisions, members })
}

fn main() -> Result<(), Box<dyn Error>> {
    let contacts: u64 = match std::env::var("CONTACTS") {
        Ok(text) => text.parse()?,
        Err(_) => 1_000_000,
    };
    let (judged, decided) = judging()?;
    println!("50 segments, one contact of 200 events: {judged:.0} µs; a decision: {decided:.0} µs");
    let filled = fill(contacts)?;
    let Filled { first_wave, second_wave, longest_step, decisions, members } = filled;
    println!(
        "{contacts} contacts looked at in {first_wave:.1} s, {members} decided on in \
         {decisions:.1} s, a second look in {second_wave:.1} s"
    );
    let round = |number: f64| (number * 1e3).round() / 1e3;
    let report = json!({
        "judge_50_segments_us": round(judged), "decision_50_segments_us": round(decided),
        "contacts": contacts, "members": members, "contacts_per_step": FILL_CONTACTS_PER_STEP,
        "fill_seconds": round(first_wave + second_wave), "first_wave_seconds": round(first_wave),
        "second_wave_seconds": round(second_wave), "longest_step_ms": round(longest_step * 1e3),
        "decide_seconds": round(decisions),
    });
    println!("{report}");
    Ok(())
}
