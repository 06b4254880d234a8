//! `dripline simulate`.

use super::{Scratch, dripline};
use serde_json::Value;

/// The JSON output of a run without its timing.
fn outcome(args: &[&str]) -> Value {
    let mut json = dripline(&[&["simulate", "--json"], args].concat()).ended(0).json();
    assert!(json["timing"]["seconds"].is_number());
    json.as_object_mut().unwrap().remove("timing");
    json
}

#[test]
fn same_seed_gives_same_output() {
    let args = ["simulate", "spring-webinar", "--contacts", "12", "--calendar", "all"];
    let (one, two) = (dripline(&args).ended(0), dripline(&args).ended(0));
    assert_eq!(one.out, two.out);
    let other = dripline(&[&args[..], &["--seed", "2"]].concat()).ended(0);
    assert_ne!(one.out, other.out);
    for part in [
        "Calendar\n",
        "gets emails/webinar-welcome",
        "sends the form",
        "opens emails/",
        "clicks in emails/",
        "Funnel",
        "By channel",
        "By message",
        "Journeys",
        "Segments",
    ] {
        assert!(one.out.contains(part), "no {part} in\n{}", one.out);
    }
    assert!(one.err.contains("steps a second"));
}

#[test]
fn behaviour_shares_take_effect() {
    let common = ["spring-webinar", "--contacts", "10", "--calendar", "all"];
    let nobody = ["--open", "0", "--click", "0", "--buy", "0", "--unsubscribe", "0", "--lead", "1"];
    let quiet = outcome(&[&common[..], &nobody].concat());
    assert_eq!(quiet["report"]["total"]["visitors"], 10);
    assert_eq!(quiet["report"]["total"]["leads"], 10);
    assert_eq!(quiet["report"]["total"]["conversions"], 0);
    let sum = |json: &Value, figure: &str| {
        let rows = json["report"]["messages"].as_array().unwrap();
        rows.iter().map(|row| row[figure].as_i64().unwrap()).sum::<i64>()
    };
    assert!(sum(&quiet, "sent") >= 30, "{quiet}");
    assert_eq!((sum(&quiet, "opened"), sum(&quiet, "clicked")), (0, 0));

    let everybody = ["--click", "1", "--buy", "1", "--unsubscribe", "0", "--order", "100"];
    let eager = outcome(&[&common[..], &everybody].concat());
    assert_eq!(eager["report"]["total"]["conversions"], 10);
    let revenue = eager["report"]["total"]["revenue_minor"].as_i64().unwrap();
    assert!((50_000..=150_000).contains(&revenue), "{revenue}");
    assert_eq!(
        eager["journeys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|j| j["count"].as_i64().unwrap())
            .sum::<i64>(),
        10
    );
}

#[test]
fn double_opt_in_waits_for_confirmation() {
    let common = ["white-paper", "--contacts", "10", "--consent", "1", "--calendar", "all"];
    let templates = |confirm: &str| -> Vec<String> {
        let json = outcome(&[&common[..], &["--confirm", confirm]].concat());
        let rows = json["messages"].as_array().unwrap();
        rows.iter().map(|row| row["template"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(templates("0"), ["house/confirm"]);
    assert!(templates("1").contains(&"emails/white-paper-welcome".to_owned()));
}

#[test]
fn invalid_campaign_is_reported_like_check() {
    let file = Scratch::new("sim.toml", "[campaign]\nid = \"sim\"\n");
    let ran = dripline(&["simulate", file.path()]).ended(1);
    assert!(ran.out.contains("problems in 1 file"), "{}", ran.out);
    let ran = dripline(&["simulate", file.path(), "--json"]).ended(1);
    assert_eq!(ran.json()["ok"], false);
}
