//! Instruction counts of the core's functions under callgrind, against the committed baseline. Unlike
//! times they are the same in every run, so that a rise is a rise.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::shell::{Workspace, run_quietly};

/// The functions of `counts.rs`, module `counted`.
const FUNCTIONS: &[&str] = &[
    "change_endpoint",
    "decode_and_digest",
    "diff_all",
    "resume",
    "translate_insecure",
    "translate_l4",
    "translate_secure",
];
/// Hosts of the estate: enough that what grows worse than linear is seen, few enough to be quick.
const HOSTS: u64 = 400;
/// A rise of more than this fails.
const RISE_PERCENT_MAX: u64 = 10;
const BASELINE: &str = "tests/bench/counts.json";

type Counts = BTreeMap<String, u64>;

pub(super) fn run_recipe(ws: &Workspace, rest: &[String]) -> Result<()> {
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => check(ws),
        ["--bless", "--reason", reason] if !reason.trim().is_empty() => bless(ws, reason),
        _ => bail!("cargo xtask bench counts [--bless --reason TEXT]"),
    }
}

/// Counts and compares; says so and passes where there is no valgrind.
pub(crate) fn check(ws: &Workspace) -> Result<()> {
    let Some(counts) = count(ws)? else {
        println!("valgrind is not installed: instructions are not counted");
        return Ok(());
    };
    let text = fs::read_to_string(ws.root.join(BASELINE));
    let text = text.with_context(|| format!("read {BASELINE}"))?;
    let (table, risen) = compare(&read_baseline(&text)?, &counts)?;
    println!("{table}");
    ensure!(
        risen.is_empty(),
        "more than {RISE_PERCENT_MAX} % above {BASELINE}: {}. Mend it, or renew the baseline: \
         cargo xtask bench counts --bless --reason TEXT",
        risen.join(", ")
    );
    Ok(())
}

fn bless(ws: &Workspace, reason: &str) -> Result<()> {
    let counts = count(ws)?.context("valgrind is not installed")?;
    let baseline = json!({"hosts": HOSTS, "reason": reason, "instructions": counts});
    let text = serde_json::to_string_pretty(&baseline).context("print the baseline")?;
    fs::write(ws.root.join(BASELINE), text + "\n").with_context(|| format!("write {BASELINE}"))
}

fn read_baseline(text: &str) -> Result<Counts> {
    let baseline: Value = serde_json::from_str(text).context("read the baseline")?;
    ensure!(
        baseline.get("hosts").and_then(Value::as_u64) == Some(HOSTS),
        "the baseline is of another number of hosts"
    );
    let reason = baseline.get("reason").and_then(Value::as_str);
    ensure!(
        reason.is_some_and(|text| !text.is_empty()),
        "a baseline has a reason"
    );
    let counts = baseline.get("instructions").and_then(Value::as_object);
    let counts = counts.context("the baseline has no instructions")?;
    let one = |(name, count): (&String, &Value)| {
        let count = count
            .as_u64()
            .with_context(|| format!("{name} has no count"))?;
        Ok((name.clone(), count))
    };
    counts.iter().map(one).collect()
}

/// The table to show, and the names that rose too much.
fn compare(baseline: &Counts, counts: &Counts) -> Result<(String, Vec<String>)> {
    ensure!(
        baseline.keys().eq(counts.keys()),
        "the baseline has other functions than are counted"
    );
    let (mut table, mut risen) = (Vec::new(), Vec::new());
    for (name, count) in counts {
        let before = baseline.get(name).copied().unwrap_or_default();
        let percent = count * 100 / before.max(1);
        table.push(format!(
            "{name:20} {count:>13} instructions, {percent:>4} % of the baseline"
        ));
        if *count * 100 > before * (100 + RISE_PERCENT_MAX) {
            risen.push(format!("{name} ({percent} %)"));
        }
    }
    Ok((table.join("\n"), risen))
}

