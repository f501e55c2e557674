//! AKO's checksums, made from what a Controller answers and the cluster's objects alone, without a
//! line of the product: what AKO computes when it starts, and what it compares that with.

#![allow(clippy::indexing_slicing, reason = "JSON: what is absent is null")]

use serde_json::{Value, json};

/// What a node adds in which no custom resource sets anything: the hash of no text.
const NO_RULE_FIELDS: u32 = 2_166_136_261;

/// Everything that belongs together: objects of the Controller by type, and of the cluster.
pub struct World<'a> {
    /// `{type: [objects]}`, as a Controller answers a GET.
    pub avi: &'a Value,
    /// The cluster's objects: kind, namespace, name, and the object.
    pub cluster: &'a [(String, String, String, Value)],
}

/// FNV-1a of 32 bits.
fn hash(text: &str) -> u32 {
    let step = |sum: u32, byte: u8| (sum ^ u32::from(byte)).wrapping_mul(16_777_619);
    text.bytes().fold(NO_RULE_FIELDS, step)
}

/// JSON as Go prints it.
fn go(value: &Value) -> String {
    let text = value.to_string();
    let escaped = text.replace('&', "\\u0026").replace('<', "\\u003c");
    escaped.replace('>', "\\u003e")
}

fn add(parts: impl IntoIterator<Item = u32>) -> u32 {
    parts.into_iter().fold(0, u32::wrapping_add)
}

/// What a reference is called, in whatever form it is answered.
#[must_use]
pub fn name(reference: &Value) -> &str {
    let text = text(reference);
    let named = text.rsplit_once('#').or_else(|| text.rsplit_once("name="));
    named.map_or("", |(_, name)| name)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn sorted<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.collect();
    values.sort();
    values
}

/// The values of a marker.
fn marker<'a>(body: &'a Value, key: &str) -> Vec<&'a str> {
    let mut markers = list(&body["markers"]);
    let found = markers.find(|marker| marker["key"] == key);
    found.map_or(Vec::new(), |it| list(&it["values"]).map(text).collect())
}

/// The part of the markers.
fn markers(body: &Value) -> u32 {
    let cluster = marker(body, "clustername").concat();
    let others = list(&body["markers"]).filter(|marker| marker["key"] != "clustername");
    let texts = others.map(|marker| sorted(list(&marker["values"]).map(text)).join("-"));
    let texts = sorted(texts).concat();
    let values = if texts.is_empty() { 0 } else { hash(&texts) };
    add([values, hash(&format!("clustername{cluster}"))])
}

fn metadata(body: &Value) -> Value {
    serde_json::from_str(text(&body["service_metadata"])).unwrap_or_default()
}

/// What AKO stores with an object of this type; `None` where the answers do not say enough.
#[must_use]
pub fn stored(world: &World<'_>, kind: &str, body: &Value) -> Option<u32> {
    match kind {
        "poolgroup" => Some(pool_group(body)),
        "vsvip" => vs_vip(world, body),
        "pool" => pool(world, body),
        "virtualservice" => virtual_service(world, body),
        _ => None,
    }
}

/// What AKO makes of an object that stores no checksum, when it reads it back.
#[must_use]
pub fn read_back(kind: &str, body: &Value) -> Option<u32> {
    match kind {
        "vsdatascriptset" => {
            let groups = sorted(list(&body["pool_group_refs"]).map(name));
            let cluster = marker(body, "clustername").concat();
            // Where it has one group, AKO adds the hash of the script that it would write for it,
            // whatever script stands there: a constant for the name of the group.
            let script = match groups[..] {
                [only] => hash(only),
                _ => 0,
            };
            let names = hash(&go(&json!(groups)));
            Some(add([names, hash(&format!("clustername{cluster}")), script]))
        }
        "sslkeyandcertificate" => {
            let certificate = text(&body["certificate"]["certificate"]);
            let authority = list(&body["ca_certs"]).map(|it| name(&it["ca_ref"]));
            let authority: String = authority.collect();
            let named = text(&body["name"]);
            Some(add([
                hash(&format!("{named}{certificate}{authority}")),
                markers(body),
            ]))
        }
        "l4policyset" => {
            let rules = || list(&body["l4_connection_policy"]["rules"]);
            let ports = rules().flat_map(|rule| list(&rule["match"]["port"]["ports"]));
            let ports = sorted(ports.filter_map(Value::as_u64));
            let protocols = rules().map(|rule| text(&rule["match"]["protocol"]["protocol"]));
            let pools = rules().map(|rule| name(&rule["action"]["select_pool"]["pool_ref"]));
            let lists = [
                go(&json!(ports)),
                go(&json!(sorted(protocols))),
                go(&json!(sorted(pools))),
            ];
            Some(add(lists.iter().map(|it| hash(it)).chain([markers(body)])))
        }
        _ => None,
    }
}

