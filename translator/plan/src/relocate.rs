//! Hosts that change their address and cannot be served at both.
//!
//! A child virtual service stands below one parent alone, so a secure host is interrupted from the
//! write of its child until its name has followed to the other address: its child, the name there
//! and the name here are three calls, with nothing between, and the next host begins when they are
//! done. A host that turns secure on its way, or plain, is redirected at one of the two addresses to
//! TLS, which the other does not speak for it: it is interrupted while both have its name.

use crate::diff::Input;
use crate::op::{BreakReason, Method, Op, OpKey, Reason, sibling, stage};
use crate::turn::{turns, waits};
use aviary_avi::virtual_service::VirtualService;
use aviary_avi::vs_vip::{DnsInfo, VsVip};
use aviary_avi::{AviKey, AviKind, Body};
use aviary_types::EcoString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The operations of a plan in the making.
type Ops = BTreeMap<OpKey, Op>;

/// The writes of children that change their parent, and the writes of names that follow each; and
/// those of names of hosts that turn where they stay.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// By the write of the name; `None` where no child moves along.
    names: BTreeMap<OpKey, Option<OpKey>>,
    movers: BTreeSet<OpKey>,
    /// Writes that only take names away, before all others of their VsVips.
    early: BTreeSet<OpKey>,
    /// The writes that come next.
    opening: BTreeSet<OpKey>,
    /// What else must be done before an operation.
    pub(crate) before: BTreeMap<OpKey, BTreeSet<OpKey>>,
}

impl Moves {
    /// Whether a write takes a child to another parent.
    pub(crate) fn is_mover(&self, key: &OpKey) -> bool {
        self.movers.contains(key)
    }

    /// Whether a write of names is that of one host alone.
    pub(crate) fn is_step(&self, key: &OpKey) -> bool {
        self.names.contains_key(key)
    }

    /// Whether a write takes names away that other addresses keep, and nothing else.
    pub(crate) fn is_early(&self, key: &OpKey) -> bool {
        self.early.contains(key)
    }

    /// Whether a write of names comes before those that hosts need one by one.
    pub(crate) fn is_opening(&self, key: &OpKey) -> bool {
        key.stage == 0 || self.opening.contains(key)
    }

    /// The child that a write of names follows.
    pub(crate) fn child_of(&self, key: &OpKey) -> Option<&OpKey> {
        self.names.get(key)?.as_ref()
    }
}

/// One host on its way from one VsVip to another.
pub(crate) struct Move {
    /// The write of its child, where that goes along.
    pub(crate) child: Option<OpKey>,
    pub(crate) names: BTreeSet<EcoString>,
    pub(crate) from: AviKey,
    pub(crate) to: AviKey,
}

/// Marks what interrupts a host that changes its parent, and gives each of them writes of its own of
/// the names.
pub(crate) fn relocate(input: &Input<'_>, ops: &mut Ops) -> Moves {
    let mut moves = moves(input, ops);
    let (turns, turned) = turns(input, ops);
    let follows = |one: &Move, name: &EcoString| one.names.contains(name);
    let turned = turned.into_iter().filter(|turn| {
        let mut names = turn.names.iter();
        !names.any(|name| moves.iter().any(|one| follows(one, name)))
    });
    moves.extend(turned.collect::<Vec<_>>());
    let mut found = Moves::default();
    for one in &moves {
        let child = one.child.as_ref();
        if let Some((child, op)) = child.and_then(|it| Some((it, ops.get_mut(it)?))) {
            op.breaks = Some(BreakReason::NewParent);
            op.whose = one.names.first().cloned();
            found.movers.insert(child.clone());
        }
    }
    let vips = moves.iter().flat_map(|it| [&it.from, &it.to]);
    let of_turns = turns.iter().flat_map(|it| it.lost.iter().chain(&it.gained));
    let vips: BTreeSet<&AviKey> = vips.chain(of_turns).collect();
    for vip in vips {
        let steps = moves.iter().filter(|it| it.from == *vip || it.to == *vip);
        let lost = turns.iter().filter(|it| it.lost.contains(vip));
        let gained = turns.iter().filter(|it| it.gained.contains(vip));
        let course = Steps {
            early: lost.map(|it| it.name.clone()).collect(),
            late: gained.map(|it| it.name.clone()).collect(),
            moves: steps.collect(),
        };
        split(input, vip, &course, ops, &mut found);
    }
    found.before = waits(input, &turns, ops);
    found
}

