//! The query language of lists: filters, pages, field selection, order.

use std::cmp::Ordering;

use serde_json::Value;

use crate::refs::{ObjectId, decode};
use crate::reply::Refusal;
use crate::store::{Record, Store};

/// Entries of a page when the request does not say.
const PAGE_SIZE_DEFAULT: usize = 25;
/// Most entries of a page.
const PAGE_SIZE_LIMIT: usize = 200;

/// Parameters that shape an answer or are without meaning here; all others filter.
const SHAPING: &[&str] = &[
    "exclude",
    "fields",
    "include_name",
    "include_refs",
    "include_service_accounts",
    "join_subresources",
    "limit_by",
    "page",
    "page_size",
    "skip_default",
    "sort",
];

/// A query, decoded, in the order given.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Splits a query; stray `&` are skipped, a key without value has an empty one.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .filter(|(key, _)| !key.is_empty())
            .map(|(key, value)| (decode(key), decode(value)))
            .collect();
        Self { pairs }
    }

    /// The first value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a switch is on: given without a value counts as on.
    pub(crate) fn is_on(&self, key: &str) -> bool {
        self.get(key)
            .is_some_and(|value| !matches!(value, "false" | "False" | "0"))
    }

    /// The values of a comma list, if the key is given and not empty.
    pub(crate) fn list(&self, key: &str) -> Option<Vec<&str>> {
        let value = self.get(key).filter(|value| !value.is_empty())?;
        Some(value.split(',').map(str::trim).collect())
    }

    /// The conditions that objects must meet.
    pub(crate) fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .filter(|(key, _)| !SHAPING.contains(key))
    }

    /// The query again, with another page.
    pub(crate) fn with_page(&self, page: usize) -> String {
        let kept = self.pairs.iter().filter(|(key, _)| key != "page");
        let mut parts: Vec<String> = kept
            .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
            .collect();
        parts.push(format!("page={page}"));
        parts.join("&")
    }

    /// Size and number (from 1) of the page asked for.
    pub(crate) fn page(&self) -> Result<(usize, usize), Refusal> {
        let size = self.number("page_size")?.unwrap_or(PAGE_SIZE_DEFAULT);
        if size == 0 || size > PAGE_SIZE_LIMIT {
            return Err(Refusal::new(
                400,
                format!("page_size must be 1-{PAGE_SIZE_LIMIT}"),
            ));
        }
        match self.number("page")?.unwrap_or(1) {
            0 => Err(Refusal::new(400, "page counts from 1")),
            page => Ok((size, page)),
        }
    }

    fn number(&self, key: &str) -> Result<Option<usize>, Refusal> {
        let Some(text) = self.get(key).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let number = text.parse();
        number
            .map(Some)
            .map_err(|_| Refusal::new(400, format!("{key} is not a number: {text}")))
    }
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2E", ".")
        .replace("%5F", "_")
        .replace("%2D", "-")
}

/// Whether an object meets one condition.
pub(crate) fn meets(
    store: &Store,
    id: &ObjectId,
    record: &Record,
    (key, want): (&str, &str),
    query: &Query,
) -> bool {
    match key {
        "label_key" => has_label(record, want, query.get("label_value")),
        "label_value" => query.get("label_key").is_some() || has_label_value(record, want),
        "cloud_uuid" => record.cloud == want,
        "search" | "isearch" => is_found(record, want),
        "refers_to" => related(want).is_some_and(|other| record.targets.contains(&other)),
        "referred_by" => related(want)
            .and_then(|other| store.get(&other.kind, &other.uuid))
            .is_some_and(|other| other.targets.contains(id)),
        _ => meets_field(store, id, record, key, want),
    }
}

fn meets_field(store: &Store, id: &ObjectId, record: &Record, key: &str, want: &str) -> bool {
    let (path, test) = match key.rsplit_once('.') {
        Some((path, test @ ("in" | "contains" | "icontains"))) => (path, test),
        _ => (key, ""),
    };
    let values = values_at(store, id, record, path);
    values.iter().any(|value| match test {
        "in" => want.split(',').any(|choice| choice.trim() == value),
        "contains" => value.contains(want),
        "icontains" => value.to_lowercase().contains(&want.to_lowercase()),
        _ => value == want,
    })
}

