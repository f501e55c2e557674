//! Requests.

use super::fixture::*;
use crate::{Certificate, Probe, Problem, Request, Step, Why, World, served};
use aviary_avi::{AviKey, AviKind, Observed, ObservedObject};
use serde_json::{Value, json};

fn check(objects: &Objects, request: Request, want: &str) {
    let probe = Probe::Http(request);
    let verdict = objects.world().ask(&probe);
    assert_eq!(short(&verdict), want, "{probe}\n{verdict}");
}

#[test]
fn an_insecure_host_is_served_by_label() {
    let objects = two_hosts();
    for (host, path, want) in [
        ("bar.com", "/", "bar-root"),
        ("bar.com", "/y", "bar-root"),
        ("bar.com", "/x", "bar-x"),
        ("bar.com", "/xyz", "bar-x"),
        ("BAR.com:80", "/X/y?q=/", "bar-x"),
        ("bar.com", "", "bar-root"),
    ] {
        check(&objects, Request::http(host, path), want);
    }
}

#[test]
fn a_secure_host_is_redirected_and_served_by_its_child() {
    let objects = two_hosts();
    for (request, want) in [
        (
            Request::http("foo.com", "/bar"),
            "-> https://foo.com:443/bar",
        ),
        (Request::https("foo.com", "/bar"), "foo-bar"),
        (Request::https("FOO.com", "/barista"), "foo-bar"),
        (Request::https("foo.com", "/BAR"), "foo-root"),
        (Request::https("foo.com", "/"), "foo-root"),
    ] {
        check(&objects, request, want);
    }
}

#[test]
fn a_neighbour_on_the_shard_changes_no_answer() {
    let label = &[
        ("bar-root", "bar.com/"),
        ("bar-x", "bar.com/x"),
        ("bar-x", "bar.co/"),
    ];
    let neighbours = two_hosts()
        .put(
            "vsvip",
            vip("s0", &["bar.com", "foo.com", "bar.co", "foo.co"]),
        )
        .put("poolgroup", group("s0", label))
        .put(
            "httppolicyset",
            http_set("s0", json!([redirect_rule(&["foo.co", "foo.com"])])),
        )
        .and(child(
            "s0",
            "foo.co",
            json!([path_rule(0, "BEGINS_WITH", "/", "foo-bar")]),
        ));
    let answers = served(&neighbours.world());
    for (probe, verdict) in served(&two_hosts().world()) {
        assert_eq!(answers.get(&probe), Some(&verdict), "{probe}");
    }
}

#[test]
fn what_is_not_served_says_why() {
    let objects = two_hosts();
    let only_x = objects
        .clone()
        .put("poolgroup", group("s0", &[("bar-x", "bar.com/x")]));
    let no_redirect = objects
        .clone()
        .put("httppolicyset", http_set("s0", json!([])));
    let nameless = objects
        .clone()
        .put("vsvip", vip("s0", &["bar.com", "foo.com", "baz.com"]));
    let mut tls_on_80 = Request::http("bar.com", "/");
    tls_on_80.sni = Some("bar.com".into());
    let idle = json!([{"pool_ref": "/api/pool?name=bar-root", "ratio": 0,
        "priority_label": "bar.com/"}]);
    for (objects, request, want) in [
        (&objects, Request::http("baz.com", "/"), "NoDnsName"),
        (
            &objects,
            Request::http("bar.com", "/").on_port(81),
            "NoListener",
        ),
        (&objects, tls_on_80, "NotTls"),
        (&only_x, Request::http("bar.com", "/"), "NoRule"),
        (&no_redirect, Request::http("foo.com", "/"), "NoRule"),
        (&nameless, Request::http("baz.com", "/"), "UnknownHost"),
        (
            &objects.clone().without("virtualservice", "s0"),
            Request::http("bar.com", "/"),
            "NoVirtualService",
        ),
        (
            &objects
                .clone()
                .with("virtualservice", "s0", "traffic_enabled", json!(false)),
            Request::http("bar.com", "/"),
            "TrafficDisabled",
        ),
        (
            &objects.clone().without("poolgroup", "foo-bar"),
            Request::https("foo.com", "/bar"),
            "GroupMissing",
        ),
        (
            &objects.clone().put("poolgroup", group("foo-bar", &[])),
            Request::https("foo.com", "/bar"),
            "GroupEmpty",
        ),
        (
            &objects.clone().with("poolgroup", "s0", "members", idle),
            Request::http("bar.com", "/"),
            "GroupIdle",
        ),
        (
            &objects.clone().without("pool", "bar-x"),
            Request::http("bar.com", "/x"),
            "PoolMissing",
        ),
    ] {
        check(objects, request, want);
    }
}

