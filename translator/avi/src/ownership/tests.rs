use super::Owned;
use crate::common::Marker;
use crate::metadata::ServiceMetadata;
use crate::objects::{AviKind, Body};
use crate::pool::Pool;
use crate::se_group::ServiceEngineGroup;
use crate::virtual_service::VirtualService;
use crate::vs_vip::VsVip;
use aviary_types::{ClusterName, DomainId};

fn domain(cluster: &str, instance: Option<&str>) -> DomainId {
    DomainId {
        cluster: ClusterName::new(cluster),
        instance: instance.map(Into::into),
    }
}

fn pool(created_by: Option<&str>, cluster: Option<&str>) -> Body {
    let markers = cluster.map(|cluster| Marker::one("clustername", cluster));
    Body::from(Pool {
        name: "orange--p".into(),
        created_by: created_by.map(Into::into),
        markers: markers.into_iter().collect(),
        ..Pool::default()
    })
}

#[test]
fn created_by_and_cluster_must_both_be_exact() {
    let ours = domain("orange", None);
    let cases = [
        (Some("ako-orange"), Some("orange"), Owned::Yes),
        (Some("ako-orange-new"), Some("orange-new"), Owned::No),
        (Some("ako-orange-new"), Some("orange"), Owned::No),
        (Some("ako-orange"), Some("orange-new"), Owned::No),
        (Some("ako-orange"), None, Owned::No),
        (None, Some("orange"), Owned::No),
        (Some("ako-gw-orange-avi-system"), Some("orange"), Owned::No),
        (Some(""), Some("orange"), Owned::No),
    ];
    for (user, cluster, want) in cases {
        assert_eq!(
            pool(user, cluster).owner(&ours),
            want,
            "{user:?} {cluster:?}"
        );
    }
}

#[test]
fn an_instance_is_not_a_cluster_of_the_same_text() {
    // Both have the user `ako-a-b`; the cluster's marker tells them apart.
    let (instance, cluster) = (domain("a", Some("b")), domain("a-b", None));
    assert_eq!(instance.user(), cluster.user());
    let body = pool(Some("ako-a-b"), Some("a"));
    assert_eq!(body.owner(&instance), Owned::Yes);
    assert_eq!(body.owner(&cluster), Owned::No);
    assert_eq!(body.owner(&domain("a", None)), Owned::No);
}

#[test]
fn two_values_are_not_exact() {
    let mut body = Pool {
        created_by: Some("ako-orange".into()),
        ..Pool::default()
    };
    let values = vec!["orange".into(), "other".into()];
    body.markers = vec![Marker::many("clustername", values)];
    assert_eq!(Body::from(body).owner(&domain("orange", None)), Owned::No);
}

#[test]
fn vips_need_a_referrer_and_gateways_are_foreign() {
    let vip = |name: &str, cluster: &str| {
        Body::from(VsVip {
            name: name.into(),
            markers: vec![Marker::one("clustername", cluster)],
            ..VsVip::default()
        })
    };
    let primary = domain("orange", None);
    assert_eq!(vip("v", "orange").owner(&primary), Owned::IfReferred);
    let other = domain("orange", Some("blue"));
    assert_eq!(vip("v", "orange").owner(&other), Owned::IfReferred);
    assert_eq!(vip("v", "orange-new").owner(&primary), Owned::No);
    let gateway = vip("ako-gw-orange--ns-gw-EVH", "orange");
    assert_eq!(gateway.owner(&primary), Owned::No);
}

#[test]
fn shared_kinds_have_entries_alone() {
    let group = Body::from(ServiceEngineGroup::default());
    assert_eq!(group.owner(&domain("orange", None)), Owned::Entries);
    assert!(AviKind::ServiceEngineGroup.is_shared());
}

#[test]
fn sources_come_from_markers_and_metadata() {
    let metadata = ServiceMetadata {
        namespace_ingress_name: vec!["red/a".into(), "blue/b".into()],
        ..ServiceMetadata::default()
    };
    let body = Body::from(VirtualService {
        service_metadata: Some(metadata.to_text()),
        markers: vec![
            Marker::one("Namespace", "red"),
            Marker::many("Host", vec!["x".into(), "y".into()]),
        ],
        ..VirtualService::default()
    });
    let namespaces = body.namespaces();
    assert!(namespaces.iter().eq(["blue", "red"]));
    assert_eq!(body.sources().hosts(), ["x", "y"]);
    assert!(body.sources().ingresses().is_empty());
    assert_eq!(body.sources().service(), None);
}
