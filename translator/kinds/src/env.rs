//! A domain's settings together with what its Controller is: constant while effects are evaluated.

use crate::families::Families;
use aviary_avi::ds_set::KnownScripts;
use aviary_avi::{Census, Inventory};
use aviary_settings::{AutoFqdn, CniPlugin, InstanceSettings, IpFamily, Scheme};
use aviary_types::{Digest, DomainId, EcoString, Host, ObjectKey, eco_format};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A DNS label has at most 63 characters.
const LABEL_LIMIT: usize = 63;

/// What translation of one domain depends on beside its objects.
#[derive(Debug, Clone, PartialEq)]
pub struct Env {
    /// The domain.
    pub domain: DomainId,
    /// Its settings.
    pub settings: Arc<InstanceSettings>,
    /// What its cloud and Controller are.
    pub inventory: Arc<Inventory>,
    /// How it names things, once that is settled.
    pub scheme: Scheme,
    /// Scripts on the Controller that do what ours do.
    pub scripts: KnownScripts,
    /// What its Controller has of what objects name. It grows while the domain runs: effects read it
    /// through [`crate::View::standing`], and the digest leaves it out.
    pub census: Arc<Census>,
}

impl Env {
    /// Changes when anything that translation reads of it changes.
    pub fn digest(&self) -> Digest {
        Digest::of_value(&(
            &self.domain,
            &*self.settings,
            &*self.inventory,
            self.scheme,
            &self.scripts,
        ))
    }

    /// Whether everything of the domain is to go, whatever its objects ask for.
    pub fn is_to_go(&self) -> bool {
        self.settings.ako.delete_config
    }

    /// Whether the domain takes a namespace, by its labels (`None`: the Namespace was not seen).
    pub fn selects(
        &self,
        namespace: &str,
        labels: Option<&BTreeMap<EcoString, EcoString>>,
    ) -> bool {
        self.settings
            .selects(namespace, |key| labels?.get(key).map(EcoString::as_str))
    }

    /// Whether there are routes to the pod networks, and labels on SE groups. An NSX-T cloud knows the
    /// way to the pods of the NCP plugin by itself.
    pub fn syncs_static_routes(&self) -> bool {
        self.settings.syncs_static_routes() && !self.routes_itself()
    }

    /// Whether the cloud and the network plugin lead to pods without any routes.
    pub fn routes_itself(&self) -> bool {
        self.inventory.cloud_type == "CLOUD_NSXT" && self.settings.ako.cni_plugin == CniPlugin::Ncp
    }

    /// Whether the cloud serves the host's domain: a plain suffix test, as AKO has it. A cloud
    /// without DNS domains serves all.
    pub fn serves_domain_of(&self, host: &Host) -> bool {
        let domains = &self.inventory.dns_domains;
        domains.is_empty() || domains.iter().any(|d| host.as_str().ends_with(d.as_str()))
    }

    /// The address families of servers and routes: what is asked for where the cloud knows IPv6,
    /// IPv4 alone elsewhere.
    pub fn families(&self) -> Families {
        let knows_v6 = self.inventory.knows_v6();
        let asked = self.settings.ako.ip_family;
        Families {
            v4: !knows_v6 || asked != IpFamily::V6,
            v6: knows_v6 && asked != IpFamily::V4,
        }
    }

    /// The domain that names of load balancers end in: the configured one if it is one of the
    /// cloud's, else the first.
    pub fn l4_domain(&self) -> Option<&str> {
        let domains = &self.inventory.dns_domains;
        let asked = self.settings.network.default_domain.as_deref();
        let found = asked.and_then(|asked| domains.iter().find(|domain| *domain == asked));
        let domain = found.or_else(|| domains.first())?;
        Some(domain.trim_start_matches('.'))
    }

    /// DNS name of a Service of type LoadBalancer: the one it asks for, or a made-up one.
    pub fn l4_fqdn(&self, key: &ObjectKey, asked: Option<&EcoString>) -> Option<EcoString> {
        let mode = self.settings.l4.auto_fqdn;
        if mode == AutoFqdn::Disabled {
            return None;
        }
        if let Some(asked) = asked {
            return Some(asked.clone());
        }
        let domain = self.l4_domain()?;
        let service = label(&key.name, 's');
        let namespace = label(key.namespace.as_str(), 'n');
        Some(if mode == AutoFqdn::Flat {
            eco_format!("{}.{domain}", flat(&service, &namespace))
        } else {
            eco_format!("{service}.{namespace}.{domain}")
        })
    }

    /// The DNS name of a shard parent, or `None` where none is made up.
    pub fn shard_fqdn(&self, name: &str, tenant: &str) -> Option<EcoString> {
        let domain = self.l4_domain()?;
        let tenant = dashed(tenant);
        match self.settings.l4.auto_fqdn {
            AutoFqdn::Default => Some(eco_format!("{name}.{tenant}.{domain}")),
            AutoFqdn::Flat => Some(eco_format!("{name}-{tenant}.{domain}")),
            AutoFqdn::Disabled => None,
        }
    }
}

/// A label must begin with a letter (RFC 1035); one that does not gets a letter before it.
fn label(name: &str, letter: char) -> EcoString {
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.into()
    } else {
        eco_format!("{letter}{name}")
    }
}

/// `<service>-<namespace>` cut to one DNS label: the service is cut first; beside a namespace of
/// full length, the namespace is.
fn flat(service: &str, namespace: &str) -> EcoString {
    const CUT: usize = 48;
    let head = |text: &str, length: usize| text.chars().take(length).collect::<EcoString>();
    let namespace = if namespace.len() >= LABEL_LIMIT {
        head(namespace, CUT)
    } else {
        namespace.into()
    };
    let room = LABEL_LIMIT.saturating_sub(namespace.len() + 1);
    eco_format!("{}-{namespace}", head(service, room))
}

/// Runs of characters that no DNS label may have become one dash.
fn dashed(tenant: &str) -> EcoString {
    let mut out = String::new();
    for part in tenant
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
    {
        if !out.is_empty() {
            out.push('-');
        }
        out.push_str(part);
    }
    out.into()
}

#[cfg(test)]
mod tests;
