//! Two clusters, each with an apiserver and agents of its own, on one Controller.

use anyhow::{Context, Result, ensure};
use aviary_proto::query::v1::{Claim, ClaimState, ListClaimsRequest};
use serde_json::{Value, json};

use crate::cluster::{CLUSTER, Cluster, text_of};
use crate::program::{Program, until};
use crate::scene::named;
use crate::stack::{Stack, baseline, over};

/// The second cluster. Of two objects that are equally old, that of the first one counts as older.
const ANNEX: &str = "remote";
const HOST: &str = "both.fleet.avi.lab";

/// A namespace with an Ingress of these hosts, and what stands behind it.
fn shop(namespace: &str, hosts: &[&str], address: &str) -> Vec<Value> {
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    let rules = hosts
        .iter()
        .map(|host| json!({"host": host, "http": {"paths": [path]}}));
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {
                "name": "web-1", "namespace": namespace,
                "labels": {"kubernetes.io/service-name": "web"},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
        }),
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "shop", "namespace": namespace},
            "spec": {"ingressClassName": "avi-lb", "rules": rules.collect::<Value>()},
        }),
    ]
}

/// Both clusters with their agents.
struct Fleet {
    stack: Stack,
    lab: Cluster,
    annex: Cluster,
    /// The agents of the second cluster.
    annex_agents: Vec<Program>,
    _lab_agents: Vec<Program>,
}

impl Fleet {
    /// One cluster alone may serve a host; that of `lab` is older.
    async fn set() -> Result<Self> {
        let settings = json!({
            "AviarySettings": {"crossClusterHosts": "exclusive"},
            "clusters": [{
                "name": ANNEX,
                "values": {"AKOSettings": {"disableStaticRouteSync": true}},
            }],
        });
        let stack = Stack::start_with_store(&over(&baseline()?, &settings)).await?;
        let (lab, annex) = (
            Cluster::shared().await?,
            Cluster::another().await?.called(ANNEX),
        );
        apply(
            &lab,
            &shop("fleet-lab", &[HOST, "lab.fleet.avi.lab"], "10.244.1.10"),
        )
        .await?;
        apply(
            &annex,
            &shop(
                "fleet-annex",
                &[HOST, "remote.fleet.avi.lab"],
                "10.245.1.10",
            ),
        )
        .await?;
        let lab_agents = agents(&stack, CLUSTER, &lab, "fleet-lab")?;
        let annex_agents = agents(&stack, ANNEX, &annex, "fleet-annex")?;
        let fleet = Self {
            stack,
            lab,
            annex,
            annex_agents,
            _lab_agents: lab_agents,
        };
        fleet.heard().await?;
        Ok(fleet)
    }

    /// Waits until both clusters were heard in full, and all of it is carried out.
    async fn heard(&self) -> Result<()> {
        for (cluster, namespace) in [(CLUSTER, "fleet-lab"), (ANNEX, "fleet-annex")] {
            let namespaces = [namespace.to_owned()];
            self.stack.heard_of(cluster, &namespaces).await?;
        }
        Ok(())
    }

    /// The claims to the host of both, in order of clusters.
    async fn claims(&self) -> Result<Vec<Claim>> {
        let request = ListClaimsRequest {
            name: HOST.to_owned(),
            ..ListClaimsRequest::default()
        };
        let claims = self.stack.query()?.list_claims(request).await?;
        Ok(claims.into_inner().claims)
    }

    /// Waits until the claims to the host of both are such.
    async fn stands(&self, wanted: &[(&str, ClaimState, bool)]) -> Result<()> {
        until(&format!("the claims are {wanted:?}"), async || {
            let claims = self.claims().await?;
            let now = claims.iter().map(|claim| {
                let cluster = claim.domain.as_ref().map_or("", |it| &it.cluster);
                (cluster, claim.state(), claim.frozen_since.is_some())
            });
            Ok(now.eq(wanted.iter().copied()).then_some(()))
        })
        .await?;
        self.stack.converged().await
    }

    /// The servers of the pools of a host, and the cluster whose they are.
    async fn behind(&self, host: &str) -> Result<Vec<(String, String)>> {
        let dump = self.stack.sim.dump().await?;
        let pools = dump["pool"].as_array().into_iter().flatten();
        let pools = pools.filter(|pool| text_of(pool, "name").contains(&format!("{host}_")));
        let behind = pools.map(|pool| {
            let address = &pool["servers"][0]["ip"]["addr"];
            (
                text_of(pool, "created_by").to_owned(),
                address.as_str().unwrap_or_default().to_owned(),
            )
        });
        Ok(behind.collect())
    }
}

