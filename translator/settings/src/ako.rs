//! Section `AKOSettings`.

use crate::choice::choice;
use crate::notes::Spot;
use crate::reader::Reader;
use crate::setting::{Change, Reach, Setting, Shape, number};
use crate::{ServiceType, l7, read};
use aviary_types::Scheme;
use serde::Serialize;
use serde_json::Value;

/// What a cluster's name may be.
pub(crate) const CLUSTER_NAME_RULE: &str = "letters, digits, - and _, not empty";

/// AKO's own error text speaks of this length, without enforcing it.
const CLUSTER_NAME_CHARS_ADVISED: usize = 32;

choice! {
    /// How names on the Controller are made.
    NamingScheme, unknown: None, any_case: false;
    /// As the domain's objects on the Controller show.
    Auto = "auto",
    /// As AKO's documents say.
    Documented = "documented",
    /// As AKO does.
    Ako = "ako",
}

impl NamingScheme {
    /// The scheme, if the settings name it; with `auto` the Controller's objects decide.
    pub const fn explicit(self) -> Option<Scheme> {
        match self {
            Self::Auto => None,
            Self::Documented => Some(Scheme::Documented),
            Self::Ako => Some(Scheme::Ako),
        }
    }
}

choice! {
    /// How much is logged.
    // AKO maps an unknown word to the zero value of its logger, which is INFO.
    LogLevel, unknown: Some(Self::Info), any_case: false;
    /// Unexpected but healing, and worse.
    Warn = "WARN",
    /// Each object.
    Debug = "DEBUG",
    /// Changes of state.
    Info = "INFO",
    /// What somebody should be woken for.
    Error = "ERROR",
}

choice! {
    /// The network plugin: it tells where the pod networks of a node are written.
    CniPlugin, unknown: None, any_case: false;
    /// Not said: the Node's annotation or `spec.podCIDRs`.
    Unset = "",
    /// BlockAffinity objects.
    Calico = "calico",
    /// As unset.
    Canal = "canal",
    /// As unset.
    Flannel = "flannel",
    /// HostSubnet objects.
    Openshift = "openshift",
    /// As unset.
    Antrea = "antrea",
    /// As unset; no static routes on NSX-T.
    Ncp = "ncp",
    /// The Node's annotation of OVN.
    OvnKubernetes = "ovn-kubernetes",
    /// CiliumNode objects.
    Cilium = "cilium",
}

choice! {
    /// The address family of pool servers and routes.
    IpFamily, unknown: None, any_case: false;
    /// What the cloud allows: both on vCenter, NSX-T and without a cloud, else V4.
    Auto = "",
    /// IPv4 alone.
    V4 = "V4",
    /// IPv6 alone.
    V6 = "V6",
}

/// One label that selects namespaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NamespaceSelector {
    /// The label's key.
    pub key: String,
    /// The value it must have.
    pub value: String,
}

/// What section `AKOSettings` means for an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "AKO's flags, one field each")]
pub struct AkoSettings {
    /// `namingScheme`.
    pub naming_scheme: NamingScheme,
    /// `enableEvents`: Normal Events are sent (Warnings always are).
    pub enable_events: bool,
    /// `deleteConfig`: everything of the instance is to go.
    pub delete_config: bool,
    /// `disableStaticRouteSync`; see [`crate::InstanceSettings::syncs_static_routes`].
    pub disable_static_route_sync: bool,
    /// `cniPlugin`.
    pub cni_plugin: CniPlugin,
    /// `enableEVH`.
    pub enable_evh: bool,
    /// `layer7Only`: Services of type LoadBalancer are left alone.
    pub layer7_only: bool,
    /// `namespaceSelector`; `None` selects all.
    pub namespace_selector: Option<NamespaceSelector>,
    /// `blockedNamespaceList`.
    pub blocked_namespaces: Vec<String>,
    /// `servicesAPI`: legacy gateways.
    pub services_api: bool,
    /// `vipPerNamespace`.
    pub vip_per_namespace: bool,
    /// `istioEnabled`.
    pub istio_enabled: bool,
    /// `ipFamily`.
    pub ip_family: IpFamily,
    /// `useDefaultSecretsOnly`.
    pub use_default_secrets_only: bool,
    /// `vpcMode`.
    pub vpc_mode: bool,
}

pub(crate) static API_SERVER_PORT: Setting<u64> = number::<1, 65_535>(
    "AKOSettings.apiServerPort",
    "8080",
    "Port of AKO's liveness page `/api/status`.",
)
.env("AKO_API_PORT")
.reach(Reach::Service)
.later();

