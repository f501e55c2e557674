//! Names as types, so that a host is never passed where a tenant is meant.

use ecow::EcoString;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest name that an Avi Controller accepts (since 20.1.6), in bytes.
pub const AVI_NAME_LIMIT: usize = 255;

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(EcoString);

        impl $name {
            /// Takes the name as it is.
            pub fn new(name: impl Into<EcoString>) -> Self {
                Self(name.into())
            }

            /// The text of the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The shared text of the name, cheap to clone.
            pub fn text(&self) -> &EcoString {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.0.as_str(), f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name.into())
            }
        }

        impl From<EcoString> for $name {
            fn from(name: EcoString) -> Self {
                Self(name)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type!(
    /// A Kubernetes cluster, as `AKOSettings.clusterName` calls it.
    ClusterName
);
name_type!(
    /// A host name of an Ingress or Route, as written (case is kept, as AKO does).
    Host
);
name_type!(
    /// A Kubernetes namespace.
    Namespace
);
name_type!(
    /// The name of a Kubernetes Service.
    ServiceName
);
name_type!(
    /// An Avi tenant.
    TenantName
);
