//! aviary-types
