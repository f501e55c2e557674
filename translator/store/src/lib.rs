//! aviary-store
