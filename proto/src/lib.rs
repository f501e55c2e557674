//! aviary-proto
