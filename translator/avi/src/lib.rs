//! aviary-avi
