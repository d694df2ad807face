//! The engine with one family more.

use std::process::ExitCode;

fn main() -> ExitCode {
    engine::families::register(made_up::FAMILY);
    engine::serve::run()
}
