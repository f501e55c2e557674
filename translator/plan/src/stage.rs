//! Objects that several hosts or namespaces share are written twice where one write would take
//! something away before its new place serves: first old and new together, then the new alone
//! (invariant 5).

pub(crate) mod ports;

use crate::diff::Input;
use crate::op::{Method, Op, OpKey, Reason, stage};
use aviary_avi::ds_set::VsDataScriptSet;
use aviary_avi::http_policy_set::{HttpPolicySet, HttpRequestRule};
use aviary_avi::pool_group::{PoolGroup, PoolGroupMember};
use aviary_avi::vs_vip::{DnsInfo, VsVip, fqdns};
use aviary_avi::{AviKey, AviKind, Body, Ref};
use aviary_types::{EcoString, eco_format};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Old and new entries together; `None` for bodies that nobody shares.
pub(crate) fn widened(
    input: &Input<'_>,
    key: &AviKey,
    desired: &Body,
    observed: &Body,
) -> Option<Body> {
    match (desired, observed) {
        (Body::PoolGroup(desired), Body::PoolGroup(observed))
            if desired.implicit_priority_labels == Some(true) =>
        {
            Some(labels(&Hidden::of(input, key), desired, observed).into())
        }
        (Body::VsVip(desired), Body::VsVip(observed)) => Some(names(desired, observed).into()),
        (Body::HttpPolicySet(desired), Body::HttpPolicySet(observed))
            if switches(desired) && switches(observed) =>
        {
            Some(paths(desired, observed).into())
        }
        (Body::HttpPolicySet(desired), Body::HttpPolicySet(observed)) => {
            redirects(desired, observed).map(Body::from)
        }
        (Body::VsDataScriptSet(desired), Body::VsDataScriptSet(observed)) => {
            Some(groups(desired, observed).into())
        }
        (Body::L4PolicySet(desired), Body::L4PolicySet(observed)) => {
            Some(ports::rules(desired, observed).into())
        }
        (Body::VirtualService(desired), Body::VirtualService(observed)) => {
            ports::listeners(desired, observed).map(Body::from)
        }
        _ => None,
    }
}

/// Hosts that are not redirected any more beside those that are; `None` where the sets do anything
/// else.
fn redirects(desired: &HttpPolicySet, observed: &HttpPolicySet) -> Option<HttpPolicySet> {
    let mut wide = desired.clone();
    let [rule] = &mut wide.http_request_policy.rules[..] else {
        return None;
    };
    rule.redirect_action.as_ref()?;
    let [known] = &observed.http_request_policy.rules[..] else {
        return None;
    };
    let hosts = &mut rule.matches.as_mut()?.host_hdr.as_mut()?.value;
    let before = &known.matches.as_ref()?.host_hdr.as_ref()?.value;
    let gone = before.iter().filter(|host| !hosts.contains(host));
    let gone: Vec<EcoString> = gone.cloned().collect();
    hosts.extend(gone);
    hosts.sort();
    Some(wide)
}

/// The pool groups that go beside those that come.
fn groups(desired: &VsDataScriptSet, observed: &VsDataScriptSet) -> VsDataScriptSet {
    let mut wide = desired.clone();
    let known = |group: &&Ref| desired.pool_group_refs.contains(group);
    let gone = observed.pool_group_refs.iter().filter(|it| !known(it));
    // By name, as our own: what the Controller answers carries uuids.
    let gone = gone.map(|group| Ref::slash("poolgroup", group.name.clone()));
    wide.pool_group_refs.extend(gone);
    wide
}

/// The port that redirects to TLS are for.
const REDIRECTED: u16 = 80;

/// Hosts of a shard whose plain requests are redirected, so that nobody meets their labels.
struct Hidden {
    before: BTreeSet<EcoString>,
    after: BTreeSet<EcoString>,
}

impl Hidden {
    fn of(input: &Input<'_>, group: &AviKey) -> Self {
        let set = AviKey {
            kind: AviKind::HttpPolicySet,
            ..group.clone()
        };
        let service = AviKey {
            kind: AviKind::VirtualService,
            ..group.clone()
        };
        let observed = |key: &AviKey| input.observed.objects.get(key).map(|object| &object.body);
        let desired = |key: &AviKey| input.desired.objects.get(key).map(|object| &object.body);
        let refers = input.observed.referrers(&set).next().is_some();
        let hides_before = refers && !is_open(observed(&service));
        let hides_after = !is_open(desired(&service));
        Self {
            before: redirected(observed(&set).filter(|_| hides_before)),
            after: redirected(desired(&set).filter(|_| hides_after)),
        }
    }
}

