//! aviary-graph
