//! `deleteConfig` of a running translator: everything goes, the progress stands on its StatefulSet,
//! and everything comes back.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::scene::{Scene, named};
use crate::stack::{Stack, baseline};

const NAMESPACE: &str = "deletion";
const HOST: &str = "pay.deletion.avi.lab";
const CONDITION: &str = "ako.vmware.com/ObjectDeletionInProgress";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_config_takes_everything_and_says_so_and_brings_it_back() -> Result<()> {
    let workload = (
        "AVIARY_STATEFULSET".to_owned(),
        format!("{NAMESPACE}/aviary"),
    );
    let settings = baseline()?;
    let stack = Stack::start_traced(&settings, vec![workload]).await?;
    let empty = stack.sim.dump().await?;
    let scene = Scene::set_around(NAMESPACE, stack).await?;
    scene.apply(&scene.shop.objects).await?;
    let labels = json!({"app": "aviary"});
    scene.kubectl_apply(&[json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "aviary", "namespace": NAMESPACE},
        "spec": {
            "serviceName": "aviary", "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "translator", "image": "aviary"}]},
            },
        },
    })])?;
    let before = scene.stack.sim.dump().await?;
    named(&before, "virtualservice", "lab--pay.deletion.avi.lab")?;

    let mut to_go = settings.clone();
    to_go["AKOSettings"]["deleteConfig"] = json!("true");
    scene.stack.set_settings(&to_go)?;
    let reason = format!("jsonpath={{.status.conditions[?(@.type==\"{CONDITION}\")].reason}}");
    wait(&scene, "statefulset/aviary", &format!("{reason}=Done"))?;
    let rest = scene.stack.sim.dump().await?;
    for kind in [
        "virtualservice",
        "pool",
        "poolgroup",
        "vsvip",
        "sslkeyandcertificate",
    ] {
        ensure!(rest[kind] == empty[kind], "{kind}: {}", rest[kind]);
    }
    scene.stack.converged().await?;
    let statuses = scene.statuses().await?;
    let told = &statuses["ingresses/deletion/secure"];
    ensure!(*told == json!({"status": {"loadBalancer": {}}}), "{told}");

    scene.stack.set_settings(&settings)?;
    let hostname = "jsonpath={.status.loadBalancer.ingress[0].hostname}";
    wait(&scene, "ingress/secure", &format!("{hostname}={HOST}"))?;
    scene.stack.converged().await?;
    let again = scene.stack.sim.dump().await?;
    for kind in ["virtualservice", "pool", "poolgroup", "vsvip"] {
        ensure!(names(&again[kind]) == names(&before[kind]), "{kind}");
    }
    let workload = scene.cluster.kube.kubectl(
        &[
            "get",
            "statefulset",
            "aviary",
            "-n",
            NAMESPACE,
            "-o",
            "json",
        ],
        "",
    )?;
    ensure!(!workload.contains(CONDITION), "{workload}");
    Ok(())
}

/// Follows an object until it says so.
fn wait(scene: &Scene, object: &str, what: &str) -> Result<()> {
    let until = format!("--for={what}");
    let args = ["wait", object, "-n", NAMESPACE, &until, "--timeout=60s"];
    scene.cluster.kube.kubectl(&args, "")?;
    Ok(())
}

fn names(objects: &Value) -> Vec<&Value> {
    let objects = objects.as_array().into_iter().flatten();
    objects.map(|object| &object["name"]).collect()
}
