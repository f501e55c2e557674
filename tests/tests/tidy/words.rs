//! What stands in no file.

use anyhow::{Result, ensure};

use crate::sources;

/// Put together here, so that this file does not hold them itself.
const IN_RUST: &[&str] = &[
    concat!("#[", "ignore"),
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("db", "g!("),
];

const IN_ANY: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX:"),
    // A path of one person's machine.
    concat!("/wo", "rk/"),
];

#[test]
fn nothing_is_left_undone_or_switched_off() -> Result<()> {
    let mut found = Vec::new();
    for source in sources::all()? {
        let rust = source.is_rust();
        for (number, line) in source.text.lines().enumerate() {
            let mut words = IN_ANY.iter().chain(IN_RUST.iter().filter(|_| rust));
            if let Some(word) = words.find(|word| line.contains(**word)) {
                found.push(format!("{}:{}: {word}", source.path, number + 1));
            }
        }
    }
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn modules_are_named_after_their_file() -> Result<()> {
    let name = concat!("/mo", "d.rs");
    let found: Vec<String> = sources::rust()?
        .into_iter()
        .map(|source| source.path)
        .filter(|path| path.ends_with(name))
        .collect();
    ensure!(found.is_empty(), "{found:?}");
    Ok(())
}

#[test]
fn every_file_says_what_it_is() -> Result<()> {
    let found: Vec<String> = sources::product()?
        .into_iter()
        .filter(|source| !source.text.trim_start().starts_with("//!"))
        .map(|source| source.path)
        .collect();
    ensure!(found.is_empty(), "no `//!` at the head of {found:?}");
    Ok(())
}
