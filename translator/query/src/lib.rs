//! `aviary.query.v1` and `aviary.admin.v1`: answers from published values, orders to the core.

mod admin;
mod adoptions;
mod claims;
mod converged;
pub mod convert;
mod desk;
mod explain;
pub mod feed;
mod fields;
mod filters;
mod mask;
mod objects;
mod order;
mod page;
mod plans;
mod refusal;
mod scopes;
mod settings;
mod shards;
pub mod view;
mod waits;
mod watch;

pub use desk::{Desk, DeskParts, LevelSetter};
pub use order::{Order, Orders, Refused, Target};

use tonic_reflection::server::v1::{ServerReflection, ServerReflectionServer};
use tonic_reflection::server::{Builder, Error, v1alpha};

/// The reflection service as newer tools speak it.
pub fn reflection_v1() -> Result<ServerReflectionServer<impl ServerReflection>, Error> {
    described().build_v1()
}

/// The reflection service as older tools speak it.
pub fn reflection_v1alpha()
-> Result<v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>, Error> {
    described().build_v1alpha()
}

/// Everything that is served, both versions of reflection too, and the details that errors carry.
fn described() -> Builder<'static> {
    Builder::configure()
        .include_reflection_service(false)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(aviary_proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
}
