//! aviary-plan
