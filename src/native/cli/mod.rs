//! The commands of `dripline`, one file each: arguments and a terminal in, an exit status out.

pub mod broadcast;
pub mod campaign;
pub mod check;
pub mod consents;
pub mod dead_letters;
pub mod diff;
pub mod erase;
pub mod explain;
pub mod faults;
pub mod import_suppressions;
pub mod inspect;
pub mod journey;
pub mod merge;
pub mod parked;
mod preview;
pub mod progress;
pub mod publish;
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
pub mod unpublish;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

/// How a command ended, as scripts see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: what was asked about is right, what was to be done is done.
    Ok,
    /// 1: what was asked about is wrong.
    Wrong,
    /// 2: the command was not understood, or what it names is not there.
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
    /// What is piped into the command.
    pub input: &'t mut dyn BufRead,
    /// What it was asked for.
    pub out: &'t mut dyn Write,
    /// What went wrong with the asking.
    pub err: &'t mut dyn Write,
}

impl Terminal<'_> {
    /// Asks something; whether the answer begins with a `y`.
    pub fn confirms(&mut self, question: &str) -> io::Result<bool> {
        write!(self.err, "{question} [y/N] ")?;
        self.err.flush()?;
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        Ok(answer.trim_start().to_ascii_lowercase().starts_with('y'))
    }

    /// Says why the command cannot do what it was told.
    pub fn usage(&mut self, message: impl std::fmt::Display) -> io::Result<Exit> {
        writeln!(self.err, "dripline: {message}")?;
        Ok(Exit::Usage)
    }
}

/// `1 page`, `3 pages`.
fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 || noun == "SMS" { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
