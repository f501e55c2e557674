//! From any state to any other, with any doubts: nothing held goes, everything else is reached, and
//! a second look finds nothing to do.

use super::site::{Host, SHARD, sight, sights, vrf, wish, wishes};
use super::{Case, Doubts, short};
use aviary_avi::{AviKind, Body};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;

fn host() -> impl Strategy<Value = Host> {
    let hosts = select(vec!["a.x", "b.x", "c.x"]);
    let namespaces = select(vec!["n", "m", "lost"]);
    (
        hosts,
        namespaces,
        select(vec!["i", "j"]),
        any::<bool>(),
        1..3_u8,
    )
        .prop_map(|(fqdn, namespace, ingress, secure, server)| Host {
            fqdn,
            namespace,
            ingress,
            secure,
            server,
        })
}

/// One Ingress secures a host or does not.
fn hosts() -> impl Strategy<Value = Vec<Host>> {
    prop::collection::vec(host(), 0..8).prop_map(|mut hosts| {
        hosts.sort_by_key(|it| (it.fqdn, it.namespace, it.ingress));
        hosts.dedup_by_key(|it| (it.fqdn, it.namespace, it.ingress));
        // A set per namespace and host has one Ingress in this miniature.
        hosts.dedup_by_key(|it| (it.fqdn, it.namespace));
        hosts
    })
}

fn doubts() -> impl Strategy<Value = Doubts> {
    let of = |names: Vec<&'static str>| {
        let max = names.len();
        prop::sample::subsequence(names, 0..=max).prop_map(|names| {
            names
                .into_iter()
                .map(str::to_owned)
                .collect::<BTreeSet<String>>()
        })
    };
    let sources = of(vec!["IngressName n/i", "IngressName m/j"]);
    (of(vec!["lost"]), of(vec!["a.x"]), sources).prop_map(|(namespaces, hosts, sources)| Doubts {
        domain: false,
        namespaces,
        hosts,
        sources,
    })
}

impl Doubts {
    fn hold(&self, host: &Host) -> bool {
        let source = format!("IngressName {}/{}", host.namespace, host.ingress);
        self.namespaces.contains(host.namespace)
            || self.hosts.contains(host.fqdn)
            || self.sources.contains(&source)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn any_state_is_reached_from_any_other(
        before in hosts(),
        after in hosts(),
        doubts in doubts(),
        routes in prop::collection::btree_set(0..4_u8, 0..4),
    ) {
        // What is not known is not desired.
        let known: Vec<Host> = after.into_iter().filter(|host| !doubts.hold(host)).collect();
        let ours: Vec<(&str, u8)> = routes.iter().map(|net| ("orange", *net)).collect();
        let mut desired = wishes(&known);
        desired.push(wish(vrf(&ours).into()));
        let mut observed = sights(&before);
        observed.push(sight(vrf(&[("apple", 1), ("orange", 2)]).into()));
        let mut case = Case::new(desired, observed).doubting(doubts.clone());
        let plan = case.plan();
        let seen = case.observed.clone();
        case.apply(&plan);
        prop_assert_eq!(short(&case.plan()), Vec::<String>::new());
        for host in before.iter().filter(|host| doubts.hold(host)) {
            check_kept(&case, host);
        }
        if doubts.namespaces.is_empty() && doubts.hosts.is_empty() && doubts.sources.is_empty() {
            prop_assert!(plan.holds.is_empty());
            prop_assert!(case.observed.objects.keys().eq(case.desired.objects.keys()));
        }
        // A comparison of some objects is part of that of all.
        let keys: BTreeSet<_> = seen.objects.keys().take(3).cloned().collect();
        let all: BTreeSet<_> = plan.ops.iter().map(|op| &op.key).collect();
        let part = Case { observed: seen, ..case.clone() };
        let part = part.with(Some(&keys), crate::diff);
        prop_assert!(part.ops.iter().all(|op| all.contains(&op.key)));
    }
}

/// The host is served as before.
fn check_kept(case: &Case, host: &Host) {
    let object = |kind: AviKind, name: &str| {
        let mut objects = case.observed.objects.values();
        let found = objects.find(|object| object.key.kind == kind && object.key.name == name);
        found.map(|object| object.body.clone())
    };
    assert!(object(AviKind::Pool, &host.pool()).is_some());
    let Body::VsVip(vip) = &*object(AviKind::VsVip, SHARD).unwrap() else {
        panic!("no VsVip")
    };
    assert!(vip.dns_info.iter().any(|dns| dns.fqdn == host.fqdn));
    if host.secure {
        assert!(object(AviKind::PoolGroup, &host.pool()).is_some());
        assert!(object(AviKind::SslKeyAndCertificate, &host.child()).is_some());
        assert!(object(AviKind::VirtualService, &host.child()).is_some());
    } else {
        let Body::PoolGroup(group) = &*object(AviKind::PoolGroup, SHARD).unwrap() else {
            panic!("no pool group")
        };
        assert!(
            group
                .members
                .iter()
                .any(|member| member.pool_ref.name == host.pool())
        );
    }
}
