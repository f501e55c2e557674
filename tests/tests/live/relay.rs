//! One address for a service that comes and goes: what a Service of Kubernetes is to its pods.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Listens on one address and passes connections on to wherever the service is now.
pub(crate) struct Relay {
    address: String,
    target: Arc<watch::Sender<Option<String>>>,
    task: JoinHandle<()>,
}

impl Relay {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("bind")?;
        let address = listener.local_addr()?.to_string();
        let target = Arc::new(watch::channel(None).0);
        let task = tokio::spawn(accept(listener, target.subscribe()));
        Ok(Self {
            address,
            target,
            task,
        })
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// From now on connections go there; those to the place before are cut. `None`: nowhere.
    pub(crate) fn aim(&self, target: Option<String>) {
        self.target.send_replace(target);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: watch::Receiver<Option<String>>) {
    let mut passing = JoinSet::new();
    while let Ok((from, _)) = listener.accept().await {
        passing.spawn(pass(from, target.clone()));
        while passing.try_join_next().is_some() {}
    }
}

async fn pass(mut from: TcpStream, mut target: watch::Receiver<Option<String>>) {
    let Some(address) = target.borrow_and_update().clone() else {
        return;
    };
    let Ok(mut to) = TcpStream::connect(&address).await else {
        return;
    };
    let quick = from.set_nodelay(true).and(to.set_nodelay(true));
    tokio::select! {
        _ = target.changed() => {}
        // Whichever end closes first, both are done; how, is theirs to tell.
        _ = copy_bidirectional(&mut from, &mut to), if quick.is_ok() => {}
    }
}
