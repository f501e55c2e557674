//! The chart against a real kube-apiserver: what it renders is accepted, and its Roles are as narrow
//! as they claim.

mod pages;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use aviary_tests::cluster::documents;
use aviary_tests::kube::Kube;
use aviary_tests::load::ENVIRONMENT;
use aviary_tests::tools::{find, root};
use serde_json::{Value, json};

const RELEASE_NAMESPACE: &str = "avi-system";

/// Where the examples put agents; each wants the restricted Pod Security Standard, and warns.
const NAMESPACES: [&str; 3] = [RELEASE_NAMESPACE, "blog", "shop"];

/// Renders the chart with one of its examples.
fn render(example: &str) -> Result<String> {
    let chart = root().join("charts/aviary");
    let output = Command::new(find("helm")?)
        .args([
            "template",
            "aviary",
            "--namespace",
            RELEASE_NAMESPACE,
            "--values",
        ])
        .arg(chart.join("ci").join(example))
        .arg(&chart)
        .output()
        .context("start helm")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "helm template with {example}: {errors}"
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn make_namespaces(kube: &Kube) -> Result<()> {
    for name in NAMESPACES {
        let yaml = format!(
            "apiVersion: v1
kind: Namespace
metadata:
  name: {name}
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
"
        );
        kube.kubectl(&["apply", "--filename", "-"], &yaml)?;
    }
    Ok(())
}

#[test]
fn a_real_apiserver_accepts_every_example_without_a_warning() -> Result<()> {
    let kube = Kube::shared()?;
    make_namespaces(kube)?;
    for entry in fs::read_dir(root().join("charts/aviary/ci"))? {
        let example = entry?.file_name().to_string_lossy().into_owned();
        // The class of an API that this apiserver does not have.
        let yaml = without_kind(&render(&example)?, "GatewayClass");
        let args = ["apply", "--dry-run=server", "--filename", "-"];
        let output = kube.kubectl_output(&kube.kubeconfig(), &args, &yaml)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success() && errors.is_empty(),
            "{example}: {errors}"
        );
    }
    Ok(())
}

#[test]
fn every_program_is_told_of_its_memory_what_loads_are_measured_with() -> Result<()> {
    let mut programs = BTreeSet::new();
    for entry in fs::read_dir(root().join("charts/aviary/ci"))? {
        let example = entry?.file_name().to_string_lossy().into_owned();
        for object in documents(&render(&example)?)? {
            let containers = object.pointer("/spec/template/spec/containers");
            for container in containers.and_then(Value::as_array).into_iter().flatten() {
                let told = container.get("env").and_then(Value::as_array);
                let (name, value) = ENVIRONMENT;
                let is_told =
                    told.is_some_and(|it| it.contains(&json!({"name": name, "value": value})));
                ensure!(is_told, "{example}: {container}");
                programs.insert(container["command"].to_string());
            }
        }
    }
    ensure!(programs.len() == 2, "translator and agent: {programs:?}");
    Ok(())
}

fn without_kind(yaml: &str, kind: &str) -> String {
    let line = format!("\nkind: {kind}\n");
    let documents: Vec<&str> = yaml
        .split("\n---\n")
        .filter(|document| !document.contains(&line))
        .collect();
    documents.join("\n---\n")
}

#[test]
fn the_rights_are_as_narrow_as_design_says() -> Result<()> {
    let kube = Kube::start()?;
    make_namespaces(&kube)?;
    kube.kubectl(&["apply", "--filename", "-"], &render("namespaces.yaml")?)?;
    let agent = "system:serviceaccount:shop:aviary-agent";
    let wide = "system:serviceaccount:avi-system:aviary-cluster-agent";
    let translator = "system:serviceaccount:avi-system:aviary-translator";
    for (who, verb, what, place, allowed) in [
        (agent, "list", "ingresses.networking.k8s.io", "shop", true),
        (agent, "watch", "secrets", "shop", true),
        (
            agent,
            "patch",
            "ingresses.networking.k8s.io/status",
            "shop",
            true,
        ),
        (agent, "create", "events.events.k8s.io", "shop", true),
        (agent, "patch", "secrets", "shop", false),
        (agent, "list", "ingresses.networking.k8s.io", "blog", false),
        (agent, "list", "secrets", RELEASE_NAMESPACE, false),
        (agent, "list", "nodes", "shop", false),
        (wide, "watch", "nodes", RELEASE_NAMESPACE, true),
        (wide, "list", "namespaces", RELEASE_NAMESPACE, true),
        (
            wide,
            "patch",
            "statefulsets.apps/aviary-translator/status",
            RELEASE_NAMESPACE,
            true,
        ),
        (
            wide,
            "patch",
            "statefulsets.apps/other/status",
            RELEASE_NAMESPACE,
            false,
        ),
        (wide, "list", "secrets", "shop", false),
        (wide, "list", "services", "shop", false),
        (
            translator,
            "create",
            "leases.coordination.k8s.io",
            RELEASE_NAMESPACE,
            true,
        ),
        (
            translator,
            "update",
            "leases.coordination.k8s.io/aviary-translator",
            "avi-system",
            true,
        ),
        (
            translator,
            "update",
            "leases.coordination.k8s.io/other",
            RELEASE_NAMESPACE,
            false,
        ),
        (translator, "list", "services", RELEASE_NAMESPACE, false),
        (translator, "get", "secrets", RELEASE_NAMESPACE, false),
    ] {
        let found = can(&kube, who, verb, what, place)?;
        ensure!(
            found == allowed,
            "{who} may {verb} {what} in {place}: {found}"
        );
    }
    Ok(())
}

/// `kubectl auth can-i` as somebody else. `what` is `resource[.group][/name][/status]`.
fn can(kube: &Kube, who: &str, verb: &str, what: &str, place: &str) -> Result<bool> {
    let whole = what.strip_suffix("/status");
    let resource = whole.unwrap_or(what);
    let mut args = vec![
        "auth",
        "can-i",
        verb,
        resource,
        "--as",
        who,
        "--namespace",
        place,
    ];
    if whole.is_some() {
        args.push("--subresource=status");
    }
    let output = kube.kubectl_output(&kube.kubeconfig(), &args, "")?;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => anyhow::bail!("{what}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}
