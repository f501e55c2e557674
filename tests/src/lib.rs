//! What the tests of the whole system share: harness, finders, private control planes, and the
//! programs of this workspace as processes.

pub mod ako;
pub mod cluster;
pub mod corpus;
pub mod kube;
pub mod load;
pub mod program;
pub mod sim;
pub mod takeover;
pub mod tools;
