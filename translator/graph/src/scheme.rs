//! Which naming scheme a domain's objects on the Controller show.

use aviary_avi::common::marker_value;
use aviary_avi::names::Names;
use aviary_avi::{Body, Observed};
use aviary_settings::{InstanceSettings, Scheme};
use aviary_types::{DomainId, EcoString, eco_format};
use std::collections::BTreeMap;

/// The schemes of domains. Once settled, a scheme stays, whatever the objects of later days fit:
/// a few of them may fit both.
#[derive(Debug, Default)]
pub struct Schemes {
    settled: BTreeMap<EcoString, Scheme>,
    news: BTreeMap<EcoString, Scheme>,
}

impl Schemes {
    /// What was settled in an earlier life.
    pub fn restore(&mut self, schemes: impl IntoIterator<Item = (EcoString, Scheme)>) {
        self.settled.extend(schemes);
    }

    /// What was settled since the last call.
    pub fn take_news(&mut self) -> BTreeMap<EcoString, Scheme> {
        std::mem::take(&mut self.news)
    }

    /// Nothing of a domain is left that had names.
    pub fn forget(&mut self, domain: &DomainId) {
        let domain = eco_format!("{domain}");
        self.settled.remove(&domain);
        self.news.remove(&domain);
    }

    /// The scheme of a domain whose objects nobody has seen yet: that which is asked for, else that
    /// which it has. Else nobody knows.
    pub fn foreseen(&self, settings: &InstanceSettings) -> Option<Scheme> {
        let domain = eco_format!("{}", settings.domain());
        let asked = settings.ako.naming_scheme.explicit();
        asked.or_else(|| self.settled.get(&domain).copied())
    }

    /// The scheme of a domain: that which is foreseen, else that of its objects.
    pub fn settle(&mut self, observed: &Observed, settings: &InstanceSettings) -> Scheme {
        let domain = eco_format!("{}", settings.domain());
        let known = self.settled.get(&domain).copied();
        let foreseen = self.foreseen(settings);
        let scheme = foreseen.unwrap_or_else(|| of(observed, settings));
        if known != Some(scheme) {
            self.settled.insert(domain.clone(), scheme);
            self.news.insert(domain, scheme);
        }
        scheme
    }
}

/// The scheme of what is there: `documented` if there is nothing, `ako` if it fits both, or neither.
fn of(observed: &Observed, settings: &InstanceSettings) -> Scheme {
    let (seen, by_documented, by_ako) = fitting(observed, settings);
    if seen && by_ako >= by_documented {
        Scheme::Ako
    } else {
        Scheme::Documented
    }
}

/// Whether most objects have names that AKO never gives.
pub fn shows_documented(observed: &Observed, settings: &InstanceSettings) -> bool {
    let (_, by_documented, by_ako) = fitting(observed, settings);
    by_documented > by_ako
}

/// Whether there is anything of the domain, and how many of its objects fit one scheme alone.
fn fitting(observed: &Observed, settings: &InstanceSettings) -> (bool, usize, usize) {
    let domain = settings.domain();
    let documented = Sight::new(Scheme::Documented, settings);
    let ako = Sight::new(Scheme::Ako, settings);
    let (mut seen, mut by_documented, mut by_ako) = (false, 0, 0);
    for object in observed.objects.values() {
        if object.body.created_by() != Some(&domain.user()) {
            continue;
        }
        seen = true;
        match (documented.fits(&object.body), ako.fits(&object.body)) {
            (true, false) => by_documented += 1,
            (false, true) => by_ako += 1,
            _ => {}
        }
    }
    (seen, by_documented, by_ako)
}

/// The objects of a domain, seen with the names that a scheme gives.
struct Sight {
    domain: DomainId,
    names: Names,
    shards: u32,
}

impl Sight {
    fn new(scheme: Scheme, settings: &InstanceSettings) -> Self {
        let domain = settings.domain();
        Self {
            names: Names::new(scheme, &domain),
            domain,
            shards: settings.l7.shard_size.count().max(1),
        }
    }

    /// Whether the scheme gives the object its name, or puts all its hosts where they are.
    fn fits(&self, body: &Body) -> bool {
        match body {
            Body::VirtualService(service) => {
                let marker = |key| marker_value(&service.markers, key);
                let parent = service.vh_parent_vs_ref.as_ref();
                match (marker("Namespace"), marker("ServiceName"), marker("Host")) {
                    (Some(namespace), Some(name), _) => {
                        self.names.l4(namespace, name) == service.name
                    }
                    (_, _, Some(host)) => parent.is_some_and(|it| self.shard(host) == it.name),
                    _ => false,
                }
            }
            // The members of a shard's group are labelled with host and path.
            Body::PoolGroup(group) => {
                let labels = group
                    .members
                    .iter()
                    .filter_map(|it| it.priority_label.as_ref());
                let hosts = labels.filter_map(|label| Some(label.split_once('/')?.0));
                all(hosts, |host| self.shard(host) == group.name)
            }
            // The script that passes TLS on has a group for each host.
            Body::VsDataScriptSet(set) => {
                let prefix = self.domain.prefix();
                let groups = set.pool_group_refs.iter();
                let hosts = groups.filter_map(|group| group.name.strip_prefix(prefix.as_str()));
                all(hosts, |host| {
                    self.names.passthrough_of(host, self.shards) == set.name
                })
            }
            _ => false,
        }
    }

    fn shard(&self, host: &str) -> EcoString {
        self.names.shared_of(host, self.shards)
    }
}

/// Whether there are some, and all do.
fn all<'a>(hosts: impl Iterator<Item = &'a str>, fits: impl Fn(&str) -> bool) -> bool {
    let mut hosts = hosts.peekable();
    hosts.peek().is_some() && hosts.all(fits)
}
