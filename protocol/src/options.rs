//! Enumerations that a parameter or a command line option chooses from.
//!
//! Their names are saved in projects and typed on command lines: they never change. The order is that of the menus.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// How the variance grows along the thousand training steps.
///
/// The names are those of the workflow's own system, which calls the linear ramp of *square roots* "linear" and the plain
/// linear ramp "sqrt_linear".
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Betas {
    /// `linspace(sqrt(0.00085), sqrt(0.012))^2`: what SD1.5, SDXL and Hotshot-XL were trained with.
    Linear,
    /// `linspace(0.00085, 0.012)`: what AnimateDiff's SD1.5 motion modules were trained with.
    SqrtLinear,
    /// `linspace(sqrt(0.00085), sqrt(0.020))^2`: AnimateDiff's SDXL beta.
    LinearSdxl,
}

/// A rule for walking from one noise level to the next.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Sampler {
    /// One evaluation a step, first order.
    Euler,
    /// Two evaluations a step (one in the last), second order.
    Heun,
    /// One evaluation a step, second order by remembering the estimate before.
    #[strum(serialize = "dpmpp_2m")]
    Dpmpp2m,
    /// The stochastic form of [`Sampler::Dpmpp2m`], midpoint, eta 1.
    #[strum(serialize = "dpmpp_2m_sde")]
    Dpmpp2mSde,
    /// Euler with fresh noise in every step, eta 1.
    EulerAncestral,
}

impl Sampler {
    /// Whether the sampler draws no noise, and can therefore walk a schedule upwards.
    pub const fn is_deterministic(self) -> bool {
        match self {
            Self::Euler | Self::Heun | Self::Dpmpp2m => true,
            Self::Dpmpp2mSde | Self::EulerAncestral => false,
        }
    }

    /// How many evaluations of the network a run over `sigmas` takes.
    pub fn evaluations(self, sigmas: &[f32]) -> usize {
        let steps = sigmas.len().saturating_sub(1);
        let to_zero = sigmas.iter().skip(1).filter(|&&sigma| sigma == 0.0).count();
        if self == Self::Heun { 2 * steps - to_zero } else { steps }
    }
}

/// A spacing of noise levels.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum SchedulerChoice {
    /// Align Your Steps, by the table of the model's family.
    Ays,
    /// Evenly spaced timesteps.
    Normal,
    /// Karras et al. 2022, rho 7.
    Karras,
    /// Evenly spaced logarithms.
    Exponential,
    /// Evenly spaced timesteps without the last.
    SgmUniform,
    /// Every n-th level of the table.
    Simple,
    /// DDIM's uniform spacing.
    DdimUniform,
    /// Quantiles of a beta distribution.
    Beta,
    /// Levels of equal divergence (Align Your Steps, theorem 3.1).
    KlOptimal,
}

/// A rule for laying windows over a clip.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum ContextSchedule {
    /// The same windows in every step, the last one pulled back to end with the clip.
    StandardStatic,
    /// Windows that start elsewhere in every step, so that no seam stays in place.
    StandardUniform,
    /// The same, wrapping from the last frame to the first, for clips that loop.
    LoopedUniform,
    /// Windows that do not overlap; the last one may be shorter.
    Batched,
}

/// How much each frame of a window counts.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Fuse {
    /// Most in the window's middle: 1, 2, 3, ... and back to 1.
    Pyramid,
    /// All the same.
    Flat,
    /// By the distance from the window's middle in frame numbers, never less than 0.01.
    Relative,
    /// All the same except where windows overlap, where one fades into the next.
    OverlapLinear,
}

/// How a hint is made of a picture.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Preprocessor {
    /// The picture itself.
    #[default]
    None,
    /// Edges one pixel wide, by Canny's method.
    Canny,
    /// White strokes where the picture is darker than its surroundings.
    Scribble,
    /// Averages of 8 x 8 pixels, smoothly joined: for tile ControlNets.
    Tile,
    /// Gaussian blur of 9 pixels.
    Blur,
    /// Lightness (CIE L*).
    Luminance,
    /// Line drawing by the network of informative-drawings.
    Lineart,
    /// Soft edges by holistically-nested edge detection (HED).
    SoftEdge,
    /// Depth by Depth Anything V2, near is white.
    Depth,
}

impl Preprocessor {
    /// Whether its hints have three equal channels.
    pub fn is_grey(self) -> bool {
        !matches!(self, Self::None | Self::Tile | Self::Blur)
    }

    /// Whether it needs a network, and so a file.
    pub fn has_network(self) -> bool {
        matches!(self, Self::Lineart | Self::SoftEdge | Self::Depth)
    }
}

/// What the user wants the networks to run on.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum DeviceChoice {
    /// A graphics card if there is one, else the processor.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The first NVIDIA card.
    Cuda,
}

/// The number format that the user wants the networks to compute in.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum Precision {
    /// f16 on a card, f32 on the processor.
    #[default]
    Auto,
    /// 32 bits.
    F32,
    /// 16 bits, IEEE.
    F16,
    /// 16 bits with the range of f32.
    Bf16,
}

macro_rules! listed {
    ($($type:ident),+) => {
        $(impl $type {
            /// Every value, in the order in which a menu shows them.
            pub const ALL: &'static [Self] = <Self as VariantArray>::VARIANTS;

            /// The names of [`ALL`](Self::ALL).
            pub const NAMES: &'static [&'static str] = <Self as VariantNames>::VARIANTS;

            /// The stable name, as in project files and on the command line.
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        })+
    };
}

listed!(Betas, Sampler, SchedulerChoice, ContextSchedule, Fuse, Preprocessor, DeviceChoice, Precision);

/// A name that an enumeration does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} named {name:?}; the names are {}", known.join(", "))]
pub struct UnknownName {
    /// What was to be named.
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// The names that there are.
    pub known: &'static [&'static str],
}

/// The value of a name, with a sentence for one that is unknown; `what` is the kind of thing, for the sentence.
///
/// # Errors
/// A name that the enumeration does not have.
pub fn named<T: FromStr + VariantNames>(what: &'static str, name: &str) -> Result<T, UnknownName> {
    name.parse().map_err(|_| UnknownName { what, name: name.to_owned(), known: T::VARIANTS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_promised_ones() {
        assert_eq!(Betas::NAMES, ["linear", "sqrt_linear", "linear_sdxl"]);
        assert_eq!(Sampler::NAMES, ["euler", "heun", "dpmpp_2m", "dpmpp_2m_sde", "euler_ancestral"]);
        let spacings = "ays normal karras exponential sgm_uniform simple ddim_uniform beta kl_optimal";
        assert_eq!(SchedulerChoice::NAMES.join(" "), spacings);
        let windows = ["standard_static", "standard_uniform", "looped_uniform", "batched"];
        assert_eq!(ContextSchedule::NAMES, windows);
        assert_eq!(Fuse::NAMES, ["pyramid", "flat", "relative", "overlap-linear"]);
        let hints = "none canny scribble tile blur luminance lineart softedge depth";
        assert_eq!(Preprocessor::NAMES.join(" "), hints);
        assert_eq!(DeviceChoice::NAMES, ["auto", "cpu", "cuda"]);
        assert_eq!(Precision::NAMES, ["auto", "f32", "f16", "bf16"]);
    }

    #[test]
    fn an_unknown_name_is_told_with_those_that_there_are() {
        assert_eq!(named("fuse method", "flat"), Ok(Fuse::Flat));
        let unknown = named::<Precision>("precision", "f64").unwrap_err().to_string();
        assert_eq!(unknown, "there is no precision named \"f64\"; the names are auto, f32, f16, bf16");
    }
}
