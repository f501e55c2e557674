//! Looks at the Controller after each write, as clients do: what was served before and is served
//! after is served all the way.

use std::sync::{Arc, Mutex, PoisonError};

use aviary_serve::{Baseline, Loss, World};
use aviary_sim::{LogEntry, Simulator};

/// What was seen since the last rest. Cheap to clone; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Witness(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    start: World,
    /// The Controller after a write.
    since: Vec<(String, World)>,
}

impl Witness {
    /// Looks, right after a write.
    pub(crate) fn look(&self, simulator: &Simulator) {
        let last = simulator.log().pop();
        let write = last.map_or_else(
            String::new,
            |LogEntry {
                 method, kind, name, ..
             }| { format!("{method} {kind} {name}") },
        );
        let world = world(simulator);
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .since
            .push((write, world));
    }

    /// What was lost on the way from rest to rest. A new stretch begins.
    pub(crate) fn lost(&self, simulator: &Simulator) -> Vec<String> {
        let end = world(simulator);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let baseline = Baseline::new(&seen.start, &end);
        let mut lost = Vec::new();
        for (write, world) in seen.since.drain(..) {
            let breaks = baseline.broken_in(&world).into_iter();
            // Several edits lie between: a third backend, or a redirect, may be what one asked for.
            let breaks =
                breaks.filter(|it| !matches!(it.loss, Loss::OtherBackend(_) | Loss::Redirected));
            lost.extend(breaks.map(|it| format!("after {write}: {it}")));
        }
        seen.start = end;
        lost
    }
}

fn world(simulator: &Simulator) -> World {
    World::from_dump(&simulator.dump()).unwrap()
}
