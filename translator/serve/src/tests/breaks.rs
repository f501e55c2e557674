//! Make before break.

use super::fixture::*;
use crate::{Loss, Probe, broken_between, served};
use serde_json::json;

/// What breaks on the way, one line each.
fn breaks(before: &Objects, prefix: &Objects, after: &Objects) -> Vec<String> {
    let broken = broken_between(&before.world(), &prefix.world(), &after.world());
    broken.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_configured_is_asked() {
    let world = two_hosts()
        .and(l4_service("lb", "lb.com", &[(53, "UDP")]))
        .world();
    let asked: Vec<String> = served(&world)
        .into_iter()
        .map(|(probe, verdict)| format!("{probe} {}", short(&verdict)))
        .collect();
    assert_eq!(
        asked,
        [
            "http://bar.com:80/ bar-root",
            "http://bar.com:80/x bar-x",
            "https://bar.com:443/ bar-root",
            "https://bar.com:443/x bar-x",
            "http://foo.com:80/ -> https://foo.com:443/",
            "http://foo.com:80/bar -> https://foo.com:443/bar",
            "https://foo.com:443/ foo-root",
            "https://foo.com:443/bar foo-bar",
            "lb:53/UDP lb-UDP-53",
            "lb.com:53/UDP lb-UDP-53",
        ]
    );
}

#[test]
fn nothing_breaks_where_nothing_changes() {
    let objects = two_hosts();
    assert!(breaks(&objects, &objects, &objects).is_empty());
    assert!(breaks(&Objects::default(), &objects, &Objects::default()).is_empty());
}

#[test]
fn either_backend_will_do_but_no_third() {
    let before = two_hosts();
    let group_of = |pool| group("foo-bar", &[(pool, "")]);
    let after = before
        .clone()
        .put("pool", pool("new"))
        .put("poolgroup", group_of("new"));
    for prefix in [&before, &after, &before.clone().put("pool", pool("new"))] {
        assert!(breaks(&before, prefix, &after).is_empty());
    }
    let third = before.clone().put("poolgroup", group_of("bar-x"));
    assert_eq!(
        breaks(&before, &third, &after),
        [
            "http://foo.com:80/bar: served by pool admin/bar-x, which is another's",
            "https://foo.com:443/bar: served by pool admin/bar-x, which is another's",
        ]
    );
    // The rule of /bar is away: `/` takes its requests.
    let rules = json!([path_rule(1, "BEGINS_WITH", "/", "foo-root")]);
    let fallen = before
        .clone()
        .put("httppolicyset", http_set("c1--foo.com", rules));
    let broken = broken_between(&before.world(), &fallen.world(), &before.world());
    assert!(
        broken
            .iter()
            .all(|one| matches!(one.loss, Loss::OtherBackend(_)))
    );
    assert_eq!(broken.len(), 2);
}

#[test]
fn a_host_may_turn_secure_in_the_right_order_only() {
    let rules = json!([path_rule(0, "BEGINS_WITH", "/", "bar-secure")]);
    let before = two_hosts()
        .put("pool", pool("bar-secure"))
        .put("poolgroup", group("bar-secure", &[("bar-secure", "")]));
    let with_child = before.clone().and(child("s0", "bar.com", rules));
    let redirect = http_set("s0", json!([redirect_rule(&["foo.com", "bar.com"])]));
    let redirected = with_child.clone().put("httppolicyset", redirect.clone());
    let after = redirected.clone().put("poolgroup", group("s0", &[]));
    for prefix in [&before, &with_child, &redirected, &after] {
        assert_eq!(breaks(&before, prefix, &after), [""; 0]);
    }
    // The redirect before the child: it leads to the default certificate.
    let early = before.clone().put("httppolicyset", redirect);
    assert_eq!(
        breaks(&before, &early, &after),
        [
            "http://bar.com:80/: default certificate",
            "http://bar.com:80/x: default certificate"
        ]
    );
    // The labels go before the redirect is there.
    let late = with_child.put("poolgroup", group("s0", &[]));
    assert_eq!(
        breaks(&before, &late, &after),
        [
            "http://bar.com:80/: not served: no rule of virtualservice admin/s0 takes the request",
            "http://bar.com:80/x: not served: no rule of virtualservice admin/s0 takes the request",
        ]
    );
}

#[test]
fn servers_and_certificates_are_kept() {
    let objects = two_hosts();
    let empty = objects.clone().with("pool", "bar-x", "servers", json!([]));
    assert_eq!(
        breaks(&objects, &empty, &objects),
        [
            "http://bar.com:80/x: no enabled server",
            "https://bar.com:443/x: no enabled server"
        ]
    );
    assert!(breaks(&empty, &empty, &objects).is_empty());

    // Served on both ports; without its certificate the child is passed over for the labels.
    let labels = group(
        "s0",
        &[("foo-root", "foo.com/"), ("foo-bar", "foo.com/bar")],
    );
    let both = objects
        .put("poolgroup", labels)
        .put("httppolicyset", http_set("s0", json!([])));
    let bare = both.clone().without("sslkeyandcertificate", "c1--foo.com");
    assert_eq!(
        breaks(&both, &bare, &both),
        [
            "https://foo.com:443/: default certificate",
            "https://foo.com:443/bar: default certificate"
        ]
    );
}

#[test]
fn a_redirect_that_neither_side_has_is_a_break() {
    let objects = two_hosts().put(
        "poolgroup",
        group(
            "s0",
            &[("foo-root", "foo.com/"), ("foo-bar", "foo.com/bar")],
        ),
    );
    let plain = objects
        .clone()
        .put("httppolicyset", http_set("s0", json!([])));
    assert_eq!(
        breaks(&plain, &objects, &plain),
        [
            "http://foo.com:80/: redirected",
            "http://foo.com:80/bar: redirected"
        ]
    );
    assert!(breaks(&plain, &plain, &objects).is_empty());
    assert!(breaks(&objects, &plain, &objects).is_empty());
}

#[test]
fn a_host_moves_between_shards_without_a_gap() {
    let before = two_hosts().and(parent("s1", &[]));
    let label = &[("bar-root", "bar.com/"), ("bar-x", "bar.com/x")];
    let labelled = before.clone().put("poolgroup", group("s1", label));
    let in_both = labelled.clone().put("vsvip", vip("s1", &["bar.com"]));
    let unnamed = in_both.clone().put("vsvip", vip("s0", &["foo.com"]));
    let after = unnamed.clone().put("poolgroup", group("s0", &[]));
    for prefix in [&before, &labelled, &in_both, &unnamed, &after] {
        assert_eq!(breaks(&before, prefix, &after), [""; 0]);
    }
    // Named before it is labelled: half of the clients meet nothing.
    let early = before.clone().put("vsvip", vip("s1", &["bar.com"]));
    assert_eq!(breaks(&before, &early, &after).len(), 4);
    // Named nowhere.
    let nowhere = labelled.put("vsvip", vip("s0", &["foo.com"]));
    assert_eq!(breaks(&before, &nowhere, &after).len(), 4);
}

#[test]
fn each_address_of_a_host_is_kept() {
    let label = &[("bar-root", "bar.com/"), ("bar-x", "bar.com/x")];
    let twice = two_hosts()
        .and(parent("s1", &["bar.com"]))
        .put("poolgroup", group("s1", label));
    let world = twice.world();
    let at_one = |probe: &Probe| matches!(probe, Probe::Http(request) if request.vip.is_some());
    assert_eq!(
        world.probes().iter().filter(|probe| at_one(probe)).count(),
        8
    );
    let half = twice.clone().put("poolgroup", group("s1", &[]));
    let broken = broken_between(&world, &half.world(), &world);
    assert!(broken.iter().any(|one| at_one(&one.probe)));
    assert!(broken.iter().any(|one| !at_one(&one.probe)));
    assert!(broken.iter().all(|one| one.host() == "bar.com"));
}

#[test]
fn a_client_may_get_any_address_before_on_the_way_and_after() {
    let other = &[("foo-root", "bar.com/"), ("foo-bar", "bar.com/x")];
    let twice = two_hosts()
        .and(parent("s1", &["bar.com"]))
        .put("poolgroup", group("s1", other));
    let at_first = twice.clone().put("vsvip", vip("s1", &[]));
    let at_second = twice.clone().put("vsvip", vip("s0", &["foo.com"]));
    // The pools of both addresses were reached, whichever stays.
    for prefix in [&at_first, &at_second, &twice] {
        assert_eq!(breaks(&twice, prefix, &at_first), [""; 0]);
    }
    // One of two addresses leads to a third.
    let third = &[("foo-bar", "bar.com/"), ("foo-root", "bar.com/x")];
    let third = twice.clone().put("poolgroup", group("s1", third));
    let broken = breaks(&twice, &third, &at_first);
    assert_eq!(
        broken.iter().filter(|line| !line.contains(" at ")).count(),
        4,
        "{broken:?}"
    );
}

#[test]
fn redirects_in_a_circle_serve_nobody() {
    let circle = redirect_rule(&["foo.com"]);
    let mut circle = circle;
    circle["match"]["vs_port"]["ports"] = json!([80, 443]);
    let objects = two_hosts();
    let spinning = objects.clone().and(child("s0", "foo.com", json!([circle])));
    let broken = breaks(&objects, &spinning, &objects);
    assert_eq!(broken.len(), 4);
    assert!(
        broken
            .iter()
            .all(|line| line.contains("redirects lead in a circle"))
    );
}

#[test]
fn an_l4_port_is_kept() {
    let both = l4_service("lb", "lb.com", &[(53, "UDP"), (80, "TCP")]);
    let one = l4_service("lb", "lb.com", &[(80, "TCP")]).put("pool", pool("lb-UDP-53"));
    assert!(breaks(&both, &one, &one).is_empty());
    assert_eq!(
        breaks(&both, &one, &both),
        [
            "lb:53/UDP: not served: nothing listens on port 53",
            "lb.com:53/UDP: not served: nothing listens on port 53",
        ]
    );
}
