//! What agents are told of each kind's kept paths: a number that grows whenever they change.

use aviary_kinds::{ROOMS, Room};
use aviary_link::digest::Digest;
use aviary_types::Kind;
use redb::{ReadableTable, Table, TableDefinition};
use std::collections::BTreeMap;

/// By kind, the number of its kept paths.
pub type Epochs = BTreeMap<Kind, u64>;

/// Kind to the number of its kept paths, and what tells them apart.
pub(crate) const EPOCHS: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("epochs");

/// Counts kept paths that changed up.
pub(crate) fn counted(
    table: &mut Table<'_, &'static str, (u64, &'static [u8])>,
) -> Result<Epochs, redb::Error> {
    let mut epochs = Epochs::new();
    for room in ROOMS {
        let name = format!("{}\0{}", room.kind.group, room.kind.kind);
        let today = paths_digest(room);
        let known = table.get(name.as_str())?.map(|found| {
            let (epoch, paths) = found.value();
            (epoch, paths == today.as_slice())
        });
        let epoch = match known {
            Some((epoch, true)) => epoch,
            Some((epoch, false)) => epoch + 1,
            None => 1,
        };
        table.insert(name.as_str(), (epoch, today.as_slice()))?;
        epochs.insert(room.kind, epoch);
    }
    Ok(epochs)
}

/// What tells two sets of kept paths apart.
fn paths_digest(room: &Room) -> Vec<u8> {
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
