//! What stands behind the DNS names of an address: redirects, and the pool groups that TLS is passed
//! through to. They are there before a name comes, and go after it.

use super::Rules;
use crate::op::{Method, Op, OpKey, sibling, stage};
use crate::stage::ports::is_opened;
use aviary_avi::names::INSECURE_TWIN;
use aviary_avi::virtual_service::{HttpPolicy, VirtualService};
use aviary_avi::{AviKey, AviKind, Body};
use aviary_types::eco_format;
use std::collections::BTreeSet;

impl Rules<'_> {
    /// Names come to an address once its scripts know their pool groups, and redirects stand: at
    /// the virtual service itself, and at its twin on port 80.
    pub(super) fn after_what_serves(&self, vip: &AviKey, before: &mut BTreeSet<OpKey>) {
        before.extend(self.write_of(&sibling(vip, AviKind::VsDataScriptSet)));
        for name in [vip.name.clone(), eco_format!("{}{INSECURE_TWIN}", vip.name)] {
            let service = AviKey {
                kind: AviKind::VirtualService,
                name,
                ..vip.clone()
            };
            before.extend(self.write_of(&sibling(&service, AviKind::HttpPolicySet)));
            let write = self.ops.get(&stage(&service, 0));
            let write = write.filter(|op| op.method == Method::Create || self.gains(op));
            before.extend(write.map(|op| op.key.clone()));
        }
    }

    /// A redirect, a virtual service that loses its policies, and a script that loses pool groups
    /// wait until the names that need them have left the address. A redirect at the twin waits for
    /// what it sends clients to.
    pub(super) fn after_names_left(&self, op: &Op, before: &mut BTreeSet<OpKey>) {
        let key = &op.key.object;
        let name = key.name.strip_suffix(INSECURE_TWIN).unwrap_or(&key.name);
        let of_vip = |kind: AviKind| AviKey {
            kind,
            name: name.into(),
            ..key.clone()
        };
        let takes_away = op.key.stage == 1 || self.loses_policy(op);
        if takes_away {
            before.extend(self.last(&of_vip(AviKind::VsVip)));
        } else if key.kind == AviKind::HttpPolicySet && name.len() < key.name.len() {
            before.extend(self.write_of(&of_vip(AviKind::VsDataScriptSet)));
        }
    }

    /// Whether a virtual service gets policies, or listens where it did not.
    fn gains(&self, op: &Op) -> bool {
        let gains_policy = self.policies(op).is_some_and(|(before, after)| {
            let known = |policy: &HttpPolicy| before.contains(policy);
            !after.iter().all(known)
        });
        let observed = self.input.observed.objects.get(&op.key.object);
        let before = service_of(observed.map(|it| &*it.body));
        let ends = before.zip(service_of(op.body.as_deref()));
        gains_policy || ends.is_some_and(|(before, after)| is_opened(before, after))
    }

    fn loses_policy(&self, op: &Op) -> bool {
        self.policies(op).is_some_and(|(before, after)| {
            let kept = |policy: &HttpPolicy| {
                let mut after = after.iter();
                after.any(|it| it.http_policy_set_ref == policy.http_policy_set_ref)
            };
            !before.iter().all(kept)
        })
    }

    /// The policies of a virtual service before and after its write.
    fn policies<'o>(&'o self, op: &'o Op) -> Option<(&'o [HttpPolicy], &'o [HttpPolicy])> {
        let observed = self.input.observed.objects.get(&op.key.object)?;
        let before = service_of(Some(&observed.body))?;
        let after = service_of(op.body.as_deref())?;
        Some((&before.http_policies, &after.http_policies))
    }
}

fn service_of(body: Option<&Body>) -> Option<&VirtualService> {
    match body {
        Some(Body::VirtualService(service)) => Some(service),
        _ => None,
    }
}
