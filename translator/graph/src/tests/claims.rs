//! Who serves a host that several ask for: by the written rules, whatever came first to us.

use super::world::{World, class, envs, ingress, namespace, object, secret, service};
use super::{Envs, check_equal, check_sound, fresh, names};
use crate::{Builder, Built, Incumbents};
use aviary_avi::{AviKind, Observed, ObservedObject};
use aviary_kinds::RawObject;
use aviary_settings::Scheme;
use aviary_types::{Code, ObjectKey, ScopeKey};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Cluster c1 with an instance for red namespaces and one for blue ones, and cluster c2.
fn fleet(hosts: &str, policy: &str) -> Envs {
    let text = format!(
        "
AKOSettings: {{clusterName: c1, namespaceSelector: {{labelKey: is, labelValue: red}}}}
L7Settings: {{shardVSSize: SMALL, fqdnReusePolicy: {policy}}}
AviarySettings: {{crossClusterHosts: {hosts}}}
instances:
- {{namespace: blue, values: {{AKOSettings: {{namespaceSelector: {{labelValue: blue}}}}}}}}
clusters:
- {{name: c2}}
"
    );
    envs(&text, Scheme::Documented)
}

/// The namespaces with what they are; the first two are the primary instance's.
const SPACES: [(&str, &str); 4] = [("r1", "red"), ("r2", "red"), ("b1", "blue"), ("b2", "blue")];

fn instance(namespace: &str) -> &'static str {
    let space = SPACES.iter().find(|(name, _)| *name == namespace);
    space.unwrap().1
}

fn labelled(name: &str, is: &str) -> RawObject {
    let mut raw = namespace(name);
    raw.json["metadata"] = json!({"labels": {"is": is}});
    raw
}

/// The same object in another cluster.
fn in_cluster(cluster: &str, raw: RawObject) -> RawObject {
    object(cluster, raw.json)
}

/// Both clusters with their namespaces; c2 has one instance, for the red ones.
fn spaces() -> World {
    let mut objects = Vec::new();
    for cluster in ["c1", "c2"] {
        objects.push(in_cluster(cluster, class()));
        for (name, is) in SPACES {
            let all = [
                labelled(name, is),
                service(name, "web"),
                secret(name, "tls"),
            ];
            objects.extend(all.map(|raw| in_cluster(cluster, raw)));
        }
    }
    World::of(objects)
}

fn is_served(built: &Built, source: &ObjectKey) -> bool {
    !built.serves_of(source).is_empty()
}

fn codes(built: &Built, source: &ObjectKey) -> Vec<Code> {
    let findings = built.findings_of(source).into_iter();
    findings
        .map(|finding| finding.code)
        .filter(|code| *code != Code::NoServers)
        .collect()
}

#[test]
fn one_cluster_alone_serves_a_host_where_that_is_asked_for() {
    let mut world = spaces();
    let young = ingress(("r1", "i", 2), "c.x", &["/"], true);
    let old = in_cluster("c2", ingress(("r1", "i", 1), "c.x", &["/"], true));
    world.put(young.clone());
    world.put(old.clone());
    let mut builder = Builder::default();
    let shared = builder.build(&world.store.snapshot(), &fleet("allow", "Strict"));
    assert!(is_served(&shared, &young.key) && is_served(&shared, &old.key));
    let alone = fleet("exclusive", "Strict");
    let built = builder.build(&world.store.snapshot(), &alone);
    check_sound(&built);
    assert!(!is_served(&built, &young.key) && is_served(&built, &old.key));
    let told = built.findings_of(&young.key);
    let claimed = told.iter().find(|it| it.code == Code::HostClaimed).unwrap();
    assert!(
        claimed.text.contains("Ingress r1/i of cluster c2"),
        "{claimed}"
    );
    assert_eq!(names(&built, AviKind::SslKeyAndCertificate), ["c2--c.x"]);
    // When the owner goes, the next takes over.
    world.delete(&old.key);
    let built = builder.build(&world.store.snapshot(), &alone);
    check_sound(&built);
    assert!(is_served(&built, &young.key) && codes(&built, &young.key).is_empty());
    assert!(built.counts.evaluated <= 3, "{:?}", built.counts);
}

#[test]
fn tenants_of_the_cluster_that_has_a_host_alone_share_it() {
    let mut world = spaces();
    let mut blue = labelled("b1", "blue");
    blue.json["metadata"]["annotations"] = json!({"ako.vmware.com/tenant-name": "blue"});
    world.put(blue);
    let oldest = ingress(("b1", "i", 0), "c.x", &["/"], true);
    let youngest = ingress(("r1", "i", 2), "c.x", &["/"], true);
    let between = in_cluster("c2", ingress(("r1", "i", 1), "c.x", &["/"], true));
    for raw in [&oldest, &youngest, &between] {
        world.put(raw.clone());
    }
    let built = fresh(&world, &fleet("exclusive", "InterNamespaceAllowed"));
    check_sound(&built);
    assert!(is_served(&built, &oldest.key) && is_served(&built, &youngest.key));
    assert_eq!(codes(&built, &between.key), [Code::HostClaimed]);
}

