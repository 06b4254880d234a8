//! Every example in the README and in docs/, in both languages, is tested: files are checked,
//! templates compiled, bodies read, commands parsed. Only blocks marked `text` are skipped.

use dripline::domain::base::primitives::Ids;
use dripline::domain::campaign_file;
use dripline::domain::campaign_file::read_kind;
use dripline::domain::pacing::DeploymentPacing;
use dripline::domain::template::{TemplateSource, Templates, compile_mjml, expand};
use dripline::flows::ingest::api_events;
use dripline::flows::settings::Settings;
use dripline::route::{Route, route};
use serde_json::Value as Json;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use toml::{Table, Value};

use super::support::MONDAY;

/// A piece of a document: a fenced block with its language, or inline code.
struct Example {
    /// `docs/sms.md:27`.
    place: String,
    /// The language of the fence; `inline` for inline code.
    language: String,
    text: String,
}

fn documents() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let mut names: Vec<String> = docs
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().to_string_lossy()))
        .chain(["README.md".to_owned(), "README.zh-CN.md".to_owned()])
        .filter(|name| name.ends_with(".md"))
        .collect();
    names.sort();
    let read = |name: String| (fs::read_to_string(root.join(&name)).unwrap(), name);
    names.into_iter().map(read).map(|(text, name)| (name, text)).collect()
}

fn examples_of(name: &str, text: &str) -> Vec<Example> {
    let mut found: Vec<Example> = Vec::new();
    let (mut open, mut is_refused) = (None, false);
    for (index, line) in text.lines().enumerate() {
        let place = format!("{name}:{}", index + 1);
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                let (language, text) = (language.trim().to_owned(), String::new());
                open = Some(Example { place, language, text });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(block)) => block.text.push_str(&format!("{line}\n")),
            // Examples in a section about what is refused do not compile.
            (None, None) if line.starts_with("## ") => {
                is_refused = line.contains("refused") || line.contains("拒绝");
            }
            (None, None) if is_refused => {}
            (None, None) => {
                let codes = line.split('`').skip(1).step_by(2);
                found.extend(codes.map(|code| {
                    let (place, language) = (place.clone(), "inline".to_owned());
                    Example { place, language, text: code.replace("\\|", "|") }
                }));
            }
        }
    }
    assert!(open.is_none(), "{name}: a block is never closed");
    found
}

fn examples() -> Vec<Example> {
    documents().iter().flat_map(|(name, text)| examples_of(name, text)).collect()
}

