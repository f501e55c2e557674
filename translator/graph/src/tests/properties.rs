//! Whatever happens in whatever order, what is kept equals what is built anew from what there is.

use super::world::{ALONE, FLEET, World, envs, object};
use super::{check_equal, check_sound, fresh};
use crate::Builder;
use aviary_avi::{Census, Named, Standing};
use aviary_kinds::RawObject;
use aviary_settings::Scheme;
use aviary_types::ScopeKey;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use std::sync::Arc;

/// The last two are those of the instances themselves.
const NAMESPACES: [&str; 6] = ["a", "a-b", "b", "red", "avi-system", "blue"];
const CLUSTERS: [&str; 2] = ["c1", "c1--b"];

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Put(RawObject),
    /// One of the objects that there are goes.
    Delete(Index),
    /// A scope is heard in full.
    Hear(&'static str, &'static str),
    /// Nobody tells about a scope any more, or a person gives it up.
    Release(&'static str, &'static str),
    /// Other settings hold.
    Settings(usize),
    Build,
}

fn namespaces() -> impl Strategy<Value = &'static str> {
    select(&NAMESPACES[..])
}

fn clusters() -> impl Strategy<Value = &'static str> {
    prop_oneof![9 => Just(CLUSTERS[0]), 1 => Just(CLUSTERS[1])]
}

fn namespace() -> impl Strategy<Value = Value> {
    let tenant = prop_oneof![3 => Just(""), 1 => Just("blue")];
    (namespaces(), tenant, any::<bool>(), named()).prop_map(|(name, tenant, blue, setting)| {
        let labels = if blue {
            json!({"instance": "blue"})
        } else {
            json!({})
        };
        let annotations = json!({"ako.vmware.com/tenant-name": tenant, SETTING: setting});
        let metadata = json!({"labels": labels, "annotations": annotations});
        json!({"kind": "Namespace", "name": name, "metadata": metadata})
    })
}

/// The annotation that names an AviInfraSetting.
const SETTING: &str = "aviinfrasetting.ako.vmware.com/name";

/// The name of an AviInfraSetting; mostly none.
fn named() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just(""), 1 => Just("one"), 1 => Just("two")]
}

/// The Controller has group `g`, lacks `none`, and was not asked for `unasked` yet.
fn setting() -> impl Strategy<Value = Value> {
    let size = select(vec![
        json!(null),
        json!("SMALL"),
        json!("MEDIUM"),
        json!("DEDICATED"),
    ]);
    let group = prop_oneof![
        2 => Just(json!(null)), 4 => Just(json!({"name": "g"})),
        1 => Just(json!({"name": "none"})), 1 => Just(json!({"name": "unasked"})),
    ];
    (
        select(vec!["one", "two"]),
        size,
        group,
        any::<bool>(),
        0..4_u64,
    )
        .prop_map(|(name, size, group, announced, created)| {
            json!({
                "kind": "AviInfraSetting", "name": name, "created": created,
                "spec": {
                    "seGroup": group, "l7Settings": {"shardSize": size},
                    "network": {"enableRhi": announced},
                },
            })
        })
}

fn class() -> impl Strategy<Value = Value> {
    (
        select(vec!["avi", "other"]),
        any::<bool>(),
        any::<bool>(),
        named(),
    )
        .prop_map(|(name, ours, default, setting)| {
            let parameters = json!({
                "apiGroup": "ako.vmware.com", "kind": "AviInfraSetting", "name": setting,
            });
            let parameters = (!setting.is_empty()).then_some(parameters);
            let controller = if ours { "ako.vmware.com/avi-lb" } else { "x" };
            let annotations =
                json!({"ingressclass.kubernetes.io/is-default-class": default.to_string()});
            json!({
                "kind": "IngressClass", "name": name, "metadata": {"annotations": annotations},
                "spec": {"controller": controller, "parameters": parameters},
            })
        })
}

fn hosts() -> impl Strategy<Value = String> {
    let long = format!("{0}.{0}.{0}.x", "h".repeat(63));
    let hosts = [
        "c.x",
        "b-c.x",
        "x",
        "a--s.x",
        "",
        "*.x",
        "Shared-L7-1",
        "o.y",
    ];
    let mut hosts: Vec<String> = hosts.map(String::from).into();
    hosts.push(long);
    select(hosts)
}

fn rule() -> impl Strategy<Value = Value> {
    let path = select(vec!["", "/", "/a", "/a_b", "/a/b", "/A", "-x"]);
    let kind = select(vec!["Exact", "Prefix"]);
    let port = select(vec![
        json!({"number": 80}),
        json!({"number": 81}),
        json!({"name": "http"}),
    ]);
    let path =
        (path, kind, select(vec!["s", "b-s"]), port).prop_map(|(path, kind, service, port)| {
            let backend = json!({"service": {"name": service, "port": port}});
            json!({"path": path, "pathType": kind, "backend": backend})
        });
    (hosts(), prop::collection::vec(path, 0..4))
        .prop_map(|(host, paths)| json!({"host": host, "http": {"paths": paths}}))
}

