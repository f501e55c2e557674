//! Names of Avi objects as pure functions of their sources, in both naming schemes. They differ in
//! the shard and in the names of L4 services alone.

use crate::hash::{sha1_hex, shard_ako, shard_documented};
use aviary_types::{AVI_NAME_LIMIT, DomainId, EcoString, Scheme, eco_format};

/// Ends the names of what belongs to a host with a virtual service of its own.
const DEDICATED: &str = "-L7-dedicated";

/// Begins, behind the cluster and the instance, the names of parents that hosts share.
const SHARED: &str = "Shared-L7-";

/// Begins, behind the cluster and the instance, the names of virtual services that pass TLS through.
const PASSTHROUGH: &str = "Shared-Passthrough-";

/// Ends the name of the virtual service that listens on port 80 beside one that passes TLS through.
pub const INSECURE_TWIN: &str = "-insecure";

/// The number of a shard parent, and the AviInfraSetting that its name names; `None` for names that
/// no parent has.
pub fn shard_of_name(name: &str) -> Option<(Option<&str>, u32)> {
    let name = name.strip_suffix(INSECURE_TWIN).unwrap_or(name);
    let rest = [SHARED, PASSTHROUGH]
        .into_iter()
        .find_map(|kind| Some(name.split_once(kind)?.1))?;
    let (infra, number) = match rest.rsplit_once('-') {
        Some((infra, number)) => (Some(infra), number),
        None => (None, rest),
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    Some((infra, number.parse().ok().filter(|_| is_number)?))
}

/// Whether only a shard parent can have this name, or its twin that listens on port 80: names of
/// Kubernetes have no capitals.
pub fn is_shard_name(name: &str) -> bool {
    shard_of_name(name).is_some()
}

/// Whether a shard parent of this name passes TLS through.
pub fn is_passthrough_name(name: &str) -> bool {
    name.contains(PASSTHROUGH)
}

/// The shard of a host, hashed as it is written.
fn shard(scheme: Scheme, host: &str, shards: u32) -> u32 {
    match scheme {
        Scheme::Documented => shard_documented(host, shards),
        Scheme::Ako => shard_ako(host, shards),
    }
}

/// One path of one Ingress or Route: what pools and pool groups of secure hosts are named after.
#[derive(Debug, Clone, Copy)]
pub struct PathSource<'a> {
    /// Namespace of the Ingress or Route.
    pub namespace: &'a str,
    /// Host as written.
    pub host: &'a str,
    /// Path as written, may be empty.
    pub path: &'a str,
    /// Name of the Ingress or Route.
    pub ingress: &'a str,
    /// Name of the Service; for Routes only.
    pub service: Option<&'a str>,
    /// Whether the host has a virtual service of its own.
    pub dedicated: bool,
}

/// One port of a Service of type LoadBalancer.
#[derive(Debug, Clone, Copy)]
pub struct PortSource<'a> {
    /// Namespace of the Service.
    pub namespace: &'a str,
    /// Name of the Service.
    pub service: &'a str,
    /// Key of the VIP that it shares with others.
    pub shared: Option<&'a str>,
    /// `TCP`, `UDP` or `SCTP`
    pub protocol: &'a str,
    /// The port.
    pub port: u16,
    /// Whether the Service, or one that shares its VIP, has this port with another protocol too.
    pub twice: bool,
}

/// Builds the names of one domain. All names are legal: what is too long is cut and carries a
/// digest of what it would have been.
#[derive(Debug, Clone)]
pub struct Names {
    /// The scheme of the domain.
    pub scheme: Scheme,
    /// `<cluster>--`
    prefix: EcoString,
    /// `<namespace>-` of a non-primary instance.
    instance: EcoString,
    /// `<setting>-` where an AviInfraSetting reaches the object by its class, not its namespace.
    infra: EcoString,
}

impl Names {
    /// The names of a domain.
    pub fn new(scheme: Scheme, domain: &DomainId) -> Self {
        let instance = domain.instance.as_ref();
        Self {
            scheme,
            prefix: domain.prefix(),
            instance: instance.map_or_else(EcoString::new, |ns| eco_format!("{ns}-")),
            infra: EcoString::new(),
        }
    }

