//! Several Services of a namespace behind one address: those whose annotation
//! `ako.vmware.com/enable-shared-vip` has the same value.
//!
//! As with AKO they are served together or not at all: they must agree on address, AviInfraSetting
//! and L4Rule, and all must be ours. The oldest one counts; another that asks for no address takes
//! the oldest one's. The objects stand in the instance's own tenant, whatever the Namespace asks for.

use super::Service;
use super::effect::{
    L4Draft, L4Member, L4Port, address_said, bound, has_our_class, member, ports, said,
};
use crate::avi_infra_setting;
use crate::namespace;
use crate::view::{Entry, IndexKey, View};
use aviary_types::{
    ClusterName, Code, EcoString, Finding, Namespace, ObjectKey, Origin, Role, eco_format,
};
use std::sync::Arc;

const INDEX: &str = "service.shared_vip";
const HINT: &str = "give all Services of the VIP the same class, loadBalancerIP and annotations";

/// The VIP that Services of a namespace share under a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharedVip {
    /// The cluster.
    pub cluster: ClusterName,
    /// The namespace.
    pub namespace: Namespace,
    /// The value of the annotation.
    pub key: EcoString,
}

impl SharedVip {
    /// The VIP that a Service shares.
    pub(super) fn of(key: &ObjectKey, service: &Service) -> Option<Self> {
        let asks = service.asks_for_load_balancer();
        asks.then_some(service.shared_vip.as_ref()?)
            .map(|shared| Self {
                cluster: key.cluster.clone(),
                namespace: key.namespace.clone(),
                key: shared.clone(),
            })
    }

    /// Where its Services are found.
    pub(super) fn index(&self) -> IndexKey {
        let Self {
            cluster,
            namespace,
            key,
        } = self;
        IndexKey::new(cluster, INDEX, eco_format!("{namespace}/{key}"))
    }

    /// The VIP whose Services an index value finds, if it is one of that index.
    pub fn of_index(index: &IndexKey) -> Option<Self> {
        let (namespace, key) = index.value.split_once('/')?;
        (index.index == INDEX).then(|| Self {
            cluster: index.cluster.clone(),
            namespace: namespace.into(),
            key: key.into(),
        })
    }
}

/// Evaluates all Services of a shared VIP; `None` where it is not served.
pub fn shared_load_balancer(
    view: &dyn View,
    vip: &SharedVip,
    findings: &mut Vec<Finding>,
) -> Option<L4Draft> {
    let settings = &view.env().settings;
    let mut entries = view.lookup(vip.index());
    namespace::tenant(view, vip.namespace.as_str()).filter(|_| !settings.ako.layer7_only)?;
    entries.sort_by(|a, b| a.seniority().cmp(&b.seniority()));
    let services = || entries.iter().filter_map(service);
    let oldest = services().next()?;
    let mut odd = services().filter_map(|it| Some((it, difference(view, oldest, it)?)));
    if let Some(((other, _), what)) = odd.next() {
        let ours = services().filter(|(_, service)| has_our_class(view, service));
        findings.extend(ours.map(|(key, _)| {
            let text = eco_format!(
                "the Services of shared VIP {} must agree, but the {what} of {} differs; none is served",
                vip.key,
                other.name
            );
            Finding::new(key, Code::SharedVipDiffers, text, HINT)
        }));
        return None;
    }
    let (source, annotation) = (oldest.0, oldest.1.infra_setting.as_ref());
    let (infra, waits_for) = bound(avi_infra_setting::of_service(
        view, source, annotation, findings,
    ));
    let mut members: Vec<L4Member> = Vec::new();
    let mut all = Vec::new();
    let mut places = vec![(
        Role::Tenant,
        Origin::Setting("ControllerSettings.tenantName"),
    )];
    for (key, service) in services() {
        let source = Arc::new(key.clone());
        members.push(member(view, &source, service));
        let names = said(&source, service).into_iter();
        places.extend(names.filter(|(role, _)| *role == Role::Name));
        let asks = service.address.is_some() && members.len() == 1;
        places.extend(asks.then(|| address_said(&source, service)));
        let ports = ports(view, &source, service, findings);
        claim(&mut all, ports, findings);
    }
    // As with AKO: by protocol and port as one text.
    all.sort_by_cached_key(|it| eco_format!("{}-{}", it.port.protocol, it.port.port));
    (!all.is_empty()).then(|| L4Draft {
        namespace: vip.namespace.clone(),
        name: vip.key.clone(),
        is_shared: true,
        said: places,
        tenant: settings.controller.tenant.clone(),
        members,
        ports: all,
        address: oldest.1.address.clone(),
        application_profile: None,
        infra,
        waits_for,
        traffic_enabled: None,
    })
}

fn service(entry: &Arc<Entry>) -> Option<(&ObjectKey, &Service)> {
    Some((&entry.key, (&entry.fact).try_into().ok()?))
}

/// In what a Service differs from the oldest one, if that keeps the VIP from being served.
fn difference(
    view: &dyn View,
    (_, oldest): (&ObjectKey, &Service),
    (_, service): (&ObjectKey, &Service),
) -> Option<&'static str> {
    let asks = service.address.is_some();
    if !has_our_class(view, service) {
        Some("class")
    } else if asks && service.address != oldest.address {
        Some("address")
    } else if service.infra_setting != oldest.infra_setting {
        Some("AviInfraSetting")
    } else if service.references != oldest.references {
        Some("L4Rule")
    } else {
        None
    }
}

/// Adds a Service's ports to those that older ones have.
fn claim(all: &mut Vec<L4Port>, ports: Vec<L4Port>, findings: &mut Vec<Finding>) {
    for port in ports {
        let (number, protocol) = (port.port.port, &port.port.protocol);
        let mut known = all.iter();
        let owner = known.find(|it| it.port.port == number && it.port.protocol == *protocol);
        let Some(owner) = owner else {
            all.push(port);
            continue;
        };
        let text = eco_format!(
            "port {number}/{protocol} of the shared VIP belongs to Service {}, which is older",
            owner.at.object.namespaced_name()
        );
        findings.push(Finding::new(
            &port.at.object,
            Code::PortClaimed,
            text,
            "take another port, or a VIP of its own",
        ));
    }
}
