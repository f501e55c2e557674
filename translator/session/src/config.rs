//! What a session must be told.

use crate::version::ApiVersion;
use http::Uri;
use std::time::Duration;

/// The settings of one session. `new` gives the usual ones.
#[derive(Debug, Clone)]
pub struct Config {
    /// Scheme and address, such as `https://10.0.0.1`.
    pub base: Uri,
    /// Speak this version, whatever the Controller has; `None` follows the Controller.
    pub version: Option<ApiVersion>,
    /// How long one call may take. The fence is asked for this much time.
    pub request_timeout: Duration,
    /// Entries per page of a list, 1 to 200.
    pub page_size: u16,
    /// Lists that are read at the same time.
    pub reads_in_flight: usize,
    /// How often a read is tried.
    pub tries: u32,
    /// No second login with refused credentials before this.
    pub refused_pause: Duration,
    /// Decides the jitter of pauses.
    pub seed: u64,
}

impl Config {
    /// The usual settings for a Controller at this address.
    pub fn new(base: Uri) -> Self {
        Self {
            base,
            version: None,
            request_timeout: Duration::from_mins(1),
            page_size: 200,
            reads_in_flight: 8,
            tries: 5,
            // Three refused logins lock an account for half an hour.
            refused_pause: Duration::from_mins(15),
            seed: 0,
        }
    }
}
