//! Companies and their people: positions by id, by domain and by a form, rules about companies,
//! hierarchies without circles, and one log.

use super::invariants::assert_sound;
use super::support::{agrees, campaign, history, join, number, rows, world};
use dripline::domain::access::built_in::role;
use dripline::domain::access::rights::{Access, Owners};
use dripline::domain::access::role::{Action, Grant, Reach, Role};
use dripline::domain::base::primitives::{Ids, KindId, RecordId, Span};
use dripline::domain::contact::position::POSITIONS_MAX;
use dripline::domain::engine::{Input, RecordInput};
use dripline::domain::kind::{COMPANY, built_in};
use dripline::domain::publication::validate::check;
use dripline::domain::record::edit::EditConflict;
use dripline::flows::commit::{Command, RecordRef, commit};
use dripline::flows::error::FlowError;
use dripline::flows::ports::{Database, DatabaseError};
use dripline::flows::record::companies::{self, AskedPosition, CompanyLog, PositionShown};
use dripline::flows::record::edit::{Asked, EditError, Editor};
use dripline::flows::record::kinds;
use dripline::flows::record::read::Reader;
use dripline::native::world::{World, block_on};
use dripline::store::statement::{Rows, Statement};
use serde_json::{Value, json};
use std::cell::RefCell;

pub const FORM: &str = r#"
    [page.p]
    path = "/p"
    template = "pages/p"
    title = "P"
    form = "f"
    [form.f]
    fields = [{ name = "email", type = "email" },
              { name = "firm", type = "text", company = "name" }]
    consent = { purpose = "news", channels = ["email"], text = "Write to me." }
"#;

pub const FOOD: &str = r#"
    [segment.food]
    rule = { company = { attribute = "industry", is = "食品" } }
    [segment.buyers]
    rule = { company = { attribute = "industry", is = "食品" }, role = "采购" }
    [segment.big]
    of = "company"
    rule = { attribute = "employees", gte = 100 }
    [segment.at-big]
    rule = { company = { segment = "big" } }
    [journey.follow-up]
    enter = { segment = "food" }
    [[journey.follow-up.step]]
    id = "mark"
    update = { add_tags = ["food"] }
"#;

/// A world in which the kind of companies is published.
pub fn with_companies(parts: &str) -> World {
    let mut world = world(parts);
    let [_, company] = built_in();
    block_on(kinds::publish(&world.db, &company, world.now())).unwrap();
    let all = block_on(kinds::all_kinds(&world.db)).unwrap();
    world.catalog = std::mem::take(&mut world.catalog).with_kinds(all);
    world
}

pub fn by() -> Access {
    Access::configured("t")
}

pub fn ids(world: &World) -> Ids {
    Ids::new(world.now(), number(&world.db, "SELECT count(*) FROM events") as u64 + 77)
}

fn asked(fields: Value) -> Asked {
    Asked { fields: fields.as_object().cloned().unwrap(), ..<_>::default() }
}

pub fn company(world: &World, fields: Value) -> RecordId {
    let (by, mut ids) = (by(), ids(world));
    let editor = Editor {
        db: &world.db,
        catalog: &world.catalog,
        access: &by,
        seal_key: None,
        now: world.now(),
    };
    let made = block_on(editor.create(&KindId::from(COMPANY), asked(fields), &mut ids));
    made.unwrap_or_else(|error| panic!("{error:?}")).record.id.clone()
}

pub fn edit(world: &World, id: &RecordId, fields: Value) -> Result<(), EditError> {
    edit_on(&world.db, world, id, fields)
}

fn edit_on<D: Database>(
    db: &D,
    world: &World,
    id: &RecordId,
    fields: Value,
) -> Result<(), EditError> {
    let (by, mut ids) = (by(), ids(world));
    let editor =
        Editor { db, catalog: &world.catalog, access: &by, seal_key: None, now: world.now() };
    block_on(editor.edit(&KindId::from(COMPANY), id, asked(fields), &mut ids)).map(drop)
}

