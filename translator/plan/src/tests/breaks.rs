//! What interrupts traffic is marked, stands side by side, and goes as a whole or not at all.

use super::{Case, line, orange};
use crate::{BreakReason, Method, Op, Plan, Rule, check, diff, interruptions, leave_out};
use aviary_avi::common::{IpAddr, Marker};
use aviary_avi::pool::Pool;
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::vrf_context::VrfContext;
use aviary_avi::vs_vip::{DnsInfo, Vip, VsVip};
use aviary_avi::{AviKey, Body, DesiredObject, ObservedObject, Presence, Ref};
use aviary_types::{Digest, EcoString};

/// A load balancer with an address: its pool, VsVip and virtual service.
#[derive(Clone, Copy)]
struct Balancer {
    tenant: &'static str,
    name: &'static str,
    /// Its name in DNS.
    dns: &'static str,
    address: &'static str,
    vrf: &'static str,
}

const A: Balancer = Balancer {
    tenant: "admin",
    name: "a",
    dns: "a.x",
    address: "10.0.0.1",
    vrf: "global",
};
const B: Balancer = Balancer {
    name: "b",
    dns: "b.x",
    address: "10.0.0.2",
    ..A
};

impl Balancer {
    fn at(self, address: &'static str) -> Self {
        Self { address, ..self }
    }

    fn bodies(self) -> [(AviKey, Body); 3] {
        let markers = vec![Marker::cluster(&orange())];
        let name = EcoString::from(self.name);
        let vrf = Some(Ref::plain("vrfcontext", self.vrf));
        let pool = Pool {
            name: name.clone(),
            vrf_ref: vrf.clone(),
            created_by: Some(orange().user()),
            markers: markers.clone(),
            ..Pool::default()
        };
        let vip = VsVip {
            name: name.clone(),
            dns_info: vec![DnsInfo {
                fqdn: self.dns.into(),
            }],
            vip: vec![Vip {
                vip_id: "0".into(),
                auto_allocate_ip: true,
                ip_address: Some(IpAddr::new(self.address)),
                ..Vip::default()
            }],
            vrf_context_ref: vrf.clone(),
            markers: markers.clone(),
            ..VsVip::default()
        };
        let service = VirtualService {
            name: name.clone(),
            created_by: Some(orange().user()),
            vrf_context_ref: vrf,
            vsvip_ref: Some(Ref::slash("vsvip", name.clone())),
            pool_ref: Some(Ref::slash("pool", name)),
            markers,
            ..VirtualService::default()
        };
        let tenant = self.tenant.into();
        [pool.into(), vip.into(), service.into()]
            .map(|body: Body| (AviKey::of(&body, &tenant), body))
    }

    fn wish(self) -> impl Iterator<Item = DesiredObject> {
        self.bodies().into_iter().map(|(key, body)| DesiredObject {
            domain: orange(),
            digest: Digest::of_value(&(&key, &body)),
            body: body.into(),
            provenance: std::sync::Arc::default(),
            presence: Presence::Always,
            key,
        })
    }

    fn sight(self) -> impl Iterator<Item = ObservedObject> {
        let seen = |(key, body): (AviKey, Body)| super::site::seen(body.into(), &key);
        self.bodies().into_iter().map(seen)
    }
}

fn case(desired: &[Balancer], observed: &[Balancer]) -> Case {
    let wishes = desired.iter().flat_map(|it| it.wish());
    Case::new(
        wishes.collect(),
        observed.iter().flat_map(|it| it.sight()).collect(),
    )
}

/// The lines of the operations, those of interruptions with their reason.
fn told(plan: &Plan) -> Vec<String> {
    let reason = |op: &Op| match op.breaks {
        Some(reason) => format!("{} ({})", line(op), reason.name()),
        None => line(op),
    };
    plan.ops.iter().map(reason).collect()
}

