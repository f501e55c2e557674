//! The command line of Aviary.

pub mod plan;