/// Fails with the problems that `wrong` finds in the examples.
fn hold(wrong: impl Fn(&Example) -> Option<String>) {
    let found: Vec<String> = examples()
        .iter()
        .filter_map(|one| Some(format!("{}: {}", one.place, wrong(one)?)))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_code_block_names_its_language() {
    let known = ["toml", "sh", "json", "http", "handlebars", "text", "inline"];
    hold(|one| {
        let is_known = known.contains(&one.language.as_str());
        (!is_known).then(|| format!("a block of `{}`; the languages are {known:?}", one.language))
    });
}

// --- Campaign files ---------------------------------------------------------------------------

/// What the examples of campaign files refer to but do not show.
const AROUND: &str = r#"
[campaign]
id = "spring-webinar"
name = "Spring webinar"
time_zone = "Europe/London"
currency = "GBP"
owner = "tom@larkspan.example"
postal_address = "4 Old Ferry Yard, Bristol"
goal = { event = "order.completed", within = "30d" }
attributes = [
  "stage", "lead_grade", "renewal", "birthday", "signed_up", "seats", "company", "staff",
  "machines",
  "equipment",
]

[page.landing]
path = "/landing"
template = "pages/landing"
title = "Databases at the edge"
form = "signup"

[page.thanks]
path = "/webinar/thanks"
template = "pages/thanks"
title = "Thanks"

[form.signup]
fields = [
  { name = "first_name", type = "text" },
  { name = "email", type = "email", required = true },
  { name = "phone", type = "tel", region = "GB" },
  { name = "role", type = "select", options = [
    "engineer", "lead", "student", "equipment", "production", "other",
  ] },
  { name = "databases", type = "multi-select", options = ["mysql", "sqlite"] },
]

[form.download]
fields = [
  { name = "email", type = "email", required = true },
  { name = "phone", type = "tel", region = "CN" },
]

[form.everything]
fields = [
  { name = "email", type = "email", required = true },
  { name = "phone", type = "tel", region = "CN" },
]

[[form.everything.consent]]
purpose = "webinars"
channels = ["email", "sms"]
text = "Send me the guide."

[[form.everything.consent]]
purpose = "maintenance-news"
channels = ["email", "sms"]
text = "Send me the news."

[[form.everything.consent]]
purpose = "newsletter"
channels = ["email"]
text = "Send me the newsletter."

[segment.customers]
rule = { tag = "customer" }

[segment.engaged]
rule = { tag = "engaged" }

[segment.readers]
rule = { consent = "newsletter", channel = "email" }

[journey.nurture]
enter = { form = "signup" }
purpose = "webinars"

[journey.onboarding]
enter = { event = "account.created" }

[[journey.onboarding.step]]
id = "done"
end = true

[journey.offers]
enter = { event = "offer.asked" }

[[journey.offers.step]]
id = "done"
end = true
"#;

/// A complete campaign file with one example in its place.
fn in_place(example: &Table) -> String {
    let mut file: Table = AROUND.parse().unwrap();
    lay_over(&mut file, example, 2);
    // A campaign with one purpose need not name it.
    let broadcasts = file.get_mut("broadcast").and_then(Value::as_table_mut);
    for (_, broadcast) in broadcasts.into_iter().flatten() {
        let broadcast = broadcast.as_table_mut().unwrap();
        broadcast.entry("purpose").or_insert_with(|| "newsletter".into());
    }
    let nurture = file["journey"]["nurture"].as_table_mut().unwrap();
    let own = nurture.remove("step").and_then(|steps| steps.as_array().cloned());
    let mut steps = own.unwrap_or_default();
    let has = |steps: &[Value], id: &str| steps.iter().any(|step| step["id"].as_str() == Some(id));
    if !has(&steps, "welcome") {
        steps.insert(0, step("id = 'welcome'\nsend = 'emails/welcome'"));
    }
    steps.insert(1, step("id = 'pause'\nwait = '1d'"));
    if nurture.contains_key("migrate") {
        steps.insert(1, step("id = 'rest'\nwait = '1d'"));
    }
    let mut targets = BTreeSet::new();
    steps.iter().for_each(|step| lead_to(step, &mut targets));
    for target in targets.into_iter().filter(|target| target != "end") {
        if !has(&steps, &target) {
            steps.push(step(&format!("id = '{target}'\nend = true")));
        }
    }
    nurture.insert("step".to_owned(), Value::Array(steps));
    toml::to_string(&file).unwrap()
}

fn step(text: &str) -> Value {
    Value::Table(text.parse().unwrap())
}

/// Where a step leads besides the next one.
fn lead_to(part: &Value, targets: &mut BTreeSet<String>) {
    match part {
        Value::Array(parts) => parts.iter().for_each(|part| lead_to(part, targets)),
        Value::Table(table) => {
            for (key, value) in table {
                if ["then", "otherwise", "on_timeout"].contains(&key.as_str()) {
                    targets.extend(value.as_str().map(str::to_owned));
                }
                lead_to(value, targets);
            }
        }
        _ => {}
    }
}

/// Merges one file into another, key by key within sections and named parts.
fn lay_over(under: &mut Table, over: &Table, depth: usize) {
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (Some(Value::Table(under)), Value::Table(over)) if depth > 0 => {
                lay_over(under, over, depth - 1);
            }
            _ => drop(under.insert(key.clone(), value.clone())),
        }
    }
}

fn wrong_file(text: &str) -> Option<String> {
    let file: Table = text.parse().unwrap();
    let name = format!("{}.toml", file["campaign"]["id"].as_str().unwrap());
    let problems = campaign_file::read(&name, text).err()?;
    let lines = problems.iter().map(|one| format!("{}: {}", one.key, one.message));
    Some(lines.collect::<Vec<_>>().join("; "))
}

