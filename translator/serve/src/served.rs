//! Make before break: what was served before and is served after is served all the way.

use crate::probe::Probe;
use crate::verdict::{Outcome, Verdict, Why};
use crate::world::World;
use aviary_avi::AviKey;
use aviary_types::EcoString;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Most redirects that a client follows.
const REDIRECTS_MAX: usize = 8;

/// The answers to everything that is worth asking in a world.
pub fn served(world: &World) -> BTreeMap<Probe, Verdict> {
    world
        .probes()
        .into_iter()
        .map(|probe| (probe.clone(), world.ask(&probe)))
        .collect()
}

/// What a client lost on the way between two worlds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// Who asks.
    pub probe: Probe,
    /// What was lost.
    pub loss: Loss,
    /// The answer before.
    pub before: Verdict,
    /// The answer on the way, redirects followed.
    pub during: Verdict,
    /// The answer after.
    pub after: Verdict,
}

/// What was had before and after, and not on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Loss {
    /// The request reaches no pool.
    Unserved,
    /// The request reaches pools, but no enabled server.
    NoServer,
    /// The request reaches a pool that it reaches neither before nor after.
    OtherBackend(AviKey),
    /// The client meets the Controller's default certificate.
    NoCertificate,
    /// The client is redirected, which happens neither before nor after.
    Redirected,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.probe)?;
        match &self.loss {
            Loss::Unserved => match self.during.why_not() {
                Some(why) => write!(f, "not served: {why}"),
                None => f.write_str("closed by a rule"),
            },
            Loss::NoServer => f.write_str("no enabled server"),
            Loss::OtherBackend(pool) => write!(f, "served by {pool}, which is another's"),
            Loss::NoCertificate => f.write_str("default certificate"),
            Loss::Redirected => f.write_str("redirected"),
        }
    }
}

/// An answer with its redirects followed.
#[derive(Debug, Clone)]
struct Settled {
    first: Verdict,
    /// Where the redirects lead; none if there were none.
    last: Option<Verdict>,
}

impl Settled {
    fn of(world: &World, probe: &Probe) -> Self {
        let first = world.ask(probe);
        let Probe::Http(request) = probe else {
            return Self { first, last: None };
        };
        let mut last: Option<Verdict> = None;
        let mut request = request.clone();
        for _ in 0..=REDIRECTS_MAX {
            let Outcome::Redirect(to) = &last.as_ref().unwrap_or(&first).outcome else {
                return Self { first, last };
            };
            request.host = to.host.clone();
            request.port = to.port;
            request.path = to.path.clone();
            request.sni = to.tls.then(|| to.host.clone());
            last = Some(world.http(&request));
        }
        if let Some(verdict) = &mut last {
            verdict.outcome = Outcome::NoService(Why::RedirectLoop);
        }
        Self { first, last }
    }

    fn end(&self) -> &Verdict {
        self.last.as_ref().unwrap_or(&self.first)
    }

    fn is_trusted(&self) -> bool {
        self.first.is_trusted() && self.end().is_trusted()
    }
}

/// What is served both before and after, to be held against every world between.
#[derive(Debug, Clone)]
pub struct Baseline {
    kept: Vec<Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    probe: Probe,
    before: Settled,
    after: Settled,
}

impl Baseline {
    /// Asks both worlds everything that either can be asked.
    pub fn new(before: &World, after: &World) -> Self {
        let mut probes: BTreeSet<Probe> = before.probes();
        probes.extend(after.probes());
        let kept = probes.into_iter().map(|probe| Kept {
            before: Settled::of(before, &probe),
            after: Settled::of(after, &probe),
            probe,
        });
        let kept = kept.filter(|k| k.before.end().is_backend() && k.after.end().is_backend());
        Self {
            kept: kept.collect(),
        }
    }

    /// The questions that must be answered all the way.
    pub fn probes(&self) -> impl Iterator<Item = &Probe> {
        self.kept.iter().map(|kept| &kept.probe)
    }

    /// What is lost in a world between.
    pub fn broken_in(&self, prefix: &World) -> Vec<Break> {
        self.kept
            .iter()
            .filter_map(|kept| kept.break_in(prefix))
            .collect()
    }
}

impl Kept {
    fn break_in(&self, prefix: &World) -> Option<Break> {
        let during = Settled::of(prefix, &self.probe);
        let loss = self.loss(&during)?;
        Some(Break {
            probe: self.probe.clone(),
            loss,
            before: self.before.first.clone(),
            during: during.end().clone(),
            after: self.after.first.clone(),
        })
    }

    fn loss(&self, during: &Settled) -> Option<Loss> {
        let had = |has: fn(&Settled) -> bool| has(&self.before) && has(&self.after) && !has(during);
        if !during.end().is_backend() {
            return Some(Loss::Unserved);
        }
        if had(|settled| settled.last.is_none()) {
            return Some(Loss::Redirected);
        }
        if had(|settled| settled.end().has_server()) {
            return Some(Loss::NoServer);
        }
        if had(Settled::is_trusted) {
            return Some(Loss::NoCertificate);
        }
        self.stranger(during).map(Loss::OtherBackend)
    }

    /// A pool that is reached neither before nor after.
    fn stranger(&self, during: &Settled) -> Option<AviKey> {
        let known = |pool: &AviKey| {
            let before = self.before.end().pools().iter();
            before
                .chain(self.after.end().pools())
                .any(|share| share.pool == *pool)
        };
        let mut pools = during.end().pools().iter().map(|share| &share.pool);
        pools.find(|pool| !known(pool)).cloned()
    }
}

/// What is served before and after, and not in the prefix between. Where the pools differ before
/// and after, either will do; a redirect will do if one of the two redirects.
pub fn broken_between(before: &World, prefix: &World, after: &World) -> Vec<Break> {
    Baseline::new(before, after).broken_in(prefix)
}

impl Break {
    /// The host or target that loses.
    pub fn host(&self) -> &EcoString {
        match &self.probe {
            Probe::Http(request) => &request.host,
            Probe::L4(listener) => &listener.target,
        }
    }
}
