//! What is evaluated on its own.

use aviary_kinds::service::SharedVip;
use aviary_types::{DomainId, Host, ObjectKey};

/// One piece of translation whose result is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitKey {
    /// One host of one domain, with all Ingresses that name it.
    Host(DomainId, Host),
    /// One Service of type LoadBalancer.
    L4(DomainId, ObjectKey),
    /// All Services that share a VIP.
    SharedVip(DomainId, SharedVip),
    /// One AviInfraSetting: whether it can be used, and the label of its SE group.
    Setting(DomainId, ObjectKey),
    /// Static routes and the SE group's label.
    Routes(DomainId),
}

impl UnitKey {
    /// The domain that it belongs to.
    pub fn domain(&self) -> &DomainId {
        match self {
            Self::Host(domain, _)
            | Self::L4(domain, _)
            | Self::SharedVip(domain, _)
            | Self::Setting(domain, _)
            | Self::Routes(domain) => domain,
        }
    }
}
