//! A bad object harms only itself (invariant 8): whatever JSON is told, nothing panics, and what
//! others get stays as it is.

use crate::world::{World, base, ingress, object, slice};
use aviary_avi::DesiredObject;
use aviary_kinds::RawObject;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Any JSON.
fn json_of(depth: u32) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(Value::from("x".repeat(5_000))),
        select(vec![
            "",
            "10.0.0.1",
            "::1",
            "10.0.0.0/33",
            "TCP",
            "true",
            "/",
            "*",
            "a\u{0}b"
        ])
        .prop_map(Value::from),
        select(vec![0_u64, 1, 80, 65_535, 65_536, u64::MAX]).prop_map(Value::from),
    ];
    leaf.prop_recursive(depth, 32, 4, |inner| {
        let fields = prop::collection::vec(("[a-z]{1,6}", inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            fields.prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// An object of each kind, with all fields that are read.
fn good() -> Vec<RawObject> {
    let annotations = json!({
        "ako.vmware.com/tenant-name": "t", "ako.vmware.com/pod-cidrs": "10.9.0.0/16",
        "ako.vmware.com/load-balancer-ip": "10.0.0.9", "ako.vmware.com/disable-traffic": "true",
        "external-dns.alpha.kubernetes.io/hostname": "l.x",
        "ingressclass.kubernetes.io/is-default-class": "true",
    });
    let metadata = json!({
        "labels": {"kubernetes.io/service-name": "odd"}, "annotations": annotations,
    });
    let mut all = vec![
        ingress("bad", "odd", "odd.x", true),
        slice("bad", "odd", &["10.0.0.5", "10.0.0.6"]),
        object(json!({
            "kind": "Service", "ns": "bad", "name": "odd",
            "spec": {
                "type": "LoadBalancer", "loadBalancerClass": "ako.vmware.com/avi-lb",
                "ports": [{"name": "d", "port": 53, "protocol": "UDP", "targetPort": "dns"}],
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.9", "hostname": "l.x"}]}},
        })),
        object(json!({"kind": "Secret", "ns": "bad", "name": "tls", "data": {"tls.crt": "eA=="}})),
        object(json!({
            "kind": "Node", "name": "odd", "spec": {"podCIDRs": ["10.8.0.0/16", "fd00::/64"]},
            "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.9"}]},
        })),
        object(json!({"kind": "Namespace", "name": "odd"})),
        object(json!({"kind": "IngressClass", "name": "odd", "spec": {"controller": "x"}})),
    ];
    for raw in &mut all {
        raw.json["metadata"] = metadata.clone();
    }
    all
}

/// Every place in a value, as a list of steps.
fn places(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, out: &mut Vec<String>) {
        out.push(at.to_owned());
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    walk(field, &format!("{at}/{name}"), out);
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    walk(item, &format!("{at}/{index}"), out);
                }
            }
            _ => {}
        }
    }
    let mut out = Vec::new();
    walk(value, "", &mut out);
    out
}

/// An object that is bad in some way: one or more of its places hold something else.
fn hostile() -> impl Strategy<Value = RawObject> {
    let changes = prop::collection::vec((any::<Index>(), json_of(3)), 1..4);
    (select(good()), changes, any::<bool>(), any::<bool>()).prop_map(
        |(mut raw, changes, contents, whole)| {
            for (at, value) in changes {
                let places = places(&raw.json);
                let place = if whole { "" } else { at.get(&places).as_str() };
                if let Some(spot) = raw.json.pointer_mut(place) {
                    *spot = value;
                }
            }
            raw.contents = contents;
            raw
        },
    )
}

/// What the good Ingresses get: their own objects, whoever is beside them.
fn own(world: &World) -> Vec<Arc<DesiredObject>> {
    let objects = world.lane.built().desired.objects.values();
    let of_a = |object: &&Arc<DesiredObject>| {
        let mut sources = object.provenance.objects();
        sources
            .next()
            .is_some_and(|key| key.namespace.as_str() == "a")
            && object.provenance.objects().count() == 1
            && !object.key.name.contains("Shared-L7")
    };
    objects.filter(of_a).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_others_are_served(bad in prop::collection::vec(hostile(), 1..8)) {
        let mut world = World::of(base());
        world.put(slice("a", "web", &["10.0.0.1"]));
        world.put(ingress("a", "i", "p.x", false));
        world.put(ingress("a", "j", "s.x", true));
        world.hear("bad");
        world.settle();
        let before = own(&world);
        prop_assert!(before.len() > 5);
        for raw in bad {
            world.put(raw);
            world.plan();
            prop_assert_eq!(own(&world), before.clone());
            world.lane.built().findings();
        }
        world.settle();
        let lane = &world.lane;
        for source in lane.built().sources() {
            lane.project(source);
        }
    }
}
