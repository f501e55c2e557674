//! The loops of the translator: they own the pure core and talk to agents, Controllers and people.

pub mod execute;
pub mod lane;
pub mod scheme;
pub mod scope;