pub fn erase(world: &World, id: &RecordId) {
    let (by, mut ids) = (by(), ids(world));
    let editor = Editor {
        db: &world.db,
        catalog: &world.catalog,
        access: &by,
        seal_key: None,
        now: world.now(),
    };
    block_on(editor.erase(&KindId::from(COMPANY), id, &mut ids)).unwrap();
}

pub fn put(world: &World, company: &RecordId, position: Value) -> Result<PositionShown, FlowError> {
    let asked: AskedPosition = serde_json::from_value(position).unwrap();
    let World { db, catalog, .. } = world;
    let (by, mut ids) = (by(), ids(world));
    let set = companies::set_position(db, catalog, company, asked, &by, world.now(), &mut ids);
    block_on(set).map(|(position, _)| position)
}

fn leave(world: &World, company: &RecordId, contact: &str) -> bool {
    let World { db, catalog, .. } = world;
    let (by, mut ids) = (by(), ids(world));
    let ended = companies::end_position(db, catalog, company, contact, &by, world.now(), &mut ids);
    block_on(ended).unwrap().0
}

/// The people of a company, by e-mail address, with role, stance, whether it is the main position,
/// and source.
pub fn people(world: &World, company: &RecordId) -> Vec<Value> {
    let sql = format!(
        "SELECT c.email, p.role, p.stance, p.is_main AS main, p.source FROM positions p
           JOIN contacts c ON c.id = p.contact_id WHERE p.company_id = '{company}' ORDER BY c.email"
    );
    rows(&world.db, &sql)
}

pub fn id_of(world: &World, email: &str) -> String {
    let found = rows(&world.db, &format!("SELECT id FROM contacts WHERE email = '{email}'"));
    found[0]["id"].as_str().unwrap().to_owned()
}

pub fn members(world: &World, segment: &str) -> Vec<String> {
    let sql = format!(
        "SELECT c.email FROM segment_members m JOIN contacts c ON c.id = m.contact_id
          WHERE m.segment_id = 'c.{segment}' ORDER BY 1"
    );
    let texts = rows(&world.db, &sql).into_iter();
    texts.map(|row| row["email"].as_str().unwrap_or_default().to_owned()).collect()
}

pub fn log_of(world: &World, company: &RecordId, after: Option<&str>, limit: usize) -> CompanyLog {
    let World { db, catalog, .. } = world;
    let reader = Reader { db, catalog, access: &by(), now: world.now() };
    block_on(companies::log(&reader, company, after, limit)).unwrap()
}

// --- By id ------------------------------------------------------------------------------------

#[test]
fn position_is_set_changed_and_ended_in_the_log_of_the_contact() {
    let mut world = with_companies(FORM);
    join(&mut world, "ann@example.com");
    let firm = company(&world, json!({ "name": "云雀科技" }));
    let ann = json!({ "contact": "ann@example.com", "role": " 采购经理 ", "stance": -1 });
    let set = put(&world, &firm, ann.clone()).unwrap();
    assert_eq!(
        (set.role.as_deref(), set.main),
        (Some("采购经理"), true),
        "the first is the main one"
    );
    put(&world, &firm, ann).unwrap();
    put(&world, &firm, json!({ "contact": "ann@example.com", "stance": 2, "role": null })).unwrap();
    let expected = json!({ "email": "ann@example.com", "role": null, "stance": 2, "main": 1,
                           "source": "token:t" });
    assert_eq!(people(&world, &firm), [expected]);
    let ann = id_of(&world, "ann@example.com");
    assert!(leave(&world, &firm, &ann));
    assert!(!leave(&world, &firm, &ann), "a second time there is none");
    let names = history(&world.db, "ann@example.com");
    let of_companies: Vec<_> = names.iter().filter(|name| name.starts_with("company.")).collect();
    assert_eq!(of_companies, ["company.joined", "company.changed", "company.left"]);
    assert_eq!(number(&world.db, "SELECT count(*) FROM positions"), 0);
    assert_sound(&world.db, None);
}

