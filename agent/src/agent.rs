//! An agent: one stream to each replica of the translator.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aviary_boot::{Shutdown, chain, spawn};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::Config;
use crate::connect::Connector;
use crate::health::Streams;
use crate::replica::{Replica, Shared};
use crate::source::Source;

/// Replicas are looked up this often.
const RESOLVE: Duration = Duration::from_secs(15);

/// An agent, not running yet.
pub struct Agent {
    shared: Arc<Shared>,
}

struct Running {
    task: JoinHandle<()>,
    retire: watch::Sender<bool>,
}

impl Agent {
    /// An agent that brings a source to the translator that a connector reaches.
    pub fn new(config: Config, source: Arc<dyn Source>, connector: Arc<dyn Connector>) -> Self {
        let shared = Arc::new(Shared {
            config,
            source,
            connector,
            streams: Streams::default(),
        });
        Self { shared }
    }

    /// How many replicas hear it, from now on.
    pub fn streams(&self) -> watch::Receiver<usize> {
        self.shared.streams.watch()
    }

    /// Runs until shutdown.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut running: BTreeMap<String, Running> = BTreeMap::new();
        let mut ticks = interval(RESOLVE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.requested() => break,
                _ = ticks.tick() => self.follow(&mut running, &shutdown).await,
            }
        }
        for (_, replica) in running {
            if replica.task.await.is_err() {
                tracing::error!("the stream to a replica ended by a panic");
            }
        }
    }

    /// Starts a stream to each new replica. One that is not named any more keeps its stream as long
    /// as it lasts: an answer without it may be wrong.
    async fn follow(&self, running: &mut BTreeMap<String, Running>, shutdown: &Shutdown) {
        running.retain(|_, replica| !replica.task.is_finished());
        let found = match self.shared.connector.replicas().await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "the translator's replicas are not known");
                return;
            }
        };
        for (address, replica) in running.iter() {
            replica.retire.send_replace(!found.contains(address));
        }
        for address in found {
            running.entry(address).or_insert_with_key(|address| {
                let (retire, retired) = watch::channel(false);
                let replica = Replica::new(self.shared.clone(), address.clone(), retired);
                let task = spawn("replica", replica.run(shutdown.clone()));
                Running { task, retire }
            });
        }
    }
}
