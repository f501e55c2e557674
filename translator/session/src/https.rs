//! The transport of production: HTTPS through reqwest. No redirects, no cookies, no timeouts of its
//! own: those belong to the session.

use crate::transport::{REPLY_LIMIT, Transport};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tower::BoxError;
use tower::util::BoxCloneSyncService;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept; a Controller closes it sooner or later.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// Whom to trust.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// A PEM file of further authorities.
    pub ca_file: Option<PathBuf>,
    /// Take any certificate. Anyone in between can then read the password.
    pub insecure: bool,
}

/// A transport that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The CA file cannot be read.
    #[error("read the Controller's CA file {}", path.display())]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The CA file holds no certificate.
    #[error("find a certificate in the Controller's CA file {}", path.display())]
    CaEmpty {
        /// Which file.
        path: PathBuf,
    },
    /// The CA file holds something broken.
    #[error("parse the Controller's CA file {}", path.display())]
    CaFormat {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: reqwest::Error,
    },
    /// The TLS client cannot be set up.
    #[error("set up the HTTPS client for the Controller")]
    Client(#[source] reqwest::Error),
}

/// The transport to a real Controller. It follows the CA file: from a change on, connections are made
/// anew and verified by what it says now; requests under way end as they began.
pub fn connect(trust: &Trust) -> Result<Transport, Error> {
    if trust.insecure {
        tracing::warn!(
            "the Controller's certificate is NOT verified: whoever sits in between can read the password"
        );
    }
    let following = Arc::new(Following::new(trust)?);
    Ok(BoxCloneSyncService::new(tower::service_fn(
        move |request| send(following.client(), request),
    )))
}

/// A client that is made anew when its CA file changes.
struct Following {
    trust: Trust,
    current: Mutex<Current>,
}

struct Current {
    client: reqwest::Client,
    /// What the file held when it was looked at last, usable or not; of no file, nothing.
    pem: Result<Vec<u8>, std::io::ErrorKind>,
}

impl Following {
    fn new(trust: &Trust) -> Result<Self, Error> {
        let (trust, pem) = (trust.clone(), contents(trust));
        let client = client(&trust)?;
        let current = Mutex::new(Current { client, pem });
        Ok(Self { trust, current })
    }

    /// The file is small and the call goes over a network, so that it is read each time: no change is
    /// missed because a clock stands still.
    fn client(&self) -> reqwest::Client {
        let now = contents(&self.trust);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.pem != now {
            current.pem = now;
            match client(&self.trust) {
                Ok(client) => {
                    tracing::info!("the Controller's CA file has changed and counts from here on");
                    current.client = client;
                }
                Err(error) => {
                    let error = aviary_boot::chain(&error);
                    tracing::warn!(%error, "the Controller's CA file that was valid last goes on");
                }
            }
        }
        current.client.clone()
    }
}

fn contents(trust: &Trust) -> Result<Vec<u8>, std::io::ErrorKind> {
    let path = trust.ca_file.as_ref();
    path.map_or(Ok(Vec::new()), |path| {
        std::fs::read(path).map_err(|error| error.kind())
    })
}

fn client(trust: &Trust) -> Result<reqwest::Client, Error> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // A Controller stands in the same network; what the environment says about proxies is for
        // others.
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true);
    if let Some(path) = &trust.ca_file {
        builder = builder.tls_certs_merge(authorities(path)?);
    }
    if trust.insecure {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    builder.build().map_err(Error::Client)
}

fn authorities(path: &Path) -> Result<Vec<reqwest::Certificate>, Error> {
    let pem = std::fs::read(path).map_err(|source| Error::CaFile {
        path: path.to_owned(),
        source,
    })?;
    let bundle = reqwest::Certificate::from_pem_bundle(&pem);
    let path = path.to_owned();
    match bundle {
        Ok(bundle) if bundle.is_empty() => Err(Error::CaEmpty { path }),
        Ok(bundle) => Ok(bundle),
        Err(source) => Err(Error::CaFormat { path, source }),
    }
}

async fn send(
    client: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, BoxError> {
    let request = reqwest::Request::try_from(request)?;
    let reply: Response<reqwest::Body> = client.execute(request).await?.into();
    let (parts, body) = reply.into_parts();
    let body = Limited::new(body, REPLY_LIMIT).collect().await?.to_bytes();
    Ok(Response::from_parts(parts, body))
}
