use super::{AviInfraSetting, Binding, Checked, check, of_ingress, of_service};
use crate::Fact;
use crate::rooms::KindRoom;
use crate::status::{Report, Verdict, Wish};
use crate::world::{World, codes, parse};
use aviary_avi::{Census, Named, Standing};
use aviary_settings::{NetworkRef, ShardSize};
use aviary_types::{Code, EcoString, Finding};
use std::sync::Arc;

fn setting(spec: &str) -> AviInfraSetting {
    match parse(&format!("{{kind: AviInfraSetting, spec: {spec}}}")).fact {
        Some(Fact::AviInfraSetting(setting)) => *setting,
        other => panic!("no AviInfraSetting: {other:?}"),
    }
}

#[test]
fn every_field_is_read() {
    let read = setting(
        "{seGroup: {name: g}, nsxSettings: {t1lr: /infra/t}, l7Settings: {shardSize: DEDICATED}, \
         network: {vipNetworks: [{networkName: net, networkUUID: u, v6cidr: 2002::/64}], \
         nodeNetworks: [{networkName: m, cidrs: [10.0.0.0/8]}], enableRhi: true, \
         bgpPeerLabels: [p], enablePublicIP: false, \
         listeners: [{port: 8080}, {port: 8443, enableSSL: true, enableHTTP2: true}]}}",
    );
    assert_eq!(read.se_group.as_deref(), Some("g"));
    assert_eq!(read.t1lr.as_deref(), Some("/infra/t"));
    assert_eq!(read.shard_size, Some(ShardSize::Dedicated));
    // The uuid counts where both stand.
    assert_eq!(read.vip_networks[0].network, NetworkRef::Uuid("u".into()));
    assert_eq!(read.node_networks[0].cidrs.len(), 1);
    assert_eq!((read.enable_rhi, read.public_ip), (Some(true), Some(false)));
    assert_eq!(read.bgp_peer_labels, ["p"]);
    let ports = read.listeners.iter().map(|it| (it.port, it.tls, it.http2));
    assert!(ports.eq([(8080, false, false), (8443, true, true)]));
    assert_eq!(setting("{}"), AviInfraSetting::default());
}

#[test]
fn half_of_a_wrong_spec_is_not_used() {
    for (spec, code) in [
        ("{network: {bgpPeerLabels: [p]}}", Code::InvalidSpec),
        (
            "{network: {bgpPeerLabels: [p], enableRhi: false}}",
            Code::InvalidSpec,
        ),
        ("{network: {listeners: [{port: 80}]}}", Code::InvalidSpec),
        (
            "{network: {listeners: [{enableSSL: true}]}}",
            Code::InvalidSpec,
        ),
        (
            "{network: {vipNetworks: [{cidr: 10.0.0.0/8}]}}",
            Code::InvalidSpec,
        ),
        (
            "{network: {vipNetworks: [{networkName: net, cidr: 10.0.0.0}]}}",
            Code::InvalidSpec,
        ),
        (
            "{network: {vipNetworks: [{networkName: net, cidr: 2002::/64}]}}",
            Code::InvalidSpec,
        ),
        (
            "{network: {vipNetworks: [{networkName: net, v6cidr: 10.0.0.0/8}]}}",
            Code::InvalidSpec,
        ),
        (
            "{network: {nodeNetworks: [{networkName: net, cidrs: [x]}]}}",
            Code::InvalidSpec,
        ),
        ("{l7Settings: {shardSize: HUGE}}", Code::InvalidSpec),
        ("{seGroup: g}", Code::Unreadable),
        ("{network: {listeners: [{port: 70000}]}}", Code::Unreadable),
    ] {
        let parsed = parse(&format!("{{kind: AviInfraSetting, spec: {spec}}}"));
        assert!(parsed.fact.is_none(), "{spec}");
        assert_eq!(codes(&parsed.findings), [code], "{spec}");
    }
}

/// What is known of the Controller.
fn census(found: &[(Named, Standing)]) -> Arc<Census> {
    Arc::new(Census {
        named: found.iter().cloned().collect(),
        ..Census::default()
    })
}

