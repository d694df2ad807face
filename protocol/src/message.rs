//! Messages between the plugin and the engine.
//!
//! The plugin sends a [`Hello`] and the engine replies with one; after that both sides send messages at any
//! time. The plugin assigns a number to every task, and replies refer to it. Pictures follow their message as
//! raw bytes (see [`wire`](super::wire)).

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::request::{CacheSettings, Models, Request};

/// The two ends of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The plugin, in the host's process.
    Plugin,
    /// The engine, in its own process.
    Engine,
}

/// The first message in either direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The sender. Detects a program that only echoes its input.
    pub side: Side,
    /// [`BUILD`](super::BUILD) of the sender.
    pub build: String,
}

/// Number of a task, assigned by the plugin.
pub type TaskId = u64;

/// An input clip of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Clip {
    /// The clip to restyle.
    Source,
    /// The optional clip from which hints are made.
    Hint,
}

/// Identifies a frame that the engine needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FrameWanted {
    /// The clip to take it from.
    pub clip: Clip,
    /// Index in the request's segment.
    pub index: usize,
    /// The frame's digest in the request.
    pub digest: Key,
}

/// Size of a picture whose values follow a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// Messages from the plugin to the engine.
#[derive(Clone, Serialize, Deserialize)]
pub enum ToEngine {
    /// Sets options of the engine's process.
    Set(Setup),
    /// Fulfil a request, and reply with its result.
    Run(TaskId, Box<Request>),
    /// A frame that a task requested, followed by its picture; `None` if the frame is no longer available.
    Frame(TaskId, Option<Extent>),
    /// Cancel a task. The engine still sends its final message.
    Cancel(TaskId),
    /// Clear all cached results in memory and in a cache folder.
    Clear(TaskId, CacheSettings),
    /// Describe model files and how they fit together.
    Describe(TaskId, Models),
}

/// Options of the engine's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The bundle's resources folder, which contains the built-in model.
    pub resources: Option<PathBuf>,
    /// Why the CUDA engine is not used, if the bundle has one.
    pub cuda_not_taken: Option<String>,
    /// Time without work after which the process exits; `None` for never.
    pub idle: Option<Duration>,
}

/// A message for the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Text of the message.
    pub text: String,
    /// Hash of the state of the files that the message refers to. The message is valid until one of them
    /// changes.
    pub files: u64,
}

/// Result of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Size of the styled frame that follows; `None` for an analysis.
    pub picture: Option<Extent>,
    /// Summary of the work done, in one sentence.
    pub work: String,
    /// Automatic choices and findings that need no action.
    pub facts: Vec<String>,
    /// Messages that the user should see.
    pub notices: Vec<Sentence>,
}

/// Why a request was not fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The task was cancelled.
    Cancelled,
    /// The plugin no longer had a frame that was needed.
    FrameGone,
    /// Any other reason, with a message for the user.
    Failed(Sentence),
}

/// Messages from the engine to the plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromEngine {
    /// Progress of a task, 0 to 1, with the current step; sent at least four times per second.
    Progress(TaskId, f64, String),
    /// A task needs a frame and waits for [`ToEngine::Frame`].
    NeedFrame(TaskId, FrameWanted),
    /// A request was fulfilled; a picture may follow.
    Done(TaskId, Done),
    /// A task failed or was cancelled.
    Failed(TaskId, Failure),
    /// A cache was cleared: number of bytes freed on disk, and number of entries that could not be removed.
    Cleared(TaskId, u64, usize),
    /// Description of model files, as text.
    Described(TaskId, String),
    /// A log message: its level, from 1 (error) to 5 (trace), and its text.
    Log(u8, String),
}
