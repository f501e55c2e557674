//! Times of the core's functions at 10,000 hosts: `cargo xtask bench micro`.

#![expect(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up must stop"
)]

use aviary_bench::core::Core;
use aviary_bench::estate::{Estate, Kind, slice};
use aviary_bench::resume::Pair;
use aviary_bench::wire;
use divan::{Bencher, black_box};

const HOSTS: usize = 10_000;

fn main() {
    divan::main();
}

fn estate(kind: Kind) -> Estate {
    Estate { kind, hosts: HOSTS }
}

#[divan::bench(args = [Kind::Insecure, Kind::Secure, Kind::L4], sample_count = 5, sample_size = 1)]
fn translate_from_nothing(bencher: Bencher<'_, '_>, kind: Kind) {
    bencher
        .with_inputs(|| Core::told(estate(kind)).expect("an estate is accepted"))
        .bench_local_refs(Core::build);
}

#[divan::bench(args = [Kind::Insecure, Kind::Secure, Kind::L4])]
fn endpoint_change_from_delta_to_plan(bencher: Bencher<'_, '_>, kind: Kind) {
    let mut core = Core::at_rest(estate(kind)).expect("an estate comes to rest");
    let mut turn = 0;
    let next = || {
        turn += 1;
        wire::encode(&slice(turn * 997 % HOSTS, turn))
    };
    bencher
        .with_inputs(next)
        .bench_local_values(|delta| core.change(&delta).expect("a sound plan"));
}

#[divan::bench(args = [Kind::Insecure, Kind::Secure, Kind::L4], sample_count = 10, sample_size = 1)]
fn diff_all(bencher: Bencher<'_, '_>, kind: Kind) {
    let core = Core::at_rest(estate(kind)).expect("an estate comes to rest");
    bencher.bench_local(|| core.plan(None).expect("a sound plan"));
}

#[divan::bench]
fn decode_and_digest_of_a_delta(bencher: Bencher<'_, '_>) {
    let delta = wire::encode(&slice(1, 1));
    bencher.bench_local(|| wire::decode(black_box(&delta)).expect("a delta"));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn resume_of_a_snapshot(bencher: Bencher<'_, '_>) {
    bencher
        .with_inputs(|| Pair::new(estate(Kind::Insecure)))
        .bench_local_values(|mut pair| pair.meet().expect("a sound protocol"));
}
