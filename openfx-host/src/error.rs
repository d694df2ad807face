//! What can go wrong in the host, one kind for each sentence.

use std::path::PathBuf;

use super::params::ValueError;

/// A failure of the host or of the plugin in it; its display text is the sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The bundle is not there or has nothing for this machine.
    #[error("{} is no OpenFX bundle for this machine: {why}", .path.display())]
    Bundle {
        /// The bundle or the binary.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
    /// The binary does not load.
    #[error("cannot load {}: {why}", .path.display())]
    Load {
        /// The binary.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// There is no such plugin in the binary.
    #[error("there is no plugin {wanted} in {}; it has {found}", .path.display())]
    NoPlugin {
        /// The binary.
        path: PathBuf,
        /// The plugin that was asked for.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// An action failed.
    #[error("the plugin failed in {action}: {why}")]
    Action {
        /// The action.
        action: &'static str,
        /// The plugin's own sentence, or the status.
        why: String,
    },
    /// A frame failed.
    #[error("frame {frame} failed: {why}")]
    Frame {
        /// The frame.
        frame: i32,
        /// The plugin's own sentence, or the status.
        why: String,
    },
    /// The plugin does not take what the host was told to give.
    #[error("the plugin does not take {what}")]
    Unsupported {
        /// The context, the depth, the components.
        what: String,
    },
    /// There is no such parameter.
    #[error("there is no parameter {name}{hint}")]
    NoParam {
        /// The name.
        name: String,
        /// Names that look like it.
        hint: String,
    },
    /// There is no such clip.
    #[error("there is no clip {name}; the plugin has {clips}")]
    NoClip {
        /// The name.
        name: String,
        /// What there is.
        clips: String,
    },
    /// The parameter takes no keyframes.
    #[error("{0} does not take keyframes")]
    NoKeys(String),
    /// A text is no value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The user stopped it.
    #[error("stopped")]
    Aborted,
    /// What was rendered could not be delivered.
    #[error("{0}")]
    Delivery(String),
    /// The plugin did what a host does not forgive.
    #[error("the plugin broke the rules of OpenFX: {}", .0.join("; "))]
    Rules(Vec<String>),
}

impl HostError {
    /// Whether the arguments were wrong, rather than the work failing.
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