/// Whether a virtual service speaks without TLS where redirects do not reach: on any other port.
fn is_open(body: Option<&Arc<Body>>) -> bool {
    matches!(body.map(Arc::as_ref), Some(Body::VirtualService(service))
        if service.services.iter().any(|it| it.port != REDIRECTED && it.enable_ssl != Some(true)))
}

/// The hosts that a policy set redirects.
pub(crate) fn redirected(body: Option<&Arc<Body>>) -> BTreeSet<EcoString> {
    let Some(Body::HttpPolicySet(set)) = body.map(Arc::as_ref) else {
        return BTreeSet::new();
    };
    let rules = set.http_request_policy.rules.iter();
    let redirects = rules.filter(|rule| rule.redirect_action.is_some());
    let hosts = redirects.filter_map(|rule| rule.matches.as_ref()?.host_hdr.as_ref());
    hosts.flat_map(|host| host.value.iter().cloned()).collect()
}

/// A host that is redirected now can have its new labels at once: its redirect goes after them. One
/// that will be redirected keeps its old ones: they go after its redirect has come.
fn labels(hidden: &Hidden, desired: &PoolGroup, observed: &PoolGroup) -> PoolGroup {
    let now = |member: &PoolGroupMember| hidden.before.contains(host_of(member));
    let later = |member: &PoolGroupMember| hidden.after.contains(host_of(member));
    let known = desired.members.iter();
    let pools: BTreeSet<&EcoString> = known.clone().map(|known| &known.pool_ref.name).collect();
    let served: BTreeSet<Option<&EcoString>> =
        known.map(|known| known.priority_label.as_ref()).collect();
    let is_gone = |member: &PoolGroupMember| {
        let label = member.priority_label.as_ref();
        !pools.contains(&member.pool_ref.name) && !served.contains(&label)
    };
    let new = desired.members.iter().filter(|m| now(m) || !later(m));
    let old = observed.members.iter();
    let old = old.filter(|m| !now(m) && (later(m) || is_gone(m)));
    let mut wide = PoolGroup {
        members: new.chain(old).cloned().collect(),
        ..desired.clone()
    };
    wide.members
        .sort_by(|a, b| a.pool_ref.name.cmp(&b.pool_ref.name));
    wide
}

/// The host of a label `host/path`.
fn host_of(member: &PoolGroupMember) -> &str {
    let label = member.priority_label.as_deref().unwrap_or_default();
    label.split_once('/').map_or(label, |(host, _)| host)
}

fn names(desired: &VsVip, observed: &VsVip) -> VsVip {
    let mut wide = desired.clone();
    let known: BTreeSet<&DnsInfo> = desired.dns_info.iter().collect();
    let gone = observed.dns_info.iter().filter(|dns| !known.contains(dns));
    wide.dns_info.extend(gone.cloned());
    wide.dns_info.sort();
    wide
}

/// Whether the set is one of paths of a namespace, which other namespaces may take over.
pub(crate) fn switches(set: &HttpPolicySet) -> bool {
    let mut rules = set.http_request_policy.rules.iter();
    rules.all(|rule| rule.switching_action.is_some())
}

/// Paths that go beside those that come. Where none comes, the old set is the wide one.
fn paths(desired: &HttpPolicySet, observed: &HttpPolicySet) -> HttpPolicySet {
    let rules = |set: &HttpPolicySet| set.http_request_policy.rules.clone();
    let lacks = |set: &HttpPolicySet, rule: &HttpRequestRule| {
        let mut rules = set.http_request_policy.rules.iter();
        rules.all(|other| other.matches != rule.matches)
    };
    let mut gone = rules(observed);
    gone.retain(|rule| lacks(desired, rule));
    if gone.is_empty() {
        return desired.clone();
    }
    if rules(desired).iter().all(|rule| !lacks(observed, rule)) {
        return observed.clone();
    }
    let mut wide = desired.clone();
    let rules = &mut wide.http_request_policy.rules;
    rules.extend(gone);
    // The longest path wins, as in each of the two alone.
    rules.sort_by_key(|rule| Reverse(path_length(rule)));
    for (index, rule) in (0..).zip(rules) {
        rule.index = index;
        rule.name = eco_format!("{}-{index}", desired.name);
    }
    wide
}

