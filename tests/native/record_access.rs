//! Records as different roles see and edit them: lists within a scope, masks, filters that would
//! reveal what is hidden, fields that may not be changed, and the log.

use super::records::{asked, deal, deals, make, make_as, publish, set_as};
use super::support::{number, rows, world};
use dripline::domain::access::built_in;
use dripline::domain::access::rights::{Access, Owners, Scope};
use dripline::domain::access::role::{Action, FieldAccess, FieldRule, Grant, Reach, Role};
use dripline::domain::base::language::Language;
use dripline::domain::base::primitives::{Actor, Ids, KindId, RecordId};
use dripline::domain::campaign_file::filter;
use dripline::domain::field::sealed::SealKey;
use dripline::domain::segment::Rule;
use dripline::flows::error::FlowError;
use dripline::flows::ports::Database;
use dripline::flows::record::edit::{EditError, Editor};
use dripline::flows::record::explain;
use dripline::flows::record::read::{Page, Reader};
use dripline::native::world::{World, block_on};
use dripline::store::records::{self, Wanted};
use dripline::store::statement::{Statement, Value as StoreValue};
use serde_json::{Value, json};

fn holder(member: &str, roles: Vec<Role>) -> Access {
    let actor = Actor(format!("member:{member}"));
    Access::new(actor, Some(member.into()), roles, Owners::default())
}

fn sales(member: &str) -> Access {
    holder(member, built_in::role("sales").into_iter().collect())
}

/// A role that sees and edits every record, with these rules for fields.
fn with_fields(fields: &[(&str, FieldAccess)]) -> Access {
    let rule = |(field, access): &(&str, FieldAccess)| FieldRule {
        kind: None,
        field: (*field).to_owned(),
        access: *access,
    };
    let actions = vec![Action::See, Action::Create, Action::Edit];
    let role = Role {
        id: "own".to_owned(),
        name: "Own".to_owned(),
        grants: vec![Grant { kinds: None, actions, scope: Reach::All }],
        fields: fields.iter().map(rule).collect(),
        personal: FieldAccess::Masked,
    };
    holder("m-9", vec![role])
}

fn list(world: &World, access: &Access, rule: Value) -> Result<Page, FlowError> {
    let kind = KindId::from("deal");
    let rule = match rule {
        Value::Null => Rule::All(Vec::new()),
        rule => filter(&kind, &rule).unwrap(),
    };
    let World { db, catalog, .. } = world;
    let reader = Reader { db, catalog, access, now: world.now() };
    let (mut all, mut after) = (Vec::new(), None);
    // Pages may be short although others follow.
    loop {
        let page = block_on(reader.list(&kind, &rule, after.as_ref(), 2))?;
        all.extend(page.records);
        after = page.next;
        if after.is_none() {
            return Ok(Page { records: all, next: None });
        }
    }
}

fn titles(page: Result<Page, FlowError>) -> Vec<String> {
    let page = page.unwrap();
    let mut titles: Vec<String> =
        page.records.iter().map(|row| json!(row)["title"].as_str().unwrap().to_owned()).collect();
    titles.sort();
    titles
}

fn one(world: &World, access: &Access, id: &str) -> Result<Value, FlowError> {
    let World { db, catalog, .. } = world;
    let reader = Reader { db, catalog, access, now: world.now() };
    block_on(reader.one(&"deal".into(), &RecordId::from(id))).map(|found| json!(found))
}

fn id(record: &Value) -> &str {
    record["id"].as_str().unwrap()
}

