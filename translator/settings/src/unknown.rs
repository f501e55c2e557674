//! Tells of keys that nobody knows, with the nearest known one.

use crate::notes::Notes;
use crate::setting::{Field, Shape};
use crate::{SettingError, Warning, all, chart};
use serde_json::Value;

/// Goes through a values tree that stands at `prefix` (empty, or ending in a dot).
pub(crate) fn tell(tree: &Value, prefix: &str, notes: &mut Notes) {
    for (name, value) in tree.as_object().into_iter().flatten() {
        walk(name, value, prefix, notes);
    }
}

/// Looks at one key of a values tree.
fn walk(key: &str, value: &Value, prefix: &str, notes: &mut Notes) {
    let known = all::settings().find(|about| about.key == key);
    if value.is_null() || chart::is_chart_key(key) {
        return;
    }
    if let Some(about) = known {
        look_into(about.shape, value, &format!("{prefix}{key}"), notes);
    } else if is_section(key) {
        let Value::Object(section) = value else {
            notes.errors.push(SettingError::Invalid {
                key: format!("{prefix}{key}"),
                value: "the value (not shown)".to_owned(),
                allowed: "a section, which is a map".to_owned(),
            });
            return;
        };
        for (name, value) in section {
            walk(&format!("{key}.{name}"), value, prefix, notes);
        }
    } else {
        let nearest = nearest(key, known_keys());
        notes.warnings.push(Warning::Unknown {
            key: format!("{prefix}{key}"),
            nearest,
        });
    }
}

/// Looks for unknown fields of rows.
fn look_into(shape: Shape, value: &Value, at: &str, notes: &mut Notes) {
    match (shape, value) {
        (Shape::Rows(fields), Value::Array(rows)) => {
            for (index, row) in rows.iter().enumerate() {
                look_at_fields(fields, row, &format!("{at}[{index}]"), notes);
            }
        }
        (Shape::Map(fields), row) => look_at_fields(fields, row, at, notes),
        (Shape::Values, tree) => tell(tree, &format!("{at}."), notes),
        _ => {}
    }
}

fn look_at_fields(fields: &[Field], row: &Value, at: &str, notes: &mut Notes) {
    for (name, value) in row.as_object().into_iter().flatten() {
        let key = format!("{at}.{name}");
        if let Some(field) = fields.iter().find(|field| field.name == name) {
            look_into(field.shape, value, &key, notes);
        } else {
            let names = fields.iter().map(|field| field.name.to_owned());
            notes.warnings.push(Warning::Unknown {
                key,
                nearest: nearest(name, names),
            });
        }
    }
}

/// Whether known keys stand below this one.
fn is_section(key: &str) -> bool {
    let below = |known: &str| {
        known
            .strip_prefix(key)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    all::settings().any(|about| below(about.key)) || chart::CHART_KEYS.iter().any(|key| below(key))
}

/// Every key that could be meant, sections too.
fn known_keys() -> impl Iterator<Item = String> {
    let sections = all::settings().filter_map(|about| about.key.rsplit_once('.'));
    let keys = all::settings().map(|about| about.key);
    keys.chain(sections.map(|(section, _)| section))
        .map(str::to_owned)
}

/// The same name in another section, else the name with the fewest letters to change.
fn nearest(key: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let leaf = |path: &str| path.rsplit('.').next().unwrap_or_default().to_lowercase();
    let wanted = leaf(key);
    let far = key.len() / 4 + 1;
    known
        .map(|candidate| {
            let away = distance(&candidate.to_lowercase(), &key.to_lowercase());
            let steps = if leaf(&candidate) == wanted {
                away.min(1)
            } else {
                away
            };
            (steps, candidate)
        })
        .filter(|(steps, _)| *steps <= far)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be changed, added or taken away.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut left = index + 1;
        let mut next = vec![left];
        for (pair, there) in row.windows(2).zip(&other) {
            if let [diagonal, above] = pair {
                left = (diagonal + usize::from(letter != *there))
                    .min(above + 1)
                    .min(left + 1);
                next.push(left);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, known_keys, nearest};

    #[test]
    fn distance_counts_letters() {
        let check = |one: &str, other: &str, want: usize| {
            assert_eq!(distance(one, other), want, "{one} {other}");
            assert_eq!(distance(other, one), want, "{other} {one}");
        };
        check("", "", 0);
        check("abc", "", 3);
        check("abc", "abc", 0);
        check("abc", "abd", 1);
        check("abc", "xabc", 1);
        check("kitten", "sitting", 3);
    }

    #[test]
    fn nearest_finds_typos_and_wrong_sections() {
        let check = |key: &str, want: Option<&str>| {
            assert_eq!(nearest(key, known_keys()).as_deref(), want, "{key}");
        };
        check("AKOSettings.clustername", Some("AKOSettings.clusterName"));
        check("L7Settings.shardVsSizes", Some("L7Settings.shardVSSize"));
        check("AKOSettings.shardVSSize", Some("L7Settings.shardVSSize"));
        check("AKOSetting", Some("AKOSettings"));
        check("clusterName", Some("AKOSettings.clusterName"));
        check("instance", Some("instances"));
        check("somethingElse", None);
    }
}
