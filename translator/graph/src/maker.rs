//! What all bodies of one domain and tenant have in common.

use crate::claims::Lost;
use crate::shards::names_of;
use aviary_avi::names::{INSECURE_TWIN, Names, distinct};
use aviary_avi::{AviKey, AviKind, Body, DesiredObject, Inventory, Marker, Presence, Ref};
use aviary_kinds::Env;
use aviary_settings::InstanceSettings;
use aviary_types::{
    Bound, Digest, EcoString, Host, Origin, Provenance, Role, TenantName, eco_format,
};
use std::sync::Arc;

/// Makes the objects of one domain in one tenant.
pub(crate) struct Maker<'a> {
    pub(crate) env: &'a Env,
    pub(crate) names: Names,
    pub(crate) tenant: TenantName,
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
            lost: None,
            common: [(Role::Tenant, tenant_at), (Role::Vrf, vrf_origin(env))].into(),
        }
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

    pub(crate) fn se_group_ref(&self) -> Ref {
        let group = self.settings().controller.service_engine_group.as_str();
        Ref::plain("serviceenginegroup", group)
    }

    /// The VRF; objects behind a tier-1 router have none.
    pub(crate) fn vrf_ref(&self) -> Option<Ref> {
        let vrf = self.vrf();
        (self.t1lr().is_none() && !vrf.is_empty()).then(|| Ref::plain("vrfcontext", vrf))
    }

    pub(crate) fn vrf(&self) -> &str {
        self.settings()
            .controller
            .vrf
            .as_deref()
            .unwrap_or(&self.inventory().vrf)
    }

    pub(crate) fn t1lr(&self) -> Option<EcoString> {
        self.settings()
            .network
            .nsxt_t1lr
            .as_deref()
            .map(EcoString::from)
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
        Some(_) => Origin::Setting("ControllerSettings.vrfName"),
        None => Origin::Controller("VRF of the network of virtual IPs"),
    }
}

/// Whether only a parent can have this name, or its twin that listens on port 80.
fn is_shard_name(name: &str) -> bool {
    let name = name.strip_suffix(INSECURE_TWIN).unwrap_or(name);
    let kinds = ["Shared-L7-", "Shared-Passthrough-"].into_iter();
    let mut numbers = kinds.filter_map(|kind| Some(name.rsplit_once(kind)?.1));
    numbers.any(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}
