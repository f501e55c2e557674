//! aviary-serve
