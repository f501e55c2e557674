//! What holds for every room.

use crate::objects::{AviKey, AviKind};
use crate::reference::Ref;
use crate::samples::{KINDS, as_answered, value};
use aviary_types::TenantName;
use proptest::prelude::*;

#[test]
fn reference_bodies_are_printed_as_they_were_read() {
    for (name, kind) in KINDS {
        let body = kind.read(&value(name)).unwrap();
        assert_eq!(body.kind(), *kind);
        assert_eq!(serde_json::to_value(&body).unwrap(), value(name), "{name}");
    }
}

#[test]
fn a_controller_that_fills_in_defaults_needs_no_write() {
    for (name, kind) in KINDS {
        let sent = value(name);
        let desired = kind.read(&sent).unwrap();
        let observed = kind.read(&as_answered(*kind, &sent)).unwrap();
        assert!(desired.same(&observed), "{name}: {observed:?}");
    }
}

#[test]
fn a_minimal_body_is_what_its_defaults_say() {
    for kind in [AviKind::Pool, AviKind::VirtualService, AviKind::PoolGroup] {
        let sent = serde_json::json!({ "name": "x" });
        let desired = kind.read(&sent).unwrap();
        let observed = kind.read(&as_answered(kind, &sent)).unwrap();
        assert!(desired.same(&observed), "{kind}");
    }
}

#[test]
fn bodies_of_other_kinds_are_never_the_same() {
    let read = |name: &str, kind: AviKind| kind.read(&value(name)).unwrap();
    let (pool, group) = (
        read("pool", AviKind::Pool),
        read("shared_pg", AviKind::PoolGroup),
    );
    assert!(!pool.same(&group));
}

#[test]
fn masked_bodies_show_no_key() {
    let cert = AviKind::SslKeyAndCertificate.read(&value("cert")).unwrap();
    let sent = serde_json::to_value(&cert).unwrap();
    assert_eq!(sent["key"], "KEY");
    let shown = serde_json::to_value(cert.masked()).unwrap();
    assert_eq!(shown["key"], "<sensitive>");
    assert!(!format!("{cert:?}").contains("KEY\""));
}

#[test]
fn keys_lead_from_an_object_to_what_it_refers_to() {
    let parent = AviKind::VirtualService.read(&value("sni_parent")).unwrap();
    let key = AviKey::of(&parent, &TenantName::new("other"));
    assert_eq!(key.tenant.as_str(), "admin");
    let targets: Vec<_> = parent
        .refs()
        .into_iter()
        .filter_map(|r| key.target(r))
        .map(|target| target.kind)
        .collect();
    let want = [
        AviKind::HttpPolicySet,
        AviKind::VsDataScriptSet,
        AviKind::VsVip,
    ];
    assert_eq!(targets, want);
}

proptest! {
    /// A reference means the same object after it was sent and read, whatever its name.
    #[test]
    fn references_survive_the_wire(name in "[a-zA-Z0-9 ._*/:-]{1,40}", escaped: bool) {
        let (tenant, pool) = (Ref::tenant(name.as_str()), Ref::slash("pool", name.as_str()));
        let reference = if escaped { tenant } else { pool };
        let json = serde_json::to_string(&reference).unwrap();
        let read: Ref = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read.name.as_str(), name.as_str());
        prop_assert_eq!(read, reference);
    }

    /// Nothing that a Controller may say makes reading a reference panic.
    #[test]
    fn reading_references_is_total(text: String) {
        let _ = Ref::parse(&text);
    }
}
