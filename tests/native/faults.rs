//! The engine under faults (`native::chaos`): whatever goes wrong, the invariants hold; and each
//! of the deliberate defects breaks one.

use dripline::native::chaos::defects::{DEFECTS, Defect};
use dripline::native::chaos::{Ground, Outcome, run, script, seeds_to_catch, shrink};

/// Runs a seed; if anything is wrong, fails with the shortest history that shows it.
fn hold(ground: &Ground, seed: u64) -> Outcome {
    let outcome = run(ground, seed, &script(seed), None).unwrap();
    if !outcome.wrong.is_empty() {
        let moves = shrink(ground, seed, None).unwrap();
        let least = run(ground, seed, &moves, None).unwrap();
        let (wrong, trace) = (least.wrong.join("\n"), least.trace.join("\n"));
        panic!("seed {seed}, {} moves:\n{wrong}\n{trace}", moves.len());
    }
    outcome
}

fn hold_all(seeds: std::ops::RangeInclusive<u64>) {
    let ground = Ground::new().unwrap();
    let count = seeds.clone().count() as u64;
    let outcomes: Vec<Outcome> = seeds.map(|seed| hold(&ground, seed)).collect();
    let sent: u64 = outcomes.iter().map(|outcome| outcome.sent).sum();
    assert!(sent >= 5 * count, "the runs are about something: {sent} messages were sent");
}

// Two hundred seeds, in four tests that run beside one another.
#[test]
fn fifty_seeds_of_faults_break_no_invariant() {
    hold_all(1..=50);
}

#[test]
fn fifty_other_seeds_break_none() {
    hold_all(51..=100);
}

#[test]
fn fifty_more_seeds_break_none() {
    hold_all(101..=150);
}

#[test]
fn the_last_fifty_seeds_break_none() {
    hold_all(151..=200);
}

// Seeds that once found something.
#[test]
fn what_was_refused_after_a_lost_answer_may_have_left() {
    hold_all(72..=72);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let ground = Ground::new().unwrap();
    let digest = |seed| run(&ground, seed, &script(seed), None).unwrap().digest;
    for seed in 1..=5 {
        assert_eq!(digest(seed), digest(seed));
    }
    assert_ne!(digest(1), digest(2));
}

/// A stale reading that overwrites a wake takes three workers at the wrong moments: some hundreds
/// of seeds, which `make simulate-defects` tries.
const RARE: [Defect; 1] = [Defect::StaleWakes];

#[test]
fn deliberate_defects_are_caught() {
    let ground = Ground::new().unwrap();
    for defect in DEFECTS.into_iter().filter(|defect| !RARE.contains(defect)) {
        let caught = seeds_to_catch(&ground, defect, 1..61).unwrap();
        assert!(caught.is_some(), "{defect:?} breaks nothing in sixty seeds");
    }
}

#[test]
fn a_failure_is_shrunk_to_the_moves_that_matter() {
    let ground = Ground::new().unwrap();
    let defect = Some(Defect::KeysNotUnique);
    let moves = shrink(&ground, 1, defect).unwrap();
    assert!(moves.len() <= 3, "{moves:?}");
    assert!(!run(&ground, 1, &moves, defect).unwrap().wrong.is_empty());
}
