//! House rules as tests: fast, no network, no installed tool. They read the checkout itself.

mod features;
mod invariants;
mod law;
mod pages;
mod registries;
mod sizes;
mod sources;
mod words;