    /// The names under a cluster-scoped AviInfraSetting.
    #[must_use]
    pub fn with_infra(mut self, setting: &str) -> Self {
        self.infra = eco_format!("{setting}-");
        self
    }

    /// The shared virtual service of a shard; also its VsVip, pool group, script and redirect set.
    pub fn shared(&self, shard: u32) -> EcoString {
        let (prefix, instance, infra) = (&self.prefix, &self.instance, &self.infra);
        legal(&eco_format!("{prefix}{instance}{SHARED}{infra}{shard}"))
    }

    /// The shared virtual service of a host.
    pub fn shared_of(&self, host: &str, shards: u32) -> EcoString {
        self.shared(shard(self.scheme, host, shards))
    }

    /// The virtual service that passes TLS of a host through; also its VsVip and script.
    pub fn passthrough(&self, shard: u32) -> EcoString {
        let (prefix, instance, infra) = (&self.prefix, &self.instance, &self.infra);
        legal(&eco_format!(
            "{prefix}{instance}{PASSTHROUGH}{infra}{shard}"
        ))
    }

    /// The virtual service that passes TLS of a host through, of so many.
    pub fn passthrough_of(&self, host: &str, shards: u32) -> EcoString {
        self.passthrough(shard(self.scheme, host, shards))
    }

    /// The pool group of a host that is passed through. Scripts find it by this very name, so that
    /// it is none where it would be too long.
    pub fn passthrough_group(&self, host: &str) -> Option<EcoString> {
        let (prefix, infra) = (&self.prefix, &self.infra);
        let name = eco_format!("{prefix}{infra}{host}");
        (name.len() <= AVI_NAME_LIMIT).then_some(name)
    }

    /// The pool of one Service behind a host that is passed through.
    pub fn passthrough_pool(&self, host: &str, service: &str) -> EcoString {
        self.plain(format_args!("{host}-{service}"))
    }

    /// The virtual service of a host where there are no shards; also its VsVip and redirect set.
    pub fn dedicated(&self, host: &str) -> EcoString {
        self.plain(format_args!("{host}{DEDICATED}"))
    }

    /// The pool of a path of an insecure host, on the shared group.
    pub fn insecure_pool(&self, of: PathSource<'_>) -> EcoString {
        let PathSource {
            namespace,
            host,
            path,
            ingress,
            ..
        } = of;
        // The host is treated like the path, though it never has a slash.
        let (host, path) = (flat(host), flat(path));
        let service = suffix(of.service);
        self.plain(format_args!("{host}{path}-{namespace}-{ingress}{service}"))
    }

    /// The child virtual service of a secure host; also its certificate.
    pub fn child(&self, host: &str) -> EcoString {
        self.plain(format_args!("{host}"))
    }

    /// The certificate of all who ask for the default one.
    pub fn default_cert(&self, secret: &str) -> EcoString {
        let prefix = &self.prefix;
        legal(&eco_format!("{prefix}{secret}"))
    }

    /// The second one of them.
    pub fn default_alternate_cert(&self, secret: &str) -> EcoString {
        let prefix = &self.prefix;
        legal(&eco_format!("{prefix}{secret}-alt"))
    }

    /// The second certificate of a host.
    pub fn alternate_cert(&self, host: &str) -> EcoString {
        self.plain(format_args!("{host}-alt"))
    }

    /// The policy set of the paths that one namespace has under a host.
    pub fn policy_set(&self, namespace: &str, host: &str) -> EcoString {
        self.plain(format_args!("{namespace}-{host}"))
    }

    /// The pool group of a path of a secure host, or of one with a virtual service of its own.
    pub fn pool_group(&self, of: PathSource<'_>) -> EcoString {
        self.pool(PathSource {
            service: None,
            ..of
        })
    }

    /// The pool of such a path.
    pub fn pool(&self, of: PathSource<'_>) -> EcoString {
        self.plain(format_args!("{}", rest_of_pool(of)))
    }

    /// The pool of such a path where there are no pool groups.
    pub fn pool_without_group(&self, of: PathSource<'_>) -> EcoString {
        self.plain(format_args!("{}--policy-to-pool", rest_of_pool(of)))
    }

