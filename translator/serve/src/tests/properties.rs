//! What holds for all worlds.

use super::fixture::*;
use crate::{Listener, Protocol, Request, broken_between, served};
use proptest::prelude::*;
use serde_json::{Value, json};

const NAMES: &[&str] = &["a", "b", "c", ""];
const HOSTS: &[&str] = &["a.x", "b.x", "*.x", "x", "", "A.X"];
const PATHS: &[&str] = &["/", "/a", "/a/b", "", "a", "/é", "("];
const CRITERIA: &[&str] = &[
    "EQUALS",
    "BEGINS_WITH",
    "REGEX_MATCH",
    "DOES_NOT_EQUAL",
    "HDR_EQUALS",
    "ODD",
];

fn one(of: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(of)
}

fn reference(kind: &'static str) -> impl Strategy<Value = Value> {
    (one(NAMES), any::<bool>()).prop_map(move |(name, by_uuid)| {
        let name = if name.is_empty() { "gone" } else { name };
        if by_uuid {
            format!("/api/{kind}/{kind}-{name}").into()
        } else {
            format!("/api/{kind}?name={name}").into()
        }
    })
}

fn list(item: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec(item, 0..3).prop_map(Value::Array)
}

fn port() -> impl Strategy<Value = u16> {
    prop::sample::select(&[0_u16, 80, 443, u16::MAX][..])
}

fn http_rule() -> impl Strategy<Value = Value> {
    let matches = (
        one(HOSTS),
        one(PATHS),
        port(),
        one(CRITERIA),
        one(CRITERIA),
        0_u8..4,
    );
    let action = (reference("poolgroup"), reference("pool"), port(), 0_u8..5);
    (matches, action, 0_u32..4).prop_map(|(matches, action, index)| {
        let (host, path, port, by_host, by_path, kind) = matches;
        let target = match kind {
            0 => json!({}),
            1 => json!({"host_hdr": {"match_criteria": by_host, "value": [host]}}),
            2 => json!({"path": {"match_criteria": by_path, "match_str": [path]}}),
            _ => json!({"vs_port": {"match_criteria": "IS_IN", "ports": [port]}}),
        };
        let mut rule = json!({"name": "r", "index": index, "enable": true, "match": target});
        let (group, pool, port, kind) = action;
        match kind {
            0 => rule["switching_action"] = json!({"pool_group_ref": group}),
            1 => rule["switching_action"] = json!({"pool_ref": pool}),
            2 => rule["switching_action"] = json!({}),
            3 => rule["redirect_action"] = json!({"port": port, "protocol": "HTTPS"}),
            _ => {}
        }
        rule
    })
}

fn l4_rule() -> impl Strategy<Value = Value> {
    (
        port(),
        one(&["PROTOCOL_TCP", "PROTOCOL_UDP", ""]),
        reference("pool"),
        any::<bool>(),
    )
        .prop_map(|(port, protocol, pool, chosen)| {
            let action = if chosen {
                json!({"select_pool": {"pool_ref": pool}})
            } else {
                json!({})
            };
            json!({"match": {"port": {"match_criteria": "IS_IN", "ports": [port]},
                "protocol": {"protocol": protocol}}, "action": action})
        })
}

fn service() -> impl Strategy<Value = Value> {
    let listener = (port(), port(), any::<bool>()).prop_map(
        |(port, end, tls)| json!({"port": port, "port_range_end": end, "enable_ssl": tls}),
    );
    let set =
        reference("httppolicyset").prop_map(|set| json!({"http_policy_set_ref": set, "index": 11}));
    let l4 = reference("l4policyset").prop_map(|set| json!({"l4_policy_set_ref": set}));
    let script = reference("vsdatascriptset").prop_map(|set| json!({"vs_datascript_set_ref": set}));
    let wiring = (
        reference("vsvip"),
        reference("virtualservice"),
        reference("pool"),
        0_u8..8,
    );
    let tls = (list(reference("sslkeyandcertificate")), one(HOSTS));
    (
        list(listener),
        list(set),
        list(l4),
        list(script),
        wiring,
        tls,
    )
        .prop_map(
            |(services, sets, l4, scripts, (vip, parent, pool, kind), (certs, domain))| {
                let mut body = json!({"services": services, "http_policies": sets,
                "vs_datascripts": scripts, "ssl_key_and_certificate_refs": certs});
                if kind & 1 == 0 {
                    body["vsvip_ref"] = vip;
                } else {
                    body["vh_parent_vs_ref"] = parent;
                    body["vh_domain_name"] = json!([domain]);
                }
                if kind & 2 == 0 {
                    body["pool_ref"] = pool;
                }
                if kind & 4 == 0 {
                    body["l4_policies"] = l4;
                }
                body
            },
        )
}

fn named(kind: &'static str, body: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let named = (one(NAMES), body).prop_map(move |(name, mut body)| {
        body["name"] = name.into();
        body["uuid"] = format!("{kind}-{name}").into();
        body
    });
    prop::collection::vec(named, 0..4).prop_map(Value::Array)
}

