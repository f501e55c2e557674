//! AviInfraSettings: who is touched by one, what waits for the Controller, and what stays.

use super::world::{ALONE, World, c1, class, envs, ingress, namespace, secret, service, slice};
use super::{Envs, check_equal, check_sound, fresh};
use crate::{Builder, Built};
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::{AviKey, AviKind, Body, Census, Knowledge, Manner, Named, Presence, Standing};
use aviary_kinds::RawObject;
use aviary_settings::Scheme;
use aviary_types::{Code, DomainId, EcoString};
use serde_json::{Value, json};
use std::sync::Arc;

fn setting(name: &str, spec: &Value) -> RawObject {
    c1(json!({"kind": "AviInfraSetting", "name": name, "spec": spec}))
}

fn class_of(name: &str, setting: &str) -> RawObject {
    let parameters =
        json!({"apiGroup": "ako.vmware.com", "kind": "AviInfraSetting", "name": setting});
    let spec = json!({"controller": "ako.vmware.com/avi-lb", "parameters": parameters});
    c1(json!({"kind": "IngressClass", "name": name, "spec": spec}))
}

fn of_class(name: &str, host: &str, class: &str, tls: bool) -> RawObject {
    let mut raw = ingress(("a", name, 1), host, &["/"], tls);
    raw.json["spec"]["ingressClassName"] = class.into();
    raw
}

fn balancer(name: &str, annotations: &Value) -> RawObject {
    let spec = json!({"type": "LoadBalancer", "ports": [{"port": 53, "protocol": "UDP"}]});
    let metadata = json!({"annotations": annotations});
    c1(json!({"kind": "Service", "ns": "a", "name": name, "metadata": metadata, "spec": spec}))
}

const NAME: &str = "aviinfrasetting.ako.vmware.com/name";

/// Hosts with and without the setting `x`, which names group `g`, and load balancers that name it.
fn world() -> World {
    let shared = |name| {
        balancer(
            name,
            &json!({NAME: "x", "ako.vmware.com/enable-shared-vip": "pair"}),
        )
    };
    World::of([
        namespace("a"),
        class(),
        class_of("x", "x"),
        setting("x", &json!({"seGroup": {"name": "g"}})),
        of_class("plain", "plain.x", "avi", false),
        of_class("open", "open.x", "x", false),
        of_class("safe", "safe.x", "x", true),
        secret("a", "tls"),
        service("a", "web"),
        slice("a", "web", &["10.0.0.1"]),
        balancer("lb", &json!({NAME: "x"})),
        shared("one"),
        shared("two"),
    ])
}

/// The settings, with what is known of the Controller.
fn knowing(found: &[(Named, Standing)], parents: &[(&str, &str, Manner)]) -> Envs {
    let census = Arc::new(Census {
        named: found.iter().cloned().collect(),
        parents: parents
            .iter()
            .map(|(tenant, name, manner)| (((*tenant).into(), (*name).into()), manner.clone()))
            .collect(),
        ..Census::default()
    });
    let mut envs = envs(ALONE, Scheme::Ako);
    for env in envs.values_mut() {
        Arc::make_mut(env).census = census.clone();
    }
    envs
}

fn group() -> Named {
    Named::SeGroup("g".into())
}

fn domain() -> DomainId {
    envs(ALONE, Scheme::Ako).into_keys().next().unwrap()
}

fn service_of<'a>(built: &'a Built, name: &str) -> Option<&'a VirtualService> {
    let mut objects = built.desired.objects.values();
    objects.find_map(|object| match &*object.body {
        Body::VirtualService(service) if service.name == name => Some(&**service),
        _ => None,
    })
}

fn se_group(built: &Built, name: &str) -> Option<EcoString> {
    let service = service_of(built, name)?;
    service
        .se_group_ref
        .as_ref()
        .map(|group| group.name.clone())
}

