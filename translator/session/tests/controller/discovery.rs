use crate::support::{lab, rule};
use aviary_avi::{Named, Standing};
use aviary_session::{Problem, Wanted};
use aviary_sim::FaultRule;

fn wanted() -> Wanted {
    Wanted {
        cloud: "Default-Cloud".into(),
        tenant: "blue".into(),
        se_groups: vec!["Default-Group".into()],
        networks: vec!["vip-net".into()],
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
        networks: vec!["no-net".into()],
        ..wanted()
    };
    let found = lab().session.discover(&wanted).await.unwrap();
    assert_eq!(
        found.problems,
        [
            Problem::NoTenant("purple".into()),
            Problem::NoVrf("no-vrf".into()),
            Problem::NoSeGroup("no-group".into()),
            Problem::NoNetwork("no-net".into()),
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

#[tokio::test(start_paused = true)]
async fn a_tier_1_router_is_named_where_the_cloud_has_some_and_only_there() {
    let problems = async |cloud: &str, tier1: Option<&str>| {
        let wanted = Wanted {
            cloud: cloud.into(),
            networks: Vec::new(),
            tier1: tier1.map(Into::into),
            ..wanted()
        };
        let found = lab().session.discover(&wanted).await.unwrap().problems;
        let about = |it: &Problem| matches!(it, Problem::NoTier1 | Problem::Tier1Elsewhere(_));
        found.into_iter().filter(about).collect::<Vec<_>>()
    };
    let elsewhere = [Problem::Tier1Elsewhere("/t".into())];
    assert_eq!(problems("Default-Cloud", None).await, []);
    assert_eq!(problems("Default-Cloud", Some("/t")).await, elsewhere);
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
