//! What an agent sends, in order and within the window.

use aviary_proto::sync::v1::{SnapshotBegin, SnapshotEnd, SyncRequest, sync_request::Message};

use super::lane::Wanted;
use super::observe::removal;
use super::queue::{Load, Subject};
use super::{Phase, Session, unsequenced};
use crate::key::{Lane, Name};

impl Session {
    /// The next message to send, if there is one and the window lets it out.
    pub fn poll(&mut self) -> Option<SyncRequest> {
        if self.phase != Phase::Open {
            return None;
        }
        if let Some(message) = self.control.pop_front() {
            return Some(unsequenced(message));
        }
        loop {
            let shut = self.inflight.len() >= self.window as usize
                || self.inflight_bytes >= self.window_bytes;
            if shut && self.queue.first()?.uses_window() {
                return None;
            }
            let (subject, load) = self.queue.pop()?;
            let bytes = load.weight();
            let uses_window = subject.uses_window();
            let Some(message) = self.message(subject, load) else {
                continue;
            };
            if !uses_window {
                return Some(unsequenced(message));
            }
            self.sequence += 1;
            self.inflight.push_back((self.sequence, bytes));
            self.inflight_bytes += bytes;
            return Some(SyncRequest {
                sequence: self.sequence,
                message: Some(message),
            });
        }
    }

    fn message(&mut self, subject: Subject, load: Load) -> Option<Message> {
        match (subject, load) {
            (Subject::State(_), Load::State(state)) => Some(Message::LaneState(state)),
            (Subject::Begin(lane), _) => {
                let half = self.lanes.get_mut(&lane)?;
                self.snapshot += 1;
                half.snapshot = self.snapshot;
                half.linked = true;
                Some(Message::SnapshotBegin(SnapshotBegin {
                    lane: Some(lane.to_wire()),
                    snapshot: half.snapshot,
                    epoch: half.item.epoch,
                }))
            }
            (Subject::End(lane), _) => {
                let half = self.lanes.get(&lane)?;
                Some(Message::SnapshotEnd(SnapshotEnd {
                    lane: Some(lane.to_wire()),
                    snapshot: half.snapshot,
                    sums: half.sums(),
                }))
            }
            (Subject::Object(lane, name), load) => self.delta(&lane, &name, load),
            (Subject::State(_), _) => None,
        }
    }

    fn delta(&mut self, lane: &Lane, name: &Name, load: Load) -> Option<Message> {
        let muted = self.muted.contains(&name.namespace);
        let half = self.lanes.get_mut(lane)?;
        if half.by_name() {
            let wanted = half.wanted.get_mut(name)?;
            let (state, delta) = match load {
                Load::Body(object) => (
                    Wanted::Version(object.version.clone()),
                    object.into_delta(&lane.kind),
                ),
                load => {
                    let trace = load.into_trace();
                    let delta = removal(&lane.kind, name, String::new(), trace);
                    (Wanted::Absent, delta)
                }
            };
            *wanted = state;
            return Some(Message::Delta(delta));
        }
        let entry = half.entries.get_mut(name)?;
        let delta = match (&entry.now, load) {
            (Some(now), Load::Body(object)) if entry.told != Some(now.digest) && !muted => {
                entry.told = Some(now.digest);
                object.into_delta(&lane.kind)
            }
            (None, load) if entry.told.is_some() && !muted => {
                let uid = half.entries.remove(name).unwrap_or_default().uid;
                removal(&lane.kind, name, uid.into(), load.into_trace())
            }
            _ => return None,
        };
        Some(Message::Delta(delta))
    }
}
