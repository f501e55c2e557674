//! What holds for every seed.

use std::collections::BTreeSet;

use crate::dice::Naps;
use crate::play::{Cast, Played, play};
use crate::trace::Trace;

/// Real pauses of one run.
const NAPS: usize = 300;

fn cast(seed: u64) -> Cast {
    Cast {
        seed,
        disk: seed.is_multiple_of(2),
        naps: Naps::default(),
        trace: Trace::counted(),
        losses: false,
    }
}

fn same(seed: u64, what: &str, left: &[String], right: &[String]) {
    let parted = left
        .iter()
        .zip(right)
        .position(|(left, right)| left != right);
    let parted =
        parted.or_else(|| (left.len() != right.len()).then(|| left.len().min(right.len())));
    if let Some(at) = parted {
        let around = |lines: &[String]| {
            let end = lines.len().min(at + 3);
            lines[at.saturating_sub(8).min(end)..end].join("\n")
        };
        let (left, right) = (around(left), around(right));
        panic!("seed {seed}: the {what} differs at line {at}:\n{left}\n-- or --\n{right}");
    }
}

fn same_run(seed: u64, left: &Played, right: &Played) {
    same(seed, "request log", &left.requests, &right.requests);
    same(seed, "journal", &left.journal, &right.journal);
    same(seed, "end", &left.end.lines(), &right.end.lines());
}

/// Plays a seed three times, the last time with real pauses of the thread.
fn one_log(seed: u64) {
    let first = Trace::default();
    let played = play(&Cast {
        trace: first.clone(),
        ..cast(seed)
    });
    for naps in [Naps::default(), Naps::some(NAPS)] {
        let beside = Trace::beside(first.numbers());
        let again = play(&Cast {
            trace: beside.clone(),
            naps,
            ..cast(seed)
        });
        if let Some(parted) = beside.parted() {
            panic!("seed {seed}: {parted}");
        }
        same_run(seed, &played, &again);
    }
}

#[test]
fn one_seed_gives_one_log() {
    one_log(1);
}

#[test]
fn one_seed_gives_one_log_over_a_store_on_disk() {
    one_log(2);
}

#[test]
fn every_seed_comes_to_the_same_end() {
    let first = play(&cast(1));
    let mut logs = BTreeSet::from([first.requests.join("\n")]);
    for seed in 2..=20 {
        let played = play(&cast(seed));
        same(seed, "end", &first.end.lines(), &played.end.lines());
        logs.insert(played.requests.join("\n"));
    }
    assert_eq!(logs.len(), 20, "each seed goes its own way");
}

#[test]
fn requests_and_replies_that_get_lost_change_nothing() {
    let first = play(&cast(1));
    for seed in 21..=28 {
        let played = play(&Cast {
            losses: true,
            ..cast(seed)
        });
        same(seed, "end", &first.end.lines(), &played.end.lines());
    }
}
