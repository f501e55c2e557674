//! Section `L7Settings`.

use crate::choice::choice;
use crate::read;
use crate::reader::Reader;
use crate::setting::{Change, Setting, Shape};
use serde::Serialize;

choice! {
    /// How many parents share the hosts.
    // AKO's documents name four sizes; its code takes any other word for one parent.
    ShardSize, unknown: Some(Self::Small), any_case: false;
    /// 8 parents.
    Large = "LARGE",
    /// 4 parents.
    Medium = "MEDIUM",
    /// One parent.
    Small = "SMALL",
    /// A virtual service of its own for each host.
    Dedicated = "DEDICATED",
}

impl ShardSize {
    /// The number of parents; 0 for dedicated.
    pub const fn count(self) -> u32 {
        match self {
            Self::Large => 8,
            Self::Medium => 4,
            Self::Small => 1,
            Self::Dedicated => 0,
        }
    }
}

choice! {
    /// How Service Engines reach pods.
    ServiceType, unknown: None, any_case: false;
    /// At their own addresses.
    ClusterIp = "ClusterIP",
    /// At a port of every node.
    NodePort = "NodePort",
    /// At a port of the pod's node.
    NodePortLocal = "NodePortLocal",
}

choice! {
    /// Whether namespaces may share a host.
    FqdnReusePolicy, unknown: None, any_case: true;
    /// They may.
    InterNamespaceAllowed = "InterNamespaceAllowed",
    /// The first to claim a host keeps it.
    Strict = "Strict",
}

/// A label of nodes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NodePortSelector {
    /// The label's key.
    pub key: String,
    /// The value it must have.
    pub value: String,
}

/// What section `L7Settings` means for an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct L7Settings {
    /// `defaultIngController`: the chart marks its IngressClass as the default one.
    pub default_ing_controller: bool,
    /// `noPGForSNI`.
    pub no_pg_for_sni: bool,
    /// `serviceType`.
    pub service_type: ServiceType,
    /// `shardVSSize`.
    pub shard_size: ShardSize,
    /// `passthroughShardSize`.
    pub passthrough_shard_size: ShardSize,
    /// `enableMCI`.
    pub enable_mci: bool,
    /// `fqdnReusePolicy`.
    pub fqdn_reuse_policy: FqdnReusePolicy,
    /// `nodePortSelector` (a section of its own); `None` selects all nodes.
    pub node_port_selector: Option<NodePortSelector>,
}

pub(crate) static DEFAULT_ING_CONTROLLER: Setting<bool> = Setting::new(
    "L7Settings.defaultIngController",
    Shape::Flag,
    "\"true\"",
    read::flag_only_false,
    "Marks the IngressClass of the chart as the default class.",
)
.env("DEFAULT_ING_CONTROLLER")
.change(Change::Chart);

pub(crate) static ENABLE_MCI: Setting<bool> = Setting::flag(
    "L7Settings.enableMCI",
    "\"false\"",
    "Serves MultiClusterIngress objects.",
)
.env("MCI_ENABLED")
.later();

pub(crate) static FQDN_REUSE_POLICY: Setting<FqdnReusePolicy> = Setting::choice(
    "L7Settings.fqdnReusePolicy",
    "\"InterNamespaceAllowed\"",
    "Whether namespaces may share a host; in scheme `ako` only with EVH.",
)
.env("FQDN_REUSE_POLICY");

pub(crate) static NO_PG_FOR_SNI: Setting<bool> = Setting::flag(
    "L7Settings.noPGForSNI",
    "false",
    "Secure hosts switch to pools without pool groups, which allows HTTP caching.",
);

pub(crate) static NODE_PORT_KEY: Setting<String> = Setting::text(
    "nodePortSelector.key",
    "\"\"",
    "With NodePort: key of the label of the nodes that are pool servers; empty: all nodes.",
)
.env("NODE_KEY");

pub(crate) static NODE_PORT_VALUE: Setting<String> = Setting::text(
    "nodePortSelector.value",
    "\"\"",
    "With NodePort: value of that label.",
)
.env("NODE_VALUE");

pub(crate) static PASSTHROUGH_SHARD_SIZE: Setting<ShardSize> = Setting::choice(
    "L7Settings.passthroughShardSize",
    "\"SMALL\"",
    "How many virtual services share the passthrough hosts.",
)
.env("PASSTHROUGH_SHARD_SIZE");

pub(crate) static SERVICE_TYPE: Setting<ServiceType> = Setting::choice(
    "L7Settings.serviceType",
    "\"ClusterIP\"",
    "How Service Engines reach pods.",
)
.env("SERVICE_TYPE");

pub(crate) static SHARD_VS_SIZE: Setting<ShardSize> = Setting::choice(
    "L7Settings.shardVSSize",
    "\"LARGE\"",
    "How many parents share the hosts: LARGE 8, MEDIUM 4, SMALL 1; DEDICATED: one for each host.",
)
.env("SHARD_VS_SIZE");

impl L7Settings {
    /// Reads the section, and `nodePortSelector`.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let key = reader.get(&NODE_PORT_KEY);
        let value = reader.get(&NODE_PORT_VALUE);
        Self {
            default_ing_controller: reader.get(&DEFAULT_ING_CONTROLLER),
            no_pg_for_sni: reader.get(&NO_PG_FOR_SNI),
            service_type: reader.get(&SERVICE_TYPE),
            shard_size: reader.get(&SHARD_VS_SIZE),
            passthrough_shard_size: reader.get(&PASSTHROUGH_SHARD_SIZE),
            enable_mci: reader.get(&ENABLE_MCI),
            fqdn_reuse_policy: reader.get(&FQDN_REUSE_POLICY),
            node_port_selector: (!key.trim().is_empty()).then_some(NodePortSelector { key, value }),
        }
    }
}
