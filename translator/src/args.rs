//! What is said on the command line and in the environment.

use aviary_runtime::service::Workload;
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Turns Kubernetes objects into the configuration of an Avi Controller, and keeps it so.
#[derive(Debug, Parser)]
#[command(name = "aviary-translator", version)]
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
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// AKO's values.yaml, with Aviary's own keys; without it, settings come from the environment
    #[arg(long, env = "AVIARY_SETTINGS", value_name = "FILE")]
    pub settings: Option<PathBuf>,

    /// The Avi Controller: https://host:port; else controllerHost of the settings
    #[arg(long, env = "AVIARY_CONTROLLER", value_name = "URL")]
    pub controller: Option<String>,

    /// User on the Controller
    #[arg(long, env = "AVIARY_USERNAME", value_name = "NAME")]
    pub username: Option<String>,

    /// File with the user's password
    #[arg(
        long,
        env = "AVIARY_PASSWORD_FILE",
        value_name = "FILE",
        conflicts_with = "token_file"
    )]
    pub password_file: Option<PathBuf>,

    /// File with a token of the user, which somebody else renews
    #[arg(long, env = "AVIARY_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// PEM file of the authority that signed the Controller's certificate
    #[arg(long, env = "AVIARY_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// Take any certificate of the Controller: whoever sits in between can read the password
    #[arg(long, env = "AVIARY_INSECURE_CONTROLLER")]
    pub insecure_controller: bool,

    /// Where agents and people connect; port 0 takes a free one. Other than on loopback, TLS is needed
    #[arg(long, env = "AVIARY_LISTEN", value_name = "ADDR")]
    pub listen: SocketAddr,

    /// PEM file of our certificate chain
    #[arg(
        long,
        env = "AVIARY_TLS_CERT",
        value_name = "FILE",
        requires = "tls_key"
    )]
    pub tls_cert: Option<PathBuf>,

    /// PEM file of its key
    #[arg(
        long,
        env = "AVIARY_TLS_KEY",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub tls_key: Option<PathBuf>,

    /// PEM file of the authority of client certificates
    #[arg(
        long,
        env = "AVIARY_CLIENT_CA",
        value_name = "FILE",
        requires = "tls_cert"
    )]
    pub client_ca: Option<PathBuf>,

    /// Rows of subject, namespaces, clusterScope, query, admin: who may do more than speak for the
    /// namespace of its own ServiceAccount
    #[arg(long, env = "AVIARY_IDENTITIES", value_name = "FILE")]
    pub identities: Option<PathBuf>,

    /// Folder for what survives a restart; without it everything is heard anew
    #[arg(long, env = "AVIARY_STORE", value_name = "DIR")]
    pub store: Option<PathBuf>,

    /// Do everything but write, beside a running AKO
    #[arg(long, env = "AVIARY_OBSERVE")]
    pub observe: bool,

    /// The StatefulSet that this runs as: the progress of deleteConfig stands on it
    #[arg(
        long,
        env = "AVIARY_STATEFULSET",
        value_name = "NAMESPACE/NAME",
        value_parser = workload
    )]
    pub stateful_set: Option<Workload>,

    /// What is logged
    #[arg(
        long,
        env = "AVIARY_LOG",
        default_value = "info",
        value_name = "DIRECTIVES"
    )]
    pub log: String,

    /// Log lines as JSON
    #[arg(long, env = "AVIARY_LOG_JSON")]
    pub log_json: bool,

    /// Password from AKO's environment; there is no flag for it, since command lines can be read.
    #[arg(skip)]
    pub password: Option<Hidden>,
}

/// Text that is not shown.
#[derive(Clone)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<sensitive>")
    }
}

fn workload(text: &str) -> Result<Workload, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => Ok(Workload {
            namespace: namespace.into(),
            name: name.into(),
        }),
        _ => Err("a namespace, a slash and a name are needed".to_owned()),
    }
}
