//! From objects to the Controller, and over restarts.

use crate::agent::Cluster;
use crate::lab::{Plan, everywhere, names, simulator, start, writes};
use crate::objects::{base, ingress, secret, shop};
use aviary_runtime::StoreAt;

fn cluster() -> Cluster {
    let cluster = Cluster::default();
    for object in base(&["shop"]).into_iter().chain(shop("shop", "shop.avi.internal")) {
        cluster.put(object);
    }
    cluster
}

#[tokio::test(start_paused = true)]
async fn an_ingress_appears_on_the_controller_and_tells_its_address() {
    let (simulator, cluster) = (simulator(), cluster());
    let translator = start(&simulator, Plan::default()).await;
    let _agent = translator.agent(&cluster, everywhere());
    let version = cluster.put(ingress("shop", "shop", "shop.avi.internal", None));
    translator.shows(("shop", "shop"), &version).await;
    assert!(names(&simulator, "pool").iter().any(|name| name.contains("shop.avi.internal")));
    let stored = cluster.get(&ingress("shop", "shop", "", None));
    let status = &stored["status"]["loadBalancer"]["ingress"][0];
    assert_eq!(status["hostname"], "shop.avi.internal", "{stored}");
}
