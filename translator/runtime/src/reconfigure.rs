//! The way of changed settings into a running translator.

use crate::core::wake::{Changed, SettingsNews, Wake, Wakes};
use crate::identity::{ClusterRules, Gate, KeySource};
use crate::service::Controller;
use aviary_settings::{SettingError, Settings};
use aviary_types::{ClusterName, EcoString};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Hands changed settings and rules to a running translator.
#[derive(Clone)]
pub struct Reconfigure {
    pub(crate) wakes: Wakes,
    pub(crate) gate: Arc<Gate>,
}

/// Why settings are not taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// They may not follow on those in force.
    #[error("the settings may not change so: {0}")]
    Refused(SettingError),
    /// The translator has ended.
    #[error("the translator has ended")]
    Ended,
}

impl Reconfigure {
    /// Lets these rules say who may speak for a cluster.
    pub fn set_rules(&self, cluster: &ClusterName, rules: ClusterRules) {
        self.gate.set_rules(cluster, rules);
    }

    /// Knows a cluster from here on, or by other keys than before.
    pub fn add_cluster(
        &self,
        cluster: ClusterName,
        issuer: (Option<String>, Option<KeySource>),
        rules: ClusterRules,
    ) {
        self.gate.add(cluster, issuer, rules);
    }

    /// Nobody may speak for a cluster any more.
    pub fn remove_cluster(&self, cluster: &ClusterName) {
        self.gate.remove(cluster);
    }

    /// Takes these settings into force, as soon as the Controllers have what they name. Of the
    /// Controllers those count that none is known for yet.
    ///
    /// # Errors
    /// When the settings may not change so; those before stay in force.
    pub async fn configure(
        &self,
        settings: Settings,
        controllers: Vec<Controller>,
    ) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        let changed = Box::new(Changed {
            settings,
            controllers,
        });
        self.tell(SettingsNews::Changed(changed, reply)).await?;
        let answer = answer.await.map_err(|_| Error::Ended)?;
        answer.map_err(Error::Refused)
    }

    /// Shows why newer settings cannot be taken over; those before stay in force.
    ///
    /// # Errors
    /// When the translator has ended.
    pub async fn unfit(&self, why: EcoString) -> Result<(), Error> {
        self.tell(SettingsNews::Unfit(why)).await
    }

    /// The newest settings are those in force again.
    ///
    /// # Errors
    /// When the translator has ended.
    pub async fn as_in_force(&self) -> Result<(), Error> {
        self.tell(SettingsNews::AsInForce).await
    }

    async fn tell(&self, news: SettingsNews) -> Result<(), Error> {
        let told = self.wakes.send(Wake::Settings(news)).await;
        told.map_err(|_| Error::Ended)
    }
}
