//! What stands for something that is not known stays, and nothing else does (invariant 1).

use super::site::{Host, plain, secure, sights, wishes};
use super::{Case, Doubts, names, short};
use crate::{Method, Plan};
use aviary_avi::{AviKind, Body, Observed, Presence};

/// Every way in which the hosts of namespace `lost` can be held.
fn doubts() -> Vec<Doubts> {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    vec![
        Doubts {
            namespaces: set(&["lost"]),
            ..Doubts::default()
        },
        Doubts {
            hosts: set(&["p.x", "s.x"]),
            ..Doubts::default()
        },
        Doubts {
            sources: set(&["IngressName lost/i"]),
            ..Doubts::default()
        },
    ]
}

fn served(observed: &Observed) -> (Vec<&str>, Vec<String>, Vec<String>, Vec<String>) {
    let (mut members, mut dns, mut redirects) = (Vec::new(), Vec::new(), Vec::new());
    for object in observed
        .objects
        .values()
        .filter(|object| object.key.name == super::site::SHARD)
    {
        match &*object.body {
            Body::PoolGroup(group) => {
                members.extend(group.members.iter().map(|m| m.pool_ref.name.to_string()));
            }
            Body::VsVip(vip) => dns.extend(vip.dns_info.iter().map(|dns| dns.fqdn.to_string())),
            Body::HttpPolicySet(set) => {
                let rules = set.http_request_policy.rules.iter();
                let hosts = rules.filter_map(|rule| rule.matches.as_ref()?.host_hdr.as_ref());
                redirects.extend(hosts.flat_map(|host| host.value.iter().map(ToString::to_string)));
            }
            _ => {}
        }
    }
    let children = names(observed, AviKind::VirtualService);
    (children, members, dns, redirects)
}

fn lost() -> Vec<Host> {
    vec![plain("p.x", "lost"), secure("s.x", "lost")]
}

/// Brings a Controller that has the lost hosts and `before` to `after`.
fn settle(before: &[Host], after: &[Host], doubts: Doubts) -> (Observed, Plan) {
    let all = [&lost()[..], before].concat();
    let mut case = Case::new(wishes(after), sights(&all)).doubting(doubts);
    let plan = case.plan();
    case.apply(&plan);
    assert_eq!(short(&case.plan()), Vec::<String>::new());
    (case.observed, plan)
}

#[test]
fn what_is_held_stays_in_every_list() {
    let before = [plain("old.x", "here"), secure("gone.x", "here")];
    let after = [plain("new.x", "here"), secure("fresh.x", "here")];
    for doubts in doubts() {
        let (observed, plan) = settle(&before, &after, doubts);
        let (services, members, dns, redirects) = served(&observed);
        assert_eq!(
            services,
            ["orange--Shared-L7-0", "orange--fresh.x", "orange--s.x"]
        );
        assert_eq!(members, ["orange--new.x_-here-i", "orange--p.x_-lost-i"]);
        assert_eq!(dns, ["fresh.x", "new.x", "p.x", "s.x"]);
        assert_eq!(redirects, ["fresh.x", "s.x"]);
        let held = |name: &str| plan.holds.iter().any(|hold| hold.object.name == name);
        assert!(held("orange--s.x") && held("orange--p.x_-lost-i"));
    }
}

#[test]
fn a_redirect_set_of_held_hosts_alone_stays() {
    for doubts in doubts() {
        let (observed, _) = settle(&[], &[plain("new.x", "here")], doubts);
        assert_eq!(served(&observed).3, ["s.x"]);
        let parent = observed.objects.values().find(|object| {
            object.key.name == super::site::SHARD && object.key.kind == AviKind::VirtualService
        });
        let Body::VirtualService(service) = &*parent.unwrap().body else {
            panic!("no virtual service")
        };
        assert_eq!(service.http_policies.len(), 1);
    }
}

#[test]
fn a_shard_that_nobody_wants_stays_while_something_held_hangs_on_it() {
    for doubts in doubts() {
        for lost in lost() {
            let mut case = Case::new(vec![], sights(&[lost])).doubting(doubts.clone());
            let before = case.observed.objects.len();
            let plan = case.plan();
            case.apply(&plan);
            assert_eq!(
                (case.observed.objects.len(), short(&plan)),
                (before, vec![])
            );
        }
    }
}

#[test]
fn what_is_known_to_be_gone_goes() {
    let other = Doubts {
        namespaces: ["other".to_owned()].into(),
        hosts: ["o.x".to_owned()].into(),
        sources: ["IngressName other/i".to_owned()].into(),
        ..Doubts::default()
    };
    for doubts in [Doubts::default(), other] {
        let (observed, plan) = settle(&[], &[plain("new.x", "here")], doubts);
        let (services, members, dns, redirects) = served(&observed);
        assert_eq!((services.len(), members.len(), redirects.len()), (1, 1, 0));
        assert_eq!(dns, ["new.x"]);
        assert!(plan.holds.is_empty(), "{:?}", plan.holds);
    }
}

#[test]
fn a_child_with_a_source_that_cannot_be_read_is_held_by_its_metadata() {
    let shared = [secure("s.x", "lost"), secure("s.x", "here")];
    let doubts = Doubts {
        sources: ["IngressName lost/i".to_owned()].into(),
        ..Doubts::default()
    };
    let case = Case::new(wishes(&[]), sights(&shared)).doubting(doubts);
    let plan = case.plan();
    let services = short(&plan);
    assert!(
        services
            .iter()
            .all(|line| !line.contains("virtualservice orange--s.x"))
    );
}

#[test]
fn nothing_is_done_for_a_domain_that_is_not_known() {
    let doubts = Doubts {
        domain: true,
        ..Doubts::default()
    };
    let case = Case::new(wishes(&[plain("new.x", "here")]), sights(&lost())).doubting(doubts);
    let plan = case.plan();
    assert!(plan.ops.is_empty());
    assert!(plan.holds.len() > lost().len());
    assert!(plan.holds.iter().any(|hold| hold.method == Method::Create));
}

#[test]
fn an_emptied_parent_stays_until_it_has_expired() {
    let hosts = [plain("p.x", "here")];
    let mut empty = wishes(&[]);
    for wish in &mut empty {
        wish.presence = Presence::IfObserved;
    }
    // Without the parent on the Controller none is made.
    assert!(short(&Case::new(empty.clone(), vec![]).plan()).is_empty());
    let mut case = Case::new(empty, sights(&hosts));
    let plan = case.plan();
    case.apply(&plan);
    assert_eq!(served(&case.observed).0, [super::site::SHARD]);
    assert!(served(&case.observed).1.is_empty());
    assert!(short(&case.plan()).is_empty());
    case.expired = case.desired.objects.keys().cloned().collect();
    let plan = case.plan();
    case.apply(&plan);
    assert!(case.observed.objects.is_empty());
    assert!(short(&case.plan()).is_empty());
}
