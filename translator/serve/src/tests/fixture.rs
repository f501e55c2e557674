//! Small worlds, in the bodies that the translator sends.

use crate::{Outcome, Verdict, World};
use serde_json::{Map, Value, json};

/// A world in the making, `{type: [objects]}`.
#[derive(Debug, Clone, Default)]
pub(super) struct Objects(Map<String, Value>);

impl Objects {
    /// Puts an object in, in the place of one with its name.
    pub(super) fn put(mut self, kind: &str, body: Value) -> Self {
        self = self.without(kind, body["name"].as_str().unwrap());
        self.list(kind).push(body);
        self
    }

    /// Takes an object out.
    pub(super) fn without(mut self, kind: &str, name: &str) -> Self {
        self.list(kind).retain(|object| object["name"] != name);
        self
    }

    /// Changes an object.
    pub(super) fn with(mut self, kind: &str, name: &str, field: &str, value: Value) -> Self {
        let object = self
            .list(kind)
            .iter_mut()
            .find(|object| object["name"] == name)
            .unwrap();
        object[field] = value;
        self
    }

    /// Puts all objects of another in.
    pub(super) fn and(mut self, other: Self) -> Self {
        for (kind, list) in other.0 {
            for body in list.as_array().unwrap() {
                self = self.put(&kind, body.clone());
            }
        }
        self
    }

    fn list(&mut self, kind: &str) -> &mut Vec<Value> {
        self.0
            .entry(kind)
            .or_insert_with(|| json!([]))
            .as_array_mut()
            .unwrap()
    }

    pub(super) fn dump(&self) -> Value {
        Value::Object(self.0.clone())
    }

    pub(super) fn world(&self) -> World {
        World::from_dump(&self.dump()).unwrap()
    }
}

/// The fields that all bodies begin with.
fn body(name: &str, fields: Value) -> Value {
    let mut body = json!({
        "name": name,
        "created_by": "ako-c1",
        "tenant_ref": "/api/tenant/?name=admin",
        "markers": [{"key": "clustername", "values": ["c1"]}],
    });
    if let Value::Object(fields) = fields {
        body.as_object_mut().unwrap().extend(fields);
    }
    body
}

fn cloud_body(name: &str, fields: Value) -> Value {
    let mut body = body(name, fields);
    body["cloud_ref"] = "/api/cloud?name=Default-Cloud".into();
    body
}

pub(super) fn pool(name: &str) -> Value {
    let servers = json!([{
        "enabled": true, "external_uuid": "10.1.1.5:8080", "port": 8080,
        "ip": {"addr": "10.1.1.5", "type": "V4"}, "server_node": "node1",
    }]);
    cloud_body(name, json!({"servers": servers, "sni_enabled": false}))
}

/// `members`: pool and priority label; without label where that is empty.
pub(super) fn group(name: &str, members: &[(&str, &str)]) -> Value {
    let members = members.iter().map(|(pool, label)| {
        let mut member = json!({"pool_ref": format!("/api/pool?name={pool}"), "ratio": 100});
        if !label.is_empty() {
            member["priority_label"] = (*label).into();
        }
        member
    });
    let members: Vec<Value> = members.collect();
    let labelled = members
        .iter()
        .any(|member| member.get("priority_label").is_some());
    cloud_body(
        name,
        json!({"members": members, "implicit_priority_labels": labelled}),
    )
}

pub(super) fn vip(name: &str, hosts: &[&str]) -> Value {
    let dns: Vec<Value> = hosts.iter().map(|host| json!({"fqdn": host})).collect();
    let vip = json!([{"vip_id": "0", "auto_allocate_ip": true,
        "ip_address": {"addr": "10.10.0.7", "type": "V4"}}]);
    cloud_body(
        name,
        json!({"dns_info": dns, "vip": vip, "east_west_placement": false}),
    )
}

