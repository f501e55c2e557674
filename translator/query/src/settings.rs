//! The settings in force, and why newer ones are not.

use crate::convert;
use crate::view::Snapshot;
use aviary_proto::query::v1::GetSettingsResponse;

pub(super) fn get(snapshot: &Snapshot) -> GetSettingsResponse {
    let settings = &*snapshot.settings;
    let refused = settings.refused.as_ref();
    GetSettingsResponse {
        in_force: settings.in_force.to_string(),
        digest: settings.digest.to_string(),
        since: Some(convert::timestamp(settings.since)),
        refused: refused.map(|(_, why)| why.to_string()).unwrap_or_default(),
        refused_since: refused.map(|(at, _)| convert::timestamp(*at)),
        waiting_for: settings.waiting.iter().map(ToString::to_string).collect(),
        left: settings.left.iter().map(convert::domain).collect(),
    }
}
