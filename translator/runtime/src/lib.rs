//! The loops of the translator: they own the pure core and talk to agents, Controllers and people.

pub mod execute;
pub mod lane;
pub mod offline;
pub mod project;
pub mod scheme;
pub mod scope;

pub use aviary_session::transport;