/// An empty path matches all and comes last.
fn path_length(rule: &HttpRequestRule) -> usize {
    let path = rule.matches.as_ref().and_then(|all| all.path.as_ref());
    let lengths = path.into_iter().flat_map(|path| &path.match_str);
    lengths.map(EcoString::len).max().unwrap_or_default()
}

/// DNS names that a VsVip brings or takes along while they are at another one, too, before or after:
/// a new one is made without them and gets them once its virtual service stands; an old one loses
/// them before its virtual service goes. So no name ever leads to an address where nothing listens.
pub(crate) fn spread(input: &Input<'_>, ops: &mut BTreeMap<OpKey, Op>) {
    let (lost, gained) = moving(input, ops);
    let moved: BTreeSet<&EcoString> = lost.intersection(&gained).collect();
    let vips = ops
        .keys()
        .filter(|key| is_vip(&key.object) && key.stage == 0);
    // What is interrupted takes its names along.
    let vips: Vec<OpKey> = vips.filter(|key| !is_marked(ops, key)).cloned().collect();
    for key in vips {
        let Some(op) = ops.get(&key) else { continue };
        let body = match op.method {
            Method::Create => op.body.as_deref(),
            Method::Update => None,
            Method::Delete => {
                let observed = input.observed.objects.get(&key.object);
                observed.map(|object| &*object.body)
            }
        };
        let stays = |name: &EcoString| match op.method {
            Method::Create => stands(input, ops, name, false),
            _ => stands(input, ops, name, true),
        };
        let is_shared = |name: &EcoString| moved.contains(name) || stays(name);
        let Some(bare) = body.and_then(|body| without(body, is_shared)) else {
            continue;
        };
        let bare = Some(Arc::new(bare));
        let second = OpKey {
            stage: 1,
            ..key.clone()
        };
        let (first, then) = if op.method == Method::Create {
            let first = Op {
                body: bare,
                ..op.clone()
            };
            let then = Op {
                method: Method::Update,
                reason: Reason::Differs,
                ..op.clone()
            };
            (first, then)
        } else {
            let first = Op {
                method: Method::Update,
                body: bare,
                ..op.clone()
            };
            (first, op.clone())
        };
        ops.insert(key, first);
        let then = Op {
            key: second.clone(),
            ..then
        };
        ops.insert(second, then);
    }
}

/// Names that some VsVip loses, and names that some VsVip gains.
fn moving(
    input: &Input<'_>,
    ops: &BTreeMap<OpKey, Op>,
) -> (BTreeSet<EcoString>, BTreeSet<EcoString>) {
    let (mut lost, mut gained) = (BTreeSet::new(), BTreeSet::new());
    for key in ops.keys().filter(|key| is_vip(&key.object)) {
        let closing = OpKey {
            stage: 1,
            ..key.clone()
        };
        let closing = ops.get(&closing).or_else(|| ops.get(key));
        let then = fqdns(closing.and_then(|op| op.body.as_deref()));
        let known = input.observed.objects.get(&key.object);
        let before = fqdns(known.map(|object| &*object.body));
        lost.extend(before.difference(&then).map(|name| (*name).clone()));
        gained.extend(then.difference(&before).map(|name| (*name).clone()));
    }
    (lost, gained)
}

fn is_marked(ops: &BTreeMap<OpKey, Op>, key: &OpKey) -> bool {
    ops.get(key).is_some_and(|op| op.breaks.is_some())
}

fn is_vip(key: &AviKey) -> bool {
    key.kind == AviKind::VsVip
}

/// Whether something stands for a host, or stays for it.
fn stands(input: &Input<'_>, ops: &BTreeMap<OpKey, Op>, host: &str, stays: bool) -> bool {
    let mut objects = input.observed.of_host(host);
    objects.any(|object| {
        let op = ops.get(&stage(object, 0)).filter(|_| stays);
        op.is_none_or(|op| op.method != Method::Delete)
    })
}

/// The VsVip without these names; `None` where it has none of them.
fn without(body: &Body, moved: impl Fn(&EcoString) -> bool) -> Option<Body> {
    let Body::VsVip(vip) = body else {
        return None;
    };
    let mut bare = VsVip::clone(vip);
    bare.dns_info.retain(|dns| !moved(&dns.fqdn));
    (bare.dns_info.len() < vip.dns_info.len()).then(|| bare.into())
}