/// The texts that a dotted path leads to; `x_ref.name` and `x_ref.uuid` follow a reference.
fn values_at(store: &Store, id: &ObjectId, record: &Record, path: &str) -> Vec<String> {
    match path {
        "uuid" => return vec![id.uuid.clone()],
        "name" => return vec![record.name.clone()],
        "_last_modified" => return vec![record.modified.to_string()],
        _ => {}
    }
    let mut steps = path.split('.');
    let first = steps.next().and_then(|step| record.body.get(step));
    let mut values: Vec<&Value> = first.into_iter().collect();
    let mut follow = None;
    for step in steps {
        if matches!(step, "name" | "uuid") && values.iter().all(|value| is_path(value)) {
            follow = Some(step);
            break;
        }
        values = flat(values)
            .into_iter()
            .filter_map(|value| value.get(step))
            .collect();
    }
    flat(values)
        .into_iter()
        .filter_map(|value| text_of(store, value, follow))
        .collect()
}

fn flat(values: Vec<&Value>) -> Vec<&Value> {
    values
        .into_iter()
        .flat_map(|value| match value {
            Value::Array(items) => items.iter().collect(),
            other => vec![other],
        })
        .collect()
}

fn is_path(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with("/api/"),
        Value::Array(items) => items.iter().all(is_path),
        _ => false,
    }
}

fn text_of(store: &Store, value: &Value, follow: Option<&str>) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    match follow {
        None => Some(text),
        Some(step) => {
            let target = ObjectId::from_path(&text)?;
            if step == "uuid" {
                return Some(target.uuid);
            }
            store.name_of(&target).map(str::to_owned)
        }
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

fn label_has(label: &Value, want: &str) -> bool {
    let values = label.get("values").and_then(Value::as_array);
    values
        .into_iter()
        .flatten()
        .any(|value| value.as_str() == Some(want))
}

fn has_label(record: &Record, key: &str, value: Option<&str>) -> bool {
    labels(record)
        .filter(|label| label.get("key").and_then(Value::as_str) == Some(key))
        .any(|label| value.is_none_or(|value| label_has(label, value)))
}

fn has_label_value(record: &Record, value: &str) -> bool {
    labels(record).any(|label| label_has(label, value))
}

/// `search=text` looks into the whole object; `(field,text)|(field,text)` into fields.
fn is_found(record: &Record, want: &str) -> bool {
    let holds = |value: &Value, text: &str| {
        value
            .to_string()
            .to_lowercase()
            .contains(&text.to_lowercase())
    };
    if !want.starts_with('(') {
        return record.body.values().any(|value| holds(value, want));
    }
    want.split('|').any(|pair| {
        let pair = pair.trim_start_matches('(').trim_end_matches(')');
        let (field, text) = pair.split_once(',').unwrap_or((pair, ""));
        record
            .body
            .get(field)
            .is_some_and(|value| holds(value, text))
    })
}

fn related(text: &str) -> Option<ObjectId> {
    let (kind, uuid) = text.split_once(':')?;
    Some(ObjectId {
        kind: kind.to_owned(),
        uuid: uuid.to_owned(),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_separators_and_bare_keys_are_understood() {
        let query = Query::parse("&include_name=&name=a%20b+c&page_size=3&flag");
        assert!(query.is_on("include_name"));
        assert!(query.is_on("flag"));
        assert!(!Query::parse("include_name=false").is_on("include_name"));
        assert_eq!(query.get("name"), Some("a b c"));
        assert_eq!(query.page().unwrap(), (3, 1));
        assert_eq!(
            query.with_page(2),
            "include_name=&name=a%20b%20c&page_size=3&flag=&page=2"
        );
    }

    #[test]
    fn pages_are_bounded() {
        assert!(Query::parse("page_size=201").page().is_err());
        assert!(Query::parse("page_size=x").page().is_err());
        assert_eq!(Query::parse("").page().unwrap(), (25, 1));
    }
}
