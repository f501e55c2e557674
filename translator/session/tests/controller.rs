//! The session against the simulated Controller, on paused time.

#[cfg(test)]
#[path = "controller/support.rs"]
mod support;

#[cfg(test)]
#[path = "controller/discovery.rs"]
mod discovery;
#[cfg(test)]
#[path = "controller/https.rs"]
mod https;
#[cfg(test)]
#[path = "controller/login.rs"]
mod login;
#[cfg(test)]
#[path = "controller/objects.rs"]
mod objects;
#[cfg(test)]
#[path = "controller/reading.rs"]
mod reading;
#[cfg(test)]
#[path = "controller/secrets.rs"]
mod secrets;
