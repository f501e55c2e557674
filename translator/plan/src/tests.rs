//! Nothing goes from ignorance, nothing of others is touched, and what was done is done.

mod breaks;
mod foreign;
mod knowledge;
mod properties;
mod rules;
mod site;

use crate::{Input, Journal, Method, Op, Plan, check, diff};
use aviary_avi::{AviKey, AviKind, Desired, DesiredObject, Knowledge, Observed, ObservedObject};
use aviary_types::{DomainId, Generation};
use std::collections::BTreeSet;

/// What is not known.
#[derive(Debug, Clone, Default)]
struct Doubts {
    domain: bool,
    namespaces: BTreeSet<String>,
    hosts: BTreeSet<String>,
    /// `IngressName a/i`
    sources: BTreeSet<String>,
}

impl Knowledge for Doubts {
    fn holds_domain(&self, _: &DomainId) -> bool {
        self.domain
    }

    fn holds_namespace(&self, _: &DomainId, namespace: &str) -> bool {
        self.namespaces.contains(namespace)
    }

    fn holds_host(&self, _: &DomainId, host: &str) -> bool {
        self.hosts.contains(host)
    }

    fn holds_source(&self, _: &DomainId, namespace: &str, marker: &str, name: &str) -> bool {
        self.sources
            .contains(&format!("{marker} {namespace}/{name}"))
    }
}

fn orange() -> DomainId {
    DomainId {
        cluster: "orange".into(),
        instance: None,
    }
}

/// One comparison, and what it rests on.
#[derive(Clone, Default)]
struct Case {
    desired: Desired,
    observed: Observed,
    doubts: Doubts,
    journal: Journal,
    expired: BTreeSet<AviKey>,
}

impl Case {
    /// What should be, and what is.
    fn new(desired: Vec<DesiredObject>, observed: Vec<ObservedObject>) -> Self {
        let mut case = Self::default();
        for object in desired {
            case.desired.insert(object.into());
        }
        for object in observed {
            case.observed.insert(object);
        }
        case
    }

    fn doubting(mut self, doubts: Doubts) -> Self {
        self.doubts = doubts;
        self
    }

    fn with<T>(&self, keys: Option<&BTreeSet<AviKey>>, f: impl FnOnce(&Input<'_>) -> T) -> T {
        f(&Input {
            generation: Generation(1),
            desired: &self.desired,
            observed: &self.observed,
            knowledge: &self.doubts,
            domains: &[orange()],
            journal: &self.journal,
            expired: &self.expired,
            keys,
        })
    }

    /// The plan, which breaks no rule.
    fn plan(&self) -> Plan {
        self.with(None, |input| {
            let plan = diff(input);
            assert_eq!(check(input, &plan), []);
            plan
        })
    }

    /// Does everything that a plan says.
    fn apply(&mut self, plan: &Plan) {
        for op in &plan.ops {
            let key = &op.key.object;
            match &op.body {
                None => self.observed.remove(key),
                Some(body) if key.kind.is_shared() => {
                    let observed = self.observed.objects.get(key).unwrap();
                    let mut raw = serde_json::to_value(&*observed.body).unwrap();
                    body.merge(&mut raw);
                    let body = key.kind.read(&raw).unwrap().into();
                    let object = (**observed).clone();
                    self.observed.insert(ObservedObject { body, ..object });
                }
                Some(body) => self.observed.insert(site::seen(body.clone(), key)),
            }
        }
    }
}

/// Operations in short: `delete pool a`.
fn short(plan: &Plan) -> Vec<String> {
    plan.ops.iter().map(line).collect()
}

fn line(op: &Op) -> String {
    let method = match op.method {
        Method::Create => "create",
        Method::Update => "update",
        Method::Delete => "delete",
    };
    format!("{method} {} {}", op.key.object.kind, op.key.object.name)
}

fn names(observed: &Observed, kind: AviKind) -> Vec<&str> {
    let keys = observed.objects.keys().filter(|key| key.kind == kind);
    keys.map(|key| key.name.as_str()).collect()
}
