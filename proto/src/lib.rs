//! The contract between Aviary's programs: messages, and with feature `grpc` the stubs of
//! `aviary.sync.v1`, `aviary.query.v1` and `aviary.admin.v1`.
//!
//! Without the feature nothing here does IO, so that pure crates may use the messages.

mod redacted;

/// All descriptors with their comments and what they import, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

macro_rules! generated {
    ($(#[$doc:meta])* $area:ident, $file:literal) => {
        $(#[$doc])*
        pub mod $area {
            /// Version 1.
            #[allow(
                missing_docs,
                unreachable_pub,
                clippy::all,
                clippy::pedantic,
                clippy::allow_attributes_without_reason,
                reason = "generated code"
            )]
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/", $file));
            }
        }
    };
}

generated! {
    /// Words that every interface shares.
    types, "aviary.types.v1.rs"
}
generated! {
    /// The stream between agent and translator.
    sync, "aviary.sync.v1.rs"
}
generated! {
    /// What the translator knows, read only.
    query, "aviary.query.v1.rs"
}
generated! {
    /// What an operator may order.
    admin, "aviary.admin.v1.rs"
}
