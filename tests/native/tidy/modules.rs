//! The modules: what each may use, and that their folders have no cycles.

use super::*;

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

/// The folders whose subfolders are modules, with the files that may be next to them.
const MODULE_ROOTS: [(&str, &[&str]); 3] = [
    ("src/domain/", &["mod.rs"]),
    ("src/flows/", &["mod.rs", "commit.rs", "error.rs", "ports.rs", "tasks.rs"]),
    ("src/edge/", &["mod.rs", "app.rs", "entry.js"]),
];

/// Files next to the modules instead of inside one.
fn flat_files(file: &File) -> Vec<Breach> {
    let flat = MODULE_ROOTS.iter().find_map(|(root, may)| {
        let inner = file.path.strip_prefix(root)?;
        (!inner.contains('/') && !may.contains(&inner)).then_some(root)
    });
    flat.map(|root| format!("{}:1: put it into a module folder of {root}", file.path))
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
    assert_eq!(found, ["src/domain/x.rs:1: put it into a module folder of src/domain/"]);
    assert_eq!(flat_files(&file("src/domain/base/x.rs", "")), [] as [&str; 0]);
    assert_eq!(flat_files(&file("src/flows/ports.rs", "")), [] as [&str; 0]);
}

/// Which modules of a folder use which, with one line as evidence. Tests may use modules above.
fn room_arrows(files: &[File], root: &str) -> BTreeMap<(String, String), Breach> {
    let prefix = format!("crate::{}::", root.trim_start_matches("src/").trim_end_matches('/'));
    let mut arrows = BTreeMap::new();
    for file in files.iter().filter(|file| is_rust(file) && !file.path.contains("tests")) {
        let Some((own, _)) = file.path.strip_prefix(root).and_then(|path| path.split_once('/'))
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
fn room_circles(files: &[File], root: &str) -> Vec<Breach> {
    let arrows = room_arrows(files, root);
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
    let circles = MODULE_ROOTS.iter().flat_map(|(root, _)| room_circles(&files, root));
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
fn undescribed_modules(file: &File) -> Vec<Breach> {
    let is_module = MODULE_ROOTS.iter().any(|(root, _)| {
        let inner = file.path.strip_prefix(root).unwrap_or_default();
        inner.ends_with("/mod.rs") && inner.matches('/').count() == 1
    });
    (is_module && !file.text.starts_with("//! "))
        .then(|| format!("{}:1: say what is in this module", file.path))
        .into_iter()
        .collect()
}

#[test]
fn every_module_folder_has_a_doc_comment() {
    check(undescribed_modules);
    assert_eq!(undescribed_modules(&file("src/domain/x/mod.rs", "mod y;")).len(), 1);
}
