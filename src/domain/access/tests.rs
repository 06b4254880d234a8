//! Roles, scopes and masks.

use super::built_in::{self, OWNER, ROLES};
use super::rights::{Access, Need, Owners, Scope, roles};
use super::role::{
    Action, FieldAccess, FieldRule, GRANT_RULE_PARTS_MAX, Grant, OTHER_FIELDS, Reach, Role,
};
use super::shown::mask;
use crate::domain::base::primitives::{Actor, KindId, MemberId, Millis};
use crate::domain::contact::Contact;
use crate::domain::kind::{self, Kind};
use crate::domain::segment::{JourneyState, Operator, Rule, Scalar};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NOW: Millis = Millis(1_800_000_000_000);

fn access(role_ids: &[&str]) -> Access {
    with(role_ids.iter().filter_map(|id| built_in::role(id)).collect())
}

/// A member `me`, who stands in for `away`, with `mate` in the team and `report` below.
fn with(roles: Vec<Role>) -> Access {
    let set = |id: &str| [MemberId::from(id)].into();
    let owners = Owners { own: set("away"), team: set("mate"), below: set("report") };
    Access::new(Actor::from("member:me"), Some("me".into()), roles, owners)
}

fn role_of(grants: Vec<Grant>) -> Role {
    let name = "Own".to_owned();
    let personal = FieldAccess::Full;
    Role { id: "own".to_owned(), name, grants, fields: Vec::new(), personal }
}

fn grant(actions: &[Action], scope: Reach) -> Grant {
    Grant { kinds: None, actions: actions.to_vec(), scope }
}

/// The built-in kind of contacts.
fn kind() -> Kind {
    let [contact, _] = kind::built_in();
    contact
}

fn contact(owner: &str) -> Contact {
    let mut contact = Contact::unknown("c-1".into(), NOW);
    contact.email = Some("ann.li@x.example".to_owned());
    contact.phone = Some("+8613812345678".to_owned());
    contact.owner = Some(MemberId::from(owner)).filter(|owner| !owner.0.is_empty());
    contact.attributes.insert("company".to_owned(), json!("Larkspan"));
    contact.tags.insert("vip".to_owned());
    contact
}

#[test]
fn each_reach_includes_the_one_before() {
    let owners = ["me", "away", "mate", "report", "stranger", ""];
    for (reach, included) in [
        (Reach::Own, 2),
        (Reach::Team, 3),
        (Reach::Below, 4),
        (Reach::All, 6),
        (Reach::Rule(Rule::Tag("vip".to_owned())), 6),
        (Reach::Rule(Rule::Tag("other".to_owned())), 0),
    ] {
        let access = with(vec![role_of(vec![grant(&[Action::See], reach.clone())])]);
        let scope = access.scope(Action::See, &KindId::contact());
        for (index, owner) in owners.iter().enumerate() {
            let is_included = scope.includes(&contact(owner), NOW);
            assert_eq!(is_included, index < included, "{reach:?} {owner}");
        }
        assert_eq!(access.scope(Action::Erase, &KindId::contact()), Scope::Nothing);
    }
}

#[test]
fn grant_is_limited_to_its_kinds() {
    let kinds = Some(vec![KindId::from("company")]);
    let actions = vec![Action::See, Action::Report];
    let access = with(vec![role_of(vec![Grant { kinds, actions, scope: Reach::All }])]);
    assert!(access.may(Action::See, &"company".into()));
    assert!(!access.may(Action::See, &KindId::contact()));
    assert!(access.may(Action::Report, &KindId::contact()), "concerns no record");
}

#[test]
fn nobody_and_a_role_that_is_gone_see_nothing() {
    let gone = with(roles(&["gone".to_owned()], &BTreeMap::new()));
    for access in [Access::nobody(), gone.clone(), with(vec![role_of(Vec::new())])] {
        for action in Action::ALL {
            assert!(!access.may(action, &KindId::contact()), "{action:?}");
            assert!(!access.meets(Need::To(action)) && !access.meets(Need::Every(action)));
        }
        assert_eq!(access.show(&kind(), &contact("me").into(), NOW), None);
        assert!(!access.sees_in_full(&kind(), "score"));
    }
    assert!(!Access::nobody().meets(Need::Known) && gone.meets(Need::Known));
    let own = BTreeMap::from([(OWNER.to_owned(), role_of(Vec::new()))]);
    let found = roles(&[OWNER.to_owned()], &own);
    assert_eq!(found[0].grants.len(), 1, "a row cannot replace a built-in role");
}