#[test]
fn another_static_address_is_a_marked_break_of_its_host_alone() {
    let mut case = case(&[A.at("10.0.0.9"), B], &[A, B]);
    let plan = case.plan();
    let want = [
        "delete virtualservice a (static_vip_changed)",
        "delete vsvip a (static_vip_changed)",
        "create vsvip a (static_vip_changed)",
        "create virtualservice a (static_vip_changed)",
    ];
    assert_eq!(told(&plan), want);
    assert_eq!(interruptions(&plan.ops).len(), 1);
    case.apply(&plan);
    assert!(case.plan().ops.is_empty());
}

/// Neither VRF nor router of what stands can change: pools follow while nothing uses them, when there
/// are routes to them; those of the former VRF go last.
#[test]
fn another_vrf_is_a_marked_break_of_each_vip() {
    let [a, b] = [A, B].map(|it| Balancer { vrf: "blue", ..it });
    let mut case = case(&[a, b], &[A, B]);
    let vrf = |name: &str, routes: &[(&str, u8)]| -> Body {
        let vrf = super::site::vrf(routes);
        let name = name.into();
        VrfContext { name, ..vrf }.into()
    };
    let routes = [("orange", 1)];
    for body in [vrf("blue", &routes), vrf("global", &[])] {
        case.desired.insert(super::site::wish(body).into());
    }
    for body in [vrf("blue", &[]), vrf("global", &routes)] {
        case.observed.insert(super::site::sight(body));
    }
    let plan = case.plan();
    let of = |name: &str| {
        let calls = [
            "delete virtualservice",
            "delete vsvip",
            "update pool",
            "create vsvip",
            "create virtualservice",
        ];
        calls.map(|call| format!("{call} {name} (routing_changed)"))
    };
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    let told = told(&plan);
    assert_eq!(told.first().unwrap(), "update vrfcontext blue");
    assert_eq!(told.last().unwrap(), "update vrfcontext global");
    assert_eq!(interruptions(&plan.ops).len(), 2);
    for (name, lines) in ["a", "b"].into_iter().zip(told[1..11].chunks(5)) {
        assert_eq!(sorted(lines.to_vec()), sorted(of(name).to_vec()));
        let place = |call: &str| lines.iter().position(|it| it.starts_with(call)).unwrap();
        assert!(place("delete virtualservice") < place("update pool"));
        assert!(place("update pool") < place("create virtualservice"));
    }
    case.apply(&plan);
    assert!(case.plan().ops.is_empty());
}

#[test]
fn addresses_that_are_exchanged_are_given_up_before_they_are_taken() {
    let mut case = case(&[A.at(B.address), B.at(A.address)], &[A, B]);
    let plan = case.plan();
    assert_eq!(plan.ops.len(), 8);
    let place = |method: Method, name: &str| {
        let of = |op: &Op| op.method == method && line(op).ends_with(&format!("vsvip {name}"));
        plan.ops.iter().position(of).unwrap()
    };
    assert!(place(Method::Delete, "b") < place(Method::Create, "a"));
    assert!(place(Method::Delete, "a") < place(Method::Create, "b"));
    case.apply(&plan);
    assert!(case.plan().ops.is_empty());
}

#[test]
fn an_address_that_others_keep_interrupts_nobody() {
    // The Controller refuses the update, and the old address goes on.
    let taken = case(&[A.at(B.address), B], &[A, B]);
    assert_eq!(told(&taken.plan()), ["update vsvip a"]);
    // So it is with one that waits for such a one.
    let c = Balancer {
        name: "c",
        dns: "c.x",
        address: "10.0.0.3",
        ..A
    };
    let chain = case(&[A.at(B.address), B.at(c.address), c], &[A, B, c]);
    assert_eq!(told(&chain.plan()), ["update vsvip a", "update vsvip b"]);
}