    /// The virtual service of a Service, or of the key of a shared VIP; also its VsVip and policy set.
    pub fn l4(&self, namespace: &str, service: &str) -> EcoString {
        legal(&self.l4_plain(namespace, service))
    }

    /// The pool of one port of a Service.
    pub fn l4_pool(&self, of: PortSource<'_>) -> EcoString {
        let (protocol, port) = (of.protocol, of.port);
        let plain = if self.scheme == Scheme::Documented {
            let service = self.l4_plain(of.namespace, of.shared.unwrap_or(of.service));
            if of.twice {
                eco_format!("{service}-{protocol}-{port}")
            } else {
                eco_format!("{service}-{port}")
            }
        } else {
            let service = self.l4_plain(of.namespace, of.service);
            let shared = suffix(of.shared);
            eco_format!("{service}{shared}-{protocol}-{port}")
        };
        legal(&plain)
    }

    fn l4_plain(&self, namespace: &str, service: &str) -> EcoString {
        let prefix = &self.prefix;
        match self.scheme {
            Scheme::Documented => eco_format!("{prefix}{namespace}--{service}"),
            Scheme::Ako => eco_format!("{prefix}{namespace}-{service}"),
        }
    }

    fn plain(&self, rest: std::fmt::Arguments<'_>) -> EcoString {
        let (prefix, infra) = (&self.prefix, &self.infra);
        legal(&eco_format!("{prefix}{infra}{rest}"))
    }
}

/// A name that the Controller accepts: what is too long is cut and gets the digest of the whole,
/// so that it does not change with the object that owns it.
pub fn legal(name: &str) -> EcoString {
    if name.len() <= AVI_NAME_LIMIT {
        name.into()
    } else {
        distinct(name, name)
    }
}

/// The name of the younger of two sources that would share one: `-` and eight hex digits of its
/// source key, within the limit.
pub fn distinct(name: &str, source_key: &str) -> EcoString {
    let digest = sha1_hex(source_key);
    let digest = digest.get(..8).unwrap_or_default();
    let room = AVI_NAME_LIMIT - digest.len() - 1;
    let cut = name.floor_char_boundary(room.min(name.len()));
    let kept = name.get(..cut).unwrap_or_default();
    eco_format!("{kept}-{digest}")
}

fn rest_of_pool(of: PathSource<'_>) -> EcoString {
    let PathSource {
        namespace,
        host,
        path,
        ingress,
        ..
    } = of;
    let (path, service) = (flat(path), suffix(of.service));
    let dedicated = if of.dedicated { DEDICATED } else { "" };
    eco_format!("{namespace}-{host}{path}-{ingress}{service}{dedicated}")
}

fn flat(text: &str) -> String {
    text.replace('/', "_")
}

fn suffix(part: Option<&str>) -> EcoString {
    part.map_or_else(EcoString::new, |part| eco_format!("-{part}"))
}

#[cfg(test)]
mod tests {
    use super::{Names, PathSource, PortSource, Scheme, distinct, legal};
    use aviary_types::{ClusterName, DomainId};

    fn names(scheme: Scheme) -> Names {
        Names::new(scheme, &DomainId::primary(&ClusterName::new("c1")))
    }