#[test]
fn one_position_is_the_main_one_and_there_are_at_most_twenty() {
    let mut world = with_companies(FORM);
    join(&mut world, "ann@example.com");
    let ask = |main: bool| json!({ "contact": "ann@example.com", "main": main });
    for n in 0..POSITIONS_MAX {
        let firm = company(&world, json!({ "name": format!("Firm {n}") }));
        put(&world, &firm, ask(n % 2 == 0)).unwrap();
    }
    let main = "SELECT count(*) FROM positions WHERE is_main = 1";
    assert_eq!(number(&world.db, main), 1);
    let firm = company(&world, json!({ "name": "One too many" }));
    let refused = put(&world, &firm, ask(true)).unwrap_err();
    assert!(format!("{refused:?}").contains("20 positions"), "{refused:?}");
    assert_eq!(number(&world.db, "SELECT count(*) FROM positions"), POSITIONS_MAX as i64);
    assert_sound(&world.db, None);
}

#[test]
fn position_needs_a_contact_a_company_and_a_role_of_one_line() {
    let mut world = with_companies(FORM);
    join(&mut world, "ann@example.com");
    let firm = company(&world, json!({ "name": "Larkspan" }));
    let refused = |company: &RecordId, position: Value| {
        let refused = put(&world, company, position.clone());
        assert!(
            matches!(refused, Err(FlowError::Rejected(_) | FlowError::NotFound(_))),
            "{position}: {refused:?}"
        );
    };
    refused(&firm, json!({ "contact": "nobody@example.com" }));
    refused(&firm, json!({ "contact": firm }));
    refused(&RecordId(id_of(&world, "ann@example.com")), json!({ "contact": "ann@example.com" }));
    refused(&RecordId::from("' OR 1=1 --"), json!({ "contact": "ann@example.com" }));
    for role in ["", " \u{3000} ", "a\nb", &"x".repeat(61), "\u{202e}abc"] {
        refused(&firm, json!({ "contact": "ann@example.com", "role": role }));
    }
    assert_eq!(number(&world.db, "SELECT count(*) FROM positions"), 0);
    for stance in [json!(3), json!(-3), json!(1.5), json!("2")] {
        let position = json!({ "contact": "a", "stance": stance });
        assert!(serde_json::from_value::<AskedPosition>(position).is_err(), "{stance}");
    }
}

// --- By domain --------------------------------------------------------------------------------

#[test]
fn address_in_the_domain_of_a_company_takes_a_position_there() {
    let mut world = with_companies(FORM);
    let firm = company(&world, json!({ "name": "Larkspan", "domain": "WWW.Larkspan.Example" }));
    company(&world, json!({ "name": "Everybody", "domain": "qq.com" }));
    for email in ["ann@larkspan.example", "wang@qq.com", "bob@other.example"] {
        join(&mut world, email);
    }
    let all = people(&world, &firm);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["email"], "ann@larkspan.example");
    assert_eq!((&all[0]["source"], &all[0]["main"]), (&json!("domain"), &json!(1)));
    assert_eq!(number(&world.db, "SELECT count(*) FROM positions"), 1, "nobody is at qq.com");
    let log = history(&world.db, "ann@larkspan.example");
    assert_eq!(log, ["form.submitted", "consent.granted", "company.joined"]);
    // Who has left does not come back by writing again.
    leave(&world, &firm, &id_of(&world, "ann@larkspan.example"));
    world.after(Span::hours(1)).unwrap();
    join(&mut world, "ann@larkspan.example");
    assert!(people(&world, &firm).is_empty());
    assert_sound(&world.db, None);
}