#[test]
fn a_pool_without_enabled_servers_is_reached_and_serves_nobody() {
    let disabled = json!([{"ip": {"addr": "10.1.1.5", "type": "V4"}, "port": 80,
        "enabled": false}]);
    for servers in [json!([]), disabled] {
        let world = two_hosts()
            .with("pool", "bar-x", "servers", servers)
            .world();
        let verdict = world.http(&Request::http("bar.com", "/x"));
        assert!(verdict.is_backend());
        assert!(!verdict.has_server());
        assert!(matches!(verdict.why_not(), Some(Why::NoServer(_))));
    }
    let unsaid = json!([{"ip": {"addr": "10.1.1.5", "type": "V4"}, "port": 80}]);
    let world = two_hosts().with("pool", "bar-x", "servers", unsaid).world();
    let verdict = world.http(&Request::http("bar.com", "/x"));
    assert_eq!(verdict.pools()[0].servers, ["10.1.1.5:80"]);
    assert_eq!(verdict.why_not(), None);
}

#[test]
fn a_child_without_certificate_leaves_the_request_to_the_parent() {
    let objects = two_hosts().without("sslkeyandcertificate", "c1--foo.com");
    let verdict = objects.world().http(&Request::https("foo.com", "/"));
    assert_eq!(short(&verdict), "NoRule");
    assert_eq!(verdict.certificate, Some(Certificate::Default));
    assert!(
        verdict
            .via
            .iter()
            .any(|step| matches!(step, Step::ChildWithoutCertificate(_)))
    );

    let verdict = two_hosts().world().http(&Request::https("foo.com", "/"));
    assert!(matches!(&verdict.certificate, Some(Certificate::Own(own)) if own.len() == 1));
    let verdict = two_hosts().world().http(&Request::https("bar.com", "/"));
    assert_eq!(
        (short(&verdict), verdict.is_trusted()),
        ("bar-root".to_owned(), false)
    );
}

#[test]
fn a_certificate_of_others_counts_once_it_is_said_to_exist() {
    let objects = two_hosts().without("sslkeyandcertificate", "c1--foo.com");
    let cert = two_hosts()
        .world()
        .objects
        .keys()
        .find(|key| key.name == "c1--foo.com")
        .cloned();
    let cert = AviKey {
        kind: AviKind::SslKeyAndCertificate,
        cloud: "".into(),
        ..cert.unwrap()
    };
    let world = objects.world().with_foreign([cert]);
    assert_eq!(
        short(&world.http(&Request::https("foo.com", "/"))),
        "foo-root"
    );
    assert_eq!(world.problems().count(), 0);
}

#[test]
fn exact_names_go_before_wildcards_and_a_wildcard_is_one_label() {
    let rules = |group| json!([path_rule(0, "BEGINS_WITH", "/", group)]);
    let objects = parent("s0", &["*.foo.com", "a.foo.com"])
        .put("pool", pool("any"))
        .put("pool", pool("a"))
        .put("poolgroup", group("any", &[("any", "")]))
        .put("poolgroup", group("a", &[("a", "")]))
        .and(child("s0", "*.foo.com", rules("any")))
        .and(child("s0", "a.foo.com", rules("a")));
    for (host, want) in [
        ("a.foo.com", "a"),
        ("b.foo.com", "any"),
        ("x.b.foo.com", "NoDnsName"),
    ] {
        check(&objects, Request::https(host, "/"), want);
    }
    let hosts: Vec<_> = objects.world().hosts().into_keys().collect();
    assert_eq!(hosts, ["*.foo.com", "a.foo.com"]);
}

