//! The real programs under load.

use anyhow::Result;

use crate::shell::{Workspace, run};
use crate::tools;

/// Builds the programs and plays the rounds; `--profile dev` takes those of the tests.
pub(super) fn run_recipe(ws: &Workspace, words: &[String]) -> Result<()> {
    tools::install(ws)?;
    let mut build = ws.cargo(&["build", "--locked"]);
    for package in ["aviary-agent", "aviary-translator", "aviary-sim"] {
        build.args(["--package", package]);
    }
    if !words.iter().any(|word| word == "dev") {
        build.arg("--release");
    }
    run(&mut build)?;
    let driver = [
        "run",
        "--locked",
        "--package",
        "aviary-tests",
        "--bin",
        "load",
        "--",
    ];
    run(tools::told(&mut ws.cargo(&driver), ws).args(words))
}
