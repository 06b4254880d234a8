use super::*;
use crate::domain::base::primitives::{KindId, Millis, RecordId};
use crate::domain::contact::Contact;
use crate::domain::kind::{Kind, built_in};
use crate::domain::record::PlainRecord;
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

fn contacts() -> Kind {
    let [contact, _] = built_in();
    Kind { search: true, ..contact }
}

fn contact(attributes: Value) -> Contact {
    let mut contact = Contact::unknown(RecordId::from("1"), Millis(0));
    contact.attributes = serde_json::from_value(attributes).unwrap();
    contact
}

/// The words of a contact's company.
fn of_text(text: &str) -> String {
    let words = words(&contacts(), &contact(json!({ "company": text })));
    words.all().map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

fn finds(query: &str, words: &Words) -> bool {
    let query = Query::read(query).unwrap_or_else(|problem| panic!("{query}: {problem:?}"));
    query.terms.iter().all(|term| words.meet(term, |_| true))
}

fn terms(query: &str) -> String {
    let term = |term: &Term| format!("{}{}", term.text, if term.is_whole { "" } else { "*" });
    match Query::read(query) {
        Ok(query) => query.terms.iter().map(term).collect::<Vec<_>>().join(" "),
        Err(problem) => problem.message,
    }
}

#[test]
fn text_is_read_as_words_and_pairs() {
    assert_snapshot!(of_text("Müller & Søn, Straße"), @"muller son strasse");
    assert_snapshot!(of_text("E\u{301}cole O'Brien’s"), @"ecole obriens");
    assert_snapshot!(of_text("杭州云栖科技 Cloud 2026"), @"2026 cloud 云栖 州云 杭州 栖科 科技");
    assert_snapshot!(of_text("ＡＢＣ　１２３"), @"123 abc");
    assert_snapshot!(of_text("王"), @"王");
    assert_snapshot!(of_text("株式会社カワイ・서울"), @"カワ ワイ 会社 式会 株式 社カ 서울");
    assert_snapshot!(of_text("see www.example.com."), @"com example see www www.example.com");
    let address = of_text("<ann.lee@example.com>");
    assert_snapshot!(address, @"ann ann.lee ann.lee@example.com com example example.com lee");
    assert_snapshot!(of_text("👩‍👩‍👧 ✓ — …"), @"");
    assert_snapshot!(of_text("'; DROP TABLE words; -- %_\0\u{202e}x"), @"drop table words x");
    assert_snapshot!(of_text("Ελλάδα Ёлка"), @"ελλαδα елка");
}

#[test]
fn query_asks_for_beginnings_of_words_and_for_pairs() {
    assert_snapshot!(terms("Jo Smi"), @"jo* smi*");
    assert_snapshot!(terms("王小明"), @"王小 小明");
    assert_snapshot!(terms("王"), @"王*");
    assert_snapshot!(terms("云栖Cloud"), @"云栖 cloud*");
    assert_snapshot!(terms("Ann.Lee@Exam"), @"ann.lee@exam*");
    assert_snapshot!(terms("@example.com"), @"example.com*");
    assert_snapshot!(terms("+86 138 0013-8000"), @"8613800138000*");
    assert_snapshot!(terms("0151 2345 6789"), @"15123456789*");
    assert_snapshot!(terms("ann ANN Ánn"), @"ann*");
    assert_snapshot!(terms(" 👩 "), @"it has no word");
    assert_snapshot!(terms(&"x".repeat(201)), @"it has more than 200 characters");
    let many: Vec<String> = (0..17).map(|n| format!("w{n}")).collect();
    assert_snapshot!(terms(&many.join(" ")), @"it has 17 words or pairs of Chinese characters");
}

#[test]
fn contact_is_found_by_names_addresses_and_numbers() {
    let ann = Contact {
        email: Some("ann.lee@example.com".to_owned()),
        phone: Some("+8613800138000".to_owned()),
        external_id: Some("CRM-00042".to_owned()),
        ..contact(json!({ "first_name": "小明", "last_name": "王", "company": "Larkspan GmbH" }))
    };
    let words = words(&contacts(), &ann);
    let found = [
        "ann", "lee", "ann.lee@example.com", "ann.l", "example.com", "@example.com", "exam",
        "8000", "138 0013 8000", "+86 138-0013-8000", "13800138000", "crm-00042", "小明", "王小明",
        "王小", "王", "larks", "lark ann 小明",
    ];
    for query in found {
        assert!(finds(query, &words), "{query}: {words:?}");
    }
    for query in ["nn", "明王", "lark bob", "gmbhx", "3800138"] {
        assert!(!finds(query, &words), "{query}");
    }
}

#[test]
fn kind_without_search_has_no_words() {
    let [contact_kind, _] = built_in();
    assert!(words(&contact_kind, &contact(json!({ "first_name": "Ann" }))).is_empty());
}

#[test]
fn fields_are_searched_if_they_say_so_and_are_not_confidential() {
    let kind: Kind = serde_json::from_value(json!({
        "id": "deal", "label": { "en": "Deal" }, "title": "number", "search": true,
        "fields": [
            { "name": "number", "kind": { "auto_number": { "pattern": "D-{n:5}" } } },
            { "name": "notes", "kind": "textarea", "search": true },
            { "name": "margin", "kind": "text", "search": true, "class": "confidential" },
            { "name": "other", "kind": "text" },
        ],
    }))
    .unwrap();
    let mut deal = PlainRecord::unknown(RecordId::from("1"), KindId::from("deal"), Millis(0));
    deal.attributes = serde_json::from_value(json!({
        "number": "D-00042", "notes": "call back", "margin": "secret", "other": "unseen",
    }))
    .unwrap();
    let words = words(&kind, &deal);
    let all: Vec<_> = words.all().map(|(part, word)| format!("{part}:{word}")).collect();
    assert_eq!(all.join(" "), "notes:back notes:call number:00042 number:42 number:d");
}

#[test]
fn words_are_few_and_short_however_long_the_text() {
    let long: String = (0..400_000).map(|n| format!("w{n} ")).collect();
    assert!(long.len() > 2_000_000);
    let found = words(&contacts(), &contact(json!({ "company": long, "first_name": "Ann" })));
    assert_eq!(found.all().count(), WORDS_MAX);
    assert!(finds("ann", &found), "a long text displaces no name");
    let word = "é".repeat(100_000);
    let found = words(&contacts(), &contact(json!({ "company": word })));
    let lengths: Vec<usize> = found.all().map(|(_, word)| word.chars().count()).collect();
    assert_eq!(lengths, [WORD_CHARS_MAX]);
    assert!(finds(&"é".repeat(100), &found), "by its beginning");
}

fn a_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z]{1,6}",
        "[0-9]{1,12}",
        "[一-龥]{1,5}",
        "[ぁ-ん]{1,3}",
        "[à-ž]{1,4}",
        "[ａ-ｚ]{1,3}",
        "[.@ '’+_-]{1,2}",
        "[👩\u{200d}\u{301}\u{0}\u{202e}]{1,2}",
        "\\PC{1,3}",
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..<_>::default() })]

    #[test]
    fn record_is_found_by_each_of_its_words(text in a_text(), name in a_text()) {
        let contact = contact(json!({ "company": text, "last_name": name, "first_name": text }));
        let found = words(&contacts(), &contact);
        for (_, word) in found.all() {
            prop_assert!(finds(word, &found), "{word:?} of {found:?}");
        }
    }

    #[test]
    fn record_is_found_by_its_text_as_it_is_written(text in a_text()) {
        let found = words(&contacts(), &contact(json!({ "company": text })));
        match Query::read(&text) {
            Ok(query) => for term in &query.terms {
                prop_assert!(found.meet(term, |_| true), "{term:?} of {found:?}");
            },
            Err(problem) => prop_assert!(found.is_empty() || !problem.message.contains("no word")),
        }
    }

    #[test]
    fn range_of_a_term_has_the_words_that_meet_it(text in a_text(), query in a_text()) {
        let found = words(&contacts(), &contact(json!({ "company": text })));
        let Ok(query) = Query::read(&query) else { return Ok(()) };
        for term in &query.terms {
            for (_, word) in found.all() {
                let is_between = word >= term.text.as_str() && word < term.end().as_str();
                prop_assert_eq!(term.is_met_by(word), is_between);
            }
        }
    }
}
