//! Which of its addresses a node is reached at.

use super::Node;
use crate::env::Env;
use crate::view::View;
use crate::{block_affinity, cilium_node, host_subnet};
use aviary_settings::CniPlugin;
use aviary_types::{EcoString, ObjectKey, Place};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Addresses of the node's tunnel, by Antrea: a list.
pub(super) const ANTREA: &str = "node.antrea.io/transport-addresses";
/// The node's address, by Calico: with the length of its network.
pub(super) const CALICO_V4: &str = "projectcalico.org/IPv4Address";
/// The same of IPv6.
pub(super) const CALICO_V6: &str = "projectcalico.org/IPv6Address";

const ANTREA_AT: &str = "metadata.annotations['node.antrea.io/transport-addresses']";
const CALICO_V4_AT: &str = "metadata.annotations['projectcalico.org/IPv4Address']";
const CALICO_V6_AT: &str = "metadata.annotations['projectcalico.org/IPv6Address']";
const INTERNAL_AT: &str = "status.addresses[{0}].address";

/// What network plugins say of a node's addresses. Only that of the plugin in use counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Written {
    antrea: Vec<EcoString>,
    calico_v4: Option<EcoString>,
    calico_v6: Option<EcoString>,
}

/// An address of a node, with where it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) address: &'a EcoString,
    form: &'static str,
    at: u32,
}

impl Found<'_> {
    /// Where it is written.
    pub(super) fn place(&self, node: &Arc<ObjectKey>) -> Place {
        Place::at(node, self.form, [self.at, 0])
    }
}

impl Written {
    pub(super) fn read(annotations: &BTreeMap<EcoString, EcoString>) -> Self {
        let calico = |name: &str| {
            let address = annotations.get(name)?.split('/').next()?;
            Some(EcoString::from(address.trim()))
        };
        let antrea = annotations.get(ANTREA).into_iter();
        Self {
            antrea: antrea
                .flat_map(|list| list.split(','))
                .map(|address| address.trim().into())
                .collect(),
            calico_v4: calico(CALICO_V4),
            calico_v6: calico(CALICO_V6),
        }
    }

    /// Addresses by the plugin in use. Of several that one writes, AKO takes the last.
    fn by(&self, plugin: CniPlugin) -> Vec<(&'static str, &EcoString)> {
        match plugin {
            CniPlugin::Calico => {
                let v4 = self.calico_v4.iter().map(|it| (CALICO_V4_AT, it));
                let v6 = self.calico_v6.iter().map(|it| (CALICO_V6_AT, it));
                v4.chain(v6).collect()
            }
            CniPlugin::Antrea => {
                let last_first = self.antrea.iter().rev();
                last_first.map(|it| (ANTREA_AT, it)).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Node {
    /// The node's address of a family, where the domain uses that family: as the network plugin in
    /// use writes it, else the first internal one.
    pub(super) fn address(&self, env: &Env, v6: bool) -> Option<Found<'_>> {
        let families = env.families();
        let fits = |address: &EcoString| {
            let is_v6 = address.parse().map(|address: IpAddr| address.is_ipv6());
            is_v6 == Ok(v6) && families.use_address(address)
        };
        let written = self.written.by(env.settings.ako.cni_plugin);
        let written = written.into_iter().find(|(_, address)| fits(address));
        let written = written.map(|(form, address)| Found {
            address,
            form,
            at: 0,
        });
        written.or_else(|| {
            let internal = self.addresses.iter().find(|(_, address)| fits(address));
            internal.map(|(at, address)| Found {
                address,
                form: INTERNAL_AT,
                at: *at,
            })
        })
    }

    /// The networks of the node's pods, as written, and where: the network plugin in use says where it
    /// writes them.
    pub(super) fn networks(
        &self,
        view: &dyn View,
        key: &Arc<ObjectKey>,
    ) -> Vec<(EcoString, Place)> {
        let (cidrs, form) = match view.env().settings.ako.cni_plugin {
            CniPlugin::Calico => return block_affinity::networks(view, key),
            CniPlugin::Openshift => return host_subnet::networks(view, key),
            CniPlugin::Cilium => return cilium_node::networks(view, key),
            CniPlugin::OvnKubernetes => (
                &self.ovn_cidrs,
                "metadata.annotations['k8s.ovn.org/node-subnets']",
            ),
            _ => (&self.pod_cidrs, self.pod_cidrs_at),
        };
        let place = |at| Place::at(key, form, [at, 0]);
        let cidrs = (0..).zip(cidrs);
        cidrs.map(|(at, cidr)| (cidr.clone(), place(at))).collect()
    }
}
