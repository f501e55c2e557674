//! What the translator says to an agent.

use std::collections::BTreeMap;

use aviary_proto::sync::v1::{
    DigestList, Intent, Lane as LaneMessage, Nack, SyncResponse, WantedNames, WatchItem, WatchList,
    Welcome, sync_response::Message,
};

use super::lane::{LaneHalf, Wanted};
use super::{Muted, Phase, Session};
use crate::digest::Digest;
use crate::key::{Kind, Lane, Name};
use crate::{Violation, watch};

/// What the driver is to do.
#[derive(Clone, Debug)]
pub enum Command {
    /// Watch a lane from a fresh listing on; an older watch of it is dropped first.
    Start(Lane, Box<WatchItem>),
    /// Watch a lane no more.
    Stop(Lane),
    /// Carry an intent out and report its outcome with the same stream number.
    Carry {
        /// Tells the streams of one session apart.
        stream: u64,
        /// The write.
        intent: Box<Intent>,
    },
    /// An object was not usable: nothing to do but to say so.
    Refused(Box<Nack>),
}

impl Session {
    /// Takes in a message of the translator. After an error the stream is to be closed.
    pub fn receive(&mut self, response: SyncResponse) -> Result<Vec<Command>, Violation> {
        let Some(message) = response.message else {
            return Ok(Vec::new());
        };
        match (self.phase, message) {
            (Phase::Greeting, Message::Welcome(welcome)) => Ok(self.welcomed(welcome)),
            (Phase::Open, Message::Welcome(_)) => Err(Violation::Message("a second welcome")),
            (Phase::Away | Phase::Greeting, _) => Err(Violation::Message("words before welcome")),
            (Phase::Open, Message::WatchList(list)) => Ok(self.watch(&list, None)),
            (Phase::Open, Message::Ack(ack)) => self.acked(ack.sequence).map(|()| Vec::new()),
            (Phase::Open, Message::Nack(nack)) => {
                self.acked(nack.sequence)?;
                Ok(vec![Command::Refused(Box::new(nack))])
            }
            (Phase::Open, Message::DigestList(list)) => self.based(list).map(|()| Vec::new()),
            (Phase::Open, Message::SnapshotRequest(request)) => self.restart(request.lane.as_ref()),
            (Phase::Open, Message::WantedNames(wanted)) => {
                self.wanted(wanted);
                Ok(Vec::new())
            }
            (Phase::Open, Message::Intent(intent)) => self.intended(intent),
            (Phase::Open, Message::Superseded(superseded)) => {
                self.muted = Muted::from(superseded);
                let muted = self.muted.clone();
                for half in self.lanes.values_mut() {
                    half.untell_where(|namespace| muted.contains(namespace));
                }
                Ok(Vec::new())
            }
        }
    }

    fn welcomed(&mut self, welcome: Welcome) -> Vec<Command> {
        self.phase = Phase::Open;
        self.window = welcome.window.max(1);
        self.window_bytes = welcome.window_bytes.max(1);
        self.report_findings();
        let resumed: Vec<Lane> = welcome
            .resumed
            .iter()
            .filter_map(|lane| Lane::from_wire(Some(lane)))
            .collect();
        let commands = self.watch(&welcome.watch_list.unwrap_or_default(), Some(&resumed));
        let lanes: Vec<Lane> = self.lanes.keys().cloned().collect();
        for lane in &lanes {
            self.report_failure(lane);
        }
        commands
    }

    /// Follows a watch list. Lanes whose item is unchanged go on; after a Welcome, only those that
    /// it resumes.
    fn watch(&mut self, list: &WatchList, resumed: Option<&[Lane]>) -> Vec<Command> {
        let mut before = std::mem::take(&mut self.lanes);
        let mut commands = Vec::new();
        for (lane, item) in watch::lanes(&self.identity.coverage, list) {
            let old = before.remove(&lane);
            let same = old.as_ref().is_some_and(|half| half.item == item);
            let half = match old {
                Some(mut half) => {
                    half.item = item;
                    half
                }
                None => LaneHalf::new(item),
            };
            let goes_on =
                same && resumed.is_none_or(|resumed| half.resumable() && resumed.contains(&lane));
            self.lanes.insert(lane.clone(), half);
            if !goes_on {
                commands.extend(self.start(&lane));
            }
        }
        for lane in before.into_keys() {
            self.queue.drop_lane(&lane);
            commands.push(Command::Stop(lane));
        }
        commands
    }

    fn start(&mut self, lane: &Lane) -> Option<Command> {
        self.queue.drop_lane(lane);
        let half = self.lanes.get_mut(lane)?;
        half.restart();
        Some(Command::Start(lane.clone(), Box::new(half.item.clone())))
    }

    fn restart(&mut self, lane: Option<&LaneMessage>) -> Result<Vec<Command>, Violation> {
        let lane = Lane::from_wire(lane).ok_or(Violation::Message("a request without a lane"))?;
        Ok(self.start(&lane).into_iter().collect())
    }

    fn acked(&mut self, sequence: u64) -> Result<(), Violation> {
        if sequence > self.sequence {
            return Err(Violation::Message("an ack of what was not sent"));
        }
        while let Some((first, bytes)) = self.inflight.front().copied() {
            if first > sequence {
                break;
            }
            self.inflight.pop_front();
            self.inflight_bytes -= bytes;
        }
        Ok(())
    }

    /// Notes what the translator holds in a lane whose snapshot has begun.
    fn based(&mut self, list: DigestList) -> Result<(), Violation> {
        let lane = Lane::from_wire(list.lane.as_ref())
            .ok_or(Violation::Message("a digest list without a lane"))?;
        let Some(half) = self
            .lanes
            .get_mut(&lane)
            .filter(|half| half.answers(list.snapshot))
        else {
            return Ok(());
        };
        for entry in list.entries {
            let digest = Digest::from_wire(&entry.digest)
                .ok_or(Violation::Message("a digest that has not 16 bytes"))?;
            let name = Name::new(entry.namespace, entry.name);
            half.entries.entry(name).or_default().told = Some(digest);
        }
        half.based |= list.last;
        Ok(())
    }

    fn wanted(&mut self, wanted: WantedNames) {
        let kind: Kind = wanted.kind.as_ref().map(Kind::from).unwrap_or_default();
        let namespace = wanted.namespace;
        let found = self
            .lanes
            .iter_mut()
            .find(|(lane, _)| lane.kind == kind && lane.extent.contains(&namespace));
        let Some((lane, half)) = found.filter(|(_, half)| half.by_name()) else {
            return;
        };
        let lane = lane.clone();
        half.wanted.retain(|name, _| name.namespace != namespace);
        half.fetches.retain(|name| name.namespace != namespace);
        let fresh: BTreeMap<Name, Wanted> = wanted
            .names
            .into_iter()
            .map(|name| {
                (
                    Name::new(&namespace, name.name),
                    version(name.resource_version),
                )
            })
            .collect();
        let names: Vec<Name> = fresh.keys().cloned().collect();
        half.wanted.extend(fresh);
        self.weigh(&lane, &names);
    }

    fn intended(&mut self, intent: Intent) -> Result<Vec<Command>, Violation> {
        let intent = self.admit_intent(intent)?;
        let stream = self.stream;
        let carry = |intent| Command::Carry {
            stream,
            intent: Box::new(intent),
        };
        Ok(intent.map(carry).into_iter().collect())
    }
}

fn version(version: String) -> Wanted {
    if version.is_empty() {
        Wanted::Unknown
    } else {
        Wanted::Version(version)
    }
}