#[test]
fn known_contact_takes_the_position_with_its_next_input() {
    let mut world = with_companies(FORM);
    join(&mut world, "ann@larkspan.example");
    let firm = company(&world, json!({ "name": "Larkspan", "domain": "larkspan.example" }));
    assert!(people(&world, &firm).is_empty());
    world.after(Span::hours(1)).unwrap();
    join(&mut world, "ann@larkspan.example");
    assert_eq!(people(&world, &firm).len(), 1);
    // A domain in its own script is the same domain.
    let other = company(&world, json!({ "name": "例子", "domain": "例子.公司" }));
    join(&mut world, "李@例子.公司".replace('李', "li").as_str());
    assert_eq!(people(&world, &other).len(), 1);
}

#[test]
fn without_the_kind_a_form_asks_for_no_company_and_takes_no_position() {
    let mut world = world(super::support::FORM);
    company(&world, json!({ "name": "Larkspan", "domain": "larkspan.example" }));
    join(&mut world, "ann@larkspan.example");
    assert_eq!(number(&world.db, "SELECT count(*) FROM positions"), 0);
}

// --- By a form --------------------------------------------------------------------------------

fn names_firm<'a>(email: &'a str, firm: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut fields = agrees(email).to_vec();
    fields.push(("firm", firm));
    fields
}

#[test]
fn company_that_is_named_in_a_form_is_found_or_made_once() {
    let mut world = world(FORM);
    let known = company(&world, json!({ "name": "Lark Span GmbH" }));
    let forms = [
        ("a@example.com", "ＬＡＲＫ  span gmbh"),
        ("b@example.com", "杭州云雀科技有限公司"),
        ("c@example.com", "杭州云雀科技有限公司 "),
        ("d@qq.com", "Robert'); DROP TABLE contacts;--"),
    ];
    for (email, firm) in forms {
        world.submit("/p", &names_firm(email, firm)).unwrap();
    }
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts WHERE email IS NOT NULL"), 4);
    world.after(Span::minutes(2)).unwrap();
    assert_eq!(people(&world, &known).len(), 1);
    let titles = "SELECT title FROM contacts WHERE kind = 'company' ORDER BY title";
    let titles: Vec<Value> =
        rows(&world.db, titles).iter().map(|row| row["title"].clone()).collect();
    let expected = ["Lark Span GmbH", "Robert'); DROP TABLE contacts;--", "杭州云雀科技有限公司"];
    assert_eq!(titles, expected);
    let both = "SELECT count(*) FROM positions p JOIN contacts k ON k.id = p.company_id
                 WHERE k.title = '杭州云雀科技有限公司' AND p.source = 'form'";
    assert_eq!(number(&world.db, both), 2);
    assert_eq!(number(&world.db, "SELECT count(*) FROM named_companies"), 0);
    let due = "SELECT count(*) FROM contacts WHERE wake_at IS NOT NULL";
    assert_eq!(number(&world.db, due), 0, "nobody is due for ever");
    assert_sound(&world.db, None);
}

#[test]
fn name_typed_for_a_known_contact_by_anybody_is_only_a_claim() {
    let mut world = world(FORM);
    world.submit("/p", &names_firm("a@example.com", "Larkspan")).unwrap();
    world.after(Span::hours(1)).unwrap();
    world.submit("/p", &names_firm("a@example.com", "Evil Corp")).unwrap();
    world.after(Span::hours(1)).unwrap();
    let titles = rows(&world.db, "SELECT title FROM contacts WHERE kind = 'company'");
    assert_eq!(titles, [json!({ "title": "Larkspan" })]);
    assert_eq!(number(&world.db, "SELECT count(*) FROM positions"), 1);
}