pub(super) fn script(name: &str, event: &str, groups: &[&str]) -> Value {
    let groups: Vec<String> = groups
        .iter()
        .map(|group| format!("/api/poolgroup/?name={group}"))
        .collect();
    let script = json!([{"evt": event, "script": "whatever"}]);
    body(
        name,
        json!({"datascript": script, "pool_group_refs": groups}),
    )
}

pub(super) fn cert(name: &str) -> Value {
    let kind = "SSL_CERTIFICATE_TYPE_VIRTUALSERVICE";
    body(
        name,
        json!({"certificate": {"certificate": "CERT"}, "key": "KEY", "type": kind}),
    )
}

pub(super) fn http_set(name: &str, rules: Value) -> Value {
    let mut set = body(
        name,
        json!({"http_request_policy": {}, "http_security_policy": {}}),
    );
    set["http_request_policy"]["rules"] = rules;
    set
}

pub(super) fn redirect_rule(hosts: &[&str]) -> Value {
    json!({"name": "redirect", "index": 0, "enable": true,
        "match": {"host_hdr": {"match_criteria": "HDR_EQUALS", "value": hosts},
            "vs_port": {"match_criteria": "IS_IN", "ports": [80]}},
        "redirect_action": {"port": 443, "protocol": "HTTPS",
            "status_code": "HTTP_REDIRECT_STATUS_CODE_302"}})
}

pub(super) fn path_rule(index: usize, criteria: &str, path: &str, group: &str) -> Value {
    json!({"name": format!("rule-{index}"), "index": index, "enable": true,
        "match": {"path": {"match_case": "SENSITIVE", "match_criteria": criteria,
            "match_str": [path]}},
        "switching_action": {"action": "HTTP_SWITCHING_SELECT_POOLGROUP",
            "pool_group_ref": format!("/api/poolgroup/?name={group}")}})
}

/// A shared parent with its VsVip, group, script and (empty) redirect set, all of one name.
pub(super) fn parent(name: &str, hosts: &[&str]) -> Objects {
    let services = json!([
        {"enable_http2": false, "enable_ssl": false, "port": 80, "port_range_end": 80},
        {"enable_http2": false, "enable_ssl": true, "port": 443, "port_range_end": 443}]);
    let service = cloud_body(
        name,
        json!({
            "type": "VS_TYPE_VH_PARENT",
            "application_profile_ref": "/api/applicationprofile/?name=System-HTTP",
            "network_profile_ref": "/api/networkprofile/?name=System-TCP-Proxy",
            "error_page_profile_ref": "",
            "services": services,
            "http_policies": [
                {"http_policy_set_ref": format!("/api/httppolicyset/?name={name}"), "index": 11}],
            "vs_datascripts": [{"index": 0,
                "vs_datascript_set_ref": format!("/api/vsdatascriptset/?name={name}")}],
            "vsvip_ref": format!("/api/vsvip/?name={name}"),
        }),
    );
    Objects::default()
        .put("vsvip", vip(name, hosts))
        .put("poolgroup", group(name, &[]))
        .put(
            "vsdatascriptset",
            script(name, "VS_DATASCRIPT_EVT_HTTP_REQ", &[name]),
        )
        .put("httppolicyset", http_set(name, json!([])))
        .put("virtualservice", service)
}

/// A child for a host, with its certificate and one set of rules.
pub(super) fn child(parent: &str, host: &str, rules: Value) -> Objects {
    let name = format!("c1--{host}");
    let service = cloud_body(
        &name,
        json!({
            "type": "VS_TYPE_VH_CHILD",
            "vh_parent_vs_ref": format!("/api/virtualservice/?name={parent}"),
            "vh_domain_name": [host],
            "application_profile_ref": "/api/applicationprofile/?name=System-Secure-HTTP",
            "ssl_key_and_certificate_refs": [format!("/api/sslkeyandcertificate/?name={name}")],
            "http_policies": [
                {"http_policy_set_ref": format!("/api/httppolicyset/?name={name}"), "index": 11}],
        }),
    );
    Objects::default()
        .put("sslkeyandcertificate", cert(&name))
        .put("httppolicyset", http_set(&name, rules))
        .put("virtualservice", service)
}

