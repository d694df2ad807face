//! Enumerations that only the plugin uses.

use strum::{EnumString, VariantNames};

/// Where the clip's cuts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Cuts {
    /// Cuts are detected.
    Auto,
    /// The clip is a single shot.
    Off,
    /// Cuts are listed by the user.
    List,
}

/// The prompt of the first pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum PromptMode {
    /// No prompt: the empty text.
    Blank,
    /// The prompt of the second pass.
    Same,
    /// The prompt of the parameters for unsampling.
    Own,
}

/// The passes to which a ControlNet is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Apply {
    /// Only the second pass.
    Resample,
    /// Only the first pass.
    Unsample,
    /// Both sampling passes.
    Both,
}

/// The options of the parameter `view`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum ViewOption {
    /// The restyled frame.
    Result,
    /// The source, unchanged.
    Source,
    /// The frame, unsampled and resampled with the same prompt.
    Reconstruction,
    /// The hint of the first ControlNet.
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
