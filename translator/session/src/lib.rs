//! The session with an Avi Controller: login, versions, reading back, single writes. It runs over a
//! tower service that is handed in, so that the same code speaks to a real Controller and to a
//! simulated one.

mod backoff;
mod class;
mod config;
mod cookies;
mod credentials;
mod discover;
mod drift;
mod error;
pub mod https;
mod list;
mod login;
mod look_up;
mod objects;
mod page;
mod read;
mod session;
mod trace;
pub mod transport;
mod version;

pub use class::Class;
pub use config::Config;
pub use credentials::{
    CredentialSource, Credentials, FileCredentials, NamedCredentials, Proof, SourceError,
};
pub use discover::{Discovery, Problem, Wanted};
pub use drift::{Drift, Stamp};
pub use error::{Attempt, Error, NotSent};
pub use login::{Logins, RefusedLogin};
pub use look_up::LookedUp;
pub use objects::{Permit, Written};
pub use read::{Reading, Scope, Tenants, Unreadable};
pub use session::Session;
pub use transport::Transport;
pub use version::ApiVersion;
