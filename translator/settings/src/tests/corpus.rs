//! Trees as scenarios lay them: a base, then what the scenario says.

use crate::{
    AutoFqdn, CniPlugin, DEFAULT_NAMESPACE, FqdnReusePolicy, InstanceSettings, NamingScheme,
    ServiceType, ShardSize, check, layer,
};
use aviary_types::Namespace;

const BASE: &str = "
AKOSettings:
  clusterName: lab
  namingScheme: ako
NetworkSettings:
  vipNetworkList:
  - networkName: lab-vip
    cidr: 10.10.0.0/20
";

/// The home instance of a scenario's tree over the base.
fn played(settings: &str) -> InstanceSettings {
    let raw = layer(BASE, settings).unwrap();
    let settings = check(&raw, &Namespace::from(DEFAULT_NAMESPACE))
        .settings
        .unwrap();
    let home = settings.home.instances[0].clone();
    assert_eq!(home.cluster.as_str(), "lab");
    assert_eq!(home.ako.naming_scheme, NamingScheme::Ako);
    assert_eq!(home.network.vip_networks.len(), 1);
    home
}

#[test]
fn scenario_trees_are_taken() {
    assert!(played("{}").primary);
    assert!(
        played("featureGates:\n  GatewayAPI: true\n")
            .gates
            .gateway_api
    );
    let home = played(
        "
AKOSettings:
  primaryInstance: false
  namespaceSelector:
    labelKey: ako-of
    labelValue: second
",
    );
    assert_eq!(home.domain().user(), "ako-lab-avi-system");
    assert!(home.selects("x", |key| (key == "ako-of").then_some("second")));
    let home = played("AKOSettings:\n  enableEVH: true\n  vipPerNamespace: 'true'\n");
    assert!(home.ako.enable_evh && home.ako.vip_per_namespace);
    let home =
        played("AKOSettings:\n  cniPlugin: antrea\nL7Settings:\n  serviceType: NodePortLocal\n");
    assert_eq!(
        (home.ako.cni_plugin, home.l7.service_type),
        (CniPlugin::Antrea, ServiceType::NodePortLocal)
    );
    assert_eq!(
        played("L7Settings: {shardVSSize: DEDICATED}").l7.shard_size,
        ShardSize::Dedicated
    );
    assert_eq!(
        played("L7Settings: {fqdnReusePolicy: Strict}")
            .l7
            .fqdn_reuse_policy,
        FqdnReusePolicy::Strict
    );
    assert!(
        played("L7Settings: {noPGForSNI: true, enableMCI: 'true'}")
            .l7
            .no_pg_for_sni
    );
    assert_eq!(
        played("L4Settings: {autoFQDN: disabled}").l4.auto_fqdn,
        AutoFqdn::Disabled
    );
    assert!(
        !played("L4Settings: {defaultLBController: 'false'}")
            .l4
            .default_lb_controller
    );
    let home = played("NetworkSettings:\n  defaultDomain: second.lab\n");
    assert_eq!(home.network.default_domain.as_deref(), Some("second.lab"));
    assert!(!played("AKOSettings: {disableStaticRouteSync: 'true'}").syncs_static_routes());
}
