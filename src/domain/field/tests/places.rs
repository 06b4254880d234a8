//! Countries, regions, postal addresses, and ids.

use super::super::region::{self, Within};
use super::*;
use FieldReason::*;

#[test]
fn places_of_china_are_read_by_name_and_code() {
    let several = |codes: [&str; 2]| Err(SeveralRegions(codes.map(str::to_owned).to_vec()));
    check_texts(
        &FieldType::Region,
        &[
            ("CN-3201", Ok(json!("CN-3201"))),
            ("cn-js", Ok(json!("CN-32"))),
            ("320000", Ok(json!("CN-32"))),
            ("320100", Ok(json!("CN-3201"))),
            ("３２０１", Ok(json!("CN-3201"))),
            ("419001", Ok(json!("CN-419001"))),
            ("江苏", Ok(json!("CN-32"))),
            ("江苏省", Ok(json!("CN-32"))),
            ("江苏省南京市", Ok(json!("CN-3201"))),
            ("中国江苏南京", Ok(json!("CN-3201"))),
            ("江苏 / 南京", Ok(json!("CN-3201"))),
            ("nanjing", Ok(json!("CN-3201"))),
            ("Nanjing, Jiangsu", Ok(json!("CN-3201"))),
            ("内蒙古", Ok(json!("CN-15"))),
            ("广西壮族自治区", Ok(json!("CN-45"))),
            ("延边", Ok(json!("CN-2224"))),
            ("香港", Ok(json!("CN-81"))),
            ("吉林", Ok(json!("CN-22"))),
            ("吉林市", Ok(json!("CN-2202"))),
            ("吉林吉林", Ok(json!("CN-2202"))),
            ("海南", Ok(json!("CN-46"))),
            ("北京", Ok(json!("CN-11"))),
            ("Suzhou", several(["CN-3205", "CN-3413"])),
            ("Suzhou, Anhui", Ok(json!("CN-3413"))),
            ("江苏省杭州市", Err(NotARegion)),
            ("CN-99", Err(NotARegion)),
            ("CN-320102", Err(NotARegion)),
            ("4290", Err(NotARegion)),
            ("江", Err(NotARegion)),
            ("州", Err(NotARegion)),
            ("Atlantis", Err(NotARegion)),
        ],
    );
}

#[test]
fn regions_of_other_countries_are_read_by_code() {
    check_texts(
        &FieldType::Region,
        &[
            ("us-ca", Ok(json!("US-CA"))),
            ("ES-A", Ok(json!("ES-A"))),
            ("DE", Ok(json!("DE"))),
            ("Germany", Ok(json!("DE"))),
            ("XX-CA", Err(NotARegion)),
            ("US-CALI", Err(NotARegion)),
            ("US-", Err(NotARegion)),
            ("US-C'", Err(NotARegion)),
        ],
    );
}

#[test]
fn province_contains_its_cities_by_prefix() {
    let jiangsu = read(&FieldType::Region, "江苏").unwrap().unwrap();
    assert_eq!(region::within(jiangsu.as_str().unwrap()), Within::StartsWith("CN-32".into()));
    let inside = region::places().filter(|place| place.code.starts_with("32")).count();
    assert_eq!(inside, 14, "the province and its thirteen cities");
    assert_eq!(region::within("CN"), Within::StartsWith("CN".into()));
    assert_eq!(region::within("ES-A"), Within::Is("ES-A".into()), "ES-AL is not in it");
}

#[test]
fn every_place_is_found_by_its_full_name_and_code() {
    let codes: Vec<&str> = region::places().map(|place| place.code).collect();
    assert_eq!(codes.iter().filter(|code| code.len() == 2).count(), 34);
    assert!(codes.is_sorted() && codes.len() == 398, "{}", codes.len());
    for place in region::places() {
        let kept = format!("CN-{}", place.code);
        assert!(region::is_kept(&kept));
        assert_eq!(region::read(&kept).as_ref(), Ok(&kept));
        assert_eq!(region::read(place.name(Language::Chinese)).as_ref(), Ok(&kept));
        for language in Language::ALL {
            let shown = region::shown(&kept, language);
            assert_eq!(region::read(&shown).as_ref(), Ok(&kept), "{shown}");
        }
    }
    assert_eq!(region::shown("CN-3201", Language::English), "Nanjing, Jiangsu");
    assert_eq!(region::shown("US-CA", Language::Chinese), "美国 US-CA");
    assert_eq!(region::shown("CN-99", Language::Chinese), "CN-99");
}

