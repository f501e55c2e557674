//! `cargo xtask bench …`: figures of what is fast and what grows. docs/performance.md has them.

mod counts;
mod growth;
mod load;

use anyhow::{Result, bail};

use crate::shell::{Workspace, run};

pub(crate) use counts::check as check_counts;

const USAGE: &str = "counts [--bless --reason TEXT] | growth [--kind KIND] [HOSTS…] | load [FLAGS] | micro [FILTER]";

pub(crate) fn bench(ws: &Workspace, rest: &[String]) -> Result<()> {
    match rest.split_first() {
        Some((what, rest)) if what == "counts" => counts::run_recipe(ws, rest),
        Some((what, rest)) if what == "growth" => growth::run_recipe(ws, rest),
        Some((what, rest)) if what == "load" => load::run_recipe(ws, rest),
        Some((what, rest)) if what == "micro" => micro(ws, rest),
        _ => bail!("cargo xtask bench {USAGE}"),
    }
}

/// Times, by divan.
fn micro(ws: &Workspace, rest: &[String]) -> Result<()> {
    let words = [
        "bench",
        "--locked",
        "-p",
        "aviary-bench",
        "--bench",
        "core",
        "--",
    ];
    run(ws.cargo(&words).args(rest))
}
