//! aviary-sim
