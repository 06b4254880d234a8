//! Which addresses are accepted, how they are normalized, and which are refused.

use super::AddressProblem::*;
use super::*;

#[test]
fn valid_emails_are_normalized() {
    for (typed, kept) in [
        ("ada@example.com", "ada@example.com"),
        ("  Ada.Lovelace+News@Example.COM ", "ada.lovelace+news@example.com"),
        ("o'brien@sub.example.co.uk", "o'brien@sub.example.co.uk"),
        ("user@例子.中国", "user@xn--fsqu00a.xn--fiqs8s"),
        ("user@BÜCHER.example", "user@xn--bcher-kva.example"),
        ("user@xn--fiqs8s.xn--fiqs8s", "user@xn--fiqs8s.xn--fiqs8s"),
        ("ｌｉｎａ＠example。com", "lina@example.com"),
        ("　12345678@qq.com　", "12345678@qq.com"),
    ] {
        assert_eq!(read_email(typed).as_deref(), Ok(kept), "{typed}");
    }
    for spelling in [
        "info@müller.example",
        "info@mu\u{308}ller.example",
        "info@MÜLLER.example",
        "info@xn--mller-kva.example",
        "Info@XN--MLLER-KVA.EXAMPLE",
        "ｉｎｆｏ＠ｍüｌｌｅｒ．ｅｘａｍｐｌｅ",
        "info﹫müller。example",
        "info@müller｡example.",
        "ⓘⓝⓕⓞ@ⓜüⓛⓛⓔⓡ.ⓔⓧⓐⓜⓟⓛⓔ",
        "𝐢𝐧𝐟𝐨@m𝐮\u{308}ller.example",
        "\u{feff}info@m\u{ad}üll\u{200b}er.example\u{200e}",
        "in\u{ad}fo@müller.example",
    ] {
        assert_eq!(read_email(spelling).as_deref(), Ok("info@xn--mller-kva.example"), "{spelling}");
    }
    for (typed, kept) in [
        // Not "ss", as before IDNA 2008 (2010).
        ("a@straße.example", "a@xn--strae-oqa.example"),
        ("a@STRAẞE.example", "a@xn--strae-oqa.example"),
        ("a@ﬁﬂ.example", "a@fifl.example"),
        ("a@ex\u{200b}ample.com", "a@example.com"),
        // A joiner stays where the script needs it.
        ("a@क्\u{200d}ष.example", "a@xn--11b2ezcw70k.example"),
        ("a@ab--cd.example", "a@ab--cd.example"),
        // Letters of another alphabet make another domain, and it shows.
        ("a@ехample.com", "a@xn--ample-ywe6i.com"),
        ("a@☃.example", "a@xn--n3h.example"),
    ] {
        assert_eq!(read_email(typed).as_deref(), Ok(kept), "{typed}");
    }
    let longest = format!("{}@{}.com", "a".repeat(64), "b".repeat(63));
    assert_eq!(read_email(&longest), Ok(longest.clone()));
}

#[test]
fn invalid_emails_are_refused() {
    let long_local = format!("{}@example.com", "a".repeat(65));
    let long = format!("a@{}com", "bbbbbbbbb.".repeat(26));
    for (typed, problem) in [
        ("", Empty),
        ("   ", Empty),
        ("ada", NoAt),
        ("ada@@example.com", SeveralAts),
        ("ada@b@example.com", SeveralAts),
        ("@example.com", LocalPart),
        (".ada@example.com", LocalPart),
        ("a..b@example.com", LocalPart),
        ("阿达@example.com", LocalPart),
        ("ada\\@example.com", LocalPart),
        ("ada@example", Domain),
        ("ada@.com", Domain),
        ("ada@example..com", Domain),
        ("ada@-example.com", Domain),
        ("ada@exa_mple.com", Domain),
        ("ada@127.0.0.1", Domain),
        ("ada@[127.0.0.1]", Domain),
        ("ada@example.c", Domain),
        ("ada@ex\u{202e}ample.com", Domain),
        ("ada@xn--a.example", Domain),
        ("ada@xn--example.com", Domain),
        ("ada@xn--.example", Domain),
        ("ada@mü_ller.example", Domain),
        ("ada@-müller.example", Domain),
        ("ada@müller-.example", Domain),
        ("ada@a\u{200d}b.example", Domain),
        ("ada@\u{301}a.example", Domain),
        ("ada@أa.example", Domain),
        ("ada@example.com..", Domain),
        ("ada@example.１２３", Domain),
        ("ada@１２７。０。０。１", Domain),
        ("ad\u{202e}a@example.com", LocalPart),
        ("ådå@example.com", LocalPart),
        ("strauß@example.com", LocalPart),
        ("Ada <ada@example.com>", NotBare),
        ("ada@example.com, eve@example.com", NotBare),
        ("\"ada\"@example.com", NotBare),
        ("mailto:ada@example.com", NotBare),
        ("ada@example.com\r\nBcc: eve@example.com", ControlCharacter),
        ("ada@example.com\0", ControlCharacter),
        ("ada@example.com\u{2028}", ControlCharacter),
        (&long_local, TooLong),
        (&long, TooLong),
    ] {
        assert_eq!(read_email(typed), Err(problem), "{typed:?}");
    }
}

