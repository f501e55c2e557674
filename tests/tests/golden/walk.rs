//! Make before break where the corpus does not go: walks from state to state, each made by chance
//! from a seed. Hosts turn secure and plain, move between namespaces, services and shards, share
//! paths, lose their Secrets; ports of a LoadBalancer come and go; settings place them anew.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use aviary::plan::{State, Step};
use aviary_serve::{self as serve, Break, Loss};
use aviary_settings::Raw;
use aviary_tests::corpus::{block_on, booted, reach};
use serde_json::{Value, json};

use crate::objects::{Objects, gone, key, service, slice};
use crate::served::hold;
use crate::shuffle::Dice;

/// Walks, and states of each.
const WALKS: u64 = 16;
const STATES: usize = 5;

const HOSTS: [&str; 4] = ["a.avi.lab", "b.avi.lab", "c.avi.lab", "d.avi.lab"];
const NAMESPACES: [&str; 2] = ["blue", "green"];
const SERVICES: [&str; 2] = ["web", "api"];
const PATHS: [&str; 4] = ["/", "/x", "/x/y", "/z"];
const SHARDS: [&str; 4] = ["LARGE", "MEDIUM", "SMALL", "DEDICATED"];
const SCHEMES: [&str; 2] = ["ako", "documented"];
const PORTS: [(u16, &str); 4] = [(53, "UDP"), (53, "TCP"), (80, "TCP"), (443, "TCP")];

#[test]
fn every_host_is_served_while_everything_about_it_changes() -> Result<()> {
    walk(Way::Changes)
}

#[test]
fn plain_hosts_are_served_while_they_change_shards() -> Result<()> {
    walk(Way::Shards)
}

#[test]
fn every_host_is_served_while_it_is_placed_anew() -> Result<()> {
    walk(Way::Places)
}

/// What may change on a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Everything but the number of shards.
    Changes,
    /// Everything of plain hosts.
    Shards,
    /// Everything, and the naming scheme.
    Places,
}

fn walk(way: Way) -> Result<()> {
    let mut broken = BTreeSet::new();
    let mut kept = 0;
    let certificate = rcgen::generate_simple_self_signed(HOSTS.map(str::to_owned))?;
    let secret = json!({
        "tls.crt": certificate.cert.pem(),
        "tls.key": certificate.signing_key.serialize_pem(),
    });
    for seed in 0..WALKS {
        let mut draw = Draw {
            dice: Dice::new(seed),
            way,
            secret: &secret,
        };
        let count = block_on(go(seed, &mut draw, &mut broken))?;
        kept += count.with_context(|| format!("{way:?} {seed}"))?;
    }
    let lines: Vec<String> = broken.into_iter().collect();
    ensure!(lines.is_empty(), "{}", lines.join("\n"));
    ensure!(kept > 300, "only {kept} questions were asked");
    Ok(())
}

async fn go(walk: u64, draw: &mut Draw<'_>, broken: &mut BTreeSet<String>) -> Result<usize> {
    let (mut player, settings, _) = booted("l7/01", "").await?;
    let mut standing = BTreeMap::new();
    let mut kept = 0;
    for number in 0..STATES {
        let next = draw.objects();
        let mut steps = vec![Step::Delete(gone(&standing, &next))];
        steps.push(Step::Apply(next.values().cloned().collect()));
        if draw.way != Way::Changes && draw.is_likely() {
            let places = Raw::from_value(draw.places())?;
            steps.push(Step::Settings(settings.layer(&places)));
        }
        let place = format!("{:?} {walk} state {number}", draw.way);
        let state = reach(
            &mut player,
            State {
                name: place.clone(),
                steps,
            },
        )
        .await?;
        let settled = &state.outcome.settled;
        ensure!(
            settled.refused.is_empty(),
            "{place}: refused {:?}",
            settled.refused
        );
        ensure!(
            settled.holds.is_empty(),
            "{place}: held {:?}",
            settled.holds
        );
        kept += hold(&place, &state, is_mixture, broken);
        standing = next;
    }
    Ok(kept)
}

