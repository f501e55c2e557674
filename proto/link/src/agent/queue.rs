//! What waits for the window: ordered, one entry per object, bounded by what the driver may read.

use std::collections::BTreeMap;

use aviary_proto::sync::v1::LaneState;

use super::observe::Object;
use crate::key::{Lane, Name};
use crate::trace::TraceContext;

/// What a waiting entry is about; a second entry about the same takes the place of the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Begin(Lane),
    Object(Lane, Name),
    End(Lane),
    State(Lane),
}

impl Subject {
    fn lane(&self) -> &Lane {
        match self {
            Self::Begin(lane) | Self::Object(lane, _) | Self::End(lane) | Self::State(lane) => lane,
        }
    }

    /// Control messages go out whatever the window.
    pub(super) fn uses_window(&self) -> bool {
        !matches!(self, Self::State(_))
    }
}

/// What is sent for a subject, as far as it is not read from the index at that moment.
#[derive(Clone, Debug)]
pub(super) enum Load {
    Nothing,
    /// An object is gone; the trace of that change.
    Gone(TraceContext),
    Body(Box<Object>),
    State(LaneState),
}

impl Load {
    pub(super) fn weight(&self) -> u64 {
        match self {
            Self::Body(object) => object.weight(),
            Self::Nothing | Self::Gone(_) | Self::State(_) => 0,
        }
    }
}

impl Load {
    /// The trace of a change that brings no body.
    pub(super) fn into_trace(self) -> TraceContext {
        match self {
            Self::Gone(trace) => trace,
            Self::Nothing | Self::Body(_) | Self::State(_) => TraceContext::default(),
        }
    }
}

/// The queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: BTreeMap<u64, (Subject, Load)>,
    places: BTreeMap<Subject, u64>,
    next: u64,
    bodies: usize,
    weight: u64,
}

impl Queue {
    /// Puts an entry at the end, or in the place of the one about the same subject.
    pub(super) fn put(&mut self, subject: Subject, load: Load) {
        let place = self.places.get(&subject).copied().unwrap_or(self.next);
        if place == self.next {
            self.next += 1;
            self.places.insert(subject.clone(), place);
        }
        self.count(&load);
        if let Some((_, old)) = self.entries.insert(place, (subject, load)) {
            self.uncount(&old);
        }
    }

    /// The subject that is next.
    pub(super) fn first(&self) -> Option<&Subject> {
        self.entries.values().next().map(|(subject, _)| subject)
    }

    /// Takes the next entry.
    pub(super) fn pop(&mut self) -> Option<(Subject, Load)> {
        let (_, (subject, load)) = self.entries.pop_first()?;
        self.places.remove(&subject);
        self.uncount(&load);
        Some((subject, load))
    }

    /// Drops everything about a lane.
    pub(super) fn drop_lane(&mut self, lane: &Lane) {
        let places: Vec<u64> = self
            .entries
            .iter()
            .filter(|(_, (subject, _))| subject.lane() == lane)
            .map(|(place, _)| *place)
            .collect();
        for place in places {
            if let Some((subject, load)) = self.entries.remove(&place) {
                self.places.remove(&subject);
                self.uncount(&load);
            }
        }
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bodies that wait, and their bytes.
    pub(super) fn bodies(&self) -> (usize, u64) {
        (self.bodies, self.weight)
    }

    fn count(&mut self, load: &Load) {
        self.bodies += usize::from(matches!(load, Load::Body(_)));
        self.weight += load.weight();
    }

    fn uncount(&mut self, load: &Load) {
        self.bodies -= usize::from(matches!(load, Load::Body(_)));
        self.weight -= load.weight();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Extent, Kind};

    fn body(text: &'static str) -> Load {
        Load::Body(Box::new(Object {
            json: text.as_bytes().into(),
            ..Object::default()
        }))
    }

    #[test]
    fn a_later_change_takes_the_place_of_the_earlier_one() {
        let lane = Lane::new(Kind::new("", "Service"), Extent::All);
        let [a, b] = ["a", "b"].map(|name| Subject::Object(lane.clone(), Name::new("x", name)));
        let mut queue = Queue::default();
        queue.put(a.clone(), body("one"));
        queue.put(b.clone(), body("two"));
        queue.put(a.clone(), body("three"));
        assert_eq!(queue.bodies(), (2, 8));
        assert_eq!(queue.pop().map(|(subject, _)| subject), Some(a));
        assert_eq!(queue.first(), Some(&b));
        queue.drop_lane(&lane);
        assert_eq!((queue.len(), queue.bodies()), (0, (0, 0)));
    }
}
