//! The recipes: one line each in the table, one small function each below it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shell::{Workspace, run, run_quietly};
use crate::{bench, tools};

/// One recipe: `cargo xtask NAME`.
pub(crate) struct Recipe {
    pub(crate) name: &'static str,
    does: &'static str,
    pub(crate) run: fn(&Workspace, &[String]) -> Result<()>,
}

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "bench",
        does: "counts, growth, load, micro: figures of docs/performance.md",
        run: bench::bench,
    },
    Recipe {
        name: "bless",
        does: "accept snapshots and generated files, then show the diff",
        run: bless,
    },
    Recipe {
        name: "breaking",
        does: "buf breaking against proto/released.binpb",
        run: breaking,
    },
    Recipe {
        name: "ci",
        does: "the same as test",
        run: test,
    },
    Recipe {
        name: "deny",
        does: "licences, bans, duplicate versions, sources",
        run: deny,
    },
    Recipe {
        name: "doctor",
        does: "which tools are here and which are missing",
        run: doctor,
    },
    Recipe {
        name: "fmt",
        does: "format Rust and proto",
        run: fmt,
    },
    Recipe {
        name: "fmt-check",
        does: "fail if something is not formatted",
        run: fmt_check,
    },
    Recipe {
        name: "golden",
        does: "the captured AKO bodies alone",
        run: golden,
    },
    Recipe {
        name: "lint",
        does: "clippy, buf lint, helm lint and template",
        run: lint,
    },
    Recipe {
        name: "live",
        does: "only the tests that start real programs: kube-apiserver, grpcurl, the SDK",
        run: live,
    },
    Recipe {
        name: "quick",
        does: "what needs no tool but cargo",
        run: quick,
    },
    Recipe {
        name: "regen",
        does: "write all generated files",
        run: regen,
    },
    Recipe {
        name: "regen-check",
        does: "fail if a generated file is stale",
        run: regen_check,
    },
    Recipe {
        name: "release-proto",
        does: "renew proto/released.binpb (needs an ADR)",
        run: release_proto,
    },
    Recipe {
        name: "test",
        does: "everything; installs its tools first",
        run: test,
    },
    Recipe {
        name: "tools",
        does: "install the pinned tools under target/tools",
        run: install,
    },
];

/// Test binaries that start installed programs: `quick` leaves them out, `live` runs them alone.
const NEED_TOOLS: &[&str] = &["avisdk", "chart", "live", "load", "wire"];

/// Prints the table.
pub(crate) fn list() {
    for recipe in RECIPES {
        println!("cargo xtask {:14} {}", recipe.name, recipe.does);
    }
}

/// In the order that fails fastest; cargo's own last lines close the output.
fn test(ws: &Workspace, rest: &[String]) -> Result<()> {
    run(&mut ws.cargo(&["fmt", "--all", "--check"]))?;
    tools::install(ws)?;
    buf_format_check(ws)?;
    buf_lint(ws)?;
    breaking(ws, &[])?;
    helm(ws)?;
    deny(ws, &[])?;
    clippy(ws)?;
    programs(ws)?;
    bench::check_counts(ws)?;
    // Includes the freshness of generated files, the goldens and the live tests.
    run(cargo_test(ws, &["--workspace"]).args(rest))
}

fn quick(ws: &Workspace, rest: &[String]) -> Result<()> {
    run(&mut ws.cargo(&["fmt", "--all", "--check"]))?;
    clippy(ws)?;
    let mut command = cargo_test(ws, &["--workspace", "--lib", "--bins"]);
    for name in targets(ws, "test")?
        .iter()
        .filter(|name| !NEED_TOOLS.contains(&name.as_str()))
    {
        command.args(["--test", name]);
    }
    run(command.args(rest))?;
    run(&mut cargo_test(ws, &["--workspace", "--doc"]))
}

fn fmt(ws: &Workspace, _: &[String]) -> Result<()> {
    run(&mut ws.cargo(&["fmt", "--all"]))?;
    tools::install(ws)?;
    run(buf(ws).args(["format", "--write"]))
}

fn fmt_check(ws: &Workspace, _: &[String]) -> Result<()> {
    run(&mut ws.cargo(&["fmt", "--all", "--check"]))?;
    tools::install(ws)?;
    buf_format_check(ws)
}

fn lint(ws: &Workspace, _: &[String]) -> Result<()> {
    tools::install(ws)?;
    buf_lint(ws)?;
    helm(ws)?;
    clippy(ws)
}

fn clippy(ws: &Workspace) -> Result<()> {
    let words = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    run(&mut ws.cargo(&words))
}

fn bless(ws: &Workspace, rest: &[String]) -> Result<()> {
    regen(ws, &[])?;
    run(cargo_test(ws, &["--workspace"])
        .env("INSTA_UPDATE", "always")
        .args(rest))?;
    run(ws.program("git").args(["--no-pager", "diff", "--stat"]))
}

