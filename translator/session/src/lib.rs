//! aviary-session
