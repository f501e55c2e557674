//! The reference page of all settings, made from the registry.

use crate::setting::{About, Change, Effect, Field, Reach, Shape};
use crate::{all, env};
use std::fmt::Write;

const HEAD: &str = "# Settings

<!-- Made from the registry of translator/settings by `cargo xtask regen`. Do not edit. -->

The settings are AKO's Helm values under AKO's own keys, and a few of Aviary's. The top level of the
file is the home cluster's primary instance; each row of `instances` and `clusters` holds `values`
that are laid over it: maps merge, lists and scalars are replaced, `null` takes away.

A file that is missing, empty or invalid changes nothing: the last valid settings stay in force.
All faults of a file are told at once. Unknown keys are told and ignored; keys that only a chart
reads are left alone. Flags and numbers may be written as text.

Every setting also has an environment variable, named below; AKO's own names are taken as aliases.
Lists and maps are JSON or YAML there.
";

const FIELDS_HEAD: &str = "\
| field | allowed | needed | meaning |
|---|---|---|---|
";

const TABLE_HEAD: &str = "\
| key | allowed | default | a change counts | holds for | effect | meaning | variables |
|---|---|---|---|---|---|---|---|
";

/// The page, as Markdown.
pub fn reference_markdown() -> String {
    let mut page = HEAD.to_owned();
    let mut section = None;
    let mut rows_below = String::new();
    for about in all::settings() {
        let here = about.key.split('.').next().unwrap_or(about.key);
        if section != Some(here) {
            section = Some(here);
            page.push_str(&std::mem::take(&mut rows_below));
            // Writing to a String cannot fail.
            let _ = write!(page, "\n## {here}\n\n{TABLE_HEAD}");
        }
        row(&mut page, about);
        if let Shape::Rows(fields) = about.shape {
            field_table(&mut rows_below, about.key, fields);
        }
    }
    page + &rows_below
}

fn row(page: &mut String, about: &About) {
    let variables = about.env.map_or_else(
        || format!("`{}`", env::variable(about.key)),
        |alias| format!("`{}`, AKO: `{alias}`", env::variable(about.key)),
    );
    let _ = writeln!(
        page,
        "| `{}` | {} | {} | {} | {} | {} | {} | {} |",
        about.key,
        cell(&allowed(about.shape)),
        default(about),
        match about.change {
            Change::Hot => "at once",
            Change::Pinned => "never: it is refused",
            Change::Chart => "when the chart is rendered",
        },
        match about.reach {
            Reach::Service => "the translator",
            Reach::Cluster => "a cluster",
            Reach::Instance => "an instance",
        },
        effect(about.effect),
        cell(about.doc),
        variables,
    );
}

fn field_table(page: &mut String, key: &str, fields: &[Field]) {
    let _ = write!(page, "\nFields of a row of `{key}`:\n\n{FIELDS_HEAD}");
    field_rows(page, "", fields);
}

fn field_rows(page: &mut String, above: &str, fields: &[Field]) {
    for field in fields {
        let name = format!("{above}{}", field.name);
        let needed = if field.required { "yes" } else { "no" };
        let allowed = cell(&allowed(field.shape));
        let _ = writeln!(
            page,
            "| `{name}` | {allowed} | {needed} | {} |",
            cell(field.doc)
        );
        match field.shape {
            Shape::Rows(below) => field_rows(page, &format!("{name}[]."), below),
            Shape::Map(below) => field_rows(page, &format!("{name}."), below),
            _ => {}
        }
    }
}

fn allowed(shape: Shape) -> String {
    match shape {
        Shape::Flag => "true, false".to_owned(),
        Shape::Number { min, max } => format!("{min} to {max}"),
        Shape::Text(words) | Shape::Duration(words) => words.to_owned(),
        Shape::Choice(words) => words()
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
        Shape::UnusedShards => "keep, or `remove-after: <time>`".to_owned(),
        Shape::Texts(words) => format!("list of {words}"),
        Shape::TextsOrAll => "list of names, or all".to_owned(),
        Shape::Map(_) => "map".to_owned(),
        Shape::Rows(_) => "list of maps".to_owned(),
        Shape::Values => "a values tree".to_owned(),
    }
}

fn default(about: &About) -> String {
    match about.default.trim_matches('"') {
        "" => "none".to_owned(),
        text => format!("`{text}`"),
    }
}

fn effect(effect: Effect) -> String {
    match effect {
        Effect::Now => "yes".to_owned(),
        Effect::Later => "not yet".to_owned(),
    }
}

/// Text that does not end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
