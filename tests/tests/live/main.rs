//! The real programs on a real apiserver and a simulated Controller, each a process of its own.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that finds another shape fails all the same"
)]

mod admit;
mod adopt;
mod collector;
mod corpus;
mod crash;
mod deletion;
mod e2e;
mod fleet;
mod grpcurl;
mod health;
mod join;
mod normal;
mod printed;
mod rbac;
mod relay;
mod scene;
mod settings;
mod side;
mod stack;
mod stage;
mod traces;

use aviary_tests::{cluster, program, sim};
