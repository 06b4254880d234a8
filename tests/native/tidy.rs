//! The rules of the code base, checked on the sources: the invariants in ARCHITECTURE.md, and how
//! files are kept. Each rule is a function of named texts, and is tested on a text that breaks it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A file of the repository: its path and its text.
struct File {
    path: String,
    text: String,
}

/// A violation, as `path:line: what`.
type Breach = String;

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

/// Every text file that git tracks or would track.
fn tracked() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let git = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(git).current_dir(root).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let read = |path: &str| Some(file(path, &fs::read_to_string(root.join(path)).ok()?));
    listed.lines().filter_map(read).collect()
}

fn check(rule: impl Fn(&File) -> Vec<Breach>) {
    let breaches: Vec<Breach> = tracked().iter().flat_map(rule).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

/// Violations at the lines of a file about which `wrong` says something.
fn at_lines(file: &File, wrong: impl Fn(&str) -> Option<String>) -> Vec<Breach> {
    let lines = file.text.lines().enumerate();
    lines
        .filter_map(|(index, line)| {
            wrong(line).map(|what| format!("{}:{}: {what}", file.path, index + 1))
        })
        .collect()
}

fn is_rust(file: &File) -> bool {
    file.path.ends_with(".rs")
}

/// The module under `src/` that a file belongs to; for `src/route.rs`, `route`.
fn room(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("src/")?;
    let room = inner.split('/').next()?;
    Some(room.strip_suffix(".rs").unwrap_or(room))
}

/// The code of a line without its comment. A `//` inside a string is not a comment.
fn code(line: &str) -> &str {
    let mut in_text = false;
    let mut before = ' ';
    for (index, c) in line.char_indices() {
        match c {
            '"' if before != '\\' && before != '\'' => in_text = !in_text,
            '/' if before == '/' && !in_text => return &line[..index - 1],
            _ => {}
        }
        before = c;
    }
    line
}

// --- Dependencies -----------------------------------------------------------------------------

const ARROWS: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("store", &["domain"]),
    ("providers", &["domain"]),
    ("views", &["domain"]),
    ("route", &["domain"]),
    ("flows", &["store", "providers", "views", "domain"]),
    ("edge", &["flows", "store", "providers", "views", "domain", "route"]),
    ("native", &["flows", "store", "providers", "views", "domain", "route"]),
    ("bin", &["flows", "store", "providers", "views", "domain", "route", "native"]),
];

fn wrong_arrows(file: &File) -> Vec<Breach> {
    let Some((own, allowed)) =
        ARROWS.iter().find(|(name, _)| is_rust(file) && room(&file.path) == Some(name))
    else {
        return Vec::new();
    };
    at_lines(file, |line| {
        let uses = code(line).split("crate::").skip(1).flat_map(|rest| {
            // `crate::{domain::…, store::…}` names several.
            let group = rest.strip_prefix('{').and_then(|rest| rest.split('}').next());
            group.unwrap_or(rest).split(',').map(str::trim).collect::<Vec<_>>()
        });
        let rooms = uses.map(|path| path.split(|c: char| !c.is_alphanumeric() && c != '_').next());
        let known = |room: &&str| ARROWS.iter().any(|(name, _)| name == room);
        let wrong = rooms.flatten().filter(known).find(|r| r != own && !allowed.contains(r));
        wrong.map(|used| format!("`{own}` may not use `{used}`"))
    })
}

#[test]
fn modules_use_only_allowed_modules() {
    check(wrong_arrows);
}

#[test]
fn forbidden_dependency_is_detected() {
    let found = wrong_arrows(&file("src/domain/x.rs", "//! X.\nuse crate::store::write;"));
    assert_eq!(found, ["src/domain/x.rs:2: `domain` may not use `store`"]);
    let grouped = file("src/views/x.rs", "use crate::{domain::rule, flows::seams};");
    assert_eq!(wrong_arrows(&grouped), ["src/views/x.rs:1: `views` may not use `flows`"]);
    let allowed = file("src/store/x.rs", "use crate::domain::segment; // crate::flows");
    assert_eq!(wrong_arrows(&allowed), [] as [&str; 0]);
}

// --- Modules ----------------------------------------------------------------------------------

/// The folders whose subfolders are modules, with the files that may be next to them.
const HOUSES: [(&str, &[&str]); 3] = [
    ("src/domain/", &["mod.rs"]),
    ("src/flows/", &["mod.rs", "commit.rs", "error.rs", "ports.rs", "tasks.rs"]),
    ("src/edge/", &["mod.rs", "app.rs"]),
];

