//! GET of one object and of lists.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::defaults;
use crate::filter;
use crate::kinds::{is_known, model};
use crate::refs::{ObjectId, Spelling};
use crate::reply::Refusal;
use crate::state::{State, Tenants};
use crate::store::Record;

/// Fields that a selection always includes.
const ALWAYS: &[&str] = &["name", "url", "uuid"];

/// That the Controller has no such kind.
pub(crate) fn unknown_kind(kind: &str) -> Refusal {
    Refusal::new(404, format!("The requested resource {kind} was not found"))
}

/// That there is no such object.
pub(crate) fn not_found(kind: &str) -> Refusal {
    Refusal::new(404, format!("{} object not found!", model(kind)))
}

/// Whether lists and writes of a kind are served.
pub(crate) fn check_kind(state: &State, kind: &str) -> Result<(), Refusal> {
    if is_known(kind) || state.store.kinds().any(|known| known == kind) {
        return Ok(());
    }
    Err(unknown_kind(kind))
}

/// One object by uuid.
pub(crate) fn one(
    state: &State,
    call: &Call,
    kind: &str,
    uuid: &str,
    tenants: &Tenants,
) -> Result<Value, Refusal> {
    check_kind(state, kind)?;
    let record = state
        .store
        .get(kind, uuid)
        .filter(|record| tenants.reads(kind, record));
    let record = record.ok_or_else(|| not_found(kind))?;
    let id = ObjectId {
        kind: kind.to_owned(),
        uuid: uuid.to_owned(),
    };
    Ok(shown(state, call, &id, record))
}

/// What a list found. The pages that follow are cut from it as long as nothing is written, so
/// that reading a long list to its end does not search it anew for each page.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    asked: String,
    generation: u64,
    uuids: Arc<[String]>,
}

/// A page of a list.
pub(crate) fn list(
    state: &mut State,
    call: &Call,
    kind: &str,
    tenants: &Tenants,
) -> Result<Value, Refusal> {
    check_kind(state, kind)?;
    let (size, page) = call.query.page()?;
    let found = find(state, call, kind, tenants);
    let start = (page - 1).saturating_mul(size);
    let entries = found.iter().skip(start).take(size).filter_map(|uuid| {
        let record = state.store.get(kind, uuid)?;
        let id = ObjectId {
            kind: kind.to_owned(),
            uuid: uuid.clone(),
        };
        Some(shown(state, call, &id, record))
    });
    let results: Vec<Value> = entries.collect();
    let mut reply = json!({ "count": found.len(), "results": results });
    if start.saturating_add(size) < found.len() {
        let query = call.query.with_page(page + 1);
        if let Some(fields) = reply.as_object_mut() {
            fields.insert(
                "next".to_owned(),
                json!(format!("{}/api/{kind}?{query}", call.base)),
            );
        }
    }
    Ok(reply)
}

fn find(state: &mut State, call: &Call, kind: &str, tenants: &Tenants) -> Arc<[String]> {
    let asked = format!("{tenants:?} {}", call.query.with_page(0));
    let generation = state.store.generation();
    let known = state.findings.get(kind);
    if let Some(known) = known.filter(|is| is.generation == generation && is.asked == asked) {
        return known.uuids.clone();
    }
    let mut found = matching(state, call, kind, tenants);
    if let Some(sort) = call.query.get("sort") {
        found.sort_by(|a, b| filter::order(sort, *a, *b));
    }
    let uuids: Arc<[String]> = found.into_iter().map(|(uuid, _)| uuid.to_owned()).collect();
    let finding = Finding {
        asked,
        generation,
        uuids: uuids.clone(),
    };
    state.findings.insert(kind.to_owned(), finding);
    uuids
}

fn matching<'a>(
    state: &'a State,
    call: &Call,
    kind: &str,
    tenants: &Tenants,
) -> Vec<(&'a str, &'a Record)> {
    let candidates: Box<dyn Iterator<Item = (&str, &Record)>> = match call.query.get("name") {
        Some(name) => Box::new(state.store.named(kind, name)),
        None => Box::new(state.store.by_name(kind)),
    };
    let filters = filter::filters(&call.query);
    let matching = candidates.filter(|(uuid, record)| {
        let mut filters = filters.iter();
        tenants.lists(kind, record)
            && filters.all(|filter| filter.admits(&state.store, kind, uuid, record))
    });
    matching.collect()
}

fn shown(state: &State, call: &Call, id: &ObjectId, record: &Record) -> Value {
    let names = call.query.is_on("include_name");
    let mut value = state.view(
        id,
        record,
        Spelling {
            base: &call.base,
            names,
        },
    );
    if let Some(fields) = value.as_object_mut() {
        if state.fill_defaults {
            defaults::complete_read(state, id, record, fields);
        }
        select(call, fields);
    }
    value
}

fn select(call: &Call, fields: &mut Map<String, Value>) {
    let Some(wanted) = call.query.list("fields") else {
        return;
    };
    fields.retain(|field, _| wanted.contains(&field.as_str()) || ALWAYS.contains(&field.as_str()));
}