#[test]
fn lead_is_written_and_the_company_later_if_companies_cannot_be_written() {
    let mut world = world(FORM);
    // No company can be written for a while.
    let forbid = "CREATE TRIGGER no_company BEFORE INSERT ON contacts WHEN NEW.kind = 'company'
                  BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END";
    rows(&world.db, forbid);
    world.submit("/p", &names_firm("a@example.com", "Larkspan")).unwrap();
    world.submit("/p", &names_firm("b@example.com", "")).unwrap();
    let leads = "SELECT count(*) FROM events WHERE name = 'form.submitted'";
    assert_eq!(number(&world.db, leads), 2);
    world.after(Span::hours(1)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts WHERE kind = 'company'"), 0);
    // The name stays an attribute; nothing is in quarantine, and nobody is due for ever.
    let firm = "SELECT attributes ->> 'firm' AS firm FROM contacts WHERE email = 'a@example.com'";
    assert_eq!(rows(&world.db, firm)[0]["firm"], "Larkspan");
    assert_eq!(number(&world.db, "SELECT count(*) FROM parked"), 0);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts WHERE wake_at IS NOT NULL"), 0);
}

#[test]
fn company_made_for_a_name_keeps_it_though_it_is_called_otherwise_since() {
    let mut world = world(FORM);
    world.submit("/p", &names_firm("a@example.com", "Larkspan")).unwrap();
    world.after(Span::minutes(2)).unwrap();
    let made = rows(&world.db, "SELECT id FROM contacts WHERE kind = 'company'");
    let made = RecordId(made[0]["id"].as_str().unwrap().to_owned());
    edit(&world, &made, json!({ "name": "Larkspan Holding" })).unwrap();
    world.submit("/p", &names_firm("b@example.com", "larkspan")).unwrap();
    world.after(Span::minutes(2)).unwrap();
    assert_eq!(people(&world, &made).len(), 2);
    // Once it is erased, the name is free for another.
    erase(&world, &made);
    world.submit("/p", &names_firm("c@example.com", "Larkspan")).unwrap();
    world.after(Span::minutes(2)).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM positions"), 1);
    assert_sound(&world.db, None);
}

// --- Rules ------------------------------------------------------------------------------------

#[test]
fn segments_and_journeys_of_contacts_follow_the_fields_of_their_companies() {
    let mut world = with_companies(&format!("{FORM}{FOOD}"));
    let fields = json!({ "name": "Larkspan", "domain": "larkspan.example", "industry": "光学" });
    let firm = company(&world, fields);
    for email in ["ann@larkspan.example", "bob@larkspan.example", "eve@other.example"] {
        join(&mut world, email);
    }
    put(&world, &firm, json!({ "contact": "bob@larkspan.example", "role": "采购" })).unwrap();
    assert!(members(&world, "food").is_empty());
    edit(&world, &firm, json!({ "industry": "食品", "employees": 250 })).unwrap();
    world.after(Span::minutes(2)).unwrap();
    assert_eq!(members(&world, "food"), ["ann@larkspan.example", "bob@larkspan.example"]);
    assert_eq!(members(&world, "at-big"), ["ann@larkspan.example", "bob@larkspan.example"]);
    assert_eq!(members(&world, "buyers"), ["bob@larkspan.example"]);
    let tagged = "SELECT count(*) FROM contacts WHERE tags = '[\"food\"]'";
    assert_eq!(number(&world.db, tagged), 2, "the journey follows");
    // Leaving the company leaves the segment, at once.
    leave(&world, &firm, &id_of(&world, "ann@larkspan.example"));
    assert_eq!(members(&world, "food"), ["bob@larkspan.example"]);
    edit(&world, &firm, json!({ "industry": null })).unwrap();
    world.after(Span::minutes(2)).unwrap();
    assert!(members(&world, "food").is_empty() && members(&world, "buyers").is_empty());
    assert_sound(&world.db, None);
}

/// Adds contacts at a company, as decisions would leave them.
fn crowd(world: &World, company: &RecordId, count: usize) {
    let statements = [
        format!(
            "INSERT INTO contacts (id, seq, email, attributes, tags, score, consents,
                                   confirmation_mails, touches, soft_bounces, created_at, updated_at)
             SELECT printf('10000000-0000-7000-8000-%012d', value), 1, 'p' || value || '@x.example',
                    '{{}}', '[]', 0, '[]', '[]', '[]', '{{}}', 0, 0
               FROM generate_series(1, {count})"
        ),
        format!(
            "INSERT INTO events (contact_id, seq, at, name, properties)
             SELECT id, 1, {}, 'contact.named', '{{}}' FROM contacts WHERE email LIKE '%@x.example'",
            world.now().0
        ),
        format!(
            "INSERT INTO positions (contact_id, company_id, is_main, source, since)
             SELECT id, '{company}', 1, 'domain', 0 FROM contacts WHERE email LIKE '%@x.example'"
        ),
    ];
    let series = format!(
        "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n
           WHERE value < {count}) SELECT value FROM n)"
    );
    for sql in statements {
        rows(&world.db, &sql.replace(&format!("generate_series(1, {count})"), &series));
    }
}

