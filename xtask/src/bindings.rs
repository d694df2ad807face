//! `cargo xtask bindings`: generates openfx-sys/src/bindings.rs from the headers beside it.

use anyhow::Result;

use crate::cargo;

/// Regenerates the committed bindings.
pub fn run() -> Result<()> {
    cargo(&["test", "--package", "openfx-sys", "--features", "bindgen"], &[("OPENFX_SYS_UPDATE", "1")])
}