#[test]
fn valid_phones_are_normalized() {
    for (typed, region, kept) in [
        ("13800138000", Some("CN"), "+8613800138000"),
        ("138 0013 8000", Some("cn"), "+8613800138000"),
        ("１３８００１３８０００", Some("CN"), "+8613800138000"),
        ("＋８６ 138-0013-8000", None, "+8613800138000"),
        ("0086 13800138000", None, "+8613800138000"),
        ("86 13800138000", Some("CN"), "+8613800138000"),
        ("19912345678", Some("CN"), "+8619912345678"),
        ("19212345678", Some("CN"), "+8619212345678"),
        ("16612345678", Some("CN"), "+8616612345678"),
        ("17712345678", Some("CN"), "+8617712345678"),
        ("010-62770334", Some("CN"), "+861062770334"),
        ("(650) 253-0000", Some("US"), "+16502530000"),
        ("+44 20 7031 3000", Some("CN"), "+442070313000"),
        ("020 7031 3000", Some("GB"), "+442070313000"),
        ("+39 06 698 12345", None, "+390669812345"),
        ("+852 2123 4567", None, "+85221234567"),
        ("+7 812 312-34-56", None, "+78123123456"),
        ("8 (812) 312-34-56", Some("RU"), "+78123123456"),
        ("+7 812 312-34-56", Some("RU"), "+78123123456"),
        ("+44 (0)20 7031 3000", None, "+442070313000"),
        ("+36 30 123 4567", None, "+36301234567"),
        ("００８６ １３８００１３８０００", None, "+8613800138000"),
        ("＋８６（１３８）００１３－８０００", None, "+8613800138000"),
        ("٠٠٨٦ ١٣٨٠٠١٣٨٠٠٠", None, "+8613800138000"),
        ("+۸۶ ۱۳۸۰۰۱۳۸۰۰۰", None, "+8613800138000"),
        ("१३८००१३८०००", Some("CN"), "+8613800138000"),
        ("𝟏𝟑𝟖𝟎𝟎𝟏𝟑𝟖𝟎𝟎𝟎", Some("CN"), "+8613800138000"),
        ("\u{202d}+86\u{a0}138\u{2009}0013\u{202f}8000\u{202c}", None, "+8613800138000"),
        ("138\t0013\u{3000}8000", Some("CN"), "+8613800138000"),
        ("+86\u{200b}138\u{2212}0013\u{2011}8000", None, "+8613800138000"),
        ("+86 138·0013·8000", None, "+8613800138000"),
    ] {
        assert_eq!(read_phone(typed, region).as_deref(), Ok(kept), "{typed} {region:?}");
    }
}

