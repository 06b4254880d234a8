//! The documents: titles, paths, links and translations.

use super::*;

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
