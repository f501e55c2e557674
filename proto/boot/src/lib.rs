//! What every Aviary program needs before it does anything: telemetry, TLS, shutdown, a clock, named
//! tasks, and an executor for what blocks.
//!
//! Time, chance and blocking are handed in from here, so that the whole system runs on paused time
//! in tests.

pub mod blocking;
pub mod clock;
pub mod error;
pub mod shutdown;
pub mod task;
pub mod telemetry;
pub mod tls;
pub mod trace;

pub use self::blocking::Blocking;
pub use self::clock::Clock;
pub use self::error::chain;
pub use self::shutdown::Shutdown;
pub use self::task::spawn;
