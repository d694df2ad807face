//! `unsample-engine`: receives the plugin's requests on standard input, and replies on standard output.

use std::io::IsTerminal;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] if !std::io::stdin().is_terminal() => engine::serve::run(),
        ["--check"] => {
            println!("{}", engine::serve::check());
            ExitCode::SUCCESS
        }
        ["--version"] => {
            println!("unsample-engine {}", protocol::BUILD);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!(
                "unsample-engine is started by the Unsample plugin and speaks with it over standard input and output. \
                 By hand it only takes --check, which says what it runs on, and --version."
            );
            ExitCode::from(2)
        }
    }
}