/// The places where a rule, a trigger or another inline table may appear.
const PLACES: [&str; 6] = [
    "[segment.engaged]\nrule = ",
    "[journey.nurture]\nenter = ",
    "[journey.nurture]\nexit = ",
    "[journey.nurture]\ngoal = ",
    "[[journey.nurture.step]]\nid = 'x'\notherwise = 'end'\nwait_until = ",
    "[pacing]\nwindow = ",
];

/// What replaces `…` in an inline table, depending on what is before it.
const FILLED: [(&str, &str); 7] = [
    ("form = \"…\"", "form = \"signup\""),
    ("event = \"…\"", "event = \"order.completed\""),
    ("segment = \"…\"", "segment = \"engaged\""),
    ("segment_left = \"…\"", "segment_left = \"engaged\""),
    ("where = { … }", "where = { plan = \"pro\" }"),
    ("rule = { … }", "rule = { tag = \"vip\" }"),
    ("not = …", "not = { tag = \"vip\" }"),
];

#[test]
fn campaign_files_in_docs_pass_check() {
    hold(|one| {
        let text = one.text.trim();
        match one.language.as_str() {
            "toml" if text.starts_with('{') => wrong_anywhere(text),
            "toml" => match text.parse::<Table>() {
                Ok(table) if table.contains_key("vars") => wrong_variables(&table),
                Ok(table) if table.contains_key("kind") => wrong_kind(&table, text),
                Ok(table) => wrong_file(&in_place(&table)),
                Err(error) => Some(error.to_string()),
            },
            "inline" if text.starts_with("{ ") && text.contains(" = ") => wrong_anywhere(text),
            _ => None,
        }
    });
}

/// The problem of an inline table in the first place where it may appear; none if it is valid in
/// another.
fn wrong_anywhere(text: &str) -> Option<String> {
    let text = FILLED.iter().fold(text.to_owned(), |text, (gap, part)| text.replace(gap, part));
    let lists = ["[{ tag = \"vip\" }]", "[{ form = \"signup\" }]"];
    let texts = lists.map(|list| text.replace("[ … ]", list));
    let tried: Vec<Option<String>> = texts
        .iter()
        .flat_map(|text| PLACES.map(|place| format!("{place}{text}")))
        .map(|text| match text.parse::<Table>() {
            Ok(table) => wrong_file(&in_place(&table)),
            Err(error) => Some(error.to_string()),
        })
        .collect();
    if tried.contains(&None) { None } else { tried.into_iter().next().flatten() }
}

/// The first problem of the file of a kind.
fn wrong_kind(table: &Table, text: &str) -> Option<String> {
    let id = table["kind"]["id"].as_str().unwrap_or_default();
    let read = read_kind(&format!("kinds/{id}.toml"), text);
    read.err().map(|problems| problems[0].to_string())
}

/// The variables of a worker, with all the secrets they may need.
fn wrong_variables(table: &Table) -> Option<String> {
    let vars = table["vars"].as_table().unwrap();
    let asked = RefCell::new(BTreeSet::new());
    let read = Settings::read(|name| {
        asked.borrow_mut().insert(name.to_owned());
        let variable = vars.get(name).and_then(Value::as_str).map(str::to_owned);
        variable.or_else(|| secret(name))
    });
    let unread = vars.keys().find(|name| !asked.borrow().contains(*name));
    read.err().or_else(|| unread.map(|name| format!("`{name}` is read by nobody")))
}

/// A value for each secret and address that the settings need, and none for what has a default.
fn secret(name: &str) -> Option<String> {
    let value = match name {
        "BASE_URL" | "SLACK_URL" | "DINGTALK_URL" | "WECOM_URL" => "https://hooks.slack.com/x",
        "MAIL_FROM" => "House <hello@house.example>",
        "SIGNING_SECRET" => "a secret that is long enough to be one",
        _ if ["_KEY", "_SECRET", "_TOKEN", "_SID", "_FROM", "_URL", "_REGION"]
            .iter()
            .any(|ending| name.ends_with(ending)) =>
        {
            "https://hooks.slack.com/services/x"
        }
        _ => return None,
    };
    Some(value.to_owned())
}

// --- Templates --------------------------------------------------------------------------------

