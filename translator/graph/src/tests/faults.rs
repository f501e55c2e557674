//! A fault of our own harms only what it is about.

use super::world::{ALONE, World, c1, class, envs, ingress, namespace, service, slice};
use super::{Envs, check_equal, check_sound, fresh, names};
use crate::builder::Step;
use crate::{Builder, Built, UnitKey};
use aviary_avi::{AviKind, Knowledge};
use aviary_settings::Scheme;
use aviary_types::{Code, DomainId};
use serde_json::json;

/// Fails for one host.
fn host(step: Step<'_>) {
    assert!(!matches!(step, Step::Unit(UnitKey::Host(_, host)) if host.as_str() == "bad.x"));
}

/// Fails for Services.
fn l4(step: Step<'_>) {
    assert!(!matches!(step, Step::Unit(UnitKey::L4(_, service)) if service.name == "lb"));
}

/// Fails when all is put together.
fn commit(step: Step<'_>) {
    assert!(step != Step::Commit);
}

struct Case {
    world: World,
    envs: Envs,
    builder: Builder,
    domain: DomainId,
}

impl Case {
    fn new() -> Self {
        let envs = envs(ALONE, Scheme::Ako);
        let world = World::of([
            namespace("a"),
            class(),
            service("a", "web"),
            slice("a", "web", &["10.0.0.1"]),
            ingress(("a", "bad", 1), "bad.x", &["/"], false),
            ingress(("a", "good", 1), "good.x", &["/"], false),
        ]);
        Self {
            world,
            domain: envs.keys().next().unwrap().clone(),
            envs,
            builder: Builder::default(),
        }
    }

    fn fails(&mut self, probe: fn(Step<'_>)) {
        self.builder.set_probe(Some(probe));
    }

    fn mends(&mut self) {
        self.builder.set_probe(None);
    }

    fn build(&mut self) -> Built {
        let built = self.builder.build(&self.world.store.snapshot(), &self.envs);
        check_sound(&built);
        built
    }
}

#[test]
fn a_host_that_cannot_be_translated_waits_and_the_others_go_on() {
    let mut case = Case::new();
    case.fails(host);
    let built = case.build();
    assert_eq!(built.faults, 1);
    assert_eq!(names(&built, AviKind::Pool), ["c1--good.x_-a-good"]);
    assert!(built.unknown.holds_host(&case.domain, "bad.x"));
    assert!(!built.unknown.holds_host(&case.domain, "good.x"));
    // Its inputs are as they were: it is not tried again before they change.
    case.world
        .put(ingress(("a", "good", 1), "good.x", &["/new"], false));
    let built = case.build();
    assert_eq!((built.faults, built.counts.evaluated), (0, 1));
    case.mends();
    case.world
        .put(ingress(("a", "bad", 1), "bad.x", &["/new"], false));
    let built = case.build();
    assert!(!built.unknown.holds_host(&case.domain, "bad.x") && built.unknown_changed);
    check_equal(&built, &fresh(&case.world, &case.envs));
}

#[test]
fn what_was_good_before_stays_and_is_told_at_its_sources() {
    let mut case = Case::new();
    let before = case.build();
    case.fails(host);
    case.world
        .put(ingress(("a", "bad", 1), "bad.x", &["/new"], false));
    let built = case.build();
    assert_eq!(built.desired.objects, before.desired.objects);
    let findings = built.findings();
    let told = findings
        .iter()
        .filter(|it| it.code == Code::TranslationFault);
    let told: Vec<&str> = told.map(|it| it.object.name.as_str()).collect();
    assert_eq!(told, ["bad"]);
    let bad = &ingress(("a", "bad", 1), "bad.x", &["/"], false).key;
    assert!(built.touched.contains(bad));
}

#[test]
fn nothing_goes_that_stands_for_a_service_that_cannot_be_translated() {
    let balanced = |port: u16| {
        c1(json!({
            "kind": "Service", "ns": "a", "name": "lb",
            "spec": {"type": "LoadBalancer", "ports": [{"name": "p", "port": port, "protocol": "TCP"}]},
        }))
    };
    let mut case = Case::new();
    case.world.put(balanced(80));
    case.fails(l4);
    let built = case.build();
    assert!(
        built
            .unknown
            .holds_source(&case.domain, "a", "ServiceName", "lb")
    );
    case.mends();
    case.world.put(balanced(81));
    let built = case.build();
    assert!(
        !built
            .unknown
            .holds_source(&case.domain, "a", "ServiceName", "lb")
    );
    assert!(
        names(&built, AviKind::VirtualService)
            .iter()
            .any(|name| name.contains("lb"))
    );
}

#[test]
fn a_fault_of_the_whole_keeps_the_last_state_and_begins_anew() {
    let mut case = Case::new();
    let before = case.build();
    case.fails(commit);
    case.world
        .put(ingress(("a", "new", 1), "new.x", &["/"], false));
    let kept = case.build();
    assert_eq!(kept.desired.objects, before.desired.objects);
    assert_eq!(kept.facts.generation, before.facts.generation);
    assert!(kept.faults > 0 && kept.changed.is_empty());
    case.mends();
    case.world
        .put(ingress(("a", "newer", 1), "newer.x", &["/"], false));
    let built = case.build();
    assert!(built.restarts > kept.restarts);
    check_equal(&built, &fresh(&case.world, &case.envs));
}
