//! The command line of Aviary.

pub mod adopt;
mod connection;
pub mod demo;
pub mod explain;
pub mod get;
mod manifest;
pub mod plan;
mod table;
