//! What a host costs at 100, 1,000, 10,000 and 50,000 hosts: a process per size, one table.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::shell::{Workspace, run, run_quietly};

const HOSTS: &[u64] = &[100, 1_000, 10_000, 50_000];
const KINDS: &[&str] = &["insecure", "secure", "l4"];

/// A column: its head, the field, whether it is of one host, and the divisor to its unit.
const COLUMNS: &[(&str, &str, bool, f64)] = &[
    ("told µs/host", "tell_ns", true, 1e3),
    ("translated µs/host", "translate_ns", true, 1e3),
    ("planned µs/host", "plan_ns", true, 1e3),
    ("compared µs/host", "diff_ns", true, 1e3),
    ("one change µs", "change_ns", false, 1e3),
    ("facts KiB/host", "facts_bytes", true, 1024.0),
    ("translated KiB/host", "built_bytes", true, 1024.0),
    ("at rest KiB/host", "at_rest_bytes", true, 1024.0),
    ("peak RSS MiB", "peak_rss_kib", false, 1024.0),
];

pub(super) fn run_recipe(ws: &Workspace, rest: &[String]) -> Result<()> {
    let (kinds, hosts) = read(rest)?;
    let words = [
        "build",
        "--locked",
        "--release",
        "-p",
        "aviary-bench",
        "--bin",
        "growth",
    ];
    run(&mut ws.cargo(&words))?;
    let heads: Vec<&str> = COLUMNS.iter().map(|(head, ..)| *head).collect();
    println!("| kind | hosts | {} |", heads.join(" | "));
    println!("|---|--:|{}", "--:|".repeat(heads.len()));
    for kind in kinds {
        for count in &hosts {
            let program = ws.target.join("release/growth");
            let mut command = ws.program(program);
            let printed = run_quietly(command.arg(count.to_string()).arg(&kind))?;
            let told: Value = serde_json::from_slice(&printed).context("read what was measured")?;
            println!("{}", row(&kind, *count, &told)?);
        }
    }
    Ok(())
}

/// `[--kind KIND] [HOSTS…]`; all kinds and sizes where none is named.
fn read(rest: &[String]) -> Result<(Vec<String>, Vec<u64>)> {
    let mut kinds: Vec<String> = Vec::new();
    let mut hosts = Vec::new();
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        if word == "--kind" {
            let kind = words.next().context("--kind KIND")?;
            ensure!(KINDS.contains(&kind.as_str()), "KIND is one of {KINDS:?}");
            kinds.push(kind.clone());
        } else if let Ok(count) = word.parse() {
            hosts.push(count);
        } else {
            bail!("cargo xtask bench growth [--kind KIND] [HOSTS…]");
        }
    }
    if kinds.is_empty() {
        kinds = KINDS.iter().map(ToString::to_string).collect();
    }
    if hosts.is_empty() {
        hosts = HOSTS.to_vec();
    }
    Ok((kinds, hosts))
}

fn row(kind: &str, hosts: u64, told: &Value) -> Result<String> {
    let cell = |(_, field, per_host, unit): &(&str, &str, bool, f64)| {
        let value = told.get(field).and_then(Value::as_f64);
        let value = value.with_context(|| format!("{field} was not measured"))?;
        #[expect(clippy::cast_precision_loss, reason = "hosts are few")]
        let of = if *per_host { hosts as f64 } else { 1.0 };
        Ok(format!("{:.1}", value / of / unit))
    };
    let cells: Vec<String> = COLUMNS.iter().map(cell).collect::<Result<_>>()?;
    Ok(format!("| {kind} | {hosts} | {} |", cells.join(" | ")))
}

#[cfg(test)]
mod tests {
    use super::{HOSTS, KINDS, read};

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn everything_is_measured_unless_something_is_named() {
        let (kinds, hosts) = read(&[]).unwrap();
        assert_eq!((kinds.len(), hosts.as_slice()), (KINDS.len(), HOSTS));
        let (kinds, hosts) = read(&words("--kind l4 10 20")).unwrap();
        assert_eq!((kinds, hosts), (vec!["l4".to_owned()], vec![10, 20]));
        assert!(read(&words("--kind big")).is_err() && read(&words("many")).is_err());
    }
}
