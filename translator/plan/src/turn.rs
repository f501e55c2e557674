//! Hosts that turn secure, or plain, while they stand at several addresses or go to another one.
//!
//! While one address redirects to TLS, every other one must speak it. Where an address stays, nobody
//! is interrupted: addresses that go lose the name before it turns there, those that come get it
//! after, and where several stay, all speak TLS as long as one of them redirects. The virtual service
//! that a host has alone takes up both in one write: a host with two of them is interrupted.

use crate::diff::Input;
use crate::op::{BreakReason, Method, Op, OpKey, sibling, stage};
use crate::relocate::Move;
use crate::stage::redirected;
use aviary_avi::names::INSECURE_TWIN;
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::vs_vip::fqdns;
use aviary_avi::{AviKey, AviKind, Body};
use aviary_types::{EcoString, eco_format};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A host that turns where it stays.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) name: EcoString,
    /// Whether it turns secure; else plain.
    pub(crate) is_secure: bool,
    /// The VsVips that keep its name.
    pub(crate) kept: BTreeSet<AviKey>,
    /// Those that lose it.
    pub(crate) lost: BTreeSet<AviKey>,
    /// Those that gain it.
    pub(crate) gained: BTreeSet<AviKey>,
}

/// The VsVips that lose a name, and those that gain it.
type Ends<'a> = (BTreeSet<&'a AviKey>, BTreeSet<&'a AviKey>);

/// The VsVips that keep a name and turn, by whether it turns secure.
type Flips = BTreeMap<EcoString, BTreeMap<bool, BTreeSet<AviKey>>>;

/// Hosts that turn at an address that they keep, and those that turn while they leave one for another.
pub(crate) fn turns(input: &Input<'_>, ops: &BTreeMap<OpKey, Op>) -> (Vec<Turn>, Vec<Move>) {
    let flips = flips(input, ops);
    let ends = ends(input, ops);
    let turns = flips.iter().filter_map(|(name, flips)| {
        let (lost, gained) = ends.get(name).cloned().unwrap_or_default();
        let [(is_secure, kept)] = flips.iter().collect::<Vec<_>>()[..] else {
            return None;
        };
        let turn = Turn {
            name: name.clone(),
            is_secure: *is_secure,
            kept: kept.clone(),
            lost: lost.into_iter().cloned().collect(),
            gained: gained.into_iter().cloned().collect(),
        };
        let is_alone = turn.kept.len() == 1 && turn.lost.is_empty() && turn.gained.is_empty();
        (!is_alone && turn.is_even(input)).then_some(turn)
    });
    let turns: Vec<Turn> = turns.collect();
    let mut moves = Vec::new();
    for (name, (losers, gainers)) in ends {
        if turns.iter().any(|turn| turn.name == *name) {
            continue;
        }
        let pairs = losers
            .iter()
            .flat_map(|from| gainers.iter().map(move |to| (*from, *to)));
        let turned = pairs.filter(|(from, to)| {
            let is_sent_on = |vip: &AviKey, which: Side| redirects(input, vip, which, name);
            is_sent_on(from, Side::Before) != is_sent_on(to, Side::After)
        });
        moves.extend(turned.map(|(from, to)| Move {
            child: None,
            names: BTreeSet::from([name.clone()]),
            from: from.clone(),
            to: to.clone(),
        }));
    }
    (turns, moves)
}

impl Turn {
    /// Whether all addresses redirect before, or none, and after the other way round. Where they
    /// differ, some clients are not served then, whatever the order.
    fn is_even(&self, input: &Input<'_>) -> bool {
        let is_sent_on = |vip, which| redirects(input, vip, which, &self.name);
        let mut lost = self.lost.iter();
        let mut gained = self.gained.iter();
        lost.all(|vip| is_sent_on(vip, Side::Before) != self.is_secure)
            && gained.all(|vip| is_sent_on(vip, Side::After) == self.is_secure)
    }
}

/// Names that turn at VsVips that have them before and after.
fn flips(input: &Input<'_>, ops: &BTreeMap<OpKey, Op>) -> Flips {
    let mut flips = Flips::new();
    let redirecting = ops
        .keys()
        .map(|key| &key.object)
        .filter(|key| matches!(key.kind, AviKind::VirtualService | AviKind::HttpPolicySet));
    let vips: BTreeSet<AviKey> = redirecting.map(of_name).collect();
    for vip in vips {
        let known = input.observed.objects.get(&vip);
        let Some(known) = known.map(|object| &object.body) else {
            continue;
        };
        let before = redirected_at(input, &vip, Side::Before);
        let after = redirected_at(input, &vip, Side::After);
        if before == after {
            continue;
        }
        let names = fqdns(Some(&**known));
        let lost = last_of(ops, &vip).map(|op| fqdns(op.body.as_deref()));
        let stays = |name: &EcoString| {
            names.contains(name) && lost.as_ref().is_none_or(|names| names.contains(name))
        };
        for name in before.symmetric_difference(&after).filter(|it| stays(it)) {
            let directions = flips.entry(name.clone()).or_default();
            let kept = directions.entry(after.contains(name)).or_default();
            kept.insert(vip.clone());
        }
    }
    flips
}

