use super::{Namespace, tenant};
use crate::Fact;
use crate::world::{World, codes, parse};
use aviary_types::{Code, TenantName};

fn namespace(yaml: &str) -> Namespace {
    match parse(yaml).fact {
        Some(Fact::Namespace(namespace)) => *namespace,
        other => panic!("no Namespace: {other:?}"),
    }
}

#[test]
fn labels_and_tenant_are_read() {
    let read = namespace(
        "{kind: Namespace, metadata: {labels: {app: shop}, annotations: {ako.vmware.com/tenant-name: blue}}}",
    );
    assert_eq!(read.labels.get("app").map(AsRef::as_ref), Some("shop"));
    assert_eq!(read.tenant.as_deref(), Some("blue"));
    let empty = "{kind: Namespace, metadata: {annotations: {ako.vmware.com/tenant-name: \"\"}}}";
    assert_eq!(namespace(empty).tenant, None);
    assert_eq!(
        namespace("{kind: Namespace}"),
        namespace("{kind: Namespace, metadata: {}}")
    );
}

#[test]
fn what_has_another_shape_is_unreadable() {
    for bad in [
        "{kind: Namespace, metadata: 7}",
        "{kind: Namespace, metadata: {labels: [a]}}",
        "{kind: Namespace, metadata: {labels: {a: {b: c}}}}",
        "{kind: Namespace, metadata: {annotations: text}}",
    ] {
        let parsed = parse(bad);
        assert!(parsed.fact.is_none(), "{bad}");
        assert_eq!(codes(&parsed.findings), [Code::Unreadable], "{bad}");
    }
}

#[test]
fn selectors_blocks_and_tenants_decide() {
    let world = |settings: &str| {
        World::of(
            "{kind: Namespace, metadata: {name: shop, labels: {app: shop}, annotations: {ako.vmware.com/tenant-name: blue}}}
---
{kind: Namespace, metadata: {name: plain}}",
        )
        .under(settings)
    };
    let check = |settings: &str, name: &str, want: Option<&str>| {
        let found = tenant(&world(settings), name);
        assert_eq!(
            found.as_ref().map(TenantName::as_str),
            want,
            "{settings} {name}"
        );
    };
    let green = "{ControllerSettings: {tenantName: green}}";
    let selects = "{AKOSettings: {namespaceSelector: {labelKey: app, labelValue: shop}}}";
    let blocks = "{AKOSettings: {blockedNamespaceList: [shop]}}";
    check("{}", "shop", Some("blue"));
    check("{}", "plain", Some("admin"));
    check(green, "plain", Some("green"));
    check(green, "shop", Some("blue"));
    check(selects, "shop", Some("blue"));
    check(selects, "plain", None);
    check(selects, "never-seen", None);
    check(blocks, "shop", None);
    check(blocks, "plain", Some("admin"));
}
