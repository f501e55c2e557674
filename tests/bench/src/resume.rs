//! A stream between an agent that watches an estate and a translator that holds all of it already:
//! digests fit, nothing is sent again.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context, Result};
use aviary_kinds::{Extent, ROOMS, RawObject, Room, Watch};
use aviary_link::agent::{Command, Identity, Object, Observation, Session};
use aviary_link::digest::Digest;
use aviary_link::key::{Kind, Lane};
use aviary_link::translator::{Event, Held, Limits, SessionId, Translator};
use aviary_proto::sync::v1::{KindScope, WatchItem, WatchList, WatchMode, sync_request::Message};
use aviary_proto::types::v1::Coverage;

use crate::estate::{CLUSTER, Estate};
use crate::wire::wire_key;

/// Both ends, before they meet.
pub struct Pair {
    session: Session,
    translator: Translator,
    listings: BTreeMap<Kind, Vec<Object>>,
    feeds: BTreeMap<Lane, VecDeque<Observation>>,
}

impl Pair {
    /// An agent that has listed nothing yet, and a translator that holds everything.
    pub fn new(estate: Estate) -> Self {
        let mut pair = Self {
            session: Session::new(Identity {
                cluster: CLUSTER.into(),
                coverage: Coverage {
                    all_namespaces: true,
                    namespaces: Vec::new(),
                    cluster_scope: true,
                },
                build: String::new(),
                name: String::new(),
                intent_window: 64,
            }),
            translator: Translator::new(Limits::default()),
            listings: BTreeMap::new(),
            feeds: BTreeMap::new(),
        };
        for raw in estate.objects().filter(|raw| !raw.contents) {
            pair.know(&raw);
        }
        pair
    }

    fn know(&mut self, raw: &RawObject) {
        let (kind, name) = wire_key(&raw.key);
        let json = raw.json.to_string().into_bytes();
        let held = Held {
            digest: Digest::of_parts(&kind, &name, &raw.uid, "", &json),
            version: raw.resource_version.clone(),
            incomplete: false,
        };
        self.translator
            .hold(CLUSTER, kind.clone(), name.clone(), held);
        let object = Object {
            name,
            uid: raw.uid.to_string(),
            version: raw.resource_version.to_string(),
            created: raw.created.to_string(),
            json: json.into(),
            ..Object::default()
        };
        self.listings.entry(kind).or_default().push(object);
    }

    /// Connects, lists, and goes on until nobody has anything to say. Answers how many objects were
    /// sent, and how many kinds are complete.
    ///
    /// # Errors
    /// When one end breaks the protocol.
    pub fn meet(&mut self) -> Result<(usize, usize)> {
        let hello = self.session.connect().message;
        let Some(Message::Hello(hello)) = hello else {
            anyhow::bail!("a session begins with a hello");
        };
        let list = WatchList {
            revision: 1,
            items: ROOMS.iter().map(item).collect(),
        };
        let (id, _) = self.translator.admit(&hello, list).context("admit")?;
        let (mut sent, mut complete) = (0, 0);
        loop {
            let downs = self.take_down(id)?;
            self.observe();
            let (ups, events) = self.take_up(id)?;
            for event in &events {
                sent += usize::from(matches!(event, Event::Upsert(_)));
                complete += usize::from(matches!(event, Event::Complete { .. }));
            }
            if downs + ups == 0 {
                return Ok((sent, complete));
            }
        }
    }

    /// Everything that the translator has to say.
    fn take_down(&mut self, id: SessionId) -> Result<usize> {
        let mut count = 0;
        while let Some(response) = self.translator.poll(id) {
            count += 1;
            let commands = self.session.receive(response);
            for command in commands.context("the agent takes a message")? {
                if let Command::Start(lane, _) = command {
                    self.list(&lane);
                }
            }
        }
        Ok(count)
    }

    fn list(&mut self, lane: &Lane) {
        let objects = self.listings.remove(&lane.kind).unwrap_or_default();
        let objects = objects.into_iter().map(Observation::Object);
        let feed = std::iter::once(Observation::Listing).chain(objects);
        let feed = feed.chain([Observation::Listed]);
        self.feeds.insert(lane.clone(), feed.collect());
    }

    /// What the agent sees of the lanes that it may read now.
    fn observe(&mut self) {
        for (lane, feed) in &mut self.feeds {
            while self.session.may_read(lane)
                && let Some(observation) = feed.pop_front()
            {
                self.session.observe(lane, observation);
            }
        }
    }

    /// Everything that the agent has to say.
    fn take_up(&mut self, id: SessionId) -> Result<(usize, Vec<Event>)> {
        let (mut count, mut events) = (0, Vec::new());
        while let Some(request) = self.session.poll() {
            count += 1;
            let received = self.translator.receive(id, request);
            let received = received.context("the translator takes a message")?;
            events.extend(received.events);
            if let Some(sequence) = received.sequence {
                self.translator.done(id, sequence);
            }
        }
        Ok((count, events))
    }
}

fn item(room: &Room) -> WatchItem {
    let scope = match room.extent {
        Extent::Namespaced => KindScope::Namespaced,
        Extent::Cluster => KindScope::Cluster,
    };
    let mode = match room.watch {
        Watch::Full => WatchMode::Full,
        Watch::ByName => WatchMode::ByName,
    };
    WatchItem {
        kind: Some(Kind::new(room.kind.group, room.kind.kind).to_wire()),
        scope: scope.into(),
        mode: mode.into(),
        epoch: 1,
        ..WatchItem::default()
    }
}
