//! POST, PUT, PATCH and DELETE of objects.

use std::collections::BTreeSet;

use http::header;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::checks;
use crate::defaults;
use crate::kinds::{ADMIN, is_in_cloud, missing_ref_status, model};
use crate::patch;
use crate::read::{check_kind, not_found};
use crate::refs::{self, By, ObjectId, Spelling};
use crate::reply::{Refusal, Reply};
use crate::state::{State, Tenants};
use crate::store::{Record, Scope};

/// What reads show instead of a private key.
pub(crate) const SENSITIVE: &str = "<sensitive>";

/// Most referrers that a refused delete names.
const REFERRERS_SHOWN: usize = 20;

/// POST: a new object.
pub(crate) fn create(
    state: &mut State,
    call: &Call,
    kind: &str,
    tenants: &Tenants,
) -> Result<Reply, Refusal> {
    check_kind(state, kind)?;
    let tenant = tenants.one()?;
    let mut body = call.object()?;
    if state.fill_defaults {
        defaults::complete_write(kind, &mut body);
    }
    let slug = call
        .header("slug")
        .filter(|slug| !slug.is_empty())
        .map(str::to_owned);
    if let Some(slug) = slug
        .as_ref()
        .filter(|slug| state.store.get(kind, slug).is_some())
    {
        return Err(Refusal::new(
            409,
            format!("{} with uuid {slug} exists", model(kind)),
        ));
    }
    let mut record = prepare(
        state,
        &Writing {
            call,
            kind,
            tenant,
            old: None,
        },
        body,
    )?;
    record.modified = state.stamp();
    let uuid = slug.unwrap_or_else(|| state.ids.uuid(kind));
    let id = ObjectId {
        kind: kind.to_owned(),
        uuid,
    };
    state.store.put(&id, record);
    let mut value = state
        .store
        .get(kind, &id.uuid)
        .map(|record| {
            state.view(
                &id,
                record,
                Spelling {
                    base: &call.base,
                    names: true,
                },
            )
        })
        .unwrap_or_default();
    if state.fill_defaults {
        defaults::complete_created(kind, &mut value);
    }
    let location = format!("{}{}", call.base, id.path());
    Ok(Reply::json(201, &value).with(header::LOCATION, location))
}

/// PUT and PATCH: the object as a whole, or parts of it.
pub(crate) fn update(
    state: &mut State,
    call: &Call,
    id: &ObjectId,
    tenants: &Tenants,
) -> Result<Reply, Refusal> {
    check_kind(state, &id.kind)?;
    let tenant = tenants.one()?;
    let sent = call.object()?;
    let old = state
        .store
        .get(&id.kind, &id.uuid)
        .filter(|old| tenants.reads(&id.kind, old));
    let old = old.ok_or_else(|| not_found(&id.kind))?.clone();
    check_owner(&id.kind, &old, tenant)?;
    check_stamp(&id.kind, &old, &sent)?;
    let mut body = if call.method == http::Method::PATCH {
        patch::apply(&old.body, sent, |value| resolve_patch(state, &old, value))?
    } else {
        sent
    };
    for fixed in ["tenant_ref", "cloud_ref"] {
        if let Some(value) = old.body.get(fixed) {
            body.entry(fixed).or_insert_with(|| value.clone());
        }
    }
    if state.fill_defaults {
        defaults::complete_write(&id.kind, &mut body);
    }
    let writing = Writing {
        call,
        kind: &id.kind,
        tenant,
        old: Some((id, &old)),
    };
    let mut record = prepare(state, &writing, body)?;
    record.modified = state.stamp();
    record.version = old.version + 1;
    record.seeded = old.seeded;
    state.store.put(id, record);
    let spelling = Spelling {
        base: &call.base,
        names: call.query.is_on("include_name"),
    };
    let stored = state.store.get(&id.kind, &id.uuid);
    let value = stored
        .map(|record| state.view(id, record, spelling))
        .unwrap_or_default();
    Ok(Reply::json(200, &value))
}

/// DELETE.
pub(crate) fn delete(
    state: &mut State,
    id: &ObjectId,
    tenants: &Tenants,
) -> Result<Reply, Refusal> {
    check_kind(state, &id.kind)?;
    let tenant = tenants.one()?;
    let old = state
        .store
        .get(&id.kind, &id.uuid)
        .filter(|old| tenants.reads(&id.kind, old));
    let old = old.ok_or_else(|| not_found(&id.kind))?;
    check_owner(&id.kind, old, tenant)?;
    if is_built_in(id, old) {
        let text = format!("Cannot delete system default object {}", old.name);
        return Err(Refusal::new(403, text));
    }
    let referrers: Vec<String> = state
        .store
        .referrers(id)
        .take(REFERRERS_SHOWN)
        .map(|other| {
            format!(
                "'{} {}'",
                model(&other.kind),
                state.store.name_of(other).unwrap_or_default()
            )
        })
        .collect();
    if !referrers.is_empty() {
        let list = referrers.join(", ");
        let text = format!("Cannot delete, object is referred by: [{list}]");
        return Err(Refusal::new(403, text));
    }
    if let Some(gone) = state.store.remove(id)
        && id.kind == "vsvip"
    {
        state
            .addresses
            .release(&state.store, &gone.body, &gone.cloud);
    }
    Ok(Reply::empty(204).with(header::CONTENT_LENGTH, "0"))
}

fn is_built_in(id: &ObjectId, old: &Record) -> bool {
    let named_so = old.name.starts_with("System-") || old.name.starts_with("Default-");
    let marked = old.body.get("system_default") == Some(&Value::Bool(true));
    (old.seeded && (named_so || marked)) || (id.kind == "tenant" && id.uuid == ADMIN)
}

/// Other tenants may read what `admin` shares, not change it.
fn check_owner(kind: &str, old: &Record, tenant: &str) -> Result<(), Refusal> {
    if old.tenant == tenant {
        return Ok(());
    }
    let status = if kind == "vrfcontext" { 400 } else { 403 };
    let text = format!(
        "Cannot modify {} {}: it belongs to another tenant",
        model(kind),
        old.name
    );
    Err(Refusal::new(status, text))
}

fn check_stamp(kind: &str, old: &Record, sent: &Map<String, Value>) -> Result<(), Refusal> {
    let stamp = match sent.get("_last_modified") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if stamp == old.modified.to_string() {
        return Ok(());
    }
    let model = model(kind);
    let text = format!("Concurrent Update Error: Need to reload object data {model}");
    Err(Refusal::new(412, text))
}

/// A write on its way: who asks for what.
struct Writing<'a> {
    call: &'a Call,
    kind: &'a str,
    /// Uuid of the tenant that the request works in.
    tenant: &'a str,
    /// What is replaced.
    old: Option<(&'a ObjectId, &'a Record)>,
}

/// Checks a body and makes an object of it. Nothing is stored yet, but a VsVip's addresses are
/// taken.
fn prepare(
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
fn resolve_patch(
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
