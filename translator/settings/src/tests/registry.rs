//! The registry: sorted, complete, and what is made from it.

use crate::all::ALL;
use crate::notes::Notes;
use crate::{Change, Effect, Reach, reference_markdown, registry, values_schema, variable};
use std::collections::BTreeSet;

/// Every key of AKO's values that a program reads, not only a chart.
const AKO_KEYS: &[&str] = &[
    "featureGates.GatewayAPI",
    "featureGates.EnablePrometheus",
    "AKOSettings.primaryInstance",
    "AKOSettings.enableEvents",
    "AKOSettings.logLevel",
    "AKOSettings.fullSyncFrequency",
    "AKOSettings.apiServerPort",
    "AKOSettings.deleteConfig",
    "AKOSettings.disableStaticRouteSync",
    "AKOSettings.clusterName",
    "AKOSettings.cniPlugin",
    "AKOSettings.enableEVH",
    "AKOSettings.layer7Only",
    "AKOSettings.namespaceSelector.labelKey",
    "AKOSettings.namespaceSelector.labelValue",
    "AKOSettings.servicesAPI",
    "AKOSettings.vipPerNamespace",
    "AKOSettings.istioEnabled",
    "AKOSettings.blockedNamespaceList",
    "AKOSettings.ipFamily",
    "AKOSettings.useDefaultSecretsOnly",
    "AKOSettings.vpcMode",
    "NetworkSettings.nodeNetworkList",
    "NetworkSettings.enableRHI",
    "NetworkSettings.nsxtT1LR",
    "NetworkSettings.bgpPeerLabels",
    "NetworkSettings.vipNetworkList",
    "NetworkSettings.defaultDomain",
    "L7Settings.defaultIngController",
    "L7Settings.noPGForSNI",
    "L7Settings.serviceType",
    "L7Settings.shardVSSize",
    "L7Settings.passthroughShardSize",
    "L7Settings.enableMCI",
    "L7Settings.fqdnReusePolicy",
    "L4Settings.defaultLBController",
    "L4Settings.defaultDomain",
    "L4Settings.autoFQDN",
    "ControllerSettings.serviceEngineGroupName",
    "ControllerSettings.controllerVersion",
    "ControllerSettings.cloudName",
    "ControllerSettings.controllerHost",
    "ControllerSettings.tenantName",
    "ControllerSettings.vrfName",
    "ControllerSettings.dedicatedTenantMode",
    "nodePortSelector.key",
    "nodePortSelector.value",
    "ako-crd-operator.enabled",
];

/// Aviary's own keys.
const OWN_KEYS: &[&str] = &[
    "AKOSettings.namingScheme",
    "AviarySettings.adoption",
    "AviarySettings.adoptionQuiet",
    "AviarySettings.autoAnnotateServices",
    "AviarySettings.crossClusterHosts",
    "AviarySettings.duplicatePaths",
    "AviarySettings.unusedShards",
    "AviarySettings.reshardOverlap",
    "AviarySettings.defaultBackend",
    "AviarySettings.maxWritesInFlight",
    "AviarySettings.drift",
    "AviarySettings.driftInterval",
    "AviarySettings.deleteGuardPercent",
    "instances",
    "clusters",
];

#[test]
fn sorted_and_without_duplicates() {
    let keys: Vec<_> = registry().map(|about| about.key).collect();
    assert!(keys.is_sorted_by(|one, other| one < other), "{keys:#?}");
    assert!(crate::CHART_KEYS.is_sorted());
}

#[test]
fn complete() {
    let keys: BTreeSet<_> = registry().map(|about| about.key).collect();
    let want: BTreeSet<_> = AKO_KEYS.iter().chain(OWN_KEYS).copied().collect();
    assert_eq!(keys, want);
}

#[test]
fn every_default_is_legal() {
    for entry in ALL {
        let about = entry.about();
        let value = serde_json::from_str(about.default).unwrap();
        if about.key == "AKOSettings.clusterName" {
            continue; // It has none: it must be said.
        }
        let mut notes = Notes::default();
        entry.check(&value, &mut notes);
        assert!(
            notes.errors.is_empty() && notes.warnings.is_empty(),
            "{} {notes:?}",
            about.key
        );
    }
}

#[test]
fn only_the_cluster_s_name_is_pinned() {
    let pinned: Vec<_> = registry()
        .filter(|about| about.change == Change::Pinned)
        .map(|about| about.key)
        .collect();
    assert_eq!(pinned, ["AKOSettings.clusterName"]);
    let cluster: Vec<_> = registry()
        .filter(|about| about.reach == Reach::Cluster)
        .map(|about| about.key)
        .collect();
    assert_eq!(
        cluster,
        [
            "AKOSettings.clusterName",
            "ControllerSettings.controllerHost",
            "ControllerSettings.controllerVersion"
        ]
    );
}

#[test]
fn own_settings_have_their_effect() {
    let later: Vec<_> = OWN_KEYS
        .iter()
        .filter(|key| registry().any(|it| it.key == **key && it.effect != Effect::Now))
        .collect();
    assert!(later.is_empty(), "{later:?}");
}

#[test]
fn variables_are_unique_and_readable() {
    let names: BTreeSet<_> = registry().map(|about| variable(about.key)).collect();
    assert_eq!(names.len(), ALL.len());
    let check = |key: &str, want: &str| assert_eq!(variable(key), want);
    check("L7Settings.shardVSSize", "AVIARY_L7_SHARD_VS_SIZE");
    check("L7Settings.noPGForSNI", "AVIARY_L7_NO_PG_FOR_SNI");
    check("AKOSettings.enableEVH", "AVIARY_AKO_ENABLE_EVH");
    check(
        "AKOSettings.namespaceSelector.labelKey",
        "AVIARY_AKO_NAMESPACE_SELECTOR_LABEL_KEY",
    );
    check("AviarySettings.driftInterval", "AVIARY_DRIFT_INTERVAL");
    check(
        "ako-crd-operator.enabled",
        "AVIARY_AKO_CRD_OPERATOR_ENABLED",
    );
    check("clusters", "AVIARY_CLUSTERS");
    let aliases: Vec<_> = registry().filter_map(|about| about.env).collect();
    let unique: BTreeSet<_> = aliases.iter().collect();
    assert_eq!(unique.len(), aliases.len());
}

#[test]
fn the_schema_has_every_key() {
    let schema = values_schema();
    for about in registry() {
        let pointer = format!("/properties/{}", about.key.replace('.', "/properties/"));
        let entry = schema
            .pointer(&pointer)
            .unwrap_or_else(|| panic!("{pointer}"));
        assert_eq!(entry["description"], about.doc, "{pointer}");
    }
    let shard = &schema["properties"]["L7Settings"]["properties"]["shardVSSize"];
    assert_eq!(
        shard["enum"],
        serde_json::json!(["LARGE", "MEDIUM", "SMALL", "DEDICATED", ""])
    );
    assert_eq!(shard["default"], "LARGE");
    let row = &schema["properties"]["instances"]["items"];
    assert_eq!(row["required"], serde_json::json!(["namespace"]));
}

#[test]
fn the_reference_page_is_fresh() {
    let committed = include_str!("../../../../docs/settings.md");
    assert!(
        committed == reference_markdown(),
        "docs/settings.md is stale: run `cargo xtask regen`"
    );
}
