//! Each section: values, defaults, AKO's looseness.

use super::{errors, good, home, warnings, with_name};
use crate::{
    AutoFqdn, CniPlugin, CrossClusterHosts, DefaultBackend, Drift, DuplicatePaths, FqdnReusePolicy,
    InstanceSettings, IpFamily, LogLevel, NamingScheme, NetworkRef, Scheme, ServiceType, ShardSize,
    UnusedShards,
};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

/// Checks what one value of one key becomes.
#[expect(
    clippy::needless_pass_by_value,
    reason = "what is wanted is written on the spot"
)]
fn check<T: PartialEq + Debug>(yaml: &str, read: impl Fn(&InstanceSettings) -> T, want: T) {
    assert_eq!(read(&home(yaml)), want, "{yaml}");
}

#[test]
fn defaults_are_ako_s() {
    let settings = good("AKOSettings: {clusterName: c1}");
    let home = &settings.home.instances[0];
    assert_eq!(settings.home.name.as_str(), "c1");
    assert_eq!(home.namespace.as_str(), "avi-system");
    assert!(home.primary);
    assert_eq!(home.ako.naming_scheme, NamingScheme::Auto);
    assert!(home.ako.enable_events);
    assert_eq!(home.ako.namespace_selector, None);
    assert_eq!(home.l7.shard_size, ShardSize::Large);
    assert_eq!(home.l7.passthrough_shard_size, ShardSize::Small);
    assert_eq!(home.l7.service_type, ServiceType::ClusterIp);
    assert!(home.l4.default_lb_controller);
    assert_eq!(home.l4.auto_fqdn, AutoFqdn::Default);
    assert_eq!(home.controller.tenant.as_str(), "admin");
    assert_eq!(home.controller.cloud, "Default-Cloud");
    assert_eq!(home.controller.service_engine_group, "Default-Group");
    assert_eq!(home.controller.vrf, None);
    assert!(home.gates.crd_operator);
    assert!(!home.gates.gateway_api);
    assert!(home.syncs_static_routes());
    assert_eq!(settings.service.log_level, LogLevel::Warn);
    assert_eq!(settings.service.max_writes_in_flight, 32);
    assert_eq!(settings.service.drift, Drift::Repair);
    assert_eq!(settings.service.drift_interval, Duration::from_mins(10));
    assert_eq!(
        settings.service.cross_cluster_hosts,
        CrossClusterHosts::Allow
    );
    assert_eq!(
        settings.service.full_sync_frequency,
        Duration::from_mins(30)
    );
    assert_eq!(settings.service.api_server_port, 8080);
    assert_eq!(settings.home.controller.host, None);
}

#[test]
fn flags_are_read_as_go_reads_them() {
    for word in [
        "1", "t", "T", "TRUE", "true", "True", "'1'", "'true'", "'True'",
    ] {
        check(
            &format!("AKOSettings: {{layer7Only: {word}}}"),
            |home| home.ako.layer7_only,
            true,
        );
    }
    for word in [
        "0", "f", "F", "FALSE", "false", "False", "'false'", "''", "null",
    ] {
        check(
            &format!("AKOSettings: {{layer7Only: {word}}}"),
            |home| home.ako.layer7_only,
            false,
        );
    }
    let told = errors(&with_name("AKOSettings: {layer7Only: maybe}"));
    assert_eq!(
        told,
        [
            "AKOSettings.layer7Only: \"maybe\" is not allowed; allowed is true or false (also 1, \
             t, \
          T, TRUE, True, 0, f, F, FALSE, False)"
        ]
    );
}