/// The partials that template examples refer to but do not show.
fn pieces(layout: &str) -> BTreeMap<String, String> {
    let button = "<mj-button href=\"{{href}}\">{{label}}</mj-button>";
    [("layouts/brand", layout), ("partials/button", button)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into()
}

fn wrong_template(text: &str) -> Option<String> {
    let plain = [("sms/it".to_owned(), TemplateSource::Sms(text.to_owned()))];
    Templates::new(&plain.into()).err().map(|error| error.message)
}

#[test]
fn templates_in_docs_compile() {
    let layouts: BTreeMap<String, String> = examples()
        .into_iter()
        .filter(|one| one.language == "handlebars" && one.text.contains("@partial-block"))
        .map(|one| (one.place.split(':').next().unwrap().to_owned(), one.text))
        .collect();
    assert_eq!(layouts.len(), 2, "docs/templates.md shows a layout, in both languages");
    hold(|one| match one.language.as_str() {
        "handlebars" if one.text.contains("{{#> layouts/") || one.text.contains("<mj") => {
            let layout = &layouts[one.place.split(':').next().unwrap()];
            let is_layout = one.text.contains("@partial-block");
            let body = match is_layout {
                true => {
                    "{{#> layouts/brand title=\"x\"}}<mj-section></mj-section>{{/layouts/brand}}"
                }
                false => &one.text,
            };
            wrong_mjml(body, &pieces(layout))
        }
        "handlebars" => wrong_template(&one.text),
        "inline" if one.text.starts_with("{{") && one.place.starts_with("docs/templates") => {
            wrong_inline(&one.text)
        }
        _ => None,
    });
}

/// An e-mail body, assembled and compiled as `check` does it.
fn wrong_mjml(body: &str, pieces: &BTreeMap<String, String>) -> Option<String> {
    let whole = match expand("emails/it/html", body, pieces) {
        Ok(expanded) => expanded.text,
        Err(error) => return Some(error.message),
    };
    let html = match compile_mjml(&whole) {
        Ok(html) => html,
        Err(error) => return Some(format!("line {}: {}", error.line, error.message)),
    };
    let (subject, preheader, text) = ("x".to_owned(), String::new(), String::new());
    let email = TemplateSource::Email { subject, preheader, html, text };
    Templates::new(&[("emails/it".to_owned(), email)].into()).err().map(|error| error.message)
}

/// Inline tags; placeholders are filled in, and examples of what is refused are skipped.
fn wrong_inline(text: &str) -> Option<String> {
    if text.contains("{{>") || text.contains("{{#>") {
        return None;
    }
    wrong_template(&text.replace('…', "x"))
}

// --- The API ----------------------------------------------------------------------------------

fn openapi() -> Json {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&fs::read_to_string(root.join("src/edge/api/openapi.json")).unwrap())
        .unwrap()
}

#[test]
fn api_calls_in_docs_are_valid() {
    let openapi = openapi();
    hold(|one| match one.language.as_str() {
        "json" => wrong_json(one.text.trim()),
        "http" => one.text.lines().find_map(|line| wrong_call(&openapi, line)),
        "sh" => lines(&one.text).iter().find_map(|line| wrong_curl(line)),
        "inline" if ["GET ", "POST "].iter().any(|m| one.text.starts_with(m)) => {
            wrong_call(&openapi, &one.text)
        }
        _ => None,
    });
}

/// Events, the one variable that is JSON, or a part of the answer of `/readyz`.
fn wrong_json(text: &str) -> Option<String> {
    if text.contains("\"events\"") {
        let read = api_events::read(text.as_bytes(), MONDAY, &mut Ids::new(MONDAY, 1));
        return read.err().map(|problems| format!("{problems:?}"));
    }
    if text.starts_with('{') {
        return DeploymentPacing::read(text).err();
    }
    let read: Json = match serde_json::from_str(&format!("{{{text}}}")) {
        Ok(read) => read,
        Err(error) => return Some(error.to_string()),
    };
    let is_known = read.as_object().unwrap().keys().all(|key| key == "senders");
    (!is_known).then(|| "of what /readyz says only `senders` is known here".to_owned())
}

