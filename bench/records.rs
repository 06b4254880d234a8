//! Measures what people do with records when there are many: pages of lists, filters, searches, one
//! record, one edit. The last line is the report.
//!
//! Run it with `make bench-records`; `CONTACTS=50000 make bench-records` uses a smaller database.

#[path = "../tests/native/support/fixtures.rs"]
#[allow(dead_code, reason = "shared with the tests and the other benchmarks")]
mod fixtures;

use dripline::domain::access::built_in;
use dripline::domain::access::rights::{Access, Owners};
use dripline::domain::access::role::{Action, FieldAccess, Grant, Reach, Role};
use dripline::domain::base::primitives::{Actor, Ids, KindId, Millis, RecordId};
use dripline::domain::campaign_file::filter;
use dripline::domain::field::Field;
use dripline::domain::kind::{Kind, Kinds, built_in as built_in_kinds};
use dripline::domain::publication::catalog::Catalog;
use dripline::domain::segment::Rule;
use dripline::flows::ports::Database;
use dripline::flows::record::edit::{Asked as AskedEdit, Editor};
use dripline::flows::record::kinds;
use dripline::flows::record::read::Reader;
use dripline::flows::record::search::{Asked, fill_step, find};
use dripline::native::clock::Stopwatch;
use dripline::native::sqlite::Sqlite;
use dripline::native::world::block_on;
use dripline::store::segments::{self, FillRow};
use dripline::store::statement::Statement;
use fixtures::{Counted, MONDAY};
use serde_json::{Value, json};
use std::error::Error;
use std::rc::Rc;

/// How often each operation is repeated, with other records each time.
const TIMES: u64 = 200;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn run(db: &Sqlite, sql: &str) -> Result<Vec<Value>> {
    let statement = Statement { sql: sql.to_owned().into(), params: Vec::new() };
    let rows = block_on(db.batch(vec![statement])).map_err(|error| format!("{error:?}"))?;
    Ok(rows[0].all()?)
}

fn number(db: &Sqlite, sql: &str) -> Result<u64> {
    Ok(run(db, &format!("SELECT ({sql}) AS n"))?[0]["n"].as_u64().unwrap_or_default())
}

/// Inserts contacts, a third of them with Chinese names and a third with one of a few domains, and a
/// company for each five.
fn populate(db: &Sqlite, contacts: u64) -> Result<()> {
    let pick = |list: &str, by: &str| {
        let count = list.split(' ').count();
        let list: Vec<&str> = list.split(' ').collect();
        format!("json_extract('{}', '$[' || (({by}) % {count}) || ']')", json!(list))
    };
    let latin = "Ann Anna Peter Maria Lukas Emma Olga Nikolai Zoe Marie Paul Clara Hugo Ivan Nora \
                 Tim Petra Jonas Lea Max";
    let chinese =
        "小明 丽华 建国 志强 秀英 伟 芳 娜 静 敏 文博 思远 雨桐 子涵 浩然 欣怡 梓萱 俊杰 佳琪 明";
    let families = "Schmidt Weber Larsson Rossi Novak Silva Dubois Kowalski Jensen Petrov Müller";
    let surnames = "王 李 张 刘 陈 杨 黄 赵 吴 周 欧阳";
    let cities = "Bonn Berlin Hangzhou Lyon Oslo Porto Turin Vienna Zurich Ghent";
    let domains = "gmail.com qq.com 163.com outlook.com";
    let is_chinese = "i % 3 = 0";
    let mixed = "(i * 7919 + i / 1000)";
    run(
        db,
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {contacts})
             INSERT INTO contacts (id, seq, email, phone, attributes, tags, score, consents, touches,
                                   owner, created_at, updated_at)
             SELECT printf('0198%04x-%04x-7000-8000-%012x', i / 65536, i % 65536, i), 1,
                    'p' || i || '@' || iif(i % 3 = 1, {}, 'firm' || (i / 5) || '.example'),
                    '+49151' || (10000000 + i),
                    json_object('first_name', iif({is_chinese}, {}, {}),
                                'last_name', iif({is_chinese}, {}, {}),
                                'company', 'Firm ' || (i / 5), 'city', {}),
                    '[]', i % 7, '[]', '[]', iif(i % 2000 = 9, 'm1', iif(i % 4 = 0, 'm2', NULL)),
                    0, 0 FROM n",
            pick(domains, mixed),
            pick(chinese, mixed),
            pick(latin, mixed),
            pick(surnames, "i / 20"),
            pick(families, "i / 20"),
            pick(cities, "i / 3"),
        ),
    )?;
    run(
        db,
        &format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})
             INSERT INTO contacts (id, kind, seq, title, attributes, tags, score, consents, touches,
                                   created_at, updated_at)
             SELECT printf('0199%04x-%04x-7000-8000-%012x', i / 65536, i % 65536, i), 'company', 1,
                    'Firm ' || i, json_object('name', iif({is_chinese}, '云栖科技' || i || '有限公司',
                    'Firm ' || i || ' GmbH'), 'industry', {}), '[]', 0, '[]', '[]', 0, 0 FROM n",
            contacts / 5,
            pick("optics sensors textiles food", mixed),
        ),
    )?;
    let log = "INSERT INTO events (contact_id, seq, at, name, properties)
               SELECT id, 1, 0, 'joined', '{}' FROM contacts";
    run(db, log)?;
    Ok(())
}

