//! The translator as a program: what is said on its command line, and the parts that the service is
//! made of in production.

pub mod ako;
pub mod args;
mod clusters;
mod listen;
mod reload;
mod run;

pub use run::{Error, run};
