//! Which objects a list shows, and in which order.

use std::cmp::Ordering;

use serde_json::Value;

use crate::query::Query;
use crate::refs::{ObjectId, split_path};
use crate::store::{Record, Store};

/// A condition on objects.
#[derive(Debug)]
pub(crate) enum Filter<'a> {
    /// `label_key` and `label_value`, either may be absent.
    Label(Option<&'a str>, Option<&'a str>),
    /// `cloud_uuid`.
    Cloud(&'a str),
    /// `search` and `isearch`: text, by field or anywhere.
    Search(Vec<(Option<&'a str>, String)>),
    /// `refers_to`.
    RefersTo(Option<ObjectId>),
    /// `referred_by`.
    ReferredBy(Option<ObjectId>),
    /// A field, or what a dotted path leads to.
    Field(&'a str, Test<'a>),
}

/// What a field is held against.
#[derive(Debug)]
pub(crate) enum Test<'a> {
    Equals(&'a str),
    In(Vec<&'a str>),
    Contains(&'a str),
    ContainsAnyCase(String),
}

impl Test<'_> {
    fn passes(&self, value: &str) -> bool {
        match self {
            Self::Equals(want) => value == *want,
            Self::In(choices) => choices.contains(&value),
            Self::Contains(part) => value.contains(part),
            Self::ContainsAnyCase(part) => value.to_lowercase().contains(part),
        }
    }
}

/// The conditions that a query sets.
pub(crate) fn filters(query: &Query) -> Vec<Filter<'_>> {
    let filter = |(key, want)| match key {
        "label_key" => Filter::Label(Some(want), query.get("label_value")),
        "label_value" => Filter::Label(query.get("label_key"), Some(want)),
        "cloud_uuid" => Filter::Cloud(want),
        "search" | "isearch" => Filter::Search(search_terms(want)),
        "refers_to" => Filter::RefersTo(related(want)),
        "referred_by" => Filter::ReferredBy(related(want)),
        _ => field_filter(key, want),
    };
    query.filters().map(filter).collect()
}

fn field_filter<'a>(key: &'a str, want: &'a str) -> Filter<'a> {
    let (path, test) = match key.rsplit_once('.') {
        Some((path, "in")) => (path, Test::In(want.split(',').map(str::trim).collect())),
        Some((path, "contains")) => (path, Test::Contains(want)),
        Some((path, "icontains")) => (path, Test::ContainsAnyCase(want.to_lowercase())),
        _ => (key, Test::Equals(want)),
    };
    Filter::Field(path, test)
}

/// `text` looks into the whole object; `(field,text)|(field,text)` into fields.
fn search_terms(want: &str) -> Vec<(Option<&str>, String)> {
    if !want.starts_with('(') {
        return vec![(None, want.to_lowercase())];
    }
    let pairs = want
        .split('|')
        .map(|pair| pair.trim_start_matches('(').trim_end_matches(')'));
    pairs
        .map(|pair| pair.split_once(',').unwrap_or((pair, "")))
        .map(|(field, text)| (Some(field), text.to_lowercase()))
        .collect()
}

fn related(text: &str) -> Option<ObjectId> {
    let (kind, uuid) = text.split_once(':')?;
    Some(ObjectId {
        kind: kind.to_owned(),
        uuid: uuid.to_owned(),
    })
}

impl Filter<'_> {
    /// Whether an object meets the condition.
    pub(crate) fn admits(&self, store: &Store, kind: &str, uuid: &str, record: &Record) -> bool {
        match self {
            Self::Label(key, value) => labels(record).any(|label| has_label(label, *key, *value)),
            Self::Cloud(cloud) => record.cloud == *cloud,
            Self::Search(terms) => terms
                .iter()
                .any(|(field, text)| is_found(record, *field, text)),
            Self::RefersTo(other) => other
                .as_ref()
                .is_some_and(|other| record.targets.contains(other)),
            Self::ReferredBy(other) => {
                let other = other
                    .as_ref()
                    .and_then(|other| store.get(&other.kind, &other.uuid));
                let mut targets = other.into_iter().flat_map(|other| &other.targets);
                targets.any(|target| target.kind == kind && target.uuid == uuid)
            }
            Self::Field("uuid", test) => test.passes(uuid),
            Self::Field("name", test) => test.passes(&record.name),
            Self::Field("_last_modified", test) => test.passes(&record.modified.to_string()),
            Self::Field(path, test) => {
                let mut steps = path.split('.');
                let first = steps.next().and_then(|step| record.body.get(step));
                first.is_some_and(|value| leads_to(store, value, steps, test))
            }
        }
    }
}

/// Follows a dotted path from a value; lists are searched entry by entry, and the last step
/// `name` or `uuid` behind a reference is that of its object.
fn leads_to<'a>(
    store: &Store,
    value: &Value,
    mut rest: impl Iterator<Item = &'a str> + Clone,
    test: &Test<'_>,
) -> bool {
    if let Value::Array(items) = value {
        return items
            .iter()
            .any(|item| leads_to(store, item, rest.clone(), test));
    }
    match (rest.next(), value) {
        (None, Value::String(word)) => test.passes(word),
        (None, Value::Bool(_) | Value::Number(_)) => test.passes(&value.to_string()),
        (Some("uuid"), Value::String(path)) => {
            split_path(path).is_some_and(|(_, uuid)| test.passes(uuid))
        }
        (Some("name"), Value::String(path)) => split_path(path)
            .and_then(|(kind, uuid)| store.get(kind, uuid))
            .is_some_and(|target| test.passes(&target.name)),
        (Some(field), Value::Object(fields)) => fields
            .get(field)
            .is_some_and(|value| leads_to(store, value, rest, test)),
        _ => false,
    }
}

fn labels(record: &Record) -> impl Iterator<Item = &Value> {
    record
        .body
        .get("markers")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn has_label(label: &Value, key: Option<&str>, value: Option<&str>) -> bool {
    let text = |field: &str| label.get(field).and_then(Value::as_str);
    let values = label.get("values").and_then(Value::as_array);
    key.is_none_or(|key| text("key") == Some(key))
        && value.is_none_or(|want| {
            values
                .into_iter()
                .flatten()
                .any(|value| value.as_str() == Some(want))
        })
}

fn is_found(record: &Record, field: Option<&str>, text: &str) -> bool {
    let holds = |value: &Value| value.to_string().to_lowercase().contains(text);
    match field {
        Some(field) => record.body.get(field).is_some_and(holds),
        None => record.body.values().any(holds),
    }
}

/// The order that `sort=` asks for (`-field` downwards); without it objects come by name.
pub(crate) fn order(sort: &str, a: (&str, &Record), b: (&str, &Record)) -> Ordering {
    let (field, down) = sort
        .strip_prefix('-')
        .map_or((sort, false), |field| (field, true));
    let ordering = match field {
        "uuid" => a.0.cmp(b.0),
        "_last_modified" => a.1.modified.cmp(&b.1.modified),
        "name" => a.1.name.cmp(&b.1.name),
        _ => text_field(a.1, field).cmp(&text_field(b.1, field)),
    };
    if down { ordering.reverse() } else { ordering }
}

fn text_field(record: &Record, field: &str) -> String {
    record
        .body
        .get(field)
        .map(ToString::to_string)
        .unwrap_or_default()
}
