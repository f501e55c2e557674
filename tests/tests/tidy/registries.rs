//! Registries are the only files where rooms meet: one line per room, sorted.

use std::fs;

use anyhow::{Context, Result, ensure};
use aviary_tests::tools::root;

#[test]
fn kinds_are_sorted() -> Result<()> {
    sorted_block("translator/kinds/src/rooms.rs", "rooms! {")
}

#[test]
fn avi_objects_are_sorted() -> Result<()> {
    sorted_block("translator/avi/src/objects.rs", "objects! {")
}

#[test]
fn settings_are_sorted() -> Result<()> {
    let keys: Vec<&str> = aviary_settings::registry().map(|about| about.key).collect();
    for pair in keys.windows(2) {
        if let [before, after] = pair {
            ensure!(before < after, "the setting {after} stands after {before}");
        }
    }
    Ok(())
}

/// The lines of the block that starts with `head` are sorted, without regard to case.
fn sorted_block(path: &str, head: &str) -> Result<()> {
    let text = fs::read_to_string(root().join(path)).with_context(|| format!("read {path}"))?;
    let lines: Vec<String> = text
        .lines()
        .skip_while(|line| line.trim() != head)
        .skip(1)
        .take_while(|line| *line != "}")
        .map(|line| line.trim().to_lowercase())
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .collect();
    ensure!(lines.len() > 1, "{path} has no block `{head}`");
    for pair in lines.windows(2) {
        if let [before, after] = pair {
            ensure!(before < after, "{path}: `{after}` stands after `{before}`");
        }
    }
    Ok(())
}
