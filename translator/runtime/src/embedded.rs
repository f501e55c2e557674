//! A Controller inside this process or beside it on loopback, that accepts any user.

use crate::service::Controller;
use aviary_session::https::{self, Trust};
use aviary_session::{Config, Credentials, Proof};
use aviary_settings::ControllerAccess;
use aviary_types::Secret;
use std::sync::Arc;

/// Why an embedded Controller cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its address is none.
    #[error("{address} is no address of a Controller")]
    Address {
        /// What was given.
        address: String,
    },
    /// The way there cannot be set up.
    #[error("set up the way to the embedded Controller")]
    Transport(#[from] https::Error),
}

/// Who we are to a Controller that accepts anybody.
pub(crate) fn anybody() -> Credentials {
    let proof = Proof::Password(Secret::new("embedded"));
    Credentials {
        username: "admin".into(),
        proof,
    }
}

/// The Controller at this address, such as `http://127.0.0.1:8080`, for clusters of this access.
///
/// # Errors
/// When the address is none, or the transport cannot be set up.
pub fn controller(access: ControllerAccess, address: &str) -> Result<Controller, Error> {
    let base = address.parse().map_err(|_| Error::Address {
        address: address.to_owned(),
    })?;
    let transport = https::connect(&Trust {
        ca_file: None,
        insecure: false,
    })?;
    Ok(Controller::new(
        access,
        Config::new(base),
        transport,
        Arc::new(anybody()),
    ))
}