fn deny(ws: &Workspace, _: &[String]) -> Result<()> {
    tools::install(ws)?;
    let mut command = ws.program(ws.tools().join("bin/cargo-deny"));
    run(command.args(["check", "bans", "licenses", "sources"]))
}

fn breaking(ws: &Workspace, _: &[String]) -> Result<()> {
    tools::install(ws)?;
    ensure!(
        ws.root.join(RELEASED).is_file(),
        "{RELEASED} is missing: cargo xtask release-proto"
    );
    run(buf(ws).args(["breaking", "--against", RELEASED]))
}

/// The contract as last released.
const RELEASED: &str = "proto/released.binpb";

fn release_proto(ws: &Workspace, _: &[String]) -> Result<()> {
    tools::install(ws)?;
    run(buf(ws).args(["build", "--exclude-source-info", "-o", RELEASED]))
}

fn regen(ws: &Workspace, _: &[String]) -> Result<()> {
    run(generated(ws).env("AVIARY_REGEN", "1"))
}

fn regen_check(ws: &Workspace, _: &[String]) -> Result<()> {
    run(&mut generated(ws))
}

/// Each generated file has a test that compares it, and writes it when told to.
fn generated(ws: &Workspace) -> Command {
    cargo_test(ws, &["--package", "aviary-tests", "--test", "generated"])
}

fn live(ws: &Workspace, rest: &[String]) -> Result<()> {
    tools::install(ws)?;
    programs(ws)?;
    let mut command = cargo_test(ws, &["--workspace"]);
    for name in targets(ws, "test")?
        .iter()
        .filter(|name| NEED_TOOLS.contains(&name.as_str()))
    {
        command.args(["--test", name]);
    }
    run(command.args(rest))
}

/// Builds what the live tests start: cargo itself builds a test's own package alone. With the tests
/// beside them the programs share every dependency with what runs next.
fn programs(ws: &Workspace) -> Result<()> {
    let words = ["build", "--locked", "--workspace", "--bins", "--tests"];
    run(&mut ws.cargo(&words))
}

fn golden(ws: &Workspace, rest: &[String]) -> Result<()> {
    run(cargo_test(ws, &["--workspace", "--test", "golden*"]).args(rest))
}

fn install(ws: &Workspace, _: &[String]) -> Result<()> {
    tools::install(ws)
}

fn doctor(ws: &Workspace, _: &[String]) -> Result<()> {
    let missing = tools::doctor(ws);
    ensure!(missing.is_empty(), "missing: {}", missing.join(", "));
    Ok(())
}

fn buf(ws: &Workspace) -> Command {
    ws.program(ws.tools().join("buf/bin/buf"))
}

fn buf_lint(ws: &Workspace) -> Result<()> {
    run(buf(ws).arg("lint"))
}

fn buf_format_check(ws: &Workspace) -> Result<()> {
    run(buf(ws).args(["format", "--diff", "--exit-code"]))
}

fn helm(ws: &Workspace) -> Result<()> {
    let helm = ws.tools().join("bin/helm");
    run(ws.program(&helm).args(["lint", "--strict", CHART]))?;
    for entry in
        fs::read_dir(ws.root.join(CHART).join("ci")).context("read the chart's examples")?
    {
        let example = entry.context("read the chart's examples")?.path();
        run(ws
            .program(&helm)
            .args(["lint", "--strict", CHART, "--values"])
            .arg(&example))?;
        run_quietly(
            ws.program(&helm)
                .args(["template", "aviary", CHART, "--values"])
                .arg(&example),
        )?;
    }
    Ok(())
}

const CHART: &str = "charts/aviary";

/// `cargo test`, told where the tools lie.
fn cargo_test(ws: &Workspace, words: &[&str]) -> Command {
    let mut command = ws.cargo(&["test", "--locked"]);
    command.args(words);
    // The error texts of tests say it all; a backtrace of each would bury them.
    tools::told(&mut command, ws).env("RUST_LIB_BACKTRACE", "0");
    command
}

/// The names of all targets of one sort in the workspace.
fn targets(ws: &Workspace, sort: &str) -> Result<BTreeSet<String>> {
    let words = ["metadata", "--locked", "--no-deps", "--format-version", "1"];
    let metadata: Value = serde_json::from_slice(&run_quietly(&mut ws.cargo(&words))?)?;
    let list = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let targets = list(&metadata, "packages")
        .into_iter()
        .flat_map(|found| list(&found, "targets"));
    Ok(targets
        .filter(|target| list(target, "kind").iter().any(|kind| kind == sort))
        .filter_map(|target| {
            target
                .get("name")
                .and_then(Value::as_str)
                .map(str::to_owned)
        })
        .collect())
}
