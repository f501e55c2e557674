//! What is wrong with the objects of a world themselves, whatever is asked of them.

use aviary_avi::AviKey;
use aviary_types::EcoString;
use serde::Serialize;
use std::fmt;

/// Something that an Avi Controller would not hold, or that this model cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Problem {
    /// The object refers to one that does not exist. A Controller refuses that.
    Dangling {
        /// Who refers.
        object: AviKey,
        /// To what.
        reference: EcoString,
    },
    /// Two children of one parent claim the same SNI name.
    SharedDomain {
        /// Their parent.
        parent: AviKey,
        /// The name.
        domain: EcoString,
    },
    /// A regular expression that cannot be read: it matches nothing here.
    BadPattern {
        /// Where it stands.
        object: AviKey,
        /// Its text.
        pattern: EcoString,
    },
    /// A condition that this model does not know: it never holds here.
    Unmodelled {
        /// Where it stands.
        object: AviKey,
        /// What it is.
        what: EcoString,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dangling { object, reference } => {
                write!(f, "{object} refers to {reference}, which does not exist")
            }
            Self::SharedDomain { parent, domain } => {
                write!(f, "two children of {parent} claim {domain}")
            }
            Self::BadPattern { object, pattern } => {
                write!(f, "{object} has the unreadable pattern {pattern}")
            }
            Self::Unmodelled { object, what } => {
                write!(f, "{object} has a condition that is not modelled: {what}")
            }
        }
    }
}
