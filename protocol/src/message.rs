//! What goes back and forth between the plugin and the engine.
//!
//! The plugin begins with [`Hello`] and the engine answers with one of its own; then either side says what it has to say
//! whenever it likes. Every task has a number that the plugin gives it, and answers name the number. Pictures follow the
//! message that mentions them as raw bytes (see [`wire`](super::wire)).

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key::Key;
use super::request::{CacheSettings, Models, Request};

/// The two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The plugin, in the host's process.
    Plugin,
    /// The engine.
    Engine,
}

/// The first word of either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Who speaks: a program that only returns what it is sent is no engine.
    pub side: Side,
    /// [`BUILD`](super::BUILD) of who speaks.
    pub build: String,
}

/// The number of a task.
pub type TaskId = u64;

/// One of the clips of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Clip {
    /// The clip that is restyled.
    Source,
    /// The optional clip that hints are made from.
    Hint,
}

/// A frame that the engine needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FrameWanted {
    /// Of which clip.
    pub clip: Clip,
    /// Index in the request's segment.
    pub index: usize,
    /// The digest that the request gives for it.
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

/// What the plugin says.
#[derive(Clone, Serialize, Deserialize)]
pub enum ToEngine {
    /// How the process is to behave from now on.
    Set(Setup),
    /// Fulfil a request.
    Run(TaskId, Box<Request>),
    /// The frame that a task has asked for, whose picture follows; `None` where there is no such frame any more.
    Frame(TaskId, Option<Extent>),
    /// Stop working on a task. Its answer is still sent.
    Cancel(TaskId),
    /// Forget every finished stage in memory and in a cache folder.
    Clear(TaskId, CacheSettings),
    /// Say what files are and how they go together.
    Describe(TaskId, Models),
}

/// How the engine's process is to behave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The bundle's folder of resources, which holds the built-in model.
    pub resources: Option<PathBuf>,
    /// Why the engine for graphics cards is not used, where there is one.
    pub cuda_not_taken: Option<String>,
    /// Time without work after which the process ends; `None` lets it wait for ever.
    pub idle: Option<Duration>,
}

/// A sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// It.
    pub text: String,
    /// A hash of the state of the files that it names: what was said of a file holds until that file changes.
    pub files: u64,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// Size of the styled frame that follows; `None` where only an analysis was asked for.
    pub picture: Option<Extent>,
    /// What was done, as one sentence.
    pub work: String,
    /// What was chosen for the user, or found; nothing to act upon.
    pub facts: Vec<String>,
    /// What the user should know.
    pub notices: Vec<Sentence>,
}

/// Why a request was not fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// It was cancelled.
    Cancelled,
    /// A frame was needed that the plugin did not have any more.
    FrameGone,
    /// Anything else, with the sentence for the user.
    Failed(Sentence),
}

/// What the engine says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromEngine {
    /// How far a task is: at least four times a second while it is worked on.
    Progress(TaskId, f64, String),
    /// A task needs a frame, and waits for [`ToEngine::Frame`].
    NeedFrame(TaskId, FrameWanted),
    /// A request was fulfilled.
    Done(TaskId, Done),
    /// A task was not fulfilled.
    Failed(TaskId, Failure),
    /// A cache was cleared: bytes freed on disk, and entries there that could not be removed.
    Cleared(TaskId, u64, usize),
    /// What files are.
    Described(TaskId, String),
    /// A line for the log: its level, from 1 for an error to 5 for a trace, and the text.
    Log(u8, String),
}
