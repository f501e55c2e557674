//! The processes of the demo as tasks: simulated Controller, translator, agents.

use super::DemoArgs;
use super::show::services;
use crate::manifest;
use anyhow::Context;
use aviary_agent::connect::UrlConnector;
use aviary_agent::manifests::{DiskFiles, DiskSink, Manifests};
use aviary_agent::{Agent, Config as AgentConfig};
use aviary_boot::{Blocking, Clock, Shutdown, spawn};
use aviary_proto::types::v1::Coverage;
use aviary_runtime::identity::{ClusterRules, Gate};
use aviary_runtime::incoming::{Connection, Peer};
use aviary_runtime::view::Snapshot;
use aviary_runtime::{Config, Translator, embedded};
use aviary_settings::Settings;
use aviary_sim::Simulator;
use aviary_types::{ClusterName, ScopeKey};
use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::TcpListenerStream;

/// The folder of the first cluster; those of the others are called as they are.
const HOME: &str = "shop";

/// Everything that runs.
pub(super) struct Stage {
    translator: String,
    controller: String,
    /// Clusters whose agents have not dialled in yet, with the folders of their manifests.
    outside: VecDeque<(ClusterName, PathBuf)>,
    expected: BTreeSet<ScopeKey>,
    snapshots: watch::Receiver<Snapshot>,
    tasks: Vec<JoinHandle<()>>,
    simulator: JoinHandle<()>,
    shutdown: Shutdown,
}

impl Stage {
    /// Starts the Controller, the translator and the agents of the first cluster.
    pub(super) async fn set(args: &DemoArgs, shutdown: &Shutdown) -> anyhow::Result<Self> {
        let settings = settings(args)?;
        let (controller, simulator) = simulator().await?;
        let home = (settings.home.name.clone(), args.examples.join(HOME));
        let others = settings.clusters.iter();
        let others = others.map(|it| (it.name.clone(), args.examples.join(it.name.as_str())));
        let outside = std::iter::once(home).chain(others).collect();
        let (translator, snapshots, served) =
            translator(args, settings, &controller, shutdown).await?;
        let mut stage = Self {
            outside,
            expected: BTreeSet::new(),
            translator,
            controller,
            snapshots,
            tasks: vec![served],
            simulator,
            shutdown: shutdown.clone(),
        };
        stage.join(args)?;
        Ok(stage)
    }

    /// Lets the agents of the next cluster dial in: one for each namespace, one for what belongs to
    /// none. Answers which cluster that is; `None` if all have.
    pub(super) fn join(&mut self, args: &DemoArgs) -> anyhow::Result<Option<ClusterName>> {
        let Some((cluster, folder)) = self.outside.pop_front() else {
            return Ok(None);
        };
        let namespaces = namespaces(&folder)?;
        let scopes = namespaces.iter().map(|namespace| ScopeKey {
            cluster: cluster.clone(),
            namespace: namespace.as_str().into(),
        });
        let wide = ScopeKey::cluster_wide(&cluster);
        self.expected.extend(scopes.chain([wide]));
        let wide = Coverage {
            cluster_scope: true,
            ..Coverage::default()
        };
        let one = |namespace: &String| Coverage {
            namespaces: vec![namespace.clone()],
            ..Coverage::default()
        };
        for coverage in namespaces.iter().map(one).chain([wide]) {
            let agent = self.agent(args, (&cluster, &folder), coverage)?;
            let task = spawn("agent", agent.run(self.shutdown.clone()));
            self.tasks.push(task);
        }
        Ok(Some(cluster))
    }

    /// Where queries are answered.
    pub(super) fn translator(&self) -> &str {
        &self.translator
    }

    /// Where the simulated Controller is.
    pub(super) fn controller(&self) -> &str {
        &self.controller
    }

    /// The next state at rest that is not the one shown.
    pub(super) async fn settled(&self, shown: &str) -> anyhow::Result<Snapshot> {
        let mut snapshots = self.snapshots.clone();
        let at_rest = |snapshot: &Snapshot| {
            let mut expected = self.expected.iter();
            snapshot.is_settled()
                && expected.all(|scope| snapshot.facts.is_published(scope))
                && services(snapshot) != shown
        };
        let snapshot = snapshots.wait_for(at_rest).await;
        Ok(snapshot.context("the translator ended")?.clone())
    }

