//! From a chosen pool group or pool to servers.

use crate::verdict::{Outcome, PoolShare, Step, Why};
use crate::walk::Walk;
use crate::world::Scope;
use aviary_avi::pool_group::PoolGroupMember;
use aviary_avi::{AviKey, Ref};
use aviary_types::{EcoString, eco_format};

impl Walk<'_> {
    /// The pool that a reference chose.
    pub(crate) fn pool(&self, scope: Scope<'_>, reference: &Ref) -> Outcome {
        match self.share(scope, reference, 1) {
            Some(share) => Outcome::Backend(vec![share]),
            None => Outcome::NoService(Why::PoolMissing(reference.text())),
        }
    }

    /// The pool group that a reference chose, shared by ratio.
    pub(crate) fn group(&mut self, scope: Scope<'_>, reference: &Ref) -> Outcome {
        let world = self.world;
        let found = world.resolve(scope, reference);
        let Some((key, group)) = found.and_then(|key| Some((key, world.group(key)?))) else {
            return Outcome::NoService(Why::GroupMissing(reference.text()));
        };
        self.step(Step::Group(key.clone()));
        self.members(key, &group.members.iter().collect::<Vec<_>>())
    }

    /// Members of one group, shared by ratio.
    pub(crate) fn members(&self, group: &AviKey, members: &[&PoolGroupMember]) -> Outcome {
        if members.is_empty() {
            return Outcome::NoService(Why::GroupEmpty(group.clone()));
        }
        let mut live = members.iter().filter(|member| ratio(member) > 0).peekable();
        if live.peek().is_none() {
            return Outcome::NoService(Why::GroupIdle(group.clone()));
        }
        let mut missing = EcoString::new();
        let mut shares = Vec::new();
        for member in live {
            match self.share(Scope::of(group), &member.pool_ref, ratio(member)) {
                Some(share) => shares.push(share),
                None => missing = member.pool_ref.text(),
            }
        }
        if shares.is_empty() {
            return Outcome::NoService(Why::PoolMissing(missing));
        }
        Outcome::Backend(shares)
    }

    fn share(&self, scope: Scope<'_>, reference: &Ref, ratio: u32) -> Option<PoolShare> {
        let key = self.world.resolve(scope, reference)?;
        let servers = self.world.pool(key)?.servers.iter();
        let enabled = servers.filter(|server| server.enabled.unwrap_or(true));
        let servers = enabled
            .map(|server| eco_format!("{}:{}", server.ip.addr, server.port))
            .collect();
        Some(PoolShare {
            pool: key.clone(),
            ratio,
            servers,
        })
    }
}

/// The share of a member; 1 where none is said, as the Controller has it.
fn ratio(member: &PoolGroupMember) -> u32 {
    member.ratio.unwrap_or(1)
}
