use super::HttpPolicySet;
use crate::object::AviObject;
use crate::samples::check_same;
use serde_json::json;

#[test]
fn what_we_send_counts() {
    let rule = |field: &str| format!("/http_request_policy/rules/0{field}");
    let group = "https://c/api/poolgroup/poolgroup-1#c1--ns1-foo.com_bar-ing1";
    check_same(
        "child_set",
        &[
            ("/cloud_config_cksum", json!("1"), true),
            (
                &rule("/switching_action/pool_group_ref"),
                json!(group),
                true,
            ),
            (
                &rule("/switching_action/pool_group_ref"),
                json!("/api/poolgroup?name=x"),
                false,
            ),
            (&rule("/match/path/match_case"), json!("INSENSITIVE"), false),
            (&rule("/match/path/match_decoded_string"), json!(true), true),
            (&rule("/match/path/match_criteria"), json!("EQUALS"), false),
            (&rule("/match/path/match_str"), json!(["/baz"]), false),
            (&rule("/match"), json!({}), false),
            (&rule("/enable"), json!(false), false),
            (&rule("/name"), json!("x"), false),
            (&rule("/index"), json!(4), false),
            ("/http_request_policy/rules", json!([]), false),
            (
                "/http_security_policy",
                json!({"rules": [{"name": "block"}]}),
                false,
            ),
            ("/http_security_policy", json!(null), true),
            // A set of paths belongs to one namespace.
            ("/markers/1/values", json!(["ns2"]), false),
        ],
    );
    check_same(
        "redirect_set",
        &[
            (
                &rule("/match/host_hdr/match_case"),
                json!("INSENSITIVE"),
                true,
            ),
            (
                &rule("/match/host_hdr/value"),
                json!(["foo.com", "bar.com"]),
                false,
            ),
            (&rule("/match/vs_port/ports"), json!([80, 81]), false),
            (&rule("/redirect_action/keep_query"), json!(true), true),
            (&rule("/redirect_action/status_code"), json!(null), true),
            (
                &rule("/redirect_action/status_code"),
                json!("HTTP_REDIRECT_STATUS_CODE_301"),
                false,
            ),
            (&rule("/redirect_action/port"), json!(8443), false),
        ],
    );
}

fn set(paths: &[(&str, &str)]) -> HttpPolicySet {
    let rules: Vec<_> = paths
        .iter()
        .enumerate()
        .map(|(index, (path, criteria))| {
            json!({
                "name": format!("s-{index}"), "index": index, "enable": true,
                "match": {"path": {
                    "match_criteria": criteria, "match_case": "SENSITIVE", "match_str": [path],
                }},
                "switching_action": {
                    "action": "HTTP_SWITCHING_SELECT_POOLGROUP",
                    "pool_group_ref": format!("/api/poolgroup/?name={criteria}{path}"),
                },
            })
        })
        .collect();
    serde_json::from_value(json!({"name": "s", "http_request_policy": {"rules": rules}})).unwrap()
}

#[test]
fn the_order_of_equally_long_paths_is_left_to_chance() {
    let (a, b, long) = (
        ("/a", "BEGINS_WITH"),
        ("/b", "EQUALS"),
        ("/long", "BEGINS_WITH"),
    );
    assert!(set(&[long, a, b]).same(&set(&[long, b, a])));
    assert!(!set(&[long, a, b]).same(&set(&[a, long, b])));
    assert!(!set(&[long, a, b]).same(&set(&[long, a, a])));
    // A request can meet both of these, so their order counts.
    let exact = ("/a", "EQUALS");
    assert!(!set(&[a, exact]).same(&set(&[exact, a])));
}

#[test]
fn rules_stand_in_the_order_of_their_index() {
    let desired = set(&[("/long", "EQUALS"), ("/a", "EQUALS")]);
    let mut observed = desired.clone();
    observed.http_request_policy.rules.reverse();
    assert!(desired.same(&observed));
}

#[test]
fn a_redirect_of_a_shared_host_may_name_any_namespace() {
    let read = |namespace: &str| {
        let mut value = crate::samples::value("redirect_set");
        let marker = json!({"key": "Namespace", "values": [namespace]});
        value["markers"].as_array_mut().unwrap().push(marker);
        let set: HttpPolicySet = serde_json::from_value(value).unwrap();
        set
    };
    assert!(read("a").same(&read("b")));
}
