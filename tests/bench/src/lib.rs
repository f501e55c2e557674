//! What is measured: estates of any size, the core that translates them, and a stream that resumes.
//!
//! Micro-benchmarks (`benches/core.rs`), instruction counts and growth (`main.rs`) share all of it.
//! The recipes are `cargo xtask bench micro|counts|growth`; docs/performance.md has the figures.

pub mod core;
pub mod estate;
pub mod resume;
pub mod wire;
