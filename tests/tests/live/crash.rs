//! kill -9 at every write, lost replies, agents that vanish: nothing is lost, nothing is doubled.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use aviary_tests::corpus::scenarios;
use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::normal::normal;
use crate::program::{Program, until};
use crate::scene::{Scene, Shop};
use crate::sim::Request;
use crate::stack::{Past, Stack, baseline};

/// So many stories are told at a time, each worker in a namespace of its own.
const WORKERS: usize = 3;

/// What befalls a write.
#[derive(Debug, Clone, Copy)]
enum Blow {
    /// The translator is killed before the write has an effect.
    KilledBefore,
    /// The translator is killed when the write had its effect, before it knows.
    KilledAfter,
    /// The write has its effect, and the reply is lost.
    ReplyLost,
}

const BLOWS: [Blow; 3] = [Blow::KilledBefore, Blow::KilledAfter, Blow::ReplyLost];

impl Blow {
    /// The faults that lead to it, at a write of this method after so many others.
    fn faults(self, method: &str, after: u64) -> Vec<Value> {
        // The first POST of a start is its login.
        let after = after + u64::from(method == "POST");
        let once = json!({"method": method, "after": after, "count": 1, "drop": "after"});
        let never_more = json!({"method": method, "after": after, "drop": "before"});
        match self {
            Self::KilledBefore => vec![never_more],
            Self::KilledAfter => vec![once, never_more],
            Self::ReplyLost => vec![once],
        }
    }
}

/// One worker: a namespace, and what was there before and is to be there afterwards.
struct Worker {
    cluster: Cluster,
    settings: Value,
    shop: Shop,
    number: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_kill_9_at_each_write_and_each_lost_reply_end_in_the_same_objects() -> Result<()> {
    let cluster = Cluster::shared().await?;
    let workers = (0..WORKERS).map(|number| {
        let cluster = cluster.clone();
        tokio::spawn(async move {
            let mut shop = Shop::new(&format!("crash-{number}"))?;
            // The secure host alone: it has objects of almost every type.
            shop.objects.retain(|object| {
                matches!(
                    object["metadata"]["name"].as_str(),
                    Some("pay" | "secure" | "web-1")
                ) || object["metadata"]["name"] == "web"
                    || object["kind"] == "Namespace"
            });
            let settings = baseline()?;
            let worker = Worker {
                cluster,
                settings,
                shop,
                number,
            };
            worker.work().await
        })
    });
    for told in try_join_all(workers).await? {
        told?;
    }
    Ok(())
}

impl Worker {
    async fn work(&self) -> Result<()> {
        for object in &self.shop.objects {
            self.cluster.apply(object).await?;
        }
        let seed = std::fs::read_to_string(scenarios().join("controller.json"))?;
        let nothing = Past {
            objects: serde_json::from_str(&seed)?,
            store: None,
        };
        let full = self.tell_all("comes", &nothing).await?;
        for object in self.shop.objects.iter().rev() {
            if object["kind"] != "Namespace" {
                self.cluster.delete(object).await?;
            }
        }
        self.tell_all("goes", &full).await?;
        Ok(())
    }

    /// The cluster has changed since: first without a blow, then with each blow at each write.
    async fn tell_all(&self, phase: &str, from: &Past) -> Result<Past> {
        let mut stack = Stack::resume(&self.settings, from).await?;
        stack.start_translator().await?;
        let agents = self.agents(&stack)?;
        stack.heard(self.namespaces()).await?;
        let writes = count(&stack.sim.writes().await?);
        ensure!(
            !writes.is_empty(),
            "nothing was written: nothing can be hit"
        );
        drop(agents);
        stack.stop_translator().await?;
        let end = stack.past().await?;
        let want = normal(&end.objects)?;
        let mut stories = Vec::new();
        for (method, count) in &writes {
            for at in 0..*count {
                stories.extend(BLOWS.map(|blow| (method.clone(), at, blow)));
            }
        }
        // Workers share the stories out among themselves.
        for (method, at, blow) in stories.into_iter().skip(self.number).step_by(WORKERS) {
            let got = self.tell(from, blow, blow.faults(&method, at)).await;
            let story = format!("{phase}: {blow:?} at {method} number {at} of {writes:?}");
            let got = normal(&got.context(story.clone())?)?;
            ensure!(
                got == want,
                "{story}: the Controller has\n{got}\nand should have\n{want}"
            );
        }
        Ok(end)
    }