#[test]
fn thousands_of_people_follow_their_company() {
    let mut world = with_companies(&format!("{FORM}{FOOD}"));
    let firm = company(&world, json!({ "name": "Larkspan" }));
    crowd(&world, &firm, 2_500);
    edit(&world, &firm, json!({ "industry": "食品" })).unwrap();
    let due = format!("SELECT count(*) FROM contacts WHERE wake_at = {}", world.now().0);
    assert_eq!(number(&world.db, &due), 1_000, "the first at once");
    world.after(Span::minutes(10)).unwrap();
    assert_eq!(members(&world, "food").len(), 2_500);
    let fills = "SELECT count(*) FROM segment_fills WHERE segment_id LIKE 'company:%'";
    assert_eq!(number(&world.db, fills), 0);
    erase(&world, &firm);
    world.after(Span::minutes(10)).unwrap();
    assert!(members(&world, "food").is_empty(), "nobody works there any more");
    assert_eq!(number(&world.db, "SELECT count(*) FROM positions"), 0);
    assert_sound(&world.db, None);
}

#[test]
fn company_without_rules_about_it_wakes_nobody() {
    let mut world = with_companies(FORM);
    let firm = company(&world, json!({ "name": "Larkspan", "domain": "larkspan.example" }));
    join(&mut world, "ann@larkspan.example");
    edit(&world, &firm, json!({ "industry": "食品" })).unwrap();
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts WHERE wake_at IS NOT NULL"), 0);
}

#[test]
fn check_refuses_what_is_not_read_of_a_company() {
    let problems = |rule: Value, of: &str| {
        let mut compiled = campaign(FOOD);
        let segment = json!({ "of": of, "rule": rule });
        let segment = serde_json::from_value(segment).unwrap();
        compiled.campaign.segments.insert("s".to_owned(), segment);
        let problems = check(&compiled.campaign).into_iter();
        let own = problems.filter(|problem| problem.key.starts_with("segment.s"));
        own.map(|problem| problem.message).collect::<Vec<_>>()
    };
    let of_company = |rule: Value| json!({ "company": { "rule": rule } });
    assert_eq!(problems(of_company(json!({ "tag": "vip" })), "contact"), Vec::<String>::new());
    assert_eq!(
        problems(of_company(json!({ "segment": "c.big" })), "contact"),
        Vec::<String>::new()
    );
    let nested = of_company(of_company(json!({ "tag": "vip" })));
    assert!(problems(nested, "contact")[0].contains("companies of companies"));
    let people = of_company(json!({ "segment": "c.food" }));
    assert!(problems(people, "contact")[0].contains("of the kind `contact`"));
    let relative = json!({ "attribute": { "attribute": "since", "test": {
        "relative": { "relative": { "in_last": 1000 }, "zone": "Asia/Shanghai" } } } });
    assert!(problems(of_company(relative), "contact")[0].contains("the present date"));
    let consent = json!({ "consent": { "purpose": "news", "channel": "email" } });
    assert!(problems(of_company(consent), "contact")[0].contains("consent"));
    let own = of_company(json!({ "tag": "vip" }));
    assert!(problems(own, "company")[0].contains("only contacts work at companies"));
    let long = json!({ "company": { "rule": { "tag": "vip" }, "role": "x".repeat(61) } });
    assert!(problems(long, "contact")[0].contains("one line"));
}

