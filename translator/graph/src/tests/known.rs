//! What may not be concluded from absence, and when that ends.

use super::world::{ALONE, World, c1, class, envs, ingress, namespace, secret, service};
use super::{Envs, check_equal, check_sound, fresh, names};
use crate::{Builder, Built};
use aviary_avi::{AviKind, Knowledge};
use aviary_settings::Scheme;
use aviary_types::{DomainId, ScopeKey};
use serde_json::json;

fn scope(namespace: &str) -> ScopeKey {
    ScopeKey {
        cluster: "c1".into(),
        namespace: namespace.into(),
    }
}

struct Case {
    world: World,
    builder: Builder,
    envs: Envs,
    domain: DomainId,
}

impl Case {
    fn new() -> Self {
        let envs = envs(ALONE, Scheme::Ako);
        Self {
            world: World::default(),
            builder: Builder::default(),
            domain: envs.keys().next().unwrap().clone(),
            envs,
        }
    }

    fn build(&mut self) -> Built {
        let built = self.builder.build(&self.world.store.snapshot(), &self.envs);
        check_sound(&built);
        built
    }
}

#[test]
fn a_domain_is_known_once_the_cluster_wide_kinds_were_heard() {
    let mut case = Case::new();
    case.world.put(ingress(("a", "i", 1), "c.x", &["/"], false));
    case.world.hear(&scope("a"));
    let built = case.build();
    assert!(built.unknown.holds_domain(&case.domain));
    assert!(built.unknown.holds_namespace(&case.domain, "a"));
    assert!(built.desired.objects.is_empty());
    case.world.put(class());
    case.world.put(namespace("a"));
    case.world.hear(&scope(""));
    let built = case.build();
    assert!(built.unknown_changed && !built.unknown.holds_domain(&case.domain));
    assert_eq!(names(&built, AviKind::Pool), ["c1--c.x_-a-i"]);
    let other = DomainId {
        cluster: "c9".into(),
        instance: None,
    };
    assert!(built.unknown.holds_domain(&other));
}

#[test]
fn a_selected_namespace_is_held_until_heard_gone_or_given_up() {
    type End = fn(&mut World);
    let ends: [End; 3] = [
        |world| world.hear(&scope("a")),
        |world| world.delete(&namespace("a").key),
        |world| world.store.release(&scope("a")),
    ];
    for end in ends {
        let mut case = Case::new();
        case.world.put(namespace("a"));
        case.world.hear(&scope(""));
        let built = case.build();
        assert!(built.unknown.holds_namespace(&case.domain, "a"));
        assert!(!built.unknown.holds_namespace(&case.domain, "never-seen"));
        assert!(!case.build().unknown_changed);
        end(&mut case.world);
        let built = case.build();
        assert!(built.unknown_changed);
        assert!(!built.unknown.holds_namespace(&case.domain, "a"));
    }
}

#[test]
fn a_namespace_that_the_domain_does_not_take_holds_nothing() {
    let mut case = Case::new();
    case.envs = envs(
        "AKOSettings: {clusterName: c1, namespaceSelector: {labelKey: app, labelValue: shop}}",
        Scheme::Ako,
    );
    let labelled = |app: &str| {
        c1(json!({"kind": "Namespace", "name": "a", "metadata": {"labels": {"app": app}}}))
    };
    case.world.put(labelled("shop"));
    case.world.hear(&scope(""));
    assert!(case.build().unknown.holds_namespace(&case.domain, "a"));
    case.world.put(labelled("other"));
    let built = case.build();
    assert!(built.unknown_changed && !built.unknown.holds_namespace(&case.domain, "a"));
}