#[test]
fn a_dedicated_service_redirects_although_the_switch_stands_first() {
    let objects = two_hosts()
        .put("vsvip", vip("d", &["ded.com"]))
        .put("sslkeyandcertificate", cert("d"))
        .put(
            "httppolicyset",
            http_set("d", json!([path_rule(0, "BEGINS_WITH", "/", "foo-root")])),
        )
        .put(
            "httppolicyset",
            http_set("d-redirect", json!([redirect_rule(&["ded.com"])])),
        )
        .put(
            "virtualservice",
            json!({"name": "d", "type": "VS_TYPE_NORMAL",
                "tenant_ref": "/api/tenant/?name=admin",
                "services": [{"port": 80}, {"port": 443, "enable_ssl": true}],
                "vsvip_ref": "/api/vsvip/?name=d",
                "ssl_key_and_certificate_refs": ["/api/sslkeyandcertificate/?name=d"],
                "http_policies": [
                    {"http_policy_set_ref": "/api/httppolicyset/?name=d-redirect", "index": 12},
                    {"http_policy_set_ref": "/api/httppolicyset/?name=d", "index": 11}]}),
        );
    check(
        &objects,
        Request::http("ded.com", "/a"),
        "-> https://ded.com:443/a",
    );
    check(&objects, Request::https("ded.com", "/a"), "foo-root");
}

#[test]
fn a_security_rule_closes_before_any_switch() {
    let close = json!({"rules": [{"name": "x", "index": 0, "enable": true,
        "match": {"vs_port": {"match_criteria": "IS_IN", "ports": [80]}},
        "action": {"action": "HTTP_SECURITY_ACTION_CLOSE_CONN"}}]});
    let objects = two_hosts().with("httppolicyset", "s0", "http_security_policy", close);
    check(&objects, Request::http("foo.com", "/"), "closed");
    check(&objects, Request::https("foo.com", "/"), "foo-root");
}

#[test]
fn exact_rules_regular_expressions_and_default_pools_are_followed() {
    let mut regex = path_rule(1, "REGEX_MATCH", "^/v[0-9]+/", "foo-bar");
    regex["match"]["path"]["match_case"] = "INSENSITIVE".into();
    let mut off = path_rule(2, "BEGINS_WITH", "/", "foo-bar");
    off["enable"] = false.into();
    let rules = json!([off, regex, path_rule(0, "EQUALS", "/v1/exact", "foo-root")]);
    let objects = two_hosts()
        .with(
            "httppolicyset",
            "c1--foo.com",
            "http_request_policy",
            json!({"rules": rules}),
        )
        .with(
            "virtualservice",
            "c1--foo.com",
            "pool_ref",
            json!("/api/pool/?name=bar-x"),
        );
    for (path, want) in [
        ("/v1/exact", "foo-root"),
        ("/V1/exact", "foo-bar"),
        ("/w", "bar-x"),
    ] {
        check(&objects, Request::https("foo.com", path), want);
    }
}

#[test]
fn members_share_by_ratio() {
    let members = json!([
        {"pool_ref": "/api/pool?name=foo-bar", "ratio": 30},
        {"pool_ref": "/api/pool?name=bar-x", "ratio": 0},
        {"pool_ref": "/api/pool?name=foo-root"}]);
    let world = two_hosts()
        .with("poolgroup", "foo-bar", "members", members)
        .world();
    let verdict = world.http(&Request::https("foo.com", "/bar"));
    let shares: Vec<_> = verdict
        .pools()
        .iter()
        .map(|share| (share.pool.name.as_str(), share.ratio))
        .collect();
    assert_eq!(shares, [("foo-bar", 30), ("foo-root", 1)]);

    let twice = group("s0", &[("bar-root", "bar.com/"), ("bar-x", "bar.com/")]);
    check(
        &two_hosts().put("poolgroup", twice),
        Request::http("bar.com", "/x"),
        "bar-root bar-x",
    );
}

#[test]
fn of_two_addresses_the_worse_counts() {
    let other = parent("s1", &["bar.com"]);
    let objects = two_hosts().and(other);
    check(&objects, Request::http("bar.com", "/"), "UnknownHost");
    let at = |name: &str| {
        let world = objects.world();
        let keys = world.objects.keys();
        let mut keys = keys.filter(|k| k.kind == AviKind::VsVip && k.name == name);
        Request::http("bar.com", "/").at(keys.next().unwrap().clone())
    };
    check(&objects, at("s0"), "bar-root");
    check(&objects, at("s1"), "UnknownHost");
    // A VsVip that no virtual service uses is not in DNS.
    check(
        &objects.without("virtualservice", "s1"),
        Request::http("bar.com", "/"),
        "bar-root",
    );
}

