//! Crash and restart.
