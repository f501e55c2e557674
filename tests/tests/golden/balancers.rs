//! Load balancers whose addresses change hands: from one to another, into a shared VIP and out of it,
//! to another tenant. What that interrupts is marked, as short as can be, and nobody else notices.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use aviary::plan::{Player, State, Step};
use aviary_plan::{Method, Op, interruptions};
use aviary_tests::corpus::{Reached, block_on, booted, reach};
use serde_json::{Value, json};

use crate::objects::{Objects, gone, key, service, slice};
use crate::served::hold;
use crate::shuffle::Dice;

/// Walks, and states of each.
const WALKS: u64 = 16;
const STATES: usize = 6;

const ADDRESSES: [&str; 3] = ["10.10.4.31", "10.10.4.32", "10.10.4.33"];
const TENANTS: [&str; 2] = ["", "tn-blue"];

/// One Service: its name, its address, whether it shares its VIP, its number of servers.
#[derive(Debug, Clone)]
struct Ask {
    name: &'static str,
    address: &'static str,
    shared: bool,
}

impl Ask {
    fn own(name: &'static str, address: &'static str) -> Self {
        Self {
            name,
            address,
            shared: false,
        }
    }
}

/// The objects of a state: a namespace in a tenant with these Services, and another that stays.
fn objects(tenant: &str, asks: &[Ask]) -> Objects {
    let annotations = json!({"ako.vmware.com/tenant-name": tenant});
    let mut all = vec![
        json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "blue", "annotations": annotations}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "green"}}),
    ];
    all.extend(balancer("green", &Ask::own("stays", "10.10.4.40")));
    all.extend(asks.iter().flat_map(|ask| balancer("blue", ask)));
    all.into_iter()
        .map(|object| (key(&object), object))
        .collect()
}

fn balancer(namespace: &str, ask: &Ask) -> [Value; 2] {
    let number = if ask.name == "b" { 81 } else { 80 };
    let ports = json!([{"name": "p", "port": number, "targetPort": 8080, "protocol": "TCP"}]);
    let mut made = service(namespace, ask.name, "LoadBalancer", &ports);
    made["spec"]["loadBalancerIP"] = ask.address.into();
    let shared = if ask.shared { "pair" } else { "" };
    made["metadata"]["annotations"] = json!({"ako.vmware.com/enable-shared-vip": shared});
    let targets = json!([{"name": "p", "port": 8080, "protocol": "TCP"}]);
    [made, slice(namespace, ask.name, &targets, 1)]
}

/// A cluster that is brought from state to state.
struct Walk {
    player: Player,
    standing: Objects,
}

impl Walk {
    async fn start() -> Result<Self> {
        let (player, ..) = booted("l4/01", "").await?;
        Ok(Self {
            player,
            standing: BTreeMap::new(),
        })
    }

    /// Goes on to these objects; a second look there writes nothing.
    async fn go(&mut self, name: &str, next: Objects) -> Result<Reached> {
        let mut steps = vec![Step::Delete(gone(&self.standing, &next))];
        steps.push(Step::Apply(next.values().cloned().collect()));
        let state = State {
            name: name.to_owned(),
            steps,
        };
        let reached = reach(&mut self.player, state).await?;
        self.standing = next;
        let again = self.player.settle().await.settled.operations;
        ensure!(again.is_empty(), "{name}: written again: {again:?}");
        Ok(reached)
    }
}

fn draw(dice: &mut Dice) -> (Objects, String) {
    let tenant = TENANTS[dice.below(2)];
    let shared = dice.below(2) == 0;
    let first = dice.below(3);
    let second = if shared {
        first
    } else {
        (first + 1 + dice.below(2)) % 3
    };
    let mut asks: Vec<Ask> = [("a", first), ("b", second)]
        .into_iter()
        .map(|(name, at)| Ask {
            name,
            address: ADDRESSES[at],
            shared,
        })
        .collect();
    if dice.below(4) == 0 {
        asks.remove(dice.below(2));
    }
    (
        objects(tenant, &asks),
        format!("tenant '{tenant}' {asks:?}"),
    )
}

