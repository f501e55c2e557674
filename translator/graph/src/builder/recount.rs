//! What is found on Controllers while domains run.

use super::{Builder, Work};
use crate::recorder::Read;
use crate::shards::shard_key;
use crate::unit::UnitKey;
use aviary_avi::Named;
use aviary_kinds::Env;
use aviary_types::DomainId;
use std::sync::Arc;

impl Builder {
    /// Takes over what was found on the Controller since: units that read a name of it are looked at
    /// again, and other shard parents than before may be wanted.
    pub(super) fn recount(&mut self, env: &Arc<Env>, work: &mut Work) {
        let Some(open) = self.open.get_mut(&env.domain) else {
            return;
        };
        let (before, now) = (open.env.census.clone(), env.census.clone());
        open.env = env.clone();
        if Arc::ptr_eq(&before, &now) {
            return;
        }
        let names = before.named.keys().chain(now.named.keys());
        let changed = names.filter(|name| before.named.get(*name) != now.named.get(*name));
        for named in changed {
            let read = Read::Named(env.domain.clone(), named.clone());
            work.look(self.memos.readers(&read).cloned());
        }
        if before.labelled != now.labelled || before.routed != now.routed {
            work.evaluate([UnitKey::Routes(env.domain.clone())]);
        }
        if before.parents != now.parents {
            work.reaches = true;
            let both = before.parents.keys().chain(now.parents.keys());
            let changed = both.filter(|it| before.parents.get(*it) != now.parents.get(*it));
            let keys = changed.filter_map(|(tenant, name)| shard_key(env, tenant, name));
            work.shards.extend(keys);
        }
    }

    /// What units want to know of their Controllers.
    pub fn named(&self) -> impl Iterator<Item = &(DomainId, Named)> {
        self.memos.named()
    }
}
