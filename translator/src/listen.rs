//! Connections from the network: plain on loopback, TLS everywhere else.

use crate::args::Run;
use crate::reload::hangup;
use crate::run::Error;
use aviary_boot::tls::{self, IdentityFiles, Reloading};
use aviary_runtime::incoming::{Connection, Peer};
use rustls::ServerConfig;
use std::collections::BTreeMap;
use std::io;
use std::io::Write;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;

/// Connections that wait to be served.
const WAITING_MAX: usize = 64;
/// Handshakes at the same time, of everybody; whoever comes then waits.
const SHAKING_MAX: usize = 256;
/// Handshakes of one address at the same time; more are turned away, so that nobody takes all turns.
const SHAKING_OF_ONE_MAX: usize = 64;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Certificates and authorities are read again this often, and at once after SIGHUP.
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
        let mut asked = signal(SignalKind::hangup()).ok();
        let mut ticks = tokio::time::interval(RELOAD);
        ticks.tick().await;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = hangup(&mut asked) => {}
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
    let guests = Guests::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = out.closed() => return,
        };
        let (stream, from) = match accepted {
            Ok((stream, from)) => (stream, neighbourhood(from.ip())),
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
        let Some(guest) = guests.enter(from) else {
            tracing::debug!(%from, "too many handshakes of one address");
            continue;
        };
        // The semaphore is never closed.
        let Ok(turn) = shaking.clone().acquire_owned().await else {
            return;
        };
        let (config, out) = (tls.borrow().clone(), out.clone());
        aviary_boot::spawn("handshake", async move {
            match shake(stream, config, out).await {
                // A certificate that one side does not take; who only looks whether somebody listens
                // says nothing at all.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    tracing::info!(%from, %error, "a TLS handshake was refused");
                }
                Err(error) => tracing::debug!(%from, %error, "a TLS handshake failed"),
                Ok(()) => {}
            }
            drop((turn, guest));
        });
    }
}

/// Who shakes hands, by address; of IPv6 by network, for one machine has as many addresses as it likes.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// What is counted as one.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// One handshake of an address.
struct Guest {
    guests: Guests,
    from: IpAddr,
}

impl Guests {
    /// Begins a handshake, unless the address has enough of them.
    fn enter(&self, from: IpAddr) -> Option<Guest> {
        let mut guests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = guests.entry(from).or_default();
        let may = *count < SHAKING_OF_ONE_MAX;
        *count += usize::from(may);
        may.then(|| Guest {
            guests: self.clone(),
            from,
        })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let guests = &self.guests.0;
        let mut guests = guests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = guests.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                guests.remove(&self.from);
            }
        }
    }
}

async fn shake(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    config: Arc<ServerConfig>,
    out: mpsc::Sender<io::Result<Connection>>,
) -> io::Result<()> {
    let shaking = TlsAcceptor::from(config).accept(stream);
    let stream = tokio::time::timeout(HANDSHAKE, shaking).await??;
    let certificates = stream.get_ref().1.peer_certificates();
    let certificates = certificates.map(|it| it.iter().map(|c| c.clone().into_owned()).collect());
    let peer = Peer::Remote(Arc::new(certificates.unwrap_or_default()));
    // Without a server nobody waits for it.
    let _gone = out.send(Ok(Connection::new(stream, peer))).await;
    Ok(())
}

#[cfg(test)]
mod tests;