/// Files next to the modules instead of inside one.
fn flat_files(file: &File) -> Vec<Breach> {
    let flat = HOUSES.iter().find_map(|(house, may)| {
        let inner = file.path.strip_prefix(house)?;
        (!inner.contains('/') && !may.contains(&inner)).then_some(house)
    });
    flat.map(|house| format!("{}:1: put it into a room of {house}", file.path))
        .into_iter()
        .collect()
}

#[test]
fn every_file_is_inside_a_module_folder() {
    check(flat_files);
}

#[test]
fn file_outside_a_module_folder_is_detected() {
    let found = flat_files(&file("src/domain/x.rs", ""));
    assert_eq!(found, ["src/domain/x.rs:1: put it into a room of src/domain/"]);
    assert_eq!(flat_files(&file("src/domain/base/x.rs", "")), [] as [&str; 0]);
    assert_eq!(flat_files(&file("src/flows/ports.rs", "")), [] as [&str; 0]);
}

/// Which modules of a folder use which, with one line as evidence. Tests may use modules above.
fn room_arrows(files: &[File], house: &str) -> BTreeMap<(String, String), Breach> {
    let prefix = format!("crate::{}::", house.trim_start_matches("src/").trim_end_matches('/'));
    let mut arrows = BTreeMap::new();
    for file in files.iter().filter(|file| is_rust(file) && !file.path.contains("tests")) {
        let Some((own, _)) = file.path.strip_prefix(house).and_then(|path| path.split_once('/'))
        else {
            continue;
        };
        let text = file.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (index, line) in text.lines().enumerate() {
            for rest in code(line).split(prefix.as_str()).skip(1) {
                let used = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                let used = used.unwrap_or_default().to_owned();
                if !used.is_empty() && used != own {
                    let at = format!("{}:{}", file.path, index + 1);
                    arrows.entry((own.to_owned(), used)).or_insert(at);
                }
            }
        }
    }
    arrows
}

/// Modules that use each other, directly or through others: none can be understood first.
fn room_circles(files: &[File], house: &str) -> Vec<Breach> {
    let arrows = room_arrows(files, house);
    let reaches = |from: &str, to: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(room) = next.pop() {
            for (_, used) in arrows.keys().filter(|(own, _)| own == room) {
                if seen.insert(used.as_str()) {
                    next.push(used);
                }
            }
        }
        seen.contains(to)
    };
    let back = arrows.iter().filter(|((own, used), _)| reaches(used, own));
    back.map(|((own, used), at)| format!("{at}: `{own}` uses `{used}`, which uses `{own}`"))
        .collect()
}

#[test]
fn modules_have_no_cycles() {
    let files = tracked();
    let circles = HOUSES.iter().flat_map(|(house, _)| room_circles(&files, house));
    let circles: Vec<Breach> = circles.collect();
    assert!(circles.is_empty(), "\n{}", circles.join("\n"));
}

#[test]
fn module_cycle_is_detected() {
    let files = [
        file("src/domain/a/x.rs", "use crate::domain::b::X;\nuse crate::domain::a::y;"),
        file("src/domain/b/mod.rs", "use crate::domain::c::X;"),
        file("src/domain/c/mod.rs", "//! crate::domain::a\nfn f() { crate::domain::a::y() }"),
        file("src/domain/d/mod.rs", "use crate::domain::a::X;"),
    ];
    assert_eq!(
        room_circles(&files, "src/domain/"),
        [
            "src/domain/a/x.rs:1: `a` uses `b`, which uses `a`",
            "src/domain/b/mod.rs:1: `b` uses `c`, which uses `b`",
            "src/domain/c/mod.rs:2: `c` uses `a`, which uses `c`",
        ]
    );
}

/// Every module folder has a doc comment that says what is in it.
fn unsaid_rooms(file: &File) -> Vec<Breach> {
    let is_door = HOUSES.iter().any(|(house, _)| {
        let inner = file.path.strip_prefix(house).unwrap_or_default();
        inner.ends_with("/mod.rs") && inner.matches('/').count() == 1
    });
    (is_door && !file.text.starts_with("//! "))
        .then(|| format!("{}:1: say what is in this room", file.path))
        .into_iter()
        .collect()
}

#[test]
fn every_module_folder_has_a_doc_comment() {
    check(unsaid_rooms);
    assert_eq!(unsaid_rooms(&file("src/domain/x/mod.rs", "mod y;")).len(), 1);
}