fn pool_group(body: &Value) -> u32 {
    let members = list(&body["members"]).map(|member| {
        let pool = format!("/api/pool?name={}", name(&member["pool_ref"]));
        let label = &member["priority_label"];
        let label = if label.is_string() {
            format!(",\"priority_label\":{}", go(label))
        } else {
            String::new()
        };
        // The fields print in this order.
        let (printed, ratio) = (go(&json!(pool)), &member["ratio"]);
        let text = format!("{{\"pool_ref\":{printed}{label},\"ratio\":{ratio}}}");
        (pool, text)
    });
    let members: Vec<String> = sorted(members).into_iter().map(|it| it.1).collect();
    let printed = if members.is_empty() {
        "null".to_owned()
    } else {
        format!("[{}]", members.join(","))
    };
    add([hash(&printed), markers(body)])
}

/// Networks that say their subnets, and an address that a Service asks for.
fn vs_vip(world: &World<'_>, body: &Value) -> Option<u32> {
    let mut parts = Vec::new();
    let names = sorted(list(&body["dns_info"]).map(|it| text(&it["fqdn"])));
    if !names.is_empty() {
        parts.push(hash(&go(&json!(names))));
    }
    let mut networks = Vec::new();
    for vip in list(&body["vip"]) {
        let subnet = &vip["ipam_network_subnet"]["subnet"];
        let plain = vip["auto_allocate_ip"] == true && subnet.is_object();
        if !plain || vip["auto_allocate_ip_type"] != "V4_ONLY" {
            return None;
        }
        let network = name(&vip["ipam_network_subnet"]["network_ref"]);
        let address = text(&subnet["ip_addr"]["addr"]);
        networks.push(format!("{network}:{address}/{}", subnet["mask"]));
    }
    parts.push(hash(&go(&json!(sorted(networks.into_iter())))));
    let address = text(&body["vip"][0]["ip_address"]["addr"]);
    let mut asked = world
        .cluster
        .iter()
        .map(|it| &it.3["spec"]["loadBalancerIP"]);
    if asked.any(|it| text(it) == address) {
        parts.push(hash(address));
    }
    let labels = sorted(list(&body["bgp_peer_labels"]).map(text));
    if !labels.is_empty() {
        parts.push(hash(&go(&json!(labels))));
    }
    if let Some(router) = body["tier1_lr"].as_str() {
        parts.push(hash(router));
    }
    parts.push(markers(body));
    Some(add(parts))
}

/// The port of the Service that a pool stands for.
fn service_port(world: &World<'_>, body: &Value) -> Option<Value> {
    let namespace = *marker(body, "Namespace").first()?;
    let find = |kind: &str, name: &str| {
        let mut objects = world.cluster.iter();
        let is_it = |it: &&(String, String, String, Value)| {
            it.0 == kind && it.1 == namespace && it.2 == name
        };
        objects.find(is_it).map(|it| &it.3)
    };
    let (service, port) = if let Some(ingress) = marker(body, "IngressName").first() {
        let (hosts, paths) = (marker(body, "Host"), marker(body, "Path"));
        let mut rules = list(&find("Ingress", ingress)?["spec"]["rules"]);
        let rule = rules.find(|rule| hosts.contains(&text(&rule["host"])))?;
        let mut all = list(&rule["http"]["paths"]);
        let path = all.find(|path| paths.contains(&text(&path["path"])))?;
        let backend = &path["backend"]["service"];
        (text(&backend["name"]).to_owned(), backend["port"].clone())
    } else {
        let service = (*marker(body, "ServiceName").first()?).to_owned();
        let port = marker(body, "Port").first()?.parse::<u64>().ok()?;
        (service, json!({"number": port}))
    };
    let mut ports = list(&find("Service", &service)?["spec"]["ports"]);
    let is_meant = |it: &&Value| it["port"] == port["number"] || it["name"] == port["name"];
    let protocol = text(&body["name"]).to_owned();
    let of_protocol = |it: &&Value| {
        let said = it["protocol"].as_str().unwrap_or("TCP");
        marker(body, "Port").is_empty() || protocol.contains(&format!("-{said}-"))
    };
    ports.find(|it| is_meant(it) && of_protocol(it)).cloned()
}

