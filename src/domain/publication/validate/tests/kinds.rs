//! Segments and journeys of other kinds than contacts.

use super::*;

#[test]
fn parts_about_different_kinds_do_not_refer_to_each_other() {
    let begin = SAMPLE.split("[journey.nurture]").next().unwrap();
    let found = errors_in(&format!(
        "{begin}
[segment.firms]
of = \"company\"
rule = {{ all = [
    {{ segment = \"engaged\" }}, {{ consent = \"newsletter\", channel = \"email\" }},
] }}

[journey.people]
enter = {{ segment = \"firms\" }}
[[journey.people.step]]
id = \"over\"
enroll = \"firms\"

[journey.firms]
of = \"company\"
enter = {{ form = \"download\" }}
[[journey.firms.step]]
id = \"write\"
send = \"emails/white-paper-welcome\"
[[journey.firms.step]]
id = \"say\"
notify = \"owner\"
"
    ));
    assert_snapshot!(found, @"
    line 94: segment.firms.rule.all[1].segment
         the segment is of the kind `contact`, not `company`
    line 94: segment.firms.rule.all[2].consent
         only contacts give consent
    line 98: journey.people.enter.segment
         the segment is of the kind `company`, not `contact`
    line 101: journey.people.step[1].enroll
         the journey is of the kind `company`, not `contact`
    line 105: journey.firms.enter.form
         only a contact sends a form
    line 108: journey.firms.step[1].send
         only a journey of contacts has this step
    line 111: journey.firms.step[2].notify
         only a journey of contacts has this step
    ");
}

#[test]
fn segment_of_contacts_is_stored_as_it_always_was() {
    let of_contacts = Segment::of_contacts(Rule::Tag("vip".to_owned()));
    let text = serde_json::to_string(&of_contacts).unwrap();
    assert_eq!(text, r#"{"tag":"vip"}"#);
    assert_eq!(serde_json::from_str::<Segment>(&text).unwrap(), of_contacts);
    let of = crate::domain::base::primitives::KindId::from("company");
    let of_companies = Segment { of, ..of_contacts };
    let text = serde_json::to_string(&of_companies).unwrap();
    assert_eq!(text, r#"{"of":"company","rule":{"tag":"vip"}}"#);
    assert_eq!(serde_json::from_str::<Segment>(&text).unwrap(), of_companies);
}
