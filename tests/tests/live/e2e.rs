//! From kubectl to the Controller and back, through every process there is.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::scene::{Scene, named, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_what_kubectl_applies_edits_and_deletes_shows_on_the_controller() -> Result<()> {
    let scene = Scene::set("e2e-edits").await?;
    scene.apply(&scene.shop.objects).await?;
    let parent = parent_of(&scene, "shop.e2e-edits.avi.lab").await?;
    for (object, host, serves) in [
        (
            "ingresses/e2e-edits/plain",
            "shop.e2e-edits.avi.lab",
            &*parent,
        ),
        (
            "ingresses/e2e-edits/secure",
            "pay.e2e-edits.avi.lab",
            "lab--pay.e2e-edits.avi.lab",
        ),
        (
            "services/e2e-edits/lb",
            "lb.e2e-edits.avi.lab",
            "lab--e2e-edits-lb",
        ),
    ] {
        scene.check_told(object, host, serves).await?;
    }

    // Another path and another backend.
    let mut plain = scene.shop.object("Ingress", "plain")?;
    let path = &mut plain["spec"]["rules"][0]["http"]["paths"][0];
    path["path"] = json!("/new");
    path["backend"]["service"]["name"] = json!("new");
    scene.apply(&[plain]).await?;
    let dump = scene.stack.sim.dump().await?;
    let pools = pools_of(&dump, "shop.e2e-edits.avi.lab");
    ensure!(pools.len() == 1, "{pools:?}");
    ensure!(text(&pools[0]["name"]).contains("_new-"), "{pools:?}");
    ensure!(addresses(pools[0]) == ["10.244.1.20"], "{pools:?}");

    scene.delete("Ingress", "secure").await?;
    scene.delete("Service", "lb").await?;
    let dump = scene.stack.sim.dump().await?;
    for (kind, name) in [
        ("virtualservice", "lab--pay.e2e-edits.avi.lab"),
        ("sslkeyandcertificate", "lab--pay.e2e-edits.avi.lab"),
        ("virtualservice", "lab--e2e-edits-lb"),
        ("vsvip", "lab--e2e-edits-lb"),
        ("l4policyset", "lab--e2e-edits-lb"),
    ] {
        ensure!(
            named(&dump, kind, name).is_err(),
            "{kind} {name} was left behind"
        );
    }
    ensure!(
        pools_of(&dump, "pay.e2e-edits.avi.lab").is_empty(),
        "a pool was left behind"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_is_cleared_where_nothing_is_served_any_more() -> Result<()> {
    let scene = Scene::set("status-clears").await?;
    scene.apply(&scene.shop.objects).await?;

    // To a class of somebody else, and to a type that is not ours.
    let mut plain = scene.shop.object("Ingress", "plain")?;
    plain["spec"]["ingressClassName"] = json!("of-others");
    let mut service = scene.shop.object("Service", "lb")?;
    service["spec"] = json!({"type": "ClusterIP", "ports": service["spec"]["ports"]});
    scene.apply(&[plain, service]).await?;

    let statuses = scene.statuses().await?;
    let plain = &statuses["ingresses/status-clears/plain"];
    ensure!(*plain == json!({"status": {"loadBalancer": {}}}), "{plain}");
    ensure!(
        !statuses.contains_key("services/status-clears/lb"),
        "it has another type"
    );
    let services = scene.cluster.list("Service", "status-clears").await?;
    let mut services = services.iter();
    let service = services.find(|it| it["metadata"]["name"] == "lb");
    let annotations = &service.context("the Service")?["metadata"]["annotations"];
    ensure!(
        !annotations.to_string().contains("vs-uuid-map"),
        "{annotations}"
    );
    let secure = &statuses["ingresses/status-clears/secure"];
    ensure!(
        secure["annotations"].is_object(),
        "the others stay: {secure}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_restart_of_either_side_writes_nothing() -> Result<()> {
    let mut scene = Scene::set("e2e-restarts").await?;
    scene.apply(&scene.shop.objects).await?;
    let (objects, statuses) = (scene.stack.sim.dump().await?, scene.statuses().await?);

    scene.stack.sim.clear_log().await?;
    scene.kill_agents().await?;
    scene.start_agents()?;
    scene.heard().await?;

    scene.stack.stop_translator().await?;
    scene.stack.start_translator().await?;
    scene.heard().await?;

    for agent in scene.agents.drain(..) {
        agent.stop().await?;
    }
    scene.stack.stop_translator().await?;
    scene.stack.forget_store()?;
    scene.stack.start_translator().await?;
    scene.start_agents()?;
    scene.heard().await?;

    let writes = scene.stack.sim.writes().await?;
    ensure!(writes.is_empty(), "written although converged: {writes:?}");
    ensure!(
        scene.stack.sim.dump().await? == objects,
        "the Controller changed"
    );
    ensure!(scene.statuses().await? == statuses, "a status changed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn link_what_changed_while_either_side_was_away_is_caught_up() -> Result<()> {
    let mut scene = Scene::set("link-away").await?;
    scene.apply(&scene.shop.objects).await?;

    scene.kill_agents().await?;
    scene.kubectl_delete("Ingress", "secure")?;
    scene.stack.converged().await?;
    let dump = scene.stack.sim.dump().await?;
    named(&dump, "virtualservice", "lab--pay.link-away.avi.lab").context("nobody saw it go")?;
    scene.start_agents()?;
    scene.heard().await?;
    let dump = scene.stack.sim.dump().await?;
    ensure!(named(&dump, "virtualservice", "lab--pay.link-away.avi.lab").is_err());

    scene.stack.stop_translator().await?;
    let versions = scene.kubectl_apply(&[scene.shop.object("Ingress", "secure")?])?;
    scene.kubectl_delete("Ingress", "plain")?;
    scene.stack.start_translator().await?;
    scene.heard().await?;
    scene.stack.carried_out(versions).await?;
    let dump = scene.stack.sim.dump().await?;
    named(&dump, "virtualservice", "lab--pay.link-away.avi.lab")?;
    ensure!(
        pools_of(&dump, "shop.link-away.avi.lab").is_empty(),
        "a pool was left behind"
    );
    Ok(())
}

/// The name of the shard parent that carries a host.
async fn parent_of(scene: &Scene, host: &str) -> Result<String> {
    use aviary_proto::query::v1::GetShardMapRequest;
    let request = GetShardMapRequest {
        host: host.to_owned(),
        ..GetShardMapRequest::default()
    };
    let map = scene
        .stack
        .query()?
        .get_shard_map(request)
        .await?
        .into_inner();
    let mut entries = map.entries.into_iter();
    let entry = entries.find(|entry| entry.host == host);
    Ok(entry
        .and_then(|entry| entry.virtual_service)
        .context("no shard")?
        .name)
}

fn pools_of<'a>(dump: &'a Value, host: &str) -> Vec<&'a Value> {
    let pools = dump["pool"].as_array().into_iter().flatten();
    pools
        .filter(|pool| text(&pool["name"]).contains(host))
        .collect()
}

fn addresses(pool: &Value) -> Vec<&str> {
    let servers = pool["servers"].as_array().into_iter().flatten();
    servers.map(|server| text(&server["ip"]["addr"])).collect()
}