#[test]
fn owner_may_do_everything_and_no_other_built_in_role_manages() {
    for id in ROLES {
        let access = access(&[id]);
        let may = |action| access.may(action, &KindId::contact());
        assert_eq!(Action::ALL.into_iter().all(may), id == OWNER, "{id}");
        assert_eq!(access.meets(Need::Owner), id == OWNER, "{id}");
        assert_eq!(may(Action::Manage) || may(Action::Audit), id == OWNER, "{id}");
        assert_eq!(access.may_give("sales"), ["sales", OWNER].contains(&id), "{id}");
    }
    assert!(Access::configured("ci").is_owner());
}

#[test]
fn shown_record_is_masked_by_the_roles_that_see_it() {
    let shown = |roles: &[&str], owner: &str| {
        let shown = access(roles).show(&kind(), &contact(owner).into(), NOW)?;
        let shown = json!(shown);
        let is_read_only = shown["read_only"].as_array()?.contains(&json!("company"));
        Some((shown["fields"]["email"].clone(), is_read_only))
    };
    let (mask, full) = (json!("a***@x.example"), json!("ann.li@x.example"));
    assert_eq!(shown(&["owner"], ""), Some((full.clone(), false)));
    assert_eq!(shown(&["analyst"], ""), Some((mask.clone(), true)));
    assert_eq!(shown(&["service"], ""), Some((mask.clone(), false)));
    assert_eq!(shown(&["sales"], "report"), Some((full.clone(), false)));
    assert_eq!(shown(&["sales"], "stranger"), None);
    // Sales shows personal data in full, but does not see this record; the analyst does.
    assert_eq!(shown(&["sales", "analyst"], "stranger"), Some((mask, true)));
    assert_eq!(shown(&["sales", "analyst"], "me"), Some((full, false)));
    assert_eq!(shown(&["developer"], "me"), None);
}

#[test]
fn hidden_field_leaves_no_trace() {
    let rule = |field: &str, access| FieldRule { kind: None, field: field.to_owned(), access };
    let mut role = role_of(vec![grant(&[Action::See, Action::Edit], Reach::All)]);
    role.fields = vec![
        rule("company", FieldAccess::Full),
        rule(OTHER_FIELDS, FieldAccess::Hidden),
        FieldRule { kind: Some("contact".into()), ..rule("phone", FieldAccess::Masked) },
        FieldRule { kind: Some("company".into()), ..rule("email", FieldAccess::Full) },
    ];
    let access = with(vec![role]);
    let shown = access.show(&kind(), &contact("me").into(), NOW).unwrap();
    let expected = json!({
        "id": "c-1", "kind": "contact", "version": 0, "tags": [], "masked": ["phone"],
        "read_only": ["phone"], "fields": { "phone": "***5678" },
        "attributes": { "company": "Larkspan" }, "created_at": NOW.rfc3339(),
    });
    assert_eq!(serde_json::to_value(&shown).unwrap(), expected);
    let sorts = |field| access.sees_in_full(&kind(), field);
    assert!(sorts("company") && !sorts("phone") && !sorts("email") && !sorts("score"));
    let edits = |field| access.may_edit(&kind(), &contact("").into(), field, NOW);
    assert!(edits("company") && !edits("phone") && !edits("email"));
}

#[test]
fn unmasking_needs_the_right_and_a_field_that_is_not_hidden() {
    let unmask = |roles: &[&str], field: &str| {
        access(roles).unmask(&kind(), &contact("stranger").into(), field, NOW)
    };
    assert_eq!(unmask(&["service"], "email"), Some(json!("ann.li@x.example")));
    assert_eq!(unmask(&["analyst"], "email"), None);
    assert_eq!(unmask(&["sales", "analyst"], "email"), None);
    assert_eq!(unmask(&["service"], "external_id"), None, "it has no value");
    assert_eq!(unmask(&["service"], "consents"), None);
}

