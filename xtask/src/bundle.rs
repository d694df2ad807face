//! `cargo xtask bundle`: builds Unsample.ofx.bundle, the folder that hosts load.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{cargo, cuda, root, target};

/// Options of `cargo xtask bundle`.
#[derive(clap::Args, Default)]
pub struct BundleArgs {
    /// Copy the bundle into the plugin folder that every host searches
    #[arg(long)]
    pub install: bool,
    /// Build for NVIDIA cards, too; needs a CUDA toolkit (docs/building.md)
    #[arg(long)]
    pub cuda: bool,
    /// Leave CUDA's libraries (0.8 GB) out of the bundle, to be found where they are installed
    #[arg(long, requires = "cuda")]
    pub without_libraries: bool,
    /// Where to put the bundle [default: target/bundle]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// The results of a build.
pub struct Made {
    /// The path of the bundle.
    pub bundle: PathBuf,
    /// The path of the command-line program.
    pub tool: PathBuf,
}

/// File name of the library that cargo builds.
pub(crate) fn library() -> String {
    format!("{}unsample{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// Name of the folder of the binaries inside a bundle, as the OpenFX standard defines it for each platform.
fn platform() -> Result<&'static str> {
    Ok(match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "Linux-x86-64",
        ("linux", "aarch64") => "Linux-arm64",
        ("macos", _) => "MacOS",
        ("windows", "x86_64") => "Win64",
        (os, arch) => bail!("OpenFX names no bundle folder for {os} on {arch}"),
    })
}

/// The plugin folder that every host searches.
fn system_folder() -> PathBuf {
    match std::env::consts::OS {
        "macos" => "/Library/OFX/Plugins".into(),
        "windows" => r"C:\Program Files\Common Files\OFX\Plugins".into(),
        _ => "/usr/OFX/Plugins".into(),
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("{}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("{}", target.display()))?;
        }
    }
    Ok(())
}

/// Builds plugin, engine and command line, and makes the bundle.
pub fn run(arguments: &BundleArgs) -> Result<Made> {
    // In one build, so that all three use the same features of shared crates.
    let packages = ["unsample", "unsample-engine", "unsample-cli"].map(|package| ["--package", package]);
    cargo(&[&["build", "--release"][..], packages.as_flattened()].concat(), &[])?;
    let release = target().join("release");
    let bundle = arguments.out.clone().unwrap_or_else(|| target().join("bundle")).join("Unsample.ofx.bundle");
    if bundle.exists() {
        fs::remove_dir_all(&bundle).with_context(|| format!("{} could not be replaced", bundle.display()))?;
    }
    assemble(&release, &bundle)?;
    if arguments.cuda {
        cuda::add(&bundle.join("Contents").join(platform()?), !arguments.without_libraries)?;
    }
    if arguments.install {
        let installed = system_folder().join("Unsample.ofx.bundle");
        if installed.exists() {
            fs::remove_dir_all(&installed)
                .with_context(|| format!("{} could not be replaced", installed.display()))?;
        }
        copy_folder(&bundle, &installed).with_context(|| {
            format!(
                "the plugin could not be installed to {}; run again with the rights to write there",
                installed.display()
            )
        })?;
        println!("installed to {}", installed.display());
    }
    let tool = release.join(format!("unsample{}", std::env::consts::EXE_SUFFIX));
    Ok(Made { bundle, tool })
}

/// Assembles a bundle from a folder of build results.
fn assemble(build: &Path, bundle: &Path) -> Result<()> {
    let contents = bundle.join("Contents");
    let binaries = contents.join(platform()?);
    fs::create_dir_all(&binaries)?;
    let engine = format!("unsample-engine{}", std::env::consts::EXE_SUFFIX);
    for (built, name) in [(library(), "Unsample.ofx"), (engine.clone(), engine.as_str())] {
        let built = build.join(built);
        fs::copy(&built, binaries.join(name)).with_context(|| format!("{}", built.display()))?;
    }
    let source = root().join("bundle");
    let plist =
        fs::read_to_string(source.join("Info.plist"))?.replace("@VERSION@", env!("CARGO_PKG_VERSION"));
    fs::write(contents.join("Info.plist"), plist)?;
    copy_folder(&source.join("models"), &contents.join("Resources").join("models"))?;
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        fs::copy(root().join(licence), contents.join("Resources").join(licence))?;
    }
    Ok(())
}