#[test]
fn passthrough_is_chosen_by_sni() {
    let objects = Objects::default()
        .put("vsvip", vip("p", &["a.com", "b.com"]))
        .put("pool", pool("a"))
        .put("pool", pool("b"))
        .put("poolgroup", group("c1--a.com", &[("a", "")]))
        .put("poolgroup", group("c1--setting-b.com", &[("b", "")]))
        .put(
            "vsdatascriptset",
            script(
                "p",
                "VS_DATASCRIPT_EVT_L4_REQUEST",
                &["c1--a.com", "c1--setting-b.com"],
            ),
        )
        .put(
            "httppolicyset",
            http_set("p", json!([redirect_rule(&["a.com"])])),
        )
        .put(
            "virtualservice",
            json!({"name": "p", "tenant_ref": "/api/tenant/?name=admin",
                "application_profile_ref": "/api/applicationprofile/?name=System-L4-Application",
                "services": [{"port": 443}], "vsvip_ref": "/api/vsvip/?name=p",
                "vs_datascripts": [{"index": 0,
                    "vs_datascript_set_ref": "/api/vsdatascriptset/?name=p"}]}),
        )
        .put(
            "virtualservice",
            json!({"name": "p-insecure", "tenant_ref": "/api/tenant/?name=admin",
                "application_profile_ref": "/api/applicationprofile/?name=System-HTTP",
                "services": [{"port": 80}], "vsvip_ref": "/api/vsvip/?name=p",
                "http_policies": [{"index": 11,
                    "http_policy_set_ref": "/api/httppolicyset/?name=p"}]}),
        );
    for (request, want) in [
        (Request::https("a.com", "/"), "a"),
        (Request::https("b.com", "/"), "b"),
        (Request::https("c.com", "/"), "NoDnsName"),
        (Request::http("a.com", "/"), "-> https://a.com:443/"),
        (Request::http("a.com", "/").on_port(443), "closed"),
    ] {
        check(&objects, request, want);
    }
    assert_eq!(objects.world().problems().count(), 0);
    assert!(objects.world().listeners().is_empty());
}

#[test]
fn broken_references_are_reported() {
    let world = two_hosts()
        .without("poolgroup", "foo-bar")
        .without("httppolicyset", "s0")
        .and(child("gone", "lost.com", json!([])))
        .world();
    let told: Vec<String> = world.problems().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "httppolicyset admin/c1--foo.com refers to /api/poolgroup/?name=foo-bar, \
             which does not exist",
            "virtualservice admin/c1--lost.com refers to /api/virtualservice/?name=gone, \
             which does not exist",
            "virtualservice admin/s0 refers to /api/httppolicyset/?name=s0, which does not exist",
        ]
    );
}

#[test]
fn conditions_that_cannot_be_followed_are_reported() {
    let mut by_group = path_rule(0, "REGEX_MATCH", "(", "foo-bar");
    by_group["match"]["path"]["string_group_refs"] = json!(["/api/stringgroup?name=g"]);
    let odd = path_rule(1, "SOUNDS_LIKE", "/", "foo-bar");
    let rules = json!({"rules": [by_group, odd]});
    let world = two_hosts().with("httppolicyset", "c1--foo.com", "http_request_policy", rules);
    let world = world.and(child("s0", "bar.com", json!([])));
    let twin = child("s0", "bar.com", json!([])).with(
        "virtualservice",
        "c1--bar.com",
        "name",
        json!("twin"),
    );
    let world = world.and(twin).world();
    let (mut bad, mut odd, mut shared) = (0, 0, 0);
    for problem in world.problems() {
        match problem {
            Problem::BadPattern { .. } => bad += 1,
            Problem::Unmodelled { .. } => odd += 1,
            Problem::SharedDomain { .. } => shared += 1,
            Problem::Dangling { .. } => panic!("{problem}"),
        }
    }
    assert_eq!((bad, odd, shared), (1, 2, 1));
}

