//! How large things may get. Medians are alike everywhere; the tail is what tires readers.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::sources::{self, Source};

const FILE_LINES_MAX: usize = 600;
const CRATE_LINES_MAX: usize = 8_000;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARS_MAX: usize = 100;
const COMMENT_CHARS_MAX: usize = 105;
const TEXT_CHARS_MAX: usize = 180;

/// Files that may be longer, each with a reason. The list may only shrink.
const LONGER_FILES: &[(&str, &str)] = &[];

#[test]
fn no_file_is_too_long() -> Result<()> {
    let mut found = Vec::new();
    for source in sources::product()? {
        let lines = source.code().count();
        let excused = LONGER_FILES.iter().any(|(path, _)| *path == source.path);
        if lines > FILE_LINES_MAX && !excused {
            found.push(format!(
                "{}: {lines} lines, {FILE_LINES_MAX} allowed",
                source.path
            ));
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn no_crate_is_too_large() -> Result<()> {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources::product()? {
        if let Some((home, _)) = source.path.split_once("/src/") {
            *lines.entry(home.to_owned()).or_default() += source.code().count();
        }
    }
    lines.retain(|_, count| *count > CRATE_LINES_MAX);
    ensure!(lines.is_empty(), "over {CRATE_LINES_MAX} lines: {lines:?}");
    Ok(())
}

#[test]
fn no_function_is_too_long() -> Result<()> {
    let mut found = Vec::new();
    for source in sources::rust()? {
        for (line, length) in functions(&source) {
            if length > FUNCTION_LINES_MAX {
                found.push(format!("{}:{line}: {length} lines of code", source.path));
            }
        }
    }
    ensure!(
        found.is_empty(),
        "over {FUNCTION_LINES_MAX}:\n{}",
        found.join("\n")
    );
    Ok(())
}

#[test]
fn no_line_is_too_wide() -> Result<()> {
    let mut found = Vec::new();
    for source in sources::product()? {
        for (number, line) in source.code().enumerate() {
            if line.chars().count() > chars_allowed(line) {
                found.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    ensure!(
        found.is_empty(),
        "over {LINE_CHARS_MAX} columns:\n{}",
        found.join("\n")
    );
    Ok(())
}

/// Code is rustfmt's, which leaves a long text whole; rows of tables and addresses cannot be split.
fn chars_allowed(line: &str) -> usize {
    let start = line.trim_start();
    if start.starts_with("//! |") || start.starts_with("/// |") || line.contains("://") {
        usize::MAX
    } else if start.starts_with("//") {
        COMMENT_CHARS_MAX
    } else if line.contains('"') {
        TEXT_CHARS_MAX
    } else {
        LINE_CHARS_MAX
    }
}

/// First line and lines of code of each function's body, read off the indentation that rustfmt gives.
fn functions(source: &Source) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| starts_function(line))
    {
        let indent: String = line.chars().take_while(|letter| *letter == ' ').collect();
        let end = format!("{indent}}}");
        let body: Vec<&str> = lines
            .iter()
            .skip(start)
            .copied()
            .take_while(|line| *line != end)
            .collect();
        let opens = body
            .iter()
            .position(|line| line.ends_with('{') || line.ends_with(';'));
        let Some(opens) = opens else { continue };
        let declares = body.get(opens).is_some_and(|line| line.ends_with(';'));
        // On one line, or without a body.
        if declares || line.ends_with('}') {
            continue;
        }
        let code = |line: &&&str| !line.trim().is_empty() && !line.trim().starts_with("//");
        found.push((start + 1, body.iter().skip(opens + 1).filter(code).count()));
    }
    found
}

fn starts_function(line: &str) -> bool {
    let mut words = line.trim_start().split(' ').skip_while(|word| {
        matches!(*word, "pub" | "const" | "async" | "unsafe") || word.starts_with("pub(")
    });
    words.next() == Some("fn")
}