#[test]
fn what_ako_replaces_silently_is_replaced_with_a_warning() {
    let told = |yaml: &str, start: &str| {
        let told = warnings(yaml);
        assert_eq!(told.len(), 1, "{yaml} {told:?}");
        assert!(told[0].starts_with(start), "{told:?}");
    };
    check(
        "AKOSettings: {primaryInstance: maybe}",
        |home| home.primary,
        true,
    );
    told(
        "AKOSettings: {primaryInstance: maybe}",
        "AKOSettings.primaryInstance: \"maybe\" is taken as true, as AKO does",
    );
    check(
        "L7Settings: {shardVSSize: HUGE}",
        |home| home.l7.shard_size,
        ShardSize::Small,
    );
    told(
        "L7Settings: {shardVSSize: HUGE}",
        "L7Settings.shardVSSize: \"HUGE\" is taken as SMALL",
    );
    check(
        "L7Settings: {shardVSSize: ''}",
        |home| home.l7.shard_size,
        ShardSize::Small,
    );
    check(
        "L4Settings: {autoFQDN: off}",
        |home| home.l4.auto_fqdn,
        AutoFqdn::Disabled,
    );
    check(
        "L4Settings: {defaultLBController: x}",
        |home| home.l4.default_lb_controller,
        true,
    );
    check(
        "AKOSettings: {deleteConfig: 'True'}",
        |home| home.ako.delete_config,
        false,
    );
    check(
        "L7Settings: {defaultIngController: 'no'}",
        |home| home.l7.default_ing_controller,
        true,
    );
    assert_eq!(
        good(&with_name("AKOSettings: {logLevel: warn}"))
            .service
            .log_level,
        LogLevel::Info
    );
    let half = "AKOSettings: {namespaceSelector: {labelKey: team}}";
    check(half, |home| home.ako.namespace_selector.clone(), None);
    told(
        half,
        "AKOSettings.namespaceSelector.labelKey: the selector needs both",
    );
}

#[test]
fn ako_section_values() {
    check(
        "AKOSettings: {namingScheme: ako}",
        |home| home.ako.naming_scheme.explicit(),
        Some(Scheme::Ako),
    );
    check(
        "AKOSettings: {namingScheme: documented}",
        |home| home.ako.naming_scheme.explicit(),
        Some(Scheme::Documented),
    );
    check(
        "AKOSettings: {namingScheme: auto}",
        |home| home.ako.naming_scheme.explicit(),
        None,
    );
    check(
        "AKOSettings: {cniPlugin: ovn-kubernetes}",
        |home| home.ako.cni_plugin,
        CniPlugin::OvnKubernetes,
    );
    check(
        "AKOSettings: {cniPlugin: ''}",
        |home| home.ako.cni_plugin,
        CniPlugin::Unset,
    );
    check(
        "AKOSettings: {ipFamily: V6}",
        |home| home.ako.ip_family,
        IpFamily::V6,
    );
    check(
        "AKOSettings: {enableEvents: 'false'}",
        |home| home.ako.enable_events,
        false,
    );
    check(
        "AKOSettings: {deleteConfig: 'true'}",
        |home| home.ako.delete_config,
        true,
    );
    check(
        "AKOSettings: {disableStaticRouteSync: 'true'}",
        InstanceSettings::syncs_static_routes,
        false,
    );
    check(
        "AKOSettings: {primaryInstance: false}",
        InstanceSettings::syncs_static_routes,
        true,
    );
    check(
        "L7Settings: {serviceType: NodePort}",
        InstanceSettings::syncs_static_routes,
        false,
    );
    check(
        "AKOSettings: {blockedNamespaceList: [kube-system, kube-public]}",
        |home| home.ako.blocked_namespaces.clone(),
        vec!["kube-system".to_owned(), "kube-public".to_owned()],
    );
    assert_eq!(
        good(&with_name("AKOSettings: {fullSyncFrequency: '60'}"))
            .service
            .full_sync_frequency
            .as_secs(),
        60
    );
}

#[test]
fn namespaces_are_selected_by_label_unless_blocked() {
    let labels = BTreeMap::from([("team", "red")]);
    let selects =
        |yaml: &str, namespace: &str| home(yaml).selects(namespace, |key| labels.get(key).copied());
    assert!(selects("{}", "ns1"));
    let red = "AKOSettings: {namespaceSelector: {labelKey: team, labelValue: red}, \
     blockedNamespaceList: [ns2]}";
    assert!(selects(red, "ns1"));
    assert!(!selects(red, "ns2"));
    let blue = "AKOSettings: {namespaceSelector: {labelKey: team, labelValue: blue}}";
    assert!(!selects(blue, "ns1"));
    let other = "AKOSettings: {namespaceSelector: {labelKey: group, labelValue: red}}";
    assert!(!selects(other, "ns1"));
}

