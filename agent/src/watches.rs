//! The watches of one replica's session: read one step at a time, and only where there is room.

use std::collections::BTreeMap;

use aviary_link::key::Lane;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesUnordered, StreamExt};
use tokio::sync::oneshot;

use crate::source::Sight;

type Feed = BoxStream<'static, Sight>;
type Step = (Lane, u64, Option<(Sight, Feed)>);

/// All watches of a session.
#[derive(Default)]
pub(crate) struct Watches {
    /// Steps that are waited for.
    reading: FuturesUnordered<BoxFuture<'static, Step>>,
    /// Watches that are not read now.
    parked: BTreeMap<Lane, Feed>,
    /// The watch that counts, per lane; dropping it ends the others.
    current: BTreeMap<Lane, (u64, oneshot::Sender<()>)>,
    next: u64,
}

impl Watches {
    /// Starts a lane's watch, in place of an older one.
    pub(crate) fn start(&mut self, lane: Lane, feed: Feed) {
        let (ends, ended) = oneshot::channel::<()>();
        self.next += 1;
        self.current.insert(lane.clone(), (self.next, ends));
        // The receiver ends when its sender is dropped: with its place in `current`.
        self.parked.insert(lane, feed.take_until(ended).boxed());
    }

    /// Ends a lane's watch.
    pub(crate) fn stop(&mut self, lane: &Lane) {
        self.current.remove(lane);
        self.parked.remove(lane);
    }

    /// Reads on wherever it is allowed.
    pub(crate) fn resume(&mut self, may_read: impl Fn(&Lane) -> bool) {
        let ready: Vec<Lane> = self
            .parked
            .keys()
            .filter(|lane| may_read(lane))
            .cloned()
            .collect();
        for lane in ready {
            let Some(mut feed) = self.parked.remove(&lane) else {
                continue;
            };
            let number = self.current.get(&lane).map_or(0, |(number, _)| *number);
            self.reading.push(Box::pin(async move {
                let sight = feed.next().await;
                (lane, number, sight.map(|sight| (sight, feed)))
            }));
        }
    }

    /// The next step of any watch that is read. Waits for ever if none is.
    pub(crate) async fn next(&mut self) -> (Lane, Sight) {
        loop {
            let Some((lane, number, step)) = self.reading.next().await else {
                return std::future::pending().await;
            };
            let counts = self
                .current
                .get(&lane)
                .is_some_and(|(current, _)| *current == number);
            if let (true, Some((sight, feed))) = (counts, step) {
                self.parked.insert(lane.clone(), feed);
                return (lane, sight);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aviary_link::key::{Extent, Kind};
    use futures::stream;

    use super::*;

    fn lane(kind: &str) -> Lane {
        Lane::new(Kind::new("", kind), Extent::All)
    }

    #[tokio::test]
    async fn only_what_may_be_read_is_read() {
        let mut watches = Watches::default();
        for kind in ["A", "B"] {
            let feed = stream::iter([Sight::Listing, Sight::Listed]).chain(stream::pending());
            watches.start(lane(kind), feed.boxed());
        }
        watches.resume(|lane| lane.kind.kind == "B");
        assert_eq!(watches.next().await, (lane("B"), Sight::Listing));
        watches.resume(|lane| lane.kind.kind == "B");
        assert_eq!(watches.next().await, (lane("B"), Sight::Listed));
        watches.resume(|_| true);
        assert_eq!(watches.next().await, (lane("A"), Sight::Listing));
    }

    #[tokio::test]
    async fn a_new_watch_silences_the_old_one() {
        let mut watches = Watches::default();
        watches.start(lane("A"), stream::iter([Sight::Listed]).boxed());
        watches.resume(|_| true);
        watches.start(
            lane("A"),
            stream::iter([Sight::Listing])
                .chain(stream::pending())
                .boxed(),
        );
        watches.resume(|_| true);
        assert_eq!(watches.next().await, (lane("A"), Sight::Listing));
    }
}
