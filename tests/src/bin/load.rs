//! `cargo xtask bench load`: plays a load and prints what it took.
#![expect(clippy::print_stdout, reason = "a program that talks to a terminal")]

use std::fmt::Display;

use anyhow::{Context, Result};
use aviary_tests::load::{Options, alone, run};
use serde::Serialize;

fn main() -> Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build()?;
    if options.controller_alone {
        return tell(&options, &runtime.block_on(alone(&options))?);
    }
    tell(&options, &runtime.block_on(run(&options))?)
}

fn tell(options: &Options, report: &(impl Display + Serialize)) -> Result<()> {
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(report)?;
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    print!("{report}");
    Ok(())
}
