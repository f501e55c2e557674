//! The settings file of a running translator changes: valid ones are carried out, and all others
//! change nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::scene::{Scene, named, text};
use crate::stack::{baseline, over};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_settings_change_without_a_restart_and_invalid_ones_change_nothing() -> Result<()> {
    let scene = Scene::set("e2e-settings").await?;
    scene.apply(&scene.shop.objects).await?;
    let (file, process) = (scene.stack.settings_file(), scene.stack.process()?);
    let shards = |size: &str| -> Result<Value> {
        Ok(over(
            &baseline()?,
            &json!({"L7Settings": {"shardVSSize": size}}),
        ))
    };
    let hosts = ["shop.e2e-settings.avi.lab", "pay.e2e-settings.avi.lab"];

    fs::write(&file, shards("SMALL")?.to_string())?;
    let is_small = |told: &_| in_force(told, "SMALL");
    scene.stack.settings("SMALL is in force", is_small).await?;
    check_served_by(&scene, "lab--Shared-L7-0", &hosts).await?;

    let another_name = json!({"AKOSettings": {"clusterName": "another"}});
    let another_name = over(&shards("LARGE")?, &another_name).to_string();
    for (content, says) in [
        (Some("L7Settings: {shardVSSize: LARGE"), "not valid"),
        (Some(""), "not valid"),
        (Some("L7Settings: {shardVSSize: LARGE}"), "clusterName"),
        (Some(&*another_name), "clusterName"),
        (None, "read "),
    ] {
        let unchanged = async {
            match content {
                Some(content) => fs::write(&file, content)?,
                None => fs::remove_file(&file)?,
            }
            let refused =
                |told: &aviary_proto::query::v1::GetSettingsResponse| told.refused.contains(says);
            let told = scene
                .stack
                .settings(&format!("`{says}` is told"), refused)
                .await?;
            ensure!(in_force(&told, "SMALL"), "{told:?}");
            Ok(())
        };
        scene.stack.silent(unchanged).await?;
        fs::write(&file, shards("SMALL")?.to_string())?;
        let taken = |told: &aviary_proto::query::v1::GetSettingsResponse| told.refused.is_empty();
        scene
            .stack
            .settings("they are those in force", taken)
            .await?;
    }

    // As a ConfigMap does: the file is a link, which is exchanged; and whoever waits asks by SIGHUP.
    let other = file.with_extension("other");
    fs::write(&other, shards("DEDICATED")?.to_string())?;
    let link = file.with_extension("link");
    symlink(&other, &link)?;
    fs::rename(&link, &file)?;
    let asked = Command::new("kill")
        .args(["-HUP", &process.to_string()])
        .status()?;
    ensure!(asked.success(), "kill -HUP");
    let dedicated = |told: &_| in_force(told, "DEDICATED");
    scene
        .stack
        .settings("DEDICATED is in force", dedicated)
        .await?;
    for host in hosts {
        check_served_by(&scene, &format!("lab--{host}-L7-dedicated"), &[host]).await?;
    }
    ensure!(scene.stack.process()? == process, "it was restarted");
    Ok(())
}

fn in_force(told: &aviary_proto::query::v1::GetSettingsResponse, size: &str) -> bool {
    let values: Value = serde_json::from_str(&told.in_force).unwrap_or_default();
    values["home"]["instances"][0]["l7"]["shard_size"] == size
}

/// The VIP of this name has the names of these hosts, and no other has.
async fn check_served_by(scene: &Scene, vip: &str, hosts: &[&str]) -> Result<()> {
    let dump = scene.stack.sim.dump().await?;
    let names = |vip: &Value| -> Vec<String> {
        let names = vip["dns_info"].as_array().into_iter().flatten();
        names.map(|name| text(&name["fqdn"]).to_owned()).collect()
    };
    let at = names(named(&dump, "vsvip", vip)?);
    let vips = dump["vsvip"].as_array().context("VIPs")?;
    for host in hosts {
        ensure!(at.iter().any(|name| name == host), "{vip} has {at:?}");
        let all = vips
            .iter()
            .filter(|vip| names(vip).iter().any(|name| name == host));
        ensure!(all.count() == 1, "{host} is at several addresses");
    }
    Ok(())
}