/// `POST /path {body}`: the path exists, and the body has only fields that it accepts.
fn wrong_call(openapi: &Json, line: &str) -> Option<String> {
    let (method, rest) = line.split_once(' ')?;
    let (path, body) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let plain = path.split('?').next().unwrap_or(path).replace("/<verb>", "/start");
    let plain = plain.replace("/<动作>", "/start").replace(['<', '>', '{', '}'], "");
    match route(method, &plain) {
        Ok(Route::Page(_)) | Err(_) => return Some(format!("nothing is at `{method} {path}`")),
        Ok(_) => {}
    }
    if body.trim().is_empty() {
        return None;
    }
    let body: Json = match serde_json::from_str(body.trim()) {
        Ok(body) => body,
        Err(error) => return Some(error.to_string()),
    };
    let template = path.replace('<', "{").replace('>', "}");
    let operation = &openapi["paths"][&template][method.to_lowercase()];
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["properties"];
    let unknown = body.as_object()?.keys().find(|key| schema.get(key).is_none());
    unknown.map(|key| format!("`{key}` is not in openapi.json for {template}"))
}

/// The operations that openapi.json describes, such as `POST /api/v1/campaigns/{id}/test`.
fn described_operations() -> BTreeSet<String> {
    let openapi = openapi();
    let mut found = BTreeSet::new();
    for (path, operations) in openapi["paths"].as_object().unwrap() {
        let methods = operations.as_object().unwrap().keys().map(|key| key.to_uppercase());
        let methods = methods.filter(|method| ["GET", "POST"].contains(&method.as_str()));
        found.extend(methods.map(|method| format!("{method} {path}")));
    }
    found
}

/// The operations that the tables of the API in `src/route.rs` and `src/route/` answer.
fn routed_operations() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = |file: &str, name: &str| {
        let source = fs::read_to_string(root.join(file)).unwrap();
        let after = source.split(&format!("fn {name}<'a>(")).nth(1).unwrap();
        after.split("\n}\n").next().unwrap().to_owned()
    };
    let tables = [
        table("src/route.rs", "api"),
        table("src/route/records.rs", "find"),
        table("src/route/companies.rs", "companies"),
        table("src/route/imports.rs", "imports"),
        table("src/route/lists.rs", "lists"),
    ];
    let mut found = BTreeSet::new();
    for line in tables.concat().lines() {
        let arm = line.trim().strip_prefix('[').and_then(|line| line.split_once("] => "));
        // A table of its own has the rest.
        let Some((pattern, rest)) = arm.filter(|(pattern, _)| !pattern.ends_with("..")) else {
            continue;
        };
        let part = |part: &str| match part.strip_prefix('"') {
            Some(name) => name.trim_end_matches('"').to_owned(),
            None => format!("{{{part}}}"),
        };
        let path = pattern.split(", ").map(part).collect::<Vec<_>>().join("/");
        let methods: &[&str] = match rest {
            rest if rest.starts_with("both(") => &["GET", "POST"],
            rest if rest.starts_with("one(\"GET\"") => &["GET"],
            _ => &["POST"],
        };
        found.extend(methods.iter().map(|method| format!("{method} /api/v1/{path}")));
    }
    found
}

#[test]
fn openapi_describes_every_api_route_and_no_other() {
    let mut routed = routed_operations();
    assert!(routed.remove("GET /api/v1/openapi.json"), "{routed:?}");
    assert_eq!(described_operations(), routed);
}

/// The body that `curl` sends to the one path that accepts events.
fn wrong_curl(line: &str) -> Option<String> {
    let body = line.strip_prefix("curl ")?.split_once("-d '")?.1.split('\'').next()?;
    assert!(line.contains("/api/v1/events"), "{line}");
    let read = api_events::read(body.as_bytes(), MONDAY, &mut Ids::new(MONDAY, 1));
    read.err().map(|problems| format!("{problems:?}"))
}

// --- Commands ---------------------------------------------------------------------------------

/// The commands of a block: comments removed and continued lines joined.
fn lines(block: &str) -> Vec<String> {
    let joined = block.replace("\\\n", " ");
    let bare = joined.lines().map(|line| line.split(" #").next().unwrap_or(line).trim().to_owned());
    bare.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// The words of a command; quotes keep words together, and input redirection is dropped.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (c, quote) {
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words.iter_mut().for_each(|word| *word = filled_in(word));
    let end = words.iter().position(|word| ["<", ">", "|"].contains(&word.as_str()));
    words.truncate(end.unwrap_or(words.len()));
    words
}

