//! Evaluates what a change touched, one unit at a time.

use super::fault::{Step, caught, kept};
use super::{Builder, Open, Reads, Work};
use crate::claimed::Asked;
use crate::claims::{Claims, Lost, claims_of};
use crate::draft::Draft;
use crate::incumbents::{Asking, Keeper};
use crate::memos::Memo;
use crate::parts::{Parts, Unheard};
use crate::recorder::Recorder;
use crate::stay::{Stays, Waiting};
use crate::unit::UnitKey;
use aviary_kinds::ingress::HostDraft;
use aviary_kinds::{Env, View};
use aviary_settings::CrossClusterHosts;
use aviary_store::Facts;
use aviary_types::{DomainId, TenantName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Builder {
    /// Evaluates until nobody's claims touch another's any more: claims do not depend on who gets
    /// what, so that a second look is the last.
    pub(super) fn evaluate(&mut self, facts: &Facts, work: &mut Work) -> BTreeMap<UnitKey, Memo> {
        let mut results: BTreeMap<UnitKey, Memo> = BTreeMap::new();
        while let Some((unit, evaluate)) = work.units.pop_first() {
            work.counts.visited += 1;
            let former = results.get(&unit).or_else(|| self.memos.get(&unit));
            let env = self.open.get(unit.domain()).map(|open| &open.env);
            let holds = |memo: &Memo| env.is_some_and(|env| memo.holds(facts, env));
            if !evaluate && former.is_some_and(holds) {
                continue;
            }
            let former = former.map(|memo| (memo.claims.clone(), memo.parts.clone()));
            let (asked, parts) = former.unwrap_or_default();
            let (memo, touched) = match self.run(facts, &unit, &asked.claims) {
                Ok(evaluated) => evaluated,
                Err(reads) => {
                    work.faults += 1;
                    let kept = kept(facts, &unit, (asked, &parts), reads);
                    (kept, BTreeSet::new())
                }
            };
            work.counts.evaluated += 1;
            work.evaluate(touched);
            results.insert(unit, memo);
        }
        results
    }

    /// Evaluates one unit. Answers the other units whose claims that touches, too; or, if it panicked,
    /// what it read until then.
    fn run(
        &mut self,
        facts: &Facts,
        unit: &UnitKey,
        former: &Claims,
    ) -> Result<(Memo, BTreeSet<UnitKey>), Reads> {
        let Some(Open { env, .. }) = self.open.get(unit.domain()) else {
            let touched = self.registry.replace(unit, former, &Claims::default());
            return Ok((Memo::default(), touched));
        };
        let view = Recorder::new(facts, env);
        let evaluated = caught(|| {
            let draft = Draft::of(&view, unit);
            self.step(Step::Unit(unit));
            let parts = draft.render(env, &Lost::default());
            let claims = claims_of(facts, env, &parts);
            (draft, parts, claims)
        });
        let Ok((draft, mut parts, claims)) = evaluated else {
            return Err(view.into_reads());
        };
        let touched = self.registry.replace(unit, former, &claims);
        let winners = self.registry.winners(unit, &claims);
        let mut lost = Lost::of(&claims, &winners);
        lost.kept = self.kept(env, unit, &parts);
        lost.stays = self.stays(&view, draft.hosts());
        if !lost.is_empty() {
            // What is not good in this form waits like what was never good.
            let Ok(rendered) = caught(|| draft.render(env, &lost)) else {
                let asked = Arc::new(Asked { claims, winners });
                let kept = kept(facts, unit, (asked, &Parts::default()), view.into_reads());
                return Ok((kept, touched));
            };
            parts = rendered;
        }
        if let (UnitKey::Host(domain, host), Some(source)) = (unit, view.rejected()) {
            parts.unheard.get_or_insert_with(|| Unheard {
                domain: domain.clone(),
                host: host.clone(),
                source,
            });
        }
        parts.shrink();
        let waits = !lost.kept.is_empty() || !lost.stays.is_empty();
        let memo = Memo {
            reads: view.into_reads(),
            claims: Arc::new(Asked { claims, winners }),
            parts: Arc::new(parts),
        };
        if waits {
            self.waiting.insert(unit.clone());
        } else {
            self.waiting.remove(unit);
        }
        Ok((memo, touched))
    }

    /// Which forms of a host stay where they stand, until what else they may stand for is heard.
    fn stays(&self, view: &Recorder<'_>, drafts: &[HostDraft]) -> Stays {
        let open = self.open.get(&view.env().domain);
        let open = open.filter(|open| !open.reach.unheard.is_empty());
        open.map_or_else(Stays::default, |open| {
            let waiting = Waiting {
                view,
                reach: &open.reach,
                incumbents: &self.incumbents,
            };
            waiting.stays(drafts)
        })
    }

    /// Whom the unit must leave its host to, by tenant, until what they have it for is heard.
    fn kept(&self, env: &Env, unit: &UnitKey, parts: &Parts) -> BTreeMap<TenantName, Keeper> {
        let UnitKey::Host(domain, host) = unit else {
            return BTreeMap::new();
        };
        let is_exclusive = env.settings.cross_cluster_hosts == CrossClusterHosts::Exclusive;
        let is_unheard = |domain: &DomainId, namespace: &str| {
            let open = self.open.get(domain);
            open.is_none_or(|open| open.reach.unheard.contains(namespace))
        };
        let kept = parts.hosts.iter().filter_map(|claim| {
            let asking = Asking {
                domain,
                tenant: &claim.tenant,
                is_exclusive,
            };
            let keeper = self.incumbents.keeper(host, &asking, is_unheard)?;
            Some((claim.tenant.clone(), keeper))
        });
        kept.collect()
    }
}