/// Publishes contacts and companies as kinds that are searched. Returns the catalog.
fn publish(db: &Sqlite) -> Result<Catalog> {
    let text = |name: &str| -> Result<Field> {
        Ok(serde_json::from_value(json!({ "name": name, "kind": "text", "indexed": true }))?)
    };
    let [mut contact, mut company] = built_in_kinds().map(|kind| Kind { search: true, ..kind });
    contact.fields.push(text("city")?);
    company.fields.retain(|field| field.name != "industry");
    company.fields.push(text("industry")?);
    for kind in [&contact, &company] {
        block_on(kinds::publish(db, kind, MONDAY)).map_err(|error| format!("{error:?}"))?;
    }
    for (kind, field) in [("contact", "city"), ("company", "industry")] {
        run(
            db,
            &format!(
                "INSERT INTO field_index (kind, field, value, record_id)
                 SELECT kind, '{field}', attributes ->> '{field}', id FROM contacts
                  WHERE kind = '{kind}'"
            ),
        )?;
    }
    run(db, "DELETE FROM segment_fills WHERE segment_id LIKE 'kind:%' OR wave = 2")?;
    Ok(Catalog::default().with_kinds(Kinds::new([contact, company].map(Rc::new))))
}

/// Fills in the words of all records, as ticks do. Returns the seconds in all, and of the longest
/// step.
fn fill(db: &Sqlite) -> Result<(f64, f64)> {
    let (mut all, mut longest) = (0.0_f64, 0.0_f64);
    loop {
        let fills = segments::fills(Millis(i64::MAX >> 11));
        let rows = block_on(db.batch(vec![fills])).map_err(|error| format!("{error:?}"))?;
        let Some(fill) = rows[0].first::<FillRow>()? else { return Ok((all, longest)) };
        let kind = KindId::from(fill.segment_id.as_str().trim_start_matches("words:"));
        let watch = Stopwatch::start();
        block_on(fill_step(db, &kind, &fill)).map_err(|error| format!("{error:?}"))?;
        let took = watch.elapsed().as_secs_f64();
        (all, longest) = (all + took, longest.max(took));
    }
}

/// The measurements so far.
struct Bench<'a> {
    db: &'a Sqlite,
    catalog: &'a Catalog,
    contacts: u64,
    report: serde_json::Map<String, Value>,
}

