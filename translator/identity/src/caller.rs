//! What a call shows of its sender: nothing is verified here.

use rustls_pki_types::CertificateDer;
use std::fmt;
use std::sync::Arc;
use tonic::{Request, Status};

/// The largest token that is looked at, in bytes.
const TOKEN_MAX: usize = 16 * 1024;

/// Who is at the other end of a connection, as far as that tells.
#[derive(Clone, Debug)]
pub enum Peer {
    /// A process of this machine, or of this very process: no identity is needed.
    Local,
    /// Somebody, with the certificates that TLS verified; possibly none.
    Remote(Arc<Vec<CertificateDer<'static>>>),
}

/// Who calls, as far as connection and metadata tell.
#[derive(Clone)]
pub struct Caller {
    pub(super) peer: Peer,
    pub(super) token: Option<Arc<str>>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificates = match &self.peer {
            Peer::Local => 0,
            Peer::Remote(certificates) => certificates.len(),
        };
        f.debug_struct("Caller")
            .field("certificates", &certificates)
            .field("token", &self.token.is_some())
            .finish()
    }
}

impl Caller {
    /// Reads connection and metadata of a call.
    pub fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        let peer = peer.unwrap_or_else(|| Peer::Remote(Arc::default()));
        let header = request.metadata().get("authorization");
        let token = match header.map(|value| value.to_str()) {
            None => None,
            Some(Ok(text)) if text.len() <= TOKEN_MAX => bearer(text).map(Arc::from),
            Some(_) => return Err(Status::unauthenticated("the authorization cannot be read")),
        };
        Ok(Self { peer, token })
    }

    /// Somebody with these certificates, and perhaps a token.
    pub fn remote(certificates: Vec<CertificateDer<'static>>, token: Option<&str>) -> Self {
        Self {
            peer: Peer::Remote(Arc::new(certificates)),
            token: token.map(Arc::from),
        }
    }

    /// The same connection with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            peer: self.peer.clone(),
            token: Some(Arc::from(token)),
        }
    }
}

fn bearer(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
