//! Files made from the registries. Each test compares one with what the code says today;
//! `cargo xtask regen` runs them with `AVIARY_REGEN` set, and then they write instead.

mod kinds_page;
mod rules;

use std::env::var_os;
use std::fs;

use anyhow::{Context, Result, ensure};
use aviary_tests::tools::root;

#[test]
fn agents_roles_are_those_of_the_rooms() -> Result<()> {
    keep(
        "charts/aviary/files/namespace-rules.yaml",
        &rules::namespace(),
    )?;
    keep("charts/aviary/files/cluster-rules.yaml", &rules::cluster())
}

#[test]
fn values_schema_is_that_of_the_settings() -> Result<()> {
    let mut text = serde_json::to_string_pretty(&aviary_settings::values_schema())?;
    text.push('\n');
    keep("charts/aviary/values.schema.json", &text)
}

#[test]
fn settings_page_is_that_of_the_settings() -> Result<()> {
    keep("docs/settings.md", &aviary_settings::reference_markdown())
}

#[test]
fn kinds_page_is_that_of_the_rooms() -> Result<()> {
    keep("docs/kinds.md", &kinds_page::markdown())
}

/// Compares, or writes where told to.
fn keep(path: &str, fresh: &str) -> Result<()> {
    let file = root().join(path);
    if var_os("AVIARY_REGEN").is_some() {
        return fs::write(&file, fresh).with_context(|| format!("write {path}"));
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    ensure!(
        committed == fresh,
        "{path} is stale: run `cargo xtask regen`"
    );
    Ok(())
}
