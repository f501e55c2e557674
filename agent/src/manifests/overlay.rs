//! What was written to objects of a folder: statuses and annotations, laid over the manifests as an
//! API server would.

use std::collections::BTreeMap;
use std::sync::Arc;

use aviary_link::digest::Digest;
use aviary_link::key::{Kind, Name};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// What was written, by object.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    written: BTreeMap<Kind, BTreeMap<Name, Written>>,
}

/// What was written to one object, and the file that says so.
#[derive(Debug)]
pub(super) struct Written {
    /// It as JSON.
    pub(super) text: Arc<str>,
    pub(super) digest: Digest,
    path: Box<str>,
}

impl Written {
    /// It as a value.
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Overlay {
    /// What was written to an object.
    pub(super) fn get(&self, kind: &Kind, name: &Name) -> Option<&Written> {
        self.written.get(kind)?.get(name)
    }

    /// Takes over a file that was written before. What is no object is left out.
    pub(super) fn load(&mut self, path: &str, content: &[u8]) {
        let Ok(text) = std::str::from_utf8(content) else {
            return;
        };
        let Ok(value) = super::parse::read(text) else {
            return;
        };
        let field = |path: &str| {
            value
                .pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let group = field("/apiVersion")
            .rsplit_once('/')
            .map_or("", |(group, _)| group);
        let kind = Kind::new(group, field("/kind"));
        let name = Name::new(field("/metadata/namespace"), field("/metadata/name"));
        if !kind.kind.is_empty() && !name.name.is_empty() {
            self.set((&kind, &name), path, &written_part(value));
        }
    }

    /// Replaces the fields that server-side apply owns: those of the last apply go.
    pub(super) fn apply(&mut self, object: (&Kind, &Name), path: &str, body: Value) {
        let mut over = self.at(object);
        if let (Some(over), Value::Object(body)) = (over.as_object_mut(), body) {
            let names = ["apiVersion", "kind", "metadata"];
            over.extend(
                body.into_iter()
                    .filter(|(field, _)| !names.contains(&field.as_str())),
            );
        }
        self.set(object, path, &over);
    }

    /// Merges a patch. What it takes away that the manifest does not say is forgotten.
    pub(super) fn patch(
        &mut self,
        object: (&Kind, &Name),
        path: &str,
        body: Value,
        manifest: &Value,
    ) {
        let mut over = self.at(object);
        lay(&mut over, body);
        forget(&mut over, Some(manifest));
        self.set(object, path, &over);
    }

    /// Forgets what was written to objects that are gone; returns the files that said so.
    pub(super) fn prune(&mut self, exists: impl Fn(&Kind, &Name) -> bool) -> Vec<String> {
        let of_kind = |(kind, written): (&Kind, &mut BTreeMap<Name, Written>)| {
            let gone = written.extract_if(.., |name, _| !exists(kind, name));
            gone.map(|(_, written)| written.path.into()).collect()
        };
        let gone: Vec<Vec<String>> = self.written.iter_mut().map(of_kind).collect();
        gone.concat()
    }

    fn at(&self, (kind, name): (&Kind, &Name)) -> Value {
        self.get(kind, name)
            .map_or_else(|| json!({}), Written::value)
    }

    fn set(&mut self, (kind, name): (&Kind, &Name), path: &str, value: &Value) {
        let text: Arc<str> = value.to_string().into();
        let written = Written {
            digest: Digest::over(&[text.as_bytes()]),
            text,
            path: path.into(),
        };
        let of_kind = self.written.entry(kind.clone()).or_default();
        of_kind.insert(name.clone(), written);
    }
}

/// What of a status file is laid over: not what names the object.
fn written_part(mut value: Value) -> Value {
    if let Some(map) = value.as_object_mut() {
        map.remove("apiVersion");
        map.remove("kind");
        if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|field, _| field == "annotations");
        }
    }
    value
}

/// JSON merge patch (RFC 7386).
pub(super) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else {
        return;
    };
    for (field, value) in patch {
        if value.is_null() {
            map.remove(&field);
        } else {
            merge(map.entry(field).or_insert(Value::Null), value);
        }
    }
}

/// Joins a patch to an earlier one, so that both in turn do as the result does: nulls stay.
fn lay(target: &mut Value, patch: Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (field, value) in patch {
                lay(target.entry(field).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch,
    }
}

/// Drops nulls that hide nothing, and what is empty without them.
fn forget(over: &mut Value, manifest: Option<&Value>) {
    let Some(fields) = over.as_object_mut() else {
        return;
    };
    fields.retain(|field, value| {
        let said = manifest.and_then(|manifest| manifest.get(field));
        if value.is_null() {
            return said.is_some();
        }
        let was_empty = value.as_object().is_some_and(Map::is_empty);
        forget(value, said);
        was_empty || !value.as_object().is_some_and(Map::is_empty)
    });
}

/// An API server keeps what a manifest says in `stringData` in `data`, encoded.
pub(super) fn encode_strings(value: &mut Value) {
    let Some(map) = value.as_object_mut() else {
        return;
    };
    let Some(Value::Object(strings)) = map.remove("stringData") else {
        return;
    };
    let data = map.entry("data").or_insert_with(|| json!({}));
    for (field, text) in strings {
        if let (Some(text), Some(data)) = (text.as_str(), data.as_object_mut()) {
            data.insert(field, json!(STANDARD.encode(text)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_are_rfc_7386() {
        let check = |target: Value, patch: Value, want: Value| {
            let mut got = target;
            merge(&mut got, patch);
            assert_eq!(got, want);
        };
        check(
            json!({"a": 1, "b": 2}),
            json!({"a": null, "c": 3}),
            json!({"b": 2, "c": 3}),
        );
        check(
            json!({"a": {"b": 1}}),
            json!({"a": {"c": {"d": null}}}),
            json!({"a": {"b": 1, "c": {}}}),
        );
        check(
            json!({"a": [1]}),
            json!({"a": [2, 3]}),
            json!({"a": [2, 3]}),
        );
        check(json!(1), json!({"a": 1}), json!({"a": 1}));
    }

    #[test]
    fn patches_in_turn_equal_their_joint() {
        let manifest = json!({"metadata": {"annotations": {"x": "1"}}});
        let one = json!({"metadata": {"annotations": {"x": null, "y": "2"}}});
        let two = json!({"metadata": {"annotations": {"y": "3"}}});
        let mut in_turn = manifest.clone();
        merge(&mut in_turn, one.clone());
        merge(&mut in_turn, two.clone());
        let mut joint = one;
        lay(&mut joint, two);
        let mut at_once = manifest;
        merge(&mut at_once, joint);
        assert_eq!(in_turn, at_once);
    }

    #[test]
    fn nulls_that_hide_nothing_are_forgotten() {
        let manifest = json!({"metadata": {"annotations": {"x": "1"}}});
        let check = |over: Value, want: Value| {
            let mut got = over;
            forget(&mut got, Some(&manifest));
            assert_eq!(got, want);
        };
        check(
            json!({"metadata": {"annotations": {"x": null, "y": null, "z": "2"}}}),
            json!({"metadata": {"annotations": {"x": null, "z": "2"}}}),
        );
        let status = json!({"status": {"loadBalancer": {}}});
        check(
            json!({"metadata": {"annotations": {"y": null}}, "status": status["status"]}),
            status,
        );
    }

    #[test]
    fn strings_become_data() {
        let mut secret = json!({"data": {"a": "YQ=="}, "stringData": {"b": "b"}});
        encode_strings(&mut secret);
        assert_eq!(secret, json!({"data": {"a": "YQ==", "b": "Yg=="}}));
    }
}
