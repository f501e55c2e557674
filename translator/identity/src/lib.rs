//! Who may speak for what. A ServiceAccount speaks for its own namespace; whatever is wider is a
//! line in the settings or in the identities file.

mod caller;
mod gate;
mod keys;
mod rules;
mod token;

pub use caller::{Caller, Peer};
pub use gate::{Denied, Gate, Grant};
pub use keys::{KeyError, KeySource};
pub use rules::{ClusterRules, RulesError, read_rules};

#[cfg(test)]
mod tests;
