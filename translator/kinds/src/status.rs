//! What is written back to a Kubernetes object: its status, its annotations, Events. Pure: rooms
//! compare what stands on the object with what should.

use aviary_types::{EcoString, Finding, Severity, eco_format};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Annotation with the uuid of the virtual service of each host; other operators read it.
pub const VS_UUIDS: &str = "ako.vmware.com/host-fqdn-vs-uuid-map";
/// Annotation with the uuid of the Controller cluster.
pub const CLUSTER_UUID: &str = "ako.vmware.com/controller-cluster-uuid";
/// Annotation with the tenant of the virtual services.
pub const TENANT: &str = "ako.vmware.com/tenant-name";
/// Annotation of a Service that we annotated for NodePortLocal, so that we take it back.
pub const ANNOTATED: &str = "aviary.dev/nodeportlocal";
/// Annotation with what is wrong with the object.
pub const FINDINGS: &str = "aviary.dev/findings";

/// One host that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The host, empty where a load balancer has no name.
    pub host: EcoString,
    /// Name of the virtual service; empty where only the object tells of it.
    pub service: EcoString,
    /// uuid of the virtual service.
    pub service_uuid: EcoString,
    /// Addresses of the VIP.
    pub addresses: Vec<EcoString>,
    /// Tenant of the virtual service.
    pub tenant: EcoString,
}

/// Everything that there is to tell about one object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Hosts that are served.
    pub claims: Vec<Claim>,
    /// uuid of the Controller cluster.
    pub cluster_uuid: EcoString,
    /// What is wrong with the object.
    pub findings: Vec<Finding>,
    /// Whether Normal Events are sent too.
    pub events: bool,
    /// A Service whose pods are to be reached by NodePortLocal.
    pub node_port_local: bool,
    /// Of kinds that are accepted or rejected as a whole: which, once that is known.
    pub verdict: Option<Verdict>,
}

/// Whether an object takes part at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Accepted,
    /// It does not, for this reason.
    Rejected(EcoString),
}

/// What stands on the object now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reported {
    /// Addresses and hosts of `status.loadBalancer.ingress`, sorted.
    pub load_balancer: Vec<LoadBalancerEntry>,
    /// Annotations that we write.
    pub annotations: BTreeMap<EcoString, EcoString>,
    /// `status.status` and `status.error`.
    pub verdict: Option<Verdict>,
}

/// One entry of `status.loadBalancer.ingress`, as far as we write it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
pub struct LoadBalancerEntry {
    /// Address.
    pub ip: EcoString,
    /// Host.
    pub hostname: EcoString,
}

/// A write to the object.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// Server-side apply of this status.
    Status(Value),
    /// Merge of these annotations; `None` removes one.
    Annotations(BTreeMap<EcoString, Option<EcoString>>),
    /// An Event.
    Event {
        /// Something is wrong; else something was done.
        warning: bool,
        /// Short CamelCase or code.
        reason: EcoString,
        /// What happened and what to do.
        note: EcoString,
    },
}

impl Reported {
    /// Reads status and annotations off an object.
    pub fn read(object: &Value) -> Self {
        let entries = object.pointer("/status/loadBalancer/ingress");
        let mut load_balancer: Vec<LoadBalancerEntry> = entries
            .and_then(|list| Deserialize::deserialize(list).ok())
            .unwrap_or_default();
        load_balancer.sort();
        let annotations = object
            .pointer("/metadata/annotations")
            .and_then(Value::as_object);
        let ours = annotations
            .into_iter()
            .flatten()
            .filter(|(key, _)| is_ours(key));
        let annotations =
            ours.filter_map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into())));
        Self {
            load_balancer,
            annotations: annotations.collect(),
            verdict: verdict(object),
        }
    }

    /// What the object says of a host. It stays said while the host moves to its next place.
    pub fn claim(&self, host: &str) -> Option<Claim> {
        let entries = self
            .load_balancer
            .iter()
            .filter(|entry| entry.hostname == host);
        let addresses: Vec<EcoString> = entries.map(|entry| entry.ip.clone()).collect();
        if host.is_empty() && !addresses.is_empty() {
            // Without a host there is an address alone to tell.
            return Some(Claim {
                host: EcoString::new(),
                service: EcoString::new(),
                service_uuid: EcoString::new(),
                addresses,
                tenant: EcoString::new(),
            });
        }
        let uuids: BTreeMap<EcoString, EcoString> =
            serde_json::from_str(self.annotations.get(VS_UUIDS)?).ok()?;
        (!addresses.is_empty()).then_some(Claim {
            host: host.into(),
            service: EcoString::new(),
            service_uuid: uuids.get(host)?.clone(),
            addresses,
            tenant: self.annotations.get(TENANT)?.clone(),
        })
    }

    /// Whether anything of ours stands on the object.
    pub fn is_empty(&self) -> bool {
        self.load_balancer.is_empty() && self.annotations.is_empty()
    }
}

/// What `status.status` and `status.error` say, if it is what we would write.
fn verdict(object: &Value) -> Option<Verdict> {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str);
    let error = text("/status/error").unwrap_or_default();
    match text("/status/status")? {
        "Accepted" if error.is_empty() => Some(Verdict::Accepted),
        "Rejected" => Some(Verdict::Rejected(error.into())),
        _ => None,
    }
}

