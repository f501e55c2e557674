//! Which AviInfraSetting holds for an Ingress or a Service, and what becomes of those whose cannot
//! be used.

use super::check::{Checked, check};
use super::{ANNOTATION, AviInfraSetting, KIND};
use crate::view::View;
use crate::{ingress_class, namespace};
use aviary_types::{
    Code, EcoString, Finding, Host, Namespace, ObjectKey, Origin, Place, Role, eco_format,
};
use std::sync::Arc;

/// An AviInfraSetting that holds for somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Infra {
    /// The object.
    pub source: Arc<ObjectKey>,
    /// Whether its name is part of the names of objects. That of the namespace's own is not.
    pub named: bool,
    /// What it says.
    pub setting: AviInfraSetting,
}

/// What holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Binding {
    /// The settings for all.
    None,
    /// An AviInfraSetting.
    To(Arc<Infra>),
    /// One that does not exist. Told.
    Missing,
    /// One that names what the Controller does not have. Told.
    Rejected(ObjectKey),
    /// One that names what was not looked for on the Controller yet.
    Unchecked(ObjectKey),
}

/// What is told where a host stands as one AviInfraSetting says, and its object asks for another.
pub fn differs(
    source: &ObjectKey,
    host: &Host,
    (ruling, asked): (&Arc<ObjectKey>, &Arc<ObjectKey>),
) -> Finding {
    Finding::new(
        source,
        Code::SettingDiffers,
        eco_format!(
            "host {host} stands as AviInfraSetting {} of an older object says, not as {}",
            ruling.name,
            asked.name
        ),
        "give the namespace a tenant of its own, or name the setting by a class",
    )
}

/// What holds for an Ingress: the setting that its class names, else that of its Namespace.
pub fn of_ingress(
    view: &dyn View,
    source: &ObjectKey,
    class: Option<&EcoString>,
    findings: &mut Vec<Finding>,
) -> Binding {
    let own = namespace::infra_setting(view, source.namespace.as_str());
    let by_class = ingress_class::infra_setting(view, &source.cluster, class);
    let named = by_class.is_some() && by_class != own;
    let Some(name) = by_class.or(own) else {
        return Binding::None;
    };
    let binding = resolve(view, source, &name, named);
    let (code, text) = match &binding {
        Binding::Missing => (
            Code::SettingMissing,
            eco_format!("AviInfraSetting {name} does not exist; the hosts are not served"),
        ),
        Binding::Rejected(_) => (
            Code::SettingRejected,
            eco_format!("AviInfraSetting {name} is rejected; what stands stays as it is"),
        ),
        _ => return binding,
    };
    findings.push(Finding::new(source, code, text, HINT));
    binding
}

/// What holds for a Service of type LoadBalancer: the setting that its annotation names, else that of
/// its Namespace. One that cannot be used counts as none, as with AKO.
pub fn of_service(
    view: &dyn View,
    source: &ObjectKey,
    annotation: Option<&EcoString>,
    findings: &mut Vec<Finding>,
) -> Binding {
    let own = || namespace::infra_setting(view, source.namespace.as_str());
    let Some(name) = annotation.cloned().or_else(own) else {
        return Binding::None;
    };
    let (code, what) = match resolve(view, source, &name, false) {
        Binding::Missing => (Code::SettingMissing, "does not exist"),
        Binding::Rejected(_) => (Code::SettingRejected, "is rejected"),
        binding => return binding,
    };
    let text =
        eco_format!("AviInfraSetting {name} {what}; the Service is served by the settings for all");
    findings.push(Finding::new(source, code, text, HINT));
    Binding::None
}

/// What a Namespace's own setting comes to, for whoever in it names no other.
pub fn of_namespace(view: &dyn View, namespace: &Namespace) -> Binding {
    let source = namespace::key(&view.env().domain.cluster, namespace);
    let named = namespace::infra_setting(view, namespace.as_str());
    named.map_or(Binding::None, |name| resolve(view, &source, &name, false))
}

const HINT: &str = "correct the AviInfraSetting, or name another";

fn resolve(view: &dyn View, source: &ObjectKey, name: &EcoString, named: bool) -> Binding {
    let key = ObjectKey::new(&source.cluster, KIND, "", name.clone());
    let Some(entry) = view.get(&key) else {
        return Binding::Missing;
    };
    let Ok(setting) = <&AviInfraSetting>::try_from(&entry.fact) else {
        return Binding::Missing;
    };
    match check(view, setting) {
        Checked::Accepted => Binding::To(Arc::new(Infra {
            source: Arc::new(key),
            named,
            setting: setting.clone(),
        })),
        Checked::Rejected(_) => Binding::Rejected(key),
        Checked::Unknown => Binding::Unchecked(key),
    }
}

impl Infra {
    /// Its name, where that is part of the names of objects.
    pub fn prefix(&self) -> Option<&EcoString> {
        self.named.then_some(&self.source.name)
    }

    /// Where what it says stands, by what it sets.
    pub fn said(&self) -> Vec<(Role, Origin)> {
        let AviInfraSetting {
            se_group,
            vip_networks,
            node_networks,
            enable_rhi,
            bgp_peer_labels,
            public_ip,
            listeners,
            shard_size,
            t1lr,
            reported: _,
        } = &self.setting;
        let all = [
            (self.named, Role::Infra, ""),
            (se_group.is_some(), Role::SeGroup, "spec.seGroup.name"),
            (
                !vip_networks.is_empty(),
                Role::VipNetwork,
                "spec.network.vipNetworks",
            ),
            (
                !node_networks.is_empty(),
                Role::NodeNetwork,
                "spec.network.nodeNetworks",
            ),
            (enable_rhi.is_some(), Role::Rhi, "spec.network.enableRhi"),
            (
                !bgp_peer_labels.is_empty(),
                Role::Peers,
                "spec.network.bgpPeerLabels",
            ),
            (
                public_ip.is_some(),
                Role::PublicIp,
                "spec.network.enablePublicIP",
            ),
            (
                !listeners.is_empty(),
                Role::Listener,
                "spec.network.listeners",
            ),
            (
                shard_size.is_some(),
                Role::ShardSize,
                "spec.l7Settings.shardSize",
            ),
            (t1lr.is_some(), Role::Tier1, "spec.nsxSettings.t1lr"),
        ];
        let said = all.into_iter().filter(|(is_said, ..)| *is_said);
        said.map(|(_, role, path)| (role, Place::new(&self.source, path).into()))
            .collect()
    }
}

/// The annotation's key, as a place.
pub(crate) const ANNOTATION_AT: &str =
    "metadata.annotations['aviinfrasetting.ako.vmware.com/name']";

const _: () = assert!(ANNOTATION_AT.len() == ANNOTATION.len() + "metadata.annotations['']".len());
