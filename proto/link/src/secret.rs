//! Secret values travel apart from their object: taken out by the agent, put back by the translator,
//! in memory.

use aviary_proto::sync::v1::SecretValue;
use serde_json::{Map, Value};

/// One step of a path.
enum Step {
    Field(String),
    Index(usize),
}

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
/// out.
pub fn restore(object: &mut Value, secrets: &[SecretValue]) {
    for secret in secrets {
        if let Ok(value) = serde_json::from_slice(&secret.value) {
            put(object, &steps(&secret.path), value);
        }
    }
}

fn put(target: &mut Value, steps: &[Step], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *target = value;
        return;
    };
    match (step, target) {
        (Step::Field(field), Value::Object(map)) => {
            put(
                map.entry(field.clone())
                    .or_insert_with(|| Value::Object(Map::new())),
                rest,
                value,
            );
        }
        (Step::Index(index), Value::Array(items)) => {
            if let Some(item) = items.get_mut(*index) {
                put(item, rest, value);
            }
        }
        _ => {}
    }
}

fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let mut pieces = part.split('[');
        if let Some(field) = pieces.next().filter(|field| !field.is_empty()) {
            steps.push(Step::Field(field.to_owned()));
        }
        let indices = pieces.filter_map(|piece| piece.trim_end_matches(']').parse().ok());
        steps.extend(indices.map(Step::Index));
    }
    steps
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
        restore(&mut object, &secrets);
        assert_eq!(object, whole);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut object = json!({"a": 1, "b": []});
        let secret = |path: &str, value: &str| SecretValue {
            path: path.into(),
            value: value.as_bytes().to_vec(),
        };
        restore(
            &mut object,
            &[secret("a.b", "1"), secret("b[3]", "1"), secret("c", "{")],
        );
        assert_eq!(object, json!({"a": 1, "b": []}));
    }
}
