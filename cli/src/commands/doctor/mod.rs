//! `unsample doctor`: reports what is installed, what is missing, and what follows from that.

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
    /// The assessment, shown as a mark before the text.
    pub state: Health,
    /// The text of the line.
    pub text: String,
}

/// The assessment of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be, or just information.
    Good,
    /// Something optional is missing.
    Missing,
    /// Something does not work; the command fails.
    Broken,
}

impl Finding {
    /// A finding with the state [`Health::Good`].
    pub fn good(text: impl Into<String>) -> Self {
        Self { state: Health::Good, text: text.into() }
    }

    /// A finding with the state [`Health::Missing`].
    pub fn missing(text: impl Into<String>) -> Self {
        Self { state: Health::Missing, text: text.into() }
    }

    /// A finding with the state [`Health::Broken`].
    pub fn broken(text: impl Into<String>) -> Self {
        Self { state: Health::Broken, text: text.into() }
    }
}

/// A section of the report: its title and the function that makes its lines. To add a section, add a row to the table
/// below.
type Section = (&'static str, fn(&DoctorArgs) -> Vec<Finding>);

const SECTIONS: &[Section] = &[
    ("Plugin", bundle_health::report),
    ("Engine", engines::report),
    ("Models", models::report),
    ("Plugin folders", machine::plugin_folders),
    ("Hosts", machine::hosts),
    ("Video", machine::video),
    ("Processor", machine::processor),
    ("Graphics card", graphics::report),
];

/// Runs `unsample doctor`.
///
/// # Errors
/// Something is broken, as opposed to missing.
pub fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let mut broken = 0;
    for (title, report) in SECTIONS {
        super::print(&format!("{title}\n"));
        for finding in report(args) {
            let mark = match finding.state {
                Health::Good => "ok",
                Health::Missing => "--",
                Health::Broken => "!!",
            };
            broken += u32::from(finding.state == Health::Broken);
            super::print(&format!("  {mark}  {}\n", finding.text));
        }
    }
    if broken == 0 {
        Ok(())
    } else {
        Err(Failure::Failed("something does not work; see the lines marked !!".into()))
    }
}
