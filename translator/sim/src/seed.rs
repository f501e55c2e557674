//! What exists on the Controller at the start.

use std::collections::BTreeSet;
use std::convert::Infallible;

use serde_json::{Map, Value, json};

use crate::kinds::{ADMIN, is_in_cloud};
use crate::refs::{self, ObjectId};
use crate::state::State;
use crate::store::{Record, Scope};

/// The objects of a fresh simulator, by kind: `{kind: [objects]}`. Uuids and references are kept;
/// what a reference names may stand anywhere in the seed, or nowhere.
#[derive(Debug, Clone, Default)]
pub enum Seed {
    /// A small lab: tenants `admin`, `blue` and `green`, a Default-Cloud with IPAM, DNS domain
    /// `avi.internal` and networks `vip-net` and `node-net`, and the System profiles.
    #[default]
    Lab,
    /// These objects, in the shape of a dump.
    Objects(Value),
}

/// What is wrong with a seed.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The document is not `{kind: [objects]}`.
    #[error("a seed maps each kind to a list of objects; {0} is none")]
    Shape(String),
    /// An object without a name.
    #[error("an object of kind {0} in the seed has no name")]
    Unnamed(String),
}

/// Loads a seed into an empty state.
pub(crate) fn load(state: &mut State, seed: &Seed) -> Result<(), SeedError> {
    let lab;
    let document = match seed {
        Seed::Lab => {
            lab = crate::lab::objects();
            &lab
        }
        Seed::Objects(document) => document,
    };
    let kinds = document
        .as_object()
        .ok_or_else(|| SeedError::Shape("the document".to_owned()))?;
    let mut ids = Vec::new();
    // Names are resolved once all objects are there: first tenants and clouds, then the rest.
    let early = ["tenant", "cloud"];
    let first = early.iter().filter_map(|kind| kinds.get_key_value(*kind));
    let rest = kinds
        .iter()
        .filter(|(kind, _)| !early.contains(&kind.as_str()));
    for (kind, objects) in first.chain(rest) {
        let objects = objects
            .as_array()
            .ok_or_else(|| SeedError::Shape(kind.clone()))?;
        for object in objects {
            ids.push(place(state, kind, object)?);
        }
    }
    for id in &ids {
        own(state, id);
    }
    for id in &ids {
        connect(state, id);
    }
    for id in ids.iter().filter(|id| id.kind == "vsvip") {
        if let Some(record) = state.store.get(&id.kind, &id.uuid) {
            state
                .addresses
                .adopt(&state.store, &record.body, &record.cloud);
        }
    }
    Ok(())
}

fn place(state: &mut State, kind: &str, object: &Value) -> Result<ObjectId, SeedError> {
    let shape = || SeedError::Shape(format!("an object of kind {kind}"));
    let mut body = object.as_object().cloned().ok_or_else(shape)?;
    let text = |body: &mut Map<String, Value>, field: &str| match body.remove(field) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let uuid = text(&mut body, "uuid").unwrap_or_else(|| state.ids.uuid(kind));
    let stamp = text(&mut body, "_last_modified").and_then(|text| text.parse().ok());
    body.remove("url");
    let name = body
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if name.is_empty() {
        return Err(SeedError::Unnamed(kind.to_owned()));
    }
    let modified = stamp.unwrap_or_else(|| state.stamp());
    state.last_stamp = state.last_stamp.max(modified);
    let record = Record {
        name,
        tenant: ADMIN.to_owned(),
        cloud: String::new(),
        body,
        targets: BTreeSet::new(),
        modified,
        version: 1,
        seeded: true,
    };
    let id = ObjectId {
        kind: kind.to_owned(),
        uuid,
    };
    state.store.put(&id, record);
    Ok(id)
}

/// Finds an object's tenant and cloud.
fn own(state: &mut State, id: &ObjectId) {
    let Some(mut record) = state.store.remove(id) else {
        return;
    };
    let scope = Scope {
        tenant: ADMIN,
        cloud: "",
    };
    let find = |body: &Map<String, Value>, field: &str| {
        let address = refs::parse(body.get(field)?.as_str()?)?;
        state
            .store
            .resolve(&address, scope)
            .map(|target| target.uuid)
    };
    record.tenant = find(&record.body, "tenant_ref").unwrap_or(record.tenant);
    if is_in_cloud(&id.kind) {
        let default = || state.store.default_cloud().to_owned();
        record.cloud = find(&record.body, "cloud_ref").unwrap_or_else(default);
    }
    if id.kind != "tenant" {
        let tenant = json!(format!("/api/tenant/{}", record.tenant));
        record.body.entry("tenant_ref").or_insert(tenant);
    }
    state.store.put(id, record);
}

/// Brings an object's references into the kept form; those that name nothing stay as they are.
fn connect(state: &mut State, id: &ObjectId) {
    let Some(mut record) = state.store.remove(id) else {
        return;
    };
    let scope = Scope {
        tenant: &record.tenant,
        cloud: &record.cloud,
    };
    let mut targets = BTreeSet::new();
    let kept: Result<(), Infallible> = refs::visit_mut(&mut record.body, &mut |text| {
        let target = refs::parse(text).and_then(|address| state.store.resolve(&address, scope));
        if let Some(target) = target {
            *text = target.path();
            targets.insert(target);
        }
        Ok(())
    });
    let Ok(()) = kept;
    record.targets = targets;
    state.store.put(id, record);
}
