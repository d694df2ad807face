//! Choices that only the plugin knows.

use strum::{EnumString, VariantNames};

/// How the clip's shots are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Cuts {
    /// By the frames.
    Auto,
    /// Not at all: the clip is one shot.
    Off,
    /// By the user's list.
    List,
}

/// Where the first pass takes its prompt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum PromptMode {
    /// It has none.
    Blank,
    /// From the second pass.
    Same,
    /// From parameters of its own.
    Own,
}

/// The passes that a ControlNet acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Apply {
    /// The second.
    Resample,
    /// The first.
    Unsample,
    /// Both.
    Both,
}

/// What is shown, as the menu has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum ViewOption {
    /// The restyled frame.
    Result,
    /// The source.
    Source,
    /// The frame unsampled and resampled with the same prompt.
    Reconstruction,
    /// What the first ControlNet sees.
    Hint,
}

macro_rules! listed {
    ($($type:ident),+) => {
        $(impl $type {
            /// The names, in the order of the menu.
            pub const NAMES: &'static [&'static str] = <Self as VariantNames>::VARIANTS;
        })+
    };
}

listed!(Cuts, PromptMode, Apply, ViewOption);
