//! Three clusters, instances that take the same namespaces, tenants that come and go: who serves a
//! host, and who overlaps, is a function of what stands at the end, whatever came when.

use super::world::{World, class, envs, ingress, namespace, object, secret, service};
use super::{Envs, check_equal, check_sound, fresh};
use crate::{Builder, Built, Prize};
use aviary_kinds::RawObject;
use aviary_settings::Scheme;
use aviary_types::{Code, EcoString, ObjectKey};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Cluster c1 has an instance for red namespaces and two that both take the blue ones, c2 takes red
/// ones alone, and c3 takes all.
fn fleet(hosts: &str) -> Envs {
    let text = format!(
        "
AKOSettings: {{clusterName: c1, namespaceSelector: {{labelKey: is, labelValue: red}}}}
L7Settings: {{shardVSSize: SMALL}}
AviarySettings: {{crossClusterHosts: {hosts}}}
instances:
- {{namespace: blue, values: {{AKOSettings: {{namespaceSelector: {{labelValue: blue}}}}}}}}
- {{namespace: twin, values: {{AKOSettings: {{namespaceSelector: {{labelValue: blue}}}}}}}}
clusters:
- {{name: c2}}
- {{name: c3, values: {{AKOSettings: {{namespaceSelector: {{labelKey: '', labelValue: ''}}}}}}}}
"
    );
    envs(&text, Scheme::Documented)
}

const CLUSTERS: [&str; 3] = ["c1", "c2", "c3"];
const SPACES: [&str; 3] = ["n1", "n2", "n3"];
const LABELS: [&str; 3] = ["red", "blue", "other"];
const TENANT: &str = "ako.vmware.com/tenant-name";

/// The instances that take a namespace of such a label, in order of rank.
fn takers(cluster: &str, label: &str) -> &'static [&'static str] {
    match (cluster, label) {
        ("c1", "blue") => &["blue", "twin"],
        ("c1" | "c2", "red") | ("c3", _) => &[""],
        _ => &[],
    }
}

fn in_cluster(cluster: &str, raw: RawObject) -> RawObject {
    object(cluster, raw.json)
}

fn space(cluster: &str, name: &str, label: &str, tenant: Option<&str>) -> RawObject {
    let mut raw = namespace(name);
    let annotations = tenant.map_or(json!({}), |tenant| json!({TENANT: tenant}));
    raw.json["metadata"] = json!({"labels": {"is": label}, "annotations": annotations});
    in_cluster(cluster, raw)
}

/// What stands in each cluster before anybody asks for a host.
fn ground() -> Vec<RawObject> {
    let mut objects = Vec::new();
    for cluster in CLUSTERS {
        objects.push(in_cluster(cluster, class()));
        for name in SPACES {
            objects.push(space(cluster, name, "red", None));
            let beside = [service(name, "web"), secret(name, "tls")];
            objects.extend(beside.map(|raw| in_cluster(cluster, raw)));
        }
    }
    objects
}

#[derive(Debug, Clone)]
enum Step {
    Put(RawObject),
    Delete(Index),
    Build,
}

fn step() -> impl Strategy<Value = Step> {
    let cluster = || select(CLUSTERS.to_vec());
    let name = || select(SPACES.to_vec());
    let tenant = select(vec![None, None, Some("blue-t")]);
    let label = (cluster(), name(), select(LABELS.to_vec()), tenant)
        .prop_map(|(cluster, name, label, tenant)| Step::Put(space(cluster, name, label, tenant)));
    let host = select(vec![("plain.x", false), ("safe.x", true)]);
    let asks = (cluster(), name(), select(vec!["i", "j"]), host, 0..3_u64).prop_map(
        |(cluster, name, ingress_name, (host, tls), created)| {
            let path = format!("/{name}-{ingress_name}-{host}");
            let raw = ingress((name, ingress_name, created), host, &[&path], tls);
            Step::Put(in_cluster(cluster, raw))
        },
    );
    let delete = any::<Index>().prop_map(Step::Delete);
    prop_oneof![3 => label, 8 => asks, 2 => delete, 1 => Just(Step::Build)]
}

/// Who asks: when created, by what name, and for which instance in which tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ask {
    created: EcoString,
    source: ObjectKey,
    instance: &'static str,
    tenant: String,
}

/// Everybody who asks for each host, the oldest first.
fn asks(world: &World) -> BTreeMap<String, BTreeSet<Ask>> {
    let mut asks: BTreeMap<String, BTreeSet<Ask>> = BTreeMap::new();
    for raw in world
        .objects
        .values()
        .filter(|raw| raw.key.kind.kind == "Ingress")
    {
        let (cluster, namespace) = (raw.key.cluster.as_str(), &raw.key.namespace);
        let mut spaces = world.objects.values();
        let space = spaces.find(|it| {
            it.key.kind.kind == "Namespace"
                && it.key.cluster.as_str() == cluster
                && it.key.name == namespace.as_str()
        });
        let meta = &space.unwrap().json["metadata"];
        let tenant = meta["annotations"][TENANT].as_str().unwrap_or("admin");
        let host = raw.json["spec"]["rules"][0]["host"].as_str().unwrap();
        for instance in takers(cluster, meta["labels"]["is"].as_str().unwrap()) {
            asks.entry(host.to_owned()).or_default().insert(Ask {
                created: raw.created.clone(),
                source: raw.key.clone(),
                instance,
                tenant: tenant.to_owned(),
            });
        }
    }
    asks
}

