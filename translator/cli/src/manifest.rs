//! YAML documents as Kubernetes objects.

use serde_json::Value;
use std::path::{Path, PathBuf};

/// Why manifests could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or folder cannot be read.
    #[error("reading {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A document is no YAML.
    #[error("document {number} of {path} is no YAML: {why}")]
    Yaml {
        /// Which file.
        path: PathBuf,
        /// Which document, from 1.
        number: usize,
        /// What the parser says.
        why: String,
    },
}

/// All documents of a file, or of all YAML files below a folder, in order of their names.
pub(crate) fn read(path: &Path) -> Result<Vec<Value>, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    if !path.is_dir() {
        return documents(path, &std::fs::read_to_string(path).map_err(failed)?);
    }
    let entries = std::fs::read_dir(path).map_err(failed)?;
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    paths.sort();
    let is_yaml = |path: &Path| {
        path.extension()
            .is_some_and(|end| end == "yaml" || end == "yml")
    };
    let wanted = paths
        .into_iter()
        .filter(|path| path.is_dir() || is_yaml(path));
    wanted
        .map(|path| read(&path))
        .collect::<Result<Vec<_>, _>>()
        .map(|lists| lists.concat())
}

/// All documents of a text; `List` objects are opened.
pub(crate) fn documents(path: &Path, text: &str) -> Result<Vec<Value>, Error> {
    let mut all = Vec::new();
    for (at, document) in split(text).into_iter().enumerate() {
        let value: Value = serde_saphyr::from_str(&document).map_err(|error| Error::Yaml {
            path: path.to_owned(),
            number: at + 1,
            why: error.to_string(),
        })?;
        match value.get("items").and_then(Value::as_array) {
            Some(items) if kind(&value).ends_with("List") => all.extend(items.iter().cloned()),
            _ if value.is_null() => {}
            _ => all.push(value),
        }
    }
    Ok(all)
}

/// The kind of an object.
pub(crate) fn kind(object: &Value) -> &str {
    object
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The API group of an object, empty for the core group.
pub(crate) fn group(object: &Value) -> &str {
    let version = object
        .get("apiVersion")
        .and_then(Value::as_str)
        .unwrap_or_default();
    version.split_once('/').map_or("", |(group, _)| group)
}

/// A text of the metadata.
pub(crate) fn metadata<'a>(object: &'a Value, field: &str) -> &'a str {
    object
        .get("metadata")
        .and_then(|m| m.get(field))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Cuts at lines of `---`; documents without content are left out.
fn split(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.lines() {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            documents.push(String::new());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
            document.push('\n');
        }
    }
    let has_content = |document: &String| {
        document
            .lines()
            .any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
    };
    documents.into_iter().filter(has_content).collect()
}
