//! Follows the files with settings and identities: their contents are compared every second, and at
//! SIGHUP, so that a ConfigMap's exchanged links are seen like any other write. What cannot be read
//! or is not valid changes nothing, and is shown.

use crate::args::Run;
use crate::clusters;
use crate::run::{Error, settings};
use aviary_runtime::{LevelSetter, Reconfigure, ReconfigureError};
use aviary_settings::{ClusterSettings, Settings};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Follows the files of a running translator.
pub(crate) struct Follower {
    pub(crate) args: Run,
    pub(crate) environment: BTreeMap<String, String>,
    /// What was handed over last.
    pub(crate) known: Settings,
    pub(crate) reconfigure: Reconfigure,
    pub(crate) log_level: LevelSetter,
}

/// What the files contain; of one that cannot be read, why.
type Contents = Vec<Result<Vec<u8>, io::ErrorKind>>;

impl Follower {
    /// Hands changes on for as long as somebody takes them.
    pub(crate) async fn run(mut self) {
        let mut asked = signal(SignalKind::hangup()).ok();
        let mut ticks = tokio::time::interval(EVERY);
        let mut known = self.contents();
        loop {
            let at_once = tokio::select! {
                _ = ticks.tick() => false,
                () = hangup(&mut asked) => true,
            };
            let now = self.contents();
            if now == known && !at_once {
                continue;
            }
            known = now;
            match self.take().await {
                Ok(()) => {}
                Err(Error::Reconfigure(ReconfigureError::Ended)) => return,
                Err(error) => {
                    let why = aviary_boot::chain(&error).to_string();
                    if self.reconfigure.unfit(why.into()).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// The files are small, and read as often as they are compared: no change is missed because a
    /// clock stands still.
    fn contents(&self) -> Contents {
        let files = self.args.settings.iter().chain(&self.args.identities);
        let files: Vec<&PathBuf> = files.collect();
        let read = |path: &PathBuf| std::fs::read(path).map_err(|error| error.kind());
        files.into_iter().map(read).collect()
    }

    async fn take(&mut self) -> Result<(), Error> {
        let next = settings(&self.args, &self.environment)?;
        let rules = clusters::rules(&self.args, &next)?;
        if next == self.known {
            self.admit(&next, rules)?;
            return Ok(self.reconfigure.as_in_force().await?);
        }
        let controllers = clusters::controllers(&self.args, &next)?;
        self.reconfigure
            .configure(next.clone(), controllers)
            .await?;
        self.admit(&next, rules)?;
        if next.service.log_level != self.known.service.log_level {
            self.set_log_level(&next);
        }
        self.known = next;
        Ok(())
    }

    /// Who may speak for what. Keys of a cluster that did not change are not fetched again.
    fn admit(
        &self,
        next: &Settings,
        mut rules: BTreeMap<String, aviary_runtime::identity::ClusterRules>,
    ) -> Result<(), Error> {
        let issuer = |cluster: &ClusterSettings| {
            (
                cluster.identity.issuer.clone(),
                cluster.identity.jwks.clone(),
            )
        };
        for cluster in next.all_clusters() {
            let rules = rules.remove(cluster.name.as_str()).unwrap_or_default();
            let known = self.known.cluster(&cluster.name);
            if known.is_some_and(|known| issuer(known) == issuer(cluster)) {
                self.reconfigure.set_rules(&cluster.name, rules);
            } else {
                let keys = clusters::keys(cluster, next, &self.environment)?;
                let issuer = (cluster.identity.issuer.clone(), keys);
                self.reconfigure
                    .add_cluster(cluster.name.clone(), issuer, rules);
            }
        }
        let gone = self.known.all_clusters();
        for cluster in gone.filter(|known| next.cluster(&known.name).is_none()) {
            self.reconfigure.remove_cluster(&cluster.name);
        }
        Ok(())
    }

    fn set_log_level(&self, next: &Settings) {
        let level = next.service.log_level.word().to_lowercase();
        match (self.log_level)(&level) {
            Ok(before) => tracing::warn!(level, before, "other things are logged"),
            Err(error) => tracing::error!(level, error, "the log level cannot be changed"),
        }
    }
}

/// Ends when the process is asked to look at its files.
pub(crate) async fn hangup(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
