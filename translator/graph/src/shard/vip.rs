//! The virtual IPs of a VsVip: how many, and where their addresses come from. That is the cloud's to
//! say.

use crate::maker::{Maker, network_ref};
use aviary_avi::common::{IpAddr, Subnet};
use aviary_avi::inventory::vpc_subnet;
use aviary_avi::pool::PlacementNetwork;
use aviary_avi::vs_vip::{IpamNetworkSubnet, Vip};
use aviary_settings::{Cidr, NetworkRef, VipNetwork};
use aviary_types::{EcoString, eco_format};

/// The virtual IPs, with this address if one is asked for. On clouds that hand addresses out by
/// subnet there is one for each network, and an asked address has no effect there, as with AKO.
pub(super) fn vips(maker: &Maker<'_>, address: Option<&EcoString>) -> Vec<Vip> {
    let networks = maker.vip_networks();
    let cloud = maker.inventory().cloud_type.as_str();
    let by_subnet = matches!(cloud, "CLOUD_AWS" | "CLOUD_AZURE" | "CLOUD_OPENSTACK");
    if by_subnet && !networks.is_empty() {
        let vips = (1..).zip(networks);
        return vips
            .map(|(id, network)| of_subnet(maker, id, network))
            .collect();
    }
    let project = vpc(maker);
    let network = networks.first().filter(|_| project.is_none());
    let mut vip = Vip {
        vip_id: "0".into(),
        auto_allocate_ip: true,
        auto_allocate_floating_ip: maker.public_ip(),
        ipam_network_subnet: network.map(ipam),
        subnet_uuid: project,
        ..Vip::default()
    };
    if let Some(network) = network {
        vip.auto_allocate_ip_type = families(network).map(EcoString::from);
        if maker.inventory().is_nsxt_vlan() {
            vip.placement_networks = placement(network);
        }
    }
    if let Some(address) = address {
        let address = IpAddr::new(address.clone());
        if address.kind == "V6" {
            vip.ip6_address = Some(address);
        } else {
            vip.ip_address = Some(address);
        }
    }
    vec![vip]
}

/// On public clouds the name of a network is that of a subnet.
fn of_subnet(maker: &Maker<'_>, id: u32, network: &VipNetwork) -> Vip {
    let subnet = match &network.network {
        NetworkRef::Name(name) | NetworkRef::Uuid(name) => name.as_str(),
    };
    Vip {
        vip_id: eco_format!("{id}"),
        auto_allocate_ip: true,
        auto_allocate_ip_type: families(network).map(EcoString::from),
        auto_allocate_floating_ip: maker.public_ip(),
        subnet_uuid: Some(subnet.into()),
        ..Vip::default()
    }
}

/// The families that addresses are allocated of; `None` is IPv4 alone.
fn families(network: &VipNetwork) -> Option<&'static str> {
    network.v6cidr.as_ref()?;
    Some(if network.cidr.is_some() {
        "V4_V6"
    } else {
        "V6_ONLY"
    })
}

fn ipam(network: &VipNetwork) -> IpamNetworkSubnet {
    IpamNetworkSubnet {
        network_ref: Some(network_ref(&network.network)),
        subnet: network.cidr.as_ref().and_then(subnet),
        subnet6: network.v6cidr.as_ref().and_then(subnet),
    }
}

fn subnet(cidr: &Cidr) -> Option<Subnet> {
    Subnet::parse(&cidr.to_string())
}

/// Service Engines of NSX-T with VLANs are placed in the network of the address, where its subnet is
/// known.
fn placement(network: &VipNetwork) -> Vec<PlacementNetwork> {
    let subnets = network.cidr.as_ref().and_then(subnet).into_iter();
    let placements = subnets.map(|subnet| PlacementNetwork {
        network_ref: network_ref(&network.network),
        subnet,
    });
    placements.collect()
}

/// Where addresses come from in VPC mode.
fn vpc(maker: &Maker<'_>) -> Option<EcoString> {
    let router = maker.t1lr().filter(|_| maker.settings().ako.vpc_mode)?;
    vpc_subnet(&router)
}
