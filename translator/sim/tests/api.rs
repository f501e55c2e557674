//! The REST API, driven as a service: no sockets, one thread, paused time.

#[cfg(test)]
#[path = "api/client.rs"]
mod client;
#[cfg(test)]
#[path = "api/cluster.rs"]
mod cluster;
#[cfg(test)]
#[path = "api/faults.rs"]
mod faults;
#[cfg(test)]
#[path = "api/lists.rs"]
mod lists;
#[cfg(test)]
#[path = "api/recorded.rs"]
mod recorded;
#[cfg(test)]
#[path = "api/references.rs"]
mod references;
#[cfg(test)]
#[path = "api/session.rs"]
mod session;
#[cfg(test)]
#[path = "api/tenants.rs"]
mod tenants;
#[cfg(test)]
#[path = "api/vips.rs"]
mod vips;
#[cfg(test)]
#[path = "api/writes.rs"]
mod writes;