#[test]
fn network_section_values() {
    let home = home(
        "NetworkSettings:
           enableRHI: true
           bgpPeerLabels: [peer1]
           nodeNetworkList: [{networkName: nodes, cidrs: [10.0.0.0/24, 2001::/64]}]
           vipNetworkList:
           - {networkName: net1, cidr: 10.1.1.0/24, v6cidr: '2002::1234:abcd:ffff:c0a8:101/64'}
           - {networkName: net2, networkUUID: dvportgroup-1}",
    );
    let network = &home.network;
    assert!(network.enable_rhi);
    assert_eq!(network.bgp_peer_labels, ["peer1"]);
    assert_eq!(
        network.vip_networks[0].network,
        NetworkRef::Name("net1".to_owned())
    );
    assert_eq!(
        network.vip_networks[0].cidr.unwrap().to_string(),
        "10.1.1.0/24"
    );
    assert_eq!(network.vip_networks[0].v6cidr.unwrap().mask, 64);
    assert_eq!(
        network.vip_networks[1].network,
        NetworkRef::Uuid("dvportgroup-1".to_owned())
    );
    assert_eq!(network.node_networks[0].cidrs.len(), 2);
}

#[test]
fn the_network_section_s_domain_wins() {
    let domain = |home: &InstanceSettings| home.network.default_domain.clone();
    check("{}", domain, None);
    check(
        "L4Settings: {defaultDomain: l4.lab}",
        domain,
        Some("l4.lab".to_owned()),
    );
    check(
        "{NetworkSettings: {defaultDomain: net.lab}, L4Settings: {defaultDomain: l4.lab}}",
        domain,
        Some("net.lab".to_owned()),
    );
    check(
        "{NetworkSettings: {defaultDomain: ''}, L4Settings: {defaultDomain: l4.lab}}",
        domain,
        Some("l4.lab".to_owned()),
    );
}

#[test]
fn l7_section_values() {
    let count = |home: &InstanceSettings| home.l7.shard_size.count();
    check("L7Settings: {shardVSSize: LARGE}", count, 8);
    check("L7Settings: {shardVSSize: MEDIUM}", count, 4);
    check("L7Settings: {shardVSSize: SMALL}", count, 1);
    check("L7Settings: {shardVSSize: DEDICATED}", count, 0);
    check(
        "L7Settings: {fqdnReusePolicy: strict}",
        |home| home.l7.fqdn_reuse_policy,
        FqdnReusePolicy::Strict,
    );
    check(
        "{L7Settings: {serviceType: NodePortLocal}, AKOSettings: {cniPlugin: antrea}}",
        |home| home.l7.service_type,
        ServiceType::NodePortLocal,
    );
    check(
        "nodePortSelector: {key: pool, value: edge}",
        |home| {
            home.l7
                .node_port_selector
                .clone()
                .map(|label| (label.key, label.value))
        },
        Some(("pool".to_owned(), "edge".to_owned())),
    );
    check(
        "nodePortSelector: {key: ''}",
        |home| home.l7.node_port_selector.clone(),
        None,
    );
}

