//! What happens to a session's scopes when its stream ends.

use std::collections::BTreeMap;

use aviary_proto::types::v1::Coverage;

use super::Translator;
use super::cluster::Cluster;
use super::event::{Event, SessionId};
use super::session::{Out, State};
use crate::key::Extent;

impl Translator {
    /// A stream has ended. What it spoke for stands still, or passes to the next session that
    /// covers it, which lists it anew.
    pub fn close(&mut self, id: SessionId) -> Vec<Event> {
        let lanes = self
            .sessions
            .get(&id)
            .map(|session| session.lanes.keys().cloned().collect());
        let mut events = self.frozen(id, lanes.unwrap_or_default());
        let Some(session) = self.sessions.remove(&id) else {
            return events;
        };
        if !session.open_intents().is_empty() {
            events.push(Event::Lost(
                session.open_intents().iter().copied().collect(),
            ));
        }
        let Some(cluster) = self.clusters.get_mut(&session.cluster) else {
            return events;
        };
        let before: BTreeMap<String, Option<SessionId>> = scopes(cluster, &session.coverage);
        cluster.leave(id);
        for heir in cluster.beside(id, &session.coverage) {
            self.inherit(heir, id, &before);
        }
        events
    }

    /// Asks a session for what it speaks for since another left.
    fn inherit(
        &mut self,
        heir: SessionId,
        left: SessionId,
        before: &BTreeMap<String, Option<SessionId>>,
    ) {
        let Some(session) = self.sessions.get_mut(&heir) else {
            return;
        };
        let Some(cluster) = self.clusters.get(&session.cluster) else {
            return;
        };
        session.tell(Out::Superseded);
        let freed = |namespace: &str| {
            let spoke = before.get(namespace).copied().flatten().unwrap_or(left);
            spoke == left && cluster.speaker(namespace) == Some(heir)
        };
        let mut asked = Vec::new();
        for (lane, half) in &mut session.lanes {
            let inherits = match &lane.extent {
                Extent::Namespace(namespace) => freed(namespace),
                Extent::Cluster => freed(""),
                Extent::All => before
                    .keys()
                    .any(|namespace| !namespace.is_empty() && freed(namespace)),
            };
            if inherits {
                half.state = std::mem::replace(&mut half.state, State::Awaited).asked_again();
                asked.push(lane.clone());
            }
        }
        for lane in asked {
            session.tell(Out::Ask(lane, "this session speaks for it again"));
        }
        self.ask_names(heir);
    }
}

/// The scopes of a coverage with those who speak for them; with all namespaces, also one that no
/// session names.
fn scopes(cluster: &Cluster, coverage: &Coverage) -> BTreeMap<String, Option<SessionId>> {
    let mut names = coverage.namespaces.clone();
    if coverage.cluster_scope {
        names.push(String::new());
    }
    if coverage.all_namespaces {
        names.extend(cluster.namespaces());
        names.push("\0".to_owned());
    }
    names
        .into_iter()
        .map(|name| {
            let speaker = cluster.speaker(&name);
            (name, speaker)
        })
        .collect()
}