// --- Hierarchies ------------------------------------------------------------------------------

#[test]
fn parent_below_its_own_child_is_refused_with_the_way() {
    let world = with_companies(FORM);
    let firm = |name: &str, parent: Option<&RecordId>| {
        company(&world, json!({ "name": name, "parent": parent }))
    };
    let top = firm("集团", None);
    let middle = firm("Middle", Some(&top));
    let bottom = firm("Bottom", Some(&middle));
    let refused =
        |id: &RecordId, parent: &RecordId| match edit(&world, id, json!({ "parent": parent })) {
            Err(EditError::Conflicts(conflicts)) => match &conflicts[..] {
                [EditConflict::Circle { path, .. }] => path.join(" → "),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
    assert_eq!(refused(&top, &bottom), "集团 → Bottom → Middle → 集团");
    assert_eq!(refused(&middle, &middle), "Middle → Middle");
    assert_eq!(number(&world.db, "SELECT count(*) FROM events WHERE name = 'record.edited'"), 0);
    edit(&world, &bottom, json!({ "parent": top })).unwrap();
    assert_eq!(refused(&top, &bottom), "集团 → Bottom → 集团");
}

/// What happens just before the first write.
type Meddle<'w> = Box<dyn FnOnce(&World) + 'w>;

/// A database in which something else happens just before the first write.
struct Meddled<'w> {
    world: &'w World,
    meddle: RefCell<Option<Meddle<'w>>>,
}

impl Database for Meddled<'_> {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, DatabaseError> {
        let is_write = statements.iter().any(|one| one.sql.contains("INSERT INTO events"));
        if let Some(meddle) = self.meddle.take_if(is_write) {
            meddle(self.world);
        }
        self.world.db.batch(statements).await
    }
}

trait TakeIf<T> {
    fn take_if(&self, is: bool) -> Option<T>;
}

impl<T> TakeIf<T> for RefCell<Option<T>> {
    fn take_if(&self, is: bool) -> Option<T> {
        if is { self.borrow_mut().take() } else { None }
    }
}

#[test]
fn two_edits_at_once_make_no_circle() {
    let world = with_companies(FORM);
    let (one, two) =
        (company(&world, json!({ "name": "One" })), company(&world, json!({ "name": "Two" })));
    let (first, second) = (one.clone(), two.clone());
    let meddle = move |world: &World| edit(world, &second, json!({ "parent": first })).unwrap();
    let db = Meddled { world: &world, meddle: RefCell::new(Some(Box::new(meddle))) };
    let refused = edit_on(&db, &world, &one, json!({ "parent": two })).unwrap_err();
    assert!(format!("{refused:?}").contains("Circle"), "{refused:?}");
    let parents = "SELECT count(*) FROM contacts WHERE attributes ->> 'parent' IS NOT NULL";
    assert_eq!(number(&world.db, parents), 1);
}

#[test]
fn decision_about_a_contact_does_not_rest_on_a_company_as_it_was() {
    let mut world = with_companies(&format!("{FORM}{FOOD}"));
    let firm = company(&world, json!({ "name": "Larkspan", "domain": "larkspan.example" }));
    join(&mut world, "ann@larkspan.example");
    let changed = firm.clone();
    let meddle = move |world: &World| edit(world, &changed, json!({ "industry": "食品" })).unwrap();
    let db = Meddled { world: &world, meddle: RefCell::new(Some(Box::new(meddle))) };
    let ann = RecordId(id_of(&world, "ann@larkspan.example"));
    let edit = serde_json::from_value(json!({
        "by": "token:t", "key": null, "fields": { "city": { "new": "Bonn" } } }));
    let inputs = vec![Input::Record(RecordInput::Edited(Box::new(edit.unwrap())))];
    let commands = vec![Command { who: RecordRef::Id(ann), inputs }];
    block_on(commit(&db, &world.catalog, commands, world.now(), &mut ids(&world))).unwrap();
    assert_eq!(members(&world, "food"), ["ann@larkspan.example"]);
    let city = "SELECT attributes ->> 'city' AS city FROM contacts WHERE email IS NOT NULL";
    assert_eq!(rows(&world.db, city)[0]["city"], "Bonn");
    assert_sound(&world.db, None);
}

