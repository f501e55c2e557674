//! aviary-settings
