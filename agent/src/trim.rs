//! Trims objects to what translation reads, and takes their secret values out.

use std::collections::BTreeMap;

use aviary_link::agent::Object;
use aviary_link::key::Name;
use aviary_link::secret;
use aviary_proto::sync::v1::{WatchItem, WatchMode};
use serde_json::{Map, Value};

/// Metadata that is always kept.
const METADATA: [&str; 4] = ["generation", "name", "namespace", "uid"];

/// The kept paths of a watch item as a tree.
#[derive(Clone, Debug)]
pub struct Trimmer {
    kept: Node,
    annotations: Vec<String>,
    labels: Vec<String>,
    secrets: Vec<String>,
}

#[derive(Clone, Debug)]
enum Node {
    Whole,
    Fields(BTreeMap<String, Node>),
}

impl Trimmer {
    /// The trimmer of a watch item.
    pub fn new(item: &WatchItem) -> Self {
        let mut kept = Node::Fields(BTreeMap::new());
        if item.mode() != WatchMode::Metadata {
            for path in &item.kept_paths {
                kept.keep(path.split('.').map(|field| field.trim_end_matches("[]")));
            }
        }
        Self {
            kept,
            annotations: item.kept_annotations.clone(),
            labels: item.kept_labels.clone(),
            secrets: item.secret_paths.clone(),
        }
    }