/// Between the two writes of a namespace's paths, a path can show that another namespace hid before
/// and that is gone after. The client meets the host, though an old part of it.
pub(crate) fn is_mixture(one: &Break) -> bool {
    let via_set = |step: &serve::Step| matches!(step, serve::Step::Rule { .. });
    matches!(one.loss, Loss::OtherBackend(_)) && one.during.via.iter().any(via_set)
}

/// Draws the objects of a state.
struct Draw<'a> {
    dice: Dice,
    way: Way,
    secret: &'a Value,
}

impl Draw<'_> {
    fn is_likely(&mut self) -> bool {
        self.dice.below(2) == 0
    }

    /// How many shards there are, and which host is on which.
    fn places(&mut self) -> Value {
        let (sizes, schemes) = if self.way == Way::Places {
            (4, 2)
        } else {
            (3, 1)
        };
        let size = SHARDS[self.dice.below(sizes)];
        let scheme = SCHEMES[self.dice.below(schemes)];
        json!({"L7Settings": {"shardVSSize": size}, "AKOSettings": {"namingScheme": scheme}})
    }

    fn objects(&mut self) -> Objects {
        let mut all = Vec::new();
        for namespace in NAMESPACES {
            let metadata = json!({"name": namespace});
            all.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
            for service in SERVICES {
                all.extend(self.backend(namespace, service));
            }
            if self.dice.below(8) > 0 {
                all.push(json!({
                    "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
                    "metadata": {"namespace": namespace, "name": "tls"},
                    "stringData": self.secret,
                }));
            }
            for host in HOSTS {
                all.extend(self.ingress(namespace, host));
            }
        }
        all.extend(self.balancer());
        all.into_iter()
            .map(|object| (key(&object), object))
            .collect()
    }

    /// A Service with one or two servers.
    fn backend(&mut self, namespace: &str, name: &str) -> [Value; 2] {
        let ports = json!([{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]);
        let targets = json!([{"name": "http", "port": 8080, "protocol": "TCP"}]);
        let servers = self.dice.below(2) + 1;
        [
            service(namespace, name, "ClusterIP", &ports),
            slice(namespace, name, &targets, servers),
        ]
    }

    /// Rules for a host, half of the time; secure, half of the time.
    fn ingress(&mut self, namespace: &str, host: &str) -> Option<Value> {
        if self.is_likely() {
            return None;
        }
        let mut paths = Vec::new();
        for path in PATHS {
            if self.is_likely() {
                let name = SERVICES[self.dice.below(2)];
                let backend = json!({"service": {"name": name, "port": {"number": 80}}});
                paths.push(json!({"path": path, "pathType": "Prefix", "backend": backend}));
            }
        }
        let is_secure = self.way != Way::Shards && self.is_likely();
        let tls = is_secure.then(|| json!({"hosts": [host], "secretName": "tls"}));
        let tls: Vec<Value> = tls.into_iter().collect();
        (!paths.is_empty()).then(|| {
            json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "metadata": {"namespace": namespace, "name": host.replace('.', "-")},
                "spec": {"rules": [{"host": host, "http": {"paths": paths}}], "tls": tls},
            })
        })
    }

    /// A LoadBalancer with some ports; none at all where no port was drawn.
    fn balancer(&mut self) -> Vec<Value> {
        let mut drawn = PORTS.to_vec();
        drawn.retain(|_| self.is_likely());
        if drawn.is_empty() {
            return Vec::new();
        }
        let name = |(port, protocol): &(u16, &str)| format!("p{port}-{}", protocol.to_lowercase());
        let port = |one: &(u16, &str)| {
            let target = 8000 + one.0;
            json!({"name": name(one), "port": one.0, "targetPort": target, "protocol": one.1})
        };
        let target =
            |one: &(u16, &str)| json!({"name": name(one), "port": 8000 + one.0, "protocol": one.1});
        let ports: Vec<Value> = drawn.iter().map(port).collect();
        let targets: Vec<Value> = drawn.iter().map(target).collect();
        vec![
            service("blue", "lb", "LoadBalancer", &json!(ports)),
            slice("blue", "lb", &json!(targets), 2),
        ]
    }
}
