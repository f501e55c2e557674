//! aviary-translator
