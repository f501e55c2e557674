//! What the core does with streams: admits, takes messages in, acknowledges what survives a crash.

use super::Core;
use super::wake::Join;
use crate::retain::Ack;
use aviary_link::translator::SessionId;
use aviary_proto::sync::v1::SyncRequest;
use tonic::Status;

impl Core {
    pub(super) fn join(&mut self, join: Join) {
        let Join {
            hello,
            session,
            reply,
        } = join;
        let about = session.about.clone();
        let admitted = self.hub.join(&hello, session);
        let answer = admitted.map(|(id, received)| {
            tracing::info!(session = %id, cluster = %about.cluster, agent = %about.name,
                identity = %about.identity, "an agent has joined");
            self.news = true;
            self.wants.stir();
            self.learn(&received.cluster, received.events);
            self.statuses.rejoin(&received.cluster);
            id
        });
        if let Err(Ok(id)) = reply.send(answer) {
            self.left(id, None);
        }
    }

    pub(super) fn said(&mut self, id: SessionId, request: SyncRequest) {
        let received = match self.hub.receive(id, request) {
            Ok(Some(received)) => received,
            Ok(None) => return,
            Err(violation) => {
                tracing::warn!(session = %id, %violation, "an agent broke the protocol");
                self.left(id, Some(Status::failed_precondition(violation.to_string())));
                return;
            }
        };
        let rejected = self.learn(&received.cluster, received.events);
        if let Some(sequence) = received.sequence {
            self.retain.ack(Ack {
                session: id,
                sequence,
                rejected,
            });
        }
    }

    pub(super) fn left(&mut self, id: SessionId, why: Option<Status>) {
        let Some(received) = self.hub.leave(id, why) else {
            return;
        };
        tracing::info!(session = %id, cluster = %received.cluster, "an agent has left");
        self.news = true;
        self.wants.stir();
        self.learn(&received.cluster, received.events);
        self.statuses.left(id);
        let stand = self
            .scopes
            .iter()
            .filter(|(_, view)| view.session == Some(id));
        self.stirred.extend(stand.map(|(scope, _)| scope.clone()));
    }

    /// Tells agents what was taken over for good.
    pub(super) fn acknowledge(&mut self) {
        for Ack {
            session,
            sequence,
            rejected,
        } in self.retain.take_acks()
        {
            match rejected {
                Some(finding) => {
                    let wire = aviary_query::convert::finding(&finding);
                    self.hub.refuse(session, sequence, &finding.object, wire);
                }
                None => self.hub.done(session, sequence),
            }
        }
    }
}