/// The VsVip of what is called like it, or like its twin.
fn of_name(key: &AviKey) -> AviKey {
    let name = key.name.strip_suffix(INSECURE_TWIN).unwrap_or(&key.name);
    AviKey {
        kind: AviKind::VsVip,
        name: name.into(),
        ..key.clone()
    }
}

fn last_of<'a>(ops: &'a BTreeMap<OpKey, Op>, vip: &AviKey) -> Option<&'a Op> {
    [1, 0].into_iter().find_map(|at| ops.get(&stage(vip, at)))
}

/// Names that some VsVip loses, and names that some VsVip gains.
fn ends<'a>(input: &Input<'a>, ops: &'a BTreeMap<OpKey, Op>) -> BTreeMap<&'a EcoString, Ends<'a>> {
    let mut ends: BTreeMap<&EcoString, Ends<'_>> = BTreeMap::new();
    let vips = ops.keys().map(|key| &key.object);
    let vips: BTreeSet<&AviKey> = vips.filter(|key| key.kind == AviKind::VsVip).collect();
    for vip in vips {
        let observed = input.observed.objects.get(vip);
        let before = fqdns(observed.map(|object| &*object.body));
        let last = last_of(ops, vip).filter(|op| op.method != Method::Delete);
        let after = fqdns(last.and_then(|op| op.body.as_deref()));
        for name in before.difference(&after) {
            ends.entry(name).or_default().0.insert(vip);
        }
        for name in after.difference(&before) {
            ends.entry(name).or_default().1.insert(vip);
        }
    }
    ends
}

/// What else must be done before which operation, so that all addresses of a host that turns speak TLS
/// while one of them redirects. A host that has several virtual services alone turns at one after the
/// other, and is interrupted between.
pub(crate) fn waits(
    input: &Input<'_>,
    turns: &[Turn],
    ops: &mut BTreeMap<OpKey, Op>,
) -> BTreeMap<OpKey, BTreeSet<OpKey>> {
    let mut waits: BTreeMap<OpKey, BTreeSet<OpKey>> = BTreeMap::new();
    for turn in turns {
        let lost = turn.lost.iter();
        let lost = lost.filter_map(|vip| leaving(ops, vip, &turn.name));
        let late = turn.gained.iter();
        let late = late.filter_map(|vip| naming(ops, vip, &turn.name));
        let [first, second, third] = turn.phases(input, ops);
        let mut before: BTreeSet<OpKey> = lost.chain(first).collect();
        let late: BTreeSet<OpKey> = late.collect();
        for (former, key) in second.iter().zip(second.iter().skip(1)) {
            waits.entry(key.clone()).or_default().insert(former.clone());
            for key in [former, key] {
                if let Some(op) = ops.get_mut(key) {
                    op.breaks = Some(BreakReason::NewParent);
                    op.whose = Some(turn.name.clone());
                }
            }
        }
        for phase in [second, late.into_iter().chain(third).collect()] {
            for key in &phase {
                let needed = before.iter().filter(|it| *it != key);
                waits
                    .entry(key.clone())
                    .or_default()
                    .extend(needed.cloned());
            }
            before.extend(phase);
        }
    }
    waits
}

impl Turn {
    /// The writes at the addresses that stay: towards TLS the children come first, and away from it
    /// the redirects go first. Between them the virtual service that a host has alone turns, with
    /// both in one write.
    fn phases(&self, input: &Input<'_>, ops: &BTreeMap<OpKey, Op>) -> [BTreeSet<OpKey>; 3] {
        let children = self.children(input, ops);
        let (mut alone, mut redirects) = (BTreeSet::new(), BTreeSet::new());
        for vip in &self.kept {
            let service = sibling(vip, AviKind::VirtualService);
            let body = input.observed.objects.get(&service).map(|it| &*it.body);
            let is_shared = matches!(body, Some(Body::VirtualService(it)) if it.is_parent());
            let set = sibling(vip, AviKind::HttpPolicySet);
            if is_shared {
                let turning = [&set, &service].map(|object| self.turning(ops, object));
                redirects.extend(turning.into_iter().flatten());
            } else {
                alone.extend(self.turning(ops, &service));
            }
        }
        if self.is_secure {
            [children, alone, redirects]
        } else {
            [redirects, alone, children]
        }
    }

