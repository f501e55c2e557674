//! POST, PUT, PATCH and DELETE of objects.

use http::header;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::defaults;
use crate::kinds::{ADMIN, model};
use crate::patch;
use crate::prepare::{Writing, prepare, resolve_patch};
use crate::read::{check_kind, not_found};
use crate::refs::{ObjectId, Spelling};
use crate::reply::{Refusal, Reply};
use crate::state::{State, Tenants};
use crate::store::Record;

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