fn group(name: &str) -> Named {
    Named::SeGroup(name.into())
}

fn network(name: &str) -> Named {
    Named::Network(name.into())
}

#[test]
fn it_is_accepted_once_everything_it_names_was_found() {
    let spec = setting("{seGroup: {name: g}, network: {vipNetworks: [{networkName: net}]}}");
    let base = "{kind: Namespace, metadata: {name: a}}";
    let check = |found: &[(Named, Standing)], cloud: &str| {
        let world = World::of(base).with(|env| {
            env.census = census(found);
            let mut inventory = (*env.inventory).clone();
            inventory.cloud_type = cloud.into();
            env.inventory = Arc::new(inventory);
        });
        check::check(&world, &spec)
    };
    let (g, n) = (group("g"), network("net"));
    let both = [
        (g.clone(), Standing::Present),
        (n.clone(), Standing::Present),
    ];
    assert_eq!(check(&[], "CLOUD_NONE"), Checked::Unknown);
    assert_eq!(check(&both[..1], "CLOUD_NONE"), Checked::Unknown);
    assert_eq!(check(&both, "CLOUD_NONE"), Checked::Accepted);
    // Subnets of AWS and Azure are not looked for.
    assert_eq!(check(&both[..1], "CLOUD_AWS"), Checked::Accepted);
    assert_eq!(check(&both[..1], "CLOUD_GCP"), Checked::Unknown);
    for wrong in [
        Standing::Absent,
        Standing::Several,
        Standing::Taken("x".into()),
    ] {
        let found = [(g.clone(), Standing::Present), (n.clone(), wrong)];
        assert!(matches!(check(&found, "CLOUD_NONE"), Checked::Rejected(_)));
    }
}

const OBJECTS: &str = "
{kind: Namespace, metadata: {name: plain}}
---
{kind: Namespace, metadata: {name: bound, annotations: {aviinfrasetting.ako.vmware.com/name: own}}}
---
{kind: Namespace, metadata: {name: gone, annotations: {aviinfrasetting.ako.vmware.com/name: none}}}
---
{kind: Namespace, metadata: {name: bad, annotations: {aviinfrasetting.ako.vmware.com/name: bad}}}
---
{kind: Namespace, metadata: {name: new, annotations: {aviinfrasetting.ako.vmware.com/name: new}}}
---
{kind: IngressClass, metadata: {name: avi}, spec: {controller: ako.vmware.com/avi-lb}}
---
{kind: IngressClass, metadata: {name: x}, spec: {controller: ako.vmware.com/avi-lb, parameters: {apiGroup: ako.vmware.com, kind: AviInfraSetting, name: x}}}
---
{kind: IngressClass, metadata: {name: own}, spec: {controller: ako.vmware.com/avi-lb, parameters: {apiGroup: ako.vmware.com, kind: AviInfraSetting, name: own}}}
---
{kind: AviInfraSetting, metadata: {name: x}}
---
{kind: AviInfraSetting, metadata: {name: own}}
---
{kind: AviInfraSetting, metadata: {name: bad}, spec: {seGroup: {name: bad}}}
---
{kind: AviInfraSetting, metadata: {name: new}, spec: {seGroup: {name: new}}}";

/// The binding in words: the setting, with a star where its name is part of names.
fn word(binding: &Binding) -> String {
    match binding {
        Binding::None => "none".into(),
        Binding::To(infra) if infra.named => format!("{}*", infra.source.name),
        Binding::To(infra) => infra.source.name.to_string(),
        Binding::Missing => "missing".into(),
        Binding::Rejected(_) => "rejected".into(),
        Binding::Unchecked(_) => "unchecked".into(),
    }
}