#[test]
fn mask_keeps_less_than_half() {
    for (value, masked) in [
        (json!("ann@x.example"), json!("a***@x.example")),
        (json!("an@x.example"), json!("***@x.example")),
        (json!("张三丰@例子.公司"), json!("张***@例子.公司")),
        (json!("\"a@b\"@x.example"), json!("\"***@x.example")),
        (json!("@"), json!("***")),
        (json!("a@ b c"), json!("***")),
        (json!("+8613812345678"), json!("***5678")),
        (json!("customer-77120"), json!("***7120")),
        (json!("12345678"), json!("***")),
        (json!("上海市浦东新区世纪大道"), json!("***世纪大道")),
        (json!(""), json!("***")),
        (json!(1_234_567_890), json!("***")),
        (json!(true), json!("***")),
        (json!(["ann@x.example", 5]), json!(["a***@x.example", "***"])),
    ] {
        assert_eq!(mask(&value), masked, "{value}");
    }
}

#[test]
fn role_of_ones_own_is_checked() {
    let problems = |role: &Role| -> Vec<String> {
        role.problems().into_iter().map(|problem| problem.to_string()).collect()
    };
    let good = role_of(vec![grant(&[Action::See], Reach::Rule(Rule::Tag("vip".to_owned())))]);
    assert_eq!(problems(&good), [] as [&str; 0]);
    let long = Rule::All(vec![Rule::Tag("x".to_owned()); GRANT_RULE_PARTS_MAX]);
    let wide = Rule::Tag("x".repeat(20_000));
    for (role, part) in [
        (Role { id: "Own".to_owned(), ..good.clone() }, "id: use at most 40"),
        (Role { id: String::new(), ..good.clone() }, "id: use"),
        (Role { name: "\u{202e}x".to_owned(), ..good.clone() }, "name: write one line"),
        (role_of(vec![grant(&[], Reach::All)]), "grants[1]: it allows nothing"),
        (role_of(vec![grant(&[Action::See], Reach::All); 21]), "grants: 21 grants"),
        (role_of(vec![grant(&[Action::See], Reach::Rule(long))]), "21 conditions"),
        (role_of(vec![grant(&[Action::See], Reach::Rule(wide))]), "longer than 16384 bytes"),
    ] {
        let found = problems(&role);
        assert!(found.len() == 1 && found[0].contains(part), "{part}: {found:?}");
    }
    let journey = Rule::Journey { journey: "a.b".into(), state: JourneyState::Never, step: None };
    let found = problems(&role_of(vec![grant(&[Action::See], Reach::Rule(journey))]));
    assert!(found[0].contains("make a segment of it"), "{found:?}");
}

#[test]
fn role_survives_json_and_unknown_keys_are_refused() {
    let is_east = Rule::Attribute {
        attribute: "region".to_owned(),
        test: Operator::Is(Scalar::Text("east".to_owned())),
    };
    for id in ROLES {
        let mut role = built_in::role(id).unwrap();
        role.grants.push(grant(&[Action::See], Reach::Rule(is_east.clone())));
        let text = serde_json::to_string(&role).unwrap();
        assert_eq!(serde_json::from_str::<Role>(&text).unwrap(), role);
    }
    let grants = json!([{ "actions": ["see"], "scope": "own", "kind": "contact" }]);
    for wrong in [
        json!({ "name": "X", "grants": grants }),
        json!({ "name": "X", "grants": [{ "actions": ["fly"], "scope": "own" }] }),
        json!({ "name": "X", "grants": [{ "actions": ["see"], "scope": "mine" }] }),
        json!({ "name": "X", "grants": [], "personal": "shown" }),
        Value::Null,
    ] {
        assert!(serde_json::from_value::<Role>(wrong.clone()).is_err(), "{wrong}");
    }
}
