//! Pages with a form: decisions and departures.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use aviary_tests::tools::root;
use serde_json::Value;

#[test]
fn every_decision_has_its_four_parts() -> Result<()> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(root().join("docs/adr"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(entry.path())?;
        let number: usize = name
            .get(..4)
            .unwrap_or_default()
            .parse()
            .with_context(|| name.clone())?;
        for part in [
            "## Context",
            "## Decision",
            "## Consequences",
            "## What would change our mind",
        ] {
            ensure!(
                text.contains(&format!("\n{part}\n")),
                "docs/adr/{name} has no `{part}`"
            );
        }
        numbers.push(number);
    }
    numbers.sort_unstable();
    let expected: Vec<usize> = (1..=numbers.len()).collect();
    ensure!(
        numbers == expected,
        "the numbers of docs/adr have a gap or a double: {numbers:?}"
    );
    Ok(())
}

/// Where we differ from AKO on purpose: a list of maps, each with an `id` of its own and nothing
/// empty.
#[test]
fn departures_can_be_read() -> Result<()> {
    let path = root().join("docs/departures.yaml");
    if !path.exists() {
        return Ok(());
    }
    let rows: Vec<Value> = serde_saphyr::from_str(&fs::read_to_string(path)?)?;
    let mut ids = BTreeSet::new();
    for row in &rows {
        let fields = row
            .as_object()
            .with_context(|| format!("not a map: {row}"))?;
        let id = fields.get("id").and_then(Value::as_str);
        let id = id.with_context(|| format!("no id: {row}"))?;
        ensure!(ids.insert(id), "the departure {id} stands twice");
        let empty = |value: &Value| value.is_null() || value == "";
        ensure!(
            !fields.values().any(empty),
            "the departure {id} has an empty field"
        );
    }
    Ok(())
}
