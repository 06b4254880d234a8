//! `dripline simulate --faults` and `--defects`: tests the engine under faults.

use super::{Exit, Terminal};
use crate::native::clock::Stopwatch;
use crate::native::fault_sim::defects::{DEFECTS, Defect};
use crate::native::fault_sim::{BaseState, FAULTS, Outcome, run, script, seeds_to_catch, shrink};
use crate::views::format::count;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// The interval of progress reports.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// The number of failures that are shrunk and printed; more would add little.
const FAILURES_MAX: u64 = 3;

/// The most seeds that are tried for a defect.
const SEEDS_A_DEFECT_MAX: u64 = 500;

/// The totals of many runs.
#[derive(Default)]
struct Totals {
    runs: u64,
    moves: u64,
    steps: u64,
    statements: u64,
    sent: u64,
    violations: u64,
    faults: BTreeMap<&'static str, u64>,
    failures: Vec<Value>,
}

/// A run that ended: its seed, its number of moves and its outcome, with the trace of a failure.
type Ended = Result<(u64, usize, Outcome), String>;

/// Runs seed after seed, on all cores, until the time is over.
pub fn try_faults(
    seconds: u64,
    seeds: Range<u64>,
    terminal: &mut Terminal<'_>,
) -> io::Result<Exit> {
    let cores = cores();
    let watch = Stopwatch::start();
    let (sender, ended) = channel::<Ended>();
    let end = Duration::from_secs(seconds);
    let threads: Vec<_> = (0..cores)
        .map(|core| {
            let (sender, seeds) = (sender.clone(), seeds.clone());
            let seeds = seeds.skip(core).step_by(cores);
            thread::spawn(move || try_seeds(seeds, end, &sender))
        })
        .collect();
    drop(sender);
    let (mut totals, mut reported_at) = (Totals::default(), Duration::ZERO);
    for ended in ended {
        match ended {
            Ok((seed, moves, outcome)) => {
                if let Some(failure) = totals.add(seed, moves, outcome) {
                    writeln!(terminal.out, "{failure}\n")?;
                }
            }
            Err(message) => return terminal.usage(message),
        }
        if watch.elapsed() >= reported_at + REPORT_EVERY {
            reported_at = watch.elapsed();
            let (runs, steps) = (count(totals.runs as i64), count(totals.steps as i64));
            let (faults, wrong) = (count(totals.faults_injected() as i64), totals.violations);
            let second = reported_at.as_secs();
            writeln!(
                terminal.err,
                "{second} s: {runs} runs, {steps} steps, {faults} faults, {wrong} violations"
            )?;
        }
    }
    if threads.into_iter().any(|thread| thread.join().is_err()) {
        return terminal.usage("a run of the simulation broke off");
    }
    writeln!(terminal.out, "{}", totals.json(seeds.start, watch.elapsed()))?;
    Ok(if totals.violations == 0 { Exit::Ok } else { Exit::Wrong })
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Runs these seeds while there is time.
fn try_seeds(mut seeds: impl Iterator<Item = u64>, end: Duration, sender: &Sender<Ended>) {
    let watch = Stopwatch::start();
    let base = match BaseState::new() {
        Ok(base) => base,
        Err(message) => return drop(sender.send(Err(message))),
    };
    while watch.elapsed() < end {
        let Some(seed) = seeds.next() else { return };
        if sender.send(try_seed(&base, seed)).is_err() {
            return;
        }
    }
}

/// Runs a seed; if it fails, finds the shortest history that still fails.
fn try_seed(base: &BaseState, seed: u64) -> Ended {
    let moves = script(seed);
    let mut outcome = run(base, seed, &moves, None)?;
    if !outcome.wrong.is_empty() {
        let fewer = shrink(base, seed, None)?;
        let least = run(base, seed, &fewer, None)?;
        (outcome.wrong, outcome.trace) = (least.wrong, least.trace);
    }
    Ok((seed, moves.len(), outcome))
}

impl Totals {
    /// Adds a run; returns the description of a failure.
    fn add(&mut self, seed: u64, moves: usize, outcome: Outcome) -> Option<String> {
        self.runs += 1;
        self.moves += moves as u64;
        self.steps += outcome.steps;
        self.statements += outcome.statements;
        self.sent += outcome.sent;
        for (fault, times) in &outcome.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        if outcome.wrong.is_empty() {
            return None;
        }
        self.violations += 1;
        if self.violations > FAILURES_MAX {
            return None;
        }
        self.failures.push(json!({ "seed": seed, "wrong": outcome.wrong }));
        let (wrong, trace) = (outcome.wrong.join("\n  "), outcome.trace.join("\n  "));
        Some(format!("Seed {seed} breaks an invariant:\n  {wrong}\nby this history:\n  {trace}"))
    }

    fn faults_injected(&self) -> u64 {
        self.faults.values().sum()
    }

    fn json(&self, first: u64, elapsed: Duration) -> Value {
        let faults: BTreeMap<&str, u64> = FAULTS
            .iter()
            .map(|(fault, _)| (*fault, self.faults.get(fault).copied().unwrap_or_default()))
            .collect();
        let seconds = elapsed.as_secs_f64();
        json!({
            "simulation": "faults", "first_seed": first, "seconds": seconds, "runs": self.runs,
            "moves": self.moves, "steps": self.steps, "statements": self.statements,
            "messages_accepted": self.sent,
            "steps_per_minute": (self.steps as f64 / seconds * 60.0) as u64,
            "faults_injected": self.faults_injected(), "faults": faults,
            "violations": self.violations, "failures": self.failures,
        })
    }
}

/// Injects each defect by itself, and counts the seeds until it is caught.
pub fn try_defects(first: u64, terminal: &mut Terminal<'_>) -> io::Result<Exit> {
    let (sender, tried) = channel();
    let next = AtomicUsize::new(0);
    let mut found = BTreeMap::new();
    thread::scope(|scope| {
        for _ in 0..cores() {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let Ok(base) = BaseState::new() else { return };
                while let Some(defect) = DEFECTS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let seeds = first..first + SEEDS_A_DEFECT_MAX;
                    let caught = seeds_to_catch(&base, *defect, seeds).ok().flatten();
                    if sender.send((*defect, caught)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (defect, caught) in tried {
            writeln!(terminal.err, "{}", sentence(defect, &caught))?;
            found.insert(format!("{defect:?}"), caught);
        }
        Ok::<(), io::Error>(())
    })?;
    let caught = found.values().flatten().count();
    let list: BTreeMap<&String, Value> = found
        .iter()
        .map(|(name, caught)| {
            let caught = caught.as_ref();
            (name, json!(caught.map(|(seeds, broke)| json!({ "seeds": seeds, "broke": broke }))))
        })
        .collect();
    let report = json!({
        "simulation": "defects", "first_seed": first, "tried": DEFECTS.len(), "caught": caught,
        "defects": list,
    });
    writeln!(terminal.out, "{report}")?;
    Ok(if caught == DEFECTS.len() { Exit::Ok } else { Exit::Wrong })
}

fn sentence(defect: Defect, caught: &Option<(u64, String)>) -> String {
    match caught {
        Some((seeds, broke)) => format!("{defect:?}: seeds until it was caught: {seeds}. {broke}"),
        None => format!("{defect:?}: not caught in {SEEDS_A_DEFECT_MAX} seeds"),
    }
}
