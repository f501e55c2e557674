//! A cluster as a source: lists, watches and writes through its API server.

mod discover;
mod reader;
mod watch;
mod write;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aviary_boot::Clock;
use aviary_link::key::{Lane, Name};
use aviary_proto::sync::v1::{Intent, IntentOutcome, WatchItem};
use aviary_proto::types::v1::Finding;
use futures::stream::BoxStream;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;

use crate::chance::Chance;
use crate::source::{FetchError, Sight, Source};

/// Why the API server cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig is not usable.
    #[error("could not use the kubeconfig")]
    Kubeconfig(#[source] kube::config::KubeconfigError),
    /// Not inside a cluster.
    #[error("could not find the cluster around this process: name a kubeconfig or manifests")]
    InCluster(#[source] kube::config::InClusterError),
    /// No client can be made of the configuration.
    #[error("could not make a client of the cluster")]
    Client(#[source] kube::Error),
}

/// A client of the cluster that a kubeconfig names, or of the cluster around this process.
pub async fn client(kubeconfig: Option<&Path>) -> Result<Client, Error> {
    let config = match kubeconfig {
        Some(path) => {
            let read = Kubeconfig::read_from(path).map_err(Error::Kubeconfig)?;
            kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
                .await
                .map_err(Error::Kubeconfig)?
        }
        None => kube::Config::incluster().map_err(Error::InCluster)?,
    };
    Client::try_from(config).map_err(Error::Client)
}

/// A cluster as a source.
pub struct Cluster {
    client: Client,
    clock: Clock,
    seed: u64,
    /// Name of this process, shown in Events.
    instance: String,
    /// False once the API server refused a streaming list.
    streaming: Arc<AtomicBool>,
    names: Mutex<Chance>,
    findings: tokio::sync::watch::Sender<Vec<Finding>>,
}

impl Cluster {
    /// The cluster of a client.
    pub fn new(client: Client, clock: Clock, instance: &str, seed: u64) -> Self {
        Self {
            client,
            clock,
            seed,
            instance: instance.to_owned(),
            streaming: Arc::new(AtomicBool::new(true)),
            names: Mutex::new(Chance::new(seed, "event names")),
            findings: tokio::sync::watch::Sender::new(Vec::new()),
        }
    }
}

#[async_trait]
impl Source for Cluster {
    fn watch(&self, lane: &Lane, item: &WatchItem) -> BoxStream<'static, Sight> {
        let chance = Chance::new(self.seed, &format!("watch {lane}"));
        watch::watch(
            self.client.clone(),
            lane.clone(),
            Arc::new(item.clone()),
            self.streaming.clone(),
            chance,
        )
    }

    async fn fetch(
        &self,
        lane: &Lane,
        item: &WatchItem,
        name: &Name,
    ) -> Result<Option<Value>, FetchError> {
        let unread = |reason: String| FetchError {
            lane: lane.clone(),
            name: name.clone(),
            reason,
        };
        // A kind with one version needs no discovery, unless the answer is that nothing is there:
        // then it must be the object that is missing, not the kind.
        if let [version] = item.versions.as_slice() {
            let reader = reader::Reader::new(&self.client, lane, item, version);
            let found = reader.get(name).await;
            if let Some(object) = found.map_err(|error| unread(reader::reason(&error)))? {
                return Ok(Some(object));
            }
        }
        let found = discover::version(&self.client, item).await;
        let version = found
            .map_err(|error| unread(reader::reason(&error)))?
            .ok_or_else(|| unread("the API server does not have the kind".to_owned()))?;
        let reader = reader::Reader::new(&self.client, lane, item, &version);
        reader
            .get(name)
            .await
            .map_err(|error| unread(reader::reason(&error)))
    }

    async fn carry(&self, intent: &Intent) -> IntentOutcome {
        self.write(intent).await
    }

    fn findings(&self) -> tokio::sync::watch::Receiver<Vec<Finding>> {
        self.findings.subscribe()
    }
}

#[cfg(test)]
mod tests;
