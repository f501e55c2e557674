//! Hosts that namespaces share and differ about: a start stays with what stands until all of them
//! were heard, whoever comes first.

use super::world::{ALONE, World, c1, class, envs, ingress, namespace, secret, service};
use super::{Envs, check_equal, check_sound, fresh};
use crate::{Builder, Built, Incumbents};
use aviary_avi::{AviKey, Knowledge, Observed, ObservedObject};
use aviary_kinds::RawObject;
use aviary_settings::Scheme;
use aviary_types::{Code, DomainId, ObjectKey, ScopeKey};
use serde_json::json;

const SPACES: [&str; 2] = ["a", "b"];
const HOST: &str = "c.x";

fn scope(namespace: &str) -> ScopeKey {
    ScopeKey {
        cluster: "c1".into(),
        namespace: namespace.into(),
    }
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

fn setting(name: &str, spec: &serde_json::Value) -> RawObject {
    c1(json!({"kind": "AviInfraSetting", "name": name, "spec": spec}))
}

fn naming(space: &str, setting: &str) -> RawObject {
    let mut raw = namespace(space);
    let annotations = json!({"aviinfrasetting.ako.vmware.com/name": setting});
    raw.json["metadata"] = json!({"annotations": annotations});
    raw
}

fn passed(mut raw: RawObject) -> RawObject {
    let annotations = json!({"passthrough.ako.vmware.com/enabled": "true"});
    raw.json["metadata"] = json!({"annotations": annotations});
    raw
}

/// An Ingress of the host in each namespace; that of `a` is the older one.
fn asks(tls: bool) -> Vec<RawObject> {
    vec![
        ingress(("a", "i", 1), HOST, &["/a"], tls),
        ingress(("b", "i", 2), HOST, &["/b"], tls),
    ]
}

/// Worlds in which the two namespaces differ about where the host stands.
fn worlds() -> Vec<(&'static str, Vec<RawObject>)> {
    let small = setting("small", &json!({"l7Settings": {"shardSize": "SMALL"}}));
    let alone = setting("alone", &json!({"l7Settings": {"shardSize": "DEDICATED"}}));
    let mut both = Vec::new();
    for (name, tls) in [("plain", false), ("secure", true)] {
        let mut named = vec![naming("a", "small"), namespace("b"), small.clone()];
        named.extend(asks(tls));
        both.push((name, named));
    }
    let mut two = vec![naming("a", "small"), naming("b", "alone"), small, alone];
    two.extend(asks(false));
    both.push(("two settings", two));
    let mut mixed = vec![namespace("a"), namespace("b")];
    let [older, younger] = <[RawObject; 2]>::try_from(asks(true)).unwrap();
    mixed.extend([passed(older), younger]);
    both.push(("passed through", mixed));
    both
}

struct Case {
    envs: Envs,
    domain: DomainId,
    /// Everything as it is.
    whole: World,
    before: Built,
    /// What is heard by and by.
    world: World,
    builder: Builder,
}

impl Case {
    fn new(objects: Vec<RawObject>) -> Self {
        let envs = envs(ALONE, Scheme::Ako);
        let domain = envs.keys().next().unwrap().clone();
        let beside = SPACES.map(|space| [service(space, "web"), secret(space, "tls")]);
        let beside = beside.into_iter().flatten();
        let whole = World::of(beside.chain([class()]).chain(objects));
        let before = fresh(&whole, &envs);
        let mut builder = Builder::default();
        let nothing = Built::default();
        builder.seat(Incumbents::of(
            &written(&before),
            std::slice::from_ref(&domain),
            &nothing.unknown,
        ));
        let mut case = Self {
            envs,
            domain,
            whole,
            before,
            world: World::default(),
            builder,
        };
        case.hear("");
        case
    }

    /// A scope is heard in full.
    fn hear(&mut self, namespace: &str) {
        let of_scope = |raw: &&RawObject| raw.key.scope() == scope(namespace);
        let told: Vec<RawObject> = self
            .whole
            .objects
            .values()
            .filter(of_scope)
            .cloned()
            .collect();
        for raw in told {
            self.world.put(raw);
        }
        self.world.hear(&scope(namespace));
    }

    fn build(&mut self) -> Built {
        let built = self.builder.build(&self.world.store.snapshot(), &self.envs);
        check_sound(&built);
        built
    }

    /// Nothing of the host is wanted that does not stand, and what stands is held where nothing is
    /// wanted of it.
    fn check_stays(&self, built: &Built, place: &str) {
        let of_host = |built: &Built| -> Vec<AviKey> {
            let objects = built.desired.objects.values();
            let of_host = objects.filter(|it| it.body.sources().hosts().contains(&HOST.into()));
            of_host.map(|it| it.key.clone()).collect()
        };
        let stood = of_host(&self.before);
        let wanted = of_host(built);
        assert!(
            wanted.iter().all(|it| stood.contains(it)),
            "{place}: {wanted:?}"
        );
        let is_held = built.unknown.holds_host(&self.domain, HOST);
        assert!(is_held || !wanted.is_empty(), "{place}");
    }
}

fn key(space: &str) -> ObjectKey {
    ingress((space, "i", 0), HOST, &[], false).key
}

#[test]
fn namespaces_that_differ_move_no_host_before_both_were_heard() {
    for (name, objects) in worlds() {
        for first in 0..SPACES.len() {
            let place = format!("{name}, {} first", SPACES[first]);
            let mut case = Case::new(objects.clone());
            case.hear(SPACES[first]);
            let built = case.build();
            case.check_stays(&built, &place);
            if first == 1 {
                // The younger one would have it elsewhere, and is told what it waits for.
                let codes: Vec<Code> = built
                    .findings_of(&key("b"))
                    .iter()
                    .map(|it| it.code)
                    .collect();
                assert!(codes.contains(&Code::HostKept), "{place}: {codes:?}");
                let awaited: Vec<_> = built.unknown.unheard().values().cloned().collect();
                assert_eq!(awaited, [namespace("a").key], "{place}");
            }
            case.hear(SPACES[1 - first]);
            let built = case.build();
            assert!(built.unknown.unheard().is_empty(), "{place}");
            check_equal(&built, &case.before);
        }
    }
}

#[test]
fn a_host_moves_once_the_unheard_namespace_is_gone_left_or_given_up() {
    type End = fn(&mut Case);
    let ends: [(&str, End); 4] = [
        ("heard", |case| case.world.hear(&scope("a"))),
        ("gone", |case| case.world.delete(&namespace("a").key)),
        ("released", |case| case.world.store.release(&scope("a"))),
        ("of another tenant", |case| {
            let mut raw = naming("a", "small");
            raw.json["metadata"]["annotations"]["ako.vmware.com/tenant-name"] = "t".into();
            case.world.put(raw);
        }),
    ];
    for (end, apply) in ends {
        let (_, objects) = worlds().swap_remove(0);
        let mut case = Case::new(objects);
        case.hear("b");
        assert!(case.build().unknown.holds_host(&case.domain, HOST));
        apply(&mut case);
        let built = case.build();
        assert!(!built.unknown.holds_host(&case.domain, HOST), "{end}");
        assert!(!built.serves_of(&key("b")).is_empty(), "{end}");
        let shards: Vec<_> = built.shard_map().map(|(.., shard, _)| shard).collect();
        let before: Vec<_> = case
            .before
            .shard_map()
            .map(|(.., shard, _)| shard)
            .collect();
        assert_ne!(shards, before, "{end}");
    }
}

/// A namespace that agrees, or that no object on the Controller names, holds nothing back.
#[test]
fn namespaces_that_agree_do_not_wait_for_each_other() {
    for objects in [
        [vec![namespace("a"), namespace("b")], asks(false)].concat(),
        [
            vec![naming("a", "small"), namespace("b")],
            asks(true).split_off(1),
        ]
        .concat(),
    ] {
        let mut case = Case::new(objects);
        case.hear("b");
        let built = case.build();
        assert!(!built.unknown.holds_host(&case.domain, HOST));
        assert!(built.shard_map().any(|(.., host)| host == HOST));
    }
}
