//! What agents may do, from what the rooms say that they read and write.

use std::collections::{BTreeMap, BTreeSet};

use aviary_kinds::{Extent, ROOMS, Room, StatusWrite};

const HEAD: &str = "\
# Made from the rooms of translator/kinds by `cargo xtask regen`. Do not edit.
";

/// Events are how a finding reaches whoever looks at an object.
const EVENTS: &str = "\
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
";

/// The rules of an agent's Role in its namespace.
pub(crate) fn namespace() -> String {
    rules(Extent::Namespaced)
}

/// The rules of the cluster-scope agent's ClusterRole.
pub(crate) fn cluster() -> String {
    rules(Extent::Cluster)
}

fn rules(extent: Extent) -> String {
    let mut resources: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for room in ROOMS.iter().filter(|room| room.extent == extent) {
        for (verbs, resource) in grants(room) {
            resources
                .entry((room.kind.group, verbs))
                .or_default()
                .insert(resource);
        }
    }
    let rules: Vec<String> = resources
        .into_iter()
        .map(|((group, verbs), names)| {
            let group = if group.is_empty() { "\"\"" } else { group };
            let names: Vec<String> = names.into_iter().collect();
            let names = names.join(", ");
            format!("- apiGroups: [{group}]\n  resources: [{names}]\n  verbs: [{verbs}]\n")
        })
        .collect();
    format!("{HEAD}{}{EVENTS}", rules.concat())
}

/// Annotations need a patch of the object itself: RBAC knows nothing finer.
fn grants(room: &Room) -> Vec<(&'static str, String)> {
    let mut grants = vec![("get, list, watch", room.plural.to_owned())];
    if room.status == StatusWrite::StatusAndAnnotations {
        grants.push(("patch", room.plural.to_owned()));
        grants.push(("patch", format!("{}/status", room.plural)));
    }
    grants
}
