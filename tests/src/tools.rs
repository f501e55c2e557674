//! Finds the programs that `cargo xtask tools` installs.
//!
//! `cargo xtask` hands their folder over as `AVIARY_TOOLS` and `KUBEBUILDER_ASSETS`; without them
//! they are looked for below the target folder of this checkout.

use std::env::var_os;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

/// The folder that holds everything installed.
pub fn folder() -> PathBuf {
    var_os("AVIARY_TOOLS").map_or_else(|| target_folder().join("tools"), PathBuf::from)
}

/// The path of an installed program, or an error that says how to install it.
///
/// Known: `grpcurl`, `helm`, `cargo-deny`, `buf`, `python` (which has `avisdk`), `etcd`,
/// `kube-apiserver`, `kubectl`.
pub fn find(program: &str) -> Result<PathBuf> {
    let below = ["bin", "buf/bin", "avisdk/bin", "k8s"].map(|place| folder().join(place));
    let given = var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    given
        .into_iter()
        .chain(below)
        .map(|place| place.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            anyhow!(
                "`{program}` is not below {}: run `cargo xtask tools`",
                folder().display()
            )
        })
}

/// The root of the checkout.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

fn target_folder() -> PathBuf {
    var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_answered_with_the_command_that_installs_it() {
        let error = find("no-such-program").unwrap_err();
        assert!(error.to_string().contains("cargo xtask tools"), "{error}");
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
