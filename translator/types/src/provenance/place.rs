//! A place inside a Kubernetes object, and the other things that values come from.

use crate::ObjectKey;
use std::fmt::Write as _;
use std::sync::Arc;

/// A place inside a Kubernetes object, such as `spec.rules[2].host`. Two numbers are kept beside the
/// text, so that places of equal form share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which object.
    pub object: Arc<ObjectKey>,
    /// Path with `{0}` and `{1}` where the numbers stand; empty for the object as a whole.
    path: &'static str,
    at: [u32; 2],
}

impl Place {
    /// A place without numbers, such as `spec.loadBalancerIP`; the empty path is the whole object.
    pub fn new(object: &Arc<ObjectKey>, path: &'static str) -> Self {
        Self::at(object, path, [0, 0])
    }

    /// A place with numbers, such as `spec.rules[{0}].http.paths[{1}]`.
    pub fn at(object: &Arc<ObjectKey>, path: &'static str, at: [u32; 2]) -> Self {
        Self {
            object: object.clone(),
            path,
            at,
        }
    }

    /// Another place in the same object, with the same numbers.
    #[must_use]
    pub fn to(&self, path: &'static str) -> Self {
        Self {
            path,
            ..self.clone()
        }
    }

    /// The form of the path, with `{0}` and `{1}` where its numbers stand.
    pub fn form(&self) -> &'static str {
        self.path
    }

    /// The path of what stands below the place; `below` may have the place's numbers too.
    pub fn path(&self, below: &str) -> String {
        let mut path = String::new();
        for text in [self.path, below] {
            let text = if path.is_empty() {
                text.trim_start_matches('.')
            } else {
                text
            };
            self.fill(text, &mut path);
        }
        path
    }

    fn fill(&self, mut text: &str, path: &mut String) {
        while let Some((before, after)) = text.split_once('{') {
            let (number, rest) = after.split_once('}').unwrap_or((after, ""));
            let at = number.parse().ok().and_then(|n: usize| self.at.get(n));
            path.push_str(before);
            // Writing to a text cannot fail.
            let _ = write!(path, "{}", at.copied().unwrap_or_default());
            text = rest;
        }
        path.push_str(text);
    }
}

/// Number of an element as places keep it. Objects have fewer elements than that: their size is
/// limited.
pub fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// What a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A place in a Kubernetes object.
    Object(Place),
    /// A setting, by its dotted key.
    Setting(&'static str),
    /// What the Controller was found to be (cloud, licence, DNS domains).
    Controller(&'static str),
}

impl Origin {
    /// The Kubernetes object, if it is one.
    pub fn object(&self) -> Option<&ObjectKey> {
        match self {
            Self::Object(place) => Some(&place.object),
            Self::Setting(_) | Self::Controller(_) => None,
        }
    }
}

impl From<Place> for Origin {
    fn from(place: Place) -> Self {
        Self::Object(place)
    }
}
