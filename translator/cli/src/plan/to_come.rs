//! Kinds that will have a room and have none yet. Their objects have no effect, and whoever plans
//! with them is told so.

use aviary_kinds::room_of;
use aviary_types::{Code, Finding, Kind, ObjectKey, eco_format, kind};

const AKO: &str = "ako.vmware.com";
const GATEWAY: &str = "gateway.networking.k8s.io";

const TO_COME: &[Kind] = &[
    kind!(AKO, "ApplicationProfile"),
    kind!(AKO, "HTTPRule"),
    kind!(AKO, "HealthMonitor"),
    kind!(AKO, "HostRule"),
    kind!(AKO, "L4Rule"),
    kind!(AKO, "L7Rule"),
    kind!(AKO, "MultiClusterIngress"),
    kind!(AKO, "SSORule"),
    kind!(AKO, "ServiceImport"),
    kind!(GATEWAY, "Gateway"),
    kind!(GATEWAY, "HTTPRoute"),
    kind!("networking.x-k8s.io", "Gateway"),
    kind!("route.openshift.io", "Route"),
];

/// The kind, if it is one of these and has no room.
pub(super) fn kind_to_come(group: &str, kind: &str) -> Option<Kind> {
    let mut known = TO_COME.iter().copied();
    let known = known.find(|known| (known.group, known.kind) == (group, kind));
    known.filter(|_| room_of(group, kind).is_none())
}

/// What is said at such an object.
pub(super) fn finding(key: &ObjectKey) -> Finding {
    Finding::new(
        key,
        Code::NotSupportedYet,
        eco_format!(
            "{} is not supported yet; nothing of it is applied",
            key.kind
        ),
        "everything else is applied as if it were not there",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kinds_that_nobody_reads_are_to_come() {
        let found = |group, kind| kind_to_come(group, kind).map(|known| known.kind);
        assert_eq!(found(AKO, "HostRule"), Some("HostRule"));
        assert_eq!(found("apps", "Deployment"), None);
        assert_eq!(found("networking.k8s.io", "Ingress"), None);
    }
}
