//! What a domain must know of its Controller before it can translate, and whether the names in its
//! settings mean anything there.

mod networks;
mod problem;

pub use problem::Problem;

use crate::class::Class;
use crate::error::{Attempt, Error};
use crate::list::{List, text};
use crate::look_up::group;
use crate::session::{Call, Session};
use crate::version::ApiVersion;
use aviary_avi::inventory::vpc_subnet;
use aviary_avi::{Inventory, Named, Ref, Standing};
use aviary_types::{ClusterName, EcoString, TenantName};
use http::Method;
use serde_json::Value;

/// The tenant of clouds, networks and profiles.
const ADMIN: &str = "admin";
/// States in which a Controller's cluster serves.
const UP: [&str; 3] = [
    "CLUSTER_UP_NO_HA",
    "CLUSTER_UP_HA_ACTIVE",
    "CLUSTER_UP_HA_COMPROMISED",
];
/// The VRF of a cloud that has no other.
const GLOBAL_VRF: &str = "global";

/// What the settings name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The cloud.
    pub cloud: EcoString,
    /// The tenant of the domain's objects.
    pub tenant: TenantName,
    /// The VRF, if the settings name one.
    pub vrf: Option<EcoString>,
    /// SE groups.
    pub se_groups: Vec<EcoString>,
    /// The cluster whose label they bear, where it labels them.
    pub labels: Option<ClusterName>,
    /// Networks of virtual IPs.
    pub vip_networks: Vec<Named>,
    /// Whether one of them has an IPv6 subnet.
    pub has_v6: bool,
    /// Networks of nodes.
    pub node_networks: Vec<Named>,
    /// NSX-T tier-1 router; decides the VRF.
    pub tier1: Option<EcoString>,
    /// Whether addresses come from a VPC of NSX-T.
    pub vpc: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovery {
    /// Facts of the cloud.
    pub inventory: Inventory,
    /// What is wrong, sorted.
    pub problems: Vec<Problem>,
}

impl Session {
    /// Asks the Controller about a cloud and about the names that the settings give.
    pub async fn discover(&self, wanted: &Wanted) -> Result<Discovery, Error> {
        self.check_ready().await?;
        let mut found = Discovery::default();
        let inventory = &mut found.inventory;
        let system = self.single("systemconfiguration").await;
        let cluster = self.single("cluster").await;
        let (system, cluster) = (
            found.problems.allow(system)?,
            found.problems.allow(cluster)?,
        );
        inventory.license_tier = text(&system, "default_license_tier").into();
        inventory.cluster_uuid = text(&cluster, "uuid").into();
        found.problems.extend(self.too_old().await);
        if self
            .named(&of_admin("tenant"), wanted.tenant.as_str())
            .await?
            .is_empty()
        {
            found
                .problems
                .push(Problem::NoTenant(wanted.tenant.clone()));
        }
        match self.named(&of_admin("cloud"), &wanted.cloud).await?.first() {
            Some(cloud) => self.read_cloud(cloud, wanted, &mut found).await?,
            None => found.problems.push(Problem::NoCloud(wanted.cloud.clone())),
        }
        found.problems.sort();
        Ok(found)
    }

