//! Objects that several hosts share are written twice where one write would take something away
//! before its new place serves: first old and new together, then the new alone (invariant 5).

use aviary_avi::Body;

/// Old and new entries together; `None` for bodies that no two hosts share.
pub(crate) fn widened(desired: &Body, observed: &Body) -> Option<Body> {
    match (desired, observed) {
        (Body::PoolGroup(desired), Body::PoolGroup(observed))
            if desired.implicit_priority_labels == Some(true) =>
        {
            let mut wide = desired.clone();
            let gone = observed.members.iter().filter(|member| {
                desired
                    .members
                    .iter()
                    .all(|known| known.pool_ref != member.pool_ref)
                    && desired
                        .members
                        .iter()
                        .all(|k| k.priority_label != member.priority_label)
            });
            wide.members.extend(gone.cloned());
            wide.members
                .sort_by(|a, b| a.pool_ref.name.cmp(&b.pool_ref.name));
            Some(wide.into())
        }
        (Body::VsVip(desired), Body::VsVip(observed)) => {
            let mut wide = desired.clone();
            let gone = observed
                .dns_info
                .iter()
                .filter(|dns| !desired.dns_info.contains(dns));
            wide.dns_info.extend(gone.cloned());
            wide.dns_info.sort();
            Some(wide.into())
        }
        _ => None,
    }
}
