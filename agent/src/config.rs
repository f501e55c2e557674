//! What an agent is told at its start.

use std::path::PathBuf;

use aviary_boot::Blocking;
use aviary_proto::types::v1::Coverage;

/// What an agent is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The cluster watched, as the translator names it.
    pub cluster: String,
    /// What of it is watched.
    pub coverage: Coverage,
    /// Name of the process, for people; its pod name in Kubernetes.
    pub name: String,
    /// A file with the token that identifies the agent; read again when it changes.
    pub token_file: Option<PathBuf>,
    /// Where all chance comes from.
    pub seed: u64,
    /// Where files are read.
    pub blocking: Blocking,
}