#[test]
fn withdrawn_code_stays_where_it_is_kept() {
    let kept = json!("CN-2999");
    let kind = FieldType::Region;
    assert_eq!(read_typed(&kind, &Typed::Kept(&kept), None), Ok(Some(kept.clone())));
    assert_eq!(read_json(&kind, kept), Err(NotARegion));
}

#[test]
fn addresses_are_read_from_parts_json_and_one_line() {
    let kind = FieldType::Address;
    let kept = json!({ "country": "CN", "region": "CN-3201", "city": "南京",
        "postal_code": "210000", "street": ["中山路 1 号", "2 楼"] });
    let parts = ["中国", "江苏省南京市", "南京", "210000", "中山路 1 号", "", " 2 楼 "];
    assert_eq!(read_all(&kind, &parts), Ok(Some(kept.clone())));
    assert_eq!(
        kind.show(&kept, &viewer(Language::Chinese)),
        "中国 江苏省南京市 南京 中山路 1 号 2 楼 210000"
    );
    check_round_trip(&kind, &kept);
    let one = "江苏省南京市玄武区中山路 1 号";
    assert_eq!(read(&kind, one), Ok(Some(json!({ "street": [one] }))), "nothing is lost");
    assert_eq!(read_all(&kind, &["", "", "", ""]), Ok(None));
    for (json, reason) in [
        (json!({ "country": "US", "region": "CN-32" }), NotARegion.at("region")),
        (json!({ "country": "XX" }), NotACountry.at("country")),
        (json!({ "planet": "Mars" }), UnknownPart.at("planet")),
        (json!({ "city": 1 }), WrongJson.at("city")),
        (json!({ "city": "a\u{202e}b" }), ControlCharacter.at("city")),
        (json!({ "postal_code": "'; --" }), NotAPostalCode.at("postal_code")),
        (json!({ "street": [["x"]] }), WrongJson.at("street")),
        (json!({ "street": ["a", "b", "c", "d", "e", "f"] }), TooMany(5).at("street")),
        (json!([1]), WrongJson),
    ] {
        assert_eq!(read_json(&kind, json.clone()), Err(reason), "{json}");
    }
    assert_eq!(read(&kind, "{\"city\":"), Err(NotAPostalAddress));
    assert_eq!(NotACountry.at("country").message(Language::English), "country: Choose a country.");
}

#[test]
fn ids_are_uuids_and_teams_are_paths() {
    for kind in [FieldType::Person, FieldType::Member, FieldType::Link { to: "deal".into() }] {
        check_texts(
            &kind,
            &[
                (UUID, Ok(json!(UUID))),
                ("1", Err(NotAnId)),
                ("018bcfe5-6800-7abc-8def-0123456789ag", Err(NotAnId)),
                ("018bcfe5_6800_7abc_8def_0123456789ab", Err(NotAnId)),
                ("' or 1=1 --", Err(NotAnId)),
            ],
        );
    }
    let team = FieldType::Team;
    let wrong = || Err(NotATeam);
    check_texts(&team, &[("sales", Ok(json!("sales"))), ("sales/", wrong()), ("Sales", wrong())]);
    check_texts(&team, &[("a//b", wrong()), ("../x", wrong()), (&"a".repeat(65), wrong())]);
    let links = FieldType::Links { to: "deal".into() };
    let other = UUID.replace('0', "1");
    let both = Ok(Some(json!([other, UUID])));
    assert_eq!(read(&links, &format!("{other}, {UUID};{other}")), both);
    assert_eq!(read_json(&links, json!([other, UUID])), both);
    let many: Vec<String> = (0..101).map(|n| format!("{}{n:03}", &UUID[..33])).collect();
    assert_eq!(read_json(&links, json!(many)), Err(TooMany(100)));
    assert_eq!(links.index_keys(&json!([other, UUID])).len(), 2);
}