impl Bench<'_> {
    /// Runs an operation `TIMES` times, and prints what one costs. It returns the number of records
    /// that it found.
    fn measure(
        &mut self,
        name: &str,
        operation: impl AsyncFn(&Counted<&Sqlite>, u64) -> Result<usize>,
    ) -> Result<()> {
        let changes = || number(self.db, "SELECT total_changes()");
        let (counted, before, steps) = (Counted::new(self.db), changes()?, self.db.steps());
        let (mut times, mut found) = (Vec::new(), 0);
        for n in 0..TIMES {
            let watch = Stopwatch::start();
            found += block_on(operation(&counted, n))?;
            times.push(watch.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((TIMES - 1) as f64 * share) as usize];
        let each = |count: u64| count as f64 / TIMES as f64;
        let row = [
            at(0.5),
            at(0.99),
            each(counted.round_trips.get()),
            each(counted.statements.get()),
            each(self.db.steps() - steps),
            each(changes()? - before),
            each(found as u64),
        ];
        let [p50, p99, trips, statements, steps, written, found] = row;
        println!(
            "{name:44} {p50:8.2} {p99:8.2} {trips:6.1} {statements:6.1} {steps:10.0} \
             {written:7.1} {found:6.1}"
        );
        self.report.insert(name.to_owned(), json!({ "p50_ms": p50, "p99_ms": p99 }));
        Ok(())
    }

    /// The id of some contact.
    fn contact(&self, n: u64) -> RecordId {
        let i = (n * 104_729 + 17) % self.contacts + 1;
        RecordId(format!("0198{:04x}-{:04x}-7000-8000-{i:012x}", i / 65_536, i % 65_536))
    }

    /// Measures pages of a list as a member with these roles sees them.
    fn list_as(
        &mut self,
        access: &Access,
        name: &str,
        kind: &str,
        rule: Value,
        from: bool,
    ) -> Result<()> {
        let kind = KindId::from(kind);
        let rule = match rule.is_null() {
            true => Rule::All(Vec::new()),
            false => filter(&kind, &rule).map_err(|problems| format!("{problems:?}"))?,
        };
        let (catalog, contacts) = (self.catalog, self.contacts);
        let at = Bench { db: self.db, catalog, contacts, report: <_>::default() };
        self.measure(name, async |db, n| {
            let before = from.then(|| at.contact(n));
            let reader = Reader { db, catalog, access, now: MONDAY };
            let page = reader.list(&kind, &rule, before.as_ref(), 50).await;
            Ok(page.map_err(|error| format!("{error:?}"))?.records.len())
        })
    }

    fn list(&mut self, name: &str, kind: &str, rule: Value, from: bool) -> Result<()> {
        self.list_as(&Access::configured("bench"), name, kind, rule, from)
    }

    fn search(&mut self, name: &str, access: &Access, words: impl Fn(u64) -> String) -> Result<()> {
        let catalog = self.catalog;
        self.measure(name, async |db, n| {
            let asked = Asked { words: words(n), limit: 20, ..<_>::default() };
            let found = find(db, catalog, access, &asked, MONDAY).await;
            Ok(found.map_err(|error| format!("{error:?}"))?.found.len())
        })
    }

    fn record(&mut self) -> Result<()> {
        let (catalog, contacts) = (self.catalog, self.contacts);
        let at = Bench { db: self.db, catalog, contacts, report: <_>::default() };
        let (kind, access) = (KindId::contact(), Access::configured("bench"));
        self.measure("one record with its log", async |db, n| {
            let reader = Reader { db, catalog, access: &access, now: MONDAY };
            let found = reader.one(&kind, &at.contact(n)).await;
            found.map(|_| 1).map_err(|error| format!("{error:?}").into())
        })?;
        self.measure("an edit of a searched field", async |db, n| {
            let fields = json!({ "last_name": format!("Larkspan {n}") });
            let fields = fields.as_object().cloned().unwrap_or_default();
            let asked = AskedEdit { fields, ..<_>::default() };
            let editor = Editor { db, catalog, access: &access, seal_key: None, now: MONDAY };
            let mut ids = Ids::new(MONDAY, n);
            let done = editor.edit(&kind, &at.contact(n), asked, &mut ids).await;
            done.map(|_| 1).map_err(|_| "the edit is refused".into())
        })
    }
}

fn member(scope: Reach) -> Access {
    let grants = vec![Grant { kinds: None, actions: vec![Action::See], scope }];
    let (id, name) = ("own".to_owned(), "Own".to_owned());
    let role = Role { id, name, grants, fields: Vec::new(), personal: FieldAccess::Full };
    Access::new(Actor::from("member:m1"), Some("m1".into()), vec![role], Owners::default())
}