// --- What belongs where -----------------------------------------------------------------------

fn is_under(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| path.starts_with(place))
}

fn stray_platform(file: &File) -> Vec<Breach> {
    if !is_rust(file) || !file.path.starts_with("src/") || is_under(&file.path, &["src/edge/"]) {
        return Vec::new();
    }
    at_lines(file, |line| {
        let names_it = code(line).split("worker::").skip(1).count() > 0;
        names_it.then(|| "only src/edge uses `worker`".to_owned())
    })
}

#[test]
fn only_edge_uses_the_platform() {
    check(stray_platform);
}

#[test]
fn platform_use_outside_edge_is_detected() {
    let found = stray_platform(&file("src/flows/x.rs", "use worker::Env;"));
    assert_eq!(found, ["src/flows/x.rs:1: only src/edge uses `worker`"]);
    assert_eq!(stray_platform(&file("src/edge/x.rs", "use worker::Env;")), [] as [&str; 0]);
}

/// How a SQL statement begins or continues; single words would be found in prose.
const SQL: [&str; 7] =
    ["SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "CREATE TABLE", " WHERE ", "PRAGMA "];

fn stray_sql(file: &File) -> Vec<Breach> {
    // Deliberate defects are wrong SQL on purpose.
    let may = ["src/store/", "src/native/sqlite.rs", "src/native/fault_sim/defects.rs"];
    if !is_rust(file) || !file.path.starts_with("src/") || is_under(&file.path, &may) {
        return Vec::new();
    }
    at_lines(file, |line| {
        let found = SQL.iter().find(|word| code(line).contains(**word));
        found.map(|word| format!("only src/store speaks SQL: `{}`", word.trim()))
    })
}

#[test]
fn only_store_contains_sql() {
    check(stray_sql);
}

#[test]
fn sql_outside_store_is_detected() {
    let found = stray_sql(&file("src/flows/x.rs", "let sql = \"SELECT 1\";"));
    assert_eq!(found, ["src/flows/x.rs:1: only src/store speaks SQL: `SELECT`"]);
    assert_eq!(stray_sql(&file("src/flows/x.rs", "// SELECT 1")), [] as [&str; 0]);
}

fn stray_cfg(file: &File) -> Vec<Breach> {
    // A program must have a `main` on every target, so the command line has a `cfg` too.
    let may = ["src/lib.rs", "src/bin/"];
    if !is_rust(file) || !file.path.starts_with("src/") || is_under(&file.path, &may) {
        return Vec::new();
    }
    at_lines(file, |line| {
        let code = code(line).replace("#[cfg(test)]", "");
        let found = ["cfg(", "cfg_attr("].iter().any(|word| code.contains(word));
        found.then(|| "only src/lib.rs carries a `cfg`".to_owned())
    })
}

#[test]
fn only_the_crate_root_uses_cfg() {
    check(stray_cfg);
}

#[test]
fn cfg_outside_the_root_is_detected() {
    let found = stray_cfg(&file("src/domain/x.rs", "#[cfg(test)]\nmod tests;\n#[cfg(unix)]"));
    assert_eq!(found, ["src/domain/x.rs:3: only src/lib.rs carries a `cfg`"]);
}

const IMPURE: [&str; 5] =
    ["SystemTime::now", "Instant::now", "Date::now", "getrandom::", "thread_rng"];

fn stray_clocks(file: &File) -> Vec<Breach> {
    let may = ["src/edge/platform/clock.rs", "src/native/clock.rs", "src/bin/"];
    if !is_rust(file) || !file.path.starts_with("src/") || is_under(&file.path, &may) {
        return Vec::new();
    }
    at_lines(file, |line| {
        let found = IMPURE.iter().find(|word| code(line).contains(**word));
        found.map(|word| format!("time and chance are arguments: `{word}`"))
    })
}

#[test]
fn only_clock_modules_read_time_and_randomness() {
    check(stray_clocks);
}

#[test]
fn clock_use_elsewhere_is_detected() {
    let found = stray_clocks(&file("src/flows/x.rs", "let now = Instant::now();"));
    assert_eq!(found, ["src/flows/x.rs:1: time and chance are arguments: `Instant::now`"]);
}

// --- Code style -------------------------------------------------------------------------------

const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;

/// Functions longer than a screen. A function ends where a line closes its indentation. Tests may
/// be longer because of their snapshots.
fn long_functions(file: &File) -> Vec<Breach> {
    if !is_rust(file) {
        return Vec::new();
    }
    let lines: Vec<&str> = file.text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let words = trimmed.split('(').next().unwrap_or_default();
        let is_function = words.split_whitespace().any(|word| word == "fn")
            && !trimmed.starts_with("//")
            && !words.contains('"')
            && (start == 0 || lines[start - 1].trim() != "#[test]");
        if !is_function {
            continue;
        }
        let indentation = &line[..line.len() - trimmed.len()];
        let end = format!("{indentation}}}");
        let length = lines[start..].iter().position(|line| *line == end).unwrap_or(0) + 1;
        if length > FUNCTION_LINES_MAX && !line.trim_end().ends_with([';', '}']) {
            found.push(format!("{}:{}: a function of {length} lines", file.path, start + 1));
        }
    }
    found
}

