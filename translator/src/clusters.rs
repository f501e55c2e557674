//! The clusters of the settings: their Controllers, and who may speak for them.

use crate::args::Run;
use crate::run::Error;
use aviary_boot::Clock;
use aviary_runtime::Controller;
use aviary_runtime::identity::{ClusterRules, Gate, KeySource, read_rules};
use aviary_session::{
    ApiVersion, Config, CredentialSource, FileCredentials, NamedCredentials, https,
};
use aviary_settings::{ClusterSettings, ControllerAccess, CredentialFiles, Jwks, Settings};
use http::Uri;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a pod finds its own ServiceAccount.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// One Controller for each access that the settings name.
pub(crate) fn controllers(args: &Run, settings: &Settings) -> Result<Vec<Controller>, Error> {
    let mut accesses: Vec<&ControllerAccess> = Vec::new();
    for cluster in settings.all_clusters() {
        if !accesses.contains(&&cluster.controller) {
            accesses.push(&cluster.controller);
        }
    }
    accesses
        .into_iter()
        .map(|access| controller(args, access))
        .collect()
}

fn controller(args: &Run, access: &ControllerAccess) -> Result<Controller, Error> {
    let named = access.host.as_ref().map(|host| format!("https://{host}"));
    // The flag is about the Controller of the home cluster.
    let flag = access
        .files
        .is_none()
        .then(|| args.controller.clone())
        .flatten();
    let base = flag.or(named).ok_or(Error::NoController)?;
    let uri: Uri = base.parse().map_err(|_| Error::Controller(base.clone()))?;
    if uri.scheme_str().is_none() || uri.authority().is_none() {
        return Err(Error::Controller(base));
    }
    let version = access
        .version
        .as_deref()
        .map(str::parse::<ApiVersion>)
        .transpose();
    let version = version.map_err(|error| Error::Version(error.to_string()))?;
    let config = Config {
        version,
        ..Config::new(uri)
    };
    let trust = https::Trust {
        ca_file: match &access.files {
            None => args.ca_file.clone(),
            Some(files) => files.ca.as_ref().map(PathBuf::from),
        },
        insecure: args.insecure_controller,
    };
    let transport = https::connect(&trust).map_err(Error::Transport)?;
    Ok(Controller::new(
        access.clone(),
        config,
        transport,
        credentials(args, access)?,
    ))
}

fn credentials(args: &Run, access: &ControllerAccess) -> Result<Arc<dyn CredentialSource>, Error> {
    if let Some(CredentialFiles {
        username: Some(username),
        password,
        token,
        ..
    }) = &access.files
    {
        return Ok(Arc::new(FileCredentials {
            username: username.into(),
            password: password.as_ref().map(PathBuf::from),
            token: token.as_ref().map(PathBuf::from),
        }));
    }
    let username = args.username.clone().ok_or(Error::NoUser)?;
    let named = NamedCredentials::new(username)
        .password_file(args.password_file.clone())
        .token_file(args.token_file.clone())
        .password(args.password.clone().map(|hidden| hidden.0));
    Ok(Arc::new(named))
}

/// Who may speak for what, by settings and identities file.
pub(crate) fn gate(
    args: &Run,
    settings: &Settings,
    environment: &BTreeMap<String, String>,
) -> Result<Gate, Error> {
    let mut rules = rules(args, settings)?;
    let mut gate = Gate::new(Clock::system());
    for cluster in settings.all_clusters() {
        let keys = keys(cluster, settings, environment)?;
        let rules = rules.remove(cluster.name.as_str()).unwrap_or_default();
        let issuer = (cluster.identity.issuer.clone(), keys);
        gate = gate.with(cluster.name.clone(), issuer, rules);
    }
    Ok(gate)
}

/// The rules of every cluster of the settings.
pub(crate) fn rules(
    args: &Run,
    settings: &Settings,
) -> Result<BTreeMap<String, ClusterRules>, Error> {
    let mut rows = match &args.identities {
        None => BTreeMap::new(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
                path: path.clone(),
                source,
            })?;
            read_rules(&text, &settings.home.name).map_err(Error::Identities)?
        }
    };
    let mut all = BTreeMap::new();
    for cluster in settings.all_clusters() {
        let mut rules = rows.remove(&cluster.name).unwrap_or_default();
        rules.rules.extend(cluster.identity.rules.iter().cloned());
        all.insert(cluster.name.to_string(), rules);
    }
    for cluster in rows.keys() {
        tracing::warn!(%cluster, "the identities name a cluster that the settings do not");
    }
    Ok(all)
}

/// Where the keys of a cluster's tokens are: those of the home cluster are found where it runs.
pub(crate) fn keys(
    cluster: &ClusterSettings,
    settings: &Settings,
    environment: &BTreeMap<String, String>,
) -> Result<Option<KeySource>, Error> {
    Ok(match &cluster.identity.jwks {
        None if cluster.name == settings.home.name => discovery(environment),
        None => None,
        Some(Jwks::File(path)) => Some(KeySource::File(path.into())),
        Some(Jwks::Url(url)) => Some(KeySource::Url {
            url: url.parse().map_err(|_| Error::Jwks(url.clone()))?,
            transport: https::connect(&https::Trust::default()).map_err(Error::Transport)?,
        }),
    })
}

/// The issuer of the cluster around this process, if there is one.
fn discovery(environment: &BTreeMap<String, String>) -> Option<KeySource> {
    let host = environment.get("KUBERNETES_SERVICE_HOST")?;
    let port = environment
        .get("KUBERNETES_SERVICE_PORT")
        .map_or("443", String::as_str);
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.clone()
    };
    let ca = Path::new(ACCOUNT).join("ca.crt");
    let trust = https::Trust {
        ca_file: Some(ca),
        insecure: false,
    };
    let transport = match https::connect(&trust) {
        Ok(transport) => transport,
        Err(error) => {
            let error = aviary_boot::chain(&error);
            tracing::warn!(%error, "tokens of the home cluster cannot be verified");
            return None;
        }
    };
    Some(KeySource::Discovery {
        base: format!("https://{host}:{port}").parse().ok()?,
        transport,
        token: Path::new(ACCOUNT).join("token"),
    })
}
