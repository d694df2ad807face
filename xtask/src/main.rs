//! Tasks for contributors beyond cargo's own commands: `cargo xtask <task>`.

mod bindings;
mod bundle;
mod clip;
mod cuda;
mod demo;
mod golden;
mod quality;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of a contributor")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the plugin, bundle it, restyle the bundled sample clip with the built-in model
    Demo(demo::DemoArgs),
    /// Build Unsample.ofx.bundle and the command line tool
    Bundle(bundle::BundleArgs),
    /// Render reference runs and print the error of every stage
    Golden(golden::GoldenArgs),
    /// Measure the built-in model through the plugin and write docs/quality.md (needs python3 with numpy and cv2)
    Quality(quality::QualityArgs),
    /// Regenerate openfx-sys/src/bindings.rs (needs libclang)
    Bindings,
    /// Rewrite the table in docs/parameters.md
    Parameters,
}

fn main() -> Result<()> {
    match Cli::parse().task {
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Bundle(arguments) => bundle::run(&arguments).map(|made| {
            println!("{}\n{}", made.bundle.display(), made.tool.display());
        }),
        Task::Golden(arguments) => golden::run(&arguments),
        Task::Quality(arguments) => quality::run(&arguments),
        Task::Bindings => bindings::run(),
        Task::Parameters => {
            cargo(&["test", "--package", "unsample", "--test", "parameters"], &[("UNSAMPLE_UPDATE", "1")])
        }
    }
}

/// The root folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf()
}

/// cargo's target folder.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Runs cargo in the workspace.
pub(crate) fn cargo(arguments: &[&str], variables: &[(&str, &str)]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = std::process::Command::new(cargo)
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(root())
        .status()
        .context("cargo could not be started")?;
    if !status.success() {
        bail!("cargo {} failed", arguments.join(" "));
    }
    Ok(())
}
