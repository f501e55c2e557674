//! Health for the kubelet: `grpc.health.v1`, plain, since it tells nothing but a state.
//!
//! The empty service name says that the agent runs. `aviary.sync.v1.SyncService` says that some
//! replica of the translator hears it.

use std::io::{self, Write};
use std::net::SocketAddr;

use aviary_boot::Shutdown;
use aviary_proto::sync::v1::sync_service_server::SERVICE_NAME;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};

/// Questions of one connection at a time.
const STREAMS_MAX: u32 = 16;

/// Why there is no health service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be used.
    #[error("could not listen on {address} for questions about health")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// How many replicas hear the agent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams(watch::Sender<usize>);

/// A stream that a replica has welcomed; counts until it is dropped.
pub(crate) struct Welcomed(watch::Sender<usize>);

impl Streams {
    /// A replica has welcomed the agent.
    pub(crate) fn welcome(&self) -> Welcomed {
        self.0.send_modify(|count| *count += 1);
        Welcomed(self.0.clone())
    }

    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }
}

impl Drop for Welcomed {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Listens, says where on the first line of standard output, and answers until shutdown.
pub async fn serve(
    address: SocketAddr,
    streams: watch::Receiver<usize>,
    mut shutdown: Shutdown,
) -> Result<(), Error> {
    let failed = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    say(listener.local_addr().map_err(failed)?).map_err(failed)?;
    let (reporter, health) = health_reporter();
    let follow = aviary_boot::spawn("health state", follow(reporter, streams));
    let server = Server::builder()
        .max_concurrent_streams(STREAMS_MAX)
        .add_service(health);
    aviary_boot::spawn("health", async move {
        let incoming = TcpListenerStream::new(listener);
        let stop = async move { shutdown.requested().await };
        if let Err(error) = server.serve_with_incoming_shutdown(incoming, stop).await {
            let error = aviary_boot::chain(&error);
            tracing::error!(%error, "questions about health are not answered any more");
        }
        follow.abort();
    });
    Ok(())
}

fn say(address: SocketAddr) -> io::Result<()> {
    tracing::info!(%address, "answering questions about health");
    let mut out = io::stdout().lock();
    writeln!(out, "health on http://{address}")?;
    out.flush()
}

/// Tells how it stands, until the agent is gone.
async fn follow(reporter: HealthReporter, mut streams: watch::Receiver<usize>) {
    loop {
        let heard = *streams.borrow_and_update() > 0;
        let status = if heard {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        reporter.set_service_status(SERVICE_NAME, status).await;
        if streams.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Streams;

    #[test]
    fn a_stream_counts_until_it_is_gone() {
        let streams = Streams::default();
        let seen = streams.watch();
        let (one, two) = (streams.welcome(), streams.welcome());
        assert_eq!(*seen.borrow(), 2);
        drop(one);
        assert_eq!(*seen.borrow(), 1);
        drop(two);
        assert_eq!(*seen.borrow(), 0);
    }
}
