//! The REST API, driven as a service: no sockets, one thread, paused time.

#[path = "api/client.rs"]
mod client;
#[path = "api/faults.rs"]
mod faults;
#[path = "api/lists.rs"]
mod lists;
#[path = "api/recorded.rs"]
mod recorded;
#[path = "api/session.rs"]
mod session;
#[path = "api/tenants.rs"]
mod tenants;
#[path = "api/vips.rs"]
mod vips;
#[path = "api/writes.rs"]
mod writes;
