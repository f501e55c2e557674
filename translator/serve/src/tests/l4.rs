//! Connections.

use super::fixture::*;
use crate::{Listener, Probe, Protocol, Request};
use serde_json::json;

fn ask(objects: &Objects, target: &str, port: u16, protocol: Protocol) -> String {
    let listener = Listener {
        target: target.into(),
        port,
        protocol,
    };
    short(&objects.world().l4(&listener))
}

#[test]
fn port_and_protocol_choose_the_pool() {
    let objects = l4_service("lb", "lb.com", &[(53, "TCP"), (53, "UDP"), (80, "TCP")]);
    for target in ["lb", "lb.com", "LB.com", "10.10.0.7"] {
        assert_eq!(ask(&objects, target, 53, Protocol::Tcp), "lb-TCP-53");
        assert_eq!(ask(&objects, target, 53, Protocol::Udp), "lb-UDP-53");
        assert_eq!(ask(&objects, target, 80, Protocol::Tcp), "lb-TCP-80");
        assert_eq!(ask(&objects, target, 80, Protocol::Udp), "NoListener");
        assert_eq!(ask(&objects, target, 81, Protocol::Tcp), "NoListener");
    }
    assert_eq!(ask(&objects, "other", 53, Protocol::Tcp), "NoSuchTarget");
    let verdict = objects.world().http(&Request::http("lb.com", "/"));
    assert_eq!(short(&verdict), "lb-TCP-80");
}

#[test]
fn disabled_traffic_missing_pools_and_missing_rules_are_told() {
    let objects = l4_service("lb", "lb.com", &[(53, "UDP")]);
    let off = objects
        .clone()
        .with("virtualservice", "lb", "traffic_enabled", json!(false));
    assert_eq!(ask(&off, "lb", 53, Protocol::Udp), "TrafficDisabled");
    let gone = objects.clone().without("pool", "lb-UDP-53");
    assert_eq!(ask(&gone, "lb", 53, Protocol::Udp), "PoolMissing");
    let bare = objects
        .clone()
        .with("l4policyset", "lb", "l4_connection_policy", json!({}));
    assert_eq!(ask(&bare, "lb", 53, Protocol::Udp), "NoRule");
    let default = bare.with(
        "virtualservice",
        "lb",
        "pool_ref",
        json!("/api/pool?name=lb-UDP-53"),
    );
    assert_eq!(ask(&default, "lb", 53, Protocol::Udp), "lb-UDP-53");
}

#[test]
fn a_profile_of_others_leaves_the_protocol_to_the_rules() {
    let objects = l4_service("lb", "lb.com", &[(53, "UDP"), (54, "UDP")]).with(
        "virtualservice",
        "lb",
        "network_profile_ref",
        json!("/api/networkprofile/?name=special"),
    );
    let probes: Vec<String> = objects
        .world()
        .probes()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        probes,
        ["lb:53/UDP", "lb:54/UDP", "lb.com:53/UDP", "lb.com:54/UDP"]
    );
    for probe in objects.world().probes() {
        assert!(matches!(probe, Probe::L4(_)));
        assert!(objects.world().ask(&probe).has_server(), "{probe}");
    }
}

#[test]
fn a_listener_may_be_a_range() {
    let services = json!([{"port": 1000, "port_range_end": 1010}]);
    let objects = l4_service("lb", "lb.com", &[(1005, "TCP")]).with(
        "virtualservice",
        "lb",
        "services",
        services,
    );
    assert_eq!(ask(&objects, "lb", 1005, Protocol::Tcp), "lb-TCP-1005");
    assert_eq!(ask(&objects, "lb", 1006, Protocol::Tcp), "NoRule");
    assert_eq!(ask(&objects, "lb", 1011, Protocol::Tcp), "NoListener");
}
