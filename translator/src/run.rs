//! Puts the service together and runs it.

use crate::args::Run;
use crate::{clusters, listen, reload};
use aviary_boot::{Clock, Shutdown};
use aviary_runtime::identity::RulesError;
use aviary_runtime::{Config, LevelSetter, ReconfigureError, StoreAt, Translator};
use aviary_session::https;
use aviary_settings::{DEFAULT_NAMESPACE, Parsed, Settings, check, from_env, parse_in};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the translator does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The settings are not valid. Nothing is written without valid ones.
    #[error("the settings are not valid: {0}")]
    Settings(String),
    /// Nothing names the Controller.
    #[error("name the Controller: --controller, or controllerHost in the settings")]
    NoController,
    /// Its address is none.
    #[error("`{0}` is no address of a Controller: https://host:port")]
    Controller(String),
    /// Its version is none.
    #[error("the Controller's version in the settings: {0}")]
    Version(String),
    /// Nothing names the user.
    #[error("name the user on the Controller: --username")]
    NoUser,
    /// There is no way to the Controller.
    #[error("connect to the Controller or the keys")]
    Transport(#[source] https::Error),
    /// The address of the keys is none.
    #[error("`{0}` is no address of a key set")]
    Jwks(String),
    /// The identities cannot be used.
    #[error("use the identities")]
    Identities(#[source] RulesError),
    /// Others could read and change everything.
    #[error("listening on {0} needs --tls-cert and --tls-key: only loopback goes without")]
    Plain(SocketAddr),
    /// The address cannot be used.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The certificate cannot be used.
    #[error("use the TLS files")]
    Tls(#[source] aviary_boot::tls::Error),
    /// Settings cannot follow on those in force.
    #[error(transparent)]
    Reconfigure(#[from] ReconfigureError),
    /// The service ended by an error.
    #[error("run the translator")]
    Service(#[from] aviary_runtime::service::Error),
}

/// Runs until it is asked to stop. The bound address is the first line on standard output.
pub async fn run(
    args: Run,
    environment: &BTreeMap<String, String>,
    log_level: LevelSetter,
    shutdown: Shutdown,
) -> Result<(), Error> {
    let settings = settings(&args, environment)?;
    let config = Config {
        store: args.store.clone().map_or(StoreAt::Memory, StoreAt::Folder),
        observe_only: args.observe,
        log_level: Some(log_level.clone()),
        workload: args.stateful_set.clone(),
        ..Config::new(
            settings.clone(),
            clusters::controllers(&args, &settings)?,
            clusters::gate(&args, &settings, environment)?,
            Clock::system(),
        )
    };
    // Whoever comes while the store is read waits, and does not go away for a while.
    let incoming = listen::listen(&args).await?;
    let translator = Translator::new(config).await?;
    let follower = reload::Follower {
        args,
        environment: environment.clone(),
        known: settings,
        reconfigure: translator.reconfigure(),
        log_level,
    };
    let follow = aviary_boot::spawn("follow settings", follower.run());
    let ran = translator.run(incoming, shutdown).await;
    follow.abort();
    Ok(ran?)
}

/// The settings of the file, or of the environment where no file is named.
pub(crate) fn settings(
    args: &Run,
    environment: &BTreeMap<String, String>,
) -> Result<Settings, Error> {
    let said = from_env(environment);
    let namespace = said.namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.into());
    let Parsed { settings, warnings } = match &args.settings {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
                path: path.clone(),
                source,
            })?;
            parse_in(&text, &namespace)
        }
        None => match said.raw {
            Ok(raw) => {
                let Parsed {
                    settings,
                    mut warnings,
                } = check(&raw, &namespace);
                warnings.extend(said.warnings);
                Parsed { settings, warnings }
            }
            Err(errors) => Parsed {
                settings: Err(errors),
                warnings: said.warnings,
            },
        },
    };
    for warning in warnings {
        tracing::warn!(%warning, "settings");
    }
    settings.map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Error::Settings(errors.join("; "))
    })
}
