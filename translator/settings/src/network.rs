//! Section `NetworkSettings`.

use crate::address::{self, Cidr, NetworkRef};
use crate::notes::Spot;
use crate::reader::Reader;
use crate::setting::{Field, Setting, Shape};
use crate::{l4, read};
use serde::Serialize;
use serde_json::Value;

/// AKO takes no more rows of `nodeNetworkList`.
const NODE_NETWORKS_MAX: usize = 5;

/// Where virtual IPs are placed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct VipNetwork {
    /// The network. On AWS and Azure the name of a subnet.
    pub network: NetworkRef,
    /// The IPv4 subnet to take addresses from.
    pub cidr: Option<Cidr>,
    /// The IPv6 subnet to take addresses from.
    pub v6cidr: Option<Cidr>,
}

/// Where nodes are, for the placement of pools.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NodeNetwork {
    /// The network.
    pub network: NetworkRef,
    /// The nodes' subnets in it.
    pub cidrs: Vec<Cidr>,
}

/// What section `NetworkSettings` means for an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkSettings {
    /// `vipNetworkList`.
    pub vip_networks: Vec<VipNetwork>,
    /// `nodeNetworkList`.
    pub node_networks: Vec<NodeNetwork>,
    /// `enableRHI`.
    pub enable_rhi: bool,
    /// `bgpPeerLabels`; empty unless `enableRHI`.
    pub bgp_peer_labels: Vec<String>,
    /// `nsxtT1LR`.
    pub nsxt_t1lr: Option<String>,
    /// `defaultDomain` of this section, else that of `L4Settings`.
    pub default_domain: Option<String>,
}

const NETWORK_NAME: Field = Field::new(
    "networkName",
    Shape::Text("text"),
    "Name of the network; this or networkUUID.",
);
const NETWORK_UUID: Field = Field::new(
    "networkUUID",
    Shape::Text("text"),
    "Its uuid on the Controller; wins over networkName.",
);

pub(crate) static BGP_PEER_LABELS: Setting<Vec<String>> = Setting::new(
    "NetworkSettings.bgpPeerLabels",
    Shape::Texts("labels of BGP peers"),
    "[]",
    read::texts,
    "BGP peers that virtual IPs are announced to; needs `enableRHI`.",
)
.env("BGP_PEER_LABELS");

pub(crate) static DEFAULT_DOMAIN: Setting<String> = Setting::text(
    "NetworkSettings.defaultDomain",
    "\"\"",
    "DNS domain of generated names; wins over `L4Settings.defaultDomain`.",
)
.env("DEFAULT_DOMAIN");

pub(crate) static ENABLE_RHI: Setting<bool> = Setting::flag(
    "NetworkSettings.enableRHI",
    "false",
    "Announces virtual IPs by BGP (route health injection).",
)
.env("ENABLE_RHI");

pub(crate) static NODE_NETWORK_LIST: Setting<Vec<NodeNetwork>> = Setting::new(
    "NetworkSettings.nodeNetworkList",
    Shape::Rows(&[
        NETWORK_NAME,
        NETWORK_UUID,
        Field::new(
            "cidrs",
            Shape::Texts("networks"),
            "Subnets of the nodes in it.",
        ),
    ]),
    "[]",
    node_networks,
    "Networks of the nodes, at most 5: where Service Engines reach the pools (vCenter).",
)
.env("NODE_NETWORK_LIST");

pub(crate) static NSXT_T1_LR: Setting<String> = Setting::text(
    "NetworkSettings.nsxtT1LR",
    "\"\"",
    "On an NSX-T overlay cloud: path of the tier-1 router of virtual IPs and pools.",
)
.env("NSXT_T1_LR");

pub(crate) static VIP_NETWORK_LIST: Setting<Vec<VipNetwork>> = Setting::new(
    "NetworkSettings.vipNetworkList",
    Shape::Rows(&[
        NETWORK_NAME,
        NETWORK_UUID,
        Field::new(
            "cidr",
            Shape::Text("an IPv4 network"),
            "IPv4 subnet to take addresses from.",
        ),
        Field::new(
            "v6cidr",
            Shape::Text("an IPv6 network"),
            "IPv6 subnet to take addresses from.",
        ),
    ]),
    "[]",
    vip_networks,
    "Networks of virtual IPs: one, on AWS several.",
)
.env("VIP_NETWORK_LIST");

impl NetworkSettings {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let some = |text: String| (!text.is_empty()).then_some(text);
        let settings = Self {
            vip_networks: reader.get(&VIP_NETWORK_LIST),
            node_networks: reader.get(&NODE_NETWORK_LIST),
            enable_rhi: reader.get(&ENABLE_RHI),
            bgp_peer_labels: reader.get(&BGP_PEER_LABELS),
            nsxt_t1lr: some(reader.get(&NSXT_T1_LR)),
            default_domain: some(reader.get(&DEFAULT_DOMAIN))
                .or_else(|| some(reader.get_unheard(&l4::DEFAULT_DOMAIN))),
        };
        if !settings.bgp_peer_labels.is_empty() && !settings.enable_rhi {
            let text = "bgpPeerLabels need NetworkSettings.enableRHI: true";
            reader.conflict(&BGP_PEER_LABELS, &ENABLE_RHI, text);
        }
        settings
    }
}

fn vip_networks(value: &Value, spot: &mut Spot<'_>) -> Option<Vec<VipNetwork>> {
    read::rows(value, spot, |row, spot| {
        let network = address::network_ref(row, spot);
        let cidr = read::field(row, "cidr", spot, address::cidr_v4);
        let v6cidr = read::field(row, "v6cidr", spot, address::cidr_v6);
        Some(VipNetwork {
            network: network?,
            cidr,
            v6cidr,
        })
    })
}

fn node_networks(value: &Value, spot: &mut Spot<'_>) -> Option<Vec<NodeNetwork>> {
    let networks = read::rows(value, spot, |row, spot| {
        let network = address::network_ref(row, spot);
        let cidrs = read::field(row, "cidrs", spot, address::cidrs).unwrap_or_default();
        Some(NodeNetwork {
            network: network?,
            cidrs,
        })
    })?;
    if networks.len() > NODE_NETWORKS_MAX {
        return spot.refuse(value, format!("at most {NODE_NETWORKS_MAX} rows"));
    }
    Some(networks)
}
