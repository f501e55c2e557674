//! Old parents of hosts that moved go on serving for a while, for clients that still hold the old
//! address (`reshardOverlap`). Names leave at once; what serves plain hosts behind them stays.

use aviary_avi::{AviKey, AviKind, Body, Desired, Observed, Ref};
use aviary_plan::{Hold, Method, Op, Plan, leave_out};
use aviary_types::{DomainId, EcoString};
use std::collections::BTreeSet;

/// Where it is looked.
pub(super) struct Overlap<'a> {
    pub(super) desired: &'a Desired,
    pub(super) observed: &'a Observed,
    /// Domains whose hosts were placed anew a short time ago.
    pub(super) domains: &'a BTreeSet<DomainId>,
}

impl Overlap<'_> {
    /// Takes out of a plan what would end the old service. Answers what is to be compared again.
    pub(super) fn hold_back(&self, plan: &mut Plan) -> Vec<AviKey> {
        if self.domains.is_empty() {
            return Vec::new();
        }
        let out = leave_out(&mut plan.ops, |op| self.ends_service(op));
        let mut keys = Vec::with_capacity(out.len());
        for Op { key, method, .. } in out {
            keys.push(key.object.clone());
            plan.holds.push(Hold {
                object: key.object,
                method,
                why: "the old address serves hosts that moved for a while".into(),
            });
        }
        keys
    }

    fn ends_service(&self, op: &Op) -> bool {
        let key = &op.key.object;
        let group = AviKey {
            kind: AviKind::PoolGroup,
            ..key.clone()
        };
        let is_deleted = op.method == Method::Delete;
        self.domains.contains(&op.domain)
            && match key.kind {
                AviKind::PoolGroup => {
                    (is_deleted || op.key.stage > 0) && self.moved(&group, op.body.as_deref())
                }
                AviKind::VirtualService | AviKind::VsDataScriptSet => {
                    is_deleted && self.moved(&group, None)
                }
                AviKind::VsVip => is_deleted && self.is_there(key) && self.has_moved(key),
                _ => false,
            }
    }

    fn is_there(&self, key: &AviKey) -> bool {
        self.observed.objects.contains_key(key)
    }

    /// Whether the group behind an address has members that moved. A VsVip knows its cloud, a group
    /// does not.
    fn has_moved(&self, vip: &AviKey) -> bool {
        let groups = self.observed.objects.keys();
        let mut groups = groups.filter(|key| {
            key.kind == AviKind::PoolGroup && key.name == vip.name && key.tenant == vip.tenant
        });
        groups.any(|group| self.moved(group, None))
    }

    /// Whether the members that a shared group loses are all served elsewhere, and there are any.
    fn moved(&self, group: &AviKey, next: Option<&Body>) -> bool {
        let observed = self.observed.objects.get(group).map(|it| &*it.body);
        let Some(Body::PoolGroup(observed)) = observed else {
            return false;
        };
        let kept = match next {
            Some(Body::PoolGroup(next)) => &next.members[..],
            _ => &[],
        };
        let stays = |pool: &EcoString| kept.iter().any(|member| member.pool_ref.name == *pool);
        let members = observed.members.iter().map(|member| &member.pool_ref);
        let mut lost = members.filter(|pool| !stays(&pool.name)).peekable();
        let is_shared = observed.implicit_priority_labels == Some(true);
        let is_wanted = |pool: &Ref| {
            let pool = group.target(pool);
            pool.is_some_and(|pool| self.desired.objects.contains_key(&pool))
        };
        is_shared && lost.peek().is_some() && lost.all(is_wanted)
    }
}
