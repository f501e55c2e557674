//! The translator as a whole: made from parts that are handed in, so that the same code runs over
//! sockets in production and over pipes on paused time in simulation.

pub use crate::core::progress::Workload;
use crate::core::wake::{OrderWay, WAKES_MAX};
use crate::core::{ControllerParts, Core, Parts};
use crate::date::dated;
use crate::hub::service::Door;
use crate::identity::Gate;
use crate::incoming::Connection;
use crate::reconfigure::Reconfigure;
use crate::retain::Retain;
use crate::vital;
use aviary_boot::{Blocking, Clock, Shutdown};
use aviary_disk::{Error as StoreError, StoreAt};
use aviary_execute::{AlwaysMay, Fence};
use aviary_link::translator::Limits;
use aviary_proto::admin::v1::admin_service_server::AdminServiceServer;
use aviary_proto::query::v1::query_service_server::QueryServiceServer;
use aviary_proto::sync::v1::sync_service_server::SyncServiceServer;
use aviary_query::feed::{self, Feed};
use aviary_query::view::Snapshot;
use aviary_query::{Desk, DeskParts, LevelSetter};
use aviary_session::{Config as SessionConfig, CredentialSource, Session, Transport};
use aviary_settings::{ControllerAccess, Settings};
use aviary_types::eco_format;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;
use tonic::transport::Server;
use tower::util::MapResponseLayer;

/// How long a start waits for agents before it plans with what is known.
const GRACE: Duration = Duration::from_secs(10);
/// A connection that does not answer for so long is cut.
const KEEPALIVE: Duration = Duration::from_secs(20);
/// Streams that are open when everything else has ended are cut after so long.
const LINGER: Duration = Duration::from_secs(5);
/// Streams of one connection.
const STREAMS_MAX: u32 = 256;

/// A Controller that clusters are served by.
pub struct Controller {
    /// Which clusters: those with this access.
    pub access: ControllerAccess,
    /// How it is shown.
    pub name: String,
    /// Its address and pace.
    pub config: SessionConfig,
    /// The way there.
    pub transport: Transport,
    /// Who we are to it.
    pub credentials: Arc<dyn CredentialSource>,
    /// Whether this process may write to it.
    pub fence: Arc<dyn Fence>,
}

impl Controller {
    /// A Controller that only this process writes to.
    pub fn new(
        access: ControllerAccess,
        config: SessionConfig,
        transport: Transport,
        credentials: Arc<dyn CredentialSource>,
    ) -> Self {
        let name = config
            .base
            .authority()
            .map(ToString::to_string)
            .unwrap_or_default();
        Self {
            access,
            name,
            config,
            transport,
            credentials,
            fence: Arc::new(AlwaysMay),
        }
    }
}

/// Everything that a translator is made of.
pub struct Config {
    /// What is asked of it.
    pub settings: Settings,
    /// The Controllers of the settings' clusters, one for each access.
    pub controllers: Vec<Controller>,
    /// Who may speak for what.
    pub gate: Gate,
    /// What survives a crash.
    pub store: StoreAt,
    /// Everything but writes.
    pub observe_only: bool,
    /// The StatefulSet that the translator runs as; `None` where there is none.
    pub workload: Option<Workload>,
    /// How long a start waits for agents.
    pub grace: Duration,
    /// What agents are granted.
    pub limits: Limits,
    /// Wall-clock time.
    pub clock: Clock,
    /// Where blocking work runs.
    pub blocking: Blocking,
    /// Changes the log level; `None` where nobody can.
    pub log_level: Option<LevelSetter>,
}

impl Config {
    /// The usual translator: it keeps nothing and writes.
    pub fn new(settings: Settings, controllers: Vec<Controller>, gate: Gate, clock: Clock) -> Self {
        Self {
            settings,
            controllers,
            gate,
            store: StoreAt::Memory,
            observe_only: false,
            workload: None,
            grace: GRACE,
            limits: Limits::default(),
            clock,
            blocking: Blocking::Pool,
            log_level: None,
        }
    }
}

