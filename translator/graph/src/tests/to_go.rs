//! `deleteConfig`: everything of one instance is to go, and nothing of any other.

use super::world::{World, c1, class, envs, ingress, namespace, secret, service};
use super::{Envs, check_equal, check_sound, fresh};
use crate::{Builder, Built};
use aviary_avi::{AviKey, Body, Knowledge, Owned};
use aviary_settings::Scheme;
use aviary_types::DomainId;
use serde_json::json;
use std::collections::BTreeSet;

/// A primary instance, and one for blue namespaces.
fn fleet(delete: bool) -> Envs {
    let text = format!(
        "
AKOSettings: {{clusterName: c1, namespaceSelector: {{labelKey: is, labelValue: red}}}}
instances:
- namespace: blue
  values:
    AKOSettings: {{namespaceSelector: {{labelValue: blue}}, deleteConfig: '{delete}'}}
"
    );
    envs(&text, Scheme::Documented)
}

fn world() -> World {
    let mut objects = vec![class()];
    for (name, is) in [("r", "red"), ("b", "blue")] {
        let mut space = namespace(name);
        space.json["metadata"] = json!({"labels": {"is": is}});
        let host = format!("{is}.x");
        objects.extend([
            space,
            service(name, "web"),
            secret(name, "tls"),
            ingress((name, "i", 1), &host, &["/"], true),
            c1(json!({
                "kind": "Service", "ns": name, "name": "tcp",
                "spec": {"type": "LoadBalancer", "ports": [{"port": 53}]},
            })),
        ]);
    }
    World::of(objects)
}

fn blue(envs: &Envs) -> DomainId {
    let mut domains = envs.keys();
    domains
        .find(|domain| domain.instance.is_some())
        .unwrap()
        .clone()
}

fn owned(built: &Built, domain: &DomainId) -> BTreeSet<AviKey> {
    let objects = built.desired.objects.values();
    let owned = objects.filter(|object| object.body.owner(domain) == Owned::Yes);
    owned.map(|object| object.key.clone()).collect()
}

#[test]
fn what_is_to_go_asks_for_nothing_and_the_rest_stays() {
    let (stay, go) = (fleet(false), fleet(true));
    let (world, blue) = (world(), blue(&stay));
    let red = DomainId {
        instance: None,
        ..blue.clone()
    };
    let mut builder = Builder::default();
    let before = builder.build(&world.facts(), &stay);
    assert!(!owned(&before, &blue).is_empty());
    let built = builder.build(&world.facts(), &go);
    check_sound(&built);
    check_equal(&built, &fresh(&world, &go));
    assert_eq!(owned(&built, &blue), BTreeSet::new());
    assert_eq!(owned(&built, &red), owned(&before, &red));
    // The label of the SE group is the other instance's too.
    let labels = |built: &Built| {
        let objects = built.desired.objects.values();
        let mut labels = objects.filter_map(|object| match &*object.body {
            Body::ServiceEngineGroup(group) => Some(group.labels.len()),
            _ => None,
        });
        labels.next()
    };
    assert_eq!((labels(&before), labels(&built)), (Some(1), Some(1)));
    let again = builder.build(&world.facts(), &stay);
    check_equal(&again, &before);
}

/// It is the settings that say so: no object needs to be heard for it.
#[test]
fn what_is_to_go_waits_for_nothing() {
    let go = fleet(true);
    let blue = blue(&go);
    let red = DomainId {
        instance: None,
        ..blue.clone()
    };
    let built = fresh(&World::default(), &go);
    assert!(!built.unknown.holds_domain(&blue));
    assert!(!built.unknown.holds_namespace(&blue, "b"));
    assert!(built.unknown.holds_domain(&red));
}