#[test]
fn who_names_it_waits_until_the_controller_was_asked() {
    let mut world = world();
    let mut builder = Builder::default();
    let built = builder.build(&world.store.snapshot(), &knowing(&[], &[]));
    check_sound(&built);
    // Nothing is guessed: no host of the setting, no load balancer, no verdict.
    assert!(service_of(&built, "c1--safe.x").is_none());
    assert!(service_of(&built, "c1--a-lb").is_none());
    assert!(service_of(&built, "c1--a-pair").is_none());
    let key = world
        .objects
        .keys()
        .find(|key| key.name == "x" && key.kind.kind == "AviInfraSetting");
    let key = key.unwrap().clone();
    assert_eq!(built.verdict_of(&key), None);
    assert!(builder.named().eq(&[(domain(), group())]));
    // And nothing that stands for them goes.
    let unknown = &built.unknown;
    for host in ["open.x", "safe.x"] {
        assert!(unknown.holds_host(&domain(), host), "{host}");
    }
    assert!(!unknown.holds_host(&domain(), "plain.x"));
    for (marker, name) in [
        ("ServiceName", "lb"),
        ("ServiceName", "one"),
        ("GatewayName", "pair"),
    ] {
        assert!(unknown.holds_source(&domain(), "a", marker, name), "{name}");
    }
    assert!(!unknown.holds_source(&domain(), "a", "GatewayName", "other"));

    // Once it was asked, those who wait are looked at, and nobody else.
    let envs = knowing(&[(group(), Standing::Present)], &[]);
    let built = builder.build(&world.store.snapshot(), &envs);
    check_equal(&built, &fresh(&world, &envs));
    assert_eq!(built.counts.evaluated, 5, "{:?}", built.counts);
    assert_eq!(se_group(&built, "c1--Shared-L7-x-0"), None);
    let parent = service_of(&built, "c1--x-safe.x")
        .unwrap()
        .vh_parent_vs_ref
        .clone();
    assert_eq!(se_group(&built, &parent.unwrap().name).unwrap(), "g");
    // Children stand in the group of the instance.
    assert_eq!(se_group(&built, "c1--x-safe.x").unwrap(), "Default-Group");
    assert_eq!(se_group(&built, "c1--a-lb").unwrap(), "g");
    assert_eq!(se_group(&built, "c1--a-pair").unwrap(), "g");
    assert!(!built.unknown.holds_host(&domain(), "open.x"));
    assert!(
        !built
            .unknown
            .holds_source(&domain(), "a", "GatewayName", "pair")
    );
    let labelled = AviKey {
        kind: AviKind::ServiceEngineGroup,
        tenant: "admin".into(),
        cloud: "Default-Cloud".into(),
        name: "g".into(),
    };
    assert!(built.desired.objects.contains_key(&labelled));

    // What the Controller does not have is told; load balancers fall back.
    let envs = knowing(&[(group(), Standing::Absent)], &[]);
    let built = builder.build(&world.store.snapshot(), &envs);
    check_equal(&built, &fresh(&world, &envs));
    assert!(built.unknown.holds_host(&domain(), "open.x"));
    assert_eq!(se_group(&built, "c1--a-lb").unwrap(), "Default-Group");
    let mut codes: Vec<Code> = built
        .findings()
        .iter()
        .map(|finding| finding.code)
        .collect();
    codes.retain(|code| code.number() > 1_600);
    codes.sort();
    codes.dedup();
    assert_eq!(codes, [Code::SettingRejected, Code::NotOnController]);
}

#[test]
fn a_change_of_a_setting_visits_those_who_name_it() {
    let mut world = world();
    for number in 0..200 {
        let name = format!("other{number}");
        world.put(of_class(&name, &format!("{name}.x"), "avi", false));
    }
    let envs = knowing(&[(group(), Standing::Present)], &[]);
    let mut builder = Builder::default();
    builder.build(&world.store.snapshot(), &envs);
    world.put(setting(
        "x",
        &json!({"seGroup": {"name": "g"}, "l7Settings": {"shardSize": "SMALL"}}),
    ));
    let built = builder.build(&world.store.snapshot(), &envs);
    check_equal(&built, &fresh(&world, &envs));
    // Two hosts, two load balancers, and the setting itself.
    assert_eq!(
        (built.counts.visited, built.counts.evaluated),
        (5, 5),
        "{:?}",
        built.counts
    );
    assert_eq!(se_group(&built, "c1--Shared-L7-x-0").unwrap(), "g");

    // Without it, its hosts are not served, and said so.
    let key = world
        .objects
        .keys()
        .find(|key| key.kind.kind == "AviInfraSetting")
        .cloned();
    world.delete(&key.unwrap());
    let built = builder.build(&world.store.snapshot(), &envs);
    check_equal(&built, &fresh(&world, &envs));
    assert!(service_of(&built, "c1--x-safe.x").is_none());
    assert!(!built.unknown.holds_host(&domain(), "safe.x"));
    let missing = built
        .findings()
        .into_iter()
        .filter(|it| it.code == Code::SettingMissing);
    // The oldest Service of the shared VIP is told for both.
    assert_eq!(missing.count(), 4);
    assert_eq!(se_group(&built, "c1--a-lb").unwrap(), "Default-Group");
}

