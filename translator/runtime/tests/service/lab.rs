//! A translator over pipes, with a simulated Controller.

use crate::agent::{Agent, Cluster};
use aviary_boot::shutdown::{Trigger, channel};
use aviary_boot::{Blocking, Clock};
use aviary_proto::admin::v1::admin_service_client::AdminServiceClient;
use aviary_proto::query::v1::query_service_client::QueryServiceClient;
use aviary_proto::query::v1::{
    Everything, GetSettingsRequest, GetSettingsResponse, ObjectVersion, WaitConvergedRequest,
    WaitConvergedResponse, wait_converged_request::What,
};
use aviary_proto::types::v1::{Coverage, ObjectKey};
use aviary_runtime::identity::{ClusterRules, Gate, KeySource};
use aviary_runtime::incoming::{Connection, Peer};
use aviary_runtime::service::{Error as ServiceError, Workload};
use aviary_runtime::transport;
use aviary_runtime::view::Snapshot;
use aviary_runtime::{Config, Controller, Reconfigure, ReconfigureError, StoreAt, Translator};
use aviary_session::{Config as SessionConfig, CredentialSource, Credentials, Proof};
use aviary_settings::Settings;
use aviary_sim::{LogEntry, Options, Simulator};
use aviary_types::Secret;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

pub(crate) const SETTINGS: &str = "
AKOSettings:
  clusterName: blue
NetworkSettings:
  vipNetworkList:
  - networkName: vip-net
    cidr: 10.10.0.0/20
L7Settings:
  shardVSSize: SMALL
ControllerSettings:
  cloudName: Default-Cloud
  controllerHost: controller
";

/// What is to be started.
pub(crate) struct Plan {
    pub(crate) settings: String,
    pub(crate) store: StoreAt,
    pub(crate) observe_only: bool,
    /// How much later than usual the clock begins.
    pub(crate) later: Duration,
    /// What the time is told by, if by another clock.
    pub(crate) clock: Option<Clock>,
    /// Who we are to the Controller.
    pub(crate) credentials: Arc<dyn CredentialSource>,
    /// Who may speak; everybody on this machine, if it is not said.
    pub(crate) keys: Option<(String, String)>,
    /// What the progress of `deleteConfig` stands on.
    pub(crate) workload: Option<Workload>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            settings: SETTINGS.into(),
            store: StoreAt::Memory,
            observe_only: false,
            later: Duration::ZERO,
            clock: None,
            credentials: Arc::new(Credentials {
                username: "admin".into(),
                proof: Proof::Password(Secret::new("secret")),
            }),
            keys: None,
            workload: None,
        }
    }
}

/// A running translator.
pub(crate) struct Running {
    connections: mpsc::Sender<std::io::Result<Connection>>,
    pub(crate) snapshots: watch::Receiver<Snapshot>,
    pub(crate) reconfigure: Reconfigure,
    simulator: Simulator,
    credentials: Arc<dyn CredentialSource>,
    trigger: Trigger,
    task: tokio::task::JoinHandle<Result<(), ServiceError>>,
}

pub(crate) fn simulator() -> Simulator {
    Simulator::new(Options::default()).unwrap()
}

pub(crate) fn everywhere() -> Coverage {
    Coverage {
        all_namespaces: true,
        cluster_scope: true,
        ..Coverage::default()
    }
}

pub(crate) fn named(namespaces: &[&str], cluster_scope: bool) -> Coverage {
    let namespaces = namespaces.iter().map(ToString::to_string).collect();
    Coverage {
        all_namespaces: false,
        namespaces,
        cluster_scope,
    }
}

/// The one Controller, as each access of the settings finds it.
fn controllers(
    simulator: &Simulator,
    settings: &Settings,
    credentials: &Arc<dyn CredentialSource>,
) -> Vec<Controller> {
    let mut controllers: Vec<Controller> = Vec::new();
    for cluster in settings.all_clusters() {
        if controllers
            .iter()
            .all(|known| known.access != cluster.controller)
        {
            controllers.push(Controller::new(
                cluster.controller.clone(),
                SessionConfig::new("http://controller".parse().unwrap()),
                transport::of(simulator.clone()),
                credentials.clone(),
            ));
        }
    }
    controllers
}

