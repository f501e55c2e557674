//! Make before break: what was served before and is served after is served all the way.

use crate::http::Request;
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

/// The answers that a client may get, with their redirects followed: one for each address that DNS
/// gives, and for each where a redirect leads.
#[derive(Debug, Clone)]
struct Settled {
    answers: Vec<Answer>,
}

#[derive(Debug, Clone)]
struct Answer {
    first: Verdict,
    /// Where the redirects lead; none if there were none.
    last: Option<Verdict>,
}

impl Answer {
    fn end(&self) -> &Verdict {
        self.last.as_ref().unwrap_or(&self.first)
    }

    fn is_trusted(&self) -> bool {
        self.first.is_trusted() && self.end().is_trusted()
    }

    fn rank(&self) -> (u8, u8) {
        (self.end().rank(), self.first.rank())
    }
}

impl Settled {
    fn of(world: &World, probe: &Probe) -> Self {
        let answers = match probe {
            Probe::L4(listener) => {
                let direct = |first| Answer { first, last: None };
                let all = world.l4_all(listener).into_iter().map(direct);
                let all: Vec<Answer> = all.collect();
                if all.is_empty() {
                    vec![direct(world.l4(listener))]
                } else {
                    all
                }
            }
            Probe::Http(request) => {
                let firsts = world.http_all(request).into_iter();
                let settled = firsts.flat_map(|first| {
                    let ends = follow(world, request, &first, REDIRECTS_MAX);
                    ends.into_iter().map(move |last| Answer {
                        first: first.clone(),
                        last,
                    })
                });
                settled.collect()
            }
        };
        Self { answers }
    }

    /// Whether it is so whichever answer the client gets.
    fn all(&self, is: impl Fn(&Answer) -> bool) -> bool {
        self.answers.iter().all(is)
    }

    /// Of the answers that are not so, or of all, the worst.
    fn worst(&self, is: impl Fn(&Answer) -> bool) -> Option<&Answer> {
        let failing = self.answers.iter().filter(|answer| !is(answer));
        let failing = failing.min_by_key(|answer| answer.rank());
        failing.or_else(|| self.answers.iter().min_by_key(|answer| answer.rank()))
    }

    fn pools(&self) -> impl Iterator<Item = &AviKey> {
        let ends = self.answers.iter().flat_map(|answer| answer.end().pools());
        ends.map(|share| &share.pool)
    }
}

/// Where the redirects of an answer lead; `None` where it is none.
fn follow(world: &World, request: &Request, answer: &Verdict, left: usize) -> Vec<Option<Verdict>> {
    let Outcome::Redirect(to) = &answer.outcome else {
        return vec![None];
    };
    if left == 0 {
        return vec![Some(world.nowhere(Why::RedirectLoop))];
    }
    let request = Request {
        host: to.host.clone(),
        port: to.port,
        path: to.path.clone(),
        sni: to.tls.then(|| to.host.clone()),
        ..request.clone()
    };
    let next = world.http_all(&request).into_iter();
    let ends = next.flat_map(|next| {
        let ends = follow(world, &request, &next, left - 1).into_iter();
        ends.map(move |end| Some(end.unwrap_or_else(|| next.clone())))
    });
    ends.collect()
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
        let kept = kept.filter(|k| k.before.all(is_backend) && k.after.all(is_backend));
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

/// Something that a client has with an answer.
type Has = fn(&Answer) -> bool;

fn is_backend(answer: &Answer) -> bool {
    answer.end().is_backend()
}

fn is_direct(answer: &Answer) -> bool {
    answer.last.is_none()
}

fn has_server(answer: &Answer) -> bool {
    answer.end().has_server()
}

impl Kept {
    fn break_in(&self, prefix: &World) -> Option<Break> {
        let during = Settled::of(prefix, &self.probe);
        let (loss, met) = self.loss(&during)?;
        Some(Break {
            probe: self.probe.clone(),
            loss,
            before: self.before.worst(|_| true)?.first.clone(),
            during: met.end().clone(),
            after: self.after.worst(|_| true)?.first.clone(),
        })
    }

    /// What is lost, and an answer that shows it.
    fn loss<'a>(&self, during: &'a Settled) -> Option<(Loss, &'a Answer)> {
        let kept: [(Loss, Has); 4] = [
            (Loss::Unserved, is_backend),
            (Loss::Redirected, is_direct),
            (Loss::NoServer, has_server),
            (Loss::NoCertificate, Answer::is_trusted),
        ];
        let lost = kept.into_iter().find(|(_, has)| {
            let had = self.before.all(has) && self.after.all(has);
            had && !during.all(has)
        });
        if let Some((loss, has)) = lost {
            return Some((loss, during.worst(has)?));
        }
        let pool = self.stranger(during)?;
        let reaches = |answer: &Answer| answer.end().pools().iter().any(|it| it.pool == pool);
        let met = during.worst(|answer| !reaches(answer))?;
        Some((Loss::OtherBackend(pool.clone()), met))
    }

    /// A pool that is reached neither before nor after.
    fn stranger(&self, during: &Settled) -> Option<AviKey> {
        let known: BTreeSet<&AviKey> = self.before.pools().chain(self.after.pools()).collect();
        during.pools().find(|pool| !known.contains(pool)).cloned()
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
