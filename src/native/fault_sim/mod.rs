//! The engine under faults: the real flows over SQLite, with made-up people and everything that
//! can go wrong at every await. A run is a function of its seed. When everything works again and
//! nothing is due any more, the checks read the database and what the providers accepted.

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
mod way;

use crate::domain::base::token::sha256_hex;
use crate::store::invariants::{PassageRow, passages};
use crate::store::statement::Rows;
use defects::Defect;
pub use faults::FAULTS;
pub use run::Ground;
use run::Run;
pub use script::{Move, script};
use std::collections::BTreeMap;

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What contradicts an invariant; empty if all is well.
    pub wrong: Vec<String>,
    /// What happened, line by line.
    pub trace: Vec<String>,
    /// What makes two runs the same: a hash of the trace and of all that was accepted.
    pub digest: String,
    /// How many passages through each journey have ended, by how.
    pub passages: BTreeMap<String, u64>,
    /// How many journey steps were taken.
    pub steps: u64,
    /// How many statements the flows ran.
    pub statements: u64,
    /// How many mails and texts were accepted.
    pub sent: u64,
    /// How often each fault was injected.
    pub faults: BTreeMap<&'static str, u64>,
}

/// Runs the moves of a seed, perhaps with a defect put in.
pub fn run(
    ground: &Ground,
    seed: u64,
    moves: &[Move],
    defect: Option<Defect>,
) -> Result<Outcome, String> {
    let mut run = Run::new(ground, seed, defect)?;
    moves.iter().for_each(|one| run.make(one));
    run.come_to_rest();
    let mut wrong = run.shared().wrong.take();
    wrong.extend(checks::wrong(&run));
    let walked = run.rows(passages()).and_then(|rows| Rows::all::<PassageRow>(&rows))?;
    let mut passages = BTreeMap::new();
    for row in &walked {
        *passages.entry(format!("{} {:?}", row.journey, row.state)).or_default() += 1;
    }
    let accepted = run.accepted();
    let trace = run.shared().trace.take();
    let told = format!("{trace:?}{:?}{:?}", accepted.mails, accepted.texts);
    let texts: u64 = accepted.texts.values().sum();
    Ok(Outcome {
        wrong,
        digest: sha256_hex(&told),
        trace,
        passages,
        steps: walked.iter().map(|row| row.steps_taken).sum(),
        statements: run.shared().statements.get(),
        sent: accepted.letters.len() as u64 + texts,
        faults: run.shared().tally.take(),
    })
}

/// Leaves out moves, and then faults, as long as something is still wrong: a history with nothing
/// in it that does not matter.
pub fn shrink(ground: &Ground, seed: u64, defect: Option<Defect>) -> Result<Vec<Move>, String> {
    let mut moves = script(seed);
    let fails =
        |moves: &[Move]| Ok::<_, String>(!run(ground, seed, moves, defect)?.wrong.is_empty());
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
        calmer[index].stormy = false;
        if fails(&calmer)? {
            moves = calmer;
        }
    }
    Ok(moves)
}

/// How many of these seeds it takes until a run with the defect breaks an invariant, and which.
pub fn seeds_to_catch(
    ground: &Ground,
    defect: Defect,
    seeds: std::ops::Range<u64>,
) -> Result<Option<(u64, String)>, String> {
    let first = seeds.start;
    for seed in seeds {
        let outcome = run(ground, seed, &script(seed), Some(defect))?;
        if let Some(wrong) = outcome.wrong.into_iter().next() {
            return Ok(Some((seed - first + 1, wrong)));
        }
    }
    Ok(None)
}
