use crate::support::{lab, lab_of, rule};
use aviary_avi::{Named, Standing};
use aviary_session::{Problem, Session, Wanted};
use aviary_sim::FaultRule;
use serde_json::json;

fn wanted() -> Wanted {
    Wanted {
        cloud: "Default-Cloud".into(),
        tenant: "blue".into(),
        se_groups: vec!["Default-Group".into()],
        vip_networks: vec![Named::Network("vip-net".into())],
        ..Wanted::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_cloud_tells_what_translation_needs() {
    let found = lab().session.discover(&wanted()).await.unwrap();
    assert_eq!(found.problems, []);
    let inventory = found.inventory;
    assert_eq!(inventory.dns_domains, ["avi.internal"]);
    assert_eq!(inventory.license_tier, "ENTERPRISE");
    assert_eq!(inventory.cluster_uuid, "cluster-0000-sim");
    assert_eq!(inventory.ipam_type, "IPAMDNS_TYPE_INTERNAL");
    assert_eq!(inventory.vrf, "global");
    assert!(inventory.cloud_type.starts_with("CLOUD_"));
}

#[tokio::test(start_paused = true)]
async fn names_that_mean_nothing_are_told_together() {
    let wanted = Wanted {
        tenant: "purple".into(),
        vrf: Some("no-vrf".into()),
        se_groups: vec!["Default-Group".into(), "no-group".into()],
        vip_networks: vec![
            Named::Network("no-net".into()),
            Named::NetworkUuid("no-uuid".into()),
        ],
        has_v6: true,
        ..wanted()
    };
    let found = lab().session.discover(&wanted).await.unwrap();
    assert_eq!(
        found.problems,
        [
            Problem::NoTenant("purple".into()),
            Problem::NoVrf("no-vrf".into()),
            Problem::NoSeGroup("no-group".into()),
            Problem::NoNetwork(Named::Network("no-net".into())),
            Problem::NoNetwork(Named::NetworkUuid("no-uuid".into())),
            Problem::SeveralNetworks,
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_cloud_and_a_missing_right_are_problems_not_errors() {
    let lab = lab();
    lab.fault(FaultRule {
        status: Some(403),
        ..rule("GET", "cluster")
    });
    let wanted = Wanted {
        cloud: "no-cloud".into(),
        ..wanted()
    };
    let found = lab.session.discover(&wanted).await.unwrap();
    assert_eq!(
        found.problems,
        [
            Problem::NoCloud("no-cloud".into()),
            Problem::NotReadable("cluster"),
        ]
    );
}

/// A session with a Controller whose cloud is of this kind.
fn cloud_of(kind: &str, zone: &str) -> Session {
    let lab = lab_of(|objects| {
        let cloud = &mut objects["cloud"][0];
        cloud["vtype"] = kind.into();
        if kind == "CLOUD_NSXT" {
            cloud["nsxt_configuration"] = json!({"data_network_config": {"tz_type": zone}});
        }
    });
    lab.session
}

#[tokio::test(start_paused = true)]
async fn a_tier_1_router_is_named_where_the_cloud_has_some_and_only_there() {
    let problems = async |(kind, zone): (&str, &str), tier1: Option<&str>, vpc: bool| {
        let wanted = Wanted {
            vip_networks: Vec::new(),
            tier1: tier1.map(Into::into),
            vpc,
            ..wanted()
        };
        let found = cloud_of(kind, zone).discover(&wanted).await;
        found.unwrap().problems
    };
    let (none, overlay) = (("CLOUD_NONE", ""), ("CLOUD_NSXT", "OVERLAY"));
    let vlan = ("CLOUD_NSXT", "VLAN_BACKED");
    let elsewhere = [Problem::Tier1Elsewhere("/t".into())];
    assert_eq!(problems(none, None, false).await, []);
    assert_eq!(problems(none, Some("/t"), false).await, elsewhere);
    assert_eq!(problems(vlan, Some("/t"), false).await, elsewhere);
    assert_eq!(problems(overlay, Some("/t"), false).await, []);
    assert_eq!(problems(overlay, None, false).await, [Problem::NoTier1]);
    // A VPC is named by the router's path.
    let path = Some("/orgs/o/projects/p/vpcs/v");
    assert_eq!(problems(none, path, true).await, [Problem::VpcElsewhere]);
    assert_eq!(problems(overlay, path, true).await, []);
    assert_eq!(problems(overlay, Some("/t"), true).await, [Problem::NoVpc]);
}

#[tokio::test(start_paused = true)]
async fn networks_are_as_many_and_of_such_families_as_the_cloud_has_addresses_of() {
    let problems = async |kind: &str, count: usize, has_v6: bool| {
        let networks = ["vip-net", "node-net"].map(|name| Named::Network(name.into()));
        let wanted = Wanted {
            vip_networks: networks[..count].to_vec(),
            has_v6,
            ..wanted()
        };
        let found = cloud_of(kind, "VLAN_BACKED").discover(&wanted).await;
        found.unwrap().problems
    };
    for kind in ["CLOUD_NONE", "CLOUD_VCENTER", "CLOUD_NSXT"] {
        assert_eq!(problems(kind, 1, true).await, [], "{kind}");
        assert_eq!(problems(kind, 2, true).await, [Problem::SeveralNetworks]);
    }
    assert_eq!(problems("CLOUD_AWS", 2, false).await, []);
    let both = [Problem::SeveralNetworks, Problem::V6Elsewhere];
    assert_eq!(problems("CLOUD_GCP", 2, true).await, both);
    assert_eq!(problems("CLOUD_AZURE", 2, true).await, both);
}

#[tokio::test(start_paused = true)]
async fn networks_of_nodes_are_looked_for_where_pools_are_placed_by_them() {
    let none = Named::Network("no-net".into());
    let wanted = Wanted {
        node_networks: vec![Named::Network("node-net".into()), none.clone()],
        ..wanted()
    };
    for (kind, zone, is_placed) in [
        ("CLOUD_VCENTER", "", true),
        ("CLOUD_NSXT", "VLAN_BACKED", true),
        ("CLOUD_NONE", "", false),
        ("CLOUD_AWS", "", false),
    ] {
        let found = cloud_of(kind, zone).discover(&wanted).await.unwrap();
        let missing = is_placed.then(|| Problem::NoNetwork(none.clone()));
        let missing: Vec<Problem> = missing.into_iter().collect();
        assert_eq!(found.problems, missing, "{kind} {zone}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_vrf_is_named_on_clouds_that_have_several() {
    let wanted = Wanted {
        vrf: Some("management".into()),
        ..wanted()
    };
    for (kind, want) in [
        ("CLOUD_NONE", "management"),
        ("CLOUD_VCENTER", "management"),
        ("CLOUD_AWS", "global"),
        ("CLOUD_GCP", "global"),
    ] {
        let found = cloud_of(kind, "").discover(&wanted).await.unwrap();
        assert_eq!(found.inventory.vrf, want, "{kind}");
        assert_eq!(found.problems, [], "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_with_the_label_of_another_is_told_and_goes_on() {
    let problems = async |label: &str, cluster: Option<&str>| {
        let lab = lab_of(|objects| {
            let label = json!([{"key": "clustername", "value": label}]);
            objects["serviceenginegroup"][0]["labels"] = label;
        });
        let wanted = Wanted {
            labels: cluster.map(Into::into),
            ..wanted()
        };
        lab.session.discover(&wanted).await.unwrap().problems
    };
    assert_eq!(problems("c1", Some("c1")).await, []);
    assert_eq!(problems("c10", None).await, []);
    let taken = Problem::SeGroupTaken("Default-Group".into(), "clustername=c10".into());
    assert_eq!(
        problems("c10", Some("c1")).await,
        std::slice::from_ref(&taken)
    );
    assert!(!taken.is_bar() && !Problem::NotReadable("cluster").is_bar());
    assert!(Problem::NoTier1.is_bar() && Problem::SeveralNetworks.is_bar());
}

#[tokio::test(start_paused = true)]
async fn names_that_objects_give_are_looked_for() {
    let lab = lab();
    let asked = [
        Named::Network("vip-net".into()),
        Named::Network("no-net".into()),
        Named::NetworkUuid("no-uuid".into()),
        Named::SeGroup("Default-Group".into()),
        Named::SeGroup("no-group".into()),
    ];
    let (cluster, wanted) = ("c1".into(), asked.clone().into());
    let found = lab
        .session
        .look_up(&cluster, "Default-Cloud", &wanted)
        .await;
    let found = found.unwrap();
    let standing = asked.map(|it| found.named.get(&it).cloned());
    let (present, absent) = (Some(Standing::Present), Some(Standing::Absent));
    assert_eq!(
        standing,
        [&present, &absent, &absent, &present, &absent].map(Clone::clone)
    );
    // The group comes along, for its labels are written next.
    let groups: Vec<_> = found.groups.iter().map(|it| it.key.name.as_str()).collect();
    assert_eq!(groups, ["Default-Group"]);
    assert!(found.groups[0].raw.is_some());
}
