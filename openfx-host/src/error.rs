//! Errors of the host.

use std::path::PathBuf;

use super::params::ValueError;

/// An error of the host or of the plugin. It displays as a message for the user.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The bundle is missing or has no binary for this machine.
    #[error("{} is no OpenFX bundle for this machine: {why}", .path.display())]
    Bundle {
        /// Path of the bundle or binary.
        path: PathBuf,
        /// What the bundle or binary lacks, or why it cannot be read.
        why: String,
    },
    /// The binary cannot be loaded.
    #[error("cannot load {}: {why}", .path.display())]
    Load {
        /// Path of the binary.
        path: PathBuf,
        /// The system's error message.
        why: String,
    },
    /// The binary does not contain the requested plugin.
    #[error("there is no plugin {wanted} in {}; it has {found}", .path.display())]
    NoPlugin {
        /// Path of the binary.
        path: PathBuf,
        /// Identifier of the requested plugin.
        wanted: String,
        /// Identifiers of the plugins that it contains.
        found: String,
    },
    /// An action returned an error.
    #[error("the plugin failed in {action}: {why}")]
    Action {
        /// Name of the action.
        action: &'static str,
        /// The plugin's error message, or else the status.
        why: String,
    },
    /// A frame could not be rendered.
    #[error("frame {frame} failed: {why}")]
    Frame {
        /// Number of the frame.
        frame: i32,
        /// The plugin's error message, or else the status.
        why: String,
    },
    /// The plugin does not support what the settings request.
    #[error("the plugin does not take {what}")]
    Unsupported {
        /// The context, depth or components requested.
        what: String,
    },
    /// The plugin has no such parameter.
    #[error("there is no parameter {name}{hint}")]
    NoParam {
        /// Name that was given.
        name: String,
        /// Text with similar names, for the end of the message.
        hint: String,
    },
    /// The plugin has no such clip.
    #[error("there is no clip {name}; the plugin has {clips}")]
    NoClip {
        /// Name that was given.
        name: String,
        /// Names of the available clips.
        clips: String,
    },
    /// The parameter cannot be animated.
    #[error("{0} does not take keyframes")]
    NoKeys(String),
    /// A text is not a valid parameter value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The user aborted the run.
    #[error("stopped")]
    Aborted,
    /// A rendered frame could not be written.
    #[error("{0}")]
    Delivery(String),
    /// The plugin violated the standard; one sentence per violation.
    #[error("the plugin broke the rules of OpenFX: {}", .0.join("; "))]
    Rules(Vec<String>),
}

impl HostError {
    /// Whether the arguments were wrong, as opposed to a failure while working.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Unsupported { .. }
                | Self::NoParam { .. }
                | Self::NoClip { .. }
                | Self::NoPlugin { .. }
                | Self::NoKeys(_)
                | Self::Value(_)
        )
    }
}
