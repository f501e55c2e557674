use crate::support::{lab, rule};
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
