//! What is told: errors, warnings, and what is never shown.

use super::{errors, warnings, with_name};
use crate::{Raw, SettingError, layer, parse};

#[test]
fn no_document_never_means_defaults() {
    let check = |yaml: &str, want: &str| assert_eq!(errors(yaml), [want], "{yaml:?}");
    let empty = "settings: the document is empty; an empty file never means defaults";
    check("", empty);
    check("  \n\n", empty);
    check("null", empty);
    check("# only a comment\n", empty);
    check(
        "just text",
        "settings: the document is not a map of sections (line 1, column 1)",
    );
    check(
        "[]",
        "settings: the document is not a map of sections (line 1, column 1)",
    );
    let name = "AKOSettings.clusterName: missing; needed is letters, digits, - and _, not empty";
    check("{}", name);
    check("AKOSettings: {}", name);
    check("AKOSettings:\nL7Settings:\n", name);
}

#[test]
fn bad_yaml_is_told_by_its_place() {
    let told = errors("AKOSettings:\n  clusterName: a\n  clusterName: b\n");
    assert!(
        told[0].starts_with("settings: the key clusterName stands twice (line 3,"),
        "{told:?}"
    );
    let told = errors("AKOSettings: {clusterName: a}\n---\nAKOSettings: {clusterName: b}\n");
    assert!(
        told[0].starts_with("settings: more than one YAML document"),
        "{told:?}"
    );
    let told = errors("avicredentials:\n  password: *geheim\n");
    assert!(!told[0].contains("geheim"), "{told:?}");
    let told = errors("avicredentials:\n  password: \"geheim\n");
    assert!(!told[0].contains("geheim"), "{told:?}");
}

#[test]
fn all_errors_are_told_at_once() {
    let told = errors(
        "AKOSettings: {clusterName: 'a b', cniPlugin: calcio, fullSyncFrequency: soon}
NetworkSettings:
  vipNetworkList:
  - {networkName: a, cidr: 10.0.0.0}
  - {cidr: 10.0.0.0/8, v6cidr: 10.0.0.0/8}
  - lab
  bgpPeerLabels: [x]
L7Settings: {serviceType: NodePortLocal}
ControllerSettings: {controllerHost: 'https://admin:geheim@avi', controllerVersion: '20.1.1'}
AviarySettings: {maxWritesInFlight: 0, driftInterval: 1, drift: fix, deleteGuardPercent: 101}",
    );
    let name = "letters, digits, - and _, not empty";
    let want = [
        format!("AKOSettings.clusterName: \"a b\" is not allowed; allowed is {name}"),
        "AKOSettings.fullSyncFrequency: \"soon\" is not allowed; allowed is a whole number from 0 \
         to 31536000"
            .to_owned(),
        "AviarySettings.maxWritesInFlight: 0 is not allowed; allowed is a whole number from 1 to \
         256"
        .to_owned(),
        "AviarySettings.drift: \"fix\" is not allowed; allowed is one of repair, report, \
         off"
        .to_owned(),
        "AviarySettings.driftInterval: 1 is not allowed; allowed is a time from 10s to 24h, with \
         a unit (s, m, h)"
            .to_owned(),
        "AviarySettings.deleteGuardPercent: 101 is not allowed; allowed is a whole number from 0 \
         to 100"
            .to_owned(),
        "ControllerSettings.controllerHost: the value (not shown) is not allowed; allowed is host \
         or host:port, without a scheme"
            .to_owned(),
        "ControllerSettings.controllerVersion: \"20.1.1\" is not allowed; allowed is a version \
         such as 22.1.3, from 22.1.3 on"
            .to_owned(),
        "AKOSettings.cniPlugin: \"calcio\" is not allowed; allowed is one of calico, canal, \
         flannel, openshift, antrea, ncp, ovn-kubernetes, cilium"
            .to_owned(),
        "AKOSettings.cniPlugin: NodePortLocal needs cniPlugin antrea".to_owned(),
        "NetworkSettings.vipNetworkList[0].cidr: \"10.0.0.0\" is not allowed; allowed is an IPv4 \
         network such as 10.10.0.0/20"
            .to_owned(),
        "NetworkSettings.vipNetworkList[1]: missing; needed is networkName or \
         networkUUID"
            .to_owned(),
        "NetworkSettings.vipNetworkList[1].v6cidr: \"10.0.0.0/8\" is not allowed; allowed is an \
         IPv6 network such as 2002::/64"
            .to_owned(),
        "NetworkSettings.vipNetworkList[2]: \"lab\" is not allowed; allowed is a map".to_owned(),
        "NetworkSettings.bgpPeerLabels: bgpPeerLabels need NetworkSettings.enableRHI: \
         true"
            .to_owned(),
    ];
    assert_eq!(told, want);
}

#[test]
fn errors_name_their_key() {
    let parsed = parse("AKOSettings: {clusterName: '', namingScheme: new}");
    let errors = parsed.settings.unwrap_err();
    let keys: Vec<_> = errors.iter().map(SettingError::key).collect();
    assert_eq!(
        keys,
        [
            Some("AKOSettings.clusterName"),
            Some("AKOSettings.namingScheme")
        ]
    );
    assert_eq!(SettingError::Empty.key(), None);
}

