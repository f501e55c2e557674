//! From a body to an object: checks, owner, references, keys, addresses.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::checks;
use crate::kinds::{ADMIN, is_in_cloud, missing_ref_status, model};
use crate::read::not_found;
use crate::refs::{self, By, ObjectId};
use crate::reply::Refusal;
use crate::routing;
use crate::state::State;
use crate::store::{Record, Scope};

/// What reads show instead of a private key.
const SENSITIVE: &str = "<sensitive>";

/// A write on its way: who asks for what.
pub(crate) struct Writing<'a> {
    pub(crate) call: &'a Call,
    pub(crate) kind: &'a str,
    /// Uuid of the tenant that the request works in.
    pub(crate) tenant: &'a str,
    /// What is replaced.
    pub(crate) old: Option<(&'a ObjectId, &'a Record)>,
}

/// Checks a body and makes an object of it. Nothing is stored yet, but a VsVip's addresses are
/// taken.
pub(crate) fn prepare(
    state: &mut State,
    writing: &Writing<'_>,
    mut body: Map<String, Value>,
) -> Result<Record, Refusal> {
    let Writing {
        call,
        kind,
        tenant,
        old,
    } = *writing;
    for own in ["uuid", "url", "_last_modified"] {
        body.remove(own);
    }
    let name = checks::name(&body)?;
    checks::fields(kind, &body, call.version.as_deref())?;
    let tenant = owner(state, &mut body, tenant)?;
    let cloud = cloud(state, kind, &mut body, &tenant)?;
    if let Some((_, old)) = old
        && (old.tenant != tenant || old.cloud != cloud)
    {
        let text = format!(
            "Cannot change the tenant or cloud of {} {name}",
            model(kind)
        );
        return Err(Refusal::new(400, text));
    }
    let scope = Scope {
        tenant: &tenant,
        cloud: &cloud,
    };
    let targets = resolve_all(state, &mut body, scope)?;
    let holder = state.store.holder(kind, &name, scope);
    if holder.is_some_and(|holder| old.is_none_or(|(id, _)| id.uuid != holder)) {
        return Err(checks::duplicate(kind));
    }
    hide_keys(kind, &mut body, call.method == http::Method::PATCH)?;
    if let Some((id, old)) = old {
        routing::check(&state.store, (id, &old.body), &body, &cloud)?;
    }
    if kind == "vsvip" {
        let before = old.map(|(_, old)| &old.body);
        state
            .addresses
            .settle(&state.store, before, &mut body, &cloud)?;
    }
    Ok(Record {
        name,
        tenant,
        cloud,
        body,
        targets,
        modified: 0,
        version: 1,
        seeded: false,
    })
}

/// The tenant that an object will belong to: its own reference, else that of the request. Only
/// `admin` may write for another tenant.
fn owner(state: &State, body: &mut Map<String, Value>, asking: &str) -> Result<String, Refusal> {
    let said = body
        .get("tenant_ref")
        .and_then(Value::as_str)
        .and_then(refs::parse);
    let owner = match said.map(|address| address.by) {
        None => Some(asking.to_owned()),
        Some(By::Uuid(uuid)) => state.store.get("tenant", &uuid).map(|_| uuid),
        Some(By::Name(name)) => state.store.tenant_named(&name).map(str::to_owned),
    };
    let owner = owner.ok_or_else(|| not_found("tenant"))?;
    if owner != asking && asking != ADMIN {
        return Err(Refusal::new(
            403,
            "tenant_ref is not the tenant of the request",
        ));
    }
    body.insert(
        "tenant_ref".to_owned(),
        json!(format!("/api/tenant/{owner}")),
    );
    Ok(owner)
}

/// The cloud that an object belongs to; one that names none belongs to the default cloud.
fn cloud(
    state: &State,
    kind: &str,
    body: &mut Map<String, Value>,
    tenant: &str,
) -> Result<String, Refusal> {
    if !is_in_cloud(kind) {
        return Ok(String::new());
    }
    match body
        .get("cloud_ref")
        .and_then(Value::as_str)
        .and_then(refs::parse)
    {
        None => Ok(state.store.default_cloud().to_owned()),
        Some(address) => state
            .store
            .resolve(&address, Scope { tenant, cloud: "" })
            .map(|id| id.uuid)
            .ok_or_else(|| not_found("cloud")),
    }
}

/// Turns every reference into its kept form and gathers what is referred to.
fn resolve_all(
    state: &State,
    body: &mut Map<String, Value>,
    scope: Scope<'_>,
) -> Result<BTreeSet<ObjectId>, Refusal> {
    let mut targets = BTreeSet::new();
    refs::visit_mut(body, &mut |text| {
        if let Some(address) = refs::parse(text) {
            let id = state.store.resolve(&address, scope).ok_or_else(|| {
                let text = format!("{} object not found!", model(&address.kind));
                Refusal::new(missing_ref_status(&address.kind), text)
            })?;
            *text = id.path();
            targets.insert(id);
        }
        Ok(())
    })?;
    Ok(targets)
}

/// A patch is compared with the kept object, so its references must be in kept form first.
pub(crate) fn resolve_patch(
    state: &State,
    old: &Record,
    value: &mut Map<String, Value>,
) -> Result<(), Refusal> {
    let scope = Scope {
        tenant: &old.tenant,
        cloud: &old.cloud,
    };
    resolve_all(state, value, scope).map(|_| ())
}

/// Private keys are not kept: nothing that the Controller answers ever shows one. What stands in
/// for a key may come back only in what a patch leaves alone.
fn hide_keys(kind: &str, body: &mut Map<String, Value>, patched: bool) -> Result<(), Refusal> {
    let secrets: &[&str] = match kind {
        "sslkeyandcertificate" => &["key", "key_passphrase"],
        "user" => &["password"],
        _ => return Ok(()),
    };
    for secret in secrets {
        if let Some(value) = body.get_mut(*secret) {
            if value.as_str() == Some(SENSITIVE) && !patched {
                return Err(Refusal::new(
                    400,
                    format!("{secret} is not what was stored"),
                ));
            }
            *value = json!(SENSITIVE);
        }
    }
    Ok(())
}
