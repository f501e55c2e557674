//! No two sources share a name, a host or more room than there is; the older source has it.

use super::world::{
    ALONE, FLEET, World, c1, class, envs, ingress, namespace, object, secret, service,
};
use super::{check_sound, fresh, names};
use crate::Built;
use aviary_avi::AviKind;
use aviary_kinds::RawObject;
use aviary_settings::Scheme;
use aviary_types::Code;
use serde_json::json;

const BOTH: [Scheme; 2] = [Scheme::Documented, Scheme::Ako];

fn built(objects: Vec<RawObject>, scheme: Scheme) -> Built {
    let spaces = ["a", "a-b", "b", "c"].map(namespace);
    let secrets = ["a", "a-b", "b", "c"].map(|ns| secret(ns, "tls"));
    let all = objects
        .into_iter()
        .chain(spaces)
        .chain(secrets)
        .chain([class()]);
    let built = fresh(&World::of(all), &envs(ALONE, scheme));
    check_sound(&built);
    built
}

/// Names of a kind that begin so, without that.
fn after(built: &Built, kind: AviKind, prefix: &str) -> Vec<String> {
    let names = names(built, kind);
    names
        .iter()
        .filter_map(|name| name.strip_prefix(prefix))
        .map(str::to_owned)
        .collect()
}