#[test]
fn functions_are_not_too_long() {
    check(long_functions);
}

#[test]
fn long_function_is_detected() {
    let body = "    let x = 1;\n".repeat(FUNCTION_LINES_MAX - 1);
    let text = format!("/// Long.\npub async fn long() {{\n{body}}}\n\nfn short() {{\n}}\n");
    let found = long_functions(&file("src/x.rs", &text));
    assert_eq!(found, ["src/x.rs:2: a function of 71 lines"]);
    let fits = text.replacen("    let x = 1;\n", "", 1);
    assert_eq!(long_functions(&file("src/x.rs", &fits)), [] as [&str; 0]);
}

/// Files with snapshots of command output, whose lines may be long.
const MAY_HAVE_LONG_LINES: [&str; 1] = ["src/native/cli/tests.rs"];

fn long_lines(file: &File) -> Vec<Breach> {
    let may = MAY_HAVE_LONG_LINES.contains(&file.path.as_str());
    if !is_rust(file) || !file.path.starts_with("src/") || may {
        return Vec::new();
    }
    at_lines(file, |line| {
        let columns = line.chars().count();
        (columns > COLUMNS_MAX).then(|| format!("{columns} columns"))
    })
}

#[test]
fn lines_are_not_too_long() {
    check(long_lines);
}

#[test]
fn long_line_is_detected() {
    let text = format!("{}\n{}", "x".repeat(101), "长".repeat(100));
    assert_eq!(long_lines(&file("src/x.rs", &text)), ["src/x.rs:1: 101 columns"]);
}

fn leftovers(file: &File) -> Vec<Breach> {
    // Split in two, so that this file does not match itself.
    let words = [
        ("FIX", "ME"),
        ("TO", "DO"),
        ("XX", "X"),
        ("dbg", "!("),
        ("to", "do!("),
        ("unimple", "mented!("),
    ];
    let words: Vec<String> = words.iter().map(|(a, b)| format!("{a}{b}")).collect();
    let kinds = [".rs", ".toml", ".md", ".mjs", ".ts", ".sql", ".hbs", ".html", ".css", "Makefile"];
    if !kinds.iter().any(|kind| file.path.ends_with(kind)) {
        return Vec::new();
    }
    at_lines(file, |line| {
        let found = words.iter().find(|word| line.contains(word.as_str()));
        found.map(|word| format!("left over: {word}"))
    })
}

#[test]
fn no_leftover_markers_remain() {
    check(leftovers);
}

#[test]
fn leftover_marker_is_detected() {
    let text = format!("// {}: later", ["TO", "DO"].concat());
    assert_eq!(leftovers(&file("src/x.rs", &text)).len(), 1);
    assert_eq!(leftovers(&file("src/x.rs", "let to_do = 1;")), [] as [&str; 0]);
}

// --- Documents, migrations, privacy -----------------------------------------------------------

/// The headings of a document, outside code blocks.
fn headings(text: &str) -> Vec<&str> {
    let mut in_block = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if !in_block && line.starts_with('#') {
            found.push(line);
        }
    }
    found
}

fn wrong_titles(file: &File) -> Vec<Breach> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let titles = headings(&file.text).iter().filter(|line| line.starts_with("# ")).count();
    (titles != 1).then(|| format!("{}:1: {titles} titles", file.path)).into_iter().collect()
}

#[test]
fn every_document_has_one_title() {
    check(wrong_titles);
}

#[test]
fn second_title_is_detected() {
    let found = wrong_titles(&file("x.md", "# One\n```\n# not one\n```\n# Two"));
    assert_eq!(found, ["x.md:1: 2 titles"]);
}

