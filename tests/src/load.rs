//! The load program: the real programs, many hosts, and how long everything takes.
//!
//! `cargo xtask bench load` builds the programs and starts it. Times are told, never judged here;
//! what must be true at any speed (how much is written, that everything ends) is an error when it is
//! not.

mod alone;
mod figures;
mod objects;
mod options;
mod report;
mod rounds;
mod source;
mod stack;
mod usage;

pub use alone::{Alone, alone};
pub use objects::Kind;
pub use options::{Options, USAGE};
pub use report::Report;
pub use source::SourceKind;
pub use stack::ENVIRONMENT;

use anyhow::{Context, Result};
use rounds::Rounds;

/// Plays all rounds.
pub async fn run(options: &Options) -> Result<Report> {
    let mut rounds = Rounds::set(options).await?;
    rounds.idle().await.context("idle")?;
    rounds.boot().await.context("boot")?;
    rounds.steady().await.context("steady")?;
    rounds.burst().await.context("burst")?;
    rounds.warm_restart().await.context("warm restart")?;
    rounds.after_boot().await.context("after boot")?;
    rounds.end().await
}
