//! What settings mean: the only thing that the rest of the program sees.

use crate::ako::{self, AkoSettings};
use crate::aviary::{AviarySettings, CrossClusterHosts, ServiceSettings};
use crate::controller::ControllerSettings;
use crate::feature_gates::FeatureGates;
use crate::identity::Identity;
use crate::l4::L4Settings;
use crate::l7::{L7Settings, ServiceType};
use crate::network::NetworkSettings;
use crate::reader::Reader;
use crate::{SettingError, Warning};
use aviary_types::{ClusterName, DomainId, Namespace};
use serde::Serialize;

/// The namespace that AKO's documents install it in.
pub const DEFAULT_NAMESPACE: &str = "avi-system";

/// Valid settings. They hold no secrets, only names of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// The cluster that the settings file is about; its first instance is the file's top level.
    pub home: ClusterSettings,
    /// Further clusters, in the order of the file.
    pub clusters: Vec<ClusterSettings>,
    /// What holds for the whole translator.
    pub service: ServiceSettings,
}

/// A cluster with its instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterSettings {
    /// Its name.
    pub name: ClusterName,
    /// How its agents prove who they are.
    pub identity: Identity,
    /// Its Avi Controller. Clusters of equal access share a session.
    pub controller: ControllerAccess,
    /// Its instances: first that of its own values, then the rows of `instances`.
    pub instances: Vec<InstanceSettings>,
}

/// How an Avi Controller is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ControllerAccess {
    /// `host` or `host:port`; `None` if the settings name no Controller.
    pub host: Option<String>,
    /// API version to speak; `None`: the Controller's own.
    pub version: Option<String>,
    /// Files with the credentials; `None` for all: those that the program was started with.
    pub files: Option<CredentialFiles>,
}

/// Names of the files with the credentials of a cluster's own Controller.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct CredentialFiles {
    /// The user's name.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// A token instead of a password.
    pub token: Option<String>,
    /// The authority that signed the Controller's certificate.
    pub ca: Option<String>,
}

/// One instance: the settings of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstanceSettings {
    /// Its cluster.
    pub cluster: ClusterName,
    /// AKO's own namespace (POD_NAMESPACE): part of the names of a non-primary instance and of all
    /// Gateway API objects, home of default Secrets.
    pub namespace: Namespace,
    /// Whether it is the primary instance of its cluster.
    pub primary: bool,
    /// Section `AKOSettings`.
    pub ako: AkoSettings,
    /// Section `NetworkSettings`, with the default domain of either section.
    pub network: NetworkSettings,
    /// Section `L7Settings`.
    pub l7: L7Settings,
    /// Section `L4Settings`.
    pub l4: L4Settings,
    /// Section `ControllerSettings`.
    pub controller: ControllerSettings,
    /// Section `AviarySettings`.
    pub aviary: AviarySettings,
    /// `AviarySettings.crossClusterHosts`, which all instances have in common.
    pub cross_cluster_hosts: CrossClusterHosts,
    /// Section `featureGates`.
    pub gates: FeatureGates,
}

/// What came of a settings tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The settings, or all that is wrong with them.
    pub settings: Result<Settings, Vec<SettingError>>,
    /// What is worth saying in either case.
    pub warnings: Vec<Warning>,
}

impl Settings {
    /// Tells every instance what holds for the whole translator and is part of what it means.
    pub(crate) fn share(&mut self) {
        let hosts = self.service.cross_cluster_hosts;
        let clusters = std::iter::once(&mut self.home).chain(&mut self.clusters);
        for instance in clusters.flat_map(|cluster| &mut cluster.instances) {
            instance.cross_cluster_hosts = hosts;
        }
    }

    /// All clusters, the home one first.
    pub fn all_clusters(&self) -> impl Iterator<Item = &ClusterSettings> {
        std::iter::once(&self.home).chain(&self.clusters)
    }

    /// A cluster by its name.
    pub fn cluster(&self, name: &ClusterName) -> Option<&ClusterSettings> {
        self.all_clusters().find(|cluster| cluster.name == *name)
    }

    /// All instances of all clusters.
    pub fn instances(&self) -> impl Iterator<Item = &InstanceSettings> {
        self.all_clusters().flat_map(|cluster| &cluster.instances)
    }

    /// An instance by its domain.
    pub fn instance(&self, domain: &DomainId) -> Option<&InstanceSettings> {
        self.cluster(&domain.cluster)?
            .instances
            .iter()
            .find(|instance| instance.domain() == *domain)
    }

    /// Why `next` may not follow on these settings while running: a pinned setting would change.
    pub fn refused_change(&self, next: &Self) -> Option<SettingError> {
        let (now, then) = (&self.home.name, &next.home.name);
        (now != then).then(|| SettingError::Conflict {
            key: ako::CLUSTER_NAME.about().key.to_owned(),
            text: format!("is {now} and cannot become {then}: all names and ownership hang on it"),
        })
    }
}

impl ClusterSettings {
    /// The primary instance, if it has one.
    pub fn primary(&self) -> Option<&InstanceSettings> {
        self.instances.iter().find(|instance| instance.primary)
    }

    /// The instances that select a namespace. `label` looks up one of the namespace's labels.
    pub fn selecting<'s, 'l>(
        &'s self,
        namespace: &str,
        label: impl Fn(&str) -> Option<&'l str>,
    ) -> impl Iterator<Item = &'s InstanceSettings> {
        self.instances
            .iter()
            .filter(move |instance| instance.selects(namespace, &label))
    }
}

impl InstanceSettings {
    /// Reads all sections.
    pub(crate) fn read(
        reader: &mut Reader<'_>,
        cluster: ClusterName,
        namespace: Namespace,
        primary: bool,
    ) -> Self {
        Self {
            cluster,
            namespace,
            primary,
            ako: AkoSettings::read(reader),
            network: NetworkSettings::read(reader),
            l7: L7Settings::read(reader),
            l4: L4Settings::read(reader),
            controller: ControllerSettings::read(reader),
            aviary: AviarySettings::read(reader),
            cross_cluster_hosts: CrossClusterHosts::Allow,
            gates: FeatureGates::read(reader),
        }
    }

    /// The domain that this instance owns on the Controller.
    pub fn domain(&self) -> DomainId {
        let instance = (!self.primary).then(|| self.namespace.text().clone());
        DomainId {
            cluster: self.cluster.clone(),
            instance,
        }
    }

    /// Whether a namespace's objects are this instance's. `label` looks up one of its labels.
    pub fn selects<'l>(&self, namespace: &str, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        let blocked = self
            .ako
            .blocked_namespaces
            .iter()
            .any(|name| name == namespace);
        let selected = self
            .ako
            .namespace_selector
            .as_ref()
            .is_none_or(|selector| label(&selector.key) == Some(selector.value.as_str()));
        selected && !blocked
    }

    /// Whether there are routes to the pod networks, as far as settings tell (an NSX-T cloud with
    /// the NCP plugin has none either). The primary instance of a cluster writes them; each instance
    /// labels the SE group that it uses.
    pub fn syncs_static_routes(&self) -> bool {
        !self.ako.disable_static_route_sync && self.l7.service_type == ServiceType::ClusterIp
    }
}
