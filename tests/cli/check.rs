//! `dripline check`: the samples are without a warning, and a warning names its file and line.

use super::dripline;
use std::fs;

#[test]
fn the_samples_deserve_no_warning() {
    let answer = dripline(&["check", "--json"]).ended(0).json();
    assert_eq!(answer["warnings"], serde_json::json!([]));
    let out = dripline(&["check"]).ended(0).out;
    assert!(out.ends_with("all good\n"), "{out}");
}

#[test]
fn a_warning_names_file_and_line_in_either_language_and_stops_nothing() {
    let root = std::env::temp_dir().join(format!("dripline-check-{}", std::process::id()));
    let copy = |from: &str| {
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let (from, to) = (entry.path(), root.join(from).join(entry.file_name()));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            if from.is_file() {
                fs::copy(from, to).unwrap();
            }
        }
    };
    let mail = "templates/emails/webinar-nudge";
    for folder in ["pages", "partials", "layouts", "sms"] {
        copy(&format!("templates/{folder}"));
    }
    for mail in ["webinar-nudge", "webinar-recording", "webinar-story", "webinar-welcome"] {
        copy(&format!("templates/emails/{mail}"));
    }
    fs::create_dir_all(root.join("campaigns")).unwrap();
    let campaign = root.join("campaigns/spring-webinar.toml");
    fs::copy("campaigns/spring-webinar.toml", &campaign).unwrap();
    let body = fs::read_to_string(format!("{mail}/body.mjml.hbs")).unwrap();
    let body = body.replace("href=\"{{base_url}}", "href=\"http://a.example");
    fs::write(root.join(mail).join("body.mjml.hbs"), body).unwrap();
    let layout = fs::read_to_string("templates/layouts/larkspan.mjml.hbs").unwrap();
    let layout = layout.replace("<mj-style>", "<mj-style>\n.x { position: fixed }");
    fs::write(root.join("templates/layouts/larkspan.mjml.hbs"), layout).unwrap();

    let campaign = campaign.to_str().unwrap();
    let answer = dripline(&["check", campaign, "--json"]).ended(0).json();
    let told: Vec<String> = answer["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| {
            let file = warning["file"].as_str().unwrap().split("templates/").last().unwrap();
            format!("{file}:{} {}", warning["line"], warning["code"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        told,
        [
            "emails/webinar-nudge/body.mjml.hbs:13 insecure-link",
            // Once, though four mails stand in it.
            "layouts/larkspan.mjml.hbs:16 unsupported-css",
        ]
    );
    assert_eq!(answer["ok"], true);
    let out = dripline(&["check", campaign, "--lang", "zh-CN"]).ended(0).out;
    assert!(out.contains("insecure-link: `http://a.example/webinar"), "{out}");
    assert!(out.contains("改用 https://"), "{out}");
    assert!(out.ends_with("4 e-mails, 1 SMS: 2 warnings\n"), "{out}");
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn a_message_is_rendered_into_a_folder_for_a_contact() {
    let folder = std::env::temp_dir().join(format!("dripline-look-{}", std::process::id()));
    let out = folder.to_str().unwrap();
    let mail = "templates/emails/white-paper-reminder";
    let data = r#"{"full_name": "林晓雯", "company": "<b>"}"#;
    let ran = super::dripline_with(&["render", mail, "-", "--out-dir", out], &[], data).ended(0);
    let paths: Vec<&str> = ran.out.lines().collect();
    assert_eq!(paths.len(), 3);
    let read = |ending: &str| {
        fs::read_to_string(folder.join(format!("white-paper-reminder.{ending}"))).unwrap()
    };
    assert!(read("txt").starts_with("林晓雯，您好："));
    assert!(read("html").contains("&lt;b&gt;"));
    let page = read("preview.html");
    assert!(page.contains("sandbox=\"\"") && page.contains("Phone, 360 px"));
    assert!(page.contains("只要四个数，就能知道"), "the preheader is shown");

    let sms = "templates/sms/webinar-reminder.hbs";
    let variables = [("DRIPLINE_URL", "http://127.0.0.1:1")];
    let args = ["render", sms, "--out-dir", out, "--json"];
    let answer = super::dripline_with(&args, &variables, "").ended(0).json();
    assert_eq!(answer["files"].as_array().unwrap().len(), 2);
    assert_eq!(answer["sms"]["encoding"], "GSM-7");
    assert_eq!(answer["sms"]["segments"], 1);
    let page = fs::read_to_string(folder.join("webinar-reminder.preview.html")).unwrap();
    assert!(page.contains("<dt>Segments</dt><dd class=\"num\">1</dd>"), "{page}");
    assert!(page.contains("no price is set for this number"));
    fs::remove_dir_all(&folder).unwrap();
    super::dripline(&["render", mail, "--out-dir", out, "--campaign", "white-paper"]).ended(2);
}

#[test]
fn an_sms_of_a_campaign_is_printed_as_it_would_leave() {
    let project = super::Project::copied("render-sms");
    let file = project.join("campaigns/spring-webinar.toml");
    let text = fs::read_to_string(&file).unwrap();
    let sms = "[campaign.sms]\nsignature = \"砺川\"\nopt_out = \"拒收请回复R\"\n\
               price = { \"+86\" = \"0.045\" }\n\n[page.webinar]";
    fs::write(&file, text.replacen("[page.webinar]", sms, 1)).unwrap();
    let sms = project.join("templates/sms/webinar-reminder.hbs");
    fs::write(&sms, "您好 {{first_name}} https://a.example/a-long-address-that-is-shortened")
        .unwrap();
    let args = ["render", sms.to_str().unwrap(), "-"];
    let data = r#"{"first_name": "林", "phone": "+8613812345678"}"#;
    let ran = super::dripline_with(&args, &[], data).ended(0);
    assert!(ran.out.starts_with("【砺川】您好 林 https://go.example.com/s/"), "{}", ran.out);
    assert!(ran.out.ends_with(" 拒收请回复R\n"), "{}", ran.out);
    assert!(ran.err.starts_with("to +8613812345678: UCS-2, "), "{}", ran.err);
    assert!(ran.err.contains(" 1 segment, ") && ran.err.contains("; 0.045 GBP\n"), "{}", ran.err);
    assert!(ran.err.ends_with(": https://a.example/a-long-address-that-is-shortened\n"));
    let ran = super::dripline_with(&[&args[..], &["--json"]].concat(), &[], data).ended(0);
    assert_eq!(ran.json()["sms"]["cost_micros"], 45_000);
    // Of no campaign, it is what it renders to.
    let alone = super::Scratch::new("alone.hbs", "{{x}}’s");
    let args = ["render", alone.path(), "-", "--plain"];
    assert_eq!(super::dripline_with(&args, &[], r#"{"x": "Al"}"#).ended(0).out, "Al’s\n");
}
