//! Secret values travel apart from their object: taken out by the agent, put back by the translator,
//! in memory.

use aviary_proto::sync::v1::SecretValue;
use serde_json::{Map, Value};

/// Deepest path of a secret value.
const DEPTH_MAX: usize = 32;

/// Takes the values at secret paths out of an object. Paths join fields by dots; `[]` steps into
/// each element of a list and may be left out.
pub fn take(object: &mut Value, paths: &[String]) -> Vec<SecretValue> {
    let mut taken = Vec::new();
    for path in paths {
        let fields: Vec<&str> = path
            .split('.')
            .map(|field| field.trim_end_matches("[]"))
            .collect();
        take_at(object, &fields, "", &mut taken);
    }
    taken
}

fn take_at(value: &mut Value, fields: &[&str], at: &str, taken: &mut Vec<SecretValue>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                take_at(item, fields, &format!("{at}[{index}]"), taken);
            }
        }
        Value::Object(map) => {
            let Some((field, rest)) = fields.split_first() else {
                return;
            };
            let below = if at.is_empty() {
                (*field).to_owned()
            } else {
                format!("{at}.{field}")
            };
            if !rest.is_empty() {
                if let Some(value) = map.get_mut(*field) {
                    take_at(value, rest, &below, taken);
                }
            } else if let Some(value) = map.remove(*field) {
                let value = value.to_string().into_bytes();
                taken.push(SecretValue { path: below, value });
            }
        }
        _ => {}
    }
}

/// Puts secret values back into their object. What does not fit the object, or is not JSON, is left
/// out; its path is answered.
pub fn restore<'a>(object: &mut Value, secrets: &'a [SecretValue]) -> Vec<&'a str> {
    let mut left_out = Vec::new();
    for SecretValue { path, value } in secrets {
        let read = serde_json::from_slice(value).ok();
        match read.and_then(|value: Value| Some((place(object, path)?, value))) {
            Some((place, value)) => *place = value,
            None => left_out.push(path.as_str()),
        }
    }
    left_out
}

/// Where a path leads, such as `spec.tls.key` or `spec.items[2].token`. Fields are made where they are
/// missing, for taking a value out takes its field too; elements of lists are not.
fn place<'a>(object: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    if path.split('.').count() > DEPTH_MAX {
        return None;
    }
    let mut place = object;
    for part in path.split('.') {
        let mut pieces = part.split('[');
        let field = pieces.next()?;
        let missing = || Value::Object(Map::new());
        let fields = place.as_object_mut()?;
        place = fields.entry(field).or_insert_with(missing);
        for piece in pieces {
            let index: usize = piece.strip_suffix(']')?.parse().ok()?;
            place = place.as_array_mut()?.get_mut(index)?;
        }
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_taken_can_be_put_back() {
        let whole = json!({
            "data": {"tls.key": "a2V5"},
            "spec": {"host": "x", "tls": {"key": "k", "caCertificate": "c"},
                     "many": [{"name": "a", "token": 1}, {"name": "b"}]},
        });
        let mut object = whole.clone();
        let paths = [
            "data",
            "spec.tls.key",
            "spec.many[].token",
            "spec.absent.key",
        ];
        let secrets = take(&mut object, &paths.map(String::from));
        assert_eq!(
            object,
            json!({"spec": {"host": "x", "tls": {"caCertificate": "c"},
                   "many": [{"name": "a"}, {"name": "b"}]}})
        );
        let found: Vec<&str> = secrets.iter().map(|secret| secret.path.as_str()).collect();
        assert_eq!(found, ["data", "spec.tls.key", "spec.many[0].token"]);
        assert!(restore(&mut object, &secrets).is_empty());
        assert_eq!(object, whole);
    }

    #[test]
    fn secret_values_go_where_they_belong() {
        let mut json = json!({"spec": {"items": [{"a": 1}, {"b": 2}]}});
        let secret = |path: &str, value: Value| SecretValue {
            path: path.into(),
            value: value.to_string().into_bytes(),
        };
        let deep = ["a"; 40].join(".");
        let secrets = [
            secret("spec.items[1].token", json!("t")),
            secret("data", json!({"tls.crt": "c"})),
            secret("spec.items[20000].token", json!("far")),
            secret(&deep, json!("deep")),
        ];
        let left_out = restore(&mut json, &secrets);
        assert_eq!(left_out, ["spec.items[20000].token", deep.as_str()]);
        assert_eq!(
            json,
            json!({"spec": {"items": [{"a": 1}, {"b": 2, "token": "t"}]}, "data": {"tls.crt": "c"}})
        );
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut object = json!({"a": 1, "b": []});
        let secret = |path: &str, value: &str| SecretValue {
            path: path.into(),
            value: value.as_bytes().to_vec(),
        };
        let secrets = [secret("a.b", "1"), secret("b[3]", "1"), secret("c", "{")];
        assert_eq!(restore(&mut object, &secrets), ["a.b", "b[3]", "c"]);
        assert_eq!(object, json!({"a": 1, "b": []}));
    }
}
