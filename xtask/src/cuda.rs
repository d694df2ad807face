//! The engine for NVIDIA cards in a bundle: the same crate with the feature `cuda`, and the libraries that it links
//! to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{cargo, target};

/// The libraries that the engine links to, apart from the driver's.
const LIBRARIES: &[&str] = &["cudart", "nvrtc", "curand", "cublasLt", "cublas"];

/// Builds the engine and copies it into the bundle's folder of binaries, with its libraries if `carry` is set.
pub fn add(binaries: &Path, carry: bool) -> Result<()> {
    ensure!(!cfg!(target_os = "macos"), "there is no CUDA for macOS");
    let compiler = Command::new("nvcc").arg("--version").output();
    ensure!(
        compiler.is_ok_and(|output| output.status.success()),
        "nvcc was not found: install a CUDA toolkit and put its bin folder into PATH, or make one with\n\n    \
         eval \"$(scripts/cuda-toolkit.sh)\"\n"
    );
    // In a separate folder, so that switching between the two builds recompiles nothing.
    let folder = target().join("cuda");
    let text = folder.to_str().context("the target folder's name is not in UTF-8")?;
    let options = ["build", "--release", "--package", "unsample-engine", "--bins", "--features", "cuda"];
    cargo(&[&options[..], &["--target-dir", text]].concat(), &[])?;
    let suffix = std::env::consts::EXE_SUFFIX;
    let built = folder.join("release").join(format!("unsample-engine{suffix}"));
    fs::copy(&built, binaries.join(format!("unsample-engine-cuda{suffix}")))
        .with_context(|| format!("{}", built.display()))?;
    if carry && cfg!(target_os = "linux") {
        carry_libraries(&binaries.join("cuda"))?;
    }
    Ok(())
}

/// The library folders of the CUDA toolkit.
fn toolkit() -> Vec<PathBuf> {
    let roots = ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let usual = ["/usr/local/cuda", "/opt/cuda", "/usr"].map(PathBuf::from);
    let roots = roots.chain(usual);
    roots.flat_map(|root| ["lib64", "lib", "lib/x86_64-linux-gnu"].map(|folder| root.join(folder))).collect()
}

/// Copies the libraries into a folder under the names by which they are linked: `lib<name>.so.<number>`.
fn carry_libraries(to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for name in LIBRARIES {
        let start = format!("lib{name}.so.");
        let found = toolkit().into_iter().find_map(|folder| {
            let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
            // libcublas.so.13, not libcublas.so.13.0.2.14, which is the same file.
            let linked = |path: &PathBuf| {
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                file.strip_prefix(&start).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()))
            };
            let mut all: Vec<PathBuf> = entries.filter(linked).collect();
            all.sort();
            all.pop()
        });
        let Some(found) = found else {
            bail!("{start}* is in no folder of the CUDA toolkit; set CUDA_HOME, or use --without-libraries");
        };
        let file = fs::canonicalize(&found)?;
        let copy = to.join(found.file_name().unwrap_or_default());
        // They are large, and a hard link suffices if both are on one file system.
        if fs::hard_link(&file, &copy).is_err() {
            fs::copy(&file, &copy).with_context(|| format!("{}", file.display()))?;
        }
    }
    Ok(())
}