#[test]
fn controller_section_values() {
    let access = |yaml: &str| good(&with_name(yaml)).home.controller;
    let host = |yaml: &str| access(yaml).host;
    assert_eq!(
        host("ControllerSettings: {controllerHost: 10.0.0.1}").as_deref(),
        Some("10.0.0.1")
    );
    assert_eq!(
        host("ControllerSettings: {controllerHost: 'avi.lab:8443'}").as_deref(),
        Some("avi.lab:8443")
    );
    assert_eq!(host("ControllerSettings: {controllerHost: ''}"), None);
    let version = |text: &str| {
        access(&format!(
            "ControllerSettings: {{controllerVersion: '{text}'}}"
        ))
        .version
    };
    assert_eq!(version("22.1.3").as_deref(), Some("22.1.3"));
    assert_eq!(version("30.2.1").as_deref(), Some("30.2.1"));
    assert_eq!(version("30.2.1.1").as_deref(), Some("30.2.1.1"));
    assert_eq!(version("99.1.1").as_deref(), Some("31.1.1"));
    assert_eq!(version(""), None);
    check(
        "ControllerSettings: {tenantName: ''}",
        |home| home.controller.tenant.to_string(),
        "admin".to_owned(),
    );
    check(
        "ControllerSettings: {vrfName: blue}",
        |home| home.controller.vrf.clone(),
        Some("blue".to_owned()),
    );
    check(
        "ControllerSettings: {dedicatedTenantMode: 'true'}",
        |home| home.controller.dedicated_tenant_mode,
        true,
    );
}

#[test]
fn defaults_by_scheme() {
    let aviary = home("{}").aviary;
    assert_eq!(aviary.duplicate_paths(Scheme::Ako), DuplicatePaths::Merge);
    assert_eq!(
        aviary.duplicate_paths(Scheme::Documented),
        DuplicatePaths::Oldest
    );
    assert_eq!(aviary.unused_shards(Scheme::Ako), UnusedShards::Keep);
    let day = UnusedShards::RemoveAfter(Duration::from_hours(24));
    assert_eq!(aviary.unused_shards(Scheme::Documented), day);
    assert_eq!(aviary.default_backend(Scheme::Ako), DefaultBackend::Ignore);
    assert_eq!(
        aviary.default_backend(Scheme::Documented),
        DefaultBackend::Serve
    );
    let said =
        home("AviarySettings: {duplicatePaths: oldest, unusedShards: keep, defaultBackend: serve}");
    for scheme in [Scheme::Ako, Scheme::Documented] {
        assert_eq!(said.aviary.duplicate_paths(scheme), DuplicatePaths::Oldest);
        assert_eq!(said.aviary.unused_shards(scheme), UnusedShards::Keep);
        assert_eq!(said.aviary.default_backend(scheme), DefaultBackend::Serve);
    }
}

#[test]
fn unused_shards_in_every_spelling() {
    let shards = |home: &InstanceSettings| home.aviary.unused_shards(Scheme::Ako);
    let after = |hours: u64| UnusedShards::RemoveAfter(Duration::from_hours(hours));
    check(
        "AviarySettings: {unusedShards: keep}",
        shards,
        UnusedShards::Keep,
    );
    check(
        "AviarySettings: {unusedShards: {remove-after: 24h}}",
        shards,
        after(24),
    );
    check(
        "AviarySettings: {unusedShards: 'remove-after: 12h'}",
        shards,
        after(12),
    );
    check(
        "AviarySettings:\n  unusedShards:\n    remove-after: 2d",
        shards,
        after(48),
    );
    for bad in [
        "remove",
        "'remove-after'",
        "{remove-after: 24}",
        "{remove-after: 1h, keep: 1}",
        "[]",
    ] {
        let told = errors(&with_name(&format!(
            "AviarySettings: {{unusedShards: {bad}}}"
        )));
        assert!(
            told[0].ends_with("allowed is keep, or remove-after: <time> such as remove-after: 24h"),
            "{told:?}"
        );
    }
}

#[test]
fn service_values() {
    let service = good(&with_name(
        "AviarySettings:
           crossClusterHosts: exclusive
           maxWritesInFlight: '8'
           drift: report
           driftInterval: 30s
           deleteGuardPercent: 20
           reshardOverlap: 5m",
    ));
    assert_eq!(
        service.home.instances[0].aviary.reshard_overlap,
        Duration::from_mins(5)
    );
    let service = service.service;
    assert_eq!(service.cross_cluster_hosts, CrossClusterHosts::Exclusive);
    assert_eq!(service.max_writes_in_flight, 8);
    assert_eq!(service.drift, Drift::Report);
    assert_eq!(service.drift_interval, Duration::from_secs(30));
    assert_eq!(service.delete_guard_percent, 20);
}
