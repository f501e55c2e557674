//! Questions to small worlds.

mod breaks;
mod fixture;
mod l4;
mod l7;
mod properties;