fn is_ours(annotation: &str) -> bool {
    [VS_UUIDS, CLUSTER_UUID, TENANT, FINDINGS, ANNOTATED].contains(&annotation)
}

/// The writes that bring an object from what stands on it to what should: these entries, and the
/// annotations of these claims and findings.
pub fn wishes(
    reported: &Reported,
    mut entries: Vec<LoadBalancerEntry>,
    report: &Report,
) -> Vec<Wish> {
    entries.sort();
    entries.dedup();
    let mut wishes = Vec::new();
    if entries != reported.load_balancer {
        wishes.push(Wish::Status(load_balancer(&entries)));
        if report.events {
            wishes.extend(gains_and_losses(reported, &entries, report));
        }
    }
    let wanted = annotations(report);
    let mut changes: BTreeMap<EcoString, Option<EcoString>> = BTreeMap::new();
    for (key, value) in &wanted {
        if reported.annotations.get(key) != Some(value) {
            changes.insert(key.clone(), Some(value.clone()));
        }
    }
    let gone = reported
        .annotations
        .keys()
        .filter(|key| !wanted.contains_key(*key));
    changes.extend(gone.map(|key| (key.clone(), None)));
    if !changes.is_empty() {
        wishes.push(Wish::Annotations(changes));
    }
    wishes.extend(events(reported, &report.findings));
    wishes
}

/// An Event for each host that a virtual service has begun, or ceased, to serve, with AKO's reasons.
fn gains_and_losses(
    reported: &Reported,
    entries: &[LoadBalancerEntry],
    report: &Report,
) -> Vec<Wish> {
    let hosts = |entries: &[LoadBalancerEntry]| -> BTreeSet<EcoString> {
        entries.iter().map(|entry| entry.hostname.clone()).collect()
    };
    let (before, after) = (hosts(&reported.load_balancer), hosts(entries));
    let named = |host: &EcoString| {
        if host.is_empty() {
            "the load balancer".into()
        } else {
            eco_format!("host {host}")
        }
    };
    let event = |reason: &str, note| Wish::Event {
        warning: false,
        reason: reason.into(),
        note,
    };
    let gained = after.difference(&before).map(|host| {
        let mut claims = report.claims.iter();
        let service = claims.find(|claim| claim.host == *host);
        let service = service
            .map(|claim| claim.service.as_str())
            .unwrap_or_default();
        let note = eco_format!("{} is served by virtual service {service}", named(host));
        event("Synced", note)
    });
    let lost = before.difference(&after).map(|host| {
        let note = eco_format!("{} is served by no virtual service any more", named(host));
        event("Removed", note)
    });
    gained.chain(lost).collect()
}

/// The list is atomic, so clearing it takes an explicit empty one.
fn load_balancer(entries: &[LoadBalancerEntry]) -> Value {
    let entry = |entry: &LoadBalancerEntry| {
        let mut fields = Map::new();
        for (name, text) in [("ip", &entry.ip), ("hostname", &entry.hostname)] {
            if !text.is_empty() {
                fields.insert(name.to_owned(), text.as_str().into());
            }
        }
        Value::Object(fields)
    };
    json!({"loadBalancer": {"ingress": entries.iter().map(entry).collect::<Vec<_>>()}})
}

fn annotations(report: &Report) -> BTreeMap<EcoString, EcoString> {
    let mut wanted = BTreeMap::new();
    let named: BTreeMap<&str, &str> = report
        .claims
        .iter()
        .filter(|claim| !claim.host.is_empty())
        .map(|claim| (claim.host.as_str(), claim.service_uuid.as_str()))
        .collect();
    if let (false, Some(claim)) = (named.is_empty(), report.claims.first()) {
        wanted.insert(VS_UUIDS.into(), eco_format!("{}", json!(named)));
        wanted.insert(CLUSTER_UUID.into(), report.cluster_uuid.clone());
        wanted.insert(TENANT.into(), claim.tenant.clone());
    }
    let told: Vec<String> = told(&report.findings).map(ToString::to_string).collect();
    if !told.is_empty() {
        wanted.insert(FINDINGS.into(), told.join("\n").into());
    }
    wanted
}

/// Findings that cost the object something; the others can be asked for.
fn told(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    findings
        .iter()
        .filter(|finding| finding.code.severity() > Severity::Info)
}

/// An Event for each finding that the object does not show yet.
fn events(reported: &Reported, findings: &[Finding]) -> Vec<Wish> {
    let shown = reported
        .annotations
        .get(FINDINGS)
        .map(EcoString::as_str)
        .unwrap_or_default();
    told(findings)
        .filter(|finding| !shown.lines().any(|line| line == finding.to_string()))
        .map(|finding| Wish::Event {
            warning: true,
            reason: finding.code.event_reason(),
            note: if finding.hint.is_empty() {
                finding.text.clone()
            } else {
                eco_format!("{}; {}", finding.text, finding.hint)
            },
        })
        .collect()
}

#[cfg(test)]
mod tests;
