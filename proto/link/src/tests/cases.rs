//! Single facts, each by name.

use aviary_proto::sync::v1::{
    Intent, LaneCondition, MergeWrite, SnapshotBegin, SyncRequest, intent, sync_request,
};

use super::world::{CLUSTER, System, coverage, plain};
use crate::Violation;
use crate::agent::Observation;
use crate::key::{Extent, Lane, Name};
use crate::translator::{Heard, Limits, Unsent, Why};

fn system() -> System {
    let mut system = System::new(&[coverage(&["a"])], Limits::default());
    system.write(&plain(), &Name::new("a", "n0"), 1);
    system.write(&plain(), &Name::new("a", "n1"), 1);
    system.settle();
    system
}

fn lane() -> Lane {
    Lane::new(plain(), Extent::Namespace("a".into()))
}

#[test]
fn a_restarted_agent_sends_only_what_differs() {
    let mut system = system();
    system.restart_agent(0, coverage(&["a"]));
    system.write(&plain(), &Name::new("a", "n1"), 2);
    system.settle();
    assert_eq!(system.agents[0].deltas_sent, 1);
    assert_eq!(system.stored(), system.expected());
}

#[test]
fn what_cannot_be_listed_freezes_if_anything_is_held() {
    let mut system = system();
    for condition in [
        LaneCondition::Forbidden,
        LaneCondition::NotInstalled,
        LaneCondition::Failed,
    ] {
        let failed = Observation::Failed(condition, format!("{condition:?}"));
        system.agents[0].session.observe(&lane(), failed);
        system.settle();
        let heard = system.translator.heard(CLUSTER, &plain(), "a");
        assert_eq!(heard, Heard::Frozen(Why::Failed(format!("{condition:?}"))));
    }
    assert_eq!(system.stored().len(), 2);
}

#[test]
fn what_cannot_be_listed_counts_as_empty_if_nothing_was_held() {
    for (condition, empty) in [
        (LaneCondition::Forbidden, true),
        (LaneCondition::NotInstalled, true),
        (LaneCondition::Failed, false),
    ] {
        let mut system = System::new(&[coverage(&["a"])], Limits::default());
        system.connect(0);
        while system.step(0, 3) {}
        let failed = Observation::Failed(condition, "so it is".into());
        system.agents[0].session.observe(&lane(), failed);
        while system.step(0, 1) || system.step(0, 2) {}
        let heard = system.translator.heard(CLUSTER, &plain(), "a");
        assert_eq!(
            matches!(heard, Heard::Complete { .. }),
            empty,
            "{condition:?}"
        );
    }
}

#[test]
fn a_listing_that_is_cut_removes_nothing() {
    let mut system = system();
    system.restart_agent(0, coverage(&["a"]));
    system.delete(&plain(), &Name::new("a", "n0"));
    system.connect(0);
    // Everything but the message that ends the listing is delivered.
    for which in [3, 0, 1, 2, 3, 0, 1, 2] {
        system.step(0, which);
    }
    system.cut(0);
    assert_eq!(system.stored().len(), 2);
    system.settle();
    assert_eq!(system.stored(), system.expected());
}

#[test]
fn a_lost_session_freezes_what_it_spoke_for() {
    let mut system = system();
    system.cut(0);
    assert_eq!(
        system.translator.heard(CLUSTER, &plain(), "a"),
        Heard::Frozen(Why::Away)
    );
    assert_eq!(system.stored().len(), 2);
}

#[test]
fn a_merge_carries_the_newest_version_while_translated_fields_stand() {
    let mut system = system();
    let name = Name::new("a", "n0");
    let seen = system.world.things[&(plain(), name.clone())].version;
    // The same content again: nothing is sent, but the resourceVersion moves.
    system.write(&plain(), &name, 1);
    system.settle();
    let newest = system.world.things[&(plain(), name.clone())].version;
    let merge = |version: u64| Intent {
        id: version,
        key: Some(name.to_wire(&plain())),
        write: Some(intent::Write::Merge(MergeWrite {
            resource_version: version.to_string(),
            ..MergeWrite::default()
        })),
        ..Intent::default()
    };
    assert_eq!(
        system.translator.intend(CLUSTER, "a", merge(seen)),
        Ok(system.agents[0].id.unwrap())
    );
    let sent = system
        .translator
        .poll(system.agents[0].id.unwrap())
        .unwrap();
    let commands = system.agents[0].session.receive(sent).unwrap();
    let [crate::agent::Command::Carry { intent, .. }] = commands.as_slice() else {
        panic!("one intent to carry out: {commands:?}");
    };
    let Some(intent::Write::Merge(write)) = &intent.write else {
        panic!("a merge");
    };
    assert_eq!(write.resource_version, newest.to_string());
    assert_ne!(seen, newest);
}

#[test]
fn intents_have_a_window_and_a_speaker() {
    let mut system = system();
    let intent = |id: u64, namespace: &str| Intent {
        id,
        key: Some(Name::new(namespace, "n0").to_wire(&plain())),
        ..Intent::default()
    };
    assert!(
        system
            .translator
            .intend(CLUSTER, "a", intent(1, "a"))
            .is_ok()
    );
    assert!(
        system
            .translator
            .intend(CLUSTER, "a", intent(2, "a"))
            .is_ok()
    );
    assert_eq!(
        system.translator.intend(CLUSTER, "a", intent(3, "a")),
        Err(Unsent::Busy)
    );
    assert_eq!(
        system.translator.intend(CLUSTER, "b", intent(4, "b")),
        Err(Unsent::NoAgent)
    );
}

#[test]
fn the_window_opens_only_for_who_reads() {
    let limits = Limits {
        window: 2,
        ..Limits::default()
    };
    let mut system = System::new(&[coverage(&["a"])], limits);
    system.connect(0);
    let id = system.agents[0].id.unwrap();
    let begin = |sequence| SyncRequest {
        sequence,
        message: Some(sync_request::Message::SnapshotBegin(SnapshotBegin {
            lane: Some(lane().to_wire()),
            snapshot: sequence,
            epoch: 1,
        })),
    };
    for sequence in 1..=2 {
        system.translator.receive(id, begin(sequence)).unwrap();
        system.translator.done(id, sequence);
    }
    let refused = system.translator.receive(id, begin(3)).unwrap_err();
    assert_eq!(refused, Violation::Window);
    while system.translator.poll(id).is_some() {}
    assert!(system.translator.receive(id, begin(3)).is_ok());
}
