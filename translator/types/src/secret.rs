//! Text that must not be seen.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Secret text: it has no readable `Debug` and is compared in full. Serialised only into the body
/// of a write to the Controller.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Arc<str>);

impl Secret {
    /// What stands for a secret wherever people can see it.
    pub const MASK: &'static str = "<sensitive>";

    /// Takes the text into custody.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one write that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::MASK)
    }
}
