//! What only one place may use: the platform, SQL, `cfg`, clocks.

use super::*;

fn stray_platform(file: &File) -> Vec<Breach> {
    if !is_rust(file) || !file.path.starts_with("src/") || is_under(&file.path, &["src/edge/"]) {
        return Vec::new();
    }
    at_lines(file, |line| {
        let names_it = ["js_sys", "wasm_bindgen"].iter().any(|one| code(line).contains(one));
        names_it.then(|| "only src/edge talks to the platform".to_owned())
    })
}

#[test]
fn only_edge_uses_the_platform() {
    check(stray_platform);
}

#[test]
fn platform_use_outside_edge_is_detected() {
    let found = stray_platform(&file("src/flows/x.rs", "use js_sys::Promise;"));
    assert_eq!(found, ["src/flows/x.rs:1: only src/edge talks to the platform"]);
    assert_eq!(stray_platform(&file("src/edge/x.rs", "use js_sys::Promise;")), [] as [&str; 0]);
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
