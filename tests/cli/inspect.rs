//! `dripline inspect email|phone`.

use super::{dripline, dripline_with};

#[test]
fn one_address_is_explained() {
    let ran = dripline(&["inspect", "email", " Ann@Example.COM"]).ended(0);
    assert_eq!(ran.out, " Ann@Example.COM: accepted, kept as ann@example.com\n");
    let ran = dripline(&["inspect", "phone", "13800138000", "--region", "cn"]).ended(0);
    assert_eq!(ran.out, "13800138000: accepted, kept as +8613800138000\n");
    let ran = dripline(&["inspect", "phone", "13800138000"]).ended(1);
    assert_eq!(ran.out, "13800138000: refused: Begin with + and the country code, such as +44.\n");
}

#[test]
fn a_list_is_piped_through() {
    let ran = dripline_with(&["inspect", "email", "--json"], &[], "a@b.co\n\n王@例子.中国\n");
    let lines: Vec<serde_json::Value> =
        ran.ended(1).out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines,
        [
            serde_json::json!({ "input": "a@b.co", "ok": true, "normal": "a@b.co",
                                "reason": null, "message": null }),
            serde_json::json!({ "input": "王@例子.中国", "ok": false, "normal": null,
                                "reason": "local_part",
                                "message": "Check the part before the @." }),
        ]
    );
}
