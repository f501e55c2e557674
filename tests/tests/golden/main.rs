//! What AKO made of the corpus, held against what we make of it; and what must hold on the way.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test binary: a panic is a failure"
)]

mod balancers;
mod bindings;
mod explain;
mod fleet;
mod objects;
mod order;
mod parity;
mod served;
mod settings;
mod shuffle;
mod silent;
mod takeover;
mod walk;
mod way_back;
mod whole;
