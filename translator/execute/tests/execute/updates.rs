use crate::support::{Lab, create, delete, key, lab, pool, pool_with, rule, update, vip};
use aviary_avi::common::{IpAddr, Label, Subnet};
use aviary_avi::vrf_context::{StaticRoute, VrfContext};
use aviary_avi::{Body, Ref};
use aviary_execute::{End, Failure, Found, Report};
use aviary_session::Class;
use aviary_sim::{Drop, FaultRule};

fn failure(report: &Report) -> &Failure {
    match &report.failed[0].end {
        End::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

/// Somebody else writes the object.
async fn meddle(lab: &Lab, body: &Body) {
    let uuid = lab.observed.objects[&key(body)].uuid.clone();
    lab.session
        .update(&key(body), &uuid, body, &|_| true)
        .await
        .unwrap();
    lab.simulator.clear_log();
}

#[tokio::test(start_paused = true)]
async fn an_update_replaces_and_a_repeated_one_finds_it_done() {
    let mut lab = lab();
    lab.given(&[pool("a")]).await;
    assert!(
        lab.run(vec![update(&pool_with("a", Some("t1")))])
            .await
            .is_clean()
    );
    let log = lab.simulator.log();
    let asked: Vec<String> = log.iter().map(crate::support::line).collect();
    assert_eq!(asked, ["PUT pool c1--a"]);
    lab.fault(FaultRule {
        drop: Some(Drop::After),
        count: Some(1),
        ..rule("PUT", "pool")
    });
    let body = pool_with("a", Some("t2"));
    assert!(lab.run(vec![update(&body)]).await.is_clean());
    assert!(lab.observed.objects[&key(&body)].body.same(&body));
    let statuses: Vec<u16> = lab.sent("PUT", "pool").iter().map(|it| it.status).collect();
    assert_eq!(statuses, [200, 0, 412], "applied, lost, found by its stamp");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_others_changed_is_read_again_and_reported() {
    let mut lab = lab();
    lab.given(&[pool("a")]).await;
    let theirs = pool_with("a", Some("theirs"));
    meddle(&lab, &theirs).await;
    let ours = pool_with("a", Some("ours"));
    let report = lab.run(vec![update(&ours)]).await;
    assert_eq!(failure(&report).class, Class::Reread);
    assert!(lab.observed.objects[&key(&ours)].body.same(&theirs));
    assert!(lab.run(vec![update(&ours)]).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_gone_is_reported_as_gone() {
    let mut lab = lab();
    lab.given(&[pool("a")]).await;
    let known = lab.observed.clone();
    assert!(lab.run(vec![delete(&pool("a"))]).await.is_clean());
    lab.observed = known;
    let report = lab.run(vec![update(&pool_with("a", Some("t1")))]).await;
    assert_eq!(failure(&report).class, Class::Gone);
    assert!(matches!(failure(&report).found, Found::Gone));
    assert!(lab.observed.objects.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_vip_keeps_what_the_controller_gave_it() {
    let mut lab = lab();
    lab.given(&[vip("v", &["a.avi.internal"])]).await;
    let wider = vip("v", &["a.avi.internal", "b.avi.internal"]);
    assert!(lab.run(vec![update(&wider)]).await.is_clean());
    let log = lab.simulator.log();
    let asked: Vec<String> = log.iter().map(crate::support::line).collect();
    assert_eq!(asked, ["GET vsvip c1--v", "PUT vsvip c1--v"]);
    assert!(wider.same(&lab.observed.objects[&key(&wider)].body));
    lab.simulator.clear_log();
    assert!(lab.run(vec![update(&wider)]).await.is_clean());
    assert!(
        lab.writes().is_empty(),
        "what is there already is not written"
    );
}

#[tokio::test(start_paused = true)]
async fn a_vip_that_others_changed_is_compared_anew() {
    let mut lab = lab();
    lab.given(&[vip("v", &["a.avi.internal"])]).await;
    meddle(&lab, &vip("v", &["theirs.avi.internal"])).await;
    let report = lab.run(vec![update(&vip("v", &["b.avi.internal"]))]).await;
    assert_eq!(failure(&report).class, Class::Reread);
    assert!(lab.writes().is_empty());
}

fn routes(cluster: &str, node: &str) -> Body {
    let route = StaticRoute {
        route_id: format!("{cluster}-1").into(),
        prefix: Subnet::parse("10.244.0.0/24").unwrap(),
        next_hop: IpAddr::new(node),
        labels: vec![Label {
            key: "clustername".into(),
            value: cluster.into(),
        }],
    };
    VrfContext {
        name: "global".into(),
        tenant_ref: Some(Ref::tenant("admin")),
        cloud_ref: Some(Ref::plain("cloud", "Default-Cloud")),
        static_routes: vec![route],
        owners: vec![cluster.into()],
    }
    .into()
}

#[tokio::test(start_paused = true)]
async fn routes_of_others_stay_even_if_they_come_at_the_same_time() {
    let mut lab = lab();
    lab.reread().await;
    meddle(&lab, &routes("c2", "10.0.0.2")).await;
    lab.fault(FaultRule {
        status: Some(412),
        count: Some(1),
        ..rule("PUT", "vrfcontext")
    });
    let ours = routes("c1", "10.0.0.1");
    assert!(lab.run(vec![update(&ours)]).await.is_clean());
    let Body::VrfContext(vrf) = &*lab.observed.objects[&key(&ours)].body else {
        panic!()
    };
    let mut hops: Vec<&str> = vrf
        .static_routes
        .iter()
        .map(|it| it.next_hop.addr.as_str())
        .collect();
    hops.sort_unstable();
    assert_eq!(hops, ["10.0.0.1", "10.0.0.2"]);
    let report = lab.run(vec![delete(&ours)]).await;
    assert_eq!(
        failure(&report).class,
        Class::Refuse,
        "shared objects are never deleted"
    );
}

#[tokio::test(start_paused = true)]
async fn transient_trouble_is_waited_out_and_lasting_trouble_reported() {
    let mut lab = lab();
    lab.given(&[pool("a")]).await;
    lab.fault(FaultRule {
        status: Some(503),
        count: Some(2),
        ..rule("PUT", "pool")
    });
    assert!(
        lab.run(vec![update(&pool_with("a", Some("t1")))])
            .await
            .is_clean()
    );
    lab.simulator.clear_log();
    lab.fault(FaultRule {
        status: Some(503),
        ..rule("PUT", "pool")
    });
    let report = lab.run(vec![update(&pool_with("a", Some("t2")))]).await;
    assert_eq!(failure(&report).class, Class::Retry);
    assert_eq!(lab.sent("PUT", "pool").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_an_upgrade_or_an_address_is_left_to_the_caller() {
    let mut lab = lab();
    for (status, text, class) in [
        (
            403,
            "Configuration is disallowed during upgrade",
            Class::WaitForUpgrade,
        ),
        (400, "No available free IPs", Class::NoFreeAddress),
    ] {
        lab.simulator.clear_log();
        lab.fault(FaultRule {
            status: Some(status),
            body: Some(serde_json::json!({"error": text})),
            ..rule("POST", "vsvip")
        });
        let report = lab.run(vec![create(&vip("v", &[]))]).await;
        assert_eq!(failure(&report).class, class);
        assert_eq!(lab.sent("POST", "vsvip").len(), 1);
    }
}
