//! The actors: a simulated Controller, a translator, and agents that each have the same manifests.

use std::collections::BTreeMap;
use std::sync::Arc;

use aviary_agent::manifests::{Manifests, MemoryFiles};
use aviary_agent::{Agent, Config as AgentConfig};
use aviary_boot::shutdown::{Trigger, channel};
use aviary_boot::{Blocking, Clock, spawn};
use aviary_proto::types::v1::Coverage;
use aviary_runtime::identity::{ClusterRules, Gate};
use aviary_runtime::view::Snapshot;
use aviary_runtime::{Config, Controller, StoreAt, Translator};
use aviary_session::{Config as SessionConfig, Credentials, Proof};
use aviary_sim::{Options, Simulator};
use aviary_types::{ScopeKey, Secret};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;

use crate::dice::{Dice, Naps};
use crate::disk::Disk;
use crate::estate::{Files, GREEN, SETTINGS};
use crate::journal::{Journal, NotedSink};
use crate::net::{Net, Way};
use crate::play::Cast;
use crate::road::Road;
use crate::witness::Witness;

/// The agents by name, with their clusters; the first one of a cluster has the cluster-wide kinds, the
/// others a namespace each.
const AGENTS: [(&str, &str); 5] = [
    ("cluster", "blue"),
    ("shop", "blue"),
    ("pay", "blue"),
    ("green", "green"),
    ("branch", "green"),
];
/// Connections that wait for the translator.
const BACKLOG: usize = 16;

/// Everything that runs, and what it runs on.
pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
    pub(crate) journal: Journal,
    pub(crate) net: Arc<Net>,
    pub(crate) witness: Witness,
    seed: u64,
    clock: Clock,
    disk: Option<Disk>,
    losses: bool,
    naps: Naps,
    files: BTreeMap<&'static str, MemoryFiles>,
    sinks: BTreeMap<&'static str, MemoryFiles>,
    translator: Option<Running>,
    agents: Option<(Trigger, Vec<JoinHandle<()>>)>,
}

/// A running translator.
struct Running {
    snapshots: watch::Receiver<Snapshot>,
    trigger: Trigger,
    tasks: [JoinHandle<()>; 2],
}

impl Stage {
    /// A stage on which nobody has entered yet.
    pub(crate) fn new(cast: &Cast) -> Self {
        let (seed, naps) = (cast.seed, cast.naps.clone());
        let start = jiff::Timestamp::from_second(1_790_000_000).unwrap();
        let random_seed = Dice::new(seed, "Controller").number();
        let options = Options {
            random_seed,
            ..Options::default()
        };
        let folders = || names().map(|agent| (agent, MemoryFiles::default())).into();
        let journal = Journal::new();
        Self {
            simulator: Simulator::new(options).unwrap(),
            net: Net::new(seed, &names(), journal.clone(), naps.clone()),
            journal,
            witness: Witness::default(),
            seed,
            clock: Clock::virtual_from(start),
            disk: cast.disk.then(Disk::default),
            losses: cast.losses,
            naps,
            files: folders(),
            sinks: folders(),
            translator: None,
            agents: None,
        }
    }

    /// Starts a translator.
    pub(crate) async fn start_translator(&mut self) {
        let translator = Translator::new(self.config()).await.unwrap();
        let snapshots = translator.snapshots();
        let (door, incoming) = mpsc::channel(BACKLOG);
        let (trigger, shutdown) = channel();
        let run = async move {
            translator
                .run(ReceiverStream::new(incoming), shutdown)
                .await
                .unwrap();
        };
        let follow = self.journal.clone().follow(snapshots.clone());
        let tasks = [spawn("translator", run), spawn("journal", follow)];
        self.net.open(Some(door));
        self.translator = Some(Running {
            snapshots,
            trigger,
            tasks,
        });
    }

    fn config(&self) -> Config {
        let settings = aviary_settings::parse(SETTINGS).settings.unwrap();
        let proof = Proof::Password(Secret::new("secret"));
        let session = SessionConfig {
            seed: Dice::new(self.seed, "session").number(),
            ..SessionConfig::new("http://controller".parse().unwrap())
        };
        let controller = Controller::new(
            settings.home.controller.clone(),
            session,
            self.road().into_transport(),
            Arc::new(Credentials {
                username: "admin".into(),
                proof,
            }),
        );
        let gate = Gate::new(self.clock.clone());
        let clusters = settings.all_clusters().map(|cluster| cluster.name.clone());
        let gate = clusters.fold(gate, |gate, cluster| {
            gate.with(cluster, (None, None), ClusterRules::default())
        });
        let disk = self.disk.clone();
        Config {
            store: disk.map_or(StoreAt::Memory, |disk| StoreAt::Backend(Box::new(disk))),
            blocking: Blocking::Inline,
            ..Config::new(settings, vec![controller], gate, self.clock.clone())
        }
    }