    /// What a cluster shows that is not up may be a part of what there is.
    async fn check_ready(&self) -> Result<(), Error> {
        let path = "/api/cluster/runtime".to_owned();
        let runtime = match self.get("cluster/runtime", path).await {
            Ok(runtime) => runtime,
            Err(error) if error.class() == Class::Refuse || error.class() == Class::Gone => {
                tracing::debug!(%error, "the state of the Controller's cluster is not known");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let state = runtime.pointer("/cluster_state/state");
        let state = state.and_then(Value::as_str).unwrap_or_default();
        if state.is_empty() || UP.contains(&state) {
            return Ok(());
        }
        Err(Error::NotReady {
            attempt: Attempt::new(Method::GET, "cluster/runtime"),
            state: state.into(),
        })
    }

    async fn read_cloud(
        &self,
        cloud: &Value,
        wanted: &Wanted,
        found: &mut Discovery,
    ) -> Result<(), Error> {
        let inventory = &mut found.inventory;
        inventory.cloud_type = text(cloud, "vtype").into();
        inventory.transport_zone = transport_zone(cloud);
        if let Some(ipam) = self.profile(cloud, "ipam_provider_ref").await? {
            inventory.ipam_type = text(&ipam, "type").into();
        } else if needs_ipam(&inventory.cloud_type) && !wanted.vpc {
            found.problems.push(Problem::NoIpam(wanted.cloud.clone()));
        }
        inventory.dns_domains = self.dns_domains(cloud).await?;
        let network = self.check_networks(wanted, found).await?;
        found
            .problems
            .extend(router_problem(&found.inventory, wanted));
        self.check_se_groups(wanted, &mut found.problems).await?;
        found.inventory.vrf = self.vrf(wanted, network.as_ref(), found).await?;
        Ok(())
    }

    /// The cloud's DNS domains: those of its DNS profile and those of the Controller's own list.
    async fn dns_domains(&self, cloud: &Value) -> Result<Vec<EcoString>, Error> {
        let mut domains = Vec::new();
        if let Some(profile) = self.profile(cloud, "dns_provider_ref").await? {
            let listed = profile.pointer("/internal_profile/dns_service_domain");
            domains.extend(names_in(listed));
        }
        let path = format!(
            "/api/ipamdnsproviderprofiledomainlist?cloud_uuid={}",
            text(cloud, "uuid")
        );
        match self.get("ipamdnsproviderprofiledomainlist", path).await {
            Ok(answer) => domains.extend(names_in(answer.get("domains"))),
            Err(error) if error.status().is_some_and(|status| status < 500) => {
                tracing::debug!(%error, "no list of DNS domains");
            }
            Err(error) => return Err(error),
        }
        domains.sort();
        domains.dedup();
        Ok(domains)
    }

    async fn check_se_groups(
        &self,
        wanted: &Wanted,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Error> {
        for name in &wanted.se_groups {
            let list = in_cloud("serviceenginegroup", &wanted.cloud);
            let hits = self.named(&list, name).await?;
            if hits.is_empty() {
                problems.push(Problem::NoSeGroup(name.clone()));
            } else if let Some(cluster) = &wanted.labels
                && let Standing::Taken(label) = group(cluster, hits, &mut Vec::new())
            {
                problems.push(Problem::SeGroupTaken(name.clone(), label));
            }
        }
        Ok(())
    }

    /// The VRF of the domain: the one that the settings name, where that counts; that of the tier-1
    /// router, that of the first network on vCenter, else the global one.
    async fn vrf(
        &self,
        wanted: &Wanted,
        network: Option<&Value>,
        found: &mut Discovery,
    ) -> Result<EcoString, Error> {
        let list = in_cloud("vrfcontext", &wanted.cloud);
        let named = wanted.vrf.as_ref();
        if let Some(name) = named.filter(|_| found.inventory.has_named_vrfs()) {
            if self.named(&list, name).await?.is_empty() {
                found.problems.push(Problem::NoVrf(name.clone()));
            }
            return Ok(name.clone());
        }
        if let Some(tier1) = &wanted.tier1 {
            let vrfs = self.list(&list).await?;
            if let Some(vrf) = vrfs.iter().find(|vrf| has_tier1(vrf, tier1)) {
                return Ok(text(vrf, "name").into());
            }
        }
        let of_network = network.and_then(|network| {
            let reference = Ref::parse(text(network, "vrf_context_ref"))?;
            (!reference.name.is_empty()).then_some(reference.name)
        });
        match of_network {
            Some(name) if found.inventory.cloud_type == "CLOUD_VCENTER" => Ok(name),
            _ => Ok(GLOBAL_VRF.into()),
        }
    }

    /// The profile that a cloud refers to.
    async fn profile(&self, cloud: &Value, field: &str) -> Result<Option<Value>, Error> {
        let Some(reference) = Ref::parse(text(cloud, field)) else {
            return Ok(None);
        };
        if reference.uuid.is_empty() {
            let list = of_admin("ipamdnsproviderprofile");
            return Ok(self.named(&list, &reference.name).await?.pop());
        }
        let path = format!("/api/ipamdnsproviderprofile/{}", reference.uuid);
        match self.get("ipamdnsproviderprofile", path).await {
            Ok(profile) => Ok(Some(profile)),
            Err(error) if error.class() == Class::Gone => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn named(&self, list: &List, name: &str) -> Result<Vec<Value>, Error> {
        self.list(&list.clone().with("name", name)).await
    }

    async fn single(&self, what: &'static str) -> Result<Value, (&'static str, Error)> {
        let answer = self.get(what, format!("/api/{what}")).await;
        answer.map_err(|error| (what, error))
    }

    pub(crate) async fn get(&self, what: &str, path: String) -> Result<Value, Error> {
        let call = Call {
            attempt: Attempt::new(Method::GET, what),
            path,
            tenant: ADMIN.to_owned(),
            body: None,
        };
        self.read(&call).await?.json(&call.attempt)
    }

    async fn too_old(&self) -> Option<Problem> {
        let attempt = Attempt::new(Method::GET, "initial-data");
        let version = self.inner.authenticated(&attempt).await.ok()?.controller?;
        (version < ApiVersion::OLDEST).then_some(Problem::TooOld(version))
    }
}

/// A right that is missing is a problem to tell; all else is an error.
trait Allow {
    fn allow(&mut self, answer: Result<Value, (&'static str, Error)>) -> Result<Value, Error>;
}

impl Allow for Vec<Problem> {
    fn allow(&mut self, answer: Result<Value, (&'static str, Error)>) -> Result<Value, Error> {
        match answer {
            Ok(value) => Ok(value),
            Err((what, error)) if matches!(error.status(), Some(403 | 404)) => {
                self.push(Problem::NotReadable(what));
                Ok(Value::Null)
            }
            Err((_, error)) => Err(error),
        }
    }
}

fn of_admin(kind: &'static str) -> List {
    List::of(kind, ADMIN).with("include_name", "true")
}

pub(crate) fn in_cloud(kind: &'static str, cloud: &str) -> List {
    of_admin(kind).with("cloud_ref.name", cloud)
}

/// The path of a network.
pub(crate) fn network_at(uuid: &str) -> String {
    format!("/api/network/{uuid}?include_name=true")
}

/// Clouds that hand out addresses by themselves.
fn needs_ipam(cloud_type: &str) -> bool {
    !matches!(
        cloud_type,
        "CLOUD_AWS" | "CLOUD_AZURE" | "CLOUD_GCP" | "CLOUD_OPENSTACK"
    )
}

/// How an NSX-T cloud carries data.
fn transport_zone(cloud: &Value) -> EcoString {
    let kind = cloud.pointer("/nsxt_configuration/data_network_config/tz_type");
    kind.and_then(Value::as_str).unwrap_or_default().into()
}

/// An NSX-T overlay needs a tier-1 router, and a VPC is named by one; no other cloud has either.
fn router_problem(inventory: &Inventory, wanted: &Wanted) -> Option<Problem> {
    let is_nsxt = inventory.cloud_type == "CLOUD_NSXT";
    let is_overlay = is_nsxt && inventory.transport_zone == "OVERLAY";
    match &wanted.tier1 {
        _ if wanted.vpc && !is_nsxt => Some(Problem::VpcElsewhere),
        None if is_overlay => Some(Problem::NoTier1),
        Some(router) if !is_nsxt || inventory.transport_zone == "VLAN_BACKED" => {
            Some(Problem::Tier1Elsewhere(router.clone()))
        }
        router if wanted.vpc && router.as_deref().is_none_or(|it| vpc_subnet(it).is_none()) => {
            Some(Problem::NoVpc)
        }
        _ => None,
    }
}

/// Domain names in a list of texts or of objects with `domain_name`.
fn names_in(list: Option<&Value>) -> Vec<EcoString> {
    let entries = list.and_then(Value::as_array).into_iter().flatten();
    entries
        .filter_map(|entry| {
            entry
                .as_str()
                .or_else(|| entry.get("domain_name")?.as_str())
        })
        .filter(|name| !name.is_empty())
        .map(EcoString::from)
        .collect()
}

fn has_tier1(vrf: &Value, tier1: &str) -> bool {
    let attrs = vrf.get("attrs").and_then(Value::as_array);
    attrs
        .into_iter()
        .flatten()
        .any(|attr| text(attr, "key") == "tier1path" && text(attr, "value") == tier1)
}
