//! Enumerations for parameters and command line options.
//!
//! The names are saved in projects and used on command lines, so they must never change. Their order is that
//! of the menus.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

/// Beta schedule: how the noise variance grows over the thousand training steps.
///
/// The names are those of the reference workflow's system, which calls the linear ramp of *square roots*
/// "linear" and the plain linear ramp "sqrt_linear".
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

/// Sampler: the method that steps from one noise level to the next.
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
    /// Euler: one evaluation per step, first order.
    Euler,
    /// Heun: two evaluations per step (one in the last), second order.
    Heun,
    /// DPM-Solver++(2M): one evaluation per step, second order by reusing the previous estimate.
    #[strum(serialize = "dpmpp_2m")]
    Dpmpp2m,
    /// The stochastic form of [`Sampler::Dpmpp2m`], midpoint, eta 1.
    #[strum(serialize = "dpmpp_2m_sde")]
    Dpmpp2mSde,
    /// Euler with new noise in every step, eta 1.
    EulerAncestral,
}

impl Sampler {
    /// Whether the sampler adds no noise, and can therefore also step upwards.
    pub const fn is_deterministic(self) -> bool {
        match self {
            Self::Euler | Self::Heun | Self::Dpmpp2m => true,
            Self::Dpmpp2mSde | Self::EulerAncestral => false,
        }
    }

    /// Number of network evaluations of a run over the noise levels `sigmas`.
    pub fn evaluations(self, sigmas: &[f32]) -> usize {
        let steps = sigmas.len().saturating_sub(1);
        let to_zero = sigmas.iter().skip(1).filter(|&&sigma| sigma == 0.0).count();
        if self == Self::Heun { 2 * steps - to_zero } else { steps }
    }
}

/// Scheduler: the spacing of the noise levels.
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
    /// Align Your Steps, with the table of the model's family.
    Ays,
    /// Evenly spaced timesteps.
    Normal,
    /// Karras et al. 2022, with rho 7.
    Karras,
    /// Evenly spaced logarithms of the noise levels.
    Exponential,
    /// Evenly spaced timesteps, without the last one.
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

/// Context schedule: how windows are placed over the segment.
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
    /// The same windows in every step; the last one is shifted back to end with the clip.
    StandardStatic,
    /// Windows with a different offset in every step, so that seams do not stay in place.
    StandardUniform,
    /// Like `StandardUniform`, wrapping from the last frame to the first, for clips that loop.
    LoopedUniform,
    /// Windows without overlap; the last one may be shorter.
    Batched,
}

/// Weights of the frames in a window where windows overlap.
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
    /// Largest in the middle of the window: 1, 2, 3, ... and back to 1.
    Pyramid,
    /// Equal weights for all frames.
    Flat,
    /// Decreasing with the distance from the window's middle in frame numbers, at least 0.01.
    Relative,
    /// Equal, except that overlapping windows fade into each other.
    OverlapLinear,
}

/// Preprocessor: how a hint is made from a picture.
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
    /// The picture itself, unchanged.
    #[default]
    None,
    /// One pixel wide edges, by Canny's method.
    Canny,
    /// White strokes where the picture is darker than its surroundings.
    Scribble,
    /// Averages of 8 x 8 pixels, interpolated smoothly: for tile ControlNets.
    Tile,
    /// Gaussian blur over 9 pixels.
    Blur,
    /// CIE L* lightness of each pixel.
    Luminance,
    /// A line drawing, by the network of informative-drawings.
    Lineart,
    /// Soft edges, by holistically-nested edge detection (HED).
    SoftEdge,
    /// Depth, by Depth Anything V2; near is white.
    Depth,
}

impl Preprocessor {
    /// Whether its hints have three equal channels.
    pub fn is_grey(self) -> bool {
        !matches!(self, Self::None | Self::Tile | Self::Blur)
    }

    /// Whether it needs a network, and so a weight file.
    pub fn has_network(self) -> bool {
        matches!(self, Self::Lineart | Self::SoftEdge | Self::Depth)
    }
}

/// The device that the user wants the networks to run on.
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
    /// A GPU if there is one, otherwise the CPU.
    #[default]
    Auto,
    /// The CPU, never a GPU.
    Cpu,
    /// The first NVIDIA GPU.
    Cuda,
}

/// The number format for the networks that the user wants.
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
    /// f16 on a GPU, f32 on the CPU.
    #[default]
    Auto,
    /// 32-bit IEEE floating point.
    F32,
    /// 16-bit IEEE floating point.
    F16,
    /// bfloat16: 16 bits with the range of f32.
    Bf16,
}

macro_rules! listed {
    ($($type:ident),+) => {
        $(impl $type {
            /// All values, in the order of the menu.
            pub const ALL: &'static [Self] = <Self as VariantArray>::VARIANTS;

            /// The names of [`ALL`](Self::ALL), in the same order.
            pub const NAMES: &'static [&'static str] = <Self as VariantNames>::VARIANTS;

            /// The stable name, used in project files and on the command line.
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

/// A name that is not in an enumeration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} named {name:?}; the names are {}", known.join(", "))]
pub struct UnknownName {
    /// Kind of value, such as a sampler.
    pub what: &'static str,
    /// The unknown name.
    pub name: String,
    /// The valid names.
    pub known: &'static [&'static str],
}

/// Finds a value by its name. `what` is the kind of value for the error message.
///
/// # Errors
/// [`UnknownName`] if the enumeration does not have the name.
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