    const PATH: PathSource<'static> = PathSource {
        namespace: "ns1",
        host: "foo.com",
        path: "/bar/a",
        ingress: "ing1",
        service: None,
        dedicated: false,
    };

    #[test]
    fn l7_names_are_those_of_ako_in_both_schemes() {
        for names in [names(Scheme::Ako), names(Scheme::Documented)] {
            let route = PathSource {
                service: Some("svc1"),
                ..PATH
            };
            assert_eq!(names.shared(3), "c1--Shared-L7-3");
            assert_eq!(names.dedicated("foo.com"), "c1--foo.com-L7-dedicated");
            assert_eq!(names.insecure_pool(PATH), "c1--foo.com_bar_a-ns1-ing1");
            assert_eq!(names.child("foo.com"), "c1--foo.com");
            assert_eq!(names.alternate_cert("foo.com"), "c1--foo.com-alt");
            assert_eq!(names.policy_set("ns1", "foo.com"), "c1--ns1-foo.com");
            assert_eq!(names.pool_group(route), "c1--ns1-foo.com_bar_a-ing1");
            assert_eq!(names.pool(PATH), "c1--ns1-foo.com_bar_a-ing1");
            assert_eq!(names.pool(route), "c1--ns1-foo.com_bar_a-ing1-svc1");
            let dedicated = PathSource {
                dedicated: true,
                ..PATH
            };
            assert_eq!(
                names.pool_group(dedicated),
                "c1--ns1-foo.com_bar_a-ing1-L7-dedicated"
            );
            assert_eq!(
                names.pool_without_group(dedicated),
                "c1--ns1-foo.com_bar_a-ing1-L7-dedicated--policy-to-pool"
            );
            assert_eq!(names.passthrough(6), "c1--Shared-Passthrough-6");
            assert_eq!(
                names.passthrough_pool("foo.com", "svc1"),
                "c1--foo.com-svc1"
            );
            let group = names.passthrough_group("foo.com");
            assert_eq!(group.as_deref(), Some("c1--foo.com"));
            assert_eq!(names.passthrough_group(&"x".repeat(252)), None);
            let infra = names.with_infra("infra1");
            assert_eq!(infra.passthrough(6), "c1--Shared-Passthrough-infra1-6");
            let group = infra.passthrough_group("foo.com");
            assert_eq!(group.as_deref(), Some("c1--infra1-foo.com"));
            assert_eq!(infra.shared(6), "c1--Shared-L7-infra1-6");
            assert_eq!(infra.child("foo.com"), "c1--infra1-foo.com");
        }
    }

    #[test]
    fn the_scheme_decides_shards_and_l4() {
        let port = |twice| PortSource {
            namespace: "ns1",
            service: "lb1",
            shared: None,
            protocol: "TCP",
            port: 53,
            twice,
        };
        let shared = |twice| PortSource {
            shared: Some("pair"),
            ..port(twice)
        };
        let ako = names(Scheme::Ako);
        assert_eq!(ako.shared_of("foo.avi.internal", 8), "c1--Shared-L7-6");
        assert_eq!(ako.l4("ns1", "lb1"), "c1--ns1-lb1");
        assert_eq!(ako.l4_pool(port(false)), "c1--ns1-lb1-TCP-53");
        assert_eq!(ako.l4_pool(shared(false)), "c1--ns1-lb1-pair-TCP-53");
        let documented = names(Scheme::Documented);
        assert_eq!(
            documented.shared_of("foo.avi.internal", 8),
            "c1--Shared-L7-4"
        );
        assert_eq!(documented.l4("ns1", "lb1"), "c1--ns1--lb1");
        assert_eq!(documented.l4_pool(port(false)), "c1--ns1--lb1-53");
        assert_eq!(documented.l4_pool(port(true)), "c1--ns1--lb1-TCP-53");
        assert_eq!(documented.l4_pool(shared(false)), "c1--ns1--pair-53");
        assert_eq!(documented.l4_pool(shared(true)), "c1--ns1--pair-TCP-53");
    }

    #[test]
    fn other_instances_have_their_own_shared_objects() {
        let domain = DomainId {
            cluster: ClusterName::new("c1"),
            instance: Some("blue".into()),
        };
        let names = Names::new(Scheme::Ako, &domain);
        assert_eq!(names.shared(6), "c1--blue-Shared-L7-6");
        assert_eq!(names.child("foo.com"), "c1--foo.com");
    }

    #[test]
    fn names_are_legal() {
        let exact = "x".repeat(255);
        assert_eq!(legal(&exact), exact);
        let long = "é".repeat(200);
        let cut = legal(&long);
        assert!(cut.len() <= 255 && cut.len() > 250, "{}", cut.len());
        assert_ne!(cut, legal(&format!("{long}x")));
        assert_eq!(distinct("a", "k").len(), 1 + 1 + 8);
        assert_ne!(distinct("a", "k"), distinct("a", "l"));
    }
}
