//! From the object to the fact.

use super::{AviInfraSetting, Listener};
use crate::room::{Parsed, RawObject, read_schema};
use crate::status::Reported;
use aviary_settings::{Cidr, NetworkRef, NodeNetwork, ShardSize, VipNetwork};
use aviary_types::{Code, EcoString, Finding, eco_format};
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Schema {
    spec: Spec,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    se_group: SeGroup,
    network: Network,
    l7_settings: L7Settings,
    nsx_settings: NsxSettings,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SeGroup {
    name: EcoString,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Network {
    vip_networks: Vec<VipRow>,
    node_networks: Vec<NodeRow>,
    enable_rhi: Option<bool>,
    #[serde(rename = "enablePublicIP")]
    enable_public_ip: Option<bool>,
    bgp_peer_labels: Vec<EcoString>,
    listeners: Vec<ListenerRow>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct VipRow {
    network_name: String,
    #[serde(rename = "networkUUID")]
    network_uuid: String,
    cidr: String,
    v6cidr: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct NodeRow {
    network_name: String,
    #[serde(rename = "networkUUID")]
    network_uuid: String,
    cidrs: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ListenerRow {
    port: u16,
    #[serde(rename = "enableSSL")]
    enable_ssl: bool,
    #[serde(rename = "enableHTTP2")]
    enable_http2: bool,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct L7Settings {
    shard_size: EcoString,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NsxSettings {
    t1lr: Option<EcoString>,
}

/// What cannot be used of a spec, and what to do about it.
type Fault = (EcoString, &'static str);

/// Nothing of a spec with a fault is used: half of it would place load balancers where nobody asked
/// for them.
pub(super) fn parse(object: &RawObject) -> Parsed<AviInfraSetting> {
    let schema: Result<Schema, Finding> = read_schema(object);
    let fact = schema.and_then(|schema| {
        read(schema.spec)
            .map_err(|(text, hint)| Finding::new(&object.key, Code::InvalidSpec, text, hint))
    });
    let told = fact.map(|fact| AviInfraSetting {
        reported: Reported::read(&object.json),
        ..fact
    });
    told.into()
}

fn read(spec: Spec) -> Result<AviInfraSetting, Fault> {
    let Network {
        vip_networks,
        node_networks,
        enable_rhi,
        enable_public_ip,
        bgp_peer_labels,
        listeners,
    } = spec.network;
    if !bgp_peer_labels.is_empty() && enable_rhi != Some(true) {
        let text = "spec.network.bgpPeerLabels stand without enableRhi: true";
        return Err((
            text.into(),
            "set spec.network.enableRhi to true, or take the labels out",
        ));
    }
    if !listeners.is_empty() && listeners.iter().all(|listener| !listener.enable_ssl) {
        let text = "none of spec.network.listeners has TLS";
        return Err((text.into(), "set enableSSL on one of the listeners"));
    }
    let vip_networks = vip_networks.into_iter().map(vip_network);
    let node_networks = node_networks.into_iter().map(node_network);
    Ok(AviInfraSetting {
        se_group: Some(spec.se_group.name).filter(|name| !name.is_empty()),
        vip_networks: vip_networks.collect::<Result<_, _>>()?,
        node_networks: node_networks.collect::<Result<_, _>>()?,
        enable_rhi,
        bgp_peer_labels,
        public_ip: enable_public_ip,
        listeners: listeners.iter().map(listener).collect::<Result<_, _>>()?,
        shard_size: shard_size(&spec.l7_settings.shard_size)?,
        t1lr: spec.nsx_settings.t1lr.filter(|router| !router.is_empty()),
        reported: Reported::default(),
    })
}

fn vip_network(row: VipRow) -> Result<VipNetwork, Fault> {
    let of_family = |text: &str, v6: bool| {
        let fits = |cidr: &Cidr| cidr.address.is_ipv6() == v6;
        if text.is_empty() {
            Ok(None)
        } else {
            Cidr::parse(text)
                .filter(fits)
                .map(Some)
                .ok_or_else(|| no_cidr(text))
        }
    };
    Ok(VipNetwork {
        network: network(row.network_name, row.network_uuid)?,
        cidr: of_family(&row.cidr, false)?,
        v6cidr: of_family(&row.v6cidr, true)?,
    })
}

fn node_network(row: NodeRow) -> Result<NodeNetwork, Fault> {
    let cidrs = row.cidrs.iter();
    let cidrs = cidrs.map(|text| Cidr::parse(text).ok_or_else(|| no_cidr(text)));
    Ok(NodeNetwork {
        network: network(row.network_name, row.network_uuid)?,
        cidrs: cidrs.collect::<Result<_, _>>()?,
    })
}

fn no_cidr(text: &str) -> Fault {
    (
        eco_format!("\"{text}\" is no subnet of its family"),
        "write a network and the length of its mask, such as 10.10.0.0/20",
    )
}

/// The uuid counts where both stand.
fn network(name: String, uuid: String) -> Result<NetworkRef, Fault> {
    if !uuid.is_empty() {
        Ok(NetworkRef::Uuid(uuid))
    } else if name.is_empty() {
        Err((
            "a network is named neither by networkName nor by networkUUID".into(),
            "name the network",
        ))
    } else {
        Ok(NetworkRef::Name(name))
    }
}

fn listener(row: &ListenerRow) -> Result<Listener, Fault> {
    if row.port == 0 {
        return Err(("a listener has no port".into(), "give each listener a port"));
    }
    Ok(Listener {
        port: row.port,
        tls: row.enable_ssl,
        http2: row.enable_http2,
    })
}

fn shard_size(text: &str) -> Result<Option<ShardSize>, Fault> {
    match text {
        "" => Ok(None),
        "SMALL" => Ok(Some(ShardSize::Small)),
        "MEDIUM" => Ok(Some(ShardSize::Medium)),
        "LARGE" => Ok(Some(ShardSize::Large)),
        "DEDICATED" => Ok(Some(ShardSize::Dedicated)),
        other => Err((
            eco_format!("spec.l7Settings.shardSize cannot be {other}"),
            "use SMALL, MEDIUM, LARGE or DEDICATED",
        )),
    }
}
