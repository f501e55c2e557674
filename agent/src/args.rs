//! What is said on the command line and in the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use aviary_boot::telemetry::Format;
use aviary_boot::tls::{self, IdentityFiles};
use aviary_boot::{Blocking, Clock};
use aviary_link::digest::Digest;
use aviary_proto::types::v1::Coverage;
use clap::{Args, Parser, Subcommand};

use crate::cluster::{self, Cluster};
use crate::config::Config;
use crate::connect::{self, UrlConnector};
use crate::manifests::{DiskFiles, DiskSink, Manifests, Sink};
use crate::source::Source;

/// Brings Kubernetes objects to Aviary's translator and its statuses back.
#[derive(Debug, Parser)]
#[command(name = "aviary-agent", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run until SIGTERM.
    Run(Box<Run>),
}

/// The flags of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Name of the cluster, as the translator's settings have it
    #[arg(long, env = "AVIARY_CLUSTER")]
    pub cluster: String,

    /// The translator: http://host:port or https://host:port; each address behind it is a replica
    #[arg(long, env = "AVIARY_TRANSLATOR", value_name = "URL")]
    pub translator: String,

    /// Watch the cluster of this kubeconfig; without it and --manifests, the one around this process
    #[arg(
        long,
        env = "AVIARY_KUBECONFIG",
        value_name = "FILE",
        conflicts_with = "manifests"
    )]
    pub kubeconfig: Option<PathBuf>,

    /// Watch this folder of manifests instead of a cluster
    #[arg(long, env = "AVIARY_MANIFESTS", value_name = "DIR")]
    pub manifests: Option<PathBuf>,

    /// Write statuses and Events of manifests below this folder
    #[arg(
        long,
        env = "AVIARY_STATUS_DIR",
        value_name = "DIR",
        requires = "manifests"
    )]
    pub status_dir: Option<PathBuf>,

    /// A namespace to watch; may be repeated
    #[arg(
        long = "namespace",
        env = "AVIARY_NAMESPACES",
        value_name = "NS",
        value_delimiter = ',',
        required_unless_present_any = ["all_namespaces", "cluster_scope"]
    )]
    pub namespaces: Vec<String>,

    /// Watch all namespaces
    #[arg(long, env = "AVIARY_ALL_NAMESPACES", conflicts_with = "namespaces")]
    pub all_namespaces: bool,

    /// Watch the cluster-scoped kinds too
    #[arg(long, env = "AVIARY_CLUSTER_SCOPE")]
    pub cluster_scope: bool,

    /// A file with the token that identifies this agent; read again when it changes
    #[arg(long, env = "AVIARY_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Authorities that the translator's certificate must be of; without it, this machine's
    #[arg(long, env = "AVIARY_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// A client certificate that identifies this agent
    #[arg(
        long,
        env = "AVIARY_CERT_FILE",
        value_name = "FILE",
        requires = "key_file"
    )]
    pub cert_file: Option<PathBuf>,

    /// The key of the client certificate
    #[arg(
        long,
        env = "AVIARY_KEY_FILE",
        value_name = "FILE",
        requires = "cert_file"
    )]
    pub key_file: Option<PathBuf>,

    /// Name of this process, shown to people
    #[arg(long, env = "AVIARY_NAME", default_value = "aviary-agent")]
    pub name: String,

    /// Answer grpc.health.v1 here, for probes: ADDR:PORT, plain; without it nowhere
    #[arg(long, env = "AVIARY_HEALTH_LISTEN", value_name = "ADDR")]
    pub health_listen: Option<SocketAddr>,

    /// What to log
    #[arg(
        long,
        env = "AVIARY_LOG",
        default_value = "info",
        value_name = "DIRECTIVES"
    )]
    pub log: String,

    /// Log JSON
    #[arg(long, env = "AVIARY_LOG_JSON")]
    pub log_json: bool,
}

/// Why an agent cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder of manifests cannot be followed.
    #[error("could not follow {folder}")]
    Manifests {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The cluster cannot be reached.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The translator's address is not usable.
    #[error(transparent)]
    Connect(#[from] connect::Error),
}

impl Run {
    /// How log lines look.
    pub fn format(&self) -> Format {
        if self.log_json {
            Format::Json
        } else {
            Format::Text
        }
    }

    /// What the agent is told.
    pub fn config(&self, clock: &Clock) -> Config {
        Config {
            cluster: self.cluster.clone(),
            coverage: Coverage {
                all_namespaces: self.all_namespaces,
                namespaces: sorted(&self.namespaces),
                cluster_scope: self.cluster_scope,
            },
            name: self.name.clone(),
            token_file: self.token_file.clone(),
            seed: self.seed(clock),
            blocking: Blocking::Pool,
        }
    }

    /// Agents of one fleet that start at once must not retry at once.
    fn seed(&self, clock: &Clock) -> u64 {
        let started = clock.now().to_string();
        let parts = [self.cluster.as_str(), self.name.as_str(), started.as_str()];
        let bytes = Digest::over(&parts.map(str::as_bytes)).to_wire();
        bytes
            .iter()
            .take(8)
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    /// Where objects come from.
    pub async fn source(&self, clock: &Clock) -> Result<Arc<dyn Source>, Error> {
        let Some(folder) = &self.manifests else {
            let client = cluster::client(self.kubeconfig.as_deref()).await?;
            let seed = self.seed(clock);
            return Ok(Arc::new(Cluster::new(
                client,
                clock.clone(),
                &self.name,
                seed,
            )));
        };
        let status = self.status_dir.as_deref();
        let files = DiskFiles::new(folder, status, clock.clone(), Blocking::Pool);
        let files = files.map_err(|source| Error::Manifests {
            folder: folder.clone(),
            source,
        })?;
        let sink =
            status.map(|status| Arc::new(DiskSink::new(status, Blocking::Pool)) as Arc<dyn Sink>);
        Ok(Arc::new(Manifests::new(
            Arc::new(files),
            sink,
            clock.clone(),
        )))
    }

    /// How the translator is reached.
    pub fn connector(&self) -> Result<UrlConnector, Error> {
        let ca = self.ca_file.clone();
        let pair = self.cert_file.clone().zip(self.key_file.clone());
        let identity = pair.map(|(cert, key)| IdentityFiles { cert, key });
        let tls = Arc::new(move || tls::client(ca.as_deref(), identity.as_ref()));
        Ok(UrlConnector::new(&self.translator, tls)?)
    }
}

fn sorted(namespaces: &[String]) -> Vec<String> {
    let mut sorted = namespaces.to_vec();
    sorted.sort();
    sorted.dedup();
    sorted
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(flags: &str) -> Result<Run, clap::Error> {
        let line = format!("aviary-agent run --cluster c --translator http://t:1 {flags}");
        let Cli {
            command: Command::Run(run),
        } = Cli::try_parse_from(line.split_whitespace())?;
        Ok(*run)
    }

    #[test]
    fn flags_are_consistent() {
        Cli::command().debug_assert();
        let run = parse("--namespace b --namespace a,b --manifests m").unwrap();
        assert_eq!(run.config(&Clock::system()).coverage.namespaces, ["a", "b"]);
        assert!(parse("--all-namespaces --cluster-scope").is_ok());
        assert!(parse("--cluster-scope --health-listen [::]:9444").is_ok());
        for wrong in [
            "",
            "--all-namespaces --namespace a",
            "--all-namespaces --manifests m --kubeconfig k",
            "--all-namespaces --cert-file c",
            "--all-namespaces --status-dir s",
            "--all-namespaces --health-listen 9444",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