#[test]
fn invalid_phones_are_refused() {
    for (typed, region, problem) in [
        ("", Some("CN"), Empty),
        ("13800138000", None, PhoneWithoutCountry),
        ("13800138000", Some("ZZ"), PhoneWithoutCountry),
        ("1380013800", Some("CN"), PhoneNumber),
        ("138001380000", Some("CN"), PhoneNumber),
        ("12345", Some("CN"), PhoneNumber),
        ("+", None, PhoneNumber),
        ("+999 123 456 789", None, PhoneNumber),
        ("0800-FLOWERS", Some("US"), PhoneCharacter),
        ("+1 650 253 0000 ext 12", None, PhoneCharacter),
        ("tel:+16502530000", None, PhoneCharacter),
        ("+1 650 253 0000 ｅｘｔ １２", None, PhoneCharacter),
        ("+1 650 253 0000 分机 12", None, PhoneCharacter),
        ("+1 650 253 0000,12", None, PhoneCharacter),
        ("+1 650 253 0000;ext=12", None, PhoneCharacter),
        ("+1 650 253 0000#12", None, PhoneCharacter),
        ("+1 650 253 0000 12", None, PhoneNumber),
        ("1+650", Some("US"), PhoneCharacter),
        ("++16502530000", None, PhoneCharacter),
        ("+16502530000\n", None, ControlCharacter),
        ("1111111111111111111111111111111111", None, TooLong),
    ] {
        assert_eq!(read_phone(typed, region), Err(problem), "{typed:?} {region:?}");
    }
}

#[test]
fn address_problems_have_texts_in_both_languages() {
    assert_eq!(NoAt.message(Language::Chinese), "邮箱地址中应包含 @，例如 name@example.com。");
    assert_eq!(Empty.to_string(), "Fill this in.");
    assert_eq!(serde_json::to_string(&SeveralAts).unwrap(), "\"several_ats\"");
}

proptest::proptest! {
    // Each case runs the number patterns of four countries, without compiler optimization.
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    #[test]
    fn parsing_never_panics_and_is_stable(
        typed in "\\PC{0,40}",
        digits in "[+]?[0-9]{7,14}",
        domain in "\\PC{1,12}",
        local in "\\PC{1,6}",
    ) {
        let address = format!("a@{domain}.example");
        for text in [&typed, &digits, &address, &format!("{local}@example.com")] {
            let _ = read_phone(text, None);
            for region in ["CN", "US", "IT", "AR"] {
                if let Ok(kept) = read_phone(text, Some(region)) {
                    proptest::prop_assert_eq!(read_phone(&kept, None), Ok(kept.clone()));
                }
            }
            if let Ok(kept) = read_email(text) {
                proptest::prop_assert!(kept.is_ascii());
                proptest::prop_assert_eq!(read_email(&kept), Ok(kept.clone()));
                proptest::prop_assert_eq!(read_email(&shown(&kept)), Ok(kept.clone()));
                let capitals: String = kept.chars().map(|c| c.to_ascii_uppercase()).collect();
                proptest::prop_assert_eq!(read_email(&capitals), Ok(kept.clone()));
            }
        }
    }
}

#[test]
fn sender_address_is_normalized() {
    for (typed, kept) in [
        ("info@müller.example", "info@xn--mller-kva.example"),
        ("Müller & Co <Info@Müller.example>", "Müller & Co <info@xn--mller-kva.example>"),
        ("\"Müller, Ann\" <ann@example.com>", "\"Müller, Ann\" <ann@example.com>"),
    ] {
        assert_eq!(read_sender(typed).as_deref(), Ok(kept), "{typed}");
    }
    assert_eq!(read_sender("Müller <info@müller>"), Err(Domain));
    assert_eq!(read_sender("Müller\r\nBcc: <info@müller.example>"), Err(ControlCharacter));
    assert_eq!(shown("info@xn--mller-kva.example"), "info@müller.example");
    assert_eq!(shown("info@example.com"), "info@example.com");
    assert_eq!(shown("info@xn--a.example"), "info@xn--a.example");
}

#[test]
fn mailbox_splits_into_name_and_address() {
    let parts = |mailbox: &'static str| {
        let (name, address) = mailbox_parts(mailbox);
        format!("{name}|{address}")
    };
    assert_eq!(parts("Ann <a@x.example>"), "Ann|a@x.example");
    assert_eq!(parts("\"Joe, jr\" <j@x.example>"), "Joe, jr|j@x.example");
    assert_eq!(parts(r#""The \"best\" \\o/" <b@x.example>"#), r#"The "best" \o/|b@x.example"#);
    assert_eq!(parts("a@x.example"), "|a@x.example");
    assert_eq!(sender_name("Larkspan <hello@larkspan.example>"), "Larkspan");
    assert_eq!(sender_name("hello@larkspan.example"), "larkspan.example");
}
