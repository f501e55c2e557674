//! Pages with a form: decisions and departures.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use aviary_tests::tools::root;
use aviary_types::Code;
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

/// A code without a page does not compile; a page has its three parts, and a code.
#[test]
fn every_code_has_a_page_and_every_page_a_code() -> Result<()> {
    let mut expected = BTreeSet::new();
    for code in Code::ALL {
        let page = code.page();
        let title = page.lines().next().unwrap_or_default();
        let name = title.strip_prefix(&format!("# {code}: "));
        ensure!(
            name.is_some_and(|name| !name.is_empty() && !name.ends_with('.')),
            "{code}: the page begins with {title:?}"
        );
        let mut rest = page;
        for part in ["What happened", "What it means for traffic", "What to do"] {
            let heading = format!("\n## {part}\n\n");
            let (_, after) = rest
                .split_once(&heading)
                .with_context(|| format!("the page of {code} has no `{part}` in its place"))?;
            let text = after.split("\n## ").next().unwrap_or_default();
            ensure!(text.trim().len() > 20, "{code}: `{part}` says nothing");
            rest = after;
        }
        expected.insert(format!("{}.md", code.number()));
    }
    let files = fs::read_dir(root().join("docs/codes"))?;
    let found: BTreeSet<String> = files
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    ensure!(found == expected, "{found:?} are not {expected:?}");
    Ok(())
}

/// Where we differ from AKO on purpose: rows as the comparator of the goldens takes them. What would
/// excuse more than it names, or gives no reason, is refused.
#[test]
fn departures_are_precise_and_have_reasons() -> Result<()> {
    const KEYS: &[&str] = &["scenario", "step", "kind", "name", "field", "reason"];
    let path = root().join("docs/departures.yaml");
    let rows: Vec<Value> = serde_saphyr::from_str(&fs::read_to_string(path)?)?;
    let mut places = BTreeSet::new();
    for row in &rows {
        let fields = row
            .as_object()
            .with_context(|| format!("not a map: {row}"))?;
        let unknown = fields.keys().find(|key| !KEYS.contains(&key.as_str()));
        ensure!(unknown.is_none(), "an unknown key: {row}");
        let texts = KEYS
            .iter()
            .map(|key| fields.get(*key).and_then(Value::as_str).unwrap_or_default());
        let texts: Vec<&str> = texts.collect();
        ensure!(
            !texts.contains(&"") && !texts.contains(&"*"),
            "something is not named: {row}"
        );
        let place = texts.split_last().map(|(_, place)| place.to_vec());
        ensure!(places.insert(place), "twice: {row}");
    }
    Ok(())
}