/// Why a translator ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be used.
    #[error("start with the store")]
    Store(#[from] StoreError),
    /// A cluster of the settings has no Controller.
    #[error("cluster {0} has no Controller")]
    NoController(String),
    /// The services cannot be described.
    #[error("describe the services")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The core panicked. What it knew is in the store; a new start goes on from there.
    #[error("keep the core running")]
    Core(#[source] tokio::task::JoinError),
    /// A task that everything rests on panicked. A new start goes on from what is in the store.
    #[error("keep the task `{0}` running: it panicked")]
    Task(&'static str),
    /// The services ended by an error.
    #[error("serve")]
    Serve(#[from] tonic::transport::Error),
}

/// A translator that is ready to run.
pub struct Translator {
    core: Core,
    inbox: mpsc::Receiver<crate::core::wake::Wake>,
    door: Door,
    desk: Desk,
    snapshots: watch::Receiver<Snapshot>,
    newest: watch::Sender<Arc<Feed>>,
}

impl Translator {
    /// Opens the store and puts everything together.
    pub async fn new(config: Config) -> Result<Self, Error> {
        let (retain, restored) = Retain::open(config.store, config.blocking).await?;
        let (wakes, inbox) = mpsc::channel(WAKES_MAX);
        let (published, snapshots) = watch::channel(Snapshot::default());
        let controllers = controllers(&config.settings, config.controllers)?;
        let gate = Arc::new(config.gate);
        let core = Core::new(Parts {
            clock: config.clock.clone(),
            wakes: wakes.clone(),
            settings: config.settings,
            observe_only: config.observe_only,
            workload: config.workload,
            grace: config.grace,
            limits: config.limits,
            retain,
            restored,
            controllers,
            published,
        });
        let door = Door {
            wakes: wakes.clone(),
            gate: gate.clone(),
            clock: config.clock.clone(),
        };
        let (newest, feeds) = watch::channel(Arc::new(Feed::default()));
        let desk = Desk::new(DeskParts {
            snapshots: snapshots.clone(),
            orders: Arc::new(OrderWay(wakes)),
            gate,
            log_level: config.log_level,
            blocking: config.blocking,
            feeds,
            start: eco_format!("{}", config.clock.now()),
        });
        Ok(Self {
            core,
            inbox,
            door,
            desk,
            snapshots,
            newest,
        })
    }

    /// What it publishes, from now on.
    pub fn snapshots(&self) -> watch::Receiver<Snapshot> {
        self.snapshots.clone()
    }

    /// Changes the settings while it runs.
    pub fn reconfigure(&self) -> Reconfigure {
        Reconfigure {
            wakes: self.door.wakes.clone(),
            gate: self.door.gate.clone(),
        }
    }

    /// Serves these connections until it is asked to stop.
    pub async fn run(
        self,
        incoming: impl Stream<Item = io::Result<Connection>> + Send + 'static,
        shutdown: Shutdown,
    ) -> Result<(), Error> {
        let Self {
            core,
            inbox,
            door,
            desk,
            snapshots,
            newest: feeds,
        } = self;
        let (reporter, health) = tonic_health::server::health_reporter();
        let (newest, older) = (
            aviary_query::reflection_v1()?,
            aviary_query::reflection_v1alpha()?,
        );
        let (alive, mut gone) = aviary_boot::shutdown::channel();
        let ended = gone.clone();
        let core = aviary_boot::spawn("core", async move {
            let _alive = alive;
            core.run(inbox, shutdown).await
        });
        let feed = feed::run(snapshots.clone(), feeds, desk.blocking());
        // It ends with the core.
        vital::spawn(&door.wakes, "feed", feed);
        let readiness = aviary_boot::spawn("readiness", readiness(reporter, snapshots));
        let clock = door.clock.clone();
        let served = Server::builder()
            .http2_keepalive_interval(Some(KEEPALIVE))
            .http2_keepalive_timeout(Some(KEEPALIVE))
            .max_concurrent_streams(STREAMS_MAX)
            .layer(MapResponseLayer::new(move |reply| dated(&clock, reply)))
            .add_service(SyncServiceServer::new(door))
            .add_service(QueryServiceServer::new(desk.clone()))
            .add_service(AdminServiceServer::new(desk))
            .add_service(health)
            .add_service(newest)
            .add_service(older)
            .serve_with_incoming_shutdown(incoming, async move { gone.requested().await });
        let served = ended.bounds(LINGER, served).await;
        readiness.abort();
        core.await.map_err(Error::Core)?.map_err(Error::Task)?;
        Ok(served.unwrap_or(Ok(()))?)
    }
}

/// Brings each Controller together with the instances that it serves.
fn controllers(
    settings: &Settings,
    controllers: Vec<Controller>,
) -> Result<Vec<ControllerParts>, Error> {
    let served = |cluster: &aviary_settings::ClusterSettings| {
        controllers
            .iter()
            .any(|controller| controller.access == cluster.controller)
    };
    if let Some(lost) = settings.all_clusters().find(|cluster| !served(cluster)) {
        return Err(Error::NoController(lost.name.to_string()));
    }
    let parts = controllers.into_iter();
    Ok(parts.map(|controller| part(controller, settings)).collect())
}

/// A Controller's place in the core, with the instances that it serves.
pub(crate) fn part(controller: Controller, settings: &Settings) -> ControllerParts {
    let clusters = settings
        .all_clusters()
        .filter(|cluster| cluster.controller == controller.access);
    ControllerParts {
        instances: clusters
            .flat_map(|cluster| &cluster.instances)
            .cloned()
            .collect(),
        access: controller.access,
        name: controller.name.into(),
        session: Session::new(
            controller.config,
            controller.transport,
            controller.credentials,
        ),
        fence: controller.fence,
    }
}

/// Ready is: every Controller was read once, and the services are open.
async fn readiness(
    reporter: tonic_health::server::HealthReporter,
    mut snapshots: watch::Receiver<Snapshot>,
) {
    use tonic_health::ServingStatus;
    reporter
        .set_service_status("", ServingStatus::NotServing)
        .await;
    // An error means that the core has gone, and with it the readiness.
    if snapshots
        .wait_for(|snapshot| !snapshot.sites.is_empty() && snapshot.is_read())
        .await
        .is_ok()
    {
        reporter
            .set_service_status("", ServingStatus::Serving)
            .await;
        reporter.set_serving::<SyncServiceServer<Door>>().await;
        reporter.set_serving::<QueryServiceServer<Desk>>().await;
    }
    // Streams that are being ended may still ask.
    while snapshots.changed().await.is_ok() {}
    reporter
        .set_service_status("", ServingStatus::NotServing)
        .await;
}