/// Paths in backticks, such as `domain/engine/mod.rs`, that do not exist. They may leave out
/// `src/`.
fn dead_paths(files: &[File]) -> Vec<Breach> {
    const TOPS: [&str; 11] = [
        "src/", "domain/", "flows/", "store/", "edge/", "native/", "views/", "providers/",
        "tests/", "bench/", "scripts/",
    ];
    let is_there = |path: &str| {
        let inner = format!("src/{path}");
        files.iter().any(|file| file.path.starts_with(path) || file.path.starts_with(&inner))
    };
    let is_path = |text: &&str| {
        is_under(text, &TOPS) && text.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c))
    };
    let is_read = |file: &&File| file.path.ends_with(".md") || is_rust(file);
    let found = files.iter().filter(is_read).flat_map(|file| {
        at_lines(file, |line| {
            let comment = line.trim_start();
            if is_rust(file) && !comment.starts_with("//") {
                return None;
            }
            let quoted = line.split('`').skip(1).step_by(2);
            let dead = quoted.filter(is_path).find(|path| !is_there(path));
            dead.map(|path| format!("there is no `{path}`"))
        })
    });
    found.collect()
}

#[test]
fn paths_in_documents_and_comments_exist() {
    let breaches = dead_paths(&tracked());
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn dead_path_is_detected() {
    let files = [
        file("src/domain/x.rs", "//! See `domain/x.rs`, not `domain/y.rs`."),
        file("x.md", "`src/domain/`, `domain::x`, `/api/v1/x`, `flows/z.rs`"),
    ];
    assert_eq!(
        dead_paths(&files),
        ["src/domain/x.rs:1: there is no `domain/y.rs`", "x.md:1: there is no `flows/z.rs`"]
    );
}

/// The anchor that GitHub gives a heading: letters, digits, hyphens and underscores, in lower case.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Links between documents that lead to no file or to no heading.
fn dead_links(files: &[File]) -> Vec<Breach> {
    let is_dead = |from: &File, target: &str| {
        if target.contains("://") || target.starts_with("mailto:") {
            return false;
        }
        let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
        let folder = Path::new(&from.path).parent().unwrap_or(Path::new(""));
        let path = match path {
            "" => from.path.clone(),
            path => normal(&folder.join(path)),
        };
        let Some(to) = files.iter().find(|file| file.path == path) else {
            // Pictures are no text.
            return !Path::new(env!("CARGO_MANIFEST_DIR")).join(&path).exists();
        };
        let mut anchors = headings(&to.text).into_iter().map(anchor);
        !fragment.is_empty() && !anchors.any(|known| known == fragment.to_lowercase())
    };
    let documents = files.iter().filter(|file| file.path.ends_with(".md"));
    let found = documents.flat_map(|file| {
        at_lines(file, |line| {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            let dead = targets.into_iter().find(|target| is_dead(file, target));
            dead.map(|target| format!("`{target}` leads nowhere"))
        })
    });
    found.collect()
}

/// A path without `..`.
fn normal(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.iter().filter_map(|part| part.to_str()) {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn links_between_documents_lead_somewhere() {
    let breaches = dead_links(&tracked());
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn a_dead_link_is_found() {
    let files = [
        file("docs/a.md", "# A `b.c` (d)\n[x](../README.md#one-two) [y](#a-bc-d) [z](b.md)"),
        file(
            "README.md",
            "# One, two\n[a](docs/a.md#b) <https://x.example> [p](https://x.example)",
        ),
    ];
    assert_eq!(
        dead_links(&files),
        ["docs/a.md:2: `b.md` leads nowhere", "README.md:2: `docs/a.md#b` leads nowhere"]
    );
}

/// A document and its translation must have the same headings at the same levels.
fn uneven_translations(files: &[File]) -> Vec<Breach> {
    let depths = |text: &str| -> Vec<usize> {
        headings(text).iter().map(|line| line.chars().take_while(|c| *c == '#').count()).collect()
    };
    let translations = files.iter().filter(|file| file.path.ends_with(".zh-CN.md"));
    translations
        .filter_map(|translation| {
            let path = translation.path.replace(".zh-CN.md", ".md");
            let original = files.iter().find(|file| file.path == path)?;
            let (ours, theirs) = (depths(&original.text), depths(&translation.text));
            let first = ours.iter().zip(&theirs).position(|(a, b)| a != b);
            let differs = (ours != theirs).then(|| first.unwrap_or(ours.len().min(theirs.len())));
            let at = translation.path.clone();
            differs.map(|index| format!("{at}:1: heading {} is not that of {path}", index + 1))
        })
        .collect()
}

#[test]
fn translations_have_the_same_headings() {
    let breaches = uneven_translations(&tracked());
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn differing_translation_is_detected() {
    let pair = [file("x.md", "# A\n## B\n## C"), file("x.zh-CN.md", "# 甲\n## 乙")];
    assert_eq!(uneven_translations(&pair), ["x.zh-CN.md:1: heading 3 is not that of x.md"]);
}

/// Migrations that the native database does not run, or not in order.
fn forgotten_migrations(files: &[File]) -> Vec<Breach> {
    let on_disk = files.iter().map(|file| file.path.as_str());
    let mut on_disk: Vec<&str> = on_disk.filter(|p| p.starts_with("migrations/")).collect();
    on_disk.sort_unstable();
    let sqlite = files.iter().find(|file| file.path == "src/native/sqlite.rs");
    let sqlite = sqlite.map(|file| file.text.as_str()).unwrap_or_default();
    let included = sqlite.split("include_str!(\"../../").skip(1);
    let included: Vec<&str> = included.filter_map(|rest| rest.split('"').next()).collect();
    match on_disk == included {
        true => Vec::new(),
        false => vec![format!("src/native/sqlite.rs:1: runs {included:?}, not {on_disk:?}")],
    }
}

#[test]
fn native_database_runs_every_migration_in_order() {
    let breaches = forgotten_migrations(&tracked());
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn forgotten_migration_is_detected() {
    let files = [
        file("migrations/0002_b.sql", ""),
        file("migrations/0001_a.sql", ""),
        file("src/native/sqlite.rs", "[include_str!(\"../../migrations/0001_a.sql\")]"),
    ];
    assert_eq!(forgotten_migrations(&files).len(), 1);
}

/// Migrations with something after their last statement: D1 takes a comment there for a statement
/// without SQL, and refuses it.
fn unended_migrations(files: &[File]) -> Vec<Breach> {
    let migrations = files.iter().filter(|file| file.path.starts_with("migrations/"));
    let unended = migrations.filter(|file| !file.text.trim_end().ends_with(';'));
    unended.map(|file| format!("{}:1: does not end with a semicolon", file.path)).collect()
}

#[test]
fn every_migration_ends_with_a_statement() {
    let breaches = unended_migrations(&tracked());
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
    let comment = file("migrations/0001_a.sql", "SELECT 1; -- one\n");
    assert_eq!(unended_migrations(&[comment]).len(), 1);
}

fn private_words(file: &File) -> Vec<Breach> {
    // Split in two, so that this file does not match itself.
    let words = [
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("/Us", "ers/"),
        (".lib", "rary/"),
        ("index.cra", "tes.io"),
        ("artifac", "tory"),
        ("ne", "xus."),
    ];
    at_lines(file, |line| {
        let found = words.iter().find(|(a, b)| line.contains(&format!("{a}{b}")));
        found.map(|(a, b)| format!("names a machine: {a}{b}"))
    })
}

/// Packages in a lock file must come from the public registries.
fn private_registries(file: &File) -> Vec<Breach> {
    const PUBLIC: [&str; 2] =
        ["https://registry.npmjs.org/", "registry+https://github.com/rust-lang/crates.io-index"];
    let is_lock = ["Cargo.lock", "package-lock.json"].iter().any(|name| file.path.ends_with(name));
    if !is_lock {
        return Vec::new();
    }
    at_lines(file, |line| {
        let source = ["\"resolved\": \"", "source = \""].iter();
        let source = source.filter_map(|key| line.trim().strip_prefix(key)).next()?;
        let is_public = PUBLIC.iter().any(|registry| source.starts_with(registry));
        (!is_public).then(|| format!("a package from elsewhere: {source}"))
    })
}

#[test]
fn no_private_path_or_registry_is_named() {
    check(private_words);
    check(private_registries);
}

#[test]
fn private_path_or_registry_is_detected() {
    let text = format!("see {}main", ["/wo", "rk/"].concat());
    assert_eq!(private_words(&file("x.md", &text)).len(), 1);
    let lock = file("package-lock.json", "\"resolved\": \"https://mirror.example/x.tgz\"");
    assert_eq!(private_registries(&lock).len(), 1);
}
