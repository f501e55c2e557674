//! The real programs on a real apiserver and a simulated Controller, each a process of its own.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that finds another shape fails all the same"
)]

mod admit;
mod cluster;
mod collector;
mod corpus;
mod crash;
mod e2e;
mod grpcurl;
mod health;
mod normal;
mod printed;
mod program;
mod rbac;
mod relay;
mod scene;
mod sim;
mod stack;
mod traces;
