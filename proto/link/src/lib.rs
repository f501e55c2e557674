//! aviary-link