/// Pools with servers of one port, the pods' own, and without an AviInfraSetting, which may say more.
fn pool(world: &World<'_>, body: &Value) -> Option<u32> {
    let mut servers: Vec<&Value> = list(&body["servers"]).collect();
    servers.sort_by_key(|server| text(&server["ip"]["addr"]));
    let port = servers.first()?["port"].as_u64()?;
    let has_own = servers.iter().any(|server| server["port"] != port);
    let by_node = world.cluster.iter().any(|it| it.0 == "Pod");
    if has_own || by_node || !marker(body, "InfrasettingName").is_empty() {
        return None;
    }
    let from = service_port(world, body)?;
    let is_balancer = marker(body, "Host").is_empty();
    let protocol = from["protocol"].as_str().unwrap_or("TCP");
    let printed = servers.iter().map(|server| {
        let (ip, node) = (&server["ip"], text(&server["server_node"]));
        let ip = format!("{{\"addr\":{},\"type\":{}}}", ip["addr"], ip["type"]);
        let node = go(&json!(node));
        let enabled = &server["enabled"];
        format!("{{\"Ip\":{ip},\"ServerNode\":{node},\"Port\":0,\"Enabled\":{enabled}}}")
    });
    let printed: Vec<String> = printed.collect();
    let label = [marker(body, "Host"), marker(body, "Path")]
        .concat()
        .concat();
    let mut parts = vec![
        if is_balancer { protocol } else { "" }.to_owned(),
        port.to_string(),
        text(&from["name"]).to_owned(),
        format!("[{}]", printed.join(",")),
        (body["sni_enabled"] == true).to_string(),
        if is_balancer { String::new() } else { label },
        "null".to_owned(),
    ];
    let metadata = metadata(body);
    for field in ["namespace_svc_name", "hostnames"] {
        if list(&metadata[field]).next().is_some() {
            parts.push(go(&metadata[field]));
        }
    }
    let mut sum = vec![hash(&parts.join(":")), markers(body), NO_RULE_FIELDS];
    sum.extend(body["tier1_lr"].as_str().map(hash));
    Some(add(sum))
}

fn of_type<'a>(world: &World<'a>, kind: &str) -> impl Iterator<Item = &'a Value> {
    list(&world.avi[kind])
}

/// Parents, children, and those of a Service of its own. One for several Services, one of a single
/// host, and those that pass TLS on need more than the answers say.
fn virtual_service(world: &World<'_>, body: &Value) -> Option<u32> {
    let is_child = body["type"] == "VS_TYPE_VH_CHILD";
    let is_parent = body["type"] == "VS_TYPE_VH_PARENT";
    let is_balancer = !marker(body, "ServiceName").is_empty();
    let passes_on = text(&body["name"]).contains("--Shared-Passthrough");
    let is_shared = !marker(body, "GatewayName").is_empty();
    if passes_on || is_shared || !(is_child || is_parent || is_balancer) {
        return None;
    }
    let tags = tags(world, body)?;
    let group = name(&body["se_group_ref"]);
    let profiles = if is_child {
        [""; 2]
    } else {
        [
            name(&body["application_profile_ref"]),
            network_profile(body),
        ]
    };
    let [application, network] = profiles;
    let ports = if is_balancer {
        ports_of_service(world, body)?
    } else {
        ports_of_listeners(world, body)?
    };
    let mut sum = vec![hash(&format!("{tags}{application}{group}{network}{ports}"))];
    let metadata = metadata(body);
    let hostnames = sorted(list(&metadata["hostnames"]).map(text));
    if !hostnames.is_empty() {
        sum.push(hash(&go(&json!(hostnames))));
    }
    if let Some(enabled) = body["traffic_enabled"].as_bool().filter(|_| is_balancer) {
        sum.push(hash(&enabled.to_string()));
    }
    if !is_child {
        sum.push(hash(&(body["enable_rhi"] == true).to_string()));
    }
    sum.extend([markers(body), NO_RULE_FIELDS]);
    Some(add(sum))
}