// --- The log ----------------------------------------------------------------------------------

#[test]
fn log_has_own_events_and_those_of_its_people_since_they_came_each_once() {
    let mut world = with_companies(FORM);
    join(&mut world, "early@example.com");
    world.after(Span::hours(1)).unwrap();
    let firm = company(&world, json!({ "name": "Larkspan", "domain": "larkspan.example" }));
    join(&mut world, "ann@larkspan.example");
    world.after(Span::hours(1)).unwrap();
    put(&world, &firm, json!({ "contact": "early@example.com" })).unwrap();
    edit(&world, &firm, json!({ "industry": "optics" })).unwrap();
    join(&mut world, "stranger@example.com");
    let mut seen = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = log_of(&world, &firm, after.as_deref(), 2);
        seen.extend(page.log);
        after = page.next;
        if after.is_none() || seen.len() > 50 {
            break;
        }
    }
    let names: Vec<&str> = seen.iter().map(|row| row.name.as_str()).collect();
    let of = |name: &str| names.iter().filter(|one| **one == name).count();
    assert_eq!((of("record.created"), of("record.edited"), of("company.joined")), (1, 1, 2));
    assert_eq!(of("form.submitted"), 1, "what brought Ann, and nothing from before Early came");
    assert!(seen.windows(2).all(|two| two[0].at >= two[1].at), "newest first");
    let mut keys: Vec<_> = seen.iter().map(|row| (row.record.clone(), row.seq)).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), seen.len());
    let World { db, catalog, .. } = &world;
    for place in ["x", "1.2", "'; --", "1.x.y"] {
        let reader = Reader { db, catalog, access: &by(), now: world.now() };
        let page = companies::log(&reader, &firm, Some(place), 2);
        assert!(matches!(block_on(page), Err(FlowError::Rejected(_))), "{place}");
    }
}

#[test]
fn people_are_paged_and_shown_as_far_as_the_reader_may_see_them() {
    let world = with_companies(FORM);
    let firm = company(&world, json!({ "name": "Larkspan" }));
    crowd(&world, &firm, 250);
    let World { db, catalog, .. } = &world;
    let (mut seen, mut after) = (Vec::new(), None::<RecordId>);
    let owner = Access::configured("ci");
    loop {
        let from = after.as_ref().map(RecordId::as_str);
        let reader = Reader { db, catalog, access: &owner, now: world.now() };
        let page = companies::people(&reader, &firm, from, 100);
        let page = block_on(page).unwrap();
        seen.extend(page.people.iter().map(|person| person.contact.id().clone()));
        after = page.next;
        if after.is_none() || seen.len() > 300 {
            break;
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 250);
    let nobody = Access::nobody();
    let reader = Reader { db, catalog, access: &nobody, now: world.now() };
    let page = block_on(companies::people(&reader, &firm, None, 100));
    assert!(matches!(page, Err(FlowError::NotFound(_))), "{page:?}");
    let companies_only = Grant {
        kinds: Some(vec![KindId::from(COMPANY)]),
        actions: vec![Action::See],
        scope: Reach::All,
    };
    let role = Role { grants: vec![companies_only], ..role("read-only").unwrap() };
    let some = Access::new("member:m".into(), None, vec![role], Owners::default());
    let reader = Reader { db, catalog, access: &some, now: world.now() };
    assert!(block_on(companies::people(&reader, &firm, None, 100)).unwrap().people.is_empty());
    assert!(matches!(
        block_on(companies::log(&reader, &firm, None, 5)),
        Err(FlowError::Forbidden(_))
    ));
}
