//! The networks that settings name: whether the cloud has them, and whether it can use them so.

use super::{Discovery, Problem, Wanted, in_cloud, network_at};
use crate::class::Class;
use crate::error::Error;
use crate::session::Session;
use aviary_avi::{Inventory, Named};
use serde_json::Value;

impl Session {
    /// Looks for all of them. Answers the first one of virtual IPs.
    pub(super) async fn check_networks(
        &self,
        wanted: &Wanted,
        found: &mut Discovery,
    ) -> Result<Option<Value>, Error> {
        let Discovery {
            inventory,
            problems,
        } = found;
        problems.extend(unusable(inventory, wanted));
        let mut first = None;
        if !has_foreign_subnets(inventory) && !wanted.vpc {
            for named in &wanted.vip_networks {
                let network = self.named_network(named, &wanted.cloud, problems).await?;
                first = first.or(network);
            }
        }
        let nodes = wanted.node_networks.iter();
        for named in nodes.filter(|_| inventory.places_pools()) {
            self.named_network(named, &wanted.cloud, problems).await?;
        }
        Ok(first)
    }

    async fn named_network(
        &self,
        named: &Named,
        cloud: &str,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<Value>, Error> {
        let mut hits = match named {
            Named::NetworkUuid(uuid) => match self.get("network", network_at(uuid)).await {
                Ok(network) => vec![network],
                Err(error) if error.class() == Class::Gone => Vec::new(),
                Err(error) => return Err(error),
            },
            Named::Network(name) => self.named(&in_cloud("network", cloud), name).await?,
            Named::SeGroup(_) => return Ok(None),
        };
        let network = hits.pop();
        match named {
            Named::Network(name) if !hits.is_empty() => {
                problems.push(Problem::AmbiguousNetwork(name.clone()));
                return Ok(None);
            }
            _ if network.is_none() => problems.push(Problem::NoNetwork(named.clone())),
            _ => {}
        }
        Ok(network)
    }
}

/// What of the networks the kind of cloud cannot do.
fn unusable(inventory: &Inventory, wanted: &Wanted) -> impl Iterator<Item = Problem> {
    let is_aws = inventory.cloud_type == "CLOUD_AWS";
    let several = wanted.vip_networks.len() > 1 && !is_aws && !wanted.vpc;
    let v6 = wanted.has_v6 && !inventory.knows_v6();
    let several = several.then_some(Problem::SeveralNetworks);
    several
        .into_iter()
        .chain(v6.then_some(Problem::V6Elsewhere))
}

/// Clouds whose networks are called as their subnets, which the Controller does not list.
fn has_foreign_subnets(inventory: &Inventory) -> bool {
    matches!(
        inventory.cloud_type.as_str(),
        "CLOUD_AWS" | "CLOUD_AZURE" | "CLOUD_OPENSTACK"
    )
}
