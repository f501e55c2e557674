//! What all bodies of one domain and tenant have in common.

use crate::claims::Lost;
use crate::shards::names_of;
use aviary_avi::checksum;
use aviary_avi::common::Subnet;
use aviary_avi::names::{Names, distinct, is_shard_name};
use aviary_avi::pool::PlacementNetwork;
use aviary_avi::{AviKey, AviKind, Body, DesiredObject, Inventory, Marker, Presence, Ref};
use aviary_kinds::Env;
use aviary_kinds::avi_infra_setting::{AviInfraSetting, Infra, Listener};
use aviary_settings::{InstanceSettings, NetworkRef, NodeNetwork, VipNetwork};
use aviary_types::{
    Bound, Digest, EcoString, Host, Origin, Provenance, Role, TenantName, eco_format,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes the objects of one domain in one tenant.
pub(crate) struct Maker<'a> {
    pub(crate) env: &'a Env,
    pub(crate) names: Names,
    pub(crate) tenant: TenantName,
    /// The AviInfraSetting that holds.
    infra: Option<Arc<Infra>>,
    /// Names that an older source has.
    lost: Option<&'a Lost>,
    /// Where the tenant and what else the objects have in common are said.
    common: Arc<[Bound]>,
}

impl<'a> Maker<'a> {
    /// Makes objects in this tenant, which is said there.
    pub(crate) fn new(env: &'a Env, tenant: &TenantName, tenant_at: Origin) -> Self {
        Self {
            env,
            names: names_of(env),
            tenant: tenant.clone(),
            infra: None,
            lost: None,
            common: [(Role::Tenant, tenant_at), (Role::Vrf, vrf_origin(env))].into(),
        }
    }

    /// A maker of objects that stand as an AviInfraSetting says.
    pub(crate) fn under(mut self, infra: Option<&Arc<Infra>>) -> Self {
        let Some(infra) = infra else {
            return self;
        };
        if let Some(prefix) = infra.prefix() {
            self.names = self.names.with_infra(prefix);
        }
        let said = infra.said();
        self.common = self.common.iter().cloned().chain(said).collect();
        self.infra = Some(infra.clone());
        self
    }

    /// A maker that keeps off the names that an older source has.
    pub(crate) fn without(mut self, lost: &'a Lost) -> Self {
        self.lost = Some(lost);
        self
    }

    /// The key of an object of ours.
    pub(crate) fn key(&self, kind: AviKind, name: &EcoString) -> AviKey {
        AviKey {
            kind,
            tenant: self.tenant.clone(),
            cloud: EcoString::new(),
            name: name.clone(),
        }
    }

    /// Whether an older source has the name, for one of these kinds. Names of shard parents are
    /// nobody else's.
    pub(crate) fn is_lost(&self, kinds: &[AviKind], name: &EcoString) -> bool {
        let lost = |lost: &Lost| {
            let mut keys = kinds.iter().map(|kind| self.key(*kind, name));
            keys.any(|key| lost.names.contains(&key))
        };
        is_shard_name(name) || self.lost.is_some_and(lost)
    }

    /// The child virtual service of a secure host; also its certificate.
    pub(crate) fn child(&self, host: &Host) -> EcoString {
        let name = self.names.child(host.as_str());
        if self.is_lost(
            &[AviKind::VirtualService, AviKind::SslKeyAndCertificate],
            &name,
        ) {
            distinct(&name, &eco_format!("{} {host}", self.env.domain))
        } else {
            name
        }
    }

    pub(crate) fn settings(&self) -> &InstanceSettings {
        &self.env.settings
    }

    pub(crate) fn inventory(&self) -> &Inventory {
        &self.env.inventory
    }

    pub(crate) fn created_by(&self) -> EcoString {
        self.env.domain.user()
    }

    pub(crate) fn tenant_ref(&self) -> Ref {
        Ref::tenant(self.tenant.text().clone())
    }

    pub(crate) fn cloud_ref(&self) -> Ref {
        Ref::plain("cloud", self.settings().controller.cloud.as_str())
    }

    /// The Service Engine group of what has an address of its own.
    pub(crate) fn se_group_ref(&self) -> Ref {
        let asked = self.said().and_then(|said| said.se_group.as_deref());
        asked.map_or_else(
            || self.own_se_group_ref(),
            |group| Ref::plain("serviceenginegroup", group),
        )
    }

    /// The Service Engine group of the instance, which children have whatever their parent's is.
    pub(crate) fn own_se_group_ref(&self) -> Ref {
        let group = self.settings().controller.service_engine_group.as_str();
        Ref::plain("serviceenginegroup", group)
    }

    /// The VRF; objects behind a tier-1 router have none.
    pub(crate) fn vrf_ref(&self) -> Option<Ref> {
        self.own_vrf_ref().filter(|_| self.t1lr().is_none())
    }

    /// The VRF, which children have whatever their parent is behind.
    pub(crate) fn own_vrf_ref(&self) -> Option<Ref> {
        let vrf = self.vrf();
        (!vrf.is_empty()).then(|| Ref::plain("vrfcontext", vrf))
    }

    pub(crate) fn vrf(&self) -> &str {
        &self.inventory().vrf
    }

    /// The tier-1 router of an NSX-T cloud.
    pub(crate) fn t1lr(&self) -> Option<EcoString> {
        let asked = self.said().and_then(|said| said.t1lr.clone());
        let own = || self.settings().network.nsxt_t1lr.as_deref();
        asked.or_else(|| own().map(EcoString::from))
    }