#[test]
fn a_host_waits_for_the_contents_of_its_secret() {
    let mut case = Case::new();
    for object in [
        namespace("a"),
        class(),
        ingress(("a", "i", 1), "c.x", &["/"], true),
    ] {
        case.world.put(object);
    }
    let metadata = c1(json!({"kind": "Secret", "ns": "a", "name": "tls"}));
    let key = metadata.key.clone();
    case.world.put(metadata);
    case.world.hear_all();
    let built = case.build();
    assert!(built.unknown.holds_host(&case.domain, "c.x"));
    assert!(case.builder.wants(&key));
    assert!(case.builder.take_turned().iter().eq([&key]));
    assert!(names(&built, AviKind::SslKeyAndCertificate).is_empty());
    case.world.put(secret("a", "tls"));
    let built = case.build();
    // It was evaluated anew, and wants what it wanted.
    assert!(case.builder.take_turned().is_empty());
    assert!(built.unknown_changed && !built.unknown.holds_host(&case.domain, "c.x"));
    assert_eq!(names(&built, AviKind::SslKeyAndCertificate), ["c1--c.x"]);
    case.world
        .delete(&ingress(("a", "i", 1), "c.x", &[], true).key);
    case.build();
    assert!(!case.builder.wants(&key));
    assert!(case.builder.take_turned().iter().eq([&key]));
}

#[test]
fn what_cannot_be_read_is_held() {
    let mut case = Case::new();
    let broken =
        |kind: &str, name: &str| c1(json!({"kind": kind, "ns": "a", "name": name, "spec": 7}));
    for object in [
        namespace("a"),
        class(),
        ingress(("a", "i", 1), "c.x", &["/"], false),
        broken("Ingress", "bad"),
    ] {
        case.world.put(object);
    }
    case.world.hear_all();
    let holds = |built: &Built, domain: &DomainId| {
        built
            .unknown
            .holds_source(domain, "a", "IngressName", "bad")
    };
    let built = case.build();
    assert!(holds(&built, &case.domain));
    assert!(
        !built
            .unknown
            .holds_source(&case.domain, "a", "IngressName", "i")
    );
    assert!(!built.unknown.holds_source(&case.domain, "a", "Path", "bad"));
    // A Service that cannot be read holds the hosts that it is a backend of.
    case.world.put(broken("Service", "web"));
    let built = case.build();
    assert!(built.unknown.holds_host(&case.domain, "c.x"));
    case.world.put(service("a", "web"));
    let built = case.build();
    assert!(built.unknown_changed && !built.unknown.holds_host(&case.domain, "c.x"));
    case.world.delete(&broken("Ingress", "bad").key);
    let built = case.build();
    assert!(built.unknown_changed && !holds(&built, &case.domain));
}

#[test]
fn settings_that_change_change_the_parents_too() {
    let mut case = Case::new();
    for object in [
        namespace("a"),
        class(),
        ingress(("a", "i", 1), "c.x", &["/"], false),
    ] {
        case.world.put(object);
    }
    case.world.hear_all();
    case.build();
    case.envs = envs(
        "AKOSettings: {clusterName: c1}
L7Settings: {shardVSSize: LARGE}
NetworkSettings: {vipNetworkList: [{networkName: vips, cidr: 10.1.0.0/16}]}",
        Scheme::Ako,
    );
    let built = case.build();
    assert!(built.changed.iter().any(|key| key.kind == AviKind::VsVip));
    check_equal(&built, &fresh(&case.world, &case.envs));
}

#[test]
fn tenants_have_empty_parents_while_a_namespace_asks_for_them() {
    let mut case = Case::new();
    let blue = c1(json!({
        "kind": "Namespace", "name": "a",
        "metadata": {"annotations": {"ako.vmware.com/tenant-name": "blue"}},
    }));
    case.world.put(blue.clone());
    case.world.hear(&scope(""));
    let blues = |built: &Built| {
        let keys = built.desired.objects.keys();
        keys.filter(|key| key.tenant.as_str() == "blue").count()
    };
    // VIP, group, script and virtual service of each shard; of the one that passes TLS through, two
    // virtual services and no group.
    assert_eq!(blues(&case.build()), 8 * 4 + 4);
    case.world.delete(&blue.key);
    assert_eq!(blues(&case.build()), 0);
}
