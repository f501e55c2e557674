//! YAML documents as Kubernetes objects.

use aviary_agent::manifests::{Malformed, parse};
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
    /// A document is no object.
    #[error("{path}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Which line, and what is wrong with it.
        source: Malformed,
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

/// All documents of a text, read as agents read a folder of manifests.
pub(crate) fn documents(path: &Path, text: &str) -> Result<Vec<Value>, Error> {
    let documents = parse(text).map_err(|source| Error::Malformed {
        path: path.to_owned(),
        source,
    })?;
    Ok(documents
        .into_iter()
        .map(|document| document.value)
        .collect())
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