#[test]
fn a_parent_that_nobody_explains_stays_as_it_stands() {
    let manner = Manner {
        se_group: Some("old".into()),
        vrf: Some("global".into()),
        ..Manner::default()
    };
    let known = [(group(), Standing::Present)];
    let mut world = world();
    let parents = [
        ("left", "c1--Shared-L7-5", manner.clone()),
        ("admin", "c1--Shared-L7-gone-3", manner),
    ];
    let mut builder = Builder::default();
    builder.build(&world.store.snapshot(), &knowing(&known, &[]));
    let envs = knowing(&known, &parents);
    let built = builder.build(&world.store.snapshot(), &envs);
    check_equal(&built, &fresh(&world, &envs));
    check_sound(&built);
    assert_eq!(built.counts.evaluated, 0);
    for (tenant, name, _) in &parents {
        let key = AviKey {
            kind: AviKind::VirtualService,
            tenant: (*tenant).into(),
            cloud: EcoString::new(),
            name: (*name).into(),
        };
        let object = built.desired.objects.get(&key).unwrap();
        assert_eq!(object.presence, Presence::IfObserved);
        let Body::VirtualService(service) = &*object.body else {
            panic!("no virtual service")
        };
        assert_eq!(service.se_group_ref.as_ref().unwrap().name, "old");
        assert!(service.http_policies.is_empty());
    }
    // They go when they stand no more.
    let built = builder.build(&world.store.snapshot(), &knowing(&known, &[]));
    assert!(service_of(&built, "c1--Shared-L7-gone-3").is_none());
}

/// Who is told that a host stands as another setting says: name of the Ingress, and the text.
fn differing(built: &Built) -> Vec<(EcoString, EcoString)> {
    let all = built.findings().into_iter();
    let all = all.filter(|finding| finding.code == Code::SettingDiffers);
    all.map(|finding| (finding.object.name.clone(), finding.text.clone()))
        .collect()
}

#[test]
fn hosts_of_one_shard_stand_as_the_oldest_says_and_the_others_are_told() {
    let asking = |name: &str, setting: &str| {
        let mut space = namespace(name);
        space.json["metadata"] = json!({"annotations": {NAME: setting}});
        space
    };
    // All hosts come to one shard.
    let settings = ALONE.replace("LARGE", "SMALL");
    let envs = envs(&settings, Scheme::Ako);
    let mut world = World::of([
        class(),
        setting("edge", &json!({"network": {"enableRhi": true}})),
        setting("core", &json!({"network": {"enableRhi": false}})),
        asking("e1", "edge"),
        asking("e2", "edge"),
        asking("c", "core"),
        namespace("none"),
        ingress(("e1", "older", 1), "e1.x", &["/"], false),
        ingress(("e2", "same", 4), "e2.x", &["/"], false),
        ingress(("c", "other", 2), "c.x", &["/"], true),
        ingress(("none", "plain", 0), "n.x", &["/"], false),
        secret("c", "tls"),
        service("e1", "web"),
        service("e2", "web"),
        service("c", "web"),
        service("none", "web"),
    ]);
    let told = |built: &Built, name: &str, by: &str, not: &str| {
        let text = format!("stands as AviInfraSetting {by} of an older object says, not as {not}");
        let all = differing(built);
        assert!(
            all.iter().any(|(of, it)| of == name && it.contains(&text)),
            "{all:?} of {:#?}",
            built.findings()
        );
        all.len()
    };
    let mut builder = Builder::default();
    let built = builder.build(&world.store.snapshot(), &envs);
    check_equal(&built, &fresh(&world, &envs));
    assert_eq!(told(&built, "other", "edge", "core"), 1);

    // One that is older than all comes: those who were right until now are told, and touched.
    let oldest = ingress(("c", "oldest", 0), "d.x", &["/"], false);
    world.put(oldest.clone());
    let built = builder.build(&world.store.snapshot(), &envs);
    check_equal(&built, &fresh(&world, &envs));
    told(&built, "older", "core", "edge");
    assert_eq!(told(&built, "same", "core", "edge"), 2);
    let touched: Vec<&str> = built.touched.iter().map(|key| key.name.as_str()).collect();
    for name in ["older", "other", "same"] {
        assert!(touched.contains(&name), "{touched:?}");
    }
    assert_eq!(built.counts.evaluated, 1, "{:?}", built.counts);

    // It goes, and all is as it was.
    world.delete(&oldest.key);
    let built = builder.build(&world.store.snapshot(), &envs);
    check_equal(&built, &fresh(&world, &envs));
    assert_eq!(told(&built, "other", "edge", "core"), 1);
    // A setting of its own tenant is met by nobody.
    let mut own = asking("c", "core");
    own.json["metadata"]["annotations"]["ako.vmware.com/tenant-name"] = "blue".into();
    world.put(own);
    let built = builder.build(&world.store.snapshot(), &envs);
    check_equal(&built, &fresh(&world, &envs));
    assert_eq!(differing(&built), []);
}
