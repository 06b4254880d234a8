//! The engine under faults: the production flows over SQLite, with made-up people and every
//! possible failure at every await. A run is a function of its seed. When everything works again
//! and nothing is due any more, the checks read the database and what the providers accepted.

pub mod defects;
pub mod turns;
mod checks;
mod faults;
mod flow;
mod hooks;
mod operators;
mod people;
mod provider;
mod run;
mod script;
mod checked_http;

use crate::domain::base::token::sha256_hex;
use crate::store::invariants::{EnrollmentRow, enrollments};
use crate::store::statement::Rows;
use defects::Defect;
pub use faults::FAULTS;
pub use run::BaseState;
use run::Run;
pub use script::{Move, script};
use std::collections::BTreeMap;

/// The result of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The violations of invariants; empty if there are none.
    pub wrong: Vec<String>,
    /// The trace of what happened, line by line.
    pub trace: Vec<String>,
    /// Identifies equal runs: a hash of the trace and of everything that was accepted.
    pub digest: String,
    /// The number of ended enrollments by journey and by how they ended.
    pub enrollments: BTreeMap<String, u64>,
    /// The number of journey steps executed.
    pub steps: u64,
    /// The number of statements that the flows ran.
    pub statements: u64,
    /// The number of e-mails and SMS accepted.
    pub sent: u64,
    /// The number of times each fault occurred.
    pub faults: BTreeMap<&'static str, u64>,
}

/// Runs the moves of a seed, optionally with an injected defect.
pub fn run(
    base: &BaseState,
    seed: u64,
    moves: &[Move],
    defect: Option<Defect>,
) -> Result<Outcome, String> {
    let mut run = Run::new(base, seed, defect)?;
    moves.iter().for_each(|one| run.make(one));
    run.come_to_rest();
    let mut wrong = run.shared().wrong.take();
    wrong.extend(checks::wrong(&run));
    let walked = run.rows(enrollments()).and_then(|rows| Rows::all::<EnrollmentRow>(&rows))?;
    let mut enrollments = BTreeMap::new();
    for row in &walked {
        *enrollments.entry(format!("{} {:?}", row.journey, row.state)).or_default() += 1;
    }
    let accepted = run.accepted();
    let trace = run.shared().trace.take();
    let history = format!("{trace:?}{:?}{:?}", accepted.mails, accepted.texts);
    let texts: u64 = accepted.texts.values().sum();
    Ok(Outcome {
        wrong,
        digest: sha256_hex(&history),
        trace,
        enrollments,
        steps: walked.iter().map(|row| row.steps_taken).sum(),
        statements: run.shared().statements.get(),
        sent: accepted.mail_bodies.len() as u64 + texts,
        faults: run.shared().tally.take(),
    })
}

/// Removes moves, and then faults, as long as the run still fails. The result is a minimal history.
pub fn shrink(base: &BaseState, seed: u64, defect: Option<Defect>) -> Result<Vec<Move>, String> {
    let mut moves = script(seed);
    let fails = |moves: &[Move]| Ok::<_, String>(!run(base, seed, moves, defect)?.wrong.is_empty());
    let mut size = moves.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start < moves.len() {
            let mut fewer = moves.clone();
            fewer.drain(start..(start + size).min(moves.len()));
            match fails(&fewer)? {
                true => moves = fewer,
                false => start += size,
            }
        }
        size /= 2;
    }
    for index in 0..moves.len() {
        let mut calmer = moves.clone();
        calmer[index].with_faults = false;
        if fails(&calmer)? {
            moves = calmer;
        }
    }
    Ok(moves)
}

/// Returns how many of these seeds it takes until a run with the defect violates an invariant, and
/// which one.
pub fn seeds_to_catch(
    base: &BaseState,
    defect: Defect,
    seeds: std::ops::Range<u64>,
) -> Result<Option<(u64, String)>, String> {
    let first = seeds.start;
    for seed in seeds {
        let outcome = run(base, seed, &script(seed), Some(defect))?;
        if let Some(wrong) = outcome.wrong.into_iter().next() {
            return Ok(Some((seed - first + 1, wrong)));
        }
    }
    Ok(None)
}
