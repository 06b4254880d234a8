//! The command line as scripts see it: the built program, its output and its exit status.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod server;

mod bounds;
mod check;
mod erase;
mod broadcast;
mod explain;
mod help;
mod inspect;
mod journey;
mod member;
mod merge;
mod parked;
mod publish;
mod report;
mod restore;
mod session;
mod simulate;
mod suppressions;
mod token;

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The result of running the program.
struct Ran {
    status: i32,
    out: String,
    err: String,
}

impl Ran {
    /// The single JSON object that was printed.
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// Asserts the exit status, and shows the output if it differs.
    fn ended(self, status: i32) -> Self {
        assert_eq!(self.status, status, "out: {}\nerr: {}", self.out, self.err);
        self
    }
}

/// Runs `dripline` in the project's folder, without the caller's own configuration.
fn dripline(args: &[&str]) -> Ran {
    dripline_with(args, &[], "")
}

fn dripline_with(args: &[&str], variables: &[(&str, &str)], input: &str) -> Ran {
    dripline_with_bytes(args, variables, input.as_bytes())
}

fn dripline_with_bytes(args: &[&str], variables: &[(&str, &str)], input: &[u8]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dripline"));
    for name in ["DRIPLINE_URL", "DRIPLINE_TOKEN", "SIGNING_SECRET", "SIGNING_SECRET_PREVIOUS"] {
        command.env_remove(name);
    }
    let mut child = command
        .args(args)
        .envs(variables.iter().copied())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    Ran {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A file in the temporary folder, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("dripline-cli-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A copy of the sample project that a test may change.
struct Project(PathBuf);

impl Project {
    fn copied(name: &str) -> Self {
        let root = std::env::temp_dir().join(format!("dripline-{name}-{}", std::process::id()));
        for folder in ["campaigns", "templates"] {
            copy(Path::new(folder), &root.join(folder));
        }
        Self(root)
    }

    fn join(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}
