//! The command line as people use it: the built program, its output and its exit status.

#![allow(clippy::expect_used, reason = "a test: a panic is a failure")]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");

fn aviary(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aviary"))
        .args(args)
        .output()
        .expect("the program runs")
}

fn shop() -> String {
    format!("{EXAMPLES}/shop")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("the output is JSON")
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("the folder can be written");
    path
}

#[test]
fn a_plan_with_changes_exits_2_and_shows_no_key() {
    let output = aviary(&["plan", "-f", &shop(), "-o", "json"]);
    assert_eq!(
        output.status.code(),
        Some(2),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let plan = json(&output);
    for field in ["operations", "findings", "breaks"] {
        assert!(plan[field].is_array(), "{field}");
    }
    assert_eq!(plan["avi"]["sslkeyandcertificate"][0]["key"], "<sensitive>");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("PRIVATE KEY"));
}

#[test]
fn a_plan_against_its_own_result_exits_0() {
    let planned = json(&aviary(&["plan", "-f", &shop(), "-o", "json"]));
    let lab = aviary_sim::Simulator::new(aviary_sim::Options::default()).expect("the lab loads");
    let mut seed = lab.dump();
    for (kind, objects) in planned["avi"].as_object().expect("objects by type") {
        let held = seed
            .as_object_mut()
            .expect("a map")
            .entry(kind)
            .or_insert(Value::Array(vec![]));
        let held = held.as_array_mut().expect("a list");
        for object in objects.as_array().expect("a list") {
            held.retain(|known| known["uuid"] != object["uuid"]);
            held.push(object.clone());
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let seed = write(folder.path(), "seed.json", &seed.to_string());
    let seed = seed.to_str().expect("a plain path");
    let output = aviary(&[
        "plan",
        "-f",
        &shop(),
        "--controller-seed",
        seed,
        "-o",
        "json",
    ]);
    assert_eq!(json(&output)["operations"], Value::Array(vec![]));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn wrong_use_and_broken_files_exit_1_and_say_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = write(
        folder.path(),
        "broken.yaml",
        "apiVersion: v1\nkind: Service\n{",
    );
    let settings = write(
        folder.path(),
        "values.yaml",
        "AKOSettings: {clusterName: 'a b'}\n",
    );
    let (manifest, settings) = (
        manifest.to_str().expect("plain"),
        settings.to_str().expect("plain"),
    );
    let cases: [(&[&str], &str); 4] = [
        (&["plan", "-f", manifest], "line 3"),
        (&["plan", "-f", "/nowhere"], "/nowhere"),
        (
            &["plan", "-f", &shop(), "--settings", settings],
            "AKOSettings.clusterName",
        ),
        (&["plan"], "--scenario"),
    ];
    for (args, says) in cases {
        let output = aviary(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
}

#[test]
fn the_demo_configures_the_shop_and_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let statuses = folder.path().to_str().expect("a plain path");
    let output = aviary(&[
        "demo",
        "--once",
        "--examples",
        EXAMPLES,
        "--status-dir",
        statuses,
    ]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for host in [
        "shop.avi.internal",
        "account.avi.internal",
        "broker.warehouse.avi.internal",
        "branch.avi.internal",
        "held; also by Ingress storefront/catalogue of demo",
    ] {
        assert!(said.contains(host), "{said}");
    }
    assert!(
        folder
            .path()
            .join("accounts/ingresses/accounts.yaml")
            .exists()
    );
    let branch = folder.path().join("branch/branch/ingresses/catalogue.yaml");
    assert!(branch.exists());
}

#[test]
fn a_change_of_settings_is_shown_before_it_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let values = std::fs::read_to_string(format!("{EXAMPLES}/values.yaml")).expect("the settings");
    assert!(values.contains("shardVSSize: SMALL"), "{values}");
    let size = |size: &str| values.replace("SMALL", size);
    let old = write(folder.path(), "old.yaml", &size("LARGE"));
    let new = write(folder.path(), "new.yaml", &size("SMALL"));
    let (old, new) = (old.display().to_string(), new.display().to_string());
    let shop = shop();
    let plan = |output: &[&str]| {
        let args = ["plan", "-f", &shop, "--settings", &new, "--from", &old];
        let all: Vec<&str> = args.iter().chain(output).copied().collect();
        aviary(&all)
    };
    let shown = plan(&["-o", "json"]);
    assert_eq!(shown.status.code(), Some(2), "{shown:?}");
    let shown = json(&shown);
    let moves = shown["moves"].as_array().expect("moves");
    assert!(!moves.is_empty(), "{shown}");
    for one in moves {
        let to = one["to"][0].as_str().expect("where to");
        assert!(to.contains("Shared-L7-0 ("), "{one}");
        assert_ne!(one["from"], one["to"], "{one}");
    }
    assert!(shown["addresses"].is_array(), "{shown}");
    let breaks = shown["breaks"].as_array().expect("breaks");
    assert!(
        breaks.iter().all(|op| op["breaks"] == "new_parent"),
        "{shown}"
    );
    let table = String::from_utf8(plan(&[]).stdout).expect("text");
    assert!(table.contains(" moves from admin "), "{table}");

    let renamed = size("SMALL").replace("clusterName: ", "clusterName: another-");
    let renamed = write(folder.path(), "renamed.yaml", &renamed)
        .display()
        .to_string();
    let refused = aviary(&["plan", "-f", &shop, "--settings", &renamed, "--from", &old]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let why = String::from_utf8(refused.stderr).expect("text");
    assert!(why.contains("clusterName"), "{why}");
}
