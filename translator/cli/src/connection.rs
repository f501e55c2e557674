//! The way to a translator: where it is, by what its certificate is checked, and who asks.

use anyhow::Context;
use aviary_agent::connect::{Connector, UrlConnector};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// The translator, and how it is spoken to.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Connection {
    /// The translator.
    #[arg(
        long,
        env = "AVIARY_TRANSLATOR",
        default_value = "http://127.0.0.1:9440"
    )]
    translator: String,
    /// PEM file of the authority that signed the translator's certificate; else this machine's.
    #[arg(long, env = "AVIARY_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Name in that certificate, where it is reached by another one, as through a port-forward.
    #[arg(long, env = "AVIARY_SERVER_NAME", value_name = "NAME")]
    server_name: Option<String>,
    /// File with the token of who asks.
    #[arg(long, env = "AVIARY_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// What requests go through.
pub(crate) type Way = InterceptedService<Channel, Bearer>;

/// Says with each request who asks.
#[derive(Clone)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", token.clone());
        }
        Ok(request)
    }
}

impl Connection {
    /// The plain way to a translator of this machine.
    pub(crate) fn plain(translator: &str) -> Self {
        Self {
            translator: translator.to_owned(),
            ..Self::default()
        }
    }

    /// Connects to the first replica that can be reached.
    ///
    /// # Errors
    /// When a file cannot be read, or no replica can be reached.
    pub(crate) async fn open(&self) -> anyhow::Result<Way> {
        let bearer = Bearer(self.token()?);
        let authority = self.ca_file.clone();
        let tls = Arc::new(move || aviary_boot::tls::client(authority.as_deref(), None));
        let mut connector = UrlConnector::new(&self.translator, tls)?;
        if let Some(name) = &self.server_name {
            connector = connector.named(name);
        }
        let mut failed = None;
        for replica in connector.replicas().await? {
            match connector.open(&replica).await {
                Ok(channel) => return Ok(InterceptedService::new(channel, bearer)),
                Err(error) => failed = Some(error),
            }
        }
        let failed = failed.map_or_else(|| anyhow::anyhow!("its name has no address"), Into::into);
        Err(failed.context(format!("connecting to {}", self.translator)))
    }

    fn token(&self) -> anyhow::Result<Option<MetadataValue<Ascii>>> {
        let Some(file) = &self.token_file else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(file);
        let text = text.with_context(|| format!("reading {}", file.display()))?;
        let value = format!("Bearer {}", text.trim()).parse();
        let mut value: MetadataValue<Ascii> =
            value.with_context(|| format!("{} holds no token", file.display()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}