pub(crate) static BLOCKED_NAMESPACE_LIST: Setting<Vec<String>> = Setting::new(
    "AKOSettings.blockedNamespaceList",
    Shape::Texts("names of namespaces"),
    "[]",
    read::texts,
    "Namespaces whose objects are left alone, selected or not.",
)
.env("BLOCKED_NS_LIST");

pub(crate) static CLUSTER_NAME: Setting<String> = Setting::new(
    "AKOSettings.clusterName",
    Shape::Text(CLUSTER_NAME_RULE),
    "\"\"",
    cluster_name,
    "Name of the cluster, needed: every Avi name begins with it, and ownership is told by it.",
)
.env("CLUSTER_NAME")
.change(Change::Pinned)
.reach(Reach::Cluster);

pub(crate) static CNI_PLUGIN: Setting<CniPlugin> = Setting::choice(
    "AKOSettings.cniPlugin",
    "\"\"",
    "The cluster's network plugin: where the pod networks of a node are read from.",
)
.env("CNI_PLUGIN");

pub(crate) static DELETE_CONFIG: Setting<bool> = Setting::new(
    "AKOSettings.deleteConfig",
    Shape::Flag,
    "\"false\"",
    read::flag_only_true,
    "Removes everything that the instance owns on the Controller.",
);

pub(crate) static DISABLE_STATIC_ROUTE_SYNC: Setting<bool> = Setting::flag(
    "AKOSettings.disableStaticRouteSync",
    "\"false\"",
    "Follows neither routes to the pod networks in the VRF nor the label of the SE group: none is \
     written, and none that stands is taken away.",
)
.env("DISABLE_STATIC_ROUTE_SYNC");

pub(crate) static ENABLE_EVENTS: Setting<bool> = Setting::flag(
    "AKOSettings.enableEvents",
    "\"true\"",
    "Sends Normal Events; Warning Events are sent always.",
);

pub(crate) static ENABLE_EVH: Setting<bool> = Setting::flag(
    "AKOSettings.enableEVH",
    "false",
    "Makes parents and children with enhanced virtual hosting instead of SNI.",
)
.env("ENABLE_EVH")
.later();

pub(crate) static FULL_SYNC_FREQUENCY: Setting<u64> = number::<0, 31_536_000>(
    "AKOSettings.fullSyncFrequency",
    "\"1800\"",
    "Seconds between AKO's refreshes of what it knows of the cloud; see \
     `AviarySettings.driftInterval`.",
)
.env("FULL_SYNC_INTERVAL")
.reach(Reach::Service)
.later();

pub(crate) static IP_FAMILY: Setting<IpFamily> = Setting::choice(
    "AKOSettings.ipFamily",
    "\"\"",
    "Address family of pool servers and routes; empty: what the cloud allows.",
)
.env("IP_FAMILY");

pub(crate) static ISTIO_ENABLED: Setting<bool> = Setting::flag(
    "AKOSettings.istioEnabled",
    "false",
    "Speaks mutual TLS to pools, with the certificate of an Istio sidecar.",
)
.env("ISTIO_ENABLED")
.later();

pub(crate) static LAYER7_ONLY: Setting<bool> = Setting::flag(
    "AKOSettings.layer7Only",
    "false",
    "Leaves Services of type LoadBalancer alone.",
);

pub(crate) static LOG_LEVEL: Setting<LogLevel> =
    Setting::choice("AKOSettings.logLevel", "\"WARN\"", "How much is logged.")
        .reach(Reach::Service);

pub(crate) static NAMESPACE_LABEL_KEY: Setting<String> = Setting::text(
    "AKOSettings.namespaceSelector.labelKey",
    "\"\"",
    "Key of the label that selects namespaces; without key or value all are selected.",
)
.env("NAMESPACE_SYNC_LABEL_KEY");

pub(crate) static NAMESPACE_LABEL_VALUE: Setting<String> = Setting::text(
    "AKOSettings.namespaceSelector.labelValue",
    "\"\"",
    "Value of the label that selects namespaces.",
)
.env("NAMESPACE_SYNC_LABEL_VALUE");

pub(crate) static NAMING_SCHEME: Setting<NamingScheme> = Setting::choice(
    "AKOSettings.namingScheme",
    "\"auto\"",
    "How hosts are spread over shards and L4 objects are named: as AKO's documents say, as AKO \
     does, or as the objects on the Controller show.",
);