/// Shard 0 with the insecure host bar.com (`/` and `/x`) and the secure host foo.com (`/` and
/// `/bar`), whose port 80 is redirected.
pub(super) fn two_hosts() -> Objects {
    let rules = json!([
        path_rule(0, "BEGINS_WITH", "/bar", "foo-bar"),
        path_rule(1, "BEGINS_WITH", "/", "foo-root")
    ]);
    parent("s0", &["bar.com", "foo.com"])
        .put(
            "poolgroup",
            group("s0", &[("bar-root", "bar.com/"), ("bar-x", "bar.com/x")]),
        )
        .put(
            "httppolicyset",
            http_set("s0", json!([redirect_rule(&["foo.com"])])),
        )
        .put("pool", pool("bar-root"))
        .put("pool", pool("bar-x"))
        .put("pool", pool("foo-bar"))
        .put("pool", pool("foo-root"))
        .put("poolgroup", group("foo-bar", &[("foo-bar", "")]))
        .put("poolgroup", group("foo-root", &[("foo-root", "")]))
        .and(child("s0", "foo.com", rules))
}

/// An L4 service with ports and their pools by protocol.
pub(super) fn l4_service(name: &str, host: &str, ports: &[(u16, &str)]) -> Objects {
    let tcp = ports.iter().any(|(_, protocol)| *protocol == "TCP");
    let profile = if tcp {
        "System-TCP-Fast-Path"
    } else {
        "System-UDP-Fast-Path"
    };
    let mut services = Vec::new();
    let mut rules = Vec::new();
    let mut objects = Objects::default();
    for (index, (port, protocol)) in ports.iter().enumerate() {
        let pool_name = format!("{name}-{protocol}-{port}");
        let mut service = json!({"port": port, "port_range_end": port, "enable_ssl": false});
        if tcp && *protocol != "TCP" {
            service["override_network_profile_ref"] =
                format!("/api/networkprofile/?name=System-{protocol}-Fast-Path").into();
        }
        services.push(service);
        let pool_ref = format!("/api/pool?name={pool_name}");
        rules.push(json!({"name": pool_ref, "index": index,
            "match": {"port": {"match_criteria": "IS_IN", "ports": [port]},
                "protocol": {"match_criteria": "IS_IN",
                    "protocol": format!("PROTOCOL_{protocol}")}},
            "action": {"select_pool": {"action_type": "L4_RULE_ACTION_SELECT_POOL",
                "pool_ref": pool_ref}}}));
        objects = objects.put("pool", pool(&pool_name));
    }
    let service = cloud_body(
        name,
        json!({
            "application_profile_ref": "/api/applicationprofile/?name=System-L4-Application",
            "network_profile_ref": format!("/api/networkprofile/?name={profile}"),
            "services": services,
            "traffic_enabled": true,
            "l4_policies": [
                {"index": 0, "l4_policy_set_ref": format!("/api/l4policyset/?name={name}")}],
            "vsvip_ref": format!("/api/vsvip/?name={name}"),
        }),
    );
    objects
        .put("vsvip", vip(name, &[host]))
        .put(
            "l4policyset",
            body(name, json!({"l4_connection_policy": {"rules": rules}})),
        )
        .put("virtualservice", service)
}

/// A verdict in a word: the pools, the redirect, or the variant of the reason.
pub(super) fn short(verdict: &Verdict) -> String {
    match &verdict.outcome {
        Outcome::Backend(pools) => {
            let names: Vec<&str> = pools.iter().map(|share| share.pool.name.as_str()).collect();
            names.join(" ")
        }
        Outcome::Redirect(to) => format!("-> {to}"),
        Outcome::Closed => "closed".to_owned(),
        Outcome::NoService(why) => {
            let text = format!("{why:?}");
            text.split(['(', ' ']).next().unwrap().to_owned()
        }
    }
}
