//! aviary-boot
