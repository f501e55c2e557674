//! Over restarts and crashes.

use crate::agent::Cluster;
use crate::lab::{Plan, all_names, everywhere, names, simulator, simulator_slow, start, writes};
use crate::objects::{ingress, secret, shop_cluster};
use aviary_runtime::StoreAt;
use std::path::Path;
use std::time::Duration;

const LONG: Duration = Duration::from_mins(20);

fn cluster() -> Cluster {
    let cluster = shop_cluster();
    cluster.put(secret("shop", "pay", "pay.avi.internal"));
    cluster.put(ingress("shop", "pay", "pay.avi.internal", Some("pay")));
    cluster
}

fn kept(folder: &Path) -> Plan {
    Plan {
        store: StoreAt::Folder(folder.to_owned()),
        ..Plan::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_start_writes_nothing() {
    let (simulator, cluster) = (simulator(), cluster());
    let folder = tempfile::tempdir().unwrap();
    for plan in [kept(folder.path()), kept(folder.path()), Plan::default()] {
        let translator = start(&simulator, plan).await;
        let agent = translator.agent(&cluster, everywhere());
        tokio::time::sleep(LONG).await;
        translator.settle().await;
        let wrote = writes(&simulator);
        let pools = names(&simulator, "pool");
        assert!(
            pools.iter().any(|name| name.contains("shop.avi.internal")),
            "{pools:?}"
        );
        assert!(
            names(&simulator, "sslkeyandcertificate")
                .iter()
                .any(|it| it.contains("pay"))
        );
        simulator.clear_log();
        agent.stop().await;
        translator.stop().await;
        cluster.set_deaf(false);
        if folder.path().join("seen").exists() {
            assert!(wrote.is_empty(), "{wrote:?}");
        }
        std::fs::write(folder.path().join("seen"), "").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_without_agents_touches_nothing() {
    let (simulator, cluster) = (simulator(), cluster());
    let folder = tempfile::tempdir().unwrap();
    let translator = start(&simulator, kept(folder.path())).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    agent.stop().await;
    translator.stop().await;
    simulator.clear_log();
    let before = simulator.dump();
    for plan in [kept(folder.path()), Plan::default()] {
        let translator = start(&simulator, plan).await;
        tokio::time::sleep(LONG).await;
        assert!(writes(&simulator).is_empty());
        translator.stop().await;
    }
    assert_eq!(simulator.dump(), before);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_was_not_heard_again_stays() {
    let (simulator, cluster) = (simulator(), cluster());
    let folder = tempfile::tempdir().unwrap();
    let translator = start(&simulator, kept(folder.path())).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    agent.stop().await;
    translator.stop().await;
    simulator.clear_log();
    cluster.set_deaf(true);
    let translator = start(&simulator, kept(folder.path())).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(LONG).await;
    assert!(writes(&simulator).is_empty(), "{:?}", writes(&simulator));
}

#[tokio::test(start_paused = true)]
async fn the_store_holds_no_secret_and_is_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let (simulator, cluster) = (simulator(), cluster());
    let folder = tempfile::tempdir().unwrap();
    let translator = start(&simulator, kept(folder.path())).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    agent.stop().await;
    translator.stop().await;
    let path = folder.path().join("aviary.redb");
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let bytes = std::fs::read(&path).unwrap();
    let stored = cluster.get(&secret("shop", "pay", ""));
    let key = stored["data"]["tls.key"]
        .as_str()
        .unwrap()
        .as_bytes()
        .to_vec();
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(has(b"shop.avi.internal"));
    assert!(!has(&key[..40]));
}

#[tokio::test(start_paused = true)]
async fn a_kill_at_any_moment_is_survived() {
    let reference = {
        let simulator = simulator();
        let translator = start(&simulator, Plan::default()).await;
        let cluster = cluster();
        let _agent = translator.agent(&cluster, everywhere());
        translator.settle().await;
        translator.settle().await;
        all_names(&simulator)
    };
    for after in 1..30 {
        let (simulator, cluster) = (simulator_slow(), cluster());
        let folder = tempfile::tempdir().unwrap();
        let translator = start(&simulator, kept(folder.path())).await;
        let agent = translator.agent(&cluster, everywhere());
        tokio::time::sleep(Duration::from_millis(after * 37)).await;
        agent.stop().await;
        translator.kill().await;
        let translator = start(&simulator, kept(folder.path())).await;
        let _agent = translator.agent(&cluster, everywhere());
        tokio::time::sleep(LONG).await;
        translator.settle().await;
        assert_eq!(
            all_names(&simulator),
            reference,
            "killed after {} ms",
            after * 37
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_emptied_parent_goes_after_its_time_over_a_restart_too() {
    let (simulator, cluster) = (simulator(), cluster());
    let folder = tempfile::tempdir().unwrap();
    let translator = start(&simulator, kept(folder.path())).await;
    let agent = translator.agent(&cluster, everywhere());
    translator.settle().await;
    cluster.delete(&ingress("shop", "shop", "", None));
    cluster.delete(&ingress("shop", "pay", "", None));
    tokio::time::sleep(Duration::from_hours(20)).await;
    assert_eq!(names(&simulator, "virtualservice").len(), 1);
    agent.stop().await;
    translator.stop().await;
    let plan = Plan {
        later: Duration::from_hours(20),
        ..kept(folder.path())
    };
    let translator = start(&simulator, plan).await;
    let _agent = translator.agent(&cluster, everywhere());
    tokio::time::sleep(Duration::from_hours(3)).await;
    assert_eq!(names(&simulator, "virtualservice").len(), 1);
    tokio::time::sleep(Duration::from_hours(2)).await;
    translator.settle().await;
    assert!(names(&simulator, "virtualservice").is_empty());
    assert!(names(&simulator, "vsvip").is_empty());
}
