//! Sealed values.

use super::super::sealed::{self, OpenProblem};
use super::*;
use FieldReason::*;

const SECRET: &str = "110101199003078515";

fn seal(text: &str, nonce: u8, about: &str) -> Value {
    let key = key();
    sealed::seal(text, &Sealing { key: &key, unique: &nonce.to_string(), about }).unwrap()
}

#[test]
fn sealed_text_opens_at_its_place_only() {
    let kept = seal(SECRET, 1, "r1/id_card");
    assert_eq!(sealed::open(&kept, &[key()], "r1/id_card").as_deref(), Ok(SECRET));
    assert_eq!(sealed::open(&kept, &[key()], "r2/id_card"), Err(OpenProblem::Forged));
    assert!(!kept.to_string().contains(&SECRET[..8]), "{kept}");
    let keys = [SealKey::new("k2", [8; 32]), key()];
    assert_eq!(sealed::open(&kept, &keys, "r1/id_card").as_deref(), Ok(SECRET), "after a rotation");
    assert_eq!(sealed::open(&kept, &keys[..1], "r1/id_card"), Err(OpenProblem::UnknownKey));
    let same_id = [SealKey::new("k1", [8; 32])];
    assert_eq!(sealed::open(&kept, &same_id, "r1/id_card"), Err(OpenProblem::Forged));
}

#[test]
fn altered_envelope_does_not_open() {
    let kept = seal(SECRET, 1, "r");
    for part in ["nonce", "sealed"] {
        let text = kept[part].as_str().unwrap();
        for index in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            let mut altered = kept.clone();
            altered[part] = String::from_utf8(bytes).unwrap().into();
            assert!(sealed::open(&altered, &[key()], "r").is_err(), "{part} {index}");
        }
        for wrong in [json!(""), json!("!"), json!(1), json!("A".repeat(100_000))] {
            let mut altered = kept.clone();
            altered[part] = wrong;
            assert!(sealed::open(&altered, &[key()], "r").is_err());
        }
    }
    for wrong in [json!(null), json!({}), json!("x"), json!({ "key": "k1" })] {
        assert_eq!(sealed::open(&wrong, &[key()], "r"), Err(OpenProblem::Malformed));
    }
}

#[test]
fn fields_of_one_write_never_share_a_nonce() {
    let (one, other) = (seal(SECRET, 1, "r/a"), seal(SECRET, 1, "r/b"));
    assert_ne!(one["nonce"], other["nonce"]);
    assert_ne!(one["nonce"], seal(SECRET, 2, "r/a")["nonce"]);
    assert_eq!(one, seal(SECRET, 1, "r/a"), "the nonce is an argument");
}

#[test]
fn people_see_the_last_characters_of_long_secrets_only() {
    for (secret, shown) in [
        (SECRET, "••••8515"),
        ("12345678901", "••••"),
        ("1234", "••••"),
        ("一二三四五六七八九十甲乙", "••••九十甲乙"),
    ] {
        let kept = seal(secret, 1, "r");
        assert_eq!(FieldType::Sealed.show(&kept, &viewer(Language::English)), shown);
        assert_eq!(FieldType::Sealed.export(&kept), shown);
    }
}

#[test]
fn mask_that_comes_back_changes_nothing() {
    let kind = FieldType::Sealed;
    let kept = seal(SECRET, 1, "r/x");
    let mask = ["••••8515".to_owned()];
    assert_eq!(read_typed(&kind, &Typed::Strings(&mask), Some(&kept)), Ok(Some(kept.clone())));
    assert_eq!(read_typed(&kind, &Typed::Strings(&mask), None), Err(Masked));
    let other = ["••••0000".to_owned()];
    assert_eq!(read_typed(&kind, &Typed::Strings(&other), Some(&kept)), Err(Masked));
}

#[test]
fn secret_is_never_kept_without_a_key() {
    let texts = [SECRET.to_owned()];
    let kind = FieldType::Sealed;
    assert_eq!(kind.read(&Typed::Strings(&texts), &Reading::default()), Err(NoKey));
    let readable = kind.read(&Typed::Kept(&json!(SECRET)), &Reading::default());
    assert_eq!(readable, Err(NoKey), "a readable text is no sealed value");
    assert_eq!(read_json(&FieldType::Sealed, seal(SECRET, 1, "r")), Err(WrongJson));
    assert_eq!(read(&FieldType::Sealed, "a\u{202e}b"), Err(ControlCharacter));
    assert!(FieldType::Sealed.index_keys(&seal(SECRET, 1, "r")).is_empty());
}

#[test]
fn keys_are_read_from_the_environment() {
    let (old, new) =
        (format!("2026-11:{}", "a5".repeat(32)), format!("2027-01:{}", "b6".repeat(32)));
    let keys = SealKey::parse_all(&format!("{new}\n  {old}\n")).unwrap();
    let text = format!("{keys:?}");
    assert!(!text.contains("165") && !text.contains("a5"), "no key in a log: {text}");
    let about = "person/id_card";
    let kept = sealed::seal(SECRET, &Sealing { key: &keys[1], unique: "1", about }).unwrap();
    assert_eq!(sealed::open(&kept, &keys, about).as_deref(), Ok(SECRET), "after a rotation");
    assert_eq!(SealKey::parse_all("").map(|keys| keys.len()), Some(0));
    let (short, long) = ("a5".repeat(31), "a5".repeat(33));
    for wrong in
        ["k", "k:", ":a5", &format!("k:{short}"), &format!("k:{long}"), &old.replace('a', "g")]
    {
        assert!(SealKey::parse_all(wrong).is_none(), "{wrong}");
    }
    assert!(SealKey::parse_all(&format!("{old}\n{old}")).is_none(), "one id twice");
}
