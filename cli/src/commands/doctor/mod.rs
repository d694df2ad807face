//! `unsample doctor`: what is there, what is missing, and what follows from that.

mod bundle_health;
mod engines;
mod exports;
mod graphics;
mod machine;
mod models;

use crate::cli::DoctorArgs;
use crate::failure::Failure;

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it is.
    pub state: State,
    /// The sentence.
    pub text: String,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be, or just a fact.
    Good,
    /// Something is missing that can be done without.
    Missing,
    /// Something is broken.
    Broken,
}

impl Finding {
    /// A good one.
    pub fn good(text: impl Into<String>) -> Self {
        Self { state: State::Good, text: text.into() }
    }

    /// A missing one.
    pub fn missing(text: impl Into<String>) -> Self {
        Self { state: State::Missing, text: text.into() }
    }

    /// A broken one.
    pub fn broken(text: impl Into<String>) -> Self {
        Self { state: State::Broken, text: text.into() }
    }
}

/// A part of the report: its title and what makes its lines. Further parts are further rows of this table.
type Part = (&'static str, fn(&DoctorArgs) -> Vec<Finding>);

const PARTS: &[Part] = &[
    ("Plugin", bundle_health::report),
    ("Engine", engines::report),
    ("Models", models::report),
    ("Plugin folders", machine::plugin_folders),
    ("Hosts", machine::hosts),
    ("Video", machine::video),
    ("Processor", machine::processor),
    ("Graphics card", graphics::report),
];

/// Runs the command.
///
/// # Errors
/// Something is broken, as opposed to missing.
pub fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let mut broken = 0;
    for (title, report) in PARTS {
        super::print(&format!("{title}\n"));
        for finding in report(args) {
            let mark = match finding.state {
                State::Good => "ok",
                State::Missing => "--",
                State::Broken => "!!",
            };
            broken += u32::from(finding.state == State::Broken);
            super::print(&format!("  {mark}  {}\n", finding.text));
        }
    }
    if broken == 0 {
        Ok(())
    } else {
        Err(Failure::Failed("something is broken; see the lines with !!".into()))
    }
}
