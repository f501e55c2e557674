//! One room per Kubernetes kind: its schema, what an object means, and what effects may read. Pure.

pub mod avi_infra_setting;
pub mod block_affinity;
pub mod cilium_node;
pub mod endpoint_slice;
pub mod env;
mod families;
pub mod host_subnet;
pub mod ingress;
pub mod ingress_class;
pub mod namespace;
pub mod node;
pub mod pod;
mod room;
mod rooms;
pub mod secret;
pub mod service;
pub mod status;
mod view;

pub use env::Env;
pub use families::Families;
pub use room::{Extent, Parsed, RawObject, Room, StatusWrite, Watch, When};
pub use rooms::{Fact, KindRoom, ROOMS, room, room_of, rooms_of};
pub use view::{Entry, IndexKey, View};

#[cfg(test)]
mod world;
