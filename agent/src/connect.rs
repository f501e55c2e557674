//! How translator replicas are found and reached.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

/// A connection is given up if it does not stand after this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// HTTP/2 pings find peers that are gone without a word.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Why a replica is not found or reached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is none, or not of http or https.
    #[error("could not use `{url}` as the translator's address: {reason}")]
    Url {
        /// As given.
        url: String,
        /// Why.
        reason: &'static str,
    },
    /// The name does not resolve.
    #[error("could not resolve {host}")]
    Resolve {
        /// Host and port.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// No connection.
    #[error("could not connect to {replica}")]
    Connect {
        /// The replica.
        replica: String,
        /// Why.
        source: tonic::transport::Error,
    },
    /// TLS cannot be set up.
    #[error("could not set up TLS to the translator")]
    Tls(#[from] aviary_boot::tls::Error),
}

/// Finds and reaches translator replicas.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// Every replica there is now, each by a name of its own.
    async fn replicas(&self) -> Result<BTreeSet<String>, Error>;

    /// A channel to one replica.
    async fn open(&self, replica: &str) -> Result<Channel, Error>;
}

/// Makes the TLS configuration of a new connection: files are read anew each time.
pub type TlsLoader =
    Arc<dyn Fn() -> Result<Arc<rustls::ClientConfig>, aviary_boot::tls::Error> + Send + Sync>;

/// Every address behind the name of a URL is a replica.
pub struct UrlConnector {
    origin: Uri,
    host: String,
    port: u16,
    tls: Option<TlsLoader>,
    /// The name in the translator's certificate.
    name: String,
}

impl UrlConnector {
    /// Reaches the replicas behind `http://host:port` or `https://host:port`; `tls` serves the
    /// latter.
    pub fn new(url: &str, tls: TlsLoader) -> Result<Self, Error> {
        let refuse = |reason| Error::Url {
            url: url.to_owned(),
            reason,
        };
        let origin: Uri = url.parse().map_err(|_| refuse("it is no URL"))?;
        let (tls, port) = match origin.scheme_str() {
            Some("https") => (Some(tls), 443),
            Some("http") => (None, 80),
            _ => return Err(refuse("it begins neither with http:// nor with https://")),
        };
        let host = origin
            .host()
            .ok_or_else(|| refuse("it names no host"))?
            .to_owned();
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Self {
            port: origin.port_u16().unwrap_or(port),
            name: host.clone(),
            host,
            origin,
            tls,
        })
    }

    /// The translator's certificate has this name, whatever the URL's is.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}

#[async_trait]
impl Connector for UrlConnector {
    async fn replicas(&self) -> Result<BTreeSet<String>, Error> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found = found.map_err(|source| Error::Resolve {
            host: format!("{}:{}", self.host, self.port),
            source,
        })?;
        Ok(found.map(|address| address.to_string()).collect())
    }

    async fn open(&self, replica: &str) -> Result<Channel, Error> {
        let address: SocketAddr = replica.parse().map_err(|_| Error::Url {
            url: replica.to_owned(),
            reason: "a replica is an address and a port",
        })?;
        let tls = self.tls.as_ref().map(|load| load()).transpose()?;
        let host = self.name.clone();
        // Encryption is the connector's business, so that each address is reached under the one
        // name; the transport itself sees plain streams.
        endpoint(&self.origin)
            .connect_with_connector(service_fn(move |_: Uri| {
                let (tls, host) = (tls.clone(), host.clone());
                async move { dial(address, tls, host).await }
            }))
            .await
            .map_err(|source| Error::Connect {
                replica: replica.to_owned(),
                source,
            })
    }
}

/// How a translator is spoken to, whatever carries the bytes; requests name this origin.
pub fn endpoint(origin: &Uri) -> Endpoint {
    Endpoint::from_static("http://translator")
        .origin(origin.clone())
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
}

/// A connected stream, encrypted or not.
type Io = Box<dyn Stream>;

trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Stream for T {}

async fn dial(
    address: SocketAddr,
    tls: Option<Arc<rustls::ClientConfig>>,
    host: String,
) -> io::Result<TokioIo<Io>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let Some(tls) = tls else {
        return Ok(TokioIo::new(Box::new(stream)));
    };
    let name = ServerName::try_from(host).map_err(io::Error::other)?;
    let stream = TlsConnector::from(tls).connect(name, stream).await?;
    Ok(TokioIo::new(Box::new(stream)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(url: &str) -> Result<UrlConnector, Error> {
        UrlConnector::new(url, Arc::new(|| aviary_boot::tls::client(None, None)))
    }

    #[test]
    fn urls_name_host_and_port() {
        let check = |url: &str, host: &str, port: u16, tls: bool| {
            let made = connector(url).unwrap();
            assert_eq!(
                (made.host.as_str(), made.port, made.tls.is_some()),
                (host, port, tls)
            );
        };
        check("http://translator:8443", "translator", 8443, false);
        check(
            "https://translator.aviary.svc",
            "translator.aviary.svc",
            443,
            true,
        );
        check("http://[::1]:80", "::1", 80, false);
        for wrong in ["translator:80", "ftp://x", "http://", ""] {
            assert!(connector(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn each_address_is_a_replica() {
        let found = connector("http://127.0.0.1:9")
            .unwrap()
            .replicas()
            .await
            .unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["127.0.0.1:9"]);
    }
}