fn searches(bench: &mut Bench<'_>) -> Result<()> {
    let owner = Access::configured("bench");
    let (own, contacts) = (member(Reach::Own), bench.contacts);
    let fixed = |words: &str| {
        let words = words.to_owned();
        move |_| words.clone()
    };
    bench.search("search: one address", &owner, |n| format!("p{}@", n * 104_729 % contacts))?;
    bench.search("search: a rare word", &owner, |n| format!("{}", n * 7_919 % (contacts / 5)))?;
    bench.search("search: a common word", &owner, fixed("gmail.com"))?;
    bench.search("search: a common beginning", &owner, fixed("firm"))?;
    bench.search("search: two common words", &owner, fixed("anna schmidt"))?;
    bench.search("search: common words that do not meet", &owner, fixed("gmail.com firm 小明"))?;
    bench.search("search: a Chinese name", &owner, fixed("欧阳志强"))?;
    bench.search("search: a Chinese surname", &owner, fixed("王"))?;
    bench.search("search: last digits of a phone number", &owner, |n| format!("{:04}", n * 37))?;
    bench.search("search: nothing", &owner, fixed("larkspar"))?;
    bench.search("search in own records: a rare word", &own, |n| format!("p{}", n * 7_919))?;
    bench.search("search in own records: a common word", &own, fixed("gmail.com"))?;
    bench.search("search in own records: a beginning", &own, fixed("p"))?;
    let masked = vec![built_in::role("read-only").ok_or("there is such a role")?];
    let masked = Access::new(Actor::from("x"), Some("m3".into()), masked, Owners::default());
    bench.search("search with masks: a name", &masked, fixed("anna"))
}

fn main() -> Result<()> {
    let contacts: u64 = match std::env::var("CONTACTS") {
        Ok(text) => text.parse()?,
        Err(_) => 1_000_000,
    };
    let db = Sqlite::in_memory()?;
    populate(&db, contacts)?;
    let catalog = publish(&db)?;
    let (filled, longest) = fill(&db)?;
    let [words, pages] = ["SELECT count(*) FROM words", "SELECT page_count FROM pragma_page_count"];
    let (words, megabytes) = (number(&db, words)?, number(&db, pages)? * 4096 / 1_000_000);
    println!(
        "{contacts} contacts, {} companies, {words} words filled in in {filled:.0} s, the longest \
         step {:.0} ms; {megabytes} MB",
        contacts / 5,
        longest * 1e3
    );
    println!(
        "{:44} {:>8} {:>8} {:>6} {:>6} {:>10} {:>7} {:>6}",
        "", "p50 ms", "p99 ms", "trips", "stmts", "steps", "written", "found"
    );
    let report = serde_json::Map::new();
    let mut bench = Bench { db: &db, catalog: &catalog, contacts, report };
    let bonn = json!({ "attribute": "city", "is": "Bonn" });
    let optics = json!({ "attribute": "industry", "is": "optics" });
    let score = json!({ "score": { "gte": 6 } });
    bench.list("list of contacts: the first page", "contact", Value::Null, false)?;
    bench.list("list of contacts: a page in the middle", "contact", Value::Null, true)?;
    let own = member(Reach::Own);
    bench.list_as(&own, "list of one's own contacts", "contact", Value::Null, false)?;
    bench.list_as(&own, "list of one's own by a rule", "contact", score.clone(), false)?;
    bench.list("list of companies: the first page", "company", Value::Null, false)?;
    bench.list("list by an indexed field: contacts", "contact", bonn, true)?;
    bench.list("list by an indexed field: companies", "company", optics, false)?;
    bench.list("list by a rule without an index", "contact", score, true)?;
    searches(&mut bench)?;
    bench.record()?;
    let mut report = Value::Object(bench.report);
    report["fill_seconds"] = json!(filled);
    report["longest_fill_step_ms"] = json!(longest * 1e3);
    report["contacts"] = json!(contacts);
    println!("{report}");
    Ok(())
}
