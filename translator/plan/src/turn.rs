//! Hosts that turn secure, or plain, while their name goes to another address.

use crate::diff::Input;
use crate::op::{Method, Op, OpKey, sibling, stage};
use crate::relocate::Move;
use crate::stage::redirected;
use aviary_avi::names::INSECURE_TWIN;
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::vs_vip::fqdns;
use aviary_avi::{AviKey, AviKind, Body};
use aviary_types::{EcoString, eco_format};
use std::collections::{BTreeMap, BTreeSet};

/// The VsVips that lose a name, and those that gain it.
type Ends<'a> = (BTreeSet<&'a AviKey>, BTreeSet<&'a AviKey>);

/// Names that go from one VsVip to another of which one alone redirects them to TLS.
pub(crate) fn turns(input: &Input<'_>, ops: &BTreeMap<OpKey, Op>) -> Vec<Move> {
    let mut turns = Vec::new();
    for (name, (losers, gainers)) in ends(input, ops) {
        let pairs = losers
            .iter()
            .flat_map(|from| gainers.iter().map(move |to| (*from, *to)));
        let turned = pairs.filter(|(from, to)| {
            let is_sent_on = |vip: &AviKey, which: Side| redirects(input, vip, which, name);
            is_sent_on(from, Side::Before) != is_sent_on(to, Side::After)
        });
        turns.extend(turned.map(|(from, to)| Move {
            child: None,
            names: BTreeSet::from([name.clone()]),
            from: from.clone(),
            to: to.clone(),
        }));
    }
    turns
}

/// Names that some VsVip loses and some other gains.
fn ends<'a>(input: &Input<'a>, ops: &'a BTreeMap<OpKey, Op>) -> BTreeMap<&'a EcoString, Ends<'a>> {
    let mut ends: BTreeMap<&EcoString, Ends<'_>> = BTreeMap::new();
    let vips = ops.keys().map(|key| &key.object);
    let vips: BTreeSet<&AviKey> = vips.filter(|key| key.kind == AviKind::VsVip).collect();
    for vip in vips {
        let observed = input.observed.objects.get(vip);
        let before = fqdns(observed.map(|object| &*object.body));
        let last = [1, 0].into_iter().find_map(|at| ops.get(&stage(vip, at)));
        let last = last.filter(|op| op.method != Method::Delete);
        let after = fqdns(last.and_then(|op| op.body.as_deref()));
        for name in before.difference(&after) {
            ends.entry(name).or_default().0.insert(vip);
        }
        for name in after.difference(&before) {
            ends.entry(name).or_default().1.insert(vip);
        }
    }
    ends.retain(|_, (losers, gainers)| !losers.is_empty() && !gainers.is_empty());
    ends
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
    let body = |key: &AviKey| match side {
        Side::Before => input.observed.objects.get(key).map(|it| it.body.clone()),
        Side::After => input.desired.objects.get(key).map(|it| it.body.clone()),
    };
    let of_vip = sibling(vip, AviKind::VirtualService);
    let twin = AviKey {
        name: eco_format!("{}{INSECURE_TWIN}", vip.name),
        ..of_vip.clone()
    };
    [of_vip, twin].iter().any(|key| {
        let service = body(key);
        let Some(Body::VirtualService(service)) = service.as_deref() else {
            return false;
        };
        let mut sets = sets_of(key, service);
        sets.any(|set| redirected(body(&set).as_ref()).contains(name))
    })
}

fn sets_of(key: &AviKey, service: &VirtualService) -> impl Iterator<Item = AviKey> {
    let policies = service.http_policies.iter();
    policies.filter_map(|policy| key.target(&policy.http_policy_set_ref))
}
