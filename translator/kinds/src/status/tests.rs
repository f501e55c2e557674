use super::{Claim, LoadBalancerEntry, Report, Reported, Wish, wishes};
use crate::service::KIND;
use crate::world::cluster;
use aviary_types::{Code, EcoString, Finding, ObjectKey};

fn entry(host: &str) -> LoadBalancerEntry {
    LoadBalancerEntry {
        ip: "10.0.0.1".into(),
        hostname: host.into(),
    }
}

fn reported(hosts: &[&str]) -> Reported {
    Reported {
        load_balancer: hosts.iter().map(|host| entry(host)).collect(),
        ..Reported::default()
    }
}

fn report(hosts: &[&str]) -> Report {
    let claim = |host: &&str| Claim {
        host: (*host).into(),
        service: "c1--vs".into(),
        service_uuid: "u".into(),
        addresses: vec!["10.0.0.1".into()],
        tenant: "admin".into(),
    };
    Report {
        claims: hosts.iter().map(claim).collect(),
        events: true,
        ..Report::default()
    }
}

/// Reasons and notes of the Events that bring `before` to `after`.
fn events(before: &[&str], report: &Report) -> Vec<(bool, EcoString, EcoString)> {
    let hosts = report.claims.iter().map(|claim| claim.host.as_str());
    let entries = hosts.map(entry).collect();
    let wishes = wishes(&reported(before), entries, report).into_iter();
    wishes
        .filter_map(|wish| match wish {
            Wish::Event {
                warning,
                reason,
                note,
            } => Some((warning, reason, note)),
            Wish::Status(_) | Wish::Annotations(_) => None,
        })
        .collect()
}

#[test]
fn a_host_that_is_gained_or_lost_is_an_event() {
    let told = |before: &[&str], after: &[&str]| -> Vec<String> {
        let events = events(before, &report(after));
        assert!(events.iter().all(|(warning, ..)| !warning));
        events
            .iter()
            .map(|(_, reason, note)| format!("{reason}: {note}"))
            .collect()
    };
    assert_eq!(
        told(&["a.x", "b.x"], &["b.x", "c.x"]),
        [
            "Synced: host c.x is served by virtual service c1--vs",
            "Removed: host a.x is served by no virtual service any more",
        ]
    );
    assert_eq!(
        told(&[], &[""]),
        ["Synced: the load balancer is served by virtual service c1--vs"]
    );
    // What stands already is no news, over a restart neither.
    assert_eq!(told(&["a.x"], &["a.x"]), [""; 0]);
}

#[test]
fn normal_events_are_sent_if_they_are_wanted_and_warnings_always() {
    let key = ObjectKey::new(&cluster(), KIND, "a", "s");
    let quiet = Report {
        events: false,
        findings: vec![Finding::new(&key, Code::DuplicateHostPath, "twice", "once")],
        ..report(&["a.x"])
    };
    let told = events(&[], &quiet);
    let want = (true, "DuplicateHostPath".into(), "twice; once".into());
    assert_eq!(told, [want]);
}