    /// Waits for all of them to end; they were asked to.
    pub(super) async fn strike(self) {
        for task in self.tasks {
            // A task that panicked has said so.
            let _ended = task.await;
        }
        self.simulator.abort();
    }

    fn agent(
        &self,
        args: &DemoArgs,
        (cluster, folder): (&ClusterName, &Path),
        coverage: Coverage,
    ) -> anyhow::Result<Agent> {
        let (clock, blocking) = (Clock::system(), Blocking::Pool);
        let files = DiskFiles::new(folder, None, clock.clone(), blocking)?;
        let is_home = folder.ends_with(HOME);
        let statuses = args.status_dir.clone();
        let statuses = if is_home {
            statuses
        } else {
            statuses.join(cluster.as_str())
        };
        let sink = DiskSink::new(&statuses, blocking);
        let source = Manifests::new(Arc::new(files), Some(Arc::new(sink)), clock);
        let name = coverage.namespaces.first();
        let name = name.cloned().unwrap_or_else(|| "cluster".to_owned());
        let config = AgentConfig {
            cluster: cluster.to_string(),
            coverage,
            name,
            token_file: None,
            // Every agent has chance of its own.
            seed: self.tasks.len() as u64,
            blocking,
        };
        let tls = Arc::new(|| aviary_boot::tls::client(None, None));
        let connector = UrlConnector::new(&self.translator, tls)?;
        Ok(Agent::new(config, Arc::new(source), Arc::new(connector)))
    }
}

fn settings(args: &DemoArgs) -> anyhow::Result<Settings> {
    let path = args.examples.join("values.yaml");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    aviary_settings::parse(&text).settings.map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}: {}", path.display(), lines.join("; "))
    })
}

/// The namespaces of the manifests: each gets an agent.
fn namespaces(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let objects = manifest::read(folder)?;
    let namespaces = objects
        .iter()
        .filter(|object| manifest::kind(object) == "Namespace");
    Ok(namespaces
        .map(|object| manifest::metadata(object, "name").to_owned())
        .collect())
}

async fn simulator() -> anyhow::Result<(String, JoinHandle<()>)> {
    let simulator = Simulator::new(aviary_sim::Options::default())?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let task = spawn("simulator", async move {
        if let Err(error) = simulator.serve(listener).await {
            tracing::error!(%error, "the simulated Controller ended");
        }
    });
    Ok((address, task))
}

async fn translator(
    args: &DemoArgs,
    settings: Settings,
    controller: &str,
    shutdown: &Shutdown,
) -> anyhow::Result<(String, watch::Receiver<Snapshot>, JoinHandle<()>)> {
    let clock = Clock::system();
    let mut gate = Gate::new(clock.clone());
    let mut accesses = Vec::new();
    for cluster in settings.all_clusters() {
        // Everybody comes from this machine, which needs no identity.
        gate = gate.with(cluster.name.clone(), (None, None), ClusterRules::default());
        if !accesses.contains(&cluster.controller) {
            accesses.push(cluster.controller.clone());
        }
    }
    let controllers = accesses.into_iter();
    let controllers = controllers.map(|access| embedded::controller(access, controller));
    let controllers = controllers.collect::<Result<Vec<_>, _>>()?;
    let config = Config::new(settings, controllers, gate, clock);
    let translator = Translator::new(config).await?;
    let snapshots = translator.snapshots();
    let listener = TcpListener::bind(args.listen).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let incoming = TcpListenerStream::new(listener)
        .map(|stream| stream.map(|stream| Connection::new(stream, Peer::Local)));
    let shutdown = shutdown.clone();
    let task = spawn("translator", async move {
        if let Err(error) = translator.run(incoming, shutdown).await {
            tracing::error!(error = %aviary_boot::chain(&error), "the translator ended");
        }
    });
    Ok((address, snapshots, task))
}