#[test]
fn the_class_goes_before_the_namespace() {
    let world = World::of(OBJECTS).with(|env| {
        env.census = census(&[(group("bad"), Standing::Absent)]);
    });
    let check = |namespace: &str, class: &str, want: &str, told: &[Code]| {
        let source = aviary_types::ObjectKey::new(
            &crate::world::cluster(),
            crate::ingress::KIND,
            namespace,
            "i",
        );
        let mut findings: Vec<Finding> = Vec::new();
        let class = EcoString::from(class);
        let binding = of_ingress(&world, &source, Some(&class), &mut findings);
        assert_eq!(word(&binding), want, "{namespace} {class}");
        assert_eq!(codes(&findings), told, "{namespace} {class}");
    };
    check("plain", "avi", "none", &[]);
    check("plain", "x", "x*", &[]);
    check("bound", "avi", "own", &[]);
    check("bound", "x", "x*", &[]);
    // The namespace's own is no part of names, whoever else names it.
    check("bound", "own", "own", &[]);
    check("gone", "avi", "missing", &[Code::SettingMissing]);
    check("bad", "avi", "rejected", &[Code::SettingRejected]);
    check("new", "avi", "unchecked", &[]);
}

#[test]
fn a_service_falls_back_to_the_settings_for_all() {
    let world = World::of(OBJECTS).with(|env| {
        env.census = census(&[(group("bad"), Standing::Absent)]);
    });
    let check = |namespace: &str, annotation: Option<&str>, want: &str, told: &[Code]| {
        let source = aviary_types::ObjectKey::new(
            &crate::world::cluster(),
            crate::service::KIND,
            namespace,
            "s",
        );
        let mut findings: Vec<Finding> = Vec::new();
        let annotation = annotation.map(EcoString::from);
        let binding = of_service(&world, &source, annotation.as_ref(), &mut findings);
        assert_eq!(word(&binding), want, "{namespace} {annotation:?}");
        assert_eq!(codes(&findings), told, "{namespace} {annotation:?}");
    };
    check("plain", None, "none", &[]);
    check("plain", Some("x"), "x", &[]);
    check("bound", Some("x"), "x", &[]);
    check("bound", None, "own", &[]);
    check("gone", None, "none", &[Code::SettingMissing]);
    check("bad", None, "none", &[Code::SettingRejected]);
    check("new", None, "unchecked", &[]);
}

#[test]
fn the_verdict_is_told_once_it_is_known_and_only_where_it_is_news() {
    let verdict = |text: &str| match text {
        "" => None,
        "Accepted" => Some(Verdict::Accepted),
        why => Some(Verdict::Rejected(why.into())),
    };
    let check = |status: &str, now: &str, want: &[&str]| {
        let yaml = format!("{{kind: AviInfraSetting, status: {status}}}");
        let Some(Fact::AviInfraSetting(setting)) = parse(&yaml).fact else {
            panic!("{yaml}")
        };
        let report = Report {
            verdict: verdict(now),
            ..Report::default()
        };
        let told: Vec<String> = setting.project(&report).iter().map(written).collect();
        assert_eq!(told, want, "{status} {now}");
    };
    let accepted = r#"{"error":"","status":"Accepted"}"#;
    let rejected = r#"{"error":"no","status":"Rejected"}"#;
    check("{}", "", &[]);
    check("{}", "Accepted", &[accepted]);
    check("{status: Accepted, error: ''}", "Accepted", &[]);
    check("{status: Accepted}", "no", &[rejected]);
    check("{status: Rejected, error: 'no'}", "no", &[]);
    check("{status: Rejected, error: old}", "no", &[rejected]);
    check("{status: Rejected, error: 'no'}", "Accepted", &[accepted]);
    // One that was never accepted has no fact, and is told all the same.
    let bad = parse("{kind: AviInfraSetting, spec: {l7Settings: {shardSize: HUGE}}}");
    let told: Vec<String> = AviInfraSetting::refuse(&bad.findings)
        .iter()
        .map(written)
        .collect();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("HUGE") && told[0].contains("Rejected"),
        "{told:?}"
    );
}

fn written(wish: &Wish) -> String {
    match wish {
        Wish::Status(status) => status.to_string(),
        other => format!("{other:?}"),
    }
}
