//! Compiles `proto/` without a system `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 9] = [
    "tessera/v1/accounts.proto",
    "tessera/v1/activity.proto",
    "tessera/v1/clients.proto",
    "tessera/v1/credentials.proto",
    "tessera/v1/failure.proto",
    "tessera/v1/generation.proto",
    "tessera/v1/quota.proto",
    "tessera/v1/standings.proto",
    "tessera/v1/usage.proto",
];

/// Messages that hold a secret: their `Debug` is written by hand.
const SECRET: [&str; 1] = [".tessera.v1.CreateClientResponse"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let descriptors = protox::compile(FILES, [&root])?;
    let told = PathBuf::from(env::var("OUT_DIR")?).join("descriptors.bin");
    fs::write(told, descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".tessera.v1").skip_debug(SECRET).compile_fds(descriptors)?;
    Ok(())
}
