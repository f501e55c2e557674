//! Bodies as people may see them.

use aviary_avi::Body;
use serde_json::Value;

/// A body as people may see it.
pub(super) fn json(body: &Body) -> Value {
    serde_json::to_value(body.masked()).unwrap_or_default()
}
