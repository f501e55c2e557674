//! aviary-runtime
