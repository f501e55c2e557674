//! What all Ingresses together mean for one host of one domain.

use super::hosts::{claimants, host_of, is_nameless, names};
use super::{Ingress, Path, Rule};
use super::{conflict, default_backend, tls};
use crate::avi_infra_setting::{self, Binding, Infra, differs};
use crate::env::Env;
use crate::secret::Certificate;
use crate::service::{self, Backend};
use crate::view::{Entry, View};
use crate::{ingress_class, namespace};
use aviary_settings::{CniPlugin, ShardSize};
use aviary_types::{
    AVI_NAME_LIMIT, Code, EcoString, Finding, Host, ObjectKey, Origin, Place, Role, TenantName,
    eco_format,
};
use std::sync::Arc;

/// A host in the making: what each Ingress contributes, oldest first, per tenant and AviInfraSetting
/// that gives names.
#[derive(Debug, Clone, PartialEq)]
pub struct HostDraft {
    /// The host.
    pub host: Host,
    /// Tenant of the contributing namespaces.
    pub tenant: TenantName,
    /// The oldest Ingress that asks for it.
    pub owner: ObjectKey,
    /// The AviInfraSetting that holds for it, the oldest contribution's.
    pub infra: Option<Arc<Infra>>,
    /// Contributions, oldest first.
    pub parts: Vec<HostPart>,
    /// Where the tenant is said.
    pub tenant_at: Origin,
    /// The certificate of the oldest secure contribution.
    pub certificate: Option<Certificate>,
    /// Where the Secret of that certificate is named, and the Secret.
    pub certificate_at: Vec<(Role, Origin)>,
    /// Set where something must be heard before the host can be written.
    pub hold: Option<HostHold>,
}

/// Why a host waits.
#[derive(Debug, Clone, PartialEq)]
pub enum HostHold {
    /// The contents of this Secret were not heard since the start.
    SecretUnheard(ObjectKey),
    /// This AviInfraSetting cannot be used now: what stands stays, for where it would stand is not
    /// known.
    SettingUnusable(ObjectKey),
}

/// What one Ingress contributes to one host.
#[derive(Debug, Clone, PartialEq)]
pub struct HostPart {
    /// The Ingress.
    pub source: ObjectKey,
    /// Time of creation, for ties.
    pub created: EcoString,
    /// How it is reached.
    pub security: Security,
    /// Where it names the host; the rule where that names none.
    pub host_at: Place,
    /// Its paths in order.
    pub paths: Vec<PathDraft>,
}

/// How a host is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Plain HTTP.
    Insecure,
    /// TLS; port 80 redirects.
    Secure,
    /// TLS is asked for, but there is no certificate: not served, yet the shard exists.
    NoCertificate,
    /// TLS as the client speaks it, to the Service; port 80 redirects.
    Passthrough,
}

/// One path with its backend.
#[derive(Debug, Clone, PartialEq)]
pub struct PathDraft {
    /// Where it stands.
    pub at: Place,
    /// The path, possibly empty.
    pub path: EcoString,
    /// Whether it must be met in full.
    pub exact: bool,
    /// What serves it.
    pub backend: Backend,
}

/// Evaluates the host. Findings are told even where nothing is served.
pub fn host(view: &dyn View, host: &Host, findings: &mut Vec<Finding>) -> Vec<HostDraft> {
    let mut drafts: Vec<HostDraft> = Vec::new();
    for entry in claimants(view, host) {
        let Ok(ingress) = (&entry.fact).try_into() else {
            continue;
        };
        let Some(tenant) = accept(view, &entry.key, ingress) else {
            continue;
        };
        if !servable(view, &entry, ingress, host, findings) {
            continue;
        }
        let class = ingress.class.as_ref();
        let binding = avi_infra_setting::of_ingress(view, &entry.key, class, findings);
        let infra = match &binding {
            Binding::Missing => continue,
            Binding::To(infra) => Some(infra.clone()),
            Binding::None | Binding::Rejected(_) | Binding::Unchecked(_) => None,
        };
        let waits = match binding {
            Binding::Rejected(key) | Binding::Unchecked(key) => {
                Some(HostHold::SettingUnusable(key))
            }
            _ => None,
        };
        let at = drafts
            .iter()
            .position(|draft| draft.is_of(&tenant, infra.as_ref(), waits.as_ref()))
            .unwrap_or_else(|| {
                let draft = HostDraft::new(view, host, &entry.key, &tenant);
                drafts.push(HostDraft {
                    infra: infra.clone(),
                    hold: waits,
                    ..draft
                });
                drafts.len() - 1
            });
        if let Some(draft) = drafts.get_mut(at)
            && conflict::admits(view, draft, &entry.key, findings)
        {
            draft.settle_infra(&entry.key, infra, findings);
            contribute(view, &entry, ingress, draft, findings);
        }
    }
    for draft in &mut drafts {
        conflict::settle(view, draft, findings);
    }
    drafts
}

