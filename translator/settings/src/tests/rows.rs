//! Instances and clusters.

use super::{errors, good};
use crate::{
    ControllerAccess, Coverage, CredentialFiles, Jwks, ShardSize, check, from_env, parse, parse_in,
};
use aviary_types::{ClusterName, DomainId, Namespace};

const FLEET: &str = "
AKOSettings: {clusterName: one, namingScheme: ako}
ControllerSettings: {controllerHost: avi.lab, tenantName: red}
L7Settings: {shardVSSize: MEDIUM}
instances:
- namespace: blue
  values:
    AKOSettings: {namespaceSelector: {labelKey: team, labelValue: blue}}
    ControllerSettings: {tenantName: blue, serviceEngineGroupName: seg-blue}
- namespace: green
clusters:
- name: two
  issuer: https://two.lab
  jwks: https://two.lab/openid/v1/jwks
  identities:
  - {subject: 'system:serviceaccount:aviary:agent', namespaces: all, clusterScope: true}
  - {subject: spiffe://two/ns/a, namespaces: [a, b]}
  values:
    L7Settings: {shardVSSize: SMALL}
  instances:
  - {namespace: blue, values: {ControllerSettings: {tenantName: blue2}}}
- name: one
  issuer: https://one.lab
- name: three
  issuer: https://three.lab
  jwks: /etc/aviary/three.json
  controller:
    host: avi3.lab:443
    usernameFile: /etc/avi3/username
    passwordFile: /etc/avi3/password
    caFile: /etc/avi3/ca.crt
";

#[test]
fn values_are_laid_over_the_home_tree() {
    let settings = good(FLEET);
    let home = &settings.home;
    assert_eq!(home.instances.len(), 3);
    let [main, blue, green] = &home.instances[..] else {
        panic!("three instances")
    };
    assert!(main.primary && !blue.primary && !green.primary);
    assert_eq!(blue.namespace.as_str(), "blue");
    assert_eq!(main.controller.tenant.as_str(), "red");
    assert_eq!(blue.controller.tenant.as_str(), "blue");
    assert_eq!(green.controller.tenant.as_str(), "red");
    assert_eq!(blue.controller.service_engine_group, "seg-blue");
    assert_eq!(blue.l7.shard_size, ShardSize::Medium);
    assert_eq!(blue.ako.namespace_selector.as_ref().unwrap().value, "blue");
    assert_eq!(main.ako.namespace_selector, None);
    assert_eq!(home.primary().unwrap().namespace.as_str(), "avi-system");
    let all: Vec<_> = home
        .selecting("x", |_| Some("blue"))
        .map(|it| it.namespace.as_str())
        .collect();
    assert_eq!(all, ["avi-system", "blue", "green"]);
}

#[test]
fn clusters_have_instances_of_their_own() {
    let settings = good(FLEET);
    let names: Vec<_> = settings
        .all_clusters()
        .map(|cluster| cluster.name.as_str())
        .collect();
    assert_eq!(names, ["one", "two", "three"]);
    let two = settings.cluster(&ClusterName::from("two")).unwrap();
    assert_eq!(two.instances.len(), 2);
    assert!(two.instances[0].primary);
    assert_eq!(two.instances[0].l7.shard_size, ShardSize::Small);
    assert_eq!(two.instances[1].l7.shard_size, ShardSize::Small);
    assert_eq!(two.instances[1].controller.tenant.as_str(), "blue2");
    assert_eq!(two.instances[1].cluster.as_str(), "two");
    let users: Vec<_> = settings
        .instances()
        .map(|it| it.domain().user().to_string())
        .collect();
    assert_eq!(
        users,
        [
            "ako-one",
            "ako-one-blue",
            "ako-one-green",
            "ako-two",
            "ako-two-blue",
            "ako-three"
        ]
    );
    let domain = DomainId {
        cluster: ClusterName::from("two"),
        instance: Some("blue".into()),
    };
    assert_eq!(settings.instance(&domain), Some(&two.instances[1]));
}

#[test]
fn identities_and_controllers_belong_to_clusters() {
    let settings = good(FLEET);
    assert_eq!(
        settings.home.identity.issuer.as_deref(),
        Some("https://one.lab")
    );
    let two = &settings.clusters[0];
    assert_eq!(
        two.identity.jwks,
        Some(Jwks::Url("https://two.lab/openid/v1/jwks".to_owned()))
    );
    let [agent, spiffe] = &two.identity.rules[..] else {
        panic!("two rules")
    };
    assert_eq!(agent.namespaces, Coverage::All);
    assert!(agent.cluster_scope && !spiffe.cluster_scope);
    assert!(spiffe.namespaces.covers("a") && !spiffe.namespaces.covers("c"));
    assert_eq!(two.controller, settings.home.controller);
    let three = &settings.clusters[1];
    assert_eq!(
        three.identity.jwks,
        Some(Jwks::File("/etc/aviary/three.json".to_owned()))
    );
    assert_eq!(
        three.controller,
        ControllerAccess {
            host: Some("avi3.lab:443".to_owned()),
            version: None,
            files: Some(CredentialFiles {
                username: Some("/etc/avi3/username".to_owned()),
                password: Some("/etc/avi3/password".to_owned()),
                token: None,
                ca: Some("/etc/avi3/ca.crt".to_owned()),
            }),
        }
    );
}

#[test]
fn a_home_row_shares_its_controller_in_any_order() {
    let yaml = "
AKOSettings: {clusterName: one}
clusters:
- {name: two}
- {name: one, controller: {host: avi.lab, tokenFile: /etc/avi/token}}
";
    let settings = good(yaml);
    assert_eq!(settings.home.controller.host.as_deref(), Some("avi.lab"));
    assert_eq!(settings.clusters[0].controller, settings.home.controller);
}

#[test]
fn rows_that_cannot_be_are_refused() {
    let told = errors(
        "
AKOSettings: {clusterName: one}
instances:
- {namespace: avi-system}
- {namespace: Blue}
- {values: {}}
- {namespace: red, values: {AKOSettings: {primaryInstance: true, clusterName: other}}}
- {namespace: green, values: {ControllerSettings: {controllerHost: elsewhere}}}
- {namespace: grey, values: {instances: [{namespace: x}], L7Settings: {serviceType: Ingress}}}
- {namespace: grey, values: text}
clusters:
- {name: one, values: {AKOSettings: {enableEVH: true}}}
- {name: two, issuer: https://two}
- {name: two}
- {name: three, values: {AKOSettings: {clusterName: four}, ControllerSettings: {controllerHost: x}}}
- {name: five, controller: {host: x, passwordFile: geheim}}
- {name: six, identities: [{namespaces: some}], jwks: '{\"keys\": [\"geheim\"]}'}
",
    );
    let want = [
        "instances[1].namespace: \"Blue\" is not allowed; allowed is the name of a namespace: \
         a-z, 0-9 and -, at most 63",
        "instances[2].namespace: missing; needed is the name of a namespace: a-z, 0-9 and -, at \
         most 63",
        "instances[5].values.instances: values do not hold rows of their own",
        "instances[6].values: the value (not shown) is not allowed; allowed is a values tree",
        "clusters[4].controller.passwordFile: the value (not shown) is not allowed; allowed is \
         the path of a file",
        "clusters[4].controller: missing; needed is usernameFile with passwordFile, or tokenFile",
        "clusters[5].jwks: the value (not shown) is not allowed; allowed is the name of a file, \
         or a URL, that holds the keys",
        "clusters[5].identities[0].subject: missing; needed is a user name, a URI SAN or a CN",
        "clusters[5].identities[0].namespaces: \"some\" is not allowed; allowed is a list of \
         namespaces, or all",
        "instances[0].namespace: another instance of one lives there",
        "instances[3].values.AKOSettings.clusterName: holds for the whole cluster: all its \
         instances share it",
        "instances[4].values.ControllerSettings.controllerHost: holds for the whole cluster: all \
         its instances share it",
        "instances[5].values.L7Settings.serviceType: \"Ingress\" is not allowed; allowed is one \
         of ClusterIP, NodePort, NodePortLocal",
        "clusters[2].name: two stands twice",
        "clusters[0].values: the home cluster's values are the top level of this file",
        "clusters[1]: issuer and jwks belong together",
        "clusters[3].values.AKOSettings.clusterName: the row is called three",
        "clusters[3].values.ControllerSettings.controllerHost: a Controller of its own needs \
         `controller` in the row, with credential files",
        "AKOSettings.primaryInstance: one has 2 primary instances",
    ];
    assert_eq!(told, want);
}

#[test]
fn a_fault_below_is_told_once() {
    let told = errors(
        "
AKOSettings: {clusterName: one, ipFamily: V5}
NetworkSettings: {bgpPeerLabels: [a]}
instances: [{namespace: blue}, {namespace: red}]
clusters: [{name: two}]
",
    );
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn what_holds_for_the_translator_is_told_in_rows() {
    let parsed = parse(
        "
AKOSettings: {clusterName: one, logLevel: INFO}
instances:
- {namespace: blue, values: {AKOSettings: {logLevel: DEBUG}, AviarySettings: {drift: repair}}}
",
    );
    let told: Vec<_> = parsed.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "instances[0].values.AKOSettings.logLevel: holds for the whole translator: only the \
             top level counts"
        ]
    );
}

#[test]
fn a_cluster_of_several_without_a_primary_is_told() {
    let parsed = parse(
        "{AKOSettings: {clusterName: one, primaryInstance: false}, instances: [{namespace: blue}]}",
    );
    let told: Vec<_> = parsed.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["AKOSettings.primaryInstance: one has no primary instance: nobody keeps its routes"]
    );
    let row = "{AKOSettings: {clusterName: one, primaryInstance: false}, instances: [{namespace: \
     blue, values: {AKOSettings: {primaryInstance: true}}}]}";
    let settings = good(row);
    assert_eq!(settings.home.primary().unwrap().namespace.as_str(), "blue");
    assert_eq!(
        settings.home.instances[0].domain().user(),
        "ako-one-avi-system"
    );
}

