//! What the demo prints.

use super::DemoArgs;
use super::stage::Stage;
use crate::table::table;
use aviary_avi::{AviKey, AviKind, Body, Observed};
use aviary_runtime::view::Snapshot;
use std::io::Write;

/// The virtual services that the Controller has, with their addresses.
pub(super) fn services(snapshot: &Snapshot) -> String {
    let heading = [
        "VIRTUAL SERVICE",
        "CLUSTER",
        "KIND",
        "ADDRESS",
        "PORTS",
        "HOSTS",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for observed in snapshot
        .sites
        .iter()
        .filter_map(|site| site.observed.as_ref())
    {
        let objects = observed.objects.values();
        rows.extend(objects.filter_map(|object| row(observed, &object.key, &object.body)));
    }
    table(&rows)
}

fn row(observed: &Observed, key: &AviKey, body: &Body) -> Option<Vec<String>> {
    let Body::VirtualService(service) = body else {
        return None;
    };
    let kind = match service.kind.as_deref() {
        Some("VS_TYPE_VH_PARENT") => "shard",
        Some("VS_TYPE_VH_CHILD") => "secure host",
        _ => "layer 4",
    };
    let cluster = body.sources().values("clustername").first()?;
    let parent = service
        .vh_parent_vs_ref
        .as_ref()
        .map_or(&key.name, |parent| &parent.name);
    let vip = AviKey {
        kind: AviKind::VsVip,
        name: parent.clone(),
        ..key.clone()
    };
    let (mut addresses, mut names) = (Vec::new(), Vec::new());
    if let Some(Body::VsVip(vip)) = observed.objects.get(&vip).map(|object| &*object.body) {
        let ips = vip.vip.iter().filter_map(|vip| vip.ip_address.as_ref());
        addresses.extend(ips.map(|ip| ip.addr.to_string()));
        names.extend(vip.dns_info.iter().map(|dns| dns.fqdn.to_string()));
    }
    if kind == "secure host" {
        names = service
            .vh_domain_name
            .iter()
            .map(ToString::to_string)
            .collect();
    }
    let ports: Vec<String> = service
        .services
        .iter()
        .map(|s| s.port.to_string())
        .collect();
    Some(vec![
        key.name.to_string(),
        cluster.to_string(),
        kind.to_owned(),
        addresses.join(" "),
        ports.join(" "),
        names.join(" "),
    ])
}

/// What to try next: each line that is set in is a command that works as it stands.
pub(super) fn hints(args: &DemoArgs, stage: &Stage) -> String {
    let (translator, controller) = (stage.translator(), stage.controller());
    let address = translator.trim_start_matches("http://");
    let (examples, statuses) = (args.examples.display(), args.status_dir.display());
    let aviary = this_program();
    let service = "aviary.query.v1.QueryService";
    format!(
        "\n\
         Ask what was computed:\n\
         \x20 {aviary} get shards --translator {translator}\n\
         \x20 {aviary} get virtualservice --translator {translator}\n\
         \x20 {aviary} get claims --translator {translator}\n\
         \x20 {aviary} get conflicts --translator {translator}\n\
         \x20 grpcurl -plaintext {address} list\n\
         \x20 grpcurl -plaintext {address} {service}/GetShardMap\n\
         \x20 grpcurl -plaintext -d '{{\"contested_only\": true}}' {address} {service}/ListClaims\n\
         \x20 grpcurl -plaintext -d '{{\"type\": \"pool\", \"side\": \"SIDE_OBSERVED\"}}' {address} {service}/ListObjects\n\
         Look at the simulated Controller:\n\
         \x20 curl -s {controller}/_sim/dump\n\
         \x20 curl -s {controller}/_sim/log\n\
         More of it is in docs/grpcurl.md.\n\
         Edit a file below {examples}/shop or {examples}/branch and watch the table change.\n\
         Statuses, annotations and Events are written below {statuses}.\n\
         Ctrl-C ends it.\n"
    )
}

/// How to call this very program from here.
fn this_program() -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| "aviary".into());
    let here = std::env::current_dir().unwrap_or_default();
    let shown = program.strip_prefix(&here).unwrap_or(&program);
    shown.display().to_string()
}

pub(super) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
