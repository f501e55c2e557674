//! How traffic reaches objects: neither the VRF nor the tier-1 router of what stands can change.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::kinds::{ADMIN, model};
use crate::refs::ObjectId;
use crate::reply::Refusal;
use crate::store::{Scope, Store};

/// Refuses another VRF or tier-1 router of a VsVip or virtual service, and of a pool that a virtual
/// service uses.
pub(crate) fn check(
    store: &Store,
    (id, old): (&ObjectId, &Map<String, Value>),
    new: &Map<String, Value>,
    cloud: &str,
) -> Result<(), Refusal> {
    let field = match id.kind.as_str() {
        "vsvip" | "virtualservice" => "vrf_context_ref",
        "pool" => "vrf_ref",
        _ => return Ok(()),
    };
    let router = text(new, "tier1_lr");
    let in_vrf = |body| vrf(store, body, (field, cloud));
    let is_same =
        text(old, "tier1_lr") == router && (router.is_some() || in_vrf(old) == in_vrf(new));
    if is_same || (id.kind == "pool" && !is_used(store, id)) {
        return Ok(());
    }
    let (model, name) = (model(&id.kind), text(old, "name").unwrap_or_default());
    let text = format!("Cannot change the VrfContext or tier1_lr of {model} {name}");
    Err(Refusal::new(400, text))
}

fn text<'a>(body: &'a Map<String, Value>, field: &str) -> Option<&'a str> {
    let text = body.get(field).and_then(Value::as_str);
    text.filter(|text| !text.is_empty())
}

/// The VRF that an object names, or its cloud's `global`; the uuid.
fn vrf(store: &Store, body: &Map<String, Value>, (field, cloud): (&str, &str)) -> Option<String> {
    let named = text(body, field).and_then(ObjectId::from_path);
    let scope = Scope {
        tenant: ADMIN,
        cloud,
    };
    let global = || {
        store
            .holder("vrfcontext", "global", scope)
            .map(str::to_owned)
    };
    named.map(|id| id.uuid).or_else(global)
}

/// Whether a virtual service uses the object, by whatever leads to it.
fn is_used(store: &Store, id: &ObjectId) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![id.clone()];
    while let Some(id) = open.pop() {
        for user in store.referrers(&id) {
            if user.kind == "virtualservice" {
                return true;
            }
            if seen.insert(user.clone()) {
                open.push(user.clone());
            }
        }
    }
    false
}