fn refused(result: Result<Value, EditError>) -> Vec<String> {
    match result {
        Err(EditError::NotAllowed(problems)) => {
            problems.into_iter().map(|problem| problem.field).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn list_has_the_records_of_ones_own_scope_and_no_others() {
    let world = deals();
    for (owner, status) in
        [("m-1", "open"), ("m-2", "open"), ("m-1", "won"), ("m-1", "open"), ("m-3", "won")]
    {
        make(&world, asked(json!({ "owner": owner, "status": status }))).unwrap();
    }
    make(&world, asked(json!({ "status": "open" }))).unwrap();
    let open = json!({ "attribute": "status", "is": "open" });
    assert_eq!(titles(list(&world, &sales("m-1"), Value::Null)), ["D-001", "D-003", "D-004"]);
    assert_eq!(titles(list(&world, &sales("m-1"), open.clone())), ["D-001", "D-004"]);
    assert_eq!(titles(list(&world, &sales("m-2"), json!({ "not": open }))), [] as [&str; 0]);
    assert_eq!(titles(list(&world, &sales("m-4"), Value::Null)), [] as [&str; 0]);
    assert_eq!(titles(list(&world, &Access::configured("t"), Value::Null)).len(), 6);
    assert_eq!(titles(list(&world, &Access::nobody(), Value::Null)), [] as [&str; 0]);
}

#[test]
fn scope_by_a_rule_limits_lists_and_single_records_alike() {
    let world = deals();
    let vip = make(&world, asked(json!({ "code": "A" }))).unwrap();
    let other = make(&world, asked(json!({ "code": "B" }))).unwrap();
    let rule = filter(&"deal".into(), &json!({ "attribute": "code", "is": "A" })).unwrap();
    let grant = Grant { kinds: None, actions: vec![Action::See], scope: Reach::Rule(rule) };
    let role = Role { grants: vec![grant], ..built_in::role("read-only").unwrap() };
    let access = holder("m-1", vec![role]);
    assert_eq!(titles(list(&world, &access, Value::Null)), ["D-001"]);
    assert!(one(&world, &access, id(&vip)).is_ok());
    assert!(matches!(one(&world, &access, id(&other)), Err(FlowError::NotFound(_))));
}

#[test]
fn confidential_field_is_masked_and_no_filter_finds_it() {
    let mut world = deals();
    let mut kind = deal(json!({}));
    kind.fields
        .iter_mut()
        .filter(|field| ["amount", "code"].contains(&&*field.name))
        .for_each(|field| field.class = dripline::domain::field::Sensitivity::Confidential);
    publish(&mut world, &kind);
    let made = make(&world, asked(json!({ "amount": "1250.50", "code": "contract-77120" })));
    let id = id(made.as_ref().unwrap()).to_owned();
    let access = with_fields(&[]);
    let shown = one(&world, &access, &id).unwrap();
    assert_eq!(shown["fields"]["code"], "***7120");
    assert_eq!(shown["fields"]["amount"], "***");
    assert_eq!(shown["masked"], json!(["amount", "code"]));
    let listed = list(&world, &access, Value::Null).unwrap();
    for text in [shown.to_string(), json!(listed).to_string()] {
        assert!(!text.contains("1250") && !text.contains("125050") && !text.contains("contract"));
    }
    for filter in [
        json!({ "attribute": "amount", "gte": 1 }),
        json!({ "not": { "any": [{ "attribute": "code", "is": "x" }] } }),
        json!({ "event": "record.created" }),
    ] {
        let found = list(&world, &access, filter.clone());
        assert!(matches!(found, Err(FlowError::Forbidden(_))), "{filter}: {found:?}");
    }
    let open = json!({ "attribute": "status", "is": "open" });
    assert_eq!(titles(list(&world, &access, open)), [] as [&str; 0]);
    assert_eq!(refused(set_as(&world, &access, &id, asked(json!({ "code": "x" })))), ["code"]);
}

#[test]
fn value_of_a_field_that_was_removed_is_masked() {
    let mut world = deals();
    let made = make(&world, asked(json!({ "code": "contract-77120" }))).unwrap();
    let mut kind = deal(json!({}));
    kind.fields.retain(|field| field.name != "code");
    publish(&mut world, &kind);
    let shown = one(&world, &with_fields(&[]), id(&made)).unwrap();
    assert_eq!(shown["attributes"], json!({ "code": "***7120" }));
    let all = one(&world, &Access::configured("t"), id(&made)).unwrap();
    assert_eq!(all["attributes"], json!({ "code": "contract-77120" }));
}

#[test]
fn hidden_title_and_tags_are_not_shown() {
    let world = deals();
    let mut with_tag = asked(json!({}));
    with_tag.tags.add.push("vip".to_owned());
    let made = make(&world, with_tag).unwrap();
    let hides = [("number", FieldAccess::Hidden), ("tags", FieldAccess::Hidden)];
    let access = with_fields(&hides);
    let shown = one(&world, &access, id(&made)).unwrap();
    assert_eq!((shown.get("title"), &shown["tags"]), (None, &json!([])));
    assert!(!shown.to_string().contains("D-001") && !shown.to_string().contains("vip"));
    let found = list(&world, &access, json!({ "tag": "vip" }));
    assert!(matches!(found, Err(FlowError::Forbidden(_))));
    let mut tags = asked(json!({}));
    tags.tags.remove.push("vip".to_owned());
    assert_eq!(refused(set_as(&world, &access, id(&made), tags)), ["tags"]);
}

#[test]
fn new_record_belongs_to_the_member_who_makes_it() {
    let world = deals();
    let made = make_as(&world, &sales("m-1"), asked(json!({ "code": "A" }))).unwrap();
    assert_eq!(made["fields"]["owner"], "m-1");
    let stranger = asked(json!({ "code": "B", "owner": "m-2" }));
    assert_eq!(refused(make_as(&world, &sales("m-1"), stranger)), ["owner"]);
    assert_eq!(number(&world.db, "SELECT count(*) FROM contacts"), 1);
    let free = make(&world, asked(json!({ "code": "C" }))).unwrap();
    assert_eq!(free["fields"].get("owner"), None, "a program's record is nobody's");
}

#[test]
fn record_is_edited_within_the_scope_and_given_away_unseen() {
    let world = deals();
    let made = make_as(&world, &sales("m-1"), asked(json!({ "code": "A" }))).unwrap();
    let stranger = set_as(&world, &sales("m-2"), id(&made), asked(json!({ "code": "Z" })));
    assert!(matches!(stranger, Err(EditError::Flow(FlowError::NotFound(_)))), "{stranger:?}");
    let seeing = holder("m-2", vec![built_in::role("read-only").unwrap()]);
    let seen = set_as(&world, &seeing, id(&made), asked(json!({ "code": "Z" })));
    assert!(matches!(seen, Err(EditError::Flow(FlowError::Forbidden(_)))), "{seen:?}");
    let given = set_as(&world, &sales("m-1"), id(&made), asked(json!({ "owner": "m-2" })));
    assert_eq!(given.unwrap(), Value::Null, "it is out of sight");
    assert_eq!(titles(list(&world, &sales("m-2"), Value::Null)), ["D-001"]);
    let World { db, catalog, .. } = &world;
    let access = sales("m-2");
    let editor = Editor { db, catalog, access: &access, seal_key: None, now: world.now() };
    let erased =
        block_on(editor.erase(&"deal".into(), &id(&made).into(), &mut Ids::new(world.now(), 1)));
    assert!(matches!(erased, Err(FlowError::Forbidden(_))), "{erased:?}");
}

#[test]
fn log_quotes_only_the_fields_that_are_seen_in_full() {
    let world = deals();
    let made = make(&world, asked(json!({ "code": "secret-1", "status": "open" }))).unwrap();
    let edit = asked(json!({ "code": "secret-2", "status": "won" }));
    set_as(&world, &Access::configured("t"), id(&made), edit).unwrap();
    let shown = one(&world, &with_fields(&[("code", FieldAccess::Hidden)]), id(&made)).unwrap();
    assert!(!shown.to_string().contains("secret"), "{shown}");
    assert_eq!(shown["log"][1]["properties"]["fields"], json!({ "status": ["open", "won"] }));
    assert_eq!(shown["log"][1]["properties"]["by"], "token:t");
    let all = one(&world, &Access::configured("t"), id(&made)).unwrap();
    assert_eq!(all["log"][1]["properties"]["fields"]["code"], json!(["secret-1", "secret-2"]));
}

#[test]
fn scope_by_a_list_shows_the_same_in_a_list_of_records_and_alone() {
    let world = deals();
    let made = make(&world, asked(json!({ "code": "A" }))).unwrap();
    make(&world, asked(json!({ "code": "B" }))).unwrap();
    let join =
        "INSERT INTO list_members (list, record_id, since, source) VALUES ('vip', ?1, 1, 's')";
    let join = Statement::new(join, vec![StoreValue::text(id(&made))]);
    block_on(world.db.batch(vec![join])).unwrap();
    let on_list = |rule: Value| {
        let rule = filter(&"deal".into(), &rule).unwrap();
        let grant = Grant { kinds: None, actions: vec![Action::See], scope: Reach::Rule(rule) };
        Role {
            grants: vec![grant],
            personal: FieldAccess::Full,
            ..built_in::role("sales").unwrap()
        }
    };
    let mut masked = built_in::role("read-only").unwrap();
    let code = FieldRule { kind: None, field: "code".to_owned(), access: FieldAccess::Masked };
    masked.fields.push(code);
    let vip = holder("m-1", vec![on_list(json!({ "list": "vip" }))]);
    assert_eq!(titles(list(&world, &vip, Value::Null)), ["D-001"]);
    let others = holder("m-1", vec![on_list(json!({ "not": { "list": "vip" } })), masked]);
    let listed = json!(list(&world, &others, Value::Null).unwrap());
    let rows = listed["records"].as_array().unwrap().iter();
    let mut codes: Vec<&str> = rows.filter_map(|row| row["fields"]["code"].as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["***", "B"], "the mask of one on the list is not lifted");
    assert_eq!(one(&world, &others, id(&made)).unwrap()["fields"]["code"], "***");
}

#[test]
fn filter_by_a_company_asks_only_about_what_is_seen_of_companies() {
    let world = deals();
    let [contact, _] = dripline::domain::kind::built_in();
    let rule = json!({ "company": { "attribute": "industry", "is": "x" } });
    let rule = filter(&KindId::contact(), &rule).unwrap();
    let hidden = |access: &Access| access.hidden_in(world.catalog.kinds(), &contact, &rule);
    let grants = |kinds: &[&str]| Grant {
        kinds: Some(kinds.iter().map(|kind| KindId::from(*kind)).collect()),
        actions: vec![Action::See],
        scope: Reach::All,
    };
    let role = |kinds: &[&str]| Role {
        grants: vec![grants(kinds)],
        fields: Vec::new(),
        ..built_in::role("sales").unwrap()
    };
    assert_eq!(hidden(&holder("m", vec![role(&["contact", "company"])])), None);
    assert_eq!(hidden(&holder("m", vec![role(&["contact"])])).as_deref(), Some("companies"));
    let mut half = role(&["contact", "company"]);
    half.fields.push(FieldRule {
        kind: Some("company".into()),
        field: "industry".to_owned(),
        access: FieldAccess::Hidden,
    });
    assert_eq!(hidden(&holder("m", vec![half])).as_deref(), Some("`industry`"));
}

#[test]
fn record_is_explained_to_those_who_see_all_of_it() {
    let mut world = world(
        r#"
        [segment.won]
        of = "deal"
        rule = { attribute = "status", is = "won" }
        [segment.people]
        rule = { tag = "x" }
        [journey.thanks]
        of = "deal"
        enter = { segment = "won" }
        [[journey.thanks.step]]
        id = "later"
        wait = "3d"
        [journey.other]
        enter = { event = "other" }
        [[journey.other.step]]
        id = "later"
        wait = "3d"
        "#,
    );
    publish(&mut world, &deal(json!({})));
    let made = make(&world, asked(json!({ "status": "won", "owner": "m-1" }))).unwrap();
    let explain = |access: &Access| {
        let World { db, catalog, .. } = &world;
        let reader = Reader { db, catalog, access, now: world.now() };
        let (kind, id) = (KindId::from("deal"), RecordId::from(id(&made)));
        block_on(explain::explain(&reader, &kind, &id, Language::English)).map(|found| json!(found))
    };
    let found = explain(&sales("m-1")).unwrap();
    assert_eq!(found["journeys"].as_array().unwrap().len(), 1, "those of deals only");
    assert_eq!(found["journeys"][0]["entry"], "inside");
    assert_eq!(found["segments"].as_array().unwrap().len(), 1);
    assert_eq!(found["segments"][0]["holds"], true);
    assert!(matches!(explain(&sales("m-2")), Err(FlowError::NotFound(_))));
    assert!(matches!(explain(&with_fields(&[])), Err(FlowError::NotFound(_))), "masks");
}

#[test]
fn sealed_value_is_encrypted_masked_and_shown_to_those_who_may_lift_masks() {
    let mut world = deals();
    let mut kind = deal(json!({}));
    let id_card = json!({ "name": "id_card", "kind": "sealed" });
    kind.fields.push(serde_json::from_value(id_card).unwrap());
    publish(&mut world, &kind);
    let fields = || asked(json!({ "id_card": "110101199003078515" }));
    assert!(matches!(make(&world, fields()), Err(EditError::Fields(_))), "no key");
    let keys = |id: &str| SealKey::parse_all(&format!("{id}:{}", "a5".repeat(32))).unwrap();
    let old = keys("2026-11");
    let access = Access::configured("t");
    let World { db, catalog, .. } = &world;
    let editor = Editor { db, catalog, access: &access, seal_key: old.first(), now: world.now() };
    let deal = KindId::from("deal");
    let made = block_on(editor.create(&deal, fields(), &mut Ids::new(world.now(), 1)));
    let id = made.unwrap().record.id.clone();
    let everything = ["contacts", "events", "field_index", "unique_fields"]
        .map(|table| serde_json::to_string(&rows(db, &format!("SELECT * FROM {table}"))).unwrap());
    assert!(!everything.concat().contains("199003"), "nowhere in plain text");
    let shown = one(&world, &access, id.as_str()).unwrap();
    assert_eq!(shown["fields"]["id_card"], "••••8515");
    assert!(!shown.to_string().contains("nonce"), "the log has no ciphertext: {shown}");
    let reader = Reader { db, catalog, access: &access, now: world.now() };
    let mut ids = Ids::new(world.now(), 2);
    let mut lift =
        |keys: &[SealKey]| block_on(reader.unmask(&deal, &id, "id_card", keys, &mut ids));
    let rotated = [keys("2027-01"), old.clone()].concat();
    assert_eq!(lift(&rotated), Ok(json!("110101199003078515")));
    assert!(matches!(lift(&keys("2027-01")), Err(FlowError::NotFound(_))), "its key is gone");
    assert_eq!(number(db, "SELECT count(*) FROM audit WHERE action = 'unmask'"), 1);
    let stale = asked(json!({ "id_card": { "was": "x", "new": null } }));
    let conflict = format!("{:?}", set_as(&world, &access, id.as_str(), stale));
    assert!(conflict.contains("••••8515") && !conflict.contains("nonce"), "{conflict}");
    let mask = asked(json!({ "id_card": "••••8515", "code": "A" }));
    set_as(&world, &access, id.as_str(), mask).unwrap();
    assert_eq!(
        lift(&old),
        Ok(json!("110101199003078515")),
        "the mask that comes back changes nothing"
    );
}

#[test]
fn no_list_scans_all_records() {
    let world = deals();
    let all = Rule::All(Vec::new());
    let rule = filter(&"deal".into(), &json!({ "attribute": "status", "is": "open" })).unwrap();
    let owned = sales("m-1").scope(Action::See, &"deal".into());
    for (kind, index) in [("deal", "records_kind"), ("contact", "sqlite_autoindex_contacts_1")] {
        for (rule, scope, index) in [
            (&all, &Scope::All, index),
            (&rule, &Scope::All, index),
            (&all, &owned, "records_owner"),
            (&rule, &owned, "records_owner"),
        ] {
            let kind = KindId::from(kind);
            let wanted = Wanted { kind: &kind, rule, scope, indexed: None, before: None, limit: 9 };
            let statement = records::list(&wanted, world.now());
            let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
            let plan = block_on(world.db.batch(vec![Statement { sql: sql.into(), ..statement }]));
            let plan = plan.unwrap()[0].0.to_string();
            assert!(plan.contains(index), "{kind}: {plan}");
            assert!(!plan.contains("SCAN contacts") && !plan.contains("SCAN c\""), "{plan}");
        }
    }
    assert!(rows(&world.db, "SELECT * FROM contacts").is_empty());
}