/// A word with every `<name>` and `…` replaced by a value.
fn filled_in(word: &str) -> String {
    let mut filled = String::new();
    let mut rest = word;
    while let Some((before, name)) = rest.split_once('<') {
        let Some((_, after)) = name.split_once('>') else { break };
        filled.push_str(before);
        filled.push('x');
        rest = after;
    }
    (filled + rest).replace('…', "x")
}

/// All commands that a command with `a|b|c` stands for.
fn alternatives(words: &[String]) -> Vec<Vec<String>> {
    let Some(place) = words.iter().position(|word| word.contains('|')) else {
        return vec![words.to_vec()];
    };
    let with = |one: &str| {
        let mut all = words.to_vec();
        all[place] = one.to_owned();
        alternatives(&all)
    };
    words[place].split('|').flat_map(with).collect()
}

/// Runs a command without project or server: only its arguments are parsed.
fn wrong_command(args: &[String], is_inline: bool) -> Option<String> {
    let nowhere = std::env::temp_dir();
    let nobody = |arg: &String| match arg.starts_with("http") {
        true => "http://127.0.0.1:1".to_owned(),
        false => arg.clone(),
    };
    let output = Command::new(env!("CARGO_BIN_EXE_dripline"))
        .args(args.iter().map(nobody))
        .env_clear()
        .env("DRIPLINE_URL", "http://127.0.0.1:1")
        .env("DRIPLINE_TOKEN", "x")
        .env("SIGNING_SECRET", "a secret that is long enough to be one")
        .current_dir(nowhere)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    // Inline code may name a command without its arguments.
    let is_name = is_inline && error.contains("required arguments were not provided");
    let is_wrong = error.starts_with("error:") && !is_name;
    is_wrong.then(|| format!("dripline {}: {error}", args.join(" ")))
}

/// Programs of others, whose arguments we do not check.
const FOREIGN: [&str; 5] = ["npx", "curl", "printf", "export", "cargo"];

#[test]
fn commands_in_docs_parse() {
    let makefile = Path::new(env!("CARGO_MANIFEST_DIR")).join("Makefile");
    let makefile = fs::read_to_string(makefile).unwrap();
    hold(|one| {
        let commands = match one.language.as_str() {
            "sh" => lines(&one.text),
            "inline" if one.text.starts_with("dripline ") => vec![one.text.clone()],
            _ => return None,
        };
        commands.iter().find_map(|command| {
            let words = words(command);
            let program = words.first()?.as_str();
            match program {
                "dripline" | "target/debug/dripline" => {
                    let is_inline = one.language == "inline";
                    let all = alternatives(&words[1..]);
                    all.iter().find_map(|args| wrong_command(args, is_inline))
                }
                "make" => {
                    let goal = words.iter().skip(1).find(|word| !word.contains('='))?;
                    let is_there = makefile.lines().any(|l| l.starts_with(&format!("{goal}:")));
                    (!is_there).then(|| format!("no goal `{goal}` in the Makefile"))
                }
                _ if FOREIGN.contains(&program) => None,
                _ if command.contains('=') => wrong_assignment(command),
                _ => Some(format!("`{program}` is no program known here")),
            }
        })
    });
}

/// `NAME="…"` in a file of secrets: the settings or the edge read it.
fn wrong_assignment(line: &str) -> Option<String> {
    let name = line.split('=').next()?;
    let asked = RefCell::new(BTreeSet::from(["API_TOKENS".to_owned()]));
    for senders in ["resend", "twilio", "slack"] {
        let _ = Settings::read(|name| {
            asked.borrow_mut().insert(name.to_owned());
            let is_sender = name == "SENDER_EMAIL" && senders == "resend"
                || name == "SENDER_SMS" && senders == "twilio"
                || name == "SENDER_INTERNAL" && senders == "slack";
            if is_sender { Some(senders.to_owned()) } else { secret(name) }
        });
    }
    (!asked.borrow().contains(name)).then(|| format!("`{name}` is read by nobody"))
}
