use super::{IngressClass, accepts, infra_setting};
use crate::Fact;
use crate::world::{World, cluster, codes, parse};
use aviary_types::Code;

fn class(yaml: &str) -> IngressClass {
    match parse(yaml).fact {
        Some(Fact::IngressClass(class)) => *class,
        other => panic!("no IngressClass: {other:?}"),
    }
}

#[test]
fn controller_and_default_are_read() {
    let check = |yaml: &str, ours: bool, default: bool| {
        let want = IngressClass {
            ours,
            default,
            infra_setting: None,
        };
        assert_eq!(class(yaml), want, "{yaml}");
    };
    let ours = "spec: {controller: ako.vmware.com/avi-lb}";
    let mark = "metadata: {annotations: {ingressclass.kubernetes.io/is-default-class:";
    check("{kind: IngressClass}", false, false);
    check(&format!("{{kind: IngressClass, {ours}}}"), true, false);
    check(
        &format!("{{kind: IngressClass, {ours}, {mark} \"true\"}}}}}}"),
        true,
        true,
    );
    check(
        &format!("{{kind: IngressClass, {ours}, {mark} \"True\"}}}}}}"),
        true,
        false,
    );
    check(
        "{kind: IngressClass, spec: {controller: ako.vmware.com/avi-lb-2}}",
        false,
        false,
    );
}

#[test]
fn what_has_another_shape_is_unreadable() {
    for bad in [
        "{kind: IngressClass, spec: text}",
        "{kind: IngressClass, spec: {controller: [a]}}",
        "{kind: IngressClass, metadata: {annotations: {a: true}}}",
    ] {
        let parsed = parse(bad);
        assert!(parsed.fact.is_none(), "{bad}");
        assert_eq!(codes(&parsed.findings), [Code::Unreadable], "{bad}");
    }
}

/// Model, section 15.1.
#[test]
fn which_ingresses_are_ours() {
    let ours =
        "{kind: IngressClass, metadata: {name: avi}, spec: {controller: ako.vmware.com/avi-lb}}";
    let other = "{kind: IngressClass, metadata: {name: nginx, annotations: {ingressclass.kubernetes.io/is-default-class: \"true\"}}, spec: {controller: x}}";
    let default = "{kind: IngressClass, metadata: {name: def, annotations: {ingressclass.kubernetes.io/is-default-class: \"true\"}}, spec: {controller: ako.vmware.com/avi-lb}}";
    let check = |classes: &[&str], name: Option<&str>, want: bool| {
        let world = World::of(&classes.join("\n---\n"));
        let name = name.map(Into::into);
        assert_eq!(
            accepts(&world, &cluster(), name.as_ref()),
            want,
            "{classes:?} {name:?}"
        );
    };
    check(&[ours, other], Some("avi"), true);
    check(&[ours, other], Some("nginx"), false);
    check(&[ours, other], Some("missing"), false);
    // A default class of another controller makes nothing ours.
    check(&[ours, other], None, false);
    check(&[ours, default], None, true);
    // An empty name is a name.
    check(&[ours, default], Some(""), false);
}

#[test]
fn the_class_of_an_ingress_names_its_infra_setting() {
    let class = |name: &str, parameters: &str, default: bool| {
        format!(
            "{{kind: IngressClass, metadata: {{name: {name}, annotations: {{ingressclass.kubernetes.io/is-default-class: '{default}'}}}}, spec: {{controller: ako.vmware.com/avi-lb, parameters: {parameters}}}}}"
        )
    };
    let infra = "{apiGroup: ako.vmware.com, kind: AviInfraSetting, name: blue}";
    let other = "{apiGroup: other, kind: AviInfraSetting, name: blue}";
    let classes = [
        class("infra", infra, true),
        class("foreign", other, false),
        class("none", "null", false),
    ];
    let world = World::of(&classes.join("\n---\n"));
    let check = |name: Option<&str>, want: Option<&str>| {
        let name = name.map(Into::into);
        let found = infra_setting(&world, &cluster(), name.as_ref());
        assert_eq!(found.as_deref(), want, "{name:?}");
    };
    check(Some("infra"), Some("blue"));
    check(None, Some("blue"));
    check(Some("foreign"), None);
    check(Some("none"), None);
    check(Some("missing"), None);
}
