//! The command line of Aviary.

pub mod get;
pub mod plan;
mod table;
