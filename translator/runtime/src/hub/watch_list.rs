//! What agents are told to watch: taken from the rooms, and from nowhere else.

use aviary_kinds::{Extent, ROOMS, Room, Watch};
use aviary_link::digest::Digest;
use aviary_proto::sync::v1::{KindScope, WatchItem, WatchList, WatchMode};
use aviary_types::Kind;
use std::collections::BTreeMap;

/// What the agents of a process are told of one kind's kept paths: a number that grows with them.
pub(crate) type Epochs = BTreeMap<Kind, u64>;

/// The watch list of every session; each follows it within its coverage.
pub(crate) fn watch_list(epochs: &Epochs) -> WatchList {
    let items = ROOMS
        .iter()
        .map(|room| item(room, epochs.get(&room.kind).copied().unwrap_or(1)));
    WatchList {
        revision: 1,
        items: items.collect(),
    }
}

/// What tells two sets of kept paths apart.
pub(crate) fn paths_digest(room: &Room) -> Vec<u8> {
    let of = |list: &[&str]| list.join("\n").into_bytes();
    let parts = [
        room.kept_paths,
        room.kept_annotations,
        room.kept_labels,
        room.secret_paths,
    ]
    .map(of);
    let [paths, annotations, labels, secrets] = &parts;
    let version = room.version.as_bytes();
    Digest::over(&[paths, annotations, labels, secrets, version]).to_wire()
}

fn item(room: &Room, epoch: u64) -> WatchItem {
    let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    let scope = match room.extent {
        Extent::Namespaced => KindScope::Namespaced,
        Extent::Cluster => KindScope::Cluster,
    };
    let mode = match room.watch {
        Watch::Full => WatchMode::Full,
        Watch::ByName => WatchMode::ByName,
    };
    WatchItem {
        kind: Some(aviary_query::convert::kind(room.kind)),
        versions: vec![room.version.to_owned()],
        resource: room.plural.to_owned(),
        scope: scope.into(),
        mode: mode.into(),
        epoch,
        namespaces: Vec::new(),
        kept_paths: texts(room.kept_paths),
        kept_annotations: texts(room.kept_annotations),
        kept_labels: texts(room.kept_labels),
        secret_paths: texts(room.secret_paths),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_room_is_watched_and_secrets_are_named() {
        let list = watch_list(&Epochs::new());
        assert_eq!(list.items.len(), ROOMS.len());
        let secret = list
            .items
            .iter()
            .find(|item| item.resource == "secrets")
            .unwrap();
        assert_eq!(secret.mode(), WatchMode::ByName);
        assert_eq!(secret.secret_paths, ["data"]);
    }
}