/// What the Controller has once everything that is desired was written.
fn written(built: &Built) -> Observed {
    let mut observed = Observed::default();
    for desired in built.desired.objects.values() {
        observed.insert(ObservedObject {
            key: desired.key.clone(),
            uuid: "u".into(),
            last_modified: "1".into(),
            body: desired.body.clone(),
            raw: None,
        });
    }
    observed
}

fn scope(cluster: &str, namespace: &str) -> ScopeKey {
    ScopeKey {
        cluster: cluster.into(),
        namespace: namespace.into(),
    }
}

/// A translator without a store, over a Controller where somebody serves the host for `kept`, and
/// that is not heard.
fn without_store(kept: &RawObject, hosts: &str) -> (World, Builder, Envs) {
    let envs = fleet(hosts, "InterNamespaceAllowed");
    let mut before = spaces();
    before.put(kept.clone());
    let built = fresh(&before, &envs);
    assert!(is_served(&built, &kept.key));
    let mut world = World::default();
    for raw in spaces().objects.into_values() {
        if raw.key.scope() != kept.key.scope() {
            world.put(raw);
        }
    }
    world.hear_all();
    let mut builder = Builder::default();
    let domains: Vec<_> = envs.keys().cloned().collect();
    let nothing = Built::default();
    builder.seat(Incumbents::of(&written(&built), &domains, &nothing.unknown));
    (world, builder, envs)
}

#[test]
fn a_host_that_is_served_for_the_unheard_keeps_its_owner() {
    let red = ingress(("r1", "i", 2), "c.x", &["/"], true);
    // Older than what is kept: that may not exist any more, but nobody knows.
    let blue = ingress(("b1", "i", 1), "c.x", &["/"], true);
    let other = ingress(("b1", "j", 1), "d.x", &["/"], true);
    for end in ["heard", "gone", "released"] {
        let (mut world, mut builder, envs) = without_store(&red, "allow");
        world.put(blue.clone());
        world.put(other.clone());
        let built = builder.build(&world.store.snapshot(), &envs);
        check_sound(&built);
        assert!(!is_served(&built, &blue.key) && is_served(&built, &other.key));
        assert_eq!(codes(&built, &blue.key), [Code::HostKept]);
        let waiting: Vec<_> = built.unknown.unheard().values().cloned().collect();
        assert_eq!(waiting, [labelled("r1", "red").key]);
        assert!(!built.shard_map().any(|(.., host)| host == "c.x"));
        match end {
            "heard" => {
                world.put(red.clone());
                world.put(service("r1", "web"));
                world.hear(&scope("c1", "r1"));
            }
            "gone" => world.delete(&labelled("r1", "red").key),
            _ => world.store.release(&scope("c1", "r1")),
        }
        let built = builder.build(&world.store.snapshot(), &envs);
        check_sound(&built);
        assert!(is_served(&built, &blue.key), "{end}");
        assert!(built.unknown_changed && built.unknown.unheard().is_empty());
        check_equal(&built, &fresh(&world, &envs));
    }
}

#[test]
fn a_host_is_kept_for_an_unheard_cluster_where_one_alone_may_have_it() {
    let kept = in_cluster("c2", ingress(("r1", "i", 2), "c.x", &["/"], true));
    let red = ingress(("r1", "i", 1), "c.x", &["/"], true);
    for (hosts, is_kept) in [("exclusive", true), ("allow", false)] {
        let (_, mut builder, envs) = without_store(&kept, hosts);
        // Of the other cluster nothing was heard at all.
        let mut world = World::default();
        let spaces = spaces().objects.into_values();
        for raw in spaces.filter(|raw| raw.key.cluster.as_str() == "c1") {
            world.put(raw);
        }
        world.put(red.clone());
        world.hear_all();
        let built = builder.build(&world.store.snapshot(), &envs);
        assert_eq!(is_served(&built, &red.key), !is_kept, "{hosts}");
        world.store.release(&scope("c2", "r1"));
        world.hear(&ScopeKey::cluster_wide(&"c2".into()));
        let built = builder.build(&world.store.snapshot(), &envs);
        assert!(is_served(&built, &red.key));
    }
}

