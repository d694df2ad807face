//! Provides a hash of the sources of the protocol and the engine, by which a plugin recognises an engine of
//! the same build.

use std::fs;
use std::path::{Path, PathBuf};

/// The crates in this workspace whose code determines the engine's results.
const CRATES: [&str; 3] = ["protocol", "engine", "frame"];

fn main() {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let workspace = here.parent().unwrap_or(Path::new("."));
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for name in CRATES {
        let folder = workspace.join(name).join("src");
        println!("cargo:rerun-if-changed={}", folder.display());
        for file in files(&folder) {
            let name = file.strip_prefix(workspace).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            add(&mut hash, name.as_bytes());
            add(&mut hash, &fs::read(&file).unwrap_or_default());
        }
    }
    println!("cargo:rustc-env=UNSAMPLE_SOURCES={hash:016x}");
}

/// Adds a block and its length to an FNV-1a hash.
fn add(hash: &mut u64, bytes: &[u8]) {
    for byte in bytes.len().to_le_bytes().iter().chain(bytes) {
        *hash = (*hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    }
}

/// All files below a folder, sorted by path.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
