//! Exact ownership: `orange` is not `orange-new` (invariant 6).

use super::site::{SHARD, bodies, plain, secure, sight, sights, vrf, wish, wishes};
use super::{Case, short};
use crate::{Journal, Right};
use aviary_avi::common::Marker;
use aviary_avi::vs_vip::VsVip;
use aviary_avi::{AviKey, AviKind, Body, ObservedObject};
use aviary_types::{DomainId, EcoString};
use serde_json::Value;

/// The body with another owner or marker.
fn changed(body: &Body, change: impl Fn(&mut Value)) -> ObservedObject {
    let mut value = serde_json::to_value(body).unwrap();
    change(&mut value);
    sight(body.kind().read(&value).unwrap())
}

fn hosts() -> [super::site::Host; 2] {
    [plain("p.x", "here"), secure("s.x", "here")]
}

#[test]
fn objects_of_others_are_neither_written_nor_deleted() {
    type Change = fn(&mut Value);
    let foreign: [Change; 5] = [
        |body| body["created_by"] = "ako-orange-new".into(),
        |body| body["created_by"] = "ako-orang".into(),
        |body| body["markers"][0]["values"] = serde_json::json!(["orange-new"]),
        |body| body["markers"][0]["values"] = serde_json::json!(["orange", "apple"]),
        |body| body["markers"] = serde_json::json!([]),
    ];
    for change in foreign {
        let made_by = |body: &&Body| body.created_by().is_some();
        let others = bodies(&hosts());
        let others: Vec<_> = others
            .iter()
            .filter(made_by)
            .map(|body| changed(body, change))
            .collect();
        // Nobody wants them.
        let gone = Case::new(vec![], others.clone()).plan();
        assert!(gone.ops.is_empty() && gone.holds.is_empty());
        // We want objects of their names, in another form.
        let wanted = wishes(&[
            plain("p.x", "here"),
            secure("s.x", "here"),
            plain("q.x", "here"),
        ]);
        let plan = Case::new(wanted, others.clone()).plan();
        for other in &others {
            let op = plan.ops.iter().find(|op| op.key.object == other.key);
            assert!(op.is_none(), "{op:?}");
            assert!(plan.holds.iter().any(|hold| hold.object == other.key));
        }
    }
}

#[test]
fn what_the_gateway_program_made_is_not_ours() {
    let mut vip = bodies(&[]).remove(0);
    if let Body::VsVip(vip) = &mut vip {
        vip.name = "ako-gw-orange--x".into();
    }
    assert!(Case::new(vec![], vec![sight(vip)]).plan().ops.is_empty());
}

fn vip(name: &str) -> ObservedObject {
    sight(Body::from(VsVip {
        name: name.into(),
        markers: vec![Marker::one("clustername", "orange")],
        ..VsVip::default()
    }))
}

#[test]
fn a_vip_that_nobody_refers_to_is_ours_by_the_journal_alone() {
    let mut case = Case::new(vec![], vec![vip("orange--lost")]);
    assert!(case.plan().ops.is_empty());
    // Of another instance of the cluster, which may be configured no more: its services are not seen.
    let other = DomainId::of_text("orange/second");
    let name = || EcoString::from("orange--lost");
    case.journal.note(name(), Some(other.clone()), Right::Makes);
    assert!(case.plan().ops.is_empty());
    // Wanting the name, too, takes nothing from it.
    let ours = DomainId::of_text("orange");
    case.journal.note(name(), Some(ours.clone()), Right::Makes);
    assert!(case.plan().ops.is_empty());
    case.journal.note(name(), Some(ours), Right::Refers);
    assert_eq!(short(&case.plan()), ["delete vsvip orange--lost"]);
    // One of which nobody said whose it is.
    case.journal = Journal::default();
    case.journal.note(name(), None, Right::Makes);
    assert_eq!(short(&case.plan()), ["delete vsvip orange--lost"]);
    case.journal.note(name(), Some(other), Right::Makes);
    assert!(case.plan().ops.is_empty());
}

#[test]
fn a_vip_of_an_owned_service_is_ours() {
    let case = Case::new(vec![], sights(&[plain("p.x", "here")]));
    let plan = short(&case.plan());
    assert!(plan.contains(&format!("delete vsvip {SHARD}")));
    assert_eq!(plan.len(), case.observed.objects.len());
    // Referred to by a service of another, it is not.
    let is_parent = |body: &&Body| matches!(body, Body::VirtualService(_) | Body::VsVip(_));
    let others = bodies(&[]);
    let others = others.iter().filter(is_parent).map(|body| {
        changed(body, |body| {
            if body.get("created_by").is_some() {
                body["created_by"] = "ako-orange-new".into();
            }
        })
    });
    assert!(Case::new(vec![], others.collect()).plan().ops.is_empty());
}

#[test]
fn shared_objects_are_only_merged() {
    let routes = |wanted: &[(&str, u8)], seen: &[(&str, u8)]| {
        Case::new(
            vec![wish(vrf(wanted).into())],
            vec![sight(vrf(seen).into())],
        )
    };
    let left = |case: &Case| -> Vec<EcoString> {
        let key = AviKey::of(&vrf(&[]).into(), &"admin".into());
        let Body::VrfContext(vrf) = &*case.observed.objects[&key].body else {
            panic!("no VRF")
        };
        vrf.static_routes
            .iter()
            .map(|route| route.route_id.clone())
            .collect()
    };
    let mut case = routes(
        &[("orange", 1)],
        &[("apple", 9), ("orange", 2), ("orange-new", 3)],
    );
    let plan = case.plan();
    assert_eq!(short(&plan), ["update vrfcontext global"]);
    case.apply(&plan);
    assert_eq!(left(&case), ["apple-9-0", "orange-new-3-0", "orange-1-0"]);
    assert!(short(&case.plan()).is_empty());
    // It is never made, and never deleted.
    let missing = Case::new(vec![wish(vrf(&[("orange", 1)]).into())], vec![]).plan();
    assert!(missing.ops.is_empty() && missing.holds.len() == 1);
    let unwanted = Case::new(vec![], vec![sight(vrf(&[("orange", 1)]).into())]).plan();
    assert!(unwanted.ops.is_empty());
    assert!(
        plan.ops
            .iter()
            .all(|op| op.key.object.kind == AviKind::VrfContext)
    );
}
