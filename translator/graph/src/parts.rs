//! What one unit contributes.

use aviary_avi::{AviKey, DesiredObject};
use aviary_kinds::avi_infra_setting::Infra;
use aviary_kinds::status::Verdict;
use aviary_types::{DomainId, EcoString, Finding, Host, Namespace, ObjectKey, Place, TenantName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The result of one unit.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Parts {
    /// Objects that only this unit asks for.
    pub(crate) objects: Vec<Arc<DesiredObject>>,
    /// Objects that several units ask for in one form.
    pub(crate) common: Vec<Arc<DesiredObject>>,
    /// Hosts that it asks for.
    pub(crate) hosts: Vec<HostClaim>,
    /// What it adds to shared objects.
    pub(crate) shares: Vec<Share>,
    /// Which sources are served by what.
    pub(crate) serves: Vec<Serve>,
    /// Services that are to be annotated for NodePortLocal.
    pub(crate) annotated: BTreeSet<ObjectKey>,
    /// What is wrong with the sources.
    pub(crate) findings: Vec<Finding>,
    /// What must be heard before the unit may be written.
    pub(crate) unheard: Option<Unheard>,
    /// Load balancers that wait until more is known: what stands for them stays.
    pub(crate) waits: Vec<Waiting>,
    /// Whether an object that is accepted or rejected as a whole takes part.
    pub(crate) verdict: Option<(ObjectKey, Verdict)>,
}

/// What the objects of a load balancer that waits are marked with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Waiting {
    pub(crate) namespace: Namespace,
    /// The marker that names it.
    pub(crate) marker: &'static str,
    pub(crate) name: EcoString,
}

impl Parts {
    /// Gives back what the lists have room for beyond what is in them: parts are kept for long.
    pub(crate) fn shrink(&mut self) {
        self.objects.shrink_to_fit();
        self.common.shrink_to_fit();
        self.hosts.shrink_to_fit();
        self.shares.shrink_to_fit();
        self.serves.shrink_to_fit();
        self.findings.shrink_to_fit();
        for share in &mut self.shares {
            share.members.shrink_to_fit();
            share.sources.shrink_to_fit();
        }
    }
}

/// Something that exists but was not heard since the start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unheard {
    /// The domain whose objects wait.
    pub(crate) domain: DomainId,
    /// The host whose objects wait.
    pub(crate) host: Host,
    /// What is waited for.
    pub(crate) source: ObjectKey,
}

impl Unheard {
    /// Whose objects wait.
    pub(crate) fn waiting(&self) -> (DomainId, Host) {
        (self.domain.clone(), self.host.clone())
    }
}

/// A host in a tenant, with who asks for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HostClaim {
    pub(crate) tenant: TenantName,
    pub(crate) host: Host,
    pub(crate) sources: Vec<ObjectKey>,
}

/// A shard parent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShardKey {
    pub(crate) domain: DomainId,
    pub(crate) tenant: TenantName,
    pub(crate) name: EcoString,
    pub(crate) kind: ShardKind,
}

/// What a shard parent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ShardKind {
    /// Serves plain requests, and is the parent of the children of secure hosts.
    Shared,
    /// Passes TLS through, and redirects plain requests.
    Passthrough,
}

/// What a host adds to its shard parent. The parent exists even where nothing is added.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Share {
    pub(crate) shard: ShardKey,
    pub(crate) host: Host,
    /// Whether the host is in DNS.
    pub(crate) named: bool,
    /// Whether port 80 redirects.
    pub(crate) redirect: bool,
    /// The child virtual service of a secure host.
    pub(crate) child: Option<EcoString>,
    /// Members of the shared pool group.
    pub(crate) members: Vec<ShareMember>,
    /// The pool group of a host that is passed through.
    pub(crate) group: Option<EcoString>,
    pub(crate) sources: Vec<Arc<ObjectKey>>,
    /// Where each source names the host.
    pub(crate) host_at: Vec<Place>,
    /// The AviInfraSetting that holds for the host.
    pub(crate) infra: Option<Bound>,
}

/// An AviInfraSetting that a host brings to its shard, and by what right: of several the oldest
/// host's counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bound {
    pub(crate) infra: Arc<Infra>,
    /// When the oldest source was created.
    pub(crate) created: EcoString,
    /// The oldest source.
    pub(crate) source: ObjectKey,
}

/// One member of the shared pool group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ShareMember {
    pub(crate) pool: EcoString,
    pub(crate) label: EcoString,
    pub(crate) ratio: u32,
    /// Where the host is named.
    pub(crate) host_at: Place,
    /// Where the path is named.
    pub(crate) path_at: Place,
}

/// A source object that a virtual service serves: what its status is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serve {
    /// The Kubernetes object.
    pub source: ObjectKey,
    /// The host, empty where a load balancer has no name.
    pub host: EcoString,
    /// The virtual service whose uuid the status tells.
    pub service: AviKey,
    /// The VIP whose address the status tells.
    pub vip: AviKey,
    /// Objects that must exist before the status is true.
    pub needs: Vec<AviKey>,
}
