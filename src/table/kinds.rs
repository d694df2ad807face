//! What a row of the table is made of.

use super::{CONTROLS, ControlNames};
use Stage::{Resample, Unsample};

/// Where a parameter stands in the host's panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Weight files.
    Model,
    /// What the result should look like.
    Style,
    /// How the clip is turned into noise.
    Unsampling,
    /// The motion module and its windows.
    Motion,
    /// Hints and the networks that follow them.
    ControlNet,
    /// Pixels before and after.
    Picture,
    /// Caches, read-outs, diagnostics.
    Housekeeping,
}

impl Group {
    /// All groups in the order of the panel.
    pub const ALL: [Self; 7] = [
        Self::Model,
        Self::Style,
        Self::Unsampling,
        Self::Motion,
        Self::ControlNet,
        Self::Picture,
        Self::Housekeeping,
    ];

    /// OpenFX name of the group parameter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "groupModel",
            Self::Style => "groupStyle",
            Self::Unsampling => "groupUnsampling",
            Self::Motion => "groupMotion",
            Self::ControlNet => "groupControlNet",
            Self::Picture => "groupPicture",
            Self::Housekeeping => "groupHousekeeping",
        }
    }

    /// The heading.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Model => "Model",
            Self::Style => "Style",
            Self::Unsampling => "Unsampling",
            Self::Motion => "Motion",
            Self::ControlNet => "ControlNet",
            Self::Picture => "Picture",
            Self::Housekeeping => "Housekeeping",
        }
    }
}

/// The first stage that has to run again when a parameter changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing is computed again.
    Nothing,
    /// The picture is mixed again.
    Compose,
    /// The decoded frames are averaged again.
    Steady,
    /// From the VAE's decoder on.
    Decode,
    /// From the second sampling pass on.
    Resample,
    /// From the first sampling pass on.
    Unsample,
    /// Everything.
    Encode,
}

impl Stage {
    /// The word in the README's table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "-",
            Self::Compose => "mix",
            Self::Steady => "steady",
            Self::Decode => "decode",
            Self::Resample => "resample",
            Self::Unsample => "unsample",
            Self::Encode => "encode",
        }
    }
}

/// What a string parameter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMode {
    /// One line of text.
    SingleLine,
    /// Several lines of text.
    MultiLine,
    /// A file that has to exist.
    OpenFile,
    /// A file that is written.
    SaveFile,
    /// A folder.
    Folder,
    /// Shown to the user, not edited.
    ReadOut,
}

/// Type, default and range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A whole number.
    Int {
        /// Value of a new instance.
        default: i32,
        /// What is allowed.
        range: (i32, i32),
        /// What a slider shows.
        display: (i32, i32),
    },
    /// A number.
    Double {
        /// Value of a new instance.
        default: f64,
        /// What is allowed.
        range: (f64, f64),
        /// What a slider shows.
        display: (f64, f64),
    },
    /// A switch.
    Bool {
        /// Value of a new instance.
        default: bool,
    },
    /// One of several names.
    Choice {
        /// Index into `options`.
        default: usize,
        /// The names, which are also the menu's texts.
        options: &'static [&'static str],
    },
    /// A string.
    Text {
        /// Value of a new instance.
        default: &'static str,
        /// What it is for.
        mode: TextMode,
    },
    /// A button.
    Button,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Param {
    /// OpenFX name, the same in scripts, project files and on the command line.
    pub name: &'static str,
    /// What the panel shows.
    pub label: &'static str,
    /// The tool tip.
    pub hint: &'static str,
    /// Its group.
    pub group: Group,
    /// Type, default and range.
    pub kind: Kind,
    /// Whether it takes keyframes (strings only where the host animates strings).
    pub animates: bool,
    /// What runs again when it changes: from which stage on.
    pub stage: Stage,
}

impl Param {
    /// Where its change makes another stage run again: which one, and when. The test in `reruns` finds both of them by
    /// changing values and comparing keys.
    pub fn otherwise(&self) -> Option<(Stage, &'static str)> {
        let of_a_control = |c: &ControlNames| {
            [c.model, c.preprocessor, c.frames, c.weight, c.start, c.end].contains(&self.name)
        };
        match self.name {
            "checkpoint" => Some((Unsample, "with a VAE of its own below")),
            "prompt" | "negativePrompt" | "promptB" | "promptMix" => {
                Some((Unsample, "with the unsampling prompt `same`"))
            }
            "steps" | "scheduler" => Some((Resample, "where unsampling has its own")),
            _ if CONTROLS.iter().any(of_a_control) => Some((Unsample, "where it acts on that pass")),
            _ => None,
        }
    }

    /// What runs again, in the README's words.
    pub fn reruns(&self) -> String {
        match self.otherwise() {
            None => self.stage.word().to_owned(),
            Some((stage, case)) => format!("{}; {} {case}", self.stage.word(), stage.word()),
        }
    }
}