#[test]
fn an_address_moves_to_another_tenant_in_one_break() {
    let blue = Balancer {
        tenant: "blue",
        ..A
    };
    let mut case = case(&[blue], &[A]);
    let plan = case.plan();
    let want = [
        "create pool a",
        "delete virtualservice a (same_address_new_tenant)",
        "delete vsvip a (same_address_new_tenant)",
        "create vsvip a (same_address_new_tenant)",
        "create virtualservice a (same_address_new_tenant)",
        "delete pool a",
    ];
    assert_eq!(told(&plan), want);
    case.apply(&plan);
    assert!(case.plan().ops.is_empty());
}

#[test]
fn an_address_that_goes_to_another_host_waits_and_interrupts_nobody() {
    let next = B.at(A.address);
    let mut case = case(&[next], &[A]);
    let plan = case.plan();
    assert!(plan.ops.iter().all(|op| op.breaks.is_none()));
    let lines = told(&plan);
    let place = |wanted: &str| lines.iter().position(|line| line == wanted).unwrap();
    assert!(place("delete vsvip a") < place("create vsvip b"));
    case.apply(&plan);
    assert!(case.plan().ops.is_empty());
}

#[test]
fn who_merely_joins_is_not_interrupted() {
    // Of two that come to share a VIP only the one whose address it has is interrupted.
    let pair = Balancer {
        name: "pair",
        dns: "a.x",
        address: B.address,
        ..A
    };
    let mut case = case(&[pair], &[A, Balancer { dns: "a.x", ..B }]);
    let plan = case.plan();
    let lines = told(&plan);
    let place = |wanted: &str| lines.iter().position(|line| line == wanted).unwrap();
    let last = lines
        .iter()
        .rposition(|line| line.contains("same_address"))
        .unwrap();
    assert!(last < place("delete virtualservice a"), "{lines:?}");
    case.apply(&plan);
    assert!(case.plan().ops.is_empty());
}

#[test]
fn what_is_not_ours_is_not_made_anew() {
    let mut case = case(&[A.at("10.0.0.9")], &[A]);
    let foreign = ObservedObject {
        key: AviKey {
            name: "theirs".into(),
            ..A.bodies()[2].0.clone()
        },
        ..super::site::seen(
            Body::from(VirtualService {
                name: "theirs".into(),
                vsvip_ref: Some(Ref::slash("vsvip", "a")),
                ..VirtualService::default()
            })
            .into(),
            &A.bodies()[2].0,
        )
    };
    case.observed.insert(foreign);
    assert_eq!(told(&case.plan()), ["update vsvip a"]);
}

#[test]
fn an_interruption_is_left_out_as_a_whole() {
    let plan = case(&[A.at("10.0.0.9"), B.at("10.0.0.8")], &[A, B]).plan();
    for at in 0..plan.ops.len() {
        let mut ops = plan.ops.clone();
        let key = ops[at].key.clone();
        let out = leave_out(&mut ops, |op| op.key == key);
        let name = &key.object.name;
        assert_eq!((ops.len(), out.len()), (4, 4), "{name}");
        assert!(out.iter().all(|op| op.key.object.name == *name));
    }
}

#[test]
fn nothing_comes_between() {
    let case = case(&[A.at("10.0.0.9"), B], &[A]);
    let found = case.with(None, |input| {
        let mut plan = diff(input);
        assert_eq!(check(input, &plan), []);
        let first = plan.ops.iter().position(|op| op.breaks.is_some()).unwrap();
        let pool = plan.ops.remove(0);
        assert_eq!(pool.breaks, None);
        plan.ops.insert(first, pool);
        check(input, &plan)
    });
    assert!(
        found.iter().any(|it| it.rule == Rule::Adjacent),
        "{found:?}"
    );
}

#[test]
fn every_reason_is_in_the_document() {
    let page = include_str!("../../../../docs/breaks.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let named: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    let mut all = BreakReason::ALL.map(BreakReason::name).to_vec();
    all.sort_unstable();
    let mut sorted = named.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, all);
}
