//! Takeovers over the real programs: a deployment as AKO left it, on the simulated Controller; the
//! translator first observes, then writes; and a second hand that is AKO's. What docs/migrating.md
//! prints for people to type is run as it is printed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aviary::plan::{Step, read_scenario};
use aviary_tests::corpus::{goldens, name_of, scenarios};
use aviary_tests::program::{run, until};
use aviary_tests::takeover::{State, leave};
use aviary_tests::tools;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::key_of;
use crate::program::Program;
use crate::scene::{named, text};
use crate::sim::{PASSWORD, USER};
use crate::stack::{Past, Stack, baseline, over};

/// One Service of type LoadBalancer: nothing of it is written in words of AKO's own.
const BALANCER: &str = "l4/01";
/// One Ingress. The corpus has no text of AKO's script, so that the one here is none that is known.
const INGRESS: &str = "l7/01";
/// Once written, AKO's script is ours.
const SCRIPT: &str = "lab--Shared-L7-6";

/// A cluster as a folder of manifests, and the Controller as AKO left it for them.
struct Left {
    stack: Stack,
    folder: TempDir,
    objects: BTreeMap<String, Value>,
}

impl Left {
    /// The last state of a scenario. The translator is not started.
    async fn of(id: &str) -> Result<Self> {
        let name = name_of(id)?;
        let scenario = read_scenario(&scenarios().join(&name))?;
        let last = scenario.states.last().context("a state")?.name.clone();
        let read = |tree: &str| -> Result<Value> {
            let file = goldens().join(format!("{tree}{name}/{last}.json"));
            Ok(serde_json::from_slice(&fs::read(file)?)?)
        };
        let (golden, checksums) = (read("")?, read("_cksum/")?);
        let state = State {
            golden: &golden,
            checksums: &checksums,
            objects: &[],
            seed: scenario.seed.as_deref(),
        };
        let left = leave(&state).await?.context("AKO's objects")?;
        let quiet = json!({"AviarySettings": {"adoptionQuiet": "1s"}});
        let past = Past {
            objects: left.simulator.dump(),
            store: None,
        };
        let stack = Stack::resume(&over(&baseline()?, &quiet), &past).await?;
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("manifests"))?;
        let mut made = Self {
            stack,
            folder,
            objects: BTreeMap::new(),
        };
        for state in scenario.states {
            for step in state.steps {
                let (Step::Apply(objects) | Step::Status(objects)) = step else {
                    continue;
                };
                objects.iter().try_for_each(|object| made.put(object))?;
            }
        }
        Ok(made)
    }

    fn manifests(&self) -> PathBuf {
        self.folder.path().join("manifests")
    }

    /// Makes an object, or lays this over it.
    fn put(&mut self, object: &Value) -> Result<()> {
        let key = key_of(object);
        let file = format!("{}-{}-{}.json", key.kind, key.namespace, key.name);
        let (whole, new) = (self.manifests().join(&file), self.folder.path().join(&file));
        let known = self.objects.entry(file).or_insert(json!({}));
        *known = over(known, object);
        fs::write(&new, known.to_string())?;
        fs::rename(new, whole).context("put a manifest")
    }

    fn object(&self, kind: &str) -> Result<Value> {
        let mut objects = self.objects.values();
        let found = objects.find(|object| object["kind"] == kind);
        found.cloned().with_context(|| format!("no {kind}"))
    }

    /// One agent for everything.
    fn agent(&self) -> Result<Program> {
        let coverage = ["--all-namespaces", "--cluster-scope"];
        self.stack.manifests_agent(&self.manifests(), &coverage)
    }

    /// Runs the command line against the translator.
    async fn aviary(&self, args: &[&str]) -> Result<Output> {
        let translator = format!("http://{}", self.stack.address()?);
        let environment = [("AVIARY_TRANSLATOR".to_owned(), translator)];
        run("aviary", args, &self.stack.folder(), &environment).await
    }

    /// What `aviary adopt` prints, once this is among it.
    async fn adopt(&self, word: &str) -> Result<(Option<i32>, String)> {
        until(&format!("aviary adopt prints `{word}`"), async || {
            let output = self.aviary(&["adopt"]).await?;
            let printed = said(&output);
            Ok(printed
                .contains(word)
                .then_some((output.status.code(), printed)))
        })
        .await
    }

    /// Runs what a section of the page prints for people to type; answers how each command ended.
    async fn page(&self, section: &str) -> Result<Vec<(String, Option<i32>, String)>> {
        let page = fs::read_to_string(tools::root().join("docs/migrating.md"))?;
        let start = format!("\n## {section}\n");
        let (_, text) = page.split_once(&start).context("no such section")?;
        let text = text.split("\n## ").next().unwrap_or_default();
        let mut ended = Vec::new();
        for block in text.split("```sh\n").skip(1) {
            let block = block.split("```").next().unwrap_or_default();
            for line in block.lines() {
                let mut words = line.split_whitespace();
                ensure!(words.next() == Some("aviary"), "no command of ours: {line}");
                let args: Vec<&str> = words.collect();
                let output = self.aviary(&args).await?;
                ended.push((line.to_owned(), output.status.code(), said(&output)));
            }
        }
        ensure!(!ended.is_empty(), "{section} has no commands");
        Ok(ended)
    }

    fn hand(&self) -> Hand {
        Hand {
            base: format!("http://{}/api", self.stack.sim.address()),
            http: reqwest::Client::new(),
        }
    }
}