/// What of a VsVip's names comes and goes by itself.
struct Steps<'a> {
    /// Names that leave before anything else.
    early: BTreeSet<EcoString>,
    /// Names that come last.
    late: BTreeSet<EcoString>,
    moves: Vec<&'a Move>,
}

/// Children that are below one parent and shall be below another.
fn moves(input: &Input<'_>, ops: &Ops) -> Vec<Move> {
    let updates = ops.values().filter(|op| op.method == Method::Update);
    let children = updates.filter_map(|op| {
        let child = &op.key.object;
        let Some(Body::VirtualService(after)) = op.body.as_deref() else {
            return None;
        };
        let Body::VirtualService(before) = &*input.observed.objects.get(child)?.body else {
            return None;
        };
        let vip_of = |service: &VirtualService| {
            let parent = child.target(service.vh_parent_vs_ref.as_ref()?)?;
            Some(sibling(&parent, AviKind::VsVip))
        };
        let names = before.vh_domain_name.iter().chain(&after.vh_domain_name);
        Some(Move {
            child: Some(op.key.clone()),
            names: names.cloned().collect(),
            from: vip_of(before)?,
            to: vip_of(after)?,
        })
    });
    children.filter(|it| it.from != it.to).collect()
}

/// Splits the writes of one VsVip: first what leaves early, then what interrupts nobody, then one for
/// each host that comes or goes, and last what is left.
fn split(input: &Input<'_>, vip: &AviKey, steps: &Steps<'_>, ops: &mut Ops, found: &mut Moves) {
    let Some(course) = Course::of(input, vip, ops) else {
        return;
    };
    for at in [0, 1] {
        ops.remove(&stage(vip, at));
    }
    let mut names = course.first.clone();
    for name in steps.moves.iter().flat_map(|step| &step.names) {
        if course.before.contains(name) {
            names.insert(name.clone());
        } else {
            names.remove(name);
        }
    }
    names.retain(|name| !steps.early.contains(name) && !steps.late.contains(name));
    let early = course.leave(&steps.early, ops);
    let mut at = early.as_ref().map_or(0, |key| key.stage + 1);
    let opening = course.open(at, &names, ops);
    at = opening
        .as_ref()
        .map_or(at.saturating_sub(1), |key| key.stage);
    if early.is_some() {
        found.opening.extend(opening);
    }
    found.early.extend(early);
    if let Some(all) = course.undisputed(&names, steps) {
        at += 1;
        let op = course.write(at, Method::Update, &all);
        found.opening.insert(op.key.clone());
        ops.insert(op.key.clone(), op);
        names = all;
    }
    for step in &steps.moves {
        let mut next = names.clone();
        for name in &step.names {
            if course.last.contains(name) {
                next.insert(name.clone());
            } else {
                next.remove(name);
            }
        }
        if next != names {
            names = next;
            at += 1;
            let mut op = course.write(at, Method::Update, &names);
            op.breaks = Some(BreakReason::NewParent);
            op.whose = step.names.first().cloned();
            found.names.insert(op.key.clone(), step.child.clone());
            ops.insert(op.key.clone(), op);
        }
    }
    course.close(at, &names, ops);
}

/// What becomes of a VsVip's names.
struct Course<'a> {
    vip: &'a AviKey,
    /// The last operation as it was planned.
    end: Op,
    /// All but the names of what is written.
    frame: VsVip,
    is_made: bool,
    /// Whether it was to be written before its names go.
    is_opened: bool,
    observed: Option<Arc<Body>>,
    before: BTreeSet<EcoString>,
    first: BTreeSet<EcoString>,
    last: BTreeSet<EcoString>,
}

impl<'a> Course<'a> {
    /// `None` for a VsVip that is not written, or that is interrupted as a whole.
    fn of(input: &Input<'_>, vip: &'a AviKey, ops: &Ops) -> Option<Self> {
        let (first, second) = (ops.get(&stage(vip, 0)), ops.get(&stage(vip, 1)));
        let end = second.or(first)?.clone();
        let mut both = first.into_iter().chain(second);
        if both.any(|op| op.breaks.is_some()) {
            return None;
        }
        let observed = input.observed.objects.get(vip);
        let observed = observed.map(|object| object.body.clone());
        let opening = first.and_then(|op| vip_of(op.body.as_deref()));
        let before = vip_of(observed.as_deref());
        let last = vip_of(end.body.as_deref());
        Some(Self {
            frame: last.or(opening).or(before)?.clone(),
            is_made: first.is_some_and(|op| op.method == Method::Create),
            is_opened: opening.is_some(),
            before: names_of(before),
            first: names_of(opening.or(before)),
            last: names_of(last),
            vip,
            end,
            observed,
        })
    }