    fn road(&self) -> Road {
        Road {
            simulator: self.simulator.clone(),
            witness: self.witness.clone(),
            dice: Dice::new(self.seed, "road to the Controller"),
            losses: self.losses,
            naps: self.naps.clone(),
        }
    }

    /// Stops the translator as one that is asked to.
    pub(crate) async fn stop_translator(&mut self) {
        let Running {
            trigger,
            tasks,
            snapshots,
        } = self.translator.take().unwrap();
        self.net.open(None);
        trigger.stop();
        drop(snapshots);
        for task in tasks {
            task.await.unwrap();
        }
    }

    /// Starts all agents.
    pub(crate) fn start_agents(&mut self) {
        let (trigger, shutdown) = channel();
        let run = |agent| spawn("agent", self.agent(agent).run(shutdown.clone()));
        self.agents = Some((trigger, names().map(run).into()));
    }

    fn agent(&self, agent: &'static str) -> Agent {
        let sink = NotedSink {
            agent,
            files: self.sinks[agent].clone(),
            journal: self.journal.clone(),
            naps: self.naps.clone(),
        };
        let files = Arc::new(self.files[agent].clone());
        let source = Manifests::new(files, Some(Arc::new(sink)), self.clock.clone());
        let config = AgentConfig {
            cluster: cluster_of(agent).to_owned(),
            coverage: coverage(agent),
            name: agent.to_owned(),
            token_file: None,
            seed: Dice::new(self.seed, &format!("agent {agent}")).number(),
            blocking: Blocking::Inline,
        };
        let way = Way {
            net: self.net.clone(),
            agent,
        };
        Agent::new(config, Arc::new(source), Arc::new(way))
    }

    /// Stops all agents.
    pub(crate) async fn stop_agents(&mut self) {
        let (trigger, tasks) = self.agents.take().unwrap();
        trigger.stop();
        for task in tasks {
            task.await.unwrap();
        }
    }

    /// Writes what changed, for all agents of the cluster that it belongs to.
    pub(crate) fn write(&self, now: &Files, before: &Files) {
        for (agent, folder) in &self.files {
            let is_green = cluster_of(agent) == "green";
            let is_here = |path: &&&str| path.starts_with(GREEN) == is_green;
            let gone = before.keys().filter(|path| !now.contains_key(*path));
            for path in gone.filter(is_here) {
                folder.remove(path);
            }
            let changed = now
                .iter()
                .filter(|(path, text)| is_here(path) && before.get(*path) != Some(text));
            changed.for_each(|(path, text)| folder.put(path, text.as_str()));
        }
    }

    /// What the translator publishes.
    pub(crate) fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.translator.as_ref().unwrap().snapshots.clone()
    }

    /// Where the agents wrote.
    pub(crate) fn sinks(&self) -> &BTreeMap<&'static str, MemoryFiles> {
        &self.sinks
    }
}

/// Whether everything is heard and carried out.
pub(crate) fn is_at_rest(snapshot: &Snapshot) -> bool {
    let built = |site: &aviary_runtime::view::SiteView| site.built.facts.generation;
    let carried_out = snapshot.is_settled()
        && !snapshot.sites.is_empty()
        && snapshot
            .sites
            .iter()
            .all(|site| built(site) == snapshot.generation());
    let heard = |scope: &ScopeKey| {
        let view = snapshot.scopes.get(scope);
        let is_heard = view.is_some_and(|view| {
            view.session.is_some() && view.kinds.iter().all(|(_, why)| why.is_none())
        });
        is_heard && snapshot.facts.is_published(scope)
    };
    carried_out && names().iter().all(|agent| heard(&scope(agent)))
}

fn names() -> [&'static str; AGENTS.len()] {
    AGENTS.map(|(name, _)| name)
}

fn cluster_of(agent: &str) -> &'static str {
    let found = AGENTS.iter().find(|(name, _)| *name == agent);
    found.unwrap().1
}

/// The first agent of a cluster.
fn is_wide(agent: &str) -> bool {
    let mut of_cluster = AGENTS.iter().filter(|(_, it)| *it == cluster_of(agent));
    of_cluster.next().is_some_and(|(first, _)| *first == agent)
}

fn scope(agent: &str) -> ScopeKey {
    let cluster = cluster_of(agent).into();
    if is_wide(agent) {
        ScopeKey::cluster_wide(&cluster)
    } else {
        ScopeKey {
            cluster,
            namespace: agent.into(),
        }
    }
}

fn coverage(agent: &str) -> Coverage {
    if is_wide(agent) {
        Coverage {
            cluster_scope: true,
            ..Coverage::default()
        }
    } else {
        Coverage {
            namespaces: vec![agent.to_owned()],
            ..Coverage::default()
        }
    }
}
