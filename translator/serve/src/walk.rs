//! One question under way: the world, and the steps taken so far.

use crate::verdict::{Certificate, Outcome, Step, Verdict};
use crate::world::World;

/// A walk through the objects of a world.
#[derive(Debug)]
pub(crate) struct Walk<'w> {
    pub(crate) world: &'w World,
    pub(crate) via: Vec<Step>,
    pub(crate) certificate: Option<Certificate>,
}

impl<'w> Walk<'w> {
    /// Sets out.
    pub(crate) fn new(world: &'w World) -> Self {
        Self {
            world,
            via: Vec::new(),
            certificate: None,
        }
    }

    /// Notes what decided.
    pub(crate) fn step(&mut self, step: Step) {
        self.via.push(step);
    }

    /// Arrives.
    pub(crate) fn end(self, outcome: Outcome) -> Verdict {
        Verdict {
            outcome,
            certificate: self.certificate,
            via: self.via,
        }
    }
}

/// Of the answers that a client may get the worst; the first of equal ones.
pub(crate) fn worst(verdicts: impl IntoIterator<Item = Verdict>) -> Option<Verdict> {
    verdicts.into_iter().min_by_key(Verdict::rank)
}
