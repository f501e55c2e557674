//! The fields of a desired object, each with where it comes from.

use crate::sets::DesiredObject;
use aviary_types::{Explained, FieldPath, Step, number};
use serde_json::Value;

/// One field of a body as it is sent: a scalar, or an empty list or map.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The way to it.
    pub path: FieldPath,
    /// Its value; secrets are masked.
    pub value: Value,
    /// Where it comes from; `None` where no rule says it, which a test rules out.
    pub from: Option<Explained>,
}

impl DesiredObject {
    /// Every field of the body, sorted by name.
    pub fn fields(&self) -> Vec<Field> {
        let resolver = self.provenance.resolver();
        let body = serde_json::to_value(self.body.masked()).unwrap_or_default();
        let mut fields = Vec::new();
        walk(body, &mut FieldPath::default(), &mut |path, value| {
            fields.push(Field {
                from: resolver.explain(path),
                path: path.clone(),
                value,
            });
        });
        fields
    }
}

fn walk(value: Value, path: &mut FieldPath, found: &mut impl FnMut(&FieldPath, Value)) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                path.0.push(Step::Field(name));
                walk(value, path, found);
                path.0.pop();
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for (at, value) in elements.into_iter().enumerate() {
                let key = value.get("key").and_then(Value::as_str).map(str::to_owned);
                path.0.push(Step::Element(number(at), key));
                walk(value, path, found);
                path.0.pop();
            }
        }
        value => found(path, value),
    }
}
