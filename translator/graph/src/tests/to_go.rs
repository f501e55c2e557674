//! `deleteConfig`: everything of one instance is to go, and nothing of any other.

use super::world::{World, c1, class, envs, ingress, namespace, secret, service};
use super::{Envs, check_equal, check_sound, fresh};
use crate::{Builder, Built};
use aviary_avi::{AviKey, Body, Census, Knowledge, Owned};
use aviary_settings::Scheme;
use aviary_types::DomainId;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

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

/// Two clusters that share a group, with what its labels are wanted to be when `c1` is to go.
#[test]
fn a_label_goes_with_its_cluster_and_the_other_takes_over() {
    let settings = |delete: &str| {
        let text = format!(
            "
AKOSettings: {{clusterName: c1, deleteConfig: '{delete}'}}
clusters:
- {{name: c2, values: {{AKOSettings: {{deleteConfig: 'false'}}}}}}
"
        );
        envs(&text, Scheme::Documented)
    };
    let mut world = world();
    world.put(super::world::object(
        "c2",
        json!({"kind": "Namespace", "name": "n"}),
    ));
    world.hear_all();
    let groups = |built: &Built| -> Vec<(String, Vec<String>, Vec<String>)> {
        let objects = built.desired.objects.values();
        let groups = objects.filter_map(|object| match &*object.body {
            Body::ServiceEngineGroup(group) => Some(group),
            _ => None,
        });
        let words = groups.map(|group| {
            let labels = group.labels.iter().map(|label| label.value.to_string());
            let leaving = group.leaving.iter().map(ToString::to_string);
            (group.name.to_string(), labels.collect(), leaving.collect())
        });
        words.collect()
    };
    let row = |name: &str, labels: &[&str], leaving: &[&str]| {
        let all = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        (name.to_owned(), all(labels), all(leaving))
    };
    let (stay, mut go) = (settings("false"), settings("true"));
    let mut builder = Builder::default();
    let built = builder.build(&world.facts(), &stay);
    assert_eq!(groups(&built), [row("Default-Group", &["c1"], &[])]);
    let built = builder.build(&world.facts(), &go);
    check_equal(&built, &fresh(&world, &go));
    let passed = row("Default-Group", &["c2"], &["c1"]);
    assert_eq!(groups(&built), std::slice::from_ref(&passed));
    // A group that an AviInfraSetting of former days named bears the label, too.
    for env in go.values_mut().filter(|env| env.is_to_go()) {
        let census = Census {
            labelled: ["old".into(), "Default-Group".into()].into(),
            ..Census::default()
        };
        Arc::make_mut(env).census = Arc::new(census);
    }
    let built = builder.build(&world.facts(), &go);
    check_equal(&built, &fresh(&world, &go));
    assert_eq!(groups(&built), [passed, row("old", &[], &["c1"])]);
    let built = builder.build(&world.facts(), &stay);
    assert_eq!(groups(&built), [row("Default-Group", &["c1"], &[])]);
}
