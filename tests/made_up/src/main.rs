//! The engine with one additional family.

use std::process::ExitCode;

fn main() -> ExitCode {
    engine::families::register(made_up::FAMILY);
    engine::serve::run()
}
