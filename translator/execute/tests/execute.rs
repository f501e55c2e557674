//! The executor against the simulated Controller, on paused time.

#[cfg(test)]
#[path = "execute/support.rs"]
mod support;

#[cfg(test)]
#[path = "execute/actor.rs"]
mod actor;
#[cfg(test)]
#[path = "execute/creates.rs"]
mod creates;
#[cfg(test)]
#[path = "execute/guards.rs"]
mod guards;
#[cfg(test)]
#[path = "execute/order.rs"]
mod order;
#[cfg(test)]
#[path = "execute/updates.rs"]
mod updates;
