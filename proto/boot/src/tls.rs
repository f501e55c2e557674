//! TLS from PEM files, by one provider.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::watch;

/// Why a TLS configuration cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("could not read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not PEM of the kind wanted.
    #[error("could not find {what} in {path}")]
    Pem {
        /// What was looked for.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not make an identity.
    #[error("could not use {path} with its key")]
    Identity {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The authorities do not make a verifier.
    #[error("could not verify by the authorities in {path}")]
    Authorities {
        /// The authorities' file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The machine has no authorities, and no file of them is named.
    #[error("could not find certificate authorities on this machine: name a CA file")]
    NoAuthorities,
}

/// A certificate chain and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The chain, PEM.
    pub cert: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
}

/// Makes aws-lc-rs the provider of the process. To be called first in each main and test that uses
/// TLS; a second call changes nothing.
pub fn install() {
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// A client that verifies by a CA file, or by the machine's authorities, and shows an identity if
/// one is named. Speaks HTTP/2.
pub fn client(
    ca: Option<&Path>,
    identity: Option<&IdentityFiles>,
) -> Result<Arc<ClientConfig>, Error> {
    let roots = match ca {
        Some(path) => authorities(path)?,
        None => machine_authorities()?,
    };
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(files) => builder
            .with_client_auth_cert(certificates(&files.cert)?, key(&files.key)?)
            .map_err(|source| unusable(files, source))?,
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

/// A server with an identity. With a CA file clients may show a certificate, which then must be of
/// it. `alpn` as in `b"h2"`.
pub fn server(
    identity: &IdentityFiles,
    client_ca: Option<&Path>,
    alpn: &[&[u8]],
) -> Result<Arc<ServerConfig>, Error> {
    let builder = match client_ca {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(path) => {
            let verifier = WebPkiClientVerifier::builder(Arc::new(authorities(path)?))
                .allow_unauthenticated()
                .build()
                .map_err(|source| Error::Authorities {
                    path: path.to_owned(),
                    source: source.into(),
                })?;
            ServerConfig::builder().with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder
        .with_single_cert(certificates(&identity.cert)?, key(&identity.key)?)
        .map_err(|source| unusable(identity, source))?;
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}

/// A configuration that is made anew from its files. New connections use the newest that was valid.
#[derive(Debug)]
pub struct Reloading<C, F> {
    load: F,
    current: watch::Sender<Arc<C>>,
}

impl<C, F> Reloading<C, F>
where
    F: Fn() -> Result<Arc<C>, Error>,
{
    /// Loads for the first time.
    pub fn new(load: F) -> Result<Self, Error> {
        let (current, _) = watch::channel(load()?);
        Ok(Self { load, current })
    }

    /// The newest valid configuration.
    pub fn current(&self) -> Arc<C> {
        self.current.borrow().clone()
    }

    /// Reads the files again. After an error the last valid configuration goes on.
    pub fn reload(&self) -> Result<(), Error> {
        self.current.send_replace((self.load)()?);
        Ok(())
    }
}

fn unusable(files: &IdentityFiles, source: rustls::Error) -> Error {
    Error::Identity {
        path: files.cert.clone(),
        source,
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| Error::Pem {
            what: "a certificate",
            path: path.to_owned(),
        })
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    // The parser's own error is left out: it may quote the file.
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|_| Error::Pem {
        what: "a private key",
        path: path.to_owned(),
    })
}

fn authorities(path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|source| Error::Authorities {
                path: path.to_owned(),
                source: source.into(),
            })?;
    }
    Ok(roots)
}

fn machine_authorities() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let (added, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err(Error::NoAuthorities);
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;