#[test]
fn sections_are_maps() {
    let told = errors(&with_name("L7Settings: LARGE"));
    assert_eq!(
        told,
        ["L7Settings: the value (not shown) is not allowed; allowed is a section, which is a map"]
    );
    let told = errors(&with_name(
        "NetworkSettings: {nodeNetworkList: [{networkName: a}, {networkName: a}, {networkName: \
         a}, {networkName: a}, {networkName: a}, {networkName: a}]}",
    ));
    assert!(told[0].ends_with("allowed is at most 5 rows"), "{told:?}");
}

#[test]
fn unknown_keys_are_told_with_the_nearest_known_one() {
    let check = |yaml: &str, want: &str| assert_eq!(warnings(yaml), [want], "{yaml}");
    check(
        "L7Settings: {shardVsSize: SMALL}",
        "L7Settings.shardVsSize: unknown key, ignored; did you mean L7Settings.shardVSSize?",
    );
    check(
        "AKOSettings: {serviceType: NodePort}",
        "AKOSettings.serviceType: unknown key, ignored; did you mean L7Settings.serviceType?",
    );
    check("zebra: {password: geheim}", "zebra: unknown key, ignored");
    check(
        "NetworkSettings: {vipNetworkList: [{networkName: a, cdir: 10.0.0.0/8}]}",
        "NetworkSettings.vipNetworkList[0].cdir: unknown key, ignored; did you mean cidr?",
    );
    check(
        "instances: [{namespace: blue, values: {L4Settings: {autoFqdn: flat}}}]",
        "instances[0].values.L4Settings.autoFqdn: unknown key, ignored; did you mean \
         L4Settings.autoFQDN?",
    );
}

#[test]
fn chart_keys_are_accepted_silently() {
    let yaml = "
replicaCount: 1
image: {repository: r, pullPolicy: IfNotPresent, pullSecrets: []}
GatewayAPI: {image: {repository: r}}
resources: {limits: {cpu: 350m}}
securityContext: {}
podSecurityContext: {}
nodeSelector: {disk: ssd}
tolerations: []
rbac: {pspEnable: false}
avicredentials: {username: admin, password: geheim, authtoken: geheim, certificateAuthorityData: x}
persistentVolumeClaim: ''
mountPath: /log
logFile: avi.log
akoGatewayLogFile: avi-gw.log
ako-crd-operator: {enabled: true, controllerManager: {image: {repository: r}}}
L7Settings: {defaultIngController: 'true'}
";
    assert_eq!(warnings(yaml), Vec::<String>::new());
}

#[test]
fn what_comes_later_is_told_unless_it_is_the_default() {
    let check = |yaml: &str, want: &str| assert_eq!(warnings(yaml), [want], "{yaml}");
    check(
        "AKOSettings: {enableEVH: true}",
        "AKOSettings.enableEVH: true is accepted, has no effect yet",
    );
    check(
        "featureGates: {GatewayAPI: true}",
        "featureGates.GatewayAPI: true is accepted, has no effect yet",
    );
    // What was later once, and is served now.
    let now = "L7Settings: {shardVSSize: DEDICATED, noPGForSNI: true, passthroughShardSize: LARGE}";
    assert_eq!(warnings(now), Vec::<String>::new());
    let now = "{AKOSettings: {cniPlugin: antrea}, L7Settings: {serviceType: NodePortLocal}}";
    assert_eq!(warnings(now), Vec::<String>::new());
    let defaults = "
featureGates: {GatewayAPI: false, EnablePrometheus: false}
AKOSettings:
  {enableEVH: false, fullSyncFrequency: 1800, apiServerPort: '8080', vipPerNamespace: 'False'}
L7Settings:
  {noPGForSNI: false, passthroughShardSize: SMALL, fqdnReusePolicy: InterNamespaceAllowed}
NetworkSettings: {nsxtT1LR: '', nodeNetworkList: []}
nodePortSelector: {key: '', value: ''}
";
    assert_eq!(warnings(defaults), Vec::<String>::new());
}

#[test]
fn text_that_yaml_took_for_something_else_is_told() {
    let told = warnings("AKOSettings: {namespaceSelector: {labelKey: team, labelValue: yes}}");
    assert_eq!(
        told,
        [
            "AKOSettings.namespaceSelector.labelValue: taken as the text \"true\"; write it in \
             quotes"
        ]
    );
}

#[test]
fn a_tree_shows_no_values() {
    let raw = Raw::read("avicredentials: {password: geheim}\nzebra: geheim\n").unwrap();
    assert_eq!(raw.get("avicredentials.password"), None);
    assert!(!format!("{raw:?}").contains("geheim"));
}

#[test]
fn trees_are_layered_as_helm_does() {
    let raw = layer(
        "A: {x: 1, y: [1, 2], z: {k: 1}}\nB: {x: 1}",
        "A: {y: [3], z: {m: 2}, x: null}\nC: 3",
    )
    .unwrap();
    assert_eq!(raw.get("A.x"), None);
    assert_eq!(raw.get("A.y"), Some(&serde_json::json!([3])));
    assert_eq!(raw.get("A.z"), Some(&serde_json::json!({"k": 1, "m": 2})));
    assert_eq!(raw.get("B.x"), Some(&serde_json::json!(1)));
    assert_eq!(raw.get("C"), Some(&serde_json::json!(3)));
    assert_eq!(layer("A: 1", ""), Err(SettingError::Empty));
}
