//! Settings from environment variables, handed in as a map.

use crate::raw::insert;
use crate::setting::Shape;
use crate::{Raw, SettingError, Warning, all};
use aviary_types::Namespace;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Where AKO learns its own namespace.
const NAMESPACE_VARIABLE: &str = "POD_NAMESPACE";

/// What variables say.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvRead {
    /// The tree; an error if no variable is a setting, or a list in one is no list.
    pub raw: Result<Raw, Vec<SettingError>>,
    /// The namespace of the home instance (AKO's POD_NAMESPACE).
    pub namespace: Option<Namespace>,
    /// One for each of AKO's names that was used.
    pub warnings: Vec<Warning>,
}

/// Reads variables: `AVIARY_<SECTION>_<KEY>`, else AKO's own names. Empty ones say nothing.
pub fn from_env(variables: &BTreeMap<String, String>) -> EnvRead {
    let said = |name: &str| variables.get(name).filter(|text| !text.is_empty());
    let mut tree = Map::new();
    let mut errors = Vec::new();
    let mut warnings = Vec::new();
    for about in all::settings() {
        let own = variable(about.key);
        let alias = about.env.filter(|_| said(&own).is_none());
        let Some(text) = said(alias.unwrap_or(&own)) else {
            continue;
        };
        if let Some(alias) = alias {
            let text = format!("taken from AKO's variable {alias}; its own name is {own}");
            warnings.push(Warning::Note {
                key: about.key.to_owned(),
                text,
            });
        }
        match value(about.shape, text) {
            Some(value) => insert(&mut tree, about.key, value),
            None => errors.push(SettingError::Invalid {
                key: about.key.to_owned(),
                value: format!("the text of {}", alias.unwrap_or(&own)),
                allowed: "JSON or YAML".to_owned(),
            }),
        }
    }
    let raw = match (errors.is_empty(), tree.is_empty()) {
        (false, _) => Err(errors),
        (true, true) => Err(vec![SettingError::Empty]),
        (true, false) => Raw::from_value(Value::Object(tree)).map_err(|error| vec![error]),
    };
    let namespace = said(NAMESPACE_VARIABLE).map(|name| Namespace::from(name.as_str()));
    EnvRead {
        raw,
        namespace,
        warnings,
    }
}

/// The variable of a key: `L7Settings.shardVSSize` is `AVIARY_L7_SHARD_VS_SIZE`. The word
/// `Settings` is left out, and so is the section `AviarySettings`.
pub fn variable(key: &str) -> String {
    let (section, rest) = key.split_once('.').unwrap_or((key, ""));
    let section = section.strip_suffix("Settings").unwrap_or(section);
    let mut name = "AVIARY".to_owned();
    for part in std::iter::once(section)
        .filter(|section| *section != "Aviary")
        .chain([rest])
    {
        if !part.is_empty() {
            name.push('_');
            push_upper(&mut name, part);
        }
    }
    name
}

/// Adds words in capitals: a word begins at a capital after a small letter or a digit, and at the
/// last of several capitals.
fn push_upper(name: &mut String, part: &str) {
    let mut letters = part.chars().peekable();
    let mut before: Option<char> = None;
    while let Some(letter) = letters.next() {
        let after_word = before.is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
        let after_capitals = before.is_some_and(|it| it.is_ascii_uppercase())
            && letters.peek().is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (after_word || after_capitals) {
            name.push('_');
        }
        name.push(if letter.is_ascii_alphanumeric() {
            letter.to_ascii_uppercase()
        } else {
            '_'
        });
        before = Some(letter);
    }
}

/// Lists and maps are JSON or YAML in their variable; all else is text.
fn value(shape: Shape, text: &str) -> Option<Value> {
    match shape {
        Shape::Texts(_) | Shape::TextsOrAll | Shape::Rows(_) | Shape::Map(_) | Shape::Values => {
            let options = serde_saphyr::options! { with_snippet: false };
            serde_saphyr::from_str_with_options(text, options).ok()
        }
        _ => Some(Value::String(text.to_owned())),
    }
}