/// Two that share a name: one plain, one with eight hex digits.
fn check_split(found: &[String]) {
    let [plain, other] = found else {
        panic!("not two names: {found:?}");
    };
    assert_eq!(plain, "");
    let hex = other.strip_prefix('-').unwrap();
    assert!(hex.len() == 8 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn namespace_and_host_are_not_mixed_up() {
    for scheme in BOTH {
        for [first, second] in [[1, 2], [2, 1]] {
            let objects = vec![
                ingress(("a", "i", first), "b-c.x", &["/p"], true),
                ingress(("a-b", "i", second), "c.x", &["/p"], true),
            ];
            let built = built(objects, scheme);
            check_split(&after(&built, AviKind::HttpPolicySet, "c1--a-b-c.x"));
            check_split(&after(&built, AviKind::Pool, "c1--a-b-c.x_p-i"));
            check_split(&after(&built, AviKind::PoolGroup, "c1--a-b-c.x_p-i"));
            // The older one has the plain name.
            let older = if first < second { "a" } else { "a-b" };
            let set = built
                .desired
                .objects
                .values()
                .find(|object| {
                    object.key.kind == AviKind::HttpPolicySet && object.key.name == "c1--a-b-c.x"
                })
                .unwrap();
            assert_eq!(set.body.sources().namespaces(), [older]);
            let sources = set.provenance.objects();
            assert_eq!(
                sources
                    .map(|key| key.namespace.as_str())
                    .collect::<Vec<_>>(),
                [older]
            );
        }
    }
}

#[test]
fn paths_of_one_host_are_not_mixed_up() {
    for scheme in BOTH {
        for tls in [true, false] {
            let paths = ["/a/b", "/a_b"];
            let built = built(vec![ingress(("a", "i", 1), "c.x", &paths, tls)], scheme);
            let pool = if tls {
                "c1--a-c.x_a_b-i"
            } else {
                "c1--c.x_a_b-a-i"
            };
            check_split(&after(&built, AviKind::Pool, pool));
        }
    }
}

#[test]
fn insecure_and_secure_pools_are_not_mixed_up() {
    let objects = vec![
        ingress(("a", "i", 1), "b-c.x", &["/p"], false),
        ingress(("b", "a-i", 2), "c.x", &["/p"], true),
    ];
    // c1--b-c.x_p-a-i, twice.
    check_split(&after(
        &built(objects, Scheme::Ako),
        AviKind::Pool,
        "c1--b-c.x_p-a-i",
    ));
}

fn balancer(ns: &str, name: &str, created: u64) -> RawObject {
    c1(json!({
        "kind": "Service", "ns": ns, "name": name, "created": created,
        "spec": {"type": "LoadBalancer", "ports": [{"port": 53}]},
    }))
}

#[test]
fn load_balancers_are_not_mixed_up() {
    let both = || vec![balancer("a", "b-s", 1), balancer("a-b", "s", 2)];
    let ako = built(both(), Scheme::Ako);
    for kind in [AviKind::VsVip, AviKind::L4PolicySet] {
        check_split(&after(&ako, kind, "c1--a-b-s"));
    }
    check_split(&after(&ako, AviKind::Pool, "c1--a-b-s-TCP-53"));
    let documented = built(both(), Scheme::Documented);
    assert_eq!(
        names(&documented, AviKind::L4PolicySet),
        ["c1--a--b-s", "c1--a-b--s"]
    );
}

#[test]
fn a_host_and_a_load_balancer_are_not_mixed_up() {
    let env = envs(
        &format!("{ALONE}\nL4Settings: {{autoFQDN: disabled}}"),
        Scheme::Documented,
    );
    let mut open = (*env.values().next().unwrap().clone()).clone();
    open.inventory = std::sync::Arc::new(aviary_avi::Inventory {
        vrf: "global".into(),
        ..aviary_avi::Inventory::default()
    });
    let envs = [(open.domain.clone(), std::sync::Arc::new(open))].into();
    let world = World::of([
        namespace("a"),
        class(),
        secret("a", "tls"),
        balancer("a", "s", 2),
        ingress(("a", "i", 1), "a--s", &["/"], true),
    ]);
    let built = fresh(&world, &envs);
    check_sound(&built);
    check_split(&after(&built, AviKind::VirtualService, "c1--a--s"));
}

#[test]
fn a_host_never_takes_the_place_of_a_shard() {
    for host in ["Shared-L7-0", "Shared-L7-0.x"] {
        let built = built(
            vec![ingress(("a", "i", 1), &format!("{host}.x"), &["/"], true)],
            Scheme::Ako,
        );
        let parents = after(&built, AviKind::VsVip, "c1--Shared-L7-");
        assert_eq!(parents.len(), 8);
    }
}

#[test]
fn names_never_pass_the_limit() {
    let label = "n".repeat(63);
    let host = format!("{0}.{0}.{0}.x", "h".repeat(62));
    let path = format!("/{}", "p".repeat(50));
    let other = format!("{path}q");
    for tls in [true, false] {
        let objects = vec![
            namespace(&label),
            secret(&label, "tls"),
            ingress((&label, &label, 1), &host, &[&path, &other], tls),
            balancer(&label, &label, 1),
        ];
        let built = built(objects, Scheme::Documented);
        let pools = names(&built, AviKind::Pool);
        assert_eq!(pools.len(), 3);
        assert!(pools.iter().any(|name| name.len() == 255), "{pools:?}");
    }
}

#[test]
fn instances_of_a_cluster_do_not_share_a_host() {
    let blue = |name: &str| {
        c1(json!({"kind": "Namespace", "name": name, "metadata": {"labels": {"instance": "blue"}}}))
    };
    // The primary instance takes all namespaces, `blue` its own again: one host, two claims.
    let world = World::of([
        blue("a"),
        class(),
        service("a", "web"),
        ingress(("a", "i", 1), "c.x", &["/"], false),
    ]);
    let built = fresh(&world, &envs(FLEET, Scheme::Ako));
    check_sound(&built);
    assert_eq!(names(&built, AviKind::Pool), ["c1--c.x_-a-i"]);
    let findings = built.findings();
    let twice: Vec<_> = findings
        .iter()
        .filter(|f| f.code == Code::TakenTwice)
        .collect();
    assert_eq!(twice.len(), 1);
    assert!(twice[0].text.contains("namespace a too"), "{}", twice[0]);
}

#[test]
fn clusters_and_tenants_may_serve_the_same_host() {
    let mut objects = vec![];
    for cluster in ["c1", "c1--b"] {
        let json = [
            namespace("a"),
            class(),
            secret("a", "tls"),
            ingress(("a", "i", 1), "c.x", &["/"], true),
        ];
        objects.extend(json.map(|raw| object(cluster, raw.json)));
    }
    let built = fresh(&World::of(objects), &envs(FLEET, Scheme::Ako));
    check_sound(&built);
    assert_eq!(
        names(&built, AviKind::SslKeyAndCertificate),
        ["c1--b--c.x", "c1--c.x"]
    );
    assert!(built.findings().iter().all(|f| f.code != Code::HostClaimed));
}

#[test]
fn clusters_share_the_vrf() {
    let node = |cluster: &str, net: u8| {
        object(
            cluster,
            json!({
                "kind": "Node", "name": "n", "spec": {"podCIDR": format!("10.{net}.0.0/16")},
                "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]},
            }),
        )
    };
    let world = World::of([node("c1", 1), node("c1--b", 2)]);
    let built = fresh(&world, &envs(FLEET, Scheme::Ako));
    let vrfs: Vec<_> = built
        .desired
        .objects
        .values()
        .filter(|object| object.key.kind == AviKind::VrfContext)
        .collect();
    let [vrf] = vrfs[..] else {
        panic!("not one VRF")
    };
    let aviary_avi::Body::VrfContext(body) = &*vrf.body else {
        panic!("no VRF")
    };
    assert_eq!(
        (body.static_routes.len(), &body.owners[..]),
        (2, &["c1".into(), "c1--b".into()][..])
    );
    assert_eq!(vrf.provenance.objects().count(), 2);
}

#[test]
fn a_full_shard_refuses_the_newest() {
    let settings = "
AKOSettings: {clusterName: c1}
L7Settings: {shardVSSize: SMALL}
";
    let mut objects = vec![namespace("a"), class()];
    // The shard's own name takes one place of a thousand.
    for number in 0..1_001_u64 {
        let name = format!("i{number:04}");
        let host = format!("h{number}.x");
        let mut raw = ingress(("a", &name, 0), &host, &["/"], false);
        raw.created = format!("2025-01-01T00:00:00.{:04}Z", 2_000 - number).into();
        objects.push(raw);
    }
    let oldest = objects.last().unwrap().key.clone();
    let mut world = World::of(objects);
    let envs = envs(settings, Scheme::Ako);
    let mut builder = crate::Builder::default();
    let full = builder.build(&world.store.snapshot(), &envs);
    check_sound(&full);
    let refused = |built: &Built| -> Vec<String> {
        let findings = built.findings();
        let refused = findings
            .iter()
            .filter(|finding| finding.code == Code::TooManyNames);
        refused
            .map(|finding| finding.object.name.to_string())
            .collect()
    };
    assert_eq!(refused(&full), ["i0000", "i0001"]);
    assert_eq!(names(&full, AviKind::Pool).len(), 999);
    // When an older one goes, the next takes its place.
    world.delete(&oldest);
    let next = builder.build(&world.store.snapshot(), &envs);
    check_sound(&next);
    assert_eq!(refused(&next), ["i0000"]);
    assert_eq!(names(&next, AviKind::Pool).len(), 999);
    assert!(next.counts.evaluated <= 4, "{:?}", next.counts);
}
