//! What a run comes to, without what is left to chance: uuids, stamps, and which address of the
//! network went to whom.

use std::collections::BTreeMap;

use aviary_agent::manifests::Sink;
use aviary_runtime::view::Snapshot;
use serde_json::Value;

use crate::stage::Stage;

/// Events tell when something happened, and what was seen on the way.
const EVENTS: &str = "events.jsonl";
/// When an object of the Controller was written.
const STAMP: &str = "_last_modified";

/// The end of a run.
#[derive(Debug, PartialEq)]
pub(crate) struct End {
    /// Objects of the Controller by kind.
    pub(crate) controller: Value,
    /// What agents wrote, by agent and path.
    pub(crate) kubernetes: BTreeMap<String, Value>,
    /// Digest of what should be on the Controller.
    pub(crate) desired: String,
    /// What users are told.
    pub(crate) findings: Vec<String>,
}

impl End {
    /// Reads it off the stage.
    pub(crate) async fn of(stage: &Stage) -> Self {
        let mut controller = stage.simulator.dump();
        let (uuids, addresses) = (uuids(&controller), addresses(&controller));
        mask(&mut controller, &uuids);
        // Nowhere else: networks have addresses of their own.
        mask(&mut controller["vsvip"], &addresses);
        let mut kubernetes = BTreeMap::new();
        for (agent, sink) in stage.sinks() {
            for (path, content) in sink.load().await.unwrap() {
                if path != EVENTS {
                    let mut value = serde_saphyr::from_slice(&content).unwrap();
                    mask(&mut value, &addresses);
                    mask(&mut value, &uuids);
                    kubernetes.insert(format!("{agent}/{path}"), value);
                }
            }
        }
        let snapshot: Snapshot = stage.snapshots().borrow().clone();
        let digests = snapshot
            .sites
            .iter()
            .map(|site| site.built.desired.digest.to_string());
        Self {
            controller,
            kubernetes,
            desired: digests.collect(),
            findings: snapshot
                .findings()
                .iter()
                .map(|it| format!("{it:?}"))
                .collect(),
        }
    }

    /// Everything as lines, to find the first that differs.
    pub(crate) fn lines(&self) -> Vec<String> {
        let written = Value::from_iter(self.kubernetes.clone());
        let mut text = serde_json::to_string_pretty(&self.controller).unwrap();
        text += &serde_json::to_string_pretty(&written).unwrap();
        let told = self.findings.iter().chain([&self.desired]).cloned();
        text.lines().map(str::to_owned).chain(told).collect()
    }
}

/// What each chance value stands for.
type Names = BTreeMap<String, String>;

fn uuids(dump: &Value) -> Names {
    let mut names = Names::new();
    for (kind, objects) in dump.as_object().unwrap() {
        for object in objects.as_array().unwrap() {
            let text = |key: &str| object[key].as_str().unwrap();
            names.insert(
                text("uuid").to_owned(),
                format!("<{kind} {}>", text("name")),
            );
        }
    }
    names
}

fn addresses(dump: &Value) -> Names {
    let mut names = Names::new();
    for object in dump["vsvip"].as_array().unwrap() {
        let vips = object["vip"].as_array().unwrap().iter();
        for address in vips.filter_map(|vip| vip["ip_address"]["addr"].as_str()) {
            let label = format!("<address of {}>", object["name"]);
            names.insert(address.to_owned(), label);
        }
    }
    names
}

fn mask(value: &mut Value, names: &Names) {
    match value {
        Value::String(text) => {
            let is_uuid = |part: &str| part.contains('-') && text.contains(part);
            let found = names.get_key_value(text.as_str());
            let found = found.or_else(|| names.iter().find(|(part, _)| is_uuid(part)));
            if let Some((part, label)) = found {
                *text = text.replace(part, label);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| mask(value, names)),
        Value::Object(fields) => {
            fields.remove(STAMP);
            // An annotation that was taken back, or never was.
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(|value| mask(value, names));
        }
        _ => {}
    }
}