/// Starts a translator over a simulated Controller.
pub(crate) async fn start(simulator: &Simulator, plan: Plan) -> Running {
    let start = jiff::Timestamp::from_second(1_790_000_000).unwrap();
    let usual = || Clock::virtual_from(start.checked_add(plan.later).unwrap());
    let clock = plan.clock.clone().unwrap_or_else(usual);
    let settings = aviary_settings::parse(&plan.settings).settings.unwrap();
    let controllers = controllers(simulator, &settings, &plan.credentials);
    let mut gate = Gate::new(clock.clone());
    for cluster in settings.all_clusters() {
        let keys = plan.keys.clone();
        let keys = keys.map(|(issuer, set)| (Some(issuer), Some(KeySource::Fixed(set))));
        let keys = keys.unwrap_or_default();
        gate = gate.with(cluster.name.clone(), keys, ClusterRules::default());
    }
    let config = Config {
        store: plan.store,
        observe_only: plan.observe_only,
        workload: plan.workload,
        blocking: Blocking::Inline,
        ..Config::new(settings, controllers, gate, clock)
    };
    let translator = Translator::new(config).await.unwrap();
    let (snapshots, reconfigure) = (translator.snapshots(), translator.reconfigure());
    let (connections, incoming) = mpsc::channel(16);
    let (trigger, shutdown) = channel();
    let run = async move {
        let incoming = ReceiverStream::new(incoming);
        translator.run(incoming, shutdown).await
    };
    Running {
        connections,
        snapshots,
        reconfigure,
        simulator: simulator.clone(),
        credentials: plan.credentials,
        trigger,
        task: tokio::spawn(run),
    }
}

impl Running {
    /// Hands other settings in, as whoever follows their file does.
    pub(crate) async fn configure(&self, text: &str) -> Result<(), ReconfigureError> {
        let settings = aviary_settings::parse(text).settings.unwrap();
        let controllers = controllers(&self.simulator, &settings, &self.credentials);
        for cluster in settings.all_clusters() {
            let rules = ClusterRules::default();
            let keys = (None, None);
            self.reconfigure
                .add_cluster(cluster.name.clone(), keys, rules);
        }
        self.reconfigure.configure(settings, controllers).await
    }

    /// The settings as they are told.
    pub(crate) async fn settings(&self) -> GetSettingsResponse {
        let answer = self.query().get_settings(GetSettingsRequest {}).await;
        answer.unwrap().into_inner()
    }

    /// A client's connection, from this machine.
    pub(crate) fn channel(&self) -> Channel {
        self.channel_of(Peer::Local)
    }

    /// The connection of somebody.
    pub(crate) fn channel_of(&self, peer: Peer) -> Channel {
        let connections = self.connections.clone();
        let connect = tower::service_fn(move |_| {
            let (connections, peer) = (connections.clone(), peer.clone());
            async move {
                let (ours, theirs) = tokio::io::duplex(64 * 1024);
                let gone = |_| std::io::Error::other("the translator is gone");
                let theirs = Connection::new(theirs, peer);
                connections.send(Ok(theirs)).await.map_err(gone)?;
                Ok::<_, std::io::Error>(TokioIo::new(ours))
            }
        });
        Endpoint::from_static("http://translator").connect_with_connector_lazy(connect)
    }

    pub(crate) fn agent(&self, cluster: &Cluster, coverage: Coverage) -> Agent {
        Agent::start(cluster.clone(), coverage, self.channel())
    }

    pub(crate) fn query(&self) -> QueryServiceClient<Channel> {
        QueryServiceClient::new(self.channel())
    }