fn ingress() -> impl Strategy<Value = Value> {
    let class =
        prop_oneof![4 => Just(json!("avi")), 1 => Just(json!("other")), 1 => Just(json!(null))];
    let secret = select(vec!["one", "two", "none"]);
    let tls = (prop::collection::vec(hosts(), 0..3), secret)
        .prop_map(|(hosts, secret)| json!({"hosts": hosts, "secretName": secret}));
    let rules = prop::collection::vec(rule(), 0..3);
    let tls = prop::collection::vec(tls, 0..3);
    let name = select(vec!["x", "b-x", "80"]);
    let backend = prop_oneof![
        3 => Just(json!(null)),
        1 => Just(json!({"service": {"name": "s", "port": {"number": 80}}})),
    ];
    let spec = (class, rules, tls, backend).prop_map(|(class, rules, tls, backend)| {
        json!({"ingressClassName": class, "rules": rules, "tls": tls, "defaultBackend": backend})
    });
    (namespaces(), name, spec, ending(), 0..4_u64).prop_map(
        |(ns, name, spec, annotations, created)| {
            json!({
                "kind": "Ingress", "ns": ns, "name": name, "created": created,
                "metadata": {"annotations": annotations}, "spec": spec,
            })
        },
    )
}

/// Where TLS ends, as far as annotations say it.
fn ending() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(json!({})),
        2 => Just(json!({"passthrough.ako.vmware.com/enabled": "true"})),
        1 => Just(json!({"ako.vmware.com/enable-tls": "true"})),
    ]
}

fn service() -> impl Strategy<Value = Value> {
    let kind =
        prop_oneof![2 => Just("ClusterIP"), 3 => Just("LoadBalancer"), 1 => Just("ExternalName")];
    let port = (select(vec!["", "http"]), 80..82_u16, select(vec!["TCP", "UDP", "X"]))
        .prop_map(|(name, port, protocol)| {
            json!({"name": name, "port": port, "protocol": protocol, "targetPort": 8080})
        });
    let ports = prop::collection::vec(port, 0..3);
    let name = select(vec!["s", "b-s", "c"]);
    // A shared VIP may be called as a Service is.
    let shared = prop_oneof![2 => Just(""), 2 => Just("c"), 1 => Just("pair")];
    let address = prop_oneof![4 => Just(""), 1 => Just("10.0.0.1")];
    let common = (namespaces(), name, kind, ports, 0..4_u64);
    let asked = (shared, address, named());
    (common, asked).prop_map(|((ns, name, kind, ports, created), asked)| {
        let (shared, address, setting) = asked;
        let annotations = json!({"ako.vmware.com/enable-shared-vip": shared, SETTING: setting});
        json!({
            "kind": "Service", "ns": ns, "name": name, "created": created,
            "metadata": {"annotations": annotations},
            "spec": {"type": kind, "ports": ports, "loadBalancerIP": address},
        })
    })
}

fn slice() -> impl Strategy<Value = Value> {
    let port = (select(vec!["", "http"]), 8080..8082_u16)
        .prop_map(|(name, port)| json!({"name": name, "port": port}));
    let endpoint = (0..3_u8, any::<bool>()).prop_map(|(address, ready)| {
        json!({"addresses": [format!("10.0.0.{address}")], "conditions": {"ready": ready}})
    });
    let ports = prop::collection::vec(port, 0..3);
    let endpoints = prop::collection::vec(endpoint, 0..3);
    let service = select(vec!["s", "b-s"]);
    (
        namespaces(),
        select(vec!["1", "2"]),
        service,
        ports,
        endpoints,
    )
        .prop_map(|(ns, name, service, ports, endpoints)| {
            json!({
                "kind": "EndpointSlice", "ns": ns, "name": name, "addressType": "IPv4",
                "metadata": {"labels": {"kubernetes.io/service-name": service}},
                "ports": ports, "endpoints": endpoints,
            })
        })
}

/// Secret `one` is always told with its contents, `two` never: what was heard once stays.
fn secret() -> impl Strategy<Value = Value> {
    let data = select(vec![
        json!({"tls.crt": "Y2VydA==", "tls.key": "a2V5"}),
        json!({"tls.crt": "b3RoZXI=", "tls.key": "a2V5"}),
        json!({"tls.crt": "Y2VydA=="}),
        json!({"tls.crt": "Y2VydA==", "tls.key": "a2V5", "alt.crt": "YQ==", "alt.key": "a2V5"}),
    ]);
    let name = select(vec!["one", "two", "router-certs-default"]);
    (namespaces(), name, data).prop_map(|(ns, name, data)| {
        let data = if name == "two" { json!(null) } else { data };
        json!({"kind": "Secret", "ns": ns, "name": name, "data": data})
    })
}

