//! Each rule of a plan, broken on purpose.

use super::site::{Host, SHARD, plain, secure, sights, wishes};
use super::{Case, Doubts};
use crate::{Method, OpKey, Plan, Rule, check, diff, guard};
use aviary_avi::AviKind;

/// What is found after a change of a good plan: rule and name.
fn broken(case: &Case, change: impl FnOnce(&mut Plan)) -> Vec<(Rule, String)> {
    case.with(None, |input| {
        let mut plan = diff(input);
        assert_eq!(check(input, &plan), []);
        change(&mut plan);
        let found = check(input, &plan).into_iter();
        found
            .map(|it| (it.rule, it.op.object.name.to_string()))
            .collect()
    })
}

fn place(plan: &Plan, method: Method, kind: AviKind, name: &str) -> usize {
    let is_it = |key: &OpKey| key.object.kind == kind && key.object.name == name;
    plan.ops
        .iter()
        .position(|op| op.method == method && is_it(&op.key))
        .unwrap()
}

fn growing() -> Case {
    Case::new(wishes(&[plain("p.x", "a"), secure("s.x", "a")]), vec![])
}

fn shrinking() -> Case {
    let hosts = [plain("p.x", "a"), plain("q.x", "a")];
    Case::new(wishes(&hosts[..1]), sights(&hosts))
}

#[test]
fn references_resolve() {
    let mut case = growing();
    let pool = plain("p.x", "a").pool();
    let key = case
        .desired
        .objects
        .keys()
        .find(|key| key.name == pool)
        .unwrap()
        .clone();
    case.desired.remove(&key);
    let found = case.with(None, |input| check(input, &diff(input)));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].rule, found[0].op.object.name.as_str()),
        (Rule::Reference, SHARD)
    );
}

#[test]
fn what_is_deleted_is_referred_to_by_nothing() {
    let found = broken(&shrinking(), |plan| {
        plan.ops
            .retain(|op| op.key.object.kind != AviKind::PoolGroup);
    });
    let pool = plain("q.x", "a").pool().to_string();
    assert_eq!(found, [(Rule::InUse, pool)]);
}

#[test]
fn nothing_of_others_is_touched() {
    let found = broken(&shrinking(), |plan| {
        let at = place(
            plan,
            Method::Delete,
            AviKind::Pool,
            &plain("q.x", "a").pool(),
        );
        plan.ops[at].key.object.tenant = "other".into();
    });
    assert!(
        found.iter().any(|(rule, _)| *rule == Rule::Ownership),
        "{found:?}"
    );
    let found = broken(&growing(), |plan| {
        let at = place(
            plan,
            Method::Create,
            AviKind::Pool,
            &plain("p.x", "a").pool(),
        );
        plan.ops[at].method = Method::Update;
    });
    assert!(
        found.iter().any(|(rule, _)| *rule == Rule::Ownership),
        "{found:?}"
    );
}

#[test]
fn names_are_legal() {
    let found = broken(&growing(), |plan| {
        let at = place(
            plan,
            Method::Create,
            AviKind::SslKeyAndCertificate,
            "orange--s.x",
        );
        plan.ops[at].key.object.name = "n".repeat(256).into();
    });
    assert_eq!(found, [(Rule::Name, "n".repeat(256))]);
}

#[test]
fn nothing_goes_before_what_it_waits_for() {
    let found = broken(&growing(), |plan| plan.ops.reverse());
    assert!(
        found.iter().any(|(rule, _)| *rule == Rule::Order),
        "{found:?}"
    );
}

#[test]
fn nothing_is_deleted_that_stands_for_what_is_not_known() {
    let mut case = shrinking();
    let plan = case.plan();
    case.doubts = Doubts {
        namespaces: ["a".to_owned()].into(),
        ..Doubts::default()
    };
    let found = case.with(None, |input| check(input, &plan));
    assert!(
        found.iter().any(|it| it.rule == Rule::Knowledge),
        "{found:?}"
    );
}

/// Hosts `h0.x` and on.
fn many(count: usize, secure: bool) -> Vec<Host> {
    let leak = |number| -> &'static str { Box::leak(format!("h{number}.x").into_boxed_str()) };
    (0..count)
        .map(|number| Host {
            secure,
            ..plain(leak(number), "a")
        })
        .collect()
}

#[test]
fn a_plan_that_takes_much_at_once_is_told() {
    for is_secure in [true, false] {
        let asks = |left: usize, of: usize, percent: u8| {
            let hosts = many(of, is_secure);
            let case = Case::new(wishes(&hosts[..left]), sights(&hosts));
            let plan = case.plan();
            case.with(None, |input| guard(input, &plan, percent))
                .is_some()
        };
        assert!(asks(5, 20, 50));
        assert!(!asks(12, 20, 50), "a smaller share");
        assert!(!asks(0, 9, 50), "a small domain");
        assert!(!asks(0, 40, 100), "never asked for");
    }
    // What comes back under another name is not lost.
    let hosts = many(20, false);
    let renamed: Vec<Host> = hosts
        .iter()
        .map(|host| Host {
            ingress: "j",
            ..host.clone()
        })
        .collect();
    let case = Case::new(wishes(&renamed), sights(&hosts));
    let plan = case.plan();
    assert_eq!(case.with(None, |input| guard(input, &plan, 50)), None);
}

#[test]
fn the_last_routes_to_pods_go_once_no_pool_leads_there() {
    let host = plain("p.x", "a");
    let with_vrf = |routes: &[(&str, u8)]| {
        let mut bodies = super::site::bodies(std::slice::from_ref(&host));
        bodies.push(super::site::vrf(routes).into());
        bodies
    };
    let mut wanted = with_vrf(&[]);
    for body in &mut wanted {
        if let aviary_avi::Body::Pool(pool) = body {
            pool.servers.clear();
        }
    }
    let observed = with_vrf(&[("orange", 1), ("other", 2)]);
    let case = Case::new(
        wanted.into_iter().map(super::site::wish).collect(),
        observed.into_iter().map(super::site::sight).collect(),
    );
    let plan = case.plan();
    let kinds: Vec<AviKind> = plan.ops.iter().map(|op| op.key.object.kind).collect();
    assert_eq!(kinds, [AviKind::Pool, AviKind::VrfContext]);
    assert_eq!(plan.ops[1].after, [plan.ops[0].key.clone()]);
}
