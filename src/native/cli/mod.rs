//! The commands of `dripline`, one file each: arguments and a terminal in, an exit status out.

pub mod audit;
pub mod broadcast;
pub mod campaign;
pub mod check;
mod companies;
pub mod consents;
pub mod dead_letters;
pub mod diff;
pub mod erase;
pub mod explain;
pub mod export;
pub mod faults;
pub mod import;
pub mod import_suppressions;
pub mod inspect;
pub mod journey;
pub mod kind;
pub mod list;
pub mod member;
pub mod merge;
pub mod parked;
mod preview;
pub mod progress;
pub mod publish;
pub mod record;
pub mod search;
pub mod rejudge;
pub mod render;
pub mod report;
pub mod restore;
pub mod send_test;
pub mod server;
pub mod session;
pub mod simulate;
pub mod suppressions;
pub mod table;
pub mod token;
pub mod token_admin;
pub mod transfer;
pub mod unpublish;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

/// The result of a command, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: the checked input is valid, or the action is done.
    Ok,
    /// 1: the checked input is invalid, or the action failed.
    Wrong,
    /// 2: the command was not understood, or something that it names does not exist.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Ok => Self::SUCCESS,
            Exit::Wrong => Self::from(1),
            Exit::Usage => Self::from(2),
        }
    }
}

/// The three streams of a command.
pub struct Terminal<'t> {
    /// Standard input.
    pub input: &'t mut dyn BufRead,
    /// Standard output: the result of the command.
    pub out: &'t mut dyn Write,
    /// Standard error: problems with the command itself, and questions.
    pub err: &'t mut dyn Write,
}

impl Terminal<'_> {
    /// Asks a question; returns whether the answer begins with `y`.
    pub fn confirms(&mut self, question: &str) -> io::Result<bool> {
        write!(self.err, "{question} [y/N] ")?;
        self.err.flush()?;
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        Ok(answer.trim_start().to_ascii_lowercase().starts_with('y'))
    }

    /// Prints why the command cannot be executed.
    pub fn usage(&mut self, message: impl std::fmt::Display) -> io::Result<Exit> {
        writeln!(self.err, "dripline: {message}")?;
        Ok(Exit::Usage)
    }
}

/// Formats `1 page`, `3 pages`.
fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 || noun == "SMS" { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
