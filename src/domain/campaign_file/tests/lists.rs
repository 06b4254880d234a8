//! Lists in forms, rules, steps and broadcasts.

use super::*;
use crate::domain::campaign::lists::lists_of;

const LISTS: &str = r#"
[form.fair]
list = "stand"
fields = [{ name = "email", type = "email" }]

[segment.guests]
rule = { any = [{ list = "dinner" }, { not = { list = "lunch" } }] }

[journey.guests]
enter = { segment = "guests" }
exit = { rule = { list = "gone" } }
step = [
  { id = "a", add_to_list = "vip" },
  { id = "b", remove_from_list = "stand" },
  { id = "c", branch = [{ when = { list = "board" }, then = "end" }], otherwise = "d" },
  { id = "d", end = true },
]

[broadcast.dinner]
list = "dinner"
purpose = "newsletter"
send = "emails/welcome"
"#;

fn errors_after_lists(from: &str, to: &str) -> String {
    assert_eq!(LISTS.matches(from).count(), 1, "`{from}` must be there once");
    errors_in(&format!("{SAMPLE}{}", LISTS.replace(from, to)))
}

#[test]
fn lists_are_read_with_the_keys_at_which_they_are_named() {
    let campaign = read("campaigns/white-paper.toml", &format!("{SAMPLE}{LISTS}")).unwrap();
    let found = lists_of(&campaign).into_iter().map(|(list, key)| format!("{list}: {key}\n"));
    assert_snapshot!(found.collect::<String>(), @"
    stand: form.fair.list
    dinner: segment.guests.rule
    lunch: segment.guests.rule
    gone: journey.guests.exit
    vip: journey.guests.step.a
    stand: journey.guests.step.b
    board: journey.guests.step.c
    dinner: broadcast.dinner.list
    ");
}

#[test]
fn stored_broadcast_of_a_segment_is_read_as_before() {
    let text = r#"{ "segment": "s", "purpose": "p", "at": null, "variants": [],
                    "standard": { "confidence": 95, "sample_min": 100 }, "test": null }"#;
    let stored: crate::domain::campaign::broadcast::Broadcast = serde_json::from_str(text).unwrap();
    assert_eq!(stored.target.name(), "s");
    let again = serde_json::to_value(&stored).unwrap();
    assert_eq!((&again["segment"], again.get("list")), (&"s".into(), None));
}

#[test]
fn mistakes_about_lists_are_reported() {
    assert_snapshot!(errors_after_lists("list = \"dinner\"\npurpose", "purpose"), @"
    line 243: broadcast.dinner
         the broadcast goes to nobody
       → give it one of segment, list
    ");
    let both = "list = \"dinner\"\nsegment = \"guests\"\npurpose";
    assert_snapshot!(errors_after_lists("list = \"dinner\"\npurpose", both), @"
    line 244: broadcast.dinner.list
         a broadcast goes to either a `segment` or a `list`
    ");
    for (from, to) in [
        ("fair]\nlist = \"stand\"", "fair]\nlist = \"贵宾\""),
        ("add_to_list = \"vip\"", "add_to_list = \"V I P\""),
        ("remove_from_list = \"stand\"", "remove_from_list = \"\""),
        ("list = \"board\"", "list = \"a.b\""),
    ] {
        let said = errors_after_lists(from, to);
        assert!(said.contains("is not a valid name"), "{to}: {said}");
    }
}
