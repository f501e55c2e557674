//! Compiles the protos in pure Rust: no protoc is needed, and comments survive into reflection.

use std::error::Error;
use std::path::Path;

use prost::Message;

/// Every file of the contract; what they import comes along.
const FILES: &[&str] = &[
    "aviary/admin/v1/admin.proto",
    "aviary/query/v1/query.proto",
    "aviary/sync/v1/session.proto",
];

/// Messages whose `Debug` is written by hand, since they hold secrets.
const SECRET: &[&str] = &["aviary.sync.v1.SecretValue", "aviary.sync.v1.TokenRenewal"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=aviary");
    let grpc = std::env::var_os("CARGO_FEATURE_GRPC").is_some();
    let out = std::env::var_os("OUT_DIR").ok_or("cargo sets no OUT_DIR")?;

    let mut compiler = protox::Compiler::new(["."])?;
    compiler
        .include_source_info(true)
        .include_imports(true)
        .open_files(FILES)?;
    let descriptors = compiler.encode_file_descriptor_set();
    std::fs::write(Path::new(&out).join("descriptors.binpb"), &descriptors)?;

    tonic_prost_build::configure()
        .build_client(grpc)
        .build_server(grpc)
        .bytes(".aviary.sync.v1.Upsert.object")
        .skip_debug(SECRET)
        .compile_fds(tonic_prost_build::FileDescriptorSet::decode(
            descriptors.as_slice(),
        )?)?;
    Ok(())
}
