//! The public keys of a cluster's token issuer: from a file, a URL, or the cluster's own discovery.
//! They are read again when they are old, or when a token names a key that is not among them.

use aviary_session::Transport;
use aviary_types::{EcoString, eco_format};
use bytes::Bytes;
use http::{Request, Uri};
use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tower::ServiceExt;

/// Keys are read again after this time.
const FRESH: Duration = Duration::from_mins(5);
/// However many tokens name unknown keys: not more often than this.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a reading may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Where the keys are.
#[derive(Clone)]
pub enum KeySource {
    /// In a file, as a JSON Web Key Set.
    File(PathBuf),
    /// At a URL.
    Url {
        /// The URL.
        url: Uri,
        /// The way there.
        transport: Transport,
    },
    /// With the API server, which also tells its issuer.
    Discovery {
        /// The API server.
        base: Uri,
        /// The way there.
        transport: Transport,
        /// The file with the token that it asks for.
        token: PathBuf,
    },
    /// Here.
    Fixed(String),
}

/// Why there are no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the cluster's keys from {from}: {why}")]
pub struct KeyError {
    /// From where.
    pub from: EcoString,
    /// What went wrong.
    pub why: EcoString,
}

/// Keys, with the issuer if the source tells it.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) set: JwkSet,
    pub(super) issuer: Option<String>,
}

/// A source with what was read of it.
pub(super) struct KeyRing {
    source: KeySource,
    cache: Mutex<Option<(Instant, Arc<Keys>)>>,
}

#[derive(Deserialize)]
struct Discovered {
    issuer: String,
}

impl KeyRing {
    pub(super) fn new(source: KeySource) -> Self {
        Self {
            source,
            cache: Mutex::new(None),
        }
    }

    /// The keys; read anew if they are old, or lack this one.
    pub(super) async fn keys(&self, with: Option<&str>) -> Result<Arc<Keys>, KeyError> {
        let mut cache = self.cache.lock().await;
        if let Some((at, keys)) = &*cache {
            let known = with.is_none_or(|id| keys.set.find(id).is_some());
            let age = at.elapsed();
            if age < PAUSE || (known && age < FRESH) {
                return Ok(keys.clone());
            }
        }
        match (self.source.read().await, &*cache) {
            (Ok(keys), _) => {
                let keys = Arc::new(keys);
                *cache = Some((Instant::now(), keys.clone()));
                Ok(keys)
            }
            // Old keys are better than none: whoever has them proved to be the issuer.
            (Err(error), Some((_, old))) => {
                tracing::warn!(%error, "the keys that were read before go on");
                let old = old.clone();
                *cache = Some((Instant::now(), old.clone()));
                Ok(old)
            }
            (Err(error), None) => Err(error),
        }
    }
}

impl KeySource {
    async fn read(&self) -> Result<Keys, KeyError> {
        match self {
            Self::Fixed(text) => self.set(text.as_bytes()),
            Self::File(path) => {
                let text = std::fs::read(path).map_err(|error| self.error(error.kind()))?;
                self.set(&text)
            }
            Self::Url { url, transport } => {
                let body = self.get(transport, url.clone(), None).await?;
                self.set(&body)
            }
            Self::Discovery {
                base,
                transport,
                token,
            } => {
                let token = std::fs::read_to_string(token).map_err(|e| self.error(e.kind()))?;
                let token = Some(token.trim());
                let at = |path: &str| {
                    let base = base.to_string();
                    let base = base.trim_end_matches('/');
                    format!("{base}{path}")
                        .parse::<Uri>()
                        .map_err(|error| self.error(error))
                };
                let found = at("/.well-known/openid-configuration")?;
                let found = self.get(transport, found, token).await?;
                let found: Discovered = serde_json::from_slice(&found)
                    .map_err(|_| self.error("the discovery document names no issuer"))?;
                let body = self.get(transport, at("/openid/v1/jwks")?, token).await?;
                let Keys { set, .. } = self.set(&body)?;
                Ok(Keys {
                    set,
                    issuer: Some(found.issuer),
                })
            }
        }
    }

    async fn get(
        &self,
        transport: &Transport,
        url: Uri,
        token: Option<&str>,
    ) -> Result<Bytes, KeyError> {
        let mut request = Request::builder().uri(url);
        if let Some(token) = token {
            request = request.header(http::header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(Bytes::new())
            .map_err(|error| self.error(error))?;
        let answer = tokio::time::timeout(WITHIN, transport.clone().oneshot(request)).await;
        let answer = answer.map_err(|_| self.error("no answer in time"))?;
        let answer = answer.map_err(|error| self.error(error))?;
        if !answer.status().is_success() {
            return Err(self.error(answer.status()));
        }
        Ok(answer.into_body())
    }

    fn set(&self, text: &[u8]) -> Result<Keys, KeyError> {
        let set = serde_json::from_slice(text).map_err(|_| self.error("it is no key set"))?;
        Ok(Keys { set, issuer: None })
    }

    fn error(&self, why: impl std::fmt::Display) -> KeyError {
        let from = match self {
            Self::File(path) => eco_format!("{}", path.display()),
            Self::Url { url, .. } => eco_format!("{url}"),
            Self::Discovery { base, .. } => eco_format!("{base}"),
            Self::Fixed(_) => "the settings".into(),
        };
        KeyError {
            from,
            why: eco_format!("{why}"),
        }
    }
}
