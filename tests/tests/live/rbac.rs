//! Agents with the rights of the chart, with fewer, and clusters that are watched in part.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use aviary_proto::query::v1::KindFreshness;
use aviary_tests::tools::root;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::program::until;
use crate::scene::{Shop, named, text};
use crate::stack::{Stack, baseline};

const ACCOUNT: &str = "aviary-agent";

/// The rules of the chart's Role, without those of some resources.
fn rules(without: &[&str]) -> Result<Value> {
    let path = root().join("charts/aviary/files/namespace-rules.yaml");
    let mut rules: Value = serde_saphyr::from_str(&std::fs::read_to_string(path)?)?;
    for rule in rules.as_array_mut().context("a list of rules")? {
        let resources = rule["resources"].as_array_mut().context("resources")?;
        resources.retain(|resource| !without.contains(&text(resource)));
    }
    let rules = rules.as_array_mut().context("a list of rules")?;
    rules.retain(|rule| rule["resources"] != json!([]));
    Ok(json!(rules))
}

/// Gives a namespace's agent these rights and no others.
fn grant(cluster: &Cluster, namespace: &str, rules: &Value) -> Result<()> {
    let named = json!({"name": ACCOUNT, "namespace": namespace});
    let group = "rbac.authorization.k8s.io";
    let items = [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named}),
        json!({"apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": named,
            "rules": rules}),
        json!({"apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": named,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}]}),
    ];
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    cluster.kube.kubectl(&args, &list).map(drop)
}

/// A shop in a namespace whose agent has these rights.
async fn shop(cluster: &Cluster, namespace: &str, rules: &Value) -> Result<(Shop, PathBuf)> {
    let shop = Shop::new(namespace)?;
    for object in &shop.objects {
        cluster.apply(object).await?;
    }
    grant(cluster, namespace, rules)?;
    let kubeconfig = cluster.kube.kubeconfig_of(namespace, ACCOUNT)?;
    Ok((shop, kubeconfig))
}

