//! Files that are not TOML.

use super::*;

#[test]
fn every_toml_syntax_error_is_reported() {
    assert_snapshot!(errors_of("currency = \"CNY\"", "currency = CNY"), @r#"
    line 7: 
         `CNY` needs quotes
       → write "CNY"
    "#);
    assert_snapshot!(errors_of("[page.thanks]", "[page.landing]"), @"
    line 28: 
         the table [page.landing] is already in line 18
       → join the two, or rename one
    ");
    assert_snapshot!(errors_of("wait = \"2d\"", "wait = \"2d"), @r#"
    line 126: 
         this text is not closed on its line
       → put " at its end; text of several lines is in """…"""
    "#);
    assert_snapshot!(errors_of("wait = \"2d\"", "wait = 2 days"), @r#"
    line 126: 
         `days` follows on the same line
       → text is in quotes: wait = "2d"
    "#);
    assert_snapshot!(errors_of("wait = \"2d\"", "wait = 2 note = 1"), @"
    line 126: 
         `note = 1` follows on the same line
       → write each key on a line of its own; a list is in […]
    ");
    let deep = errors_in(&"[".repeat(100_000));
    assert_snapshot!(deep.lines().next().unwrap_or_default(), @"line 1:");
    assert_snapshot!(errors_in(&"#".repeat(FILE_BYTES_MAX + 1)), @"
    line 1: 
         the file has 262145 bytes; the limit is 262144
    ");
}

#[test]
fn one_mistake_does_not_hide_another() {
    let text = SAMPLE
        .replace("timeout = \"3d\"", "timeoout = \"3d\"")
        .replace("form = \"download\"\n", "form = \"downlaod\"\n");
    assert_snapshot!(errors_in(&text), @"
    line 26: page.landing.form
         there is no form `downlaod`
       → did you mean `download`?
    line 107: journey.nurture.step[3].timeoout
         unknown key
       → did you mean `timeout`?
    ");
}

/// Returns the report about a text that is not TOML, one error a line.
fn not_toml(text: &str) -> String {
    let line = |found: &Diagnostic| {
        let help = found.help.as_deref().unwrap_or_default();
        format!("{}:{} {} → {help}\n", found.line, found.column, found.message)
    };
    match read("x.toml", text) {
        Ok(_) => "all good".to_owned(),
        Err(found) => found.iter().filter(|one| one.key.is_empty()).map(line).collect(),
    }
}

#[test]
fn each_syntax_mistake_gives_one_readable_error() {
    for (text, expected) in [
        ("[campaign]\nname = “Spring”\n", "2:8 `“` is a curly quote → write \"\n"),
        ("[campaign]\nname = ＂春＂\n", "2:8 `＂` is a full-width quote → write \"\n"),
        ("[campaign]\nname ＝ \"x\"\n", "2:6 `＝` is a full-width equals sign → write =\n"),
        ("［campaign］\nname = \"x\"\n", "1:1 `［` is a full-width bracket → write [\n"),
        ("[campaign］\nname = \"x\"\n", "1:10 `］` is a full-width bracket → write ]\n"),
        ("a = [\"x\"， \"y\"]\n", "1:9 `，` is a full-width comma → write ,\n"),
        ("a = \"x\"　# c\n", "1:8 `U+3000` is a full-width space → write an ordinary space\n"),
        ("a = \"x”\n", "1:7 `”` is a curly quote → write \"\n"),
        (
            "a = [\"x\",\n\"y\"\n[b]\nc = 1\nd = \"e\"\n",
            "1:5 `[` is never closed → put `]` where it ends\n",
        ),
        ("a = [1, 2\nb = 3\nc = [4]\n", "1:5 `[` is never closed → put `]` where it ends\n"),
        ("a = { b = 1\n[c]\nd = 2\n", "1:5 `{` is never closed → put `}` where it ends\n"),
        ("[a\nb = 1\n", "1:1 the header `[a` is not closed by `]` → write [a]\n"),
        (
            "[[a]\nb = 1\n",
            "1:1 the header `[[a` is not closed by `]]` → write [a], or [[a]] for one of several\n",
        ),
        ("a = 1\nb = 2\na = 3\n", "3:1 the key `a` is already in line 1 → keep one of the two\n"),
        (
            "[a]\nb = 2\n[c]\n[a]\n",
            "4:1 the table [a] is already in line 1 → join the two, or rename one\n",
        ),
        (
            "a = yes\nb = True\n",
            "1:5 `yes` is not a boolean of TOML → write true\n\
             2:5 `True` is not a boolean of TOML → write true\n",
        ),
        (
            "a = 2026/03/01\n",
            "1:5 `2026/03/01` is not a date of TOML → write a date as 2026-03-01\n",
        ),
        (
            "a = [\n  { b = 1,\n  { b = 2 },\n]\n",
            "3:3 the `{` of line 2 is not closed → write } there\n",
        ),
        ("a = hello world # x\n", "1:5 `hello` needs quotes → write \"hello world\"\n"),
        (
            "a = 007\n",
            "1:5 `007` is a number with a leading 0 → write 7 for the number, \
             \"007\" for the text\n",
        ),
        (
            "a = null\n",
            "1:5 `null` is not a value of TOML → delete the key: a missing key is not set\n",
        ),
        ("a =\nb = 1\n", "1:4 there is no value after `=` → write one, or delete the key\n"),
        ("a = \"x\";\n", "1:8 `;` after a value → delete it: a line ends by itself\n"),
        (
            "a = \"say \"hi\" now\"\n",
            "1:5 there is something after the text → write a quote inside text as \\\"; \
             put a comma between values\n",
        ),
        (
            "a = \"C:\\dir\"\n",
            "1:8 `\\d` means nothing → write \\\\ for a backslash, or the text in '…'\n",
        ),
        (
            "a = 2026-13-01\n",
            "1:5 `2026-13-01` is not a day of the calendar → write a date as 2026-03-01\n",
        ),
        (
            "a = 2026-03-01T25:00:00\n",
            "1:5 `2026-03-01T25:00:00` is not a time of day → \
             write a date and time as 2026-03-01T09:30:00\n",
        ),
        ("a = [\"x\"\n \"y\"]\n", "1:9 a comma is missing here → put a comma between two values\n"),
        (
            "a = { b = \"x\" c = 1 }\n",
            "1:14 a comma is missing here → put a comma between two values\n",
        ),
        ("a = { b = 1,, c = 1 }\n", "1:13 a comma too many → delete it\n"),
        ("a = { b: = \"x\" }\n", "1:8 a colon after a key is YAML or JSON → write b = …\n"),
        ("a = { b == 1 }\n", "1:10 `=` is here twice → delete one\n"),
        (
            "a = { b = 1, b = 2 }\n",
            "1:14 the key `b` is already in these braces → keep one of the two\n",
        ),
        ("a = { ｂ = 1 }\n", "1:7 `ｂ` is a full-width letter → write b\n"),
        ("a = trｕe\n", "1:7 `ｕ` is a full-width letter → write u\n"),
        (
            "a = \"\\u12\"\n",
            "1:6 `\\u` needs 4 digits from 0 to f → \
             write \\\\ for a backslash, or the text in '…'\n",
        ),
        ("a = \"x\u{1}\"\n", "1:7 U+0001 is a control character → delete it\n"),
        (
            "[a.b]\nc = 1\n[a]\nb = 1\n",
            "4:1 this is already in the file, in another form → \
             a key or table may be defined once: join the two, or rename one\n",
        ),
        (
            "[j.x.step]\nid = 1\n[j.x.step]\nid = 2\n[j.x.step]\nid = 3\n",
            "1:1 [j.x.step] is part of a list of tables → write [[j.x.step]], also in line 3, 5\n",
        ),
        (
            "[[j.x.step]]\nid = 1\n[j.x.step]\nid = 2\n",
            "3:1 [j.x.step] is part of a list of tables → write [[j.x.step]]\n",
        ),
        ("[x]\nname: \"y\"\n", "2:5 a colon after a key is YAML or JSON → write name = …\n"),
        ("first name = 1\n", "1:1 `first name` needs quotes → write \"first name\" = …\n"),
        (
            "just words\n",
            "1:1 `just words` has no `=` → a line is key = value, [table] or # a comment\n",
        ),
    ] {
        assert_eq!(not_toml(text), expected, "{text}");
    }
    let begins = "a campaign begins with [campaign], then lines such as name = \"Spring\"\n";
    let yaml = "# a campaign\ncampaign:\n  id: spring\n  tags:\n    - a\n    - b\n";
    assert_eq!(
        not_toml(yaml),
        format!("2:1 this is YAML, not TOML → {begins}").replace("2:1", "1:1")
    );
    assert_eq!(
        not_toml("{\n  \"campaign\": {}\n}"),
        format!("1:1 this is JSON, not TOML → {begins}")
    );
    assert_eq!(not_toml("<html></html>"), format!("1:1 this is HTML or XML, not TOML → {begins}"));
    assert!(not_toml(" \n").starts_with("1:1 the file is empty"));
}

#[test]
fn wrongly_quoted_values_are_reported() {
    let errors = |from: &str, to: &str| {
        let text = SAMPLE.replacen(from, to, 1);
        assert_ne!(text, SAMPLE);
        let found = read("white-paper.toml", &text).unwrap_err();
        found.iter().map(|one| format!("{one}\n")).collect::<String>()
    };
    let required = errors("required = true", "required = \"true\"");
    assert!(required.contains("write it without quotes: true"), "{required}");
    let name = errors("name = \"", "name = 5\nxname = \"");
    assert!(name.contains("write \"5\""), "{name}");
}

#[test]
fn foreign_comments_and_git_conflicts_are_reported() {
    let slip = |line: &str| {
        let found = read("white-paper.toml", &format!("{line}\n{SAMPLE}")).unwrap_err();
        found.iter().map(|one| format!("{one}\n")).collect::<String>()
    };
    let comment = slip("// The recording, the guide: both");
    assert!(comment.contains("write # instead of //"), "{comment}");
    let conflict = slip("<<<<<<< HEAD");
    assert!(conflict.contains("an unresolved Git conflict"), "{conflict}");
    assert_eq!(comment.lines().count() + conflict.lines().count(), 2, "{comment}{conflict}");
}

#[test]
fn mistake_in_a_shared_key_is_one_error() {
    let errors =
        |from: &str, to: &str| errors_in(&SAMPLE.replacen(from, to, 1)).matches("line ").count();
    assert_eq!(errors("owner = ", "ownerr = "), 1);
    assert_eq!(errors("channels = [\"email\"", "channels = [\"emmail\""), 1);
    assert_eq!(errors("purpose = \"newsletter\"", "purpose = \"newｓletter\""), 1);
}

/// If a single character of a valid file is lost, at most two syntax errors are reported.
#[test]
fn missing_punctuation_gives_at_most_two_errors() {
    for (at, sign) in SAMPLE.char_indices().filter(|(_, c)| "[]{}=\"".contains(*c)) {
        let text = format!("{}{}", &SAMPLE[..at], &SAMPLE[at + sign.len_utf8()..]);
        let Err(found) = read("white-paper.toml", &text) else { continue };
        let not_toml = found.iter().filter(|one| one.key.is_empty()).count();
        assert!(not_toml <= 2, "{at} {sign}: {found:#?}");
    }
}