/// Waits until what is created now is younger than all that there is; times are full seconds.
async fn later(cluster: &Cluster) -> Result<()> {
    let account = |number: u32| {
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": format!("clock-{number}"), "namespace": "fleet-lab"},
        })
    };
    let mut number = 0;
    let mut first = String::new();
    loop {
        cluster.apply(&account(number)).await?;
        let accounts = cluster.list("ServiceAccount", "fleet-lab").await?;
        let times = accounts
            .iter()
            .map(|it| text_of(&it["metadata"], "creationTimestamp"));
        let newest = times.max().unwrap_or_default().to_owned();
        if first.is_empty() {
            first.clone_from(&newest);
        }
        if newest > first {
            return Ok(());
        }
        number += 1;
    }
}

async fn apply(cluster: &Cluster, objects: &[Value]) -> Result<()> {
    for object in objects {
        cluster.apply(object).await?;
    }
    Ok(())
}

fn agents(stack: &Stack, name: &str, cluster: &Cluster, namespace: &str) -> Result<Vec<Program>> {
    let admin = cluster.kube.kubeconfig();
    Ok(vec![
        stack.agent_of(name, &admin, &["--namespace", namespace])?,
        stack.agent_of(name, &admin, &["--cluster-scope"])?,
    ])
}

fn pool_of(cluster: &str, address: &str) -> Vec<(String, String)> {
    vec![(format!("ako-{cluster}"), address.to_owned())]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_two_clusters_want_one_host_and_one_of_them_goes_for_good() -> Result<()> {
    use ClaimState::{Held, Lost};
    let mut fleet = Fleet::set().await?;
    fleet
        .stands(&[(CLUSTER, Held, false), (ANNEX, Lost, false)])
        .await?;
    ensure!(fleet.behind(HOST).await? == pool_of(CLUSTER, "10.244.1.10"));
    ensure!(fleet.behind("remote.fleet.avi.lab").await? == pool_of(ANNEX, "10.245.1.10"));

    // The loser learns it at its object, by annotation and Event, in its own cluster.
    let ingress = fleet.annex.list("Ingress", "fleet-annex").await?;
    let ingress = ingress.first().context("the Ingress")?;
    let note = &ingress["metadata"]["annotations"]["aviary.dev/findings"];
    ensure!(note.to_string().contains("of cluster lab"), "{ingress}");
    let told = ingress["status"]["loadBalancer"]["ingress"].to_string();
    ensure!(
        !told.contains(HOST) && told.contains("remote.fleet.avi.lab"),
        "{told}"
    );
    let events = ["get", "events", "--namespace", "fleet-annex", "-o", "json"];
    let events = fleet.annex.kube.kubectl(&events, "")?;
    ensure!(events.contains("AVY-1201"), "{events}");

    // The owner goes, and the next takes over.
    fleet
        .lab
        .delete(&shop("fleet-lab", &[], "").pop().context("an Ingress")?)
        .await?;
    fleet.stands(&[(ANNEX, Held, false)]).await?;
    ensure!(fleet.behind(HOST).await? == pool_of(ANNEX, "10.245.1.10"));
    let dump = fleet.stack.sim.dump().await?;

    // The agents of that cluster go for good: nothing of it is deleted, its claims stand.
    for agent in fleet.annex_agents.drain(..) {
        agent.kill().await?;
    }
    fleet.stands(&[(ANNEX, Held, true)]).await?;
    later(&fleet.lab).await?;
    apply(&fleet.lab, &shop("fleet-lab", &[HOST], "10.244.1.10")).await?;
    fleet
        .stands(&[(CLUSTER, Lost, false), (ANNEX, Held, true)])
        .await?;
    fleet.stack.stop_translator().await?;
    fleet.stack.start_translator().await?;
    fleet
        .stands(&[(CLUSTER, Lost, false), (ANNEX, Held, true)])
        .await?;
    ensure!(fleet.behind(HOST).await? == pool_of(ANNEX, "10.245.1.10"));
    let now = fleet.stack.sim.dump().await?;
    for kind in ["virtualservice", "vsvip", "pool"] {
        let objects = dump[kind].as_array().into_iter().flatten();
        for name in objects.map(|object| text_of(object, "name")) {
            let stays = !name.starts_with(ANNEX) || named(&now, kind, name).is_ok();
            ensure!(stays, "{kind} {name} is gone");
        }
    }
    Ok(())
}