#[test]
fn the_home_namespace_is_handed_in() {
    let parsed = parse_in(
        "AKOSettings: {clusterName: c, primaryInstance: false}",
        &Namespace::from("blue"),
    );
    assert_eq!(
        parsed.settings.unwrap().home.instances[0].domain().user(),
        "ako-c-blue"
    );
}

#[test]
fn the_cluster_s_name_does_not_change() {
    let one = good("AKOSettings: {clusterName: one}");
    let other = good("AKOSettings: {clusterName: two}");
    let more = good("{AKOSettings: {clusterName: one, enableEVH: true}, clusters: [{name: two}]}");
    assert_eq!(one.refused_change(&more), None);
    let told = one.refused_change(&other).unwrap().to_string();
    assert_eq!(
        told,
        "AKOSettings.clusterName: is one and cannot become two: all names and ownership hang on it"
    );
}

#[test]
fn variables_are_settings_too() {
    let variables = [
        ("CLUSTER_NAME", "from-ako"),
        ("AVIARY_AKO_CLUSTER_NAME", "own"),
        ("SHARD_VS_SIZE", "SMALL"),
        ("VIP_NETWORK_LIST", r#"[{"networkName":"net1"}]"#),
        ("BLOCKED_NS_LIST", ""),
        ("POD_NAMESPACE", "blue"),
        ("PATH", "/bin"),
    ];
    let variables = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let read = from_env(&variables.into());
    let told: Vec<_> = read.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "L7Settings.shardVSSize: taken from AKO's variable SHARD_VS_SIZE; its own name is \
             AVIARY_L7_SHARD_VS_SIZE",
            "NetworkSettings.vipNetworkList: taken from AKO's variable VIP_NETWORK_LIST; its own \
             name is AVIARY_NETWORK_VIP_NETWORK_LIST",
        ]
    );
    let settings = check(&read.raw.unwrap(), &read.namespace.unwrap())
        .settings
        .unwrap();
    let home = &settings.home.instances[0];
    assert_eq!(home.cluster.as_str(), "own");
    assert_eq!(home.namespace.as_str(), "blue");
    assert_eq!(home.l7.shard_size, ShardSize::Small);
    assert_eq!(home.network.vip_networks.len(), 1);
}

#[test]
fn no_variables_are_no_settings() {
    let read = from_env(&[("PATH".to_owned(), "/bin".to_owned())].into());
    assert_eq!(
        read.raw.unwrap_err()[0].to_string(),
        "settings: the document is empty; an empty file never means defaults"
    );
    let read = from_env(&[("VIP_NETWORK_LIST".to_owned(), "[".to_owned())].into());
    assert_eq!(
        read.raw.unwrap_err()[0].to_string(),
        "NetworkSettings.vipNetworkList: the text of VIP_NETWORK_LIST is not allowed; allowed is \
         JSON or YAML"
    );
}