    /// With the names that a VsVip which is made gets by itself, before the first that interrupts its
    /// host. One that interrupts nobody gets all its names in the end.
    fn undisputed(
        &self,
        names: &BTreeSet<EcoString>,
        steps: &Steps<'_>,
    ) -> Option<BTreeSet<EcoString>> {
        let moved: BTreeSet<&EcoString> = steps.moves.iter().flat_map(|it| &it.names).collect();
        if !self.is_made || moved.is_disjoint(&self.last.iter().collect()) {
            return None;
        }
        let free = self.last.iter();
        let free = free.filter(|name| !moved.contains(name) && !steps.late.contains(*name));
        let all: BTreeSet<EcoString> = names.iter().chain(free).cloned().collect();
        (all != *names).then_some(all)
    }

    fn write(&self, at: u16, method: Method, names: &BTreeSet<EcoString>) -> Op {
        let dns = names.iter().map(|name| DnsInfo { fqdn: name.clone() });
        let body = VsVip {
            dns_info: dns.collect(),
            ..self.frame.clone()
        };
        let reason = match (method, at) {
            (Method::Create, _) => Reason::Missing,
            (_, 0) => Reason::Widen,
            _ => Reason::Differs,
        };
        Op {
            key: stage(self.vip, at),
            method,
            body: Some(Arc::new(body.into())),
            reason,
            ..self.end.clone()
        }
    }

    /// The write that takes away names which other addresses keep. Its stage is that of a write that
    /// takes something away.
    fn leave(&self, early: &BTreeSet<EcoString>, ops: &mut Ops) -> Option<OpKey> {
        let mut bare = vip_of(self.observed.as_deref())?.clone();
        bare.dns_info.retain(|dns| !early.contains(&dns.fqdn));
        if bare.dns_info.len() == self.before.len() {
            return None;
        }
        let op = Op {
            body: Some(Arc::new(bare.into())),
            ..self.write(1, Method::Update, &self.before)
        };
        let key = op.key.clone();
        ops.insert(key.clone(), op);
        Some(key)
    }

    /// The write that comes before all that is interrupted.
    fn open(&self, at: u16, names: &BTreeSet<EcoString>, ops: &mut Ops) -> Option<OpKey> {
        if !self.is_opened {
            return None;
        }
        let method = if self.is_made {
            Method::Create
        } else {
            Method::Update
        };
        let op = Op {
            reason: if self.is_made {
                Reason::Missing
            } else {
                Reason::Widen
            },
            ..self.write(at, method, names)
        };
        let former = at
            .checked_sub(1)
            .and_then(|at| ops.get(&stage(self.vip, at)));
        let former = former.and_then(|op| op.body.as_ref());
        let former = former.or(self.observed.as_ref());
        let body = op.body.as_ref();
        if former
            .zip(body)
            .is_some_and(|(former, body)| body.same(former))
        {
            return None;
        }
        let key = op.key.clone();
        ops.insert(key.clone(), op);
        Some(key)
    }

    /// What is left when all hosts are where they should be.
    fn close(&self, at: u16, names: &BTreeSet<EcoString>, ops: &mut Ops) {
        let is_written = ops.contains_key(&stage(self.vip, 0)) || at > 0;
        let is_deleted = self.end.method == Method::Delete;
        if is_written && !is_deleted && *names == self.last {
            return;
        }
        let key = if is_written {
            stage(self.vip, at + 1)
        } else {
            self.end.key.clone()
        };
        let mut op = Op {
            key: key.clone(),
            ..self.end.clone()
        };
        if is_written && op.method == Method::Create {
            (op.method, op.reason) = (Method::Update, Reason::Differs);
        }
        ops.insert(key, op);
    }
}

fn vip_of(body: Option<&Body>) -> Option<&VsVip> {
    match body {
        Some(Body::VsVip(vip)) => Some(vip),
        _ => None,
    }
}

fn names_of(vip: Option<&VsVip>) -> BTreeSet<EcoString> {
    let names = vip.into_iter().flat_map(|vip| &vip.dns_info);
    names.map(|dns| dns.fqdn.clone()).collect()
}
