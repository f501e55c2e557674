//! A fault of our own while translating: it is caught. What it is about keeps its last good result
//! until its inputs change; all others go on.

use super::{Builder, Reads};
use crate::claimed::Asked;
use crate::memos::Memo;
use crate::parts::{Parts, Unheard, Waiting};
use crate::recorder::Read;
use crate::report::Built;
use crate::unit::UnitKey;
use aviary_kinds::{Env, ingress, service};
use aviary_store::Facts;
use aviary_types::{Code, Digest, DomainId, Finding, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Where translation stands: for tests that make it fail there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// A unit was read, and is about to be rendered.
    Unit(&'a UnitKey),
    /// Everything is evaluated and about to be put together.
    Commit,
}

/// It panicked. What it said is left to the panic hook, since it may quote objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault;

/// The result of some work, or that it panicked. Whatever the work changed must be given up then.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Fault)
}

impl Builder {
    /// Builds the state of these facts for these domains. Same facts and domains, same result,
    /// whatever was built before. A fault of ours is caught: a unit's keeps its last good result, one
    /// while all is put together keeps the last good state, and the next build begins anew.
    pub fn build(&mut self, facts: &Facts, envs: &BTreeMap<DomainId, Arc<Env>>) -> Built {
        let good = self.built.state();
        caught(|| self.build_now(facts, envs)).unwrap_or_else(|Fault| {
            let built = Built {
                restarts: good.restarts + 1,
                ..Built::default()
            };
            *self = Self {
                built,
                incumbents: self.incumbents.clone(),
                #[cfg(test)]
                probe: self.probe,
                ..Self::default()
            };
            Built { faults: 1, ..good }
        })
    }

    /// Tells a test where it stands.
    #[cfg(test)]
    pub(super) fn step(&self, step: Step<'_>) {
        if let Some(probe) = self.probe {
            probe(step);
        }
    }

    /// Tests alone listen.
    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "there is nobody to tell")]
    pub(super) fn step(&self, _: Step<'_>) {}

    /// Calls a function at each step, which may panic.
    #[cfg(test)]
    pub(crate) fn set_probe(&mut self, probe: Option<fn(Step<'_>)>) {
        self.probe = probe;
    }
}

/// What a unit has after a fault: its last good result, told at its sources. What was never good
/// waits, so that nothing goes that stands for it.
pub(super) fn kept(
    facts: &Facts,
    unit: &UnitKey,
    (claims, former): (Arc<Asked>, &Parts),
    reads: Reads,
) -> Memo {
    let mut parts = former.clone();
    let sources = sources(facts, unit, &reads);
    for source in &sources {
        let text = "translating it failed by a fault of Aviary's own: what it came to before stays";
        let hint = "report it with this object; it is tried again when the object changes";
        let finding = Finding::new(source, Code::TranslationFault, text, hint);
        if !parts.findings.contains(&finding) {
            parts.findings.push(finding);
        }
    }
    if let UnitKey::Host(domain, host) = unit {
        let unnamed = || ObjectKey::new(&domain.cluster, ingress::KIND, "", host.as_str());
        parts.unheard.get_or_insert_with(|| Unheard {
            domain: domain.clone(),
            host: host.clone(),
            source: sources.first().cloned().unwrap_or_else(unnamed),
        });
    }
    for waiting in waits(unit, &sources) {
        if !parts.waits.contains(&waiting) {
            parts.waits.push(waiting);
        }
    }
    Memo {
        reads,
        claims,
        parts: Arc::new(parts),
    }
}

/// The objects that the unit is evaluated for.
fn sources(facts: &Facts, unit: &UnitKey, reads: &[(Read, Digest)]) -> BTreeSet<ObjectKey> {
    let kind = match unit {
        UnitKey::L4(_, source) | UnitKey::Setting(_, source) => {
            return BTreeSet::from([source.clone()]);
        }
        UnitKey::Host(..) => ingress::KIND,
        UnitKey::SharedVip(..) => service::KIND,
        UnitKey::Routes(_) => return BTreeSet::new(),
    };
    let found = |(read, _): &(Read, Digest)| -> Vec<ObjectKey> {
        match read {
            Read::Object(key) => vec![key.clone()],
            Read::Index(index) => {
                let entries = facts.lookup(index);
                entries.iter().map(|entry| entry.key.clone()).collect()
            }
            Read::Scope(_) | Read::Named(..) => Vec::new(),
        }
    };
    let read = reads.iter().flat_map(found);
    read.filter(|key| key.kind == kind).collect()
}

/// What the objects of a load balancer are marked with.
fn waits(unit: &UnitKey, sources: &BTreeSet<ObjectKey>) -> Vec<Waiting> {
    let mut waits = Vec::new();
    if let UnitKey::L4(..) | UnitKey::SharedVip(..) = unit {
        waits.extend(sources.iter().map(|source| Waiting {
            namespace: source.namespace.clone(),
            marker: "ServiceName",
            name: source.name.clone(),
        }));
    }
    if let UnitKey::SharedVip(_, shared) = unit {
        waits.push(Waiting {
            namespace: shared.namespace.clone(),
            marker: "GatewayName",
            name: shared.key.clone(),
        });
    }
    waits
}
