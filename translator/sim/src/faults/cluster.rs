//! What befalls a whole cluster of Controllers: it starts, it is upgraded, another node leads.

use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::reply::Refusal;
use crate::state::State;
use crate::store::Store;

const FIRST_START: &str = "2025-01-01 00:00:00";

/// What the cluster is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It serves.
    #[default]
    Up,
    /// It answers that it is not there yet.
    Starting,
    /// It can be read, and takes no configuration.
    Upgrading,
}

/// The cluster as it is now.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) phase: Phase,
    pub(crate) version: String,
    /// Counts the leaders, from 1.
    leader: u32,
    up_since: String,
    /// What the other nodes had heard of last.
    replica: Option<Store>,
    /// Until when a new leader shows that, and not what is written since.
    stale_until_micros: u64,
}

impl Cluster {
    /// One that serves in this version.
    pub(crate) fn new(version: &str) -> Self {
        Self {
            phase: Phase::default(),
            version: version.to_owned(),
            leader: 1,
            up_since: FIRST_START.to_owned(),
            replica: None,
            stale_until_micros: 0,
        }
    }

    /// The name of the node that leads.
    pub(crate) fn leader(&self) -> String {
        format!("node{}", self.leader)
    }

    /// Since when it does.
    pub(crate) fn up_since(&self) -> &str {
        &self.up_since
    }

    /// Its state in the Controller's words.
    pub(crate) fn word(&self) -> &'static str {
        match self.phase {
            Phase::Starting => "CLUSTER_STARTING",
            Phase::Up | Phase::Upgrading => "CLUSTER_UP_NO_HA",
        }
    }

    /// Why a request cannot be taken now.
    pub(crate) fn refusal(&self, call: &Call) -> Option<Refusal> {
        let is_read = call.method == Method::GET;
        let is_object = call.segments.first().is_some_and(|it| it == "api");
        match self.phase {
            Phase::Starting => Some(Refusal::plain(503, "The controller is starting")),
            Phase::Upgrading if is_object && !is_read => Some(Refusal::new(
                403,
                "Configuration is disallowed during upgrade",
            )),
            Phase::Up | Phase::Upgrading => None,
        }
    }
}

impl State {
    /// The other nodes have heard of everything until now, and of nothing that comes.
    pub(crate) fn replicate(&mut self) {
        self.cluster.replica = Some(self.store.clone());
    }

    /// Another node leads. It knows no session, and shows for a while what it had heard of last.
    pub(crate) fn change_leader(&mut self, stale: Duration) {
        let now = self.now();
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let since = Timestamp::from_microsecond(i64::try_from(now).unwrap_or(i64::MAX));
        let since = since.unwrap_or(Timestamp::MAX);
        self.sessions.expire_all();
        self.cluster.leader += 1;
        self.cluster.up_since = since.strftime("%Y-%m-%d %H:%M:%S").to_string();
        self.cluster.stale_until_micros = now.saturating_add(micros(stale));
    }

    /// Answers a read from what the leader shows.
    pub(crate) fn shown<T>(&mut self, call: &Call, answer: impl FnOnce(&mut Self) -> T) -> T {
        let is_stale = self.now() < self.cluster.stale_until_micros;
        let replica = self
            .cluster
            .replica
            .take_if(|_| is_stale && call.method == Method::GET);
        let Some(replica) = replica else {
            return answer(self);
        };
        // The last lists are those of the other store.
        self.findings.clear();
        let newest = std::mem::replace(&mut self.store, replica);
        let answered = answer(self);
        self.cluster.replica = Some(std::mem::replace(&mut self.store, newest));
        self.findings.clear();
        answered
    }
}