pub(crate) static PRIMARY_INSTANCE: Setting<bool> = Setting::new(
    "AKOSettings.primaryInstance",
    Shape::Flag,
    "true",
    read::flag_else_true,
    "The one instance of a cluster that owns routes and SE group labels and has no namespace in \
     its names. A row of `instances` is not primary unless its own values say so.",
)
.env("PRIMARY_AKO_FLAG");

pub(crate) static SERVICES_API: Setting<bool> = Setting::flag(
    "AKOSettings.servicesAPI",
    "false",
    "Serves the legacy Gateway API of `networking.x-k8s.io`.",
)
.env("SERVICES_API")
.later();

pub(crate) static USE_DEFAULT_SECRETS_ONLY: Setting<bool> = Setting::flag(
    "AKOSettings.useDefaultSecretsOnly",
    "\"false\"",
    "On OpenShift: takes certificates from Secrets of AKO's own namespace alone.",
)
.env("USE_DEFAULT_SECRETS_ONLY")
.later();

pub(crate) static VIP_PER_NAMESPACE: Setting<bool> = Setting::flag(
    "AKOSettings.vipPerNamespace",
    "\"false\"",
    "With EVH: one parent for each namespace instead of shards.",
)
.env("VIP_PER_NAMESPACE")
.later();

pub(crate) static VPC_MODE: Setting<bool> = Setting::flag(
    "AKOSettings.vpcMode",
    "false",
    "On an NSX-T cloud: addresses come from the VPC.",
)
.env("VPC_MODE");

impl AkoSettings {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let settings = Self {
            naming_scheme: reader.get(&NAMING_SCHEME),
            enable_events: reader.get(&ENABLE_EVENTS),
            delete_config: reader.get(&DELETE_CONFIG),
            disable_static_route_sync: reader.get(&DISABLE_STATIC_ROUTE_SYNC),
            cni_plugin: reader.get(&CNI_PLUGIN),
            enable_evh: reader.get(&ENABLE_EVH),
            layer7_only: reader.get(&LAYER7_ONLY),
            namespace_selector: namespace_selector(reader),
            blocked_namespaces: reader.get(&BLOCKED_NAMESPACE_LIST),
            services_api: reader.get(&SERVICES_API),
            vip_per_namespace: reader.get(&VIP_PER_NAMESPACE),
            istio_enabled: reader.get(&ISTIO_ENABLED),
            ip_family: reader.get(&IP_FAMILY),
            use_default_secrets_only: reader.get(&USE_DEFAULT_SECRETS_ONLY),
            vpc_mode: reader.get(&VPC_MODE),
        };
        let service_type = reader.get_unheard(&l7::SERVICE_TYPE);
        if service_type == ServiceType::NodePortLocal && settings.cni_plugin != CniPlugin::Antrea {
            let text = "NodePortLocal needs cniPlugin antrea";
            reader.conflict(&CNI_PLUGIN, &l7::SERVICE_TYPE, text);
        }
        settings
    }
}

/// Both halves of the selector, or none.
fn namespace_selector(reader: &mut Reader<'_>) -> Option<NamespaceSelector> {
    let key = reader.get(&NAMESPACE_LABEL_KEY);
    let value = reader.get(&NAMESPACE_LABEL_VALUE);
    match (key.trim().is_empty(), value.trim().is_empty()) {
        (false, false) => Some(NamespaceSelector { key, value }),
        (true, true) => None,
        _ => {
            let text = "the selector needs both labelKey and labelValue: all namespaces are \
             selected, as AKO does";
            reader.note(&NAMESPACE_LABEL_KEY, &NAMESPACE_LABEL_VALUE, text);
            None
        }
    }
}

/// Whether a cluster may be called so.
pub(crate) fn is_cluster_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !text.is_empty() && text.chars().all(legal)
}

/// A cluster's name.
pub(crate) fn cluster_name(value: &Value, spot: &mut Spot<'_>) -> Option<String> {
    let Some(name) = read::text(value, spot) else {
        return spot.refuse(value, CLUSTER_NAME_RULE);
    };
    if !is_cluster_name(&name) {
        return spot.refuse(value, CLUSTER_NAME_RULE);
    }
    if name.len() > CLUSTER_NAME_CHARS_ADVISED {
        spot.note("longer than 32 characters: names on the Controller may have to be cut");
    }
    Some(name)
}