async fn kind_in(stack: &Stack, kind: &str, namespace: &str) -> Result<Option<KindFreshness>> {
    let scope = stack.scope(namespace).await?.unwrap_or_default();
    let mut kinds = scope.kinds.into_iter();
    Ok(kinds.find(|found| found.kind.as_ref().is_some_and(|found| found.kind == kind)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rbac_the_charts_role_is_enough_and_losing_rights_is_no_absence() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let (shop, kubeconfig) = shop(&cluster, "rbac-role", &rules(&[])?).await?;
    let namespaces = [shop.namespace.clone()];
    let stack = Stack::start(&baseline()?).await?;
    let _wide = stack.cluster_agent(&cluster.kube.kubeconfig())?;
    let agents = stack.namespace_agents(&kubeconfig, &namespaces)?;
    stack.heard(&namespaces).await?;
    for (object, status) in cluster.statuses(&namespaces).await? {
        let told = status["status"]["loadBalancer"]["ingress"][0]["ip"].is_string();
        let annotated = status["annotations"]["ako.vmware.com/tenant-name"] == "admin";
        ensure!(told && annotated, "{object}: {status}");
    }
    let mut wrong = shop.object("Ingress", "plain")?;
    wrong["metadata"]["name"] = json!("wrong");
    wrong["spec"]["rules"][0]["host"] = json!("outside.example");
    stack
        .carried_out(vec![cluster.apply(&wrong).await?])
        .await?;
    let events = ["get", "events", "--namespace", "rbac-role", "-o", "json"];
    let events: Value = serde_json::from_str(&cluster.kube.kubectl(&events, "")?)?;
    let events = events["items"].as_array().context("no list")?;
    // What is served is told too, and is no warning.
    let mut warnings = events.iter().filter(|event| event["type"] == "Warning");
    let first = warnings.next().context("nobody is warned")?;
    let about = |event: &Value| event["involvedObject"]["name"] == "wrong";
    ensure!(about(first) && warnings.all(about), "{events:?}");
    let statuses = cluster.statuses(&namespaces).await?;

    // Without its watches and with fewer rights the next agent knows less. Nothing goes for that.
    grant(
        &cluster,
        "rbac-role",
        &rules(&["endpointslices", "secrets"])?,
    )?;
    stack
        .silent(async {
            drop(agents);
            let again = stack.namespace_agents(&kubeconfig, &namespaces)?;
            for kind in ["EndpointSlice", "Secret"] {
                let why = until("what is forbidden is shown", async || {
                    let found = kind_in(&stack, kind, "rbac-role").await?;
                    let refused = |it: &KindFreshness| it.why.contains("forbidden");
                    Ok(found.filter(|it| !it.complete).filter(refused))
                })
                .await?;
                ensure!(why.frozen_since.is_some(), "{why:?}");
            }
            stack.converged().await?;
            ensure!(
                stack.held("EndpointSlice", "rbac-role").await? == 3,
                "slices are forgotten"
            );
            drop(again);
            Ok(())
        })
        .await?;
    ensure!(
        statuses == cluster.statuses(&namespaces).await?,
        "a status changed"
    );

    grant(&cluster, "rbac-role", &rules(&[])?)?;
    let _agents = stack.namespace_agents(&kubeconfig, &namespaces)?;
    stack.silent(stack.heard(&namespaces)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rbac_what_could_never_be_listed_counts_as_empty_with_a_warning() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let (shop, kubeconfig) = shop(&cluster, "rbac-few", &rules(&["endpointslices"])?).await?;
    let namespaces = [shop.namespace.clone()];
    let stack = Stack::start(&baseline()?).await?;
    let _wide = stack.cluster_agent(&cluster.kube.kubeconfig())?;
    let _agents = stack.namespace_agents(&kubeconfig, &namespaces)?;
    stack.heard(&namespaces).await?;
    let dump = stack.sim.dump().await?;
    named(&dump, "virtualservice", "lab--pay.rbac-few.avi.lab")?;
    let mut pools = dump["pool"].as_array().into_iter().flatten();
    let filled = pools.find(|pool| pool["servers"].as_array().is_some_and(|it| !it.is_empty()));
    ensure!(filled.is_none(), "{filled:?}");
    ensure!(
        stack.words()?.contains("counts as empty"),
        "no warning: {}",
        stack.words()?
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rbac_an_agent_speaks_for_no_other_namespace() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let (_, kubeconfig) = shop(&cluster, "rbac-own", &rules(&[])?).await?;
    let (other, _) = shop(&cluster, "rbac-other", &rules(&[])?).await?;
    let stack = Stack::start(&baseline()?).await?;
    let _wide = stack.cluster_agent(&cluster.kube.kubeconfig())?;
    let _agents = stack.agent(&kubeconfig, &["--namespace=rbac-own,rbac-other"])?;
    stack.heard(&["rbac-own".to_owned()]).await?;
    let dump = stack.sim.dump().await?;
    named(&dump, "virtualservice", "lab--pay.rbac-own.avi.lab")?;
    ensure!(named(&dump, "virtualservice", "lab--pay.rbac-other.avi.lab").is_err());
    ensure!(
        stack.held("Ingress", &other.namespace).await? == 0,
        "read without a right"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rbac_without_a_cluster_scope_agent_nothing_is_translated_and_this_is_said() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let (shop, kubeconfig) = shop(&cluster, "rbac-blind", &rules(&[])?).await?;
    let namespaces = [shop.namespace.clone()];
    let stack = Stack::start(&baseline()?).await?;
    let _agents = stack.namespace_agents(&kubeconfig, &namespaces)?;
    until("the namespace is heard", async || {
        let scope = stack.scope("rbac-blind").await?;
        Ok(scope.filter(|scope| scope.complete).map(drop))
    })
    .await?;
    stack.converged().await?;
    let writes = stack.sim.writes().await?;
    ensure!(
        writes.is_empty(),
        "written without knowing nodes and classes: {writes:?}"
    );
    let wide = stack
        .scope("")
        .await?
        .context("the cluster-wide scope is not shown")?;
    ensure!(
        !wide.complete && wide.session.is_empty() && !wide.why.is_empty(),
        "{wide:?}"
    );

    let _wide = stack.cluster_agent(&cluster.kube.kubeconfig())?;
    stack.heard(&namespaces).await?;
    named(
        &stack.sim.dump().await?,
        "virtualservice",
        "lab--pay.rbac-blind.avi.lab",
    )?;
    Ok(())
}