fn said(output: &Output) -> String {
    let (out, errors) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(errors)
}

/// AKO, as the Controller sees it.
#[derive(Clone)]
struct Hand {
    base: String,
    http: reqwest::Client,
}

impl Hand {
    /// Writes an object of this type as it is, but for what is changed here.
    async fn write(&self, kind: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        let request = self.http.get(format!("{}/{kind}", self.base));
        let request = request.basic_auth(USER, Some(PASSWORD));
        let found: Value = request.send().await?.error_for_status()?.json().await?;
        let mut body = found["results"][0].clone();
        change(&mut body);
        let uuid = text(&body["uuid"]).to_owned();
        let request = self.http.put(format!("{}/{kind}/{uuid}", self.base));
        let request = request.basic_auth(USER, Some(PASSWORD)).json(&body);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Writes again and again until it is told to stop.
    fn go_on(&self) -> (Arc<AtomicBool>, tokio::task::JoinHandle<Result<()>>) {
        let (stop, hand) = (Arc::new(AtomicBool::new(false)), self.clone());
        let asked = stop.clone();
        let task = tokio::spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_millis(100));
            while !asked.load(Ordering::Relaxed) {
                pace.tick().await;
                hand.write("pool", |_| {}).await?;
            }
            Ok(())
        });
        (stop, task)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_what_ako_left_is_observed_and_taken_over_without_a_write() -> Result<()> {
    let mut left = Left::of(BALANCER).await?;
    left.stack.sim.clear_log().await?;
    left.stack.start_observing().await?;
    let agent = left.agent()?;
    let (status, printed) = left.adopt("nobody else was seen to write it").await?;
    ensure!(status == Some(0), "{printed}");
    ensure!(printed.contains("scheme ako"), "{printed}");
    ensure!(printed.contains("nothing would be written"), "{printed}");
    for (command, status, printed) in left.page("Observe").await? {
        ensure!(status == Some(0), "{command}: {printed}");
    }
    let writes = left.stack.sim.writes().await?;
    ensure!(writes.is_empty(), "{writes:?}");

    // AKO goes on beside, and what it does is no plan of ours.
    left.hand()
        .write("pool", |pool| pool["servers"] = json!([]))
        .await?;
    let (status, printed) = left.adopt("somebody else still writes it").await?;
    ensure!(status == Some(2), "{printed}");
    ensure!(
        printed.contains("changed by others: pool admin/lab--l401-lb-TCP-80"),
        "{printed}"
    );
    let (_, printed) = left.adopt("writes: 1,").await?;
    ensure!(printed.contains("servers"), "{printed}");
    let mut slice = left.object("EndpointSlice")?;
    let endpoints = slice["endpoints"].clone();
    slice["endpoints"] = json!([]);
    left.put(&slice)?;
    left.adopt("nothing would be written").await?;
    slice["endpoints"] = endpoints;
    left.put(&slice)?;
    let dump = left.stack.sim.dump().await?;
    let servers = named(&dump, "pool", "lab--l401-lb-TCP-80")?["servers"].clone();
    ensure!(servers.as_array().is_none_or(Vec::is_empty), "{servers}");
    left.adopt("writes: 1,").await?;
    agent.stop().await?;
    left.stack.stop_translator().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_healthy_deployment_of_ako_is_cut_over_without_an_approval() -> Result<()> {
    let mut left = Left::of(BALANCER).await?;
    left.stack.sim.clear_log().await?;
    left.stack.start_translator().await?;
    let agent = left.agent()?;
    left.adopt("its objects are ours").await?;
    left.stack.converged().await?;
    for (command, status, printed) in left.page("Check").await? {
        ensure!(status == Some(0), "{command}: {printed}");
    }
    let writes = left.stack.sim.writes().await?;
    ensure!(writes.is_empty(), "{writes:?}");
    let mut service = left.object("Service")?;
    service["spec"]["ports"][0]["port"] = json!(8081);
    left.put(&service)?;
    until("the edit is written", async || {
        let dump = left.stack.sim.dump().await?;
        Ok(named(&dump, "pool", "lab--l401-lb-TCP-8081")
            .is_ok()
            .then_some(()))
    })
    .await?;
    agent.stop().await?;
    left.stack.stop_translator().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e2e_a_takeover_waits_for_the_other_hand_and_for_an_approval() -> Result<()> {
    let mut left = Left::of(INGRESS).await?;
    let (stop, hand) = left.hand().go_on();
    left.stack.start_translator().await?;
    let agent = left.agent()?;
    let (status, printed) = left.adopt("refused: somebody else still writes it").await?;
    ensure!(status == Some(2), "{printed}");
    let refused = left.aviary(&["adopt", "--approve"]).await?;
    ensure!(refused.status.code() == Some(1), "{}", said(&refused));
    ensure!(
        said(&refused).contains("not approved: somebody else"),
        "{}",
        said(&refused)
    );
    stop.store(true, Ordering::Relaxed);
    hand.await??;
    left.stack.sim.clear_log().await?;

    let (status, printed) = left.adopt("waits for approval").await?;
    ensure!(status == Some(2), "{printed}");
    ensure!(
        printed.contains(SCRIPT) && printed.contains("datascript"),
        "{printed}"
    );
    ensure!(
        printed.contains("writes: 1, of which interrupt traffic: 0"),
        "{printed}"
    );
    left.stack.converged().await?;
    ensure!(
        left.stack.sim.writes().await?.is_empty(),
        "written before it was approved"
    );

    let wrong = left.aviary(&["adopt", "--approve", "another"]).await?;
    ensure!(wrong.status.code() == Some(1), "{}", said(&wrong));
    for (command, status, printed) in left.page("Approve").await? {
        ensure!(matches!(status, Some(0 | 2)), "{command}: {printed}");
    }
    left.stack.converged().await?;
    let writes = left.stack.sim.writes().await?;
    ensure!(writes.len() == 1 && writes[0].name == SCRIPT, "{writes:?}");
    let (status, printed) = left.adopt("its objects are ours").await?;
    ensure!(status == Some(0), "{printed}");

    // From now on it is ours, over a restart too.
    left.stack.kill_translator().await?;
    left.hand()
        .write("pool", |pool| pool["servers"] = json!([]))
        .await?;
    left.stack.start_translator().await?;
    until("the pool has its servers again", async || {
        let dump = left.stack.sim.dump().await?;
        let mut pools = dump["pool"].as_array().into_iter().flatten();
        let is_whole = |it: &Value| it["servers"].as_array().is_some_and(|it| it.len() == 2);
        Ok(pools.any(is_whole).then_some(()))
    })
    .await?;
    agent.stop().await?;
    left.stack.stop_translator().await
}
