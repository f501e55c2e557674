//! References between objects: every spelling in, one spelling kept, absolute addresses out.
//!
//! A reference is a string in a field whose name ends in `_ref` or `_refs`, at any depth. Inside,
//! it is kept as `/api/<kind>/<uuid>`. Strings of such fields that are no address at all (empty
//! ones, bare uuids) are kept as they came: the Controller does not check them.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::store::Store;

/// What a reference names its object by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The uuid in the path.
    Uuid(String),
    /// The `name=` of the query.
    Name(String),
}

/// A reference taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) kind: String,
    pub(crate) by: By,
}

/// Identity of an object: its kind and uuid.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectId {
    pub(crate) kind: String,
    pub(crate) uuid: String,
}

impl ObjectId {
    /// The kept spelling of a reference to this object.
    pub(crate) fn path(&self) -> String {
        format!("/api/{}/{}", self.kind, self.uuid)
    }

    /// The object that a kept reference names.
    pub(crate) fn from_path(path: &str) -> Option<Self> {
        let (kind, uuid) = split_path(path)?;
        Some(Self {
            kind: kind.to_owned(),
            uuid: uuid.to_owned(),
        })
    }
}

/// Kind and uuid of a kept reference.
pub(crate) fn split_path(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/api/")?.split_once('/')
}

/// Decodes `%XX` and `+` of a query.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

/// Whether a field holds references.
pub(crate) fn is_ref_field(field: &str) -> bool {
    field.ends_with("_ref") || field.ends_with("_refs")
}

/// Takes a reference apart; `None` if the text is no address of the API.
pub(crate) fn parse(text: &str) -> Option<Address> {
    let text = text.split('#').next().unwrap_or_default();
    let path = match text.split_once("://") {
        Some(("http" | "https", rest)) => rest.split_once('/')?.1,
        Some(_) => return None,
        None => text.strip_prefix('/')?,
    };
    let rest = path
        .trim_start_matches('/')
        .strip_prefix("api/")?
        .trim_start_matches('/');
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (kind, tail) = rest.split_at(end);
    if kind.is_empty() {
        return None;
    }
    let tail = tail.trim_start_matches('/');
    let by = match tail.strip_prefix('?') {
        Some(query) => By::Name(
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix("name="))
                .map(decode)?,
        ),
        None => By::Uuid(decode(
            tail.split(['/', '?'])
                .next()
                .filter(|uuid| !uuid.is_empty())?,
        )),
    };
    Some(Address {
        kind: kind.to_ascii_lowercase(),
        by,
    })
}

/// Calls `visit` for each string in a reference field, with leave to change it.
pub(crate) fn visit_mut<E>(
    body: &mut Map<String, Value>,
    visit: &mut impl FnMut(&mut String) -> Result<(), E>,
) -> Result<(), E> {
    body.iter_mut()
        .try_for_each(|(field, value)| visit_value(value, is_ref_field(field), visit))
}

fn visit_value<E>(
    value: &mut Value,
    is_ref: bool,
    visit: &mut impl FnMut(&mut String) -> Result<(), E>,
) -> Result<(), E> {
    match value {
        Value::String(text) if is_ref => visit(text),
        Value::Array(items) => items
            .iter_mut()
            .try_for_each(|item| visit_value(item, is_ref, visit)),
        Value::Object(fields) => visit_mut(fields, visit),
        _ => Ok(()),
    }
}

/// How references are written in an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spelling<'a> {
    /// Scheme and host in front of the path; empty in dumps.
    pub(crate) base: &'a str,
    /// Whether `#name` follows.
    pub(crate) names: bool,
}

/// A copy of `value` with its references spelled for an answer.
pub(crate) fn spell(value: &Value, field: &str, store: &Store, spelling: Spelling<'_>) -> Value {
    match value {
        Value::String(text) if is_ref_field(field) => {
            Value::String(spell_ref(text, store, spelling))
        }
        Value::Array(items) => items
            .iter()
            .map(|item| spell(item, field, store, spelling))
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, item)| (name.clone(), spell(item, name, store, spelling)))
            .collect(),
        other => other.clone(),
    }
}

/// One reference, spelled for an answer.
pub(crate) fn spell_ref(text: &str, store: &Store, spelling: Spelling<'_>) -> String {
    let Some((kind, uuid)) = split_path(text) else {
        return text.to_owned();
    };
    let target = if spelling.names {
        store.get(kind, uuid)
    } else {
        None
    };
    match target {
        Some(target) => format!("{}{text}#{}", spelling.base, target.name),
        None => format!("{}{text}", spelling.base),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(kind: &str, name: &str) -> Address {
        Address {
            kind: kind.into(),
            by: By::Name(name.into()),
        }
    }

    fn identified(kind: &str, uuid: &str) -> Address {
        Address {
            kind: kind.into(),
            by: By::Uuid(uuid.into()),
        }
    }

    #[test]
    fn every_spelling_is_understood() {
        for text in [
            "/api/pool?name=a b",
            "/api/pool/?name=a%20b",
            "//api/pool/?name=a+b",
            "https://h:8443/api/pool?name=a+b#x",
            "http://h/api/Pool/?name=a+b&x=y",
        ] {
            assert_eq!(parse(text), Some(named("pool", "a b")), "{text}");
        }
        for text in [
            "/api/pool/pool-1",
            "https://h/api/pool/pool-1#a name",
            "/api/pool/pool-1/",
            "/api/pool/pool-1?include_name",
        ] {
            assert_eq!(parse(text), Some(identified("pool", "pool-1")), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_left_alone() {
        for text in [
            "",
            "healthmonitor-aa",
            "/infra/tz/x",
            "ftp://h/api/pool/x",
            "/api/pool",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