#[test]
fn addresses_change_hands_and_only_what_is_marked_is_interrupted() -> Result<()> {
    let mut broken = BTreeSet::new();
    let (mut kept, mut marked) = (0, 0);
    for seed in 0..WALKS {
        let walked: Result<()> = block_on(async {
            let mut walk = Walk::start().await?;
            let mut dice = Dice::new(seed);
            for number in 0..STATES {
                let (next, told) = draw(&mut dice);
                let place = format!("walk {seed} state {number}: {told}");
                let state = walk.go(&place, next).await?;
                let settled = &state.outcome.settled;
                ensure!(
                    settled.refused.is_empty() && settled.holds.is_empty(),
                    "{place}: refused {:?}, held {:?}",
                    settled.refused,
                    settled.holds
                );
                kept += hold(&place, &state, |_| false, &mut broken);
                marked += interruptions(&settled.operations).len();
            }
            Ok(())
        })?;
        walked.with_context(|| format!("walk {seed}"))?;
    }
    let lines: Vec<String> = broken.into_iter().collect();
    ensure!(lines.is_empty(), "{}", lines.join("\n"));
    ensure!(
        kept > 200 && marked > 20,
        "{kept} questions, {marked} interruptions"
    );
    Ok(())
}

/// The operations that interrupt, in short.
fn interrupting(state: &Reached) -> Vec<String> {
    let marked = state.outcome.settled.operations.iter();
    let marked = marked.filter_map(|op: &Op| Some((op, op.breaks?.name())));
    let line = |(op, reason): (&Op, &str)| {
        let method = match op.method {
            Method::Create => "create",
            Method::Update => "update",
            Method::Delete => "delete",
        };
        let object = &op.key.object;
        format!(
            "{method} {} {} {}: {reason}",
            object.kind, object.tenant, object.name
        )
    };
    marked.map(line).collect()
}

#[test]
fn a_static_address_that_changes_is_made_anew_and_nothing_else_is() -> Result<()> {
    block_on(async {
        let mut walk = Walk::start().await?;
        let state = objects("", &[Ask::own("a", ADDRESSES[0])]);
        assert_eq!(interrupting(&walk.go("made", state).await?), [""; 0]);
        let state = objects("", &[Ask::own("a", ADDRESSES[1])]);
        let changed = walk.go("changed", state).await?;
        let reason = "static_vip_changed";
        let want = [
            format!("delete virtualservice admin lab--blue-a: {reason}"),
            format!("delete vsvip admin lab--blue-a: {reason}"),
            format!("create vsvip admin lab--blue-a: {reason}"),
            format!("create virtualservice admin lab--blue-a: {reason}"),
        ];
        assert_eq!(interrupting(&changed), want);
        assert_eq!(changed.outcome.settled.operations.len(), 4);
        let vips = &changed.outcome.avi["vsvip"];
        let vip = vips.iter().find(|vip| vip["name"] == "lab--blue-a");
        let address = &vip.context("the VIP")?["vip"][0]["ip_address"]["addr"];
        assert_eq!(address, ADDRESSES[1]);
        Ok(())
    })?
}

#[test]
fn an_address_that_another_keeps_is_refused_and_the_old_one_stays() -> Result<()> {
    block_on(async {
        let mut walk = Walk::start().await?;
        let both = |address| objects("", &[Ask::own("a", address), Ask::own("b", ADDRESSES[1])]);
        walk.go("made", both(ADDRESSES[0])).await?;
        let steps = vec![Step::Apply(both(ADDRESSES[1]).into_values().collect())];
        let name = "taken".to_owned();
        let taken = reach(&mut walk.player, State { name, steps }).await?;
        assert_eq!(interrupting(&taken), [""; 0]);
        let refused = taken.outcome.settled.refused.iter();
        let refused: BTreeSet<&str> = refused.map(|(key, _)| key.name.as_str()).collect();
        assert_eq!(refused, BTreeSet::from(["lab--blue-a"]));
        let mut broken = BTreeSet::new();
        ensure!(hold("taken", &taken, |_| false, &mut broken) > 0);
        ensure!(broken.is_empty(), "{broken:?}");
        Ok(())
    })?
}
