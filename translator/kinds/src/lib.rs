//! aviary-kinds
