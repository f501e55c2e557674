//! Which fields an update changes.

use aviary_avi::Body;
use serde_json::Value;

/// Names of the top-level fields that differ. Secrets are masked on both sides: that a key alone
/// changed is not told.
pub(super) fn changed(desired: &Body, observed: &Body) -> Vec<String> {
    let (desired, observed) = (json(desired), json(observed));
    let (Value::Object(desired), Value::Object(observed)) = (&desired, &observed) else {
        return Vec::new();
    };
    let differs = |name: &&String| desired.get(*name) != observed.get(*name);
    let sent = desired.keys().filter(differs);
    let cleared = observed.keys().filter(|name| !desired.contains_key(*name));
    let mut names: Vec<String> = sent.chain(cleared).cloned().collect();
    names.sort();
    names
}

/// A body as people may see it.
pub(super) fn json(body: &Body) -> Value {
    serde_json::to_value(body.masked()).unwrap_or_default()
}
