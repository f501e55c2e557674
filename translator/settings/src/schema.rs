//! The JSON schema of the chart's values, made from the registry.

use crate::all;
use crate::setting::{About, Field, Shape};
use serde_json::{Map, Value, json};

/// The schema of a values file. Keys that it does not name are allowed: the chart has its own.
pub fn values_schema() -> Value {
    let mut root = section();
    for about in all::settings() {
        place(&mut root, about.key, setting(about));
    }
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Settings of Aviary: AKO's values and Aviary's own",
    });
    if let (Value::Object(schema), Value::Object(root)) = (&mut schema, root) {
        schema.extend(root);
    }
    schema
}

/// A map without fields yet.
fn section() -> Value {
    json!({ "type": "object", "properties": {} })
}

/// Puts the schema of a key into its section.
fn place(section_schema: &mut Value, key: &str, schema: Value) {
    let Some(Value::Object(fields)) = section_schema.get_mut("properties") else {
        return;
    };
    match key.split_once('.') {
        None => {
            fields.insert(key.to_owned(), schema);
        }
        Some((name, rest)) => {
            place(
                fields.entry(name.to_owned()).or_insert_with(section),
                rest,
                schema,
            );
        }
    }
}

fn setting(about: &About) -> Value {
    let mut schema = shape(about.shape);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(about.doc));
        let default = serde_json::from_str(about.default).unwrap_or_default();
        schema.insert("default".to_owned(), default);
    }
    schema
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Flag => json!({ "type": ["boolean", "string", "integer"] }),
        Shape::Number { min, max } => json!({
            "type": ["integer", "string"], "minimum": min, "maximum": max, "pattern": "^[0-9]*$",
        }),
        Shape::Text(_) => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Choice(words) => json!({ "enum": with_empty(words()) }),
        Shape::Duration(_) => {
            json!({ "type": ["string", "integer"], "pattern": "^(0|([0-9]+(ms|s|m|h|d))*)$" })
        }
        Shape::UnusedShards => json!({ "type": ["string", "object"] }),
        Shape::Texts(_) => json!({ "type": "array", "items": { "type": ["string", "number"] } }),
        Shape::TextsOrAll => json!({
            "anyOf": [{ "const": "all" }, { "type": "array", "items": { "type": "string" } }],
        }),
        Shape::Map(fields) => row(fields),
        Shape::Rows(fields) => json!({ "type": "array", "items": row(fields) }),
        Shape::Values => json!({ "type": "object" }),
    }
}

/// Empty text stands for the default everywhere.
fn with_empty(mut words: Vec<&'static str>) -> Vec<&'static str> {
    if !words.contains(&"") {
        words.push("");
    }
    words
}

fn row(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| {
            let mut schema = shape(field.shape);
            if let Value::Object(schema) = &mut schema {
                schema.insert("description".to_owned(), json!(field.doc));
            }
            (field.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    json!({ "type": "object", "properties": properties, "required": required })
}
