//! The session against the simulated Controller, on paused time.

#[path = "controller/support.rs"]
mod support;

#[path = "controller/discovery.rs"]
mod discovery;
#[path = "controller/login.rs"]
mod login;
#[path = "controller/objects.rs"]
mod objects;
#[path = "controller/reading.rs"]
mod reading;
#[path = "controller/secrets.rs"]
mod secrets;
