//! Random histories.

use proptest::prelude::*;

use super::world::{CLUSTER, System, by_name, coverage, plain, secretive};
use crate::key::{Kind, Name};
use crate::translator::{Heard, Limits, Named};

#[derive(Clone, Debug)]
enum Act {
    Write(u8, u8, u8),
    Delete(u8, u8),
    Want(u8),
    Step(u8, u8),
    Connect(u8),
    Cut(u8),
    RestartAgent(u8),
    RestartTranslator,
    Desync(u8),
    Epoch,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..3u8, 0..6u8, 0..4u8).prop_map(|(kind, name, content)| Act::Write(kind, name, content)),
        3 => (0..3u8, 0..6u8).prop_map(|(kind, name)| Act::Delete(kind, name)),
        1 => (0..8u8).prop_map(Act::Want),
        30 => (0..2u8, 0..4u8).prop_map(|(at, which)| Act::Step(at, which)),
        3 => (0..2u8).prop_map(Act::Connect),
        1 => (0..2u8).prop_map(Act::Cut),
        1 => (0..2u8).prop_map(Act::RestartAgent),
        1 => Just(Act::RestartTranslator),
        1 => (0..2u8).prop_map(Act::Desync),
        1 => Just(Act::Epoch),
    ]
}

fn kind(index: u8) -> Kind {
    [plain(), secretive(), by_name()][usize::from(index % 3)].clone()
}

fn name(index: u8) -> Name {
    Name::new(
        ["a", "b"][usize::from(index % 2)],
        format!("n{}", index / 2),
    )
}

fn limits(window: u32) -> Limits {
    Limits {
        window,
        window_bytes: 64,
        intent_window: 2,
    }
}

fn play(system: &mut System, act: &Act, window: u32) {
    let agents = system.agents.len();
    let at = |index: u8| usize::from(index) % agents;
    match *act {
        Act::Write(k, n, content) => system.write(&kind(k), &name(n), content),
        Act::Delete(k, n) => system.delete(&kind(k), &name(n)),
        Act::Want(mask) => {
            for (index, namespace) in [(0u8, "a"), (1, "b")] {
                let wanted = (0..3u8).filter(|bit| mask & (1 << bit) != 0);
                let names: Vec<String> = wanted
                    .map(|bit| name(index + 2 * bit).name.into())
                    .collect();
                system
                    .translator
                    .want(CLUSTER, &by_name(), namespace, &names);
            }
        }
        Act::Step(index, which) => {
            system.step(at(index), which);
        }
        Act::Connect(index) => system.connect(at(index)),
        Act::Cut(index) => system.cut(at(index)),
        Act::RestartAgent(index) => {
            let covers = if at(index) == 0 {
                coverage(&[])
            } else {
                coverage(&["a"])
            };
            system.restart_agent(at(index), covers);
        }
        Act::RestartTranslator => system.restart_translator(limits(window)),
        Act::Desync(index) => system.desync(at(index)),
        Act::Epoch => {
            for item in &mut system.list.items {
                item.epoch += 1;
            }
            for at in 0..agents {
                if let Some(id) = system.agents[at].id {
                    let events = system.translator.watch(id, system.list.clone());
                    system.learn(events);
                }
            }
        }
    }
}

fn check(system: &mut System) {
    system.settle();
    assert_eq!(system.stored(), system.expected());
    for kind in [plain(), secretive(), by_name()] {
        for namespace in ["a", "b"] {
            let heard = system.translator.heard(CLUSTER, &kind, namespace);
            assert!(
                matches!(heard, Heard::Complete { .. }),
                "{kind} in {namespace}: {heard:?}"
            );
            let told = system
                .complete
                .contains(&(kind.clone(), namespace.to_owned()));
            assert!(told, "no event said that {kind} in {namespace} is complete");
        }
    }
    let names: Vec<String> = (0..3).map(|index| format!("n{index}")).collect();
    for namespace in ["a", "b"] {
        system
            .translator
            .want(CLUSTER, &by_name(), namespace, &names);
    }
    system.settle();
    for index in 0..6 {
        let key = (by_name(), name(index));
        let thing = system.world.things.get(&key);
        let want = if thing.is_some() {
            Named::Present
        } else {
            Named::Absent
        };
        assert_eq!(system.translator.named(CLUSTER, &key.0, &key.1), want);
        let held = system.store.get(&key).map(|(_, held)| held);
        assert_eq!(
            held.map(|held| held.content),
            thing.map(|thing| thing.content)
        );
    }
}

proptest! {
    #[test]
    fn any_history_ends_with_both_sides_equal(
        acts in prop::collection::vec(act(), 0..250),
        window in 1..5u32,
        two in any::<bool>(),
    ) {
        let covers = [coverage(&[]), coverage(&["a"])];
        let covers = if two { &covers[..] } else { &covers[..1] };
        let mut system = System::new(covers, limits(window));
        for act in &acts {
            play(&mut system, act, window);
        }
        check(&mut system);
        // A converged stream that is cut resumes without sending an object again.
        let sent: usize = system.agents.iter().map(|agent| agent.deltas_sent).sum();
        if !two {
            system.cut(0);
            system.settle();
            assert_eq!(system.agents[0].deltas_sent, sent);
        }
    }
}
