//! Whose an observed object is, by an exact rule for each kind, and which sources its markers name.
//!
//! - kinds with `created_by`: it and the marker `clustername` are both exactly ours
//! - string groups: the markers `clustername` and `created_by` are both exactly ours
//! - kinds with the marker alone: the marker `clustername` is exactly ours, and an owned object
//!   refers to it or the journal has its name: what the caller knows
//! - shared objects: never as a whole; single entries by their label
//!
//! Nothing goes by prefix: `orange` is not `orange-new`. All instances of a cluster share its
//! marker, so the marker alone never tells whose a VsVip is.

use crate::common::Marker;
use crate::metadata::ServiceMetadata;
use crate::object::Ownership;
use crate::objects::Body;
use aviary_types::{DomainId, EcoString};
use std::collections::BTreeSet;

/// Begins the names of what AKO's Gateway API program makes; none of that is ours.
const GATEWAY_PREFIX: &str = "ako-gw-";

/// Whose an object is, seen from a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owned {
    /// Ours.
    Yes,
    /// Ours if an object of ours refers to it, or if its name was journalled before it was made.
    IfReferred,
    /// Nobody's; single entries of it may be ours.
    Entries,
    /// Another's: never written, never deleted.
    No,
}

impl Body {
    /// Whose the object is, seen from a domain.
    pub fn owner(&self, domain: &DomainId) -> Owned {
        let cluster = has_exactly(self.markers(), "clustername", domain.cluster.text());
        let user = domain.user();
        match self.kind().ownership() {
            Ownership::SharedEntries => Owned::Entries,
            _ if !cluster || self.name().starts_with(GATEWAY_PREFIX) => Owned::No,
            Ownership::CreatedBy => yes_if(self.created_by() == Some(&user)),
            Ownership::Markers => yes_if(has_exactly(self.markers(), "created_by", &user)),
            Ownership::MarkerAndReferrer => Owned::IfReferred,
        }
    }

    /// The domain whose object it is by its own marks.
    pub fn owner_among<'a>(
        &self,
        domains: impl IntoIterator<Item = &'a DomainId>,
    ) -> Option<&'a DomainId> {
        let mut domains = domains.into_iter();
        domains.find(|domain| self.owner(domain) == Owned::Yes)
    }

    /// Whether the object is a domain's, or has routes that the domain put there.
    pub fn is_partly_of(&self, domain: &DomainId) -> bool {
        let cluster = domain.cluster.text();
        match self {
            Self::VrfContext(vrf) if domain.instance.is_none() => {
                vrf.static_routes.iter().any(|route| route.is_of(cluster))
            }
            _ => self.owner(domain) == Owned::Yes,
        }
    }

    /// What the object's markers say about where it comes from.
    pub fn sources(&self) -> Sources<'_> {
        Sources {
            markers: self.markers(),
        }
    }

    /// What the object's `service_metadata` says about where it comes from.
    pub fn service_metadata(&self) -> Option<ServiceMetadata> {
        let text = match self {
            Self::VirtualService(body) => body.service_metadata.as_deref(),
            Self::Pool(body) => body.service_metadata.as_deref(),
            _ => None,
        };
        ServiceMetadata::parse(text?)
    }

    /// Every namespace that the object names as one of its sources: by marker, or as a contributor
    /// in its metadata.
    pub fn namespaces(&self) -> BTreeSet<EcoString> {
        let marked = self.sources().namespaces().iter().cloned();
        let metadata = self.service_metadata().unwrap_or_default();
        let services = metadata.namespace_svc_name.iter();
        let services = services.filter_map(|name| Some(name.split_once('/')?.0));
        let contributors = metadata.contributors().chain(services);
        // Pools that TLS is passed through to bear no marker of it.
        let own = Some(&metadata.namespace).filter(|own| !own.is_empty());
        let all = marked.chain(contributors.map(EcoString::from));
        all.chain(own.cloned()).collect()
    }
}

/// What the markers of an object name. Lists are empty where a marker is missing.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    markers: &'a [Marker],
}

impl<'a> Sources<'a> {
    /// Namespaces of the sources; one, but for what later versions may write.
    pub fn namespaces(self) -> &'a [EcoString] {
        self.values("Namespace")
    }

    /// Hosts that the object serves.
    pub fn hosts(self) -> &'a [EcoString] {
        self.values("Host")
    }

    /// Ingresses or Routes, by name, in the namespace.
    pub fn ingresses(self) -> &'a [EcoString] {
        self.values("IngressName")
    }

    /// Paths of the hosts.
    pub fn paths(self) -> &'a [EcoString] {
        self.values("Path")
    }

    /// The Service, by name, in the namespace.
    pub fn service(self) -> Option<&'a EcoString> {
        self.values("ServiceName").first()
    }

    /// The AviInfraSetting.
    pub fn infra_setting(self) -> Option<&'a EcoString> {
        self.values("InfrasettingName").first()
    }

    /// The values of any marker.
    pub fn values(self, key: &str) -> &'a [EcoString] {
        let mut markers = self.markers.iter();
        let marker = markers.find(|marker| marker.key == key);
        marker.map_or(&[], |marker| marker.values.as_slice())
    }
}

fn has_exactly(markers: &[Marker], key: &str, value: &str) -> bool {
    matches!(Sources { markers }.values(key), [only] if only == value)
}

fn yes_if(ours: bool) -> Owned {
    if ours { Owned::Yes } else { Owned::No }
}

#[cfg(test)]
mod tests;
