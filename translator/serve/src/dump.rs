//! A world from plain JSON: `{type: [objects]}`, as a Controller answers its lists.
//!
//! References there are by uuid, with or without `#name`; the uuids of all objects of the text,
//! also of kinds without a room, tell the names.

use crate::world::{Parts, World};
use aviary_avi::{AviKey, AviKind, Body};
use aviary_types::TenantName;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tenant of objects that name none.
const ADMIN: &str = "admin";

/// Why a text is no set of Avi objects.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// Not an object of lists.
    #[error("reading a dump: expected lists of objects by type at {0}")]
    Shape(String),
    /// A body of a known kind that cannot be read.
    #[error("reading {kind} {name} of a dump")]
    Body {
        /// Its type.
        kind: String,
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Names by uuid.
type Names = BTreeMap<String, String>;

impl World {
    /// The world of the objects in `{type: [objects]}`. Kinds that have no room are left out.
    ///
    /// # Errors
    /// When the text has another shape, or a body of a known kind cannot be read.
    pub fn from_dump(dump: &Value) -> Result<Self, DumpError> {
        let tables = tables(dump)?;
        let names = names(&tables);
        let mut parts = Parts::default();
        for (kind, objects) in tables {
            let Some(known) = AviKind::of_path(kind) else {
                continue;
            };
            for object in objects {
                let (key, body) = read(known, object, &names)?;
                if let Some(uuid) = text(object, "uuid") {
                    parts.uuids.insert(uuid.into(), key.clone());
                }
                parts.objects.insert(key, Arc::new(body));
            }
        }
        Ok(Self::build(parts))
    }
}

fn tables(dump: &Value) -> Result<Vec<(&str, &Vec<Value>)>, DumpError> {
    let wrong = |at: &str| DumpError::Shape(at.to_owned());
    let tables = dump.as_object().ok_or_else(|| wrong("the top"))?;
    tables
        .iter()
        .map(|(kind, list)| Ok((kind.as_str(), list.as_array().ok_or_else(|| wrong(kind))?)))
        .collect()
}

fn names(tables: &[(&str, &Vec<Value>)]) -> Names {
    let objects = tables.iter().flat_map(|(_, objects)| objects.iter());
    let pairs = objects.filter_map(|object| Some((text(object, "uuid")?, text(object, "name")?)));
    pairs
        .map(|(uuid, name)| (uuid.to_owned(), name.to_owned()))
        .collect()
}

fn text<'v>(object: &'v Value, field: &str) -> Option<&'v str> {
    object.get(field)?.as_str().filter(|text| !text.is_empty())
}

fn read(kind: AviKind, object: &Value, names: &Names) -> Result<(AviKey, Body), DumpError> {
    let spelled = with_names(object, "", names);
    let body = kind.read(&spelled).map_err(|source| DumpError::Body {
        kind: kind.path().to_owned(),
        name: text(object, "name").unwrap_or_default().to_owned(),
        source,
    })?;
    // A tenant that is not in the dump goes by its uuid.
    let uuid = body.tenant_ref().map(|tenant| tenant.uuid.clone());
    let uuid = uuid.filter(|uuid| !uuid.is_empty());
    let tenant = uuid.map_or_else(|| TenantName::from(ADMIN), TenantName::from);
    Ok((AviKey::of(&body, &tenant), body))
}

/// A copy whose references carry `#name` wherever the name is known.
fn with_names(value: &Value, field: &str, names: &Names) -> Value {
    match value {
        Value::String(text) if field.ends_with("_ref") || field.ends_with("_refs") => {
            Value::String(with_name(text, names))
        }
        Value::Array(items) => items
            .iter()
            .map(|item| with_names(item, field, names))
            .collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(k, v)| (k.clone(), with_names(v, k, names)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn with_name(text: &str, names: &Names) -> String {
    let uuid = text
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    match names.get(uuid) {
        Some(name) if !text.contains(['#', '?']) => format!("{text}#{name}"),
        _ => text.to_owned(),
    }
}
