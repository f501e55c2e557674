//! aviary-tests