    /// One story: what the Controller has at its end.
    async fn tell(&self, from: &Past, blow: Blow, faults: Vec<Value>) -> Result<Value> {
        let mut stack = Stack::resume(&self.settings, from).await?;
        stack.sim.set_faults(&faults).await?;
        stack.start_translator().await?;
        let mut agents = self.agents(&stack)?;
        until("a write is hit", async || {
            let writes = stack.sim.writes().await?;
            Ok(writes.iter().any(|write| write.status == 0).then_some(()))
        })
        .await?;
        if let Blow::KilledBefore | Blow::KilledAfter = blow {
            stack.kill_translator().await?;
            drop(std::mem::take(&mut agents));
            stack.sim.set_faults(&[]).await?;
            stack.start_translator().await?;
            agents = self.agents(&stack)?;
        }
        stack.heard(self.namespaces()).await?;
        drop(agents);
        stack.sim.dump().await
    }

    fn namespaces(&self) -> &[String] {
        std::slice::from_ref(&self.shop.namespace)
    }

    fn agents(&self, stack: &Stack) -> Result<Vec<Program>> {
        let admin = self.cluster.kube.kubeconfig();
        let mut agents = stack.namespace_agents(&admin, self.namespaces())?;
        agents.push(stack.cluster_agent(&admin)?);
        Ok(agents)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn link_kill_9_of_the_agents_deletes_nothing_and_loses_nothing() -> Result<()> {
    let mut scene = Scene::set("link-kill").await?;
    scene.apply(&scene.shop.objects).await?;
    let full = normal(&scene.stack.sim.dump().await?)?;
    scene.stack.sim.clear_log().await?;

    // At rest, in the middle of a change, and in the middle of the listing of a start.
    scene.kill_agents().await?;
    frozen(&scene).await?;
    scene.stack.converged().await?;
    scene.start_agents()?;
    scene.kill_agents().await?;
    scene.start_agents()?;
    scene.heard().await?;
    ensure!(
        scene.stack.sim.writes().await?.is_empty(),
        "an absence was taken for a change"
    );
    let mut plain = scene.shop.object("Ingress", "plain")?;
    plain["spec"]["rules"][0]["http"]["paths"][0]["path"] = json!("/other");
    scene.kubectl_apply(&[plain])?;
    scene.kill_agents().await?;
    frozen(&scene).await?;
    let versions = scene.kubectl_apply(&[scene.shop.object("Ingress", "plain")?])?;
    scene.start_agents()?;
    scene.heard().await?;
    scene.stack.carried_out(versions).await?;

    let writes = scene.stack.sim.writes().await?;
    // The path went there and back, and its pool with it.
    let edited = |write: &Request| write.kind == "pool" && write.name.contains("-plain");
    let mut gone = writes.iter().filter(|write| write.method == "DELETE");
    ensure!(gone.all(edited), "deleted: {writes:?}");
    ensure!(
        normal(&scene.stack.sim.dump().await?)? == full,
        "the Controller changed"
    );
    Ok(())
}

/// Waits until the translator shows that nobody speaks for the namespace any more.
async fn frozen(scene: &Scene) -> Result<()> {
    let namespace = scene.shop.namespace.as_str();
    let scope = until("the namespace is frozen", async || {
        let scope = scene.stack.scope(namespace).await?;
        Ok(scope.filter(|scope| scope.frozen_since.is_some() && !scope.complete))
    });
    ensure!(!scope.await?.why.is_empty(), "no reason is told");
    Ok(())
}

/// How many writes there were of each method.
fn count(writes: &[Request]) -> BTreeMap<String, u64> {
    let mut count = BTreeMap::new();
    for write in writes {
        *count.entry(write.method.clone()).or_default() += 1;
    }
    count
}
