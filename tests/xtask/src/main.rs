//! `cargo xtask NAME`: the recipes of this repository. CI runs `cargo xtask test` and nothing else.
//!
//! Depends on nothing of ours and on almost nothing else, so that it compiles in seconds.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner talks to a terminal"
)]

mod bench;
mod recipes;
mod shell;
mod tools;

use std::process::ExitCode;

use crate::recipes::RECIPES;
use crate::shell::Workspace;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(name) = words.next() else {
        recipes::list();
        return ExitCode::SUCCESS;
    };
    let Some(recipe) = RECIPES.iter().find(|recipe| recipe.name == name) else {
        eprintln!("no recipe `{name}`; `cargo xtask` lists them");
        return ExitCode::FAILURE;
    };
    let rest: Vec<String> = words.collect();
    match Workspace::find().and_then(|ws| (recipe.run)(&ws, &rest)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask {name} failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
