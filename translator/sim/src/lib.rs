//! avi-sim: a simulated Avi Controller, in process or on a socket.
//!
//! It speaks the Controller's REST API over plain JSON and knows no typed bodies: references are
//! found by the names of their fields. Sessions, tenants, uniqueness, referential integrity, stale
//! writes and VIP addresses behave as on a real Controller of version 30.2.1. Time and randomness
//! come from outside, so that a run repeats exactly.
//!
//! ```
//! use aviary_sim::{Options, Simulator};
//!
//! let simulator = Simulator::new(Options::default())?;
//! assert_eq!(simulator.dump()["cloud"][0]["name"], "Default-Cloud");
//! # Ok::<(), aviary_sim::SeedError>(())
//! ```

mod alloc;
mod call;
mod certificate;
mod checks;
mod clock;
mod defaults;
mod faults;
mod filter;
mod ids;
mod intervals;
mod kinds;
mod lab;
mod log;
mod network;
mod patch;
mod place;
mod prepare;
mod query;
mod read;
mod refs;
mod reply;
mod routes;
mod routing;
mod seed;
mod serve;
mod session;
mod side;
mod simulator;
mod state;
mod store;
mod system;
mod tls;
mod write;

pub use clock::{Clock, TokioClock};
pub use faults::cluster::Phase;
pub use faults::{Drop, FaultRule};
pub use log::LogEntry;
pub use seed::{Seed, SeedError};
pub use session::Credentials;
pub use simulator::{Dropped, Options, Simulator};
pub use tls::{TlsError, server_config};
