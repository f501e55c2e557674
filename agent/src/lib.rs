//! aviary-agent