/// The same objects as a Controller has them: uuids for names.
fn by_uuid(field: &str, value: &Value, labelled: bool) -> Value {
    match value {
        Value::String(text) if field.contains("_ref") => {
            match text.strip_prefix("/api/").and_then(|t| t.split_once('?')) {
                Some((kind, query)) => {
                    let (kind, name) = (kind.trim_end_matches('/'), &query["name=".len()..]);
                    let label = if labelled {
                        format!("#{name}")
                    } else {
                        String::new()
                    };
                    format!("https://h/api/{kind}/{kind}-{name}{label}").into()
                }
                None => value.clone(),
            }
        }
        Value::Array(items) => items
            .iter()
            .map(|item| by_uuid(field, item, labelled))
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(k, v)| (k.clone(), by_uuid(k, v, labelled)))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn references_by_uuid_are_followed_with_and_without_name() {
    let named = two_hosts().and(l4_service("lb", "lb.com", &[(53, "TCP"), (53, "UDP")]));
    let want = served(&named.world());
    assert!(want.len() > 8);
    for labelled in [true, false] {
        let mut dump = by_uuid("", &named.dump(), labelled);
        dump["tenant"] = json!([{"name": "admin"}]);
        dump["cloud"] = json!([{"name": "Default-Cloud"}]);
        for profile in ["System-L4-Application", "System-HTTP", "System-Secure-HTTP"] {
            push(&mut dump, "applicationprofile", profile);
        }
        for profile in [
            "System-TCP-Proxy",
            "System-TCP-Fast-Path",
            "System-UDP-Fast-Path",
        ] {
            push(&mut dump, "networkprofile", profile);
        }
        for (kind, list) in dump.as_object_mut().unwrap() {
            for object in list.as_array_mut().unwrap() {
                let uuid = format!("{kind}-{}", object["name"].as_str().unwrap());
                object["uuid"] = uuid.into();
            }
        }
        let world = World::from_dump(&dump).unwrap();
        assert_eq!(world.problems().count(), 0);
        assert_eq!(served(&world), want);
    }
}

#[test]
fn what_was_observed_serves_as_what_was_dumped() {
    let world = two_hosts().world();
    let mut observed = Observed::default();
    for (key, body) in &world.objects {
        observed.insert(ObservedObject {
            key: key.clone(),
            uuid: format!("{}-{}", key.kind, key.name).into(),
            last_modified: "1".into(),
            body: body.clone(),
            raw: None,
        });
    }
    assert_eq!(served(&World::of_observed(&observed)), served(&world));
    assert_eq!(served(&World::new(world.objects.clone())), served(&world));
}

#[test]
fn a_tenant_sees_its_own_and_what_admin_shares() {
    let in_tenant = |value: &Value| {
        let text = value.to_string().replace("?name=admin", "?name=red");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let admin = two_hosts().dump();
    let mut red = in_tenant(&admin);
    red["sslkeyandcertificate"] = admin["sslkeyandcertificate"].clone();
    let world = World::from_dump(&red).unwrap();
    assert_eq!(world.problems().count(), 0);
    assert_eq!(
        short(&world.http(&Request::https("foo.com", "/"))),
        "foo-root"
    );

    red["pool"] = admin["pool"].clone();
    let world = World::from_dump(&red).unwrap();
    assert_eq!(
        short(&world.http(&Request::https("foo.com", "/"))),
        "PoolMissing"
    );
    assert_eq!(world.problems().count(), 4);
}

fn push(dump: &mut Value, kind: &str, name: &str) {
    if dump[kind].is_null() {
        dump[kind] = json!([]);
    }
    dump[kind]
        .as_array_mut()
        .unwrap()
        .push(json!({"name": name}));
}

#[test]
fn a_text_that_is_no_dump_is_refused() {
    for dump in [
        json!([]),
        json!({"pool": {}}),
        json!({"pool": [{"name": 1}]}),
    ] {
        assert!(World::from_dump(&dump).is_err(), "{dump}");
    }
}

#[test]
fn an_answer_reads_as_a_way() {
    let verdict = two_hosts().world().http(&Request::http("bar.com", "/x/1"));
    assert_eq!(
        verdict.to_string(),
        "DNS leads to vsvip admin/s0\n\
         virtualservice admin/s0 listens on 80 (plain)\n\
         vsdatascriptset admin/s0 looks for the label bar.com/x/1\n\
         the longest label that fits is bar.com/x\n\
         poolgroup admin/s0 shares the request out\n\
         to pool admin/bar-x (ratio 100): [10.1.1.5:8080]\n"
    );
}
