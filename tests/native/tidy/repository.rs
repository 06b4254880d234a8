//! Migrations, and that no file names a machine or a private registry.

use super::*;

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