#[test]
fn a_namespace_that_two_instances_take_is_served_once() {
    let settings = "
AKOSettings: {clusterName: c1}
instances:
- {namespace: blue, values: {AKOSettings: {namespaceSelector: {labelKey: is, labelValue: blue}}}}
";
    let balancer = object(
        "c1",
        json!({
            "kind": "Service", "ns": "b1", "name": "lb",
            "spec": {"type": "LoadBalancer", "ports": [{"port": 53}]},
        }),
    );
    let host = ingress(("b1", "i", 1), "c.x", &["/"], false);
    for scheme in [Scheme::Ako, Scheme::Documented] {
        let world = World::of([
            class(),
            labelled("b1", "blue"),
            service("b1", "web"),
            balancer.clone(),
            host.clone(),
        ]);
        let built = fresh(&world, &envs(settings, scheme));
        check_sound(&built);
        for source in [&balancer.key, &host.key] {
            let [serve] = &built.serves_of(source)[..] else {
                panic!("{source} is not served once");
            };
            let service = &built.desired.objects[&serve.service];
            assert_eq!(service.domain.instance, None);
            assert_eq!(codes(&built, source), [Code::TakenTwice]);
        }
    }
}

/// Something that happens to an Ingress.
#[derive(Debug, Clone)]
enum Step {
    Put(RawObject),
    Delete(Index),
    Build,
}

fn step() -> impl Strategy<Value = Step> {
    let space = select(SPACES.map(|(name, _)| name).to_vec());
    let name = select(vec!["i", "j"]);
    let host = select(vec!["c.x", "d.x"]);
    let put = (select(vec!["c1", "c2"]), space, name, host, 0..4_u64).prop_map(
        |(cluster, space, name, host, created)| {
            let path = format!("/{space}-{name}");
            let raw = ingress((space, name, created), host, &[&path], false);
            Step::Put(in_cluster(cluster, raw))
        },
    );
    prop_oneof![6 => put, 2 => any::<Index>().prop_map(Step::Delete), 1 => Just(Step::Build)]
}

/// Who asks for a host: when created, and by what name.
type Wish = (String, ObjectKey);

/// Those that are served, by the rules alone.
fn by_the_rules(
    wishes: &BTreeMap<String, BTreeSet<Wish>>,
    hosts: &str,
    policy: &str,
) -> BTreeSet<ObjectKey> {
    let mut served = BTreeSet::new();
    for all in wishes.values() {
        // Cluster c2 has nobody for blue namespaces.
        let ours = |key: &ObjectKey| {
            key.cluster.as_str() == "c1" || instance(key.namespace.as_str()) == "red"
        };
        let asking: Vec<&ObjectKey> = all
            .iter()
            .map(|(_, key)| key)
            .filter(|key| ours(key))
            .collect();
        for cluster in ["c1", "c2"] {
            let here = asking
                .iter()
                .copied()
                .filter(|key| key.cluster.as_str() == cluster);
            let here: Vec<&ObjectKey> = here.collect();
            let Some(owner) = here.first().copied() else {
                continue;
            };
            let is_first = asking
                .first()
                .is_some_and(|first| first.cluster == owner.cluster);
            if hosts == "exclusive" && !is_first {
                continue;
            }
            let of = |key: &ObjectKey| instance(key.namespace.as_str());
            let with = here.into_iter().filter(|key| of(key) == of(owner));
            let with = with.filter(|key| policy != "Strict" || key.namespace == owner.namespace);
            served.extend(with.cloned());
        }
    }
    served
}

proptest! {
    #[test]
    fn the_older_one_serves_whatever_the_order(
        steps in prop::collection::vec(step(), 1..40),
        hosts in select(vec!["allow", "exclusive"]),
        policy in select(vec!["InterNamespaceAllowed", "Strict"]),
    ) {
        let envs = fleet(hosts, policy);
        let (mut world, mut builder) = (spaces(), Builder::default());
        let mut asking: BTreeMap<ObjectKey, RawObject> = BTreeMap::new();
        for step in &steps {
            match step {
                Step::Put(raw) => {
                    asking.insert(raw.key.clone(), raw.clone());
                    world.put(raw.clone());
                }
                Step::Delete(at) if !asking.is_empty() => {
                    let keys: Vec<ObjectKey> = asking.keys().cloned().collect();
                    asking.remove(at.get(&keys));
                    world.delete(at.get(&keys));
                }
                Step::Delete(_) => {}
                Step::Build => check_sound(&builder.build(&world.store.snapshot(), &envs)),
            }
        }
        let mut wishes: BTreeMap<String, BTreeSet<Wish>> = BTreeMap::new();
        for (key, raw) in &asking {
            let host = raw.json["spec"]["rules"][0]["host"].as_str().unwrap().to_owned();
            wishes.entry(host).or_default().insert((raw.created.to_string(), key.clone()));
        }
        let served = by_the_rules(&wishes, hosts, policy);
        let built = builder.build(&world.store.snapshot(), &envs);
        check_sound(&built);
        check_equal(&built, &fresh(&world, &envs));
        for key in asking.keys() {
            let ours = key.cluster.as_str() == "c1" || instance(key.namespace.as_str()) == "red";
            prop_assert_eq!(is_served(&built, key), served.contains(key), "{} of {}", key, key.cluster);
            let told = codes(&built, key).contains(&Code::HostClaimed);
            prop_assert_eq!(told, ours && !served.contains(key), "{} of {}", key, key.cluster);
        }
    }
}
