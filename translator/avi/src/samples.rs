//! Bodies as AKO sends them (and `live_…`: the fields that count in checksums, of objects that AKO left
//! on a Controller), with `METADATA` where the metadata text stands.

use crate::metadata::ServiceMetadata;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The JSON of a sample.
pub(crate) fn value(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../samples/bodies.json")).unwrap();
    all.get(name).unwrap().clone()
}

/// The body of a sample.
pub(crate) fn body<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_value(value(name)).unwrap()
}

/// The body of a sample with its metadata.
pub(crate) fn body_with<T: DeserializeOwned>(name: &str, metadata: &ServiceMetadata) -> T {
    let mut value = value(name);
    value["service_metadata"] = metadata.to_text().as_str().into();
    serde_json::from_value(value).unwrap()
}
