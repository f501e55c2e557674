//! What the tests of the whole system share: harness, finders, private control planes.

pub mod corpus;
pub mod kube;
pub mod tools;
