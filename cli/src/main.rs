//! The command line of Unsample: renders clips without an editor, inspects and downloads models, checks the
//! installation.
//!
//! The OpenFX host is the crate `openfx-host`, which does not depend on the plugin's crate. `io` reads and writes
//! images and videos; `commands` has one file per command; all output to the terminal goes through `words`.

#![cfg_attr(
    test,
    allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "tests convert small numbers"
    )
)]

mod bundle;
mod cli;
mod commands;
mod failure;
mod io;
mod options;
mod words;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use failure::Failure;

fn main() -> ExitCode {
    openfx_host::limits::fail_at_file_limits();
    let result = match Cli::parse().command {
        Command::Render(args) => commands::render::run(&args),
        Command::Params(args) => commands::params::run(&args),
        Command::Sigmas(args) => commands::sigmas::run(&args),
        Command::Models { command } => commands::models::run(&command),
        Command::Cache(args) => commands::cache::run(&args),
        Command::Doctor(args) => commands::doctor::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
    };
    // Output that could not be written to standard output counts as a failure.
    let result = result.and_then(|()| match words::lost() {
        Some(why) => Err(Failure::Failed(format!("cannot write to standard output: {why}"))),
        None => Ok(()),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