    pub(crate) fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel())
    }

    /// Waits until everything heard is carried out.
    pub(crate) async fn settle(&self) -> WaitConvergedResponse {
        self.wait(What::Everything(Everything {})).await
    }

    /// Waits until this version of an Ingress is carried out.
    pub(crate) async fn shows(&self, (namespace, name): (&str, &str), version: &str) {
        let key = ObjectKey {
            group: "networking.k8s.io".into(),
            kind: "Ingress".into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        self.wait(What::Object(ObjectVersion {
            cluster: "blue".into(),
            key: Some(key),
            resource_version: version.into(),
        }))
        .await;
    }

    async fn wait(&self, what: What) -> WaitConvergedResponse {
        let mut client = self.query();
        let request = WaitConvergedRequest { what: Some(what) };
        let answer = client.wait_converged(request);
        match tokio::time::timeout(Duration::from_mins(5), answer).await {
            Ok(answer) => answer.unwrap().into_inner(),
            Err(late) => panic!(
                "not converged after five minutes, {late}: {:#?}",
                self.state()
            ),
        }
    }

    /// What keeps it from being settled.
    fn state(&self) -> Vec<String> {
        let now = self.snapshots.borrow();
        let mut state = vec![format!(
            "generation {:?}, intents {}",
            now.generation(),
            now.intents
        )];
        for site in &now.sites {
            state.push(format!(
                "built {:?}, settled {}, trouble {:?}, operations {}, holds {}",
                site.built.facts.generation,
                site.settled,
                site.trouble,
                site.ops.len(),
                site.holds.len()
            ));
        }
        state
    }

    /// Stops as a process does that is asked to.
    pub(crate) async fn stop(self) {
        self.trigger.stop();
        drop(self.connections);
        self.task.await.unwrap().unwrap();
    }

    /// How it ends by itself.
    pub(crate) async fn end(self) -> Result<(), ServiceError> {
        self.task.await.unwrap()
    }

    /// Ends without a word.
    pub(crate) async fn kill(self) {
        self.trigger.stop();
        self.task.abort();
        let _cut = self.task.await;
        // The core ends when it is polled next; until then it holds the store.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The writes that the Controller saw.
pub(crate) fn writes(simulator: &Simulator) -> Vec<LogEntry> {
    let mut log = simulator.log();
    log.retain(|entry| entry.method != "GET" && !matches!(entry.kind.as_str(), "login" | ""));
    log
}

/// Names of the Controller's objects of a type.
pub(crate) fn names(simulator: &Simulator, kind: &str) -> Vec<String> {
    let dump = simulator.dump();
    let objects = dump[kind].as_array().cloned().unwrap_or_default();
    objects
        .iter()
        .map(|it| it["name"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// What stands on the Controller, by name.
pub(crate) fn all_names(simulator: &Simulator) -> Vec<String> {
    let kinds = [
        "pool",
        "poolgroup",
        "virtualservice",
        "vsvip",
        "httppolicyset",
    ];
    let mut all: Vec<String> = kinds
        .iter()
        .flat_map(|kind| names(simulator, kind))
        .collect();
    all.sort();
    all
}

/// A Controller that takes a while for each request.
pub(crate) fn simulator_slow() -> Simulator {
    Simulator::new(Options {
        delay: Duration::from_millis(20),
        ..Options::default()
    })
    .unwrap()
}

/// Changes an object behind our back.
pub(crate) async fn change(
    simulator: &Simulator,
    kind: &str,
    name: &str,
    change: impl FnOnce(&mut serde_json::Value),
) {
    use aviary_avi::{AviKey, AviKind};
    let credentials = Credentials {
        username: "somebody".into(),
        proof: Proof::Password(Secret::new("secret")),
    };
    let config = SessionConfig::new("http://controller".parse().unwrap());
    let way = transport::of(simulator.clone());
    let session = aviary_session::Session::new(config, way, Arc::new(credentials));
    let key = AviKey {
        kind: AviKind::of_path(kind).unwrap(),
        tenant: "admin".into(),
        cloud: if kind == "vrfcontext" {
            "Default-Cloud".into()
        } else {
            "".into()
        },
        name: name.into(),
    };
    let found = session.find(&key).await.unwrap().unwrap();
    let mut body = serde_json::to_value(&*found.body).unwrap();
    change(&mut body);
    session
        .update(&key, &found.uuid, &body, &|_| true)
        .await
        .unwrap();
}

/// Objects that were written twice in a row with the same body.
pub(crate) fn written_twice(simulator: &Simulator) -> Vec<String> {
    let mut last = BTreeMap::new();
    let mut twice = Vec::new();
    for entry in simulator.log().into_iter().filter(LogEntry::is_write) {
        let object = format!("{} {} {}", entry.kind, entry.tenant, entry.name);
        let is_put = entry.method != "DELETE";
        let before = last.insert(object.clone(), entry.body.clone());
        if is_put && before.is_some_and(|before| before == entry.body) {
            twice.push(format!("{} {object}", entry.method));
        }
    }
    twice
}
