//! The files of this checkout, and which of them are tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use aviary_tests::tools::root;

/// One text file.
pub(crate) struct Source {
    /// From the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|end| end == "rs")
    }

    /// The lines up to the first inline test module.
    pub(crate) fn code(&self) -> impl Iterator<Item = &str> {
        let lines: Vec<&str> = self.text.lines().collect();
        let cut = lines
            .windows(2)
            .position(|pair| {
                matches!(pair, [first, second]
                    if *first == "#[cfg(test)]" && second.contains("mod ") && second.ends_with('{'))
            })
            .unwrap_or(lines.len());
        lines.into_iter().take(cut)
    }
}

/// Folders that hold nothing of ours.
const SKIPPED: &[&str] = &[".git", "target", "node_modules"];

/// Endings of the files that people write.
const TEXT: &[&str] = &[
    "go", "md", "proto", "rs", "sh", "toml", "tpl", "yaml", "yml",
];

/// Every text file.
pub(crate) fn all() -> Result<Vec<Source>> {
    let mut found = Vec::new();
    walk(root(), &mut found)?;
    found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

/// Every Rust file.
pub(crate) fn rust() -> Result<Vec<Source>> {
    let mut found = all()?;
    found.retain(Source::is_rust);
    Ok(found)
}

/// Every Rust file that is not test code: neither a test binary nor behind `#[cfg(test)] mod x;`.
pub(crate) fn product() -> Result<Vec<Source>> {
    let mut found = rust()?;
    let tests: BTreeSet<String> = found.iter().flat_map(test_modules).collect();
    found.retain(|source| {
        let is_module = |test: &String| {
            source.path == format!("{test}.rs") || source.path.starts_with(&format!("{test}/"))
        };
        !source.path.contains("/tests/") && !tests.iter().any(is_module)
    });
    Ok(found)
}

/// The paths, without ending, of modules that a file declares for tests alone.
fn test_modules(source: &Source) -> Vec<String> {
    let stem = source.path.trim_end_matches(".rs");
    let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let home = if matches!(name, "lib" | "main") {
        folder
    } else {
        stem
    };
    let lines: Vec<&str> = source.text.lines().collect();
    lines
        .windows(2)
        .filter_map(|pair| match pair {
            [first, second] if first.trim() == "#[cfg(test)]" => second.trim().strip_prefix("mod "),
            _ => None,
        })
        .filter_map(|rest| rest.strip_suffix(';'))
        .map(|module| format!("{home}/{module}"))
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<Source>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry.context("list a folder")?;
        let (path, name) = (
            entry.path(),
            entry.file_name().to_string_lossy().into_owned(),
        );
        if entry.file_type().context("look at a file")?.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                walk(&path, found)?;
            }
        } else if path
            .extension()
            .is_some_and(|end| TEXT.iter().any(|text| end == *text))
        {
            let text = fs::read_to_string(&path).with_context(|| format!("read {name}"))?;
            let path = path
                .strip_prefix(root())
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            found.push(Source { path, text });
        }
    }
    Ok(())
}