/// Any world: references may lead nowhere, in circles, or to themselves.
fn world() -> impl Strategy<Value = Value> {
    let dns = one(HOSTS).prop_map(|host| json!({"fqdn": host}));
    let member = (reference("pool"), one(&["a.x/", "a.x/a", "b.x", "/", ""]), 0_u32..2).prop_map(
        |(pool, label, ratio)| json!({"pool_ref": pool, "priority_label": label, "ratio": ratio}),
    );
    let event = one(&["VS_DATASCRIPT_EVT_HTTP_REQ", "VS_DATASCRIPT_EVT_L4_REQUEST"]);
    let script = (event, list(reference("poolgroup"))).prop_map(
        |(event, groups)| json!({"datascript": [{"evt": event}], "pool_group_refs": groups}),
    );
    let server = any::<bool>().prop_map(|enabled| json!({"enabled": enabled, "port": 1}));
    (
        named("vsvip", list(dns).prop_map(|dns| json!({"dns_info": dns}))),
        named("virtualservice", service()),
        named(
            "httppolicyset",
            list(http_rule()).prop_map(|rules| json!({"http_request_policy": {"rules": rules}})),
        ),
        named(
            "l4policyset",
            list(l4_rule()).prop_map(|rules| json!({"l4_connection_policy": {"rules": rules}})),
        ),
        named("vsdatascriptset", script),
        named(
            "poolgroup",
            list(member).prop_map(|members| json!({"members": members})),
        ),
        named(
            "pool",
            list(server).prop_map(|servers| json!({"servers": servers})),
        ),
        named("sslkeyandcertificate", Just(json!({}))),
    )
        .prop_map(
            |(vips, services, http, l4, scripts, groups, pools, certs)| {
                json!({"vsvip": vips, "virtualservice": services, "httppolicyset": http,
                "l4policyset": l4, "vsdatascriptset": scripts, "poolgroup": groups,
                "pool": pools, "sslkeyandcertificate": certs})
            },
        )
}

/// A host of its own, secure and insecure, on a shard of its own.
fn unrelated() -> Objects {
    let rules = json!([path_rule(0, "BEGINS_WITH", "/", "zz-group")]);
    parent("zz", &["zz.other"])
        .put("pool", pool("zz-pool"))
        .put("poolgroup", group("zz", &[("zz-pool", "zz.other/")]))
        .put("poolgroup", group("zz-group", &[("zz-pool", "")]))
        .and(child("zz", "zz.other", rules))
}

fn merged(dump: &Value, other: &Objects) -> Value {
    let mut dump = dump.clone();
    for (kind, list) in other.dump().as_object().unwrap() {
        let mut all = dump[kind].as_array().cloned().unwrap_or_default();
        all.extend(list.as_array().unwrap().iter().cloned());
        dump[kind] = all.into();
    }
    dump
}

fn paths() -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set("(/[ab]{1,2}){0,3}/?", 1..6).prop_map(|paths| {
        let mut paths: Vec<String> = paths
            .into_iter()
            .map(|path| {
                if path.is_empty() {
                    "/".to_owned()
                } else {
                    path
                }
            })
            .collect();
        paths.sort_by_key(|path| (std::cmp::Reverse(path.len()), path.clone()));
        paths.dedup();
        paths
    })
}

proptest! {
    #[test]
    fn every_question_has_an_answer(
        dump in world(),
        host in "\\PC{0,8}",
        path in "\\PC{0,8}",
        port in any::<u16>(),
    ) {
        let world = crate::World::from_dump(&dump).unwrap();
        for (probe, verdict) in served(&world) {
            prop_assert_eq!(&world.ask(&probe), &verdict);
            let _ = (probe.to_string(), verdict.to_string(), verdict.why_not());
        }
        for problem in world.problems() {
            let _ = problem.to_string();
        }
        for request in [Request::http(&host, &path), Request::https(&host, &path)] {
            let _ = world.http(&request.clone()).to_string();
            let _ = world.http(&request.on_port(port)).to_string();
        }
        for protocol in Protocol::ALL {
            let _ = world.l4(&Listener { target: host.as_str().into(), port, protocol });
        }
        prop_assert!(broken_between(&world, &world, &world).is_empty());
    }

    #[test]
    fn an_unrelated_host_changes_no_other_answer(dump in world()) {
        let alone = crate::World::from_dump(&dump).unwrap();
        let beside = crate::World::from_dump(&merged(&dump, &unrelated())).unwrap();
        let answers = served(&beside);
        for (probe, verdict) in served(&alone) {
            prop_assert_eq!(answers.get(&probe), Some(&verdict), "{}", probe);
        }
        prop_assert!(broken_between(&alone, &beside, &alone).is_empty());
        prop_assert!(beside.http(&Request::http("zz.other", "/")).has_server());
        prop_assert!(beside.http(&Request::https("zz.other", "/")).has_server());
    }

    #[test]
    fn the_longest_path_wins(paths in paths(), asked in "(/[ab]{1,2}){0,4}/?") {
        let asked = if asked.is_empty() { "/".to_owned() } else { asked };
        let want = paths.iter().find(|path| asked.starts_with(path.as_str()));
        let want = want.map_or("NoRule", String::as_str);

        let labels: Vec<String> = paths.iter().map(|path| format!("bar.com{path}")).collect();
        let members: Vec<(&str, &str)> =
            paths.iter().zip(&labels).map(|(path, label)| (path.as_str(), label.as_str())).collect();
        let rules: Vec<Value> = paths
            .iter()
            .enumerate()
            .map(|(index, path)| path_rule(index, "BEGINS_WITH", path, path))
            .collect();
        let mut objects = parent("s0", &["bar.com", "foo.com"])
            .put("poolgroup", group("s0", &members))
            .and(child("s0", "foo.com", rules.into()));
        for path in &paths {
            objects = objects.put("pool", pool(path)).put("poolgroup", group(path, &[(path, "")]));
        }
        let world = objects.world();
        prop_assert_eq!(short(&world.http(&Request::http("bar.com", &asked))), want);
        prop_assert_eq!(short(&world.http(&Request::https("foo.com", &asked))), want);
    }
}
