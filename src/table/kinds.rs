//! The types that make up a row of the table.

use super::{CONTROLS, ControlNames};
use Stage::{Resample, Unsample};

/// The group of a parameter in the host's panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Model files and LoRAs, device and number format.
    Model,
    /// The appearance of the result: prompts and second pass.
    Style,
    /// The first pass, which turns the clip into noise.
    Unsampling,
    /// The motion module and its context windows.
    Motion,
    /// ControlNets and their hints.
    ControlNet,
    /// Conversion of pictures before and after the model.
    Picture,
    /// Caches, status, diagnostics.
    Housekeeping,
}

impl Group {
    /// All groups, in the order of the panel.
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

    /// Label of the group in the panel.
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

/// The first stage that must run again when a parameter changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No stage runs again.
    Nothing,
    /// The result is composited with the source again.
    Compose,
    /// The decoded frames are averaged again.
    Steady,
    /// The VAE decodes again.
    Decode,
    /// The second sampling pass runs again.
    Resample,
    /// The first sampling pass runs again.
    Unsample,
    /// All stages run again, from the VAE's encoder on.
    Encode,
}

impl Stage {
    /// Name of the stage in docs/parameters.md.
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

/// What a string parameter contains, and how it is edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMode {
    /// A single line of text.
    SingleLine,
    /// Several lines of text.
    MultiLine,
    /// Path of an existing file.
    OpenFile,
    /// Path of a file to write.
    SaveFile,
    /// Path of a folder.
    Folder,
    /// Text that is shown and cannot be edited.
    ReadOut,
}

/// Type of a parameter, with its default and range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParamType {
    /// An integer.
    Int {
        /// Value of a new instance.
        default: i32,
        /// Permitted values, both ends included.
        range: (i32, i32),
        /// Range of the slider.
        display: (i32, i32),
    },
    /// A floating-point number.
    Double {
        /// Value of a new instance.
        default: f64,
        /// Permitted values, both ends included.
        range: (f64, f64),
        /// Range of the slider.
        display: (f64, f64),
    },
    /// A boolean, shown as a check box.
    Bool {
        /// Value of a new instance.
        default: bool,
    },
    /// One of several named options.
    Choice {
        /// Index of the default in `options`.
        default: usize,
        /// Names of the options, which are also the menu's labels.
        options: &'static [&'static str],
    },
    /// A string, such as a prompt or a path.
    Text {
        /// Value of a new instance.
        default: &'static str,
        /// What the string contains.
        mode: TextMode,
    },
    /// A push button; it has no value.
    Button,
}

/// One row of the table: the definition of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Param {
    /// OpenFX name, the same in scripts, project files and on the command line.
    pub name: &'static str,
    /// Label in the panel.
    pub label: &'static str,
    /// Help text, shown as a tool tip.
    pub hint: &'static str,
    /// Group in the panel.
    pub group: Group,
    /// Type, default and range.
    pub kind: ParamType,
    /// Whether it can be animated (strings only where the host animates strings).
    pub animates: bool,
    /// The first stage that runs again when it changes.
    pub stage: Stage,
}

impl Param {
    /// A different stage that runs again under some condition: which one, and when. The test in `reruns`
    /// determines both by changing values and comparing keys.
    pub fn otherwise(&self) -> Option<(Stage, &'static str)> {
        let of_a_control = |c: &ControlNames| {
            [c.model, c.preprocessor, c.frames, c.weight, c.start, c.end].contains(&self.name)
        };
        match self.name {
            "checkpoint" => Some((Unsample, "if `vae` is set")),
            "prompt" | "negativePrompt" | "promptB" | "promptMix" => {
                Some((Unsample, "if `unsamplePromptMode` is `same`"))
            }
            "steps" => Some((Resample, "if `unsampleSteps` is not 0")),
            "scheduler" => Some((Resample, "if `unsampleScheduler` is not `same`")),
            _ if CONTROLS.iter().any(of_a_control) => Some((Unsample, "if it acts in that pass")),
            _ => None,
        }
    }

    /// The stages that run again, in the words of docs/parameters.md.
    pub fn reruns(&self) -> String {
        match self.otherwise() {
            None => self.stage.word().to_owned(),
            Some((stage, case)) => format!("{}; {} {case}", self.stage.word(), stage.word()),
        }
    }
}