/// Cluster, instance, tenant and host of each view with an owner, by the written rules alone.
type Owners = BTreeMap<(String, String, String), String>;

fn owners(asks: &BTreeMap<String, BTreeSet<Ask>>, hosts: &str) -> Owners {
    let mut owners = Owners::new();
    for (host, all) in asks {
        let first = all.first().map(|ask| &ask.source.cluster);
        for ask in all {
            if hosts == "exclusive" && Some(&ask.source.cluster) != first {
                continue;
            }
            let view = (
                ask.source.cluster.to_string(),
                ask.tenant.clone(),
                host.clone(),
            );
            owners
                .entry(view)
                .or_insert_with(|| ask.instance.to_owned());
        }
    }
    owners
}

/// The same, as the build has it.
fn granted(built: &Built) -> Owners {
    let mut owners = Owners::new();
    for ask in built.claims.all().filter(|ask| ask.winner.is_none()) {
        if let Prize::Host(tenant, host) = ask.prize {
            let domain = ask.unit.domain();
            let view = (
                domain.cluster.to_string(),
                tenant.to_string(),
                host.to_string(),
            );
            let instance = domain.instance.clone().unwrap_or_default().to_string();
            let twice = owners.insert(view, instance);
            assert_eq!(
                twice, None,
                "two have {host} in {tenant} of {}",
                domain.cluster
            );
        }
    }
    owners
}

/// Everything that is told of claims.
fn told(built: &Built) -> Vec<String> {
    built.claims.all().map(|ask| format!("{ask:?}")).collect()
}

/// Objects with a host that they do not get at all are told so, and no others.
fn check_told(built: &Built, asks: &BTreeMap<String, BTreeSet<Ask>>, owners: &Owners) {
    for (host, all) in asks {
        for ask in all {
            let view = (
                ask.source.cluster.to_string(),
                ask.tenant.clone(),
                host.clone(),
            );
            let served = all.iter().filter(|it| it.source == ask.source);
            let is_served = served
                .clone()
                .any(|it| owners.get(&view).is_some_and(|of| of == it.instance));
            let codes: BTreeSet<Code> = built
                .findings_of(&ask.source)
                .into_iter()
                .map(|finding| finding.code)
                .collect();
            let source = &ask.source;
            assert_eq!(
                codes.contains(&Code::HostClaimed),
                !is_served,
                "{source} {host}"
            );
            assert_eq!(
                !built.serves_of(source).is_empty(),
                is_served,
                "{source} {host}"
            );
            let is_twice = is_served && served.count() > 1;
            assert_eq!(
                codes.contains(&Code::TakenTwice),
                is_twice,
                "{source} {host} {codes:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn claims_are_those_of_the_rules_and_equal_in_every_order_of_arrival(
        steps in prop::collection::vec(step(), 1..50),
        hosts in select(vec!["allow", "exclusive"]),
        order in prop::collection::vec(any::<(u16, bool)>(), 60),
    ) {
        let envs = fleet(hosts);
        let (mut world, mut builder) = (World::of(ground()), Builder::default());
        for step in steps {
            match step {
                Step::Put(raw) => world.put(raw),
                Step::Delete(at) => {
                    let keys = world.objects.keys().filter(|key| key.kind.kind == "Ingress");
                    let keys: Vec<ObjectKey> = keys.cloned().collect();
                    if !keys.is_empty() {
                        world.delete(at.get(&keys));
                    }
                }
                Step::Build => check_sound(&builder.build(&world.store.snapshot(), &envs)),
            }
        }
        let built = builder.build(&world.store.snapshot(), &envs);
        check_sound(&built);
        let asks = asks(&world);
        let owners = owners(&asks, hosts);
        prop_assert_eq!(&granted(&built), &owners);
        check_told(&built, &asks, &owners);
        let anew = fresh(&world, &envs);
        check_equal(&built, &anew);
        prop_assert_eq!(told(&built), told(&anew));

        // The same objects in another order, scope by scope, with looks in between.
        let mut objects: Vec<RawObject> = world.objects.values().cloned().collect();
        let at = |index: usize| order[index % order.len()];
        let mut keyed: Vec<(u16, usize)> = (0..objects.len()).map(|it| (at(it).0, it)).collect();
        keyed.sort_unstable();
        let (mut other, mut builder) = (World::default(), Builder::default());
        for (_, index) in keyed {
            let raw = std::mem::replace(&mut objects[index], class());
            let scope = raw.key.scope();
            other.put(raw);
            if at(index).1 {
                other.hear(&scope);
                check_sound(&builder.build(&other.store.snapshot(), &envs));
            }
        }
        other.hear_all();
        let arrived = builder.build(&other.store.snapshot(), &envs);
        check_equal(&arrived, &built);
        prop_assert_eq!(told(&arrived), told(&built));
    }
}
