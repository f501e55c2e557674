//! PATCH: `add`, `replace` and `delete` of fields, one level deep.

use serde_json::{Map, Value};

use crate::reply::Refusal;

/// Fields that say which entry of a list is meant, where the list has such.
const ENTRY_KEYS: &[&[&str]] = &[&["ip", "port"], &["vip_id"], &["route_id"]];

/// The object after a patch; `resolve` brings references into the form that is kept.
pub(crate) fn apply(
    old: &Map<String, Value>,
    sent: Map<String, Value>,
    resolve: impl Fn(&mut Map<String, Value>) -> Result<(), Refusal>,
) -> Result<Map<String, Value>, Refusal> {
    let mut body = old.clone();
    for (action, fields) in sent {
        if action == "_last_modified" {
            continue;
        }
        if !["add", "replace", "delete"].contains(&action.as_str()) {
            return Err(Refusal::new(400, format!("PATCH: unknown action {action}")));
        }
        let Value::Object(mut fields) = fields else {
            return Err(Refusal::new(
                400,
                format!("PATCH: {action} must be an object"),
            ));
        };
        resolve(&mut fields)?;
        for (field, value) in fields {
            match action.as_str() {
                "add" => add(&mut body, field, value),
                "replace" => {
                    body.insert(field, value);
                }
                _ => remove(&mut body, &field, &value),
            }
        }
    }
    Ok(body)
}

/// Appends to a list, in the place of the entry with the same key if there is one; sets all else.
fn add(body: &mut Map<String, Value>, field: String, value: Value) {
    let (Some(Value::Array(list)), Value::Array(entries)) = (body.get_mut(&field), &value) else {
        body.insert(field, value);
        return;
    };
    for entry in entries {
        match list.iter_mut().find(|known| is_same_entry(known, entry)) {
            Some(known) => update(known, entry),
            None => list.push(entry.clone()),
        }
    }
}

fn update(known: &mut Value, entry: &Value) {
    match (known.as_object_mut(), entry.as_object()) {
        (Some(known), Some(entry)) => known.extend(entry.clone()),
        _ => *known = entry.clone(),
    }
}

fn is_same_entry(known: &Value, entry: &Value) -> bool {
    known == entry
        || ENTRY_KEYS.iter().any(|keys| {
            keys.iter().all(|key| {
                let value = entry.get(key);
                value.is_some() && known.get(key) == value
            })
        })
}

/// Removes the given entries from a list; removes all else as a whole.
fn remove(body: &mut Map<String, Value>, field: &str, value: &Value) {
    let (Some(Value::Array(list)), Value::Array(entries)) = (body.get_mut(field), value) else {
        body.remove(field);
        return;
    };
    list.retain(|known| !entries.iter().any(|entry| covers(entry, known)));
}

/// Whether an entry has all that is asked for.
fn covers(asked: &Value, known: &Value) -> bool {
    match (asked, known) {
        (Value::Object(asked), Value::Object(known)) => asked
            .iter()
            .all(|(field, value)| known.get(field).is_some_and(|known| covers(value, known))),
        _ => asked == known,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(sent: &Value, want: &Value) {
        let old = json!({"name": "p", "ratio": 1, "servers": [
            {"ip": {"addr": "1.1.1.1"}, "port": 80, "enabled": true},
            {"ip": {"addr": "1.1.1.2"}, "port": 80},
        ]});
        let sent = sent.as_object().unwrap().clone();
        let got = apply(old.as_object().unwrap(), sent, |_| Ok(())).unwrap();
        assert_eq!(Value::Object(got), *want);
    }

    #[test]
    fn scalars_are_set_and_unset() {
        let server = |addr: &str| json!({"ip": {"addr": addr}, "port": 80});
        check(
            &json!({"replace": {"servers": [server("2.2.2.2")]}, "add": {"ratio": 5}}),
            &json!({"name": "p", "ratio": 5, "servers": [server("2.2.2.2")]}),
        );
        check(
            &json!({"delete": {"ratio": 1, "servers": [server("1.1.1.1")]}}),
            &json!({"name": "p", "servers": [server("1.1.1.2")]}),
        );
    }

    #[test]
    fn a_known_entry_is_updated_and_a_new_one_appended() {
        check(
            &json!({"add": {"servers": [
                {"ip": {"addr": "1.1.1.1"}, "port": 80, "enabled": false},
                {"ip": {"addr": "1.1.1.3"}, "port": 80},
            ]}}),
            &json!({"name": "p", "ratio": 1, "servers": [
                {"ip": {"addr": "1.1.1.1"}, "port": 80, "enabled": false},
                {"ip": {"addr": "1.1.1.2"}, "port": 80},
                {"ip": {"addr": "1.1.1.3"}, "port": 80},
            ]}),
        );
    }
}
