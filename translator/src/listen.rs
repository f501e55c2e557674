//! Connections from the network: plain on loopback, TLS everywhere else.

use crate::args::Run;
use crate::run::Error;
use aviary_boot::tls::{self, IdentityFiles, Reloading};
use aviary_runtime::incoming::{Connection, Peer};
use rustls::ServerConfig;
use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;

/// Connections that wait to be served.
const WAITING_MAX: usize = 64;
/// Handshakes at the same time; whoever comes then waits.
const SHAKING_MAX: usize = 256;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Certificates are read again this often.
const RELOAD: Duration = Duration::from_mins(1);
/// The pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

type Accepted = ReceiverStream<io::Result<Connection>>;

/// Listens, says where on the first line of standard output, and hands connections on.
pub(crate) async fn listen(args: &Run) -> Result<Accepted, Error> {
    let tls = server(args)?;
    if tls.is_none() && !args.listen.ip().is_loopback() {
        return Err(Error::Plain(args.listen));
    }
    let failed = |source| Error::Listen {
        address: args.listen,
        source,
    };
    let listener = TcpListener::bind(args.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    say(address, tls.is_some()).map_err(failed)?;
    let (out, accepted) = mpsc::channel(WAITING_MAX);
    aviary_boot::spawn("listen", accept(listener, tls, out));
    Ok(ReceiverStream::new(accepted))
}

fn say(address: SocketAddr, tls: bool) -> io::Result<()> {
    let scheme = if tls { "https" } else { "http" };
    tracing::info!(%address, scheme, "listening");
    let mut out = io::stdout().lock();
    writeln!(out, "listening on {scheme}://{address}")?;
    out.flush()
}

/// A TLS configuration that follows its files.
type Tls = watch::Receiver<Arc<ServerConfig>>;

fn server(args: &Run) -> Result<Option<Tls>, Error> {
    let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) else {
        return Ok(None);
    };
    let files = IdentityFiles {
        cert: cert.clone(),
        key: key.clone(),
    };
    let client_ca = args.client_ca.clone();
    let load = move || tls::server(&files, client_ca.as_deref(), &[b"h2"]);
    let reloading = Reloading::new(load).map_err(Error::Tls)?;
    let (newest, current) = watch::channel(reloading.current());
    aviary_boot::spawn("reload TLS", async move {
        let mut ticks = tokio::time::interval(RELOAD);
        ticks.tick().await;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = newest.closed() => return,
            }
            match reloading.reload() {
                Ok(()) => {
                    newest.send_replace(reloading.current());
                }
                Err(error) => {
                    let error = aviary_boot::chain(&error);
                    tracing::warn!(%error, "the certificate that was valid last goes on");
                }
            }
        }
    });
    Ok(Some(current))
}

async fn accept(
    listener: TcpListener,
    tls: Option<Tls>,
    out: mpsc::Sender<io::Result<Connection>>,
) {
    let shaking = Arc::new(Semaphore::new(SHAKING_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = out.closed() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // Small messages are the rule; a failure costs only time.
        let _as_before = stream.set_nodelay(true);
        let Some(tls) = &tls else {
            if out
                .send(Ok(Connection::new(stream, Peer::Local)))
                .await
                .is_err()
            {
                return;
            }
            continue;
        };
        // The semaphore is never closed.
        let Ok(turn) = shaking.clone().acquire_owned().await else {
            return;
        };
        let (config, out) = (tls.borrow().clone(), out.clone());
        aviary_boot::spawn("handshake", async move {
            shake(stream, config, out).await;
            drop(turn);
        });
    }
}

async fn shake(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    out: mpsc::Sender<io::Result<Connection>>,
) {
    let shaken = tokio::time::timeout(HANDSHAKE, TlsAcceptor::from(config).accept(stream)).await;
    let stream = match shaken {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            return;
        }
        Err(_) => return,
    };
    let certificates = stream.get_ref().1.peer_certificates();
    let certificates = certificates.map(|it| it.iter().map(|c| c.clone().into_owned()).collect());
    let peer = Peer::Remote(Arc::new(certificates.unwrap_or_default()));
    // Without a server nobody waits for it.
    let _gone = out.send(Ok(Connection::new(stream, peer))).await;
}