fn node() -> impl Strategy<Value = Value> {
    (0..3_u8, 0..3_u8).prop_map(|(name, net)| {
        json!({
            "kind": "Node", "name": format!("n{name}"),
            "spec": {"podCIDRs": [format!("10.{net}.0.0/16")]},
            "status": {"addresses": [{"type": "InternalIP", "address": format!("192.168.0.{name}")}]},
        })
    })
}

fn objects() -> impl Strategy<Value = RawObject> {
    let any = prop_oneof![
        2 => namespace(), 1 => class(), 5 => ingress(), 4 => service(), 2 => slice(), 2 => secret(),
        1 => node(), 2 => setting(),
    ];
    (clusters(), any).prop_map(|(cluster, json)| object(cluster, json))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => objects().prop_map(Step::Put),
        3 => any::<Index>().prop_map(Step::Delete),
        2 => (clusters(), namespaces()).prop_map(|(c, ns)| Step::Hear(c, ns)),
        1 => clusters().prop_map(|c| Step::Hear(c, "")),
        1 => (clusters(), namespaces()).prop_map(|(c, ns)| Step::Release(c, ns)),
        1 => (0..6_usize).prop_map(Step::Settings),
        4 => Just(Step::Build),
    ]
}

const SMALL: &str = "
AKOSettings: {clusterName: c1}
L7Settings: {shardVSSize: SMALL}
ControllerSettings: {tenantName: green}
";

const DEDICATED: &str = "
AKOSettings: {clusterName: c1}
L7Settings: {shardVSSize: DEDICATED, noPGForSNI: true, passthroughShardSize: LARGE}
AviarySettings: {defaultBackend: serve}
";

/// Clusters do not share a host.
const ALONE_EACH: &str = "
AviarySettings: {crossClusterHosts: exclusive}
";

fn scope(cluster: &str, namespace: &str) -> ScopeKey {
    ScopeKey {
        cluster: cluster.into(),
        namespace: namespace.into(),
    }
}

/// What the Controller was asked for.
fn census() -> Census {
    let group = |name: &str, standing| (Named::SeGroup(name.into()), standing);
    let named = [
        group("g", Standing::Present),
        group("none", Standing::Absent),
    ];
    Census {
        named: named.into(),
        ..Census::default()
    }
}

fn settings(choice: usize) -> super::Envs {
    let mut envs = envs_of(choice);
    for env in envs.values_mut() {
        Arc::make_mut(env).census = Arc::new(census());
    }
    envs
}

fn envs_of(choice: usize) -> super::Envs {
    match choice {
        0 => envs(FLEET, Scheme::Ako),
        1 => envs(FLEET, Scheme::Documented),
        2 => envs(ALONE, Scheme::Documented),
        3 => envs(DEDICATED, Scheme::Ako),
        5 => envs(&format!("{FLEET}\n{ALONE_EACH}"), Scheme::Documented),
        _ => envs(SMALL, Scheme::Ako),
    }
}

impl World {
    fn play(&mut self, step: &Step) {
        match step {
            Step::Put(object) => self.put(object.clone()),
            Step::Delete(at) if !self.objects.is_empty() => {
                let keys: Vec<_> = self.objects.keys().cloned().collect();
                self.delete(at.get(&keys));
            }
            Step::Hear(cluster, namespace) => self.hear(&scope(cluster, namespace)),
            Step::Release(cluster, namespace) => {
                let scope = scope(cluster, namespace);
                self.objects.retain(|key, _| key.scope() != scope);
                self.store.release(&scope);
            }
            _ => {}
        }
    }
}

/// The same objects, told to a store that knows nothing, in another order.
fn retold(world: &World, order: &[Index]) -> World {
    let mut objects: Vec<RawObject> = world.objects.values().cloned().collect();
    for (at, with) in order.iter().enumerate().take(objects.len()) {
        let with = with.index(objects.len());
        objects.swap(at, with);
    }
    let mut again = World::default();
    for object in objects {
        again.put(object);
    }
    for (scope, state) in world.store.peek().scopes() {
        if state.published {
            again.hear(scope);
        } else if state.released {
            again.store.release(scope);
        }
    }
    again
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_equals_what_is_built_anew(
        steps in prop::collection::vec(step(), 1..60),
        order in prop::collection::vec(any::<Index>(), 40),
        end in 0..6_usize,
    ) {
        let (mut world, mut builder) = (World::of([]), Builder::default());
        for cluster in CLUSTERS {
            world.hear(&scope(cluster, ""));
        }
        let mut envs = settings(0);
        for step in &steps {
            world.play(step);
            match step {
                Step::Settings(choice) => envs = settings(*choice),
                Step::Build => check_sound(&builder.build(&world.store.snapshot(), &envs)),
                _ => {}
            }
        }
        // As it is, and with everything heard and the last settings.
        let facts = world.store.snapshot();
        check_equal(&builder.build(&facts, &envs), &fresh(&retold(&world, &order), &envs));
        world.hear_all();
        let envs = settings(end);
        let facts = world.store.snapshot();
        let kept = builder.build(&facts, &envs);
        check_sound(&kept);
        check_equal(&kept, &fresh(&retold(&world, &order), &envs));
    }
}
