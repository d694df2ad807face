//! One run of the host: how it behaves, and what the plugin said and did meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use parking_lot::Mutex;

/// The depth of a sample.
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

/// The samples of a pixel.
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

/// How the rows of an image follow each other in memory.
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

/// What a clip answers outside of its range.
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

/// How often a sequence of renders is announced.
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
    /// Not at all.
    None,
}

/// How the host behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The name by which the host is known to plugins.
    pub name: String,
    /// The context to use, instead of General if offered, else Filter.
    pub context: Option<String>,
    /// The depth of the images, instead of the deepest that the plugin takes.
    pub depth: Option<Depth>,
    /// The components of the images, instead of RGBA if the plugin takes it.
    pub components: Option<Components>,
    /// Whether images with alpha are premultiplied.
    pub premultiplied: bool,
    /// The layout of the rows.
    pub row_bytes: RowBytes,
    /// Where the lower left corner of the pictures is.
    pub origin: (i32, i32),
    /// Whether clips answer for other times; if not, any time gets the current frame, as in MLT.
    pub temporal: bool,
    /// Whether the host says that it has temporal access, even if it has not.
    pub pretends_temporal: bool,
    /// The answer outside of a clip's range.
    pub outside: Outside,
    /// Whether a time between two frames gets the earlier one; if not, the nearer one.
    pub truncates_times: bool,
    /// The scale of the render.
    pub scale: f64,
    /// The number of the first frame.
    pub first_frame: i32,
    /// Suites that the host does not have.
    pub missing_suites: Vec<String>,
    /// Whether string parameters take keyframes.
    pub animate_strings: bool,
    /// How renders are announced.
    pub sequence: Sequence,
    /// Abort after that many questions of the plugin whether to.
    pub abort_after: Option<u32>,
    /// Whether colour spaces are told.
    pub colour: ColourManagement,
}

/// Whether clips' colour spaces are told, as OpenFX 1.5 has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ColourManagement {
    /// Those of the files.
    #[default]
    Files,
    /// This one, of every clip.
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

/// Where the plugin's progress is shown.
pub trait Progress: Send + Sync {
    /// A piece of work begins.
    fn start(&self, label: &str);
    /// It is this far, from 0 to 1.
    fn update(&self, fraction: f64);
    /// It has ended.
    fn end(&self);
    /// The plugin has something to say.
    fn message(&self, message: &Message);
}

/// Shows nothing.
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _label: &str) {}
    fn update(&self, _fraction: f64) {}
    fn end(&self) {}
    fn message(&self, _message: &Message) {}
}

/// A message of the plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `OfxMessageError` and the like.
    pub kind: String,
    /// The sentence.
    pub text: String,
    /// Whether it is to stay until it is cleared.
    pub persistent: bool,
}

/// One run of the host.
pub struct Session {
    /// How the host behaves.
    pub settings: Settings,
    /// Where progress goes.
    pub progress: Box<dyn Progress>,
    aborted: AtomicBool,
    polls: AtomicU32,
    messages: Mutex<Vec<Message>>,
    complaints: Mutex<Vec<String>>,
    /// The frame at which the time line stands, and its ends.
    timeline: Mutex<(f64, f64, f64)>,
}

impl Session {
    /// A fresh run.
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

    /// Asks the plugin to stop.
    pub fn abort(&self) {
        self.aborted.store(true, Ordering::Relaxed);
    }

    /// Whether the plugin was asked to stop.
    pub fn aborted(&self) -> bool {
        self.aborted.load(Ordering::Relaxed)
    }

    /// The plugin's question whether to stop.
    pub fn poll(&self) -> bool {
        let count = self.polls.fetch_add(1, Ordering::Relaxed);
        if self.settings.abort_after.is_some_and(|limit| count >= limit) {
            self.abort();
        }
        self.aborted()
    }

    /// How often the plugin has asked.
    #[allow(dead_code, reason = "for the integration tests that include this module")]
    pub fn polls(&self) -> u32 {
        self.polls.load(Ordering::Relaxed)
    }

    /// Takes down a message.
    pub fn say(&self, message: Message) {
        self.progress.message(&message);
        self.messages.lock().push(message);
    }

    /// Removes the persistent messages.
    pub fn clear_persistent(&self) {
        self.messages.lock().retain(|message| !message.persistent);
    }

    /// The messages so far.
    #[allow(dead_code, reason = "for the integration tests that include this module")]
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().clone()
    }

    /// The last message that tells of a failure.
    pub fn last_error(&self) -> Option<String> {
        let messages = self.messages.lock();
        let bad = |message: &&Message| message.kind.ends_with("Error") || message.kind.ends_with("Fatal");
        messages.iter().rev().find(bad).map(|message| message.text.clone())
    }

    /// Takes down a breach of the rules by the plugin.
    pub fn complain(&self, what: impl Into<String>) {
        let what = what.into();
        let mut complaints = self.complaints.lock();
        if !complaints.contains(&what) {
            complaints.push(what);
        }
    }

    /// The breaches so far, each once.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().clone()
    }

    /// The time line: where it stands, its first and its last frame.
    pub fn timeline(&self) -> (f64, f64, f64) {
        *self.timeline.lock()
    }

    /// Sets the ends of the time line.
    pub fn set_range(&self, first: f64, last: f64) {
        *self.timeline.lock() = (first, first, last);
    }

    /// Moves the time line.
    pub fn go_to(&self, time: f64) {
        self.timeline.lock().0 = time;
    }
}