/// The instructions of each function; `None` where there is no valgrind.
fn count(ws: &Workspace) -> Result<Option<Counts>> {
    if run_quietly(ws.program("valgrind").arg("--version")).is_err() {
        return Ok(None);
    }
    let program = build(ws)?;
    let folder = ws.target.join("counts");
    // What an earlier run left would be read as well.
    let _none = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let mut command = ws.program("valgrind");
    command.arg("--tool=callgrind").arg("--quiet");
    let out = folder.join("out");
    command.arg(format!("--callgrind-out-file={}", out.display()));
    for name in FUNCTIONS.iter().chain(&["begin"]) {
        command.arg(format!("--dump-after=counts::counted::{name}"));
    }
    run_quietly(command.arg(program).arg(HOSTS.to_string()))?;
    dumps(&folder).map(Some)
}

/// The program as tests build it, but with its own crates optimised: third-party crates are those
/// that are built already.
fn build(ws: &Workspace) -> Result<PathBuf> {
    let words = [
        "build",
        "--locked",
        "--quiet",
        "--workspace",
        "--bin",
        "counts",
        "--config",
        "profile.dev.opt-level=1",
    ];
    // Which functions are inlined must not depend on what was built before.
    run_quietly(ws.cargo(&words).env("CARGO_INCREMENTAL", "0"))?;
    Ok(ws.target.join("debug/counts"))
}

/// Reads callgrind's dumps: one per call of a function, which says what triggered it.
fn dumps(folder: &Path) -> Result<Counts> {
    let mut counts = Counts::new();
    for entry in fs::read_dir(folder).context("list the dumps")? {
        let text = fs::read_to_string(entry?.path()).context("read a dump")?;
        if let Some((name, count)) = dump(&text) {
            *counts.entry(name.to_owned()).or_default() += count;
        }
    }
    counts.remove("begin");
    let missing = FUNCTIONS.iter().find(|name| !counts.contains_key(**name));
    ensure!(missing.is_none(), "callgrind did not see {missing:?}");
    Ok(counts)
}

/// The function after which a dump was made, and what it cost.
fn dump(text: &str) -> Option<(&str, u64)> {
    let find = |prefix: &str| text.lines().find_map(|line| line.strip_prefix(prefix));
    let name = find("desc: Trigger: --dump-after=counts::counted::")?;
    let count = find("summary: ").or_else(|| find("totals: "))?;
    Some((name.trim(), count.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{Counts, compare, dump, read_baseline};

    fn counts(of: &[(&str, u64)]) -> Counts {
        of.iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    }

    #[test]
    fn a_rise_of_more_than_a_tenth_is_told() {
        let baseline = counts(&[("a", 1_000), ("b", 1_000), ("c", 1_000)]);
        let now = counts(&[("a", 1_100), ("b", 1_101), ("c", 10)]);
        let (table, risen) = compare(&baseline, &now).unwrap();
        assert_eq!(risen, ["b (110 %)"]);
        assert_eq!(table.lines().count(), 3);
    }

    #[test]
    fn another_set_of_functions_is_an_error() {
        assert!(compare(&counts(&[("a", 1)]), &counts(&[("b", 1)])).is_err());
    }

    #[test]
    fn a_baseline_without_a_reason_is_an_error() {
        let text = r#"{"hosts": 400, "reason": "", "instructions": {"a": 1}}"#;
        assert!(read_baseline(text).is_err());
        let text = text.replace(r#""reason": """#, r#""reason": "first""#);
        assert_eq!(read_baseline(&text).unwrap(), counts(&[("a", 1)]));
    }

    #[test]
    fn a_dump_tells_its_function_and_cost() {
        let text = "pid: 1\ndesc: Trigger: --dump-after=counts::counted::resume\n\nsummary: 42\n";
        assert_eq!(dump(text), Some(("resume", 42)));
        assert_eq!(
            dump("desc: Trigger: Program termination\nsummary: 0\n"),
            None
        );
    }
}