fn network_profile(body: &Value) -> &str {
    let mut services = list(&body["services"]);
    if services.any(|it| it["override_network_profile_ref"].is_string()) {
        "Mixed-Network-Profile-Internal"
    } else {
        name(&body["network_profile_ref"])
    }
}

/// What a virtual service refers to, and what refers to it.
fn tags(world: &World<'_>, body: &Value) -> Option<String> {
    let mut tags: Vec<String> = Vec::new();
    let refs = [
        ("HTTPDS", "vs_datascripts", "vs_datascript_set_ref"),
        ("HttpPolicy", "http_policies", "http_policy_set_ref"),
        ("L4Policy", "l4_policies", "l4_policy_set_ref"),
    ];
    for (tag, field, inner) in refs {
        tags.extend(list(&body[field]).map(|it| format!("{tag}{}", name(&it[inner]))));
    }
    let certificates = list(&body["ssl_key_and_certificate_refs"]);
    tags.extend(certificates.map(|it| format!("SSLKeyCert{}", name(it))));
    let domains = list(&body["vh_domain_name"]);
    tags.extend(domains.map(|it| format!("VHDomain{}", text(it))));
    let vip = &body["vsvip_ref"];
    if vip.is_string() {
        tags.push(format!("VSVIP{}", name(vip)));
    }
    let children = of_type(world, "virtualservice");
    let children = children.filter(|it| {
        let is_there = it["tenant_ref"] == body["tenant_ref"];
        is_there && name(&it["vh_parent_vs_ref"]) == text(&body["name"])
    });
    tags.extend(children.map(|it| format!("SNINode{}", text(&it["name"]))));
    for policy in list(&body["l4_policies"]) {
        let set = name(&policy["l4_policy_set_ref"]);
        let set = of_type(world, "l4policyset").find(|it| it["name"] == set)?;
        let rules = list(&set["l4_connection_policy"]["rules"]);
        let pools = rules.map(|rule| name(&rule["action"]["select_pool"]["pool_ref"]));
        tags.extend(pools.map(|it| format!("Pool{it}")));
    }
    tags.sort();
    Some(tags.join(":"))
}

/// A port of AKO's model.
fn port((port, target): (&Value, &Value), protocol: &str, flags: [bool; 2], name: &str) -> String {
    let [ssl, http2] = flags;
    format!(
        "{{\"PortMap\":null,\"Port\":{port},\"TargetPort\":{target},\"Protocol\":\"{protocol}\",\
         \"Hosts\":null,\"Secret\":\"\",\"Passthrough\":false,\"Redirect\":false,\
         \"EnableSSL\":{ssl},\"EnableHTTP2\":{http2},\"Name\":{}}}",
        go(&json!(name))
    )
}

/// The listeners of a parent; a child counts those of its parent.
fn ports_of_listeners(world: &World<'_>, body: &Value) -> Option<String> {
    let parent = &body["vh_parent_vs_ref"];
    let holder = if parent.is_string() {
        of_type(world, "virtualservice").find(|it| it["name"] == name(parent))?
    } else {
        body
    };
    let printed = list(&holder["services"]).map(|it| {
        let flags = [it["enable_ssl"] == true, it["enable_http2"] == true];
        port((&it["port"], &json!(0)), "HTTP", flags, "")
    });
    Some(format!("[{}]", printed.collect::<Vec<_>>().join(",")))
}

/// The ports of a Service, by their names.
fn ports_of_service(world: &World<'_>, body: &Value) -> Option<String> {
    let namespace = *marker(body, "Namespace").first()?;
    let service = *marker(body, "ServiceName").first()?;
    let mut objects = world.cluster.iter();
    let object = objects.find(|it| it.0 == "Service" && it.1 == namespace && it.2 == service)?;
    let mut printed = Vec::new();
    for it in list(&object.3["spec"]["ports"]) {
        if it["targetPort"].is_null() {
            return None;
        }
        let (named, protocol) = (text(&it["name"]), it["protocol"].as_str().unwrap_or("TCP"));
        let of_model = (&it["port"], &it["targetPort"]);
        printed.push((named, port(of_model, protocol, [false; 2], named)));
    }
    // Those without a name keep their order.
    printed.sort_by_key(|(named, _)| *named);
    let printed: Vec<String> = printed.into_iter().map(|it| it.1).collect();
    Some(format!("[{}]", printed.join(",")))
}