    /// The object as it is sent; `None` if it has no name.
    pub fn trim(&self, mut whole: Value) -> Option<Object> {
        let mut object = sighting(&whole)?;
        let metadata = self.metadata(whole.get("metadata"));
        if let Some(metadata) = whole.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
            metadata.remove("annotations");
            metadata.remove("labels");
        }
        let mut kept = pick(&self.kept, &whole).unwrap_or_else(|| Value::Object(Map::new()));
        if let Some(kept) = kept.as_object_mut() {
            for field in ["apiVersion", "kind"] {
                if let Some(value) = whole.get(field) {
                    kept.insert(field.to_owned(), value.clone());
                }
            }
            let below = kept
                .entry("metadata")
                .or_insert_with(|| Value::Object(Map::new()));
            if let Some(below) = below.as_object_mut() {
                below.extend(metadata);
            }
        }
        object.secrets = secret::take(&mut kept, &self.secrets);
        object.json = sorted(kept).to_string().into();
        Some(object)
    }

    fn metadata(&self, metadata: Option<&Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for field in METADATA {
            if let Some(value) = metadata.and_then(|metadata| metadata.get(field)) {
                kept.insert(field.to_owned(), value.clone());
            }
        }
        for (field, keys) in [("annotations", &self.annotations), ("labels", &self.labels)] {
            let all = metadata.and_then(|metadata| metadata.get(field)?.as_object());
            let some: Map<String, Value> = all
                .into_iter()
                .flatten()
                .filter(|(key, _)| key.as_str() != LAST_APPLIED && keeps(keys, key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            if !some.is_empty() {
                kept.insert(field.to_owned(), Value::Object(some));
            }
        }
        kept
    }
}

/// What kubectl remembers, secrets included: it never leaves an agent.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Name, uid, version and creation of an object, without its content; `None` if it has no name.
pub fn sighting(whole: &Value) -> Option<Object> {
    let metadata = whole.get("metadata")?;
    let text = |field: &str| {
        metadata
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let name = Name::new(text("namespace"), text("name"));
    (!name.name.is_empty()).then(|| Object {
        name,
        uid: text("uid"),
        version: text("resourceVersion"),
        created: text("creationTimestamp"),
        ..Object::default()
    })
}

impl Node {
    fn keep<'a>(&mut self, mut path: impl Iterator<Item = &'a str>) {
        let Some(field) = path.next() else {
            *self = Self::Whole;
            return;
        };
        if let Self::Fields(fields) = self {
            let empty = || Self::Fields(BTreeMap::new());
            fields
                .entry(field.to_owned())
                .or_insert_with(empty)
                .keep(path);
        }
    }
}

/// The kept part of a value; `None` if nothing of it is kept.
fn pick(node: &Node, value: &Value) -> Option<Value> {
    match (node, value) {
        (Node::Whole, value) => Some(value.clone()),
        // Positions in lists count, so an element of which nothing is kept stays as an empty one.
        (Node::Fields(_), Value::Array(items)) => Some(Value::Array(
            items
                .iter()
                .map(|item| pick(node, item).unwrap_or_else(|| Value::Object(Map::new())))
                .collect(),
        )),
        (Node::Fields(fields), Value::Object(map)) => {
            let kept: Map<String, Value> = fields
                .iter()
                .filter_map(|(field, node)| Some((field.clone(), pick(node, map.get(field)?)?)))
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        _ => None,
    }
}

fn keeps(keys: &[String], key: &str) -> bool {
    keys.iter().any(|kept| match kept.strip_suffix('*') {
        Some(prefix) => key.starts_with(prefix),
        None => kept == key,
    })
}

/// The value with all keys sorted, whatever order its maps remember: equal objects have equal bytes.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Object(map) => {
            let ordered: BTreeMap<String, Value> = map
                .into_iter()
                .map(|(key, value)| (key, sorted(value)))
                .collect();
            Value::Object(ordered.into_iter().collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(paths: &[&str]) -> WatchItem {
        WatchItem {
            mode: WatchMode::Full.into(),
            kept_paths: paths.iter().map(ToString::to_string).collect(),
            kept_annotations: vec!["ako.vmware.com/*".into(), "exact".into()],
            kept_labels: vec!["*".into()],
            secret_paths: vec!["spec.tls.key".into()],
            ..WatchItem::default()
        }
    }

    fn check(paths: &[&str], whole: Value, want: &Value) {
        let object = Trimmer::new(&item(paths)).trim(whole).unwrap();
        let got: Value = serde_json::from_slice(&object.json).unwrap();
        assert_eq!(got, *want);
    }

    fn route() -> Value {
        json!({
            "kind": "Route", "apiVersion": "route.openshift.io/v1",
            "metadata": {
                "name": "r", "namespace": "n", "uid": "u", "resourceVersion": "7", "generation": 2,
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "managedFields": [{"manager": "kubectl"}],
                "labels": {"app": "x"},
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": "{\"key\": \"hunter2\"}",
                    "ako.vmware.com/tenant-name": "t", "exact": "1", "exactly": "2",
                },
            },
            "spec": {"host": "h", "weight": 3, "tls": {"key": "hunter2", "certificate": "c"},
                     "to": [{"name": "a", "weight": 1}, {"weight": 2}]},
            "status": {"ingress": []},
        })
    }

    fn metadata() -> Value {
        json!({"name": "r", "namespace": "n", "uid": "u", "generation": 2, "labels": {"app": "x"},
               "annotations": {"ako.vmware.com/tenant-name": "t", "exact": "1"}})
    }

    #[test]
    fn only_kept_paths_leave() {
        let want = |spec: Value| {
            let metadata = metadata();
            json!({"kind": "Route", "apiVersion": "route.openshift.io/v1", "metadata": metadata,
                   "spec": spec})
        };
        check(&["spec.host"], route(), &want(json!({"host": "h"})));
        check(
            &["spec.to[].name"],
            route(),
            &want(json!({"to": [{"name": "a"}, {}]})),
        );
        check(
            &["spec.to.name"],
            route(),
            &want(json!({"to": [{"name": "a"}, {}]})),
        );
        check(
            &["spec.tls"],
            route(),
            &want(json!({"tls": {"certificate": "c"}})),
        );
        check(
            &["spec", "spec.host"],
            route(),
            &want({
                let mut spec = route()["spec"].clone();
                spec["tls"].as_object_mut().unwrap().remove("key");
                spec
            }),
        );
    }

    #[test]
    fn secrets_and_what_kubectl_remembers_stay_out_of_the_json() {
        let all = ["spec", "metadata", "metadata.annotations"];
        let mut item = item(&all);
        item.kept_annotations = vec!["*".into()];
        let object = Trimmer::new(&item).trim(route()).unwrap();
        let text = String::from_utf8(object.json.to_vec()).unwrap();
        assert!(
            !text.contains("hunter2") && !text.contains("managedFields"),
            "{text}"
        );
        assert_eq!(object.secrets.len(), 1);
        assert_eq!(object.version, "7");
    }

    #[test]
    fn equal_objects_have_equal_bytes() {
        let trimmer = Trimmer::new(&item(&["spec"]));
        let one = json!({"metadata": {"name": "a"}, "spec": {"x": 1, "y": 2}});
        let two = json!({"spec": {"y": 2, "x": 1}, "metadata": {"name": "a"}});
        assert_eq!(
            trimmer.trim(one).unwrap().json,
            trimmer.trim(two).unwrap().json
        );
    }

    #[test]
    fn metadata_mode_keeps_metadata_alone() {
        let item = WatchItem {
            mode: WatchMode::Metadata.into(),
            ..item(&["spec"])
        };
        let object = Trimmer::new(&item).trim(route()).unwrap();
        let got: Value = serde_json::from_slice(&object.json).unwrap();
        let want = json!({"kind": "Route", "apiVersion": "route.openshift.io/v1",
                          "metadata": metadata()});
        assert_eq!(got, want);
    }
}