impl HostDraft {
    /// How many parents its hosts are spread over.
    pub fn shard_size(&self, env: &Env) -> ShardSize {
        let asked = self.infra.as_ref().and_then(|it| it.setting.shard_size);
        asked.unwrap_or(env.settings.l7.shard_size)
    }

    /// The AviInfraSetting that its objects are named after.
    pub fn named_after(&self) -> Option<EcoString> {
        self.infra.as_ref().and_then(|it| it.prefix().cloned())
    }

    fn new(view: &dyn View, host: &Host, source: &ObjectKey, tenant: &TenantName) -> Self {
        Self {
            host: host.clone(),
            tenant: tenant.clone(),
            owner: source.clone(),
            tenant_at: namespace::tenant_origin(view, source.namespace.as_str()),
            infra: None,
            parts: Vec::new(),
            certificate: None,
            certificate_at: Vec::new(),
            hold: None,
        }
    }

    /// Whether a contribution of this tenant and setting belongs here: objects are called alike
    /// where the same setting, or none, is part of their names.
    fn is_of(
        &self,
        tenant: &TenantName,
        infra: Option<&Arc<Infra>>,
        waits: Option<&HostHold>,
    ) -> bool {
        let prefix = infra.and_then(|it| it.prefix().cloned());
        let is_waiting = |hold: Option<&HostHold>| {
            let unusable = |hold: &&HostHold| matches!(hold, HostHold::SettingUnusable(_));
            hold.filter(unusable).cloned()
        };
        self.tenant == *tenant
            && is_waiting(self.hold.as_ref()) == is_waiting(waits)
            && self.named_after() == prefix
    }

    /// Takes the setting of a contribution in: the oldest one counts, and who asks for another is
    /// told.
    fn settle_infra(
        &mut self,
        source: &ObjectKey,
        infra: Option<Arc<Infra>>,
        findings: &mut Vec<Finding>,
    ) {
        match (&self.infra, infra) {
            (None, infra) => self.infra = infra,
            (Some(mine), Some(other)) if mine.source != other.source => {
                findings.push(differs(source, &self.host, (&mine.source, &other.source)));
            }
            (Some(_), _) => {}
        }
    }
}

/// The tenant, if the Ingress is of our class and its namespace belongs to the domain.
pub(super) fn accept(view: &dyn View, key: &ObjectKey, ingress: &Ingress) -> Option<TenantName> {
    if ingress.deleting {
        return None;
    }
    let tenant = namespace::tenant(view, key.namespace.as_str())?;
    ingress_class::accepts(view, &key.cluster, ingress.class.as_ref()).then_some(tenant)
}

/// Whether the host may be served at all; if not, the Ingress is told why.
fn servable(
    view: &dyn View,
    entry: &Entry,
    ingress: &Ingress,
    host: &Host,
    findings: &mut Vec<Finding>,
) -> bool {
    let env = view.env();
    if env.settings.ako.cni_plugin == CniPlugin::Openshift {
        let text = "on OpenShift Routes are served, Ingresses are not";
        let hint = "make a Route of it; AKOSettings.cniPlugin says that this is OpenShift";
        findings.push(Finding::new(
            &entry.key,
            Code::IngressOnOpenShift,
            text,
            hint,
        ));
        return false;
    }
    if is_nameless(ingress, &entry.key, host, env) {
        let text = "a rule has no host, and the cloud has no DNS domain to make one up; \
                    the rule is not served";
        let hint = "name a host, or give the cloud a DNS profile with a domain";
        findings.push(Finding::new(
            &entry.key,
            Code::HostlessWithoutDomain,
            text,
            hint,
        ));
    }
    if !names(ingress, &entry.key, host, env) {
        return false;
    }
    if !env.serves_domain_of(host) {
        findings.push(Finding::new(
            &entry.key,
            Code::ForeignDomain,
            eco_format!("host {host} is in none of the cloud's DNS domains and is not served"),
            eco_format!(
                "use a host below {}",
                view.env().inventory.dns_domains.join(", ")
            ),
        ));
        return false;
    }
    default_backend::tell(view.env(), &entry.key, ingress, findings)
}

