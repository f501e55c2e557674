//! ARCHITECTURE.md numbers its invariants and names a test for each; the names must not rot.
//!
//! An invariant is a list item `N. **Title** …` (or `AN.`) below the heading that says "Invariants".
//! What stands in backticks after its word "Test:" or "Tests:" are names of test functions.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Result, ensure};
use aviary_tests::tools::root;

use crate::sources;

#[test]
fn every_invariant_names_a_test_that_exists() -> Result<()> {
    let Ok(text) = fs::read_to_string(root().join("ARCHITECTURE.md")) else {
        return Ok(());
    };
    let functions = functions()?;
    for (number, item) in invariants(&text) {
        let names = named_tests(&item);
        ensure!(!names.is_empty(), "invariant {number} names no test");
        for name in names {
            ensure!(
                functions.contains(name),
                "invariant {number} names `{name}`: no such function"
            );
        }
    }
    Ok(())
}

/// Number and text of each item.
fn invariants(text: &str) -> Vec<(String, String)> {
    let mut items: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('#') {
            inside = line.to_lowercase().contains("invariants");
        } else if let (true, Some(number)) = (inside, item_number(line)) {
            items.push((number.to_owned(), line.to_owned()));
        } else if let (true, Some((_, item))) = (inside, items.last_mut()) {
            item.push('\n');
            item.push_str(line);
        }
    }
    items
}

/// `7` of `7. **Title**`, `A3` of `A3. …` and of `- A3. …`.
fn item_number(line: &str) -> Option<&str> {
    let (number, _) = line.trim_start_matches("- ").split_once(". ")?;
    let digits = number.trim_matches('*').trim_start_matches('A');
    let is_number = !digits.is_empty() && digits.chars().all(|letter| letter.is_ascii_digit());
    is_number.then_some(number)
}

fn named_tests(item: &str) -> Vec<&str> {
    let Some(at) = item.find("Test:").or_else(|| item.find("Tests:")) else {
        return Vec::new();
    };
    let (_, after) = item.split_at(at);
    // `crate::module::name` names the function last.
    let quoted = after.split('`').skip(1).step_by(2);
    quoted.filter_map(|name| name.rsplit("::").next()).collect()
}

/// The names of all functions.
pub(crate) fn functions() -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for source in sources::rust()? {
        for line in source.text.lines() {
            let words = line.trim_start().trim_start_matches("async ");
            if let Some(rest) = words.strip_prefix("fn ") {
                names.extend(rest.split(['(', '<']).next().map(str::to_owned));
            }
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_stand() {
        let text =
            "## Invariants\n1. **One.** Text `x`.\n   Tests: `a`, `m::b`.\n2. **Two.** Test: `c`\n";
        let found = invariants(text);
        let names: Vec<Vec<&str>> = found.iter().map(|(_, item)| named_tests(item)).collect();
        assert_eq!(names, [vec!["a", "b"], vec!["c"]]);
    }
}
