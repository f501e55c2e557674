//! What one size costs: `growth HOSTS KIND` prints one JSON object with nanoseconds of processor time
//! and bytes of live memory. A process per size, so that no size warms up another
//! (`cargo xtask bench growth` makes the table).
#![expect(
    clippy::print_stdout,
    reason = "a program that reports what it measured"
)]

use std::alloc::System;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aviary_bench::core::Core;
use aviary_bench::estate::{Estate, Kind, slice};
use aviary_bench::wire;
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Changes whose median is told.
const CHANGES: usize = 101;

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let hosts = words.next().context("growth HOSTS KIND")?;
    let hosts: usize = hosts.parse().context("HOSTS is a number")?;
    let word = words.next().context("growth HOSTS KIND")?;
    let kind = Kind::ALL.iter().find(|(name, _)| *name == word);
    let (_, kind) = *kind.context("KIND is insecure, secure or l4")?;
    let estate = Estate { kind, hosts };

    let empty = live();
    let (tell, core) = timed(|| Core::told(estate))?;
    let mut core = core?;
    let facts = live() - empty;
    let (translate, objects) = timed(|| core.build())?;
    let built = live() - empty;
    let (plan_all, plan) = timed(|| core.plan(None))?;
    let writes = plan?.ops.len();
    let mut core = core.settle()?;
    let (diff_all, plan) = timed(|| core.plan(None))?;
    ensure!(plan?.ops.is_empty(), "not at rest");
    let (change, evaluated) = changes(&mut core, hosts)?;
    // What the first build said to have changed is gone by now.
    let at_rest = live() - empty;

    let told = json!({
        "kind": word, "hosts": hosts, "objects": objects, "writes": writes,
        "tell_ns": tell, "translate_ns": translate, "plan_ns": plan_all, "diff_ns": diff_all,
        "change_ns": change, "change_units": evaluated,
        "facts_bytes": facts, "built_bytes": built, "at_rest_bytes": at_rest,
        "peak_rss_kib": status("VmHWM:")?,
    });
    println!("{told}");
    Ok(())
}

/// The median of one endpoint change, and how many units it evaluates.
fn changes(core: &mut Core, hosts: usize) -> Result<(u64, usize)> {
    let mut spans: Vec<Duration> = Vec::with_capacity(CHANGES);
    for turn in 1..=CHANGES {
        let delta = wire::encode(&slice(turn * hosts / (CHANGES + 1), turn));
        // A change is shorter than what the processor's time is counted in.
        #[expect(clippy::disallowed_methods, reason = "a span of real time is measured")]
        let before = Instant::now();
        let plan = core.change(&delta)?;
        let span = before.elapsed();
        ensure!(
            plan.ops.len() == 1,
            "{} writes for one endpoint",
            plan.ops.len()
        );
        core.apply(&plan);
        spans.push(span);
    }
    spans.sort_unstable();
    let median = spans.get(CHANGES / 2).copied().unwrap_or_default();
    let nanos = u64::try_from(median.as_nanos()).context("a short span")?;
    Ok((nanos, core.evaluated()))
}

/// Nanoseconds on a processor, and the result.
fn timed<T>(work: impl FnOnce() -> T) -> Result<(u64, T)> {
    let before = on_cpu()?;
    let result = work();
    Ok((on_cpu()? - before, result))
}

/// Nanoseconds that this process, which has one thread, was on a processor: what others do on the
/// machine counts little.
fn on_cpu() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/schedstat").context("read /proc/self/schedstat")?;
    let first = text
        .split_whitespace()
        .next()
        .context("an empty schedstat")?;
    first.parse().context("schedstat begins with a number")
}

/// Bytes that are allocated now.
fn live() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// A number of /proc/self/status.
fn status(field: &str) -> Result<u64> {
    let text = fs::read_to_string("/proc/self/status").context("read /proc/self/status")?;
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .context("no such field")?
        .parse()
        .context("no number")
}
