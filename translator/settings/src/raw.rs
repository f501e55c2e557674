//! What was said: a settings tree by key path, before any meaning.

use crate::SettingError;
use serde_json::{Map, Value};

/// A settings tree as it was written. It knows which keys are present. Controller credentials of an
/// AKO values file (`avicredentials`) are dropped on reading, so that they can be shown nowhere.
#[derive(Clone, PartialEq)]
pub struct Raw {
    tree: Value,
}

impl Raw {
    /// Reads one YAML document (JSON is YAML too). An empty one is an error, never defaults.
    pub fn read(yaml: &str) -> Result<Self, SettingError> {
        if yaml.trim().is_empty() {
            return Err(SettingError::Empty);
        }
        let options = serde_saphyr::options! { with_snippet: false };
        let tree: Value = serde_saphyr::from_str_with_options(yaml, options)
            .map_err(|error| unreadable(&error))?;
        Self::from_value(tree)
    }

    /// Takes a tree that was read as part of something larger.
    pub fn from_value(mut tree: Value) -> Result<Self, SettingError> {
        match tree {
            Value::Null => Err(SettingError::Empty),
            Value::Object(_) => {
                drop_credentials(&mut tree);
                Ok(Self { tree })
            }
            _ => Err(SettingError::Unreadable {
                reason: "the document is not a map of sections".to_owned(),
                line: 1,
                column: 1,
            }),
        }
    }

    /// Lays another tree over this one: maps merge, lists and scalars are replaced, `null` takes
    /// away (as Helm does).
    #[must_use]
    pub fn layer(&self, over: &Self) -> Self {
        Self {
            tree: layer_trees(&self.tree, &over.tree),
        }
    }

    /// The value at a dotted key, if it was said.
    pub fn get(&self, key: &str) -> Option<&Value> {
        lookup(&self.tree, key)
    }

    /// The whole tree.
    pub fn tree(&self) -> &Value {
        &self.tree
    }
}

// Not derived: a values file may hold what should not be seen, at keys that nobody knows.
impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sections = self
            .tree
            .as_object()
            .map(|map| map.keys().collect::<Vec<_>>());
        f.debug_struct("Raw")
            .field("sections", &sections)
            .finish_non_exhaustive()
    }
}

/// Reads two YAML documents and lays the second over the first.
pub fn layer(base_yaml: &str, overlay_yaml: &str) -> Result<Raw, SettingError> {
    Ok(Raw::read(base_yaml)?.layer(&Raw::read(overlay_yaml)?))
}

/// One tree over another.
pub(crate) fn layer_trees(base: &Value, over: &Value) -> Value {
    let (Value::Object(base), Value::Object(over)) = (base, over) else {
        return over.clone();
    };
    let mut merged = base.clone();
    for (key, value) in over {
        match (value, merged.get(key)) {
            (Value::Null, _) => {
                merged.remove(key);
            }
            (_, below) => {
                let below = below.unwrap_or(&Value::Null);
                let laid = layer_trees(below, value);
                merged.insert(key.clone(), laid);
            }
        }
    }
    Value::Object(merged)
}

/// The value at a dotted key. `null` counts as not said.
pub(crate) fn lookup<'a>(tree: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.')
        .try_fold(tree, |at, part| at.get(part))
        .filter(|value| !value.is_null())
}

/// Puts a value at a dotted key, making sections on the way.
pub(crate) fn insert(tree: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            tree.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            let below = tree
                .entry(section.to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                insert(below, rest, value);
            }
        }
    }
}

/// Takes `avicredentials` out, also of the `values` of instances and clusters.
fn drop_credentials(tree: &mut Value) {
    match tree {
        Value::Object(map) => {
            map.remove("avicredentials");
            map.values_mut().for_each(drop_credentials);
        }
        Value::Array(rows) => rows.iter_mut().for_each(drop_credentials),
        _ => {}
    }
}

/// The parser's error without any text of the document but a key's name: a values file may hold
/// credentials.
fn unreadable(error: &serde_saphyr::Error) -> SettingError {
    use serde_saphyr::Error as Yaml;
    let plain = error.without_snippet();
    let reason = match plain {
        Yaml::DuplicateMappingKey { key: Some(key), .. } => format!("the key {key} stands twice"),
        Yaml::MultipleDocuments { .. } => "more than one YAML document".to_owned(),
        Yaml::Eof { .. } => "the YAML ends too early".to_owned(),
        Yaml::Budget { .. } | Yaml::AliasReplayLimitExceeded { .. } => {
            "the YAML expands beyond all measure".to_owned()
        }
        _ => "this is not valid YAML".to_owned(),
    };
    let (line, column) = plain
        .location()
        .map_or((0, 0), |location| (location.line(), location.column()));
    SettingError::Unreadable {
        reason,
        line,
        column,
    }
}
