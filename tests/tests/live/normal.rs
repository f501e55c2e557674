//! The corpus's own programs: `normal` brings states into one form, `parity` compares them.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use aviary_tests::corpus::{goldens, scenarios};
use aviary_tests::tools::root;
use serde_json::Value;

/// Runs `normal` over many files in one interpreter, which costs more than the work.
const NORMALISE: &str = "
import contextlib, os, runpy, sys
program, controller, source, target = sys.argv[1:]
for folder, _, files in os.walk(source):
    for file in files:
        path = os.path.join(folder, file)
        to = os.path.join(target, os.path.relpath(path, source))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        sys.argv = [program, '--controller', controller, path]
        with open(to, 'w') as out, contextlib.redirect_stdout(out):
            runpy.run_path(program, run_name='__main__')
";

/// Brings every state below `folder/from` into the normal form, below `folder/to`.
pub(crate) fn normalise(folder: &Path, from: &str, to: &str) -> Result<()> {
    let mut command = python();
    command
        .args(["-c", NORMALISE])
        .arg(goldens().join("normal"));
    command.arg(scenarios().join("controller.json"));
    let output = command.args([folder.join(from), folder.join(to)]).output();
    let output = output.context("start python3")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "normal: {errors}");
    Ok(())
}

/// What stands on a Controller, in the normal form.
pub(crate) fn normal(dump: &Value) -> Result<Value> {
    let mut child = python()
        .arg(goldens().join("normal"))
        .arg("--controller")
        .arg(scenarios().join("controller.json"))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("start python3")?;
    let mut pipe = child.stdin.take().context("a pipe to python3")?;
    pipe.write_all(dump.to_string().as_bytes())?;
    drop(pipe);
    let output = child.wait_with_output().context("wait for python3")?;
    ensure!(output.status.success(), "normal failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Compares states of all scenarios in both sections with the goldens, but for the departures, of
/// which each is needed.
pub(crate) fn compare(names: &[String], got: &Path) -> Result<()> {
    let report = compare_some(names, got)?;
    let mut unneeded = report
        .lines()
        .filter(|line| line.starts_with("departure not needed"));
    ensure!(!unneeded.any(|line| line.contains("'status:")), "{report}");
    Ok(())
}

/// The same for some scenarios; answers the report.
pub(crate) fn compare_some(names: &[String], got: &Path) -> Result<String> {
    let output = python()
        .arg(goldens().join("parity"))
        .args(["--show", "20", "--only", &names.join(",")])
        .arg("--departures")
        .arg(root().join("docs/departures.yaml"))
        .args([goldens(), got.to_owned()])
        .output()
        .context("start python3")?;
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{report}{errors}");
    // That nothing was left out.
    let total = report.lines().find(|line| line.starts_with("all "));
    let count = total.and_then(|line| line.split_whitespace().nth(1));
    ensure!(count == Some(&names.len().to_string()), "{report}");
    Ok(report)
}

fn python() -> Command {
    let mut command = Command::new("python3");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
