//! `dripline check`: the samples have no warnings, and a warning names its file and line.

use super::dripline;
use std::fs;

#[test]
fn samples_have_no_warnings() {
    let answer = dripline(&["check", "--json"]).ended(0).json();
    assert_eq!(answer["warnings"], serde_json::json!([]));
    let out = dripline(&["check"]).ended(0).out;
    assert!(out.ends_with("all good\n"), "{out}");
}

#[test]
fn warning_names_file_and_line_in_both_languages() {
    let root = super::Project::copied("check");
    let mail = "templates/emails/webinar-nudge";
    let campaign = root.join("campaigns/spring-webinar.toml");
    let body = fs::read_to_string(format!("{mail}/body.mjml.hbs")).unwrap();
    let body = body.replace("href=\"{{base_url}}", "href=\"http://a.example");
    fs::write(root.join(mail).join("body.mjml.hbs"), body).unwrap();
    let layout = fs::read_to_string("templates/layouts/larkspan.mjml.hbs").unwrap();
    let rules = "<mj-style>\n.x { position: fixed }\n.y { position: fixed }";
    let layout = layout.replace("<mj-style>", rules);
    fs::write(root.join("templates/layouts/larkspan.mjml.hbs"), layout).unwrap();

    let campaign = campaign.to_str().unwrap();
    let answer = dripline(&["check", campaign, "--json"]).ended(0).json();
    let warnings: Vec<String> = answer["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| {
            let file = warning["file"].as_str().unwrap().split("templates/").last().unwrap();
            format!("{file}:{} {}", warning["line"], warning["code"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        warnings,
        [
            "emails/webinar-nudge/body.mjml.hbs:13 insecure-link",
            // Once, although four e-mails use it.
            "layouts/larkspan.mjml.hbs:16 unsupported-css",
            "layouts/larkspan.mjml.hbs:17 unsupported-css",
        ]
    );
    assert_eq!(answer["ok"], true);
    let out = dripline(&["check", campaign]).ended(0).out;
    assert!(out.contains("insecure-link: `http://a.example/webinar"), "{out}");
    assert!(out.contains("begin it with https://"), "{out}");
    assert_eq!(out.matches("position:fixed").count(), 1, "the same is said once: {out}");
    assert!(out.contains("also in line 17"), "{out}");
    assert!(out.ends_with("4 e-mails, 1 SMS: 3 warnings\n"), "{out}");
}

/// What `check` reports about the samples after a change: `file:line message; help`.
fn changed(name: &str, change: impl FnOnce(&super::Project)) -> Vec<String> {
    let project = super::Project::copied(name);
    change(&project);
    let campaigns = project.join("campaigns");
    let ran = dripline(&["check", campaigns.to_str().unwrap(), "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let found = |list: &str| answer[list].as_array().cloned().unwrap_or_default();
    let line = |one: &serde_json::Value| {
        let file = one["file"].as_str().unwrap().replace('\\', "/");
        let file = file.split("/templates/").last().unwrap().split("/campaigns/").last().unwrap();
        let code = one["code"].as_str().map(|code| format!("{code}: ")).unwrap_or_default();
        let text = |key: &str| one[key].as_str().unwrap_or_default();
        format!("{file}:{} {code}{}; {}", one["line"], text("message"), text("help"))
    };
    found("problems").iter().chain(&found("warnings")).map(line).collect()
}

#[test]
fn wrong_encoding_is_reported_with_likely_encoding() {
    let campaign = "campaigns/white-paper.toml";
    let gbk = changed("gbk", |project| {
        let text = fs::read_to_string(project.join(campaign)).unwrap();
        let (bytes, ..) = encoding_rs::GB18030.encode(&text);
        fs::write(project.join(campaign), bytes).unwrap();
    });
    assert_eq!(gbk.len(), 1, "{gbk:#?}");
    assert!(
        gbk[0].contains("is not UTF-8; it seems to be GBK (GB18030); save it as UTF-8"),
        "{gbk:?}"
    );
    assert!(gbk[0].contains("iconv -f gb18030 -t UTF-8 white-paper.toml"), "{gbk:?}");
    let subject = "templates/emails/webinar-nudge/subject.hbs";
    let wide = changed("wide", |project| {
        let text = fs::read_to_string(project.join(subject)).unwrap();
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        fs::write(project.join(subject), bytes).unwrap();
    });
    assert_eq!(wide.len(), 1, "{wide:#?}");
    assert!(wide[0].contains("subject.hbs:1 is not UTF-8; it seems to be UTF-16"), "{wide:?}");
    let zero = changed("zero", |project| {
        let mut bytes = fs::read(project.join(subject)).unwrap();
        bytes.extend(b"\nx\0y and more words, so that this is no UTF-16");
        fs::write(project.join(subject), bytes).unwrap();
    });
    assert!(zero[0].contains("holds a zero byte (NUL)"), "{zero:?}");
    let ends = changed("ends", |project| {
        for file in [campaign, subject, "templates/emails/webinar-nudge/body.mjml.hbs"] {
            let text = fs::read_to_string(project.join(file)).unwrap();
            let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
            fs::write(project.join(file), text).unwrap();
        }
    });
    assert_eq!(ends, [] as [&str; 0], "a byte order mark and CRLF are fine");
}

#[test]
fn toml_mistake_is_shown_with_its_line() {
    let project = super::Project::copied("slip");
    let file = project.join("campaigns/white-paper.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("[campaign]\n", "[campaign]\nnote = “好”\n", 1)).unwrap();
    let ran = dripline(&["check", file.to_str().unwrap()]).ended(1);
    assert!(ran.out.contains("`“` is a curly quote"), "{}", ran.out);
    assert!(ran.out.contains("| note = “好”\n           |        ^"), "{}", ran.out);
    assert!(ran.out.contains("1 problem in 1 file"), "{}", ran.out);
}

#[test]
fn misnamed_template_file_is_reported_with_suggestion() {
    let mail = "templates/emails/webinar-nudge";
    for (stray, meant) in [
        ("sujbect.txt", "subject.hbs"),
        ("body.htm", "body.mjml.hbs"),
        ("text.txt", "text.hbs"),
        ("body.hbs", "body.mjml.hbs"),
        ("preheader.html", "preheader.hbs"),
    ] {
        let lines = changed("stray", |p| fs::write(p.join(mail).join(stray), "x").unwrap());
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].contains(&format!("did you mean `{meant}`?")), "{stray}: {lines:?}");
    }
    let fine = changed("notes", |p| fs::write(p.join(mail).join("data.json"), "{}").unwrap());
    assert_eq!(fine, [] as [&str; 0]);
    let renamed = changed("renamed", |project| {
        let sms = |ending: &str| project.join(&format!("templates/sms/webinar-reminder.{ending}"));
        fs::rename(sms("hbs"), sms("txt")).unwrap();
    });
    assert!(renamed[0].contains("webinar-reminder.txt to webinar-reminder.hbs"), "{renamed:?}");
}

#[test]
fn unused_template_is_warned_and_warnings_name_right_file() {
    let unused = changed("unused", |project| {
        fs::write(project.join("templates/partials/old.hbs"), "x").unwrap();
        fs::write(project.join("templates/sms/note.txt"), "x").unwrap();
    });
    assert_eq!(unused.len(), 2, "{unused:#?}");
    assert!(unused[0].starts_with("partials/old.hbs:1 unused-template:"), "{unused:?}");
    assert!(unused[1].starts_with("sms/note.txt:1 unused-template:"), "{unused:?}");
    let bare = changed("bare", |project| {
        fs::remove_file(project.join("templates/emails/webinar-nudge/preheader.hbs")).unwrap();
    });
    assert_eq!(bare.len(), 1, "{bare:#?}");
    assert!(bare[0].starts_with("emails/webinar-nudge/body.mjml.hbs:1 no-preheader"), "{bare:?}");
    let rule = changed("rule", |project| {
        let file = project.join("campaigns/spring-webinar.toml");
        let text = fs::read_to_string(&file).unwrap();
        let more = "\n[segment.typo]\nrule = { attribute = \"frist_name\", set = true }\n";
        fs::write(&file, format!("{text}{more}")).unwrap();
    });
    assert_eq!(rule.len(), 1, "{rule:#?}");
    assert!(rule[0].contains("unknown-attribute") && rule[0].contains("`first_name`"), "{rule:?}");
}

#[test]
fn message_is_rendered_into_folder_with_preview() {
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
fn sms_is_rendered_as_it_would_be_sent() {
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
    // Without a campaign, the text is printed as rendered.
    let alone = super::Scratch::new("alone.hbs", "{{x}}’s");
    let args = ["render", alone.path(), "-", "--plain"];
    assert_eq!(super::dripline_with(&args, &[], r#"{"x": "Al"}"#).ended(0).out, "Al’s\n");
}
