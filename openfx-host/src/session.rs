//! A session: settings of the host, and what the plugin reported and did during the run.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;

/// Bit depth of a sample.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    strum::EnumMessage,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Depth {
    /// 32-bit float.
    Float,
    /// 16-bit float.
    Half,
    /// 16-bit integer.
    Short,
    /// 8-bit integer.
    Byte,
}

/// Components of a pixel.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    strum::EnumMessage,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Components {
    /// Red, green, blue, alpha.
    Rgba,
    /// Red, green, blue.
    Rgb,
}

/// Order of an image's rows in memory and padding between them.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    strum::EnumMessage,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum RowBytes {
    /// The bottom row first, tightly packed.
    #[default]
    Positive,
    /// The top row first, as MLT does it: the data pointer is at the last row in memory.
    Negative,
    /// The bottom row first, with bytes between the rows.
    Padded,
}

/// What a clip returns outside of its frame range.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    strum::EnumMessage,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Outside {
    /// No image.
    #[default]
    Null,
    /// The first or the last frame.
    Hold,
    /// A black image.
    Black,
}

/// How often a sequence of renders is announced to the plugin.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    strum::EnumMessage,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Sequence {
    /// Once, with the whole range.
    #[default]
    Whole,
    /// Around every frame, as MLT and Natron do it.
    Each,
    /// Never, as in some hosts.
    None,
}

/// Settings of the host.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Host name reported to plugins.
    pub name: String,
    /// Context to use; `None` for General if supported, else Filter.
    pub context: Option<String>,
    /// Bit depth of the images; `None` for the deepest that the plugin supports.
    pub depth: Option<Depth>,
    /// Components of the images; `None` for RGBA if the plugin supports it.
    pub components: Option<Components>,
    /// Whether images with alpha are premultiplied.
    pub premultiplied: bool,
    /// Memory layout of the rows.
    pub row_bytes: RowBytes,
    /// Lower left corner of the pictures in pixels.
    pub origin: (i32, i32),
    /// Whether clips return images of other times. If not, they return the current frame for any time, as in
    /// MLT.
    pub temporal: bool,
    /// Whether the host reports temporal access even if it has none.
    pub pretends_temporal: bool,
    /// What clips return outside of their frame range.
    pub outside: Outside,
    /// Whether a time between two frames is rounded down; otherwise to the nearest frame.
    pub truncates_times: bool,
    /// Render scale in x and y.
    pub scale: f64,
    /// Number of the first frame.
    pub first_frame: i32,
    /// Names of the suites to leave out.
    pub missing_suites: Vec<String>,
    /// Whether string parameters can be animated.
    pub animate_strings: bool,
    /// How sequences of renders are announced.
    pub sequence: Sequence,
    /// Abort when the plugin polls for an abort this many times.
    pub abort_after: Option<u32>,
    /// Which colour spaces are reported to the plugin.
    pub colour: ColourManagement,
}

/// Which colour spaces of clips are reported, as in OpenFX 1.5.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ColourManagement {
    /// The colour space of each clip's files.
    #[default]
    Files,
    /// This colour space for every clip.
    Named(String),
    /// None, as in hosts before OpenFX 1.5.
    Off,
}

impl std::str::FromStr for ColourManagement {
    type Err = std::convert::Infallible;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(if name == "none" { Self::Off } else { Self::Named(name.to_owned()) })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "org.unsample.host".into(),
            context: None,
            depth: None,
            components: None,
            premultiplied: false,
            row_bytes: RowBytes::Positive,
            origin: (0, 0),
            temporal: true,
            pretends_temporal: false,
            outside: Outside::Null,
            truncates_times: false,
            scale: 1.0,
            first_frame: 1,
            missing_suites: Vec::new(),
            animate_strings: true,
            sequence: Sequence::Whole,
            abort_after: None,
            colour: ColourManagement::Files,
        }
    }
}

/// Receives the plugin's progress and messages.
pub trait Progress: Send + Sync {
    /// A task with this label starts.
    fn start(&self, label: &str);
    /// The task's progress, from 0 to 1.
    fn update(&self, fraction: f64);
    /// The task has ended.
    fn end(&self);
    /// The plugin sent a message.
    fn message(&self, message: &Message);
}

/// Discards progress and messages.
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _label: &str) {}
    fn update(&self, _fraction: f64) {}
    fn end(&self) {}
    fn message(&self, _message: &Message) {}
}

/// A message from the plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The OpenFX message type, such as `OfxMessageError`.
    pub kind: String,
    /// Text of the message.
    pub text: String,
    /// Whether it stays until it is cleared.
    pub persistent: bool,
}

/// One run of the host.
pub struct Session {
    /// Settings of the host.
    pub settings: Settings,
    /// Receiver of progress and messages.
    pub progress: Box<dyn Progress>,
    aborted: AtomicBool,
    polls: AtomicU32,
    messages: Mutex<Vec<Message>>,
    complaints: Mutex<Vec<String>>,
    /// Current, first and last frame of the time line.
    timeline: Mutex<(f64, f64, f64)>,
}

impl Session {
    /// A session with its settings and progress receiver.
    pub fn new(settings: Settings, progress: Box<dyn Progress>) -> Self {
        Self {
            settings,
            progress,
            aborted: AtomicBool::new(false),
            polls: AtomicU32::new(0),
            messages: Mutex::default(),
            complaints: Mutex::default(),
            timeline: Mutex::new((1.0, 1.0, 1.0)),
        }
    }

    /// Requests an abort, which the plugin sees when it polls.
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
    }

    /// Whether an abort was requested.
    pub fn aborted(&self) -> bool {
        self.aborted.load(Ordering::Relaxed)
    }

    /// Answers the plugin's poll for an abort.
    pub fn poll(&self) -> bool {
        let count = self.polls.fetch_add(1, Ordering::Relaxed);
        if self.settings.abort_after.is_some_and(|limit| count >= limit) {
            self.abort();
        }
        self.aborted()
    }

    /// Number of polls so far.
    #[allow(dead_code, reason = "for the integration tests that include this module")]
    pub fn polls(&self) -> u32 {
        self.polls.load(Ordering::Relaxed)
    }

    /// Records a message and passes it on.
    pub fn say(&self, message: Message) {
        self.progress.message(&message);
        self.messages.lock().push(message);
    }

    /// Removes the persistent messages.
    pub fn clear_persistent(&self) {
        self.messages.lock().retain(|message| !message.persistent);
    }

    /// All messages so far.
    #[allow(dead_code, reason = "for the integration tests that include this module")]
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().clone()
    }

    /// Text of the last error message.
    pub fn last_error(&self) -> Option<String> {
        let messages = self.messages.lock();
        let bad = |message: &&Message| message.kind.ends_with("Error") || message.kind.ends_with("Fatal");
        messages.iter().rev().find(bad).map(|message| message.text.clone())
    }

    /// Records a violation of the standard by the plugin.
    pub fn complain(&self, what: impl Into<String>) {
        let what = what.into();
        let mut complaints = self.complaints.lock();
        if !complaints.contains(&what) {
            complaints.push(what);
        }
    }

    /// The violations so far, without duplicates.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().clone()
    }

    /// Current, first and last frame of the time line.
    pub fn timeline(&self) -> (f64, f64, f64) {
        *self.timeline.lock()
    }

    /// Sets the first and last frame of the time line.
    pub fn set_range(&self, first: f64, last: f64) {
        *self.timeline.lock() = (first, first, last);
    }

    /// Sets the current frame of the time line.
    pub fn go_to(&self, time: f64) {
        self.timeline.lock().0 = time;
    }
}
