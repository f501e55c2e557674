//! docs/features.md tells what is served, what is not yet, and what will never be. What it names as
//! proof must exist: test functions, and scenarios that are held to AKO.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use aviary_tests::corpus::LISTED;
use aviary_tests::tools::root;

use crate::invariants::functions;

#[test]
fn every_feature_has_a_state_and_its_proof_or_reason() -> Result<()> {
    let text = fs::read_to_string(root().join("docs/features.md")).context("read the features")?;
    let functions = functions()?;
    let mut seen = BTreeSet::new();
    for row in rows(&text) {
        let [feature, state, why] = row[..] else {
            anyhow::bail!("not three columns: {row:?}")
        };
        ensure!(seen.insert(feature), "twice: {feature}");
        ensure!(!feature.is_empty() && !why.is_empty(), "empty: {row:?}");
        match state {
            "served" => {
                let names: Vec<&str> = why.split('`').skip(1).step_by(2).collect();
                ensure!(!names.is_empty(), "{feature}: nothing shows it");
                for name in names {
                    let exists = LISTED.contains(&name) || functions.contains(name);
                    ensure!(exists, "{feature}: no test and no scenario `{name}`");
                }
            }
            "later" | "never" => {}
            _ => anyhow::bail!("{feature}: unknown state {state}"),
        }
    }
    ensure!(seen.len() > 100, "only {} features are told", seen.len());
    Ok(())
}

/// The cells of each row below the heads of the tables.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter(|line| line.starts_with('|'));
    let lines = lines.filter(|line| !line.starts_with("|-") && !line.starts_with("| feature |"));
    lines
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}
