//! The loops of the translator: they own the pure core and talk to agents, Controllers and people.

mod adoption;
mod control;
mod core;
mod date;
pub mod embedded;
mod hub;
pub mod incoming;
pub mod lane;
pub mod offline;
mod reconfigure;
mod retain;
pub mod scope;
pub mod service;
mod trace;
mod vital;

pub use aviary_disk::{Error as StoreError, StoreAt};
pub use aviary_execute as execute;
pub use aviary_identity as identity;
pub use aviary_query::{LevelSetter, view};
pub use aviary_session::transport;
pub use reconfigure::{Error as ReconfigureError, Reconfigure};
pub use service::{Config, Controller, Translator};