fn contribute(
    view: &dyn View,
    entry: &Arc<Entry>,
    ingress: &Ingress,
    draft: &mut HostDraft,
    findings: &mut Vec<Finding>,
) {
    let object = Arc::new(entry.key.clone());
    let security = tls::secure(view, (&object, ingress), draft, findings);
    // Only the label of a shared group is as long as host and path together.
    let is_label =
        security == Security::Insecure && draft.shard_size(view.env()) != ShardSize::Dedicated;
    let paths = paths_of(view, entry, ingress, &draft.host);
    let paths = paths
        .into_iter()
        .filter(|path| !is_label || fits(entry, draft, path, findings))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|path| PathDraft {
            at: place_of(&object, ingress, path),
            path: path.path.clone(),
            exact: path.exact,
            backend: service::backend(view, &entry.key, &path.service, &path.port, findings),
        })
        .collect();
    draft.parts.push(HostPart {
        source: entry.key.clone(),
        created: entry.created.clone(),
        security,
        host_at: host_at(view, &object, ingress, &draft.host),
        paths,
    });
}

const PATH_AT: &str = "spec.rules[{0}].http.paths[{1}]";
const DEFAULT_AT: &str = "spec.defaultBackend";

/// Where a path stands; the default backend is one, too.
fn place_of(object: &Arc<ObjectKey>, ingress: &Ingress, path: &Path) -> Place {
    let default = ingress.default_backend.as_ref();
    if default.is_some_and(|default| std::ptr::eq(default, path)) {
        Place::new(object, DEFAULT_AT)
    } else {
        Place::at(object, PATH_AT, path.at)
    }
}

impl PathDraft {
    /// Where its text is said; the path as a whole where it has none.
    pub fn text_at(&self) -> Place {
        if self.path.is_empty() || self.at.form() == DEFAULT_AT {
            self.at.clone()
        } else {
            self.at.to("spec.rules[{0}].http.paths[{1}].path")
        }
    }

    /// Where its backend is named.
    pub fn backend_at(&self) -> Place {
        self.at.to(if self.at.form() == DEFAULT_AT {
            "spec.defaultBackend.service"
        } else {
            "spec.rules[{0}].http.paths[{1}].backend.service"
        })
    }
}

/// Where the Ingress names the host for the first time.
fn host_at(view: &dyn View, object: &Arc<ObjectKey>, ingress: &Ingress, host: &Host) -> Place {
    let mut rules = ingress.rules.iter();
    let names = |rule: &&Rule| host_of(rule, object, view.env()).as_ref() == Some(host);
    match rules.find(names) {
        Some(Rule { at, host, .. }) if host.is_some() => {
            Place::at(object, "spec.rules[{0}].host", [*at, 0])
        }
        Some(Rule { paths, .. }) if paths.is_empty() && ingress.default_backend.is_some() => {
            Place::new(object, DEFAULT_AT)
        }
        Some(Rule { at, .. }) => Place::at(object, "spec.rules[{0}]", [*at, 0]),
        None => Place::new(object, ""),
    }
}

/// Whether host and path are short enough to be a label of the shared group. A longer one would have
/// the Controller refuse the group, and with it all hosts of the shard.
fn fits(entry: &Entry, draft: &HostDraft, path: &Path, findings: &mut Vec<Finding>) -> bool {
    let length = draft.host.as_str().len() + path.path.len();
    let fits = length <= AVI_NAME_LIMIT;
    if !fits {
        findings.push(Finding::new(
            &entry.key,
            Code::InvalidSpec,
            eco_format!(
                "host {} and path have {length} characters; the path is not served",
                draft.host
            ),
            eco_format!("use a path that has at most {AVI_NAME_LIMIT} characters with its host"),
        ));
    }
    fits
}

/// The paths of all rules of the host. Of a path named twice with one backend only the first counts.
fn paths_of<'a>(
    view: &dyn View,
    entry: &Entry,
    ingress: &'a Ingress,
    host: &Host,
) -> Vec<&'a Path> {
    let rules = ingress
        .rules
        .iter()
        .filter(|rule| host_of(rule, &entry.key, view.env()).as_ref() == Some(host));
    let mut paths: Vec<&Path> = Vec::new();
    for path in rules.flat_map(|rule| &rule.paths) {
        if !paths.iter().any(|known| known.is_twin(path)) {
            paths.push(path);
        }
    }
    paths.extend(default_backend::path(view.env(), ingress, &paths));
    paths
}