    /// What the AviInfraSetting says, if one holds.
    fn said(&self) -> Option<&AviInfraSetting> {
        self.infra.as_ref().map(|infra| &infra.setting)
    }

    /// Where addresses come from.
    pub(crate) fn vip_networks(&self) -> &[VipNetwork] {
        let asked = self.said().map(|said| said.vip_networks.as_slice());
        let asked = asked.filter(|networks| !networks.is_empty());
        asked.unwrap_or(&self.settings().network.vip_networks)
    }

    /// Whether addresses are announced.
    pub(crate) fn enable_rhi(&self) -> bool {
        let asked = self.said().and_then(|said| said.enable_rhi);
        asked.unwrap_or(self.settings().network.enable_rhi)
    }

    /// The peers that addresses are announced to, where they are.
    pub(crate) fn bgp_peer_labels(&self) -> Vec<EcoString> {
        if !self.enable_rhi() {
            return Vec::new();
        }
        let asked = self.said().map(|said| said.bgp_peer_labels.clone());
        asked
            .filter(|labels| !labels.is_empty())
            .unwrap_or_else(|| {
                let labels = self.settings().network.bgp_peer_labels.iter();
                labels.map(|label| label.as_str().into()).collect()
            })
    }

    /// Whether a public address is asked for, on clouds that have some.
    pub(crate) fn public_ip(&self) -> Option<bool> {
        let is_public = matches!(
            self.inventory().cloud_type.as_str(),
            "CLOUD_AWS" | "CLOUD_AZURE" | "CLOUD_GCP" | "CLOUD_OPENSTACK"
        );
        self.said()?.public_ip.filter(|_| is_public)
    }

    /// The listeners that an AviInfraSetting adds.
    pub(crate) fn more_listeners(&self) -> &[Listener] {
        self.said().map_or(&[], |said| &said.listeners)
    }

    /// The marker of what is named after an AviInfraSetting.
    pub(crate) fn infra_marker(&self) -> Option<Marker> {
        let prefix = self.infra.as_ref().and_then(|infra| infra.prefix());
        prefix.map(|name| Marker::one("InfrasettingName", name.clone()))
    }

    /// The networks of nodes that pools name, on clouds that place by network.
    pub(crate) fn placement_networks(&self) -> Vec<PlacementNetwork> {
        if !self.inventory().places_pools() {
            return Vec::new();
        }
        let networks = self.node_networks().iter();
        networks.flat_map(placements).collect()
    }

    /// The same for AKO's checksum, which counts them on all clouds.
    pub(crate) fn configured_placement(&self) -> BTreeMap<EcoString, checksum::NodeNetwork> {
        let networks = self.node_networks().iter();
        networks.map(configured).collect()
    }

    fn node_networks(&self) -> &[NodeNetwork] {
        let asked = self.said().map(|said| said.node_networks.as_slice());
        let asked = asked.filter(|networks| !networks.is_empty());
        asked.unwrap_or(&self.settings().network.node_networks)
    }

    /// Markers in their fixed order: the cluster, then what is given.
    pub(crate) fn markers(&self, more: Vec<Marker>) -> Vec<Marker> {
        let mut markers = vec![Marker::cluster(&self.env.domain)];
        markers.extend(more);
        markers
    }

    /// A body with its key, digest and provenance.
    pub(crate) fn object(
        &self,
        body: impl Into<Body>,
        provenance: Provenance,
        presence: Presence,
    ) -> Arc<DesiredObject> {
        let body = body.into();
        let key = AviKey::of(&body, &self.tenant);
        // The key is part of the identity: two objects of equal bodies are two members of the set.
        let digest = Digest::of_value(&(&key, &body));
        Arc::new(DesiredObject {
            key,
            domain: self.env.domain.clone(),
            digest,
            body: Arc::new(body),
            provenance: Arc::new(provenance.done(&self.common)),
            presence,
        })
    }
}

fn vrf_origin(env: &Env) -> Origin {
    match env.settings.controller.vrf {
        Some(_) if env.inventory.has_named_vrfs() => Origin::Setting("ControllerSettings.vrfName"),
        _ => Origin::Controller("VRF of the network of virtual IPs"),
    }
}

fn configured(network: &NodeNetwork) -> (EcoString, checksum::NodeNetwork) {
    let (key, uuid) = match &network.network {
        NetworkRef::Name(name) => (name.as_str(), ""),
        NetworkRef::Uuid(uuid) => (uuid.as_str(), uuid.as_str()),
    };
    let cidrs = network.cidrs.iter().map(|cidr| eco_format!("{cidr}"));
    let network = checksum::NodeNetwork {
        uuid: uuid.into(),
        cidrs: cidrs.collect(),
    };
    (key.into(), network)
}

fn placements(network: &NodeNetwork) -> impl Iterator<Item = PlacementNetwork> {
    let subnets = network.cidrs.iter();
    let subnets = subnets.filter_map(|cidr| Subnet::parse(&cidr.to_string()));
    subnets.map(|subnet| PlacementNetwork {
        network_ref: network_ref(&network.network),
        subnet,
    })
}

/// A network, by name or uuid.
pub(crate) fn network_ref(network: &NetworkRef) -> Ref {
    match network {
        NetworkRef::Name(name) => Ref::slash("network", name.as_str()),
        NetworkRef::Uuid(uuid) => Ref::by_uuid("network", uuid.as_str()),
    }
}