    /// Children that come or go at the addresses that stay.
    fn children(&self, input: &Input<'_>, ops: &BTreeMap<OpKey, Op>) -> BTreeSet<OpKey> {
        let is_of_kept = |op: &&Op| {
            let observed = input.observed.objects.get(&op.key.object);
            let body = op.body.as_deref().or(observed.map(|it| &*it.body));
            let Some(Body::VirtualService(child)) = body else {
                return false;
            };
            let parent = child.vh_parent_vs_ref.as_ref();
            let parent = parent.and_then(|parent| op.key.object.target(parent));
            let vip = parent.map(|parent| sibling(&parent, AviKind::VsVip));
            let is_of_host = child.vh_domain_name.contains(&self.name);
            is_of_host && vip.is_some_and(|vip| self.kept.contains(&vip))
        };
        let writes = ops.values().filter(|op| op.method != Method::Update);
        let children = writes.filter(is_of_kept);
        children.map(|op| op.key.clone()).collect()
    }

    /// The write of an object with which the redirect comes or goes: the first that brings it, the last
    /// that is left without it.
    fn turning(&self, ops: &BTreeMap<OpKey, Op>, object: &AviKey) -> Option<OpKey> {
        let stages = stage(object, u16::MIN)..=stage(object, u16::MAX);
        let mut writes = ops
            .range(stages)
            .filter(|(_, op)| op.method != Method::Delete);
        let write = if self.is_secure {
            writes.next()
        } else {
            writes.next_back()
        };
        write.map(|(key, _)| key.clone())
    }
}

/// The write with which a VsVip has a name.
fn naming(ops: &BTreeMap<OpKey, Op>, vip: &AviKey, name: &EcoString) -> Option<OpKey> {
    let stages = stage(vip, u16::MIN)..=stage(vip, u16::MAX);
    let mut writes = ops.range(stages);
    let write = writes.find(|(_, op)| fqdns(op.body.as_deref()).contains(name))?;
    Some(write.0.clone())
}

/// The operation with which a VsVip has a name no more.
fn leaving(ops: &BTreeMap<OpKey, Op>, vip: &AviKey, name: &EcoString) -> Option<OpKey> {
    let stages = stage(vip, u16::MIN)..=stage(vip, u16::MAX);
    let mut writes = ops.range(stages);
    let write = writes.find(|(_, op)| !fqdns(op.body.as_deref()).contains(name))?;
    Some(write.0.clone())
}

/// Which of the two states is looked at.
#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

/// Whether clients that ask for the name at this address in plain are sent on to TLS: by the virtual
/// service of the VsVip, or by its twin on port 80.
fn redirects(input: &Input<'_>, vip: &AviKey, side: Side, name: &EcoString) -> bool {
    let sets = sets_at(input, vip, side);
    sets.iter().any(|set| redirected(Some(set)).contains(name))
}

fn redirected_at(input: &Input<'_>, vip: &AviKey, side: Side) -> BTreeSet<EcoString> {
    let sets = sets_at(input, vip, side);
    sets.iter().flat_map(|set| redirected(Some(set))).collect()
}

/// The policy sets of a VsVip's virtual service and of its twin.
fn sets_at(input: &Input<'_>, vip: &AviKey, side: Side) -> Vec<Arc<Body>> {
    let body = |key: &AviKey| match side {
        Side::Before => input.observed.objects.get(key).map(|it| it.body.clone()),
        Side::After => input.desired.objects.get(key).map(|it| it.body.clone()),
    };
    let service = sibling(vip, AviKind::VirtualService);
    let mut sets = Vec::new();
    for key in [twin(&service), service] {
        let service = body(&key);
        if let Some(Body::VirtualService(service)) = service.as_deref() {
            sets.extend(sets_of(&key, service).filter_map(|set| body(&set)));
        }
    }
    sets
}

/// The virtual service on port 80 beside one that passes TLS through.
fn twin(service: &AviKey) -> AviKey {
    AviKey {
        name: eco_format!("{}{INSECURE_TWIN}", service.name),
        ..service.clone()
    }
}

fn sets_of(key: &AviKey, service: &VirtualService) -> impl Iterator<Item = AviKey> {
    let policies = service.http_policies.iter();
    policies.filter_map(|policy| key.target(&policy.http_policy_set_ref))
}
